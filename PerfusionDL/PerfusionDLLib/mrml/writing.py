"""Contours into nodes: what is where, and which of it is automatic."""

from collections.abc import Iterator

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..data.box import Box
from ..data.contours import Contours, Label
from ..data.preprocessed import PreprocessedSlice
from ..data.study import PerfusionSeries
from .nodes import SEGMENT_IDS, SliceNodes, setAttribute, setFlags
from .segments import SAME_MM, SEGMENT_NAMES, TERMINOLOGY, segmentsOf
from .sequences import motionPieces, sliceTitle

ANTERIOR, INFERIOR = "anterior", "inferior"
OUTLINE = {"Smoothing factor": "0.1", "Decimation factor": "0.0", "Conversion method": "0"}
"""How Slicer makes outlines from labels; chosen: stairs are gone, and no line leaves the pixels of its border."""

_POINT_LABELS = {ANTERIOR: "A", INFERIOR: "I"}  # one letter, because they stand beside the points in the image
_SEGMENT_COLORS = {
    Label.MYOCARDIUM: (0.34, 0.71, 0.91),
    Label.BLOOD_POOL: (0.94, 0.89, 0.26),
    Label.RV_BLOOD_POOL: (0.80, 0.47, 0.65),
}


def writeSlice(scene: slicer.vtkMRMLScene, nodes: SliceNodes, part: PreprocessedSlice) -> None:
    """Put a preprocessed slice beside its series: the same in one pose, the contours, the automatic ones."""
    for _ in slicePieces(scene, nodes, part):
        pass


def slicePieces(scene: slicer.vtkMRMLScene, nodes: SliceNodes, part: PreprocessedSlice) -> Iterator[None]:
    """The same a piece at a time."""
    yield from motionPieces(scene, nodes, part.motion, part.series)
    yield
    yield from contoursPieces(scene, nodes, part)


def writeContours(scene: slicer.vtkMRMLScene, nodes: SliceNodes, part: PreprocessedSlice) -> None:
    """Put the contours of a slice, and the automatic ones, into its nodes, which are made where they are missing."""
    for _ in contoursPieces(scene, nodes, part):
        pass


def contoursPieces(scene: slicer.vtkMRMLScene, nodes: SliceNodes, part: PreprocessedSlice) -> Iterator[None]:
    """The same a piece at a time, the box last: before it is there, a new slice has no contours yet."""
    contours, series = part.contours, part.series
    name = sliceTitle(nodes)
    if nodes.contours is None:
        nodes.contours = _newSegmentation(scene, nodes.originalVolume, f"{name} contours")
    writeLabels(nodes.contours, nodes.originalVolume, contours.labels)
    smoothOutlines(nodes.contours)
    for key, value in _facts(contours).items():
        setAttribute(nodes.contours, key, value)
    setAttribute(nodes.contours, "excluded_frames", sorted(part.excluded_frames))
    setFlags(nodes.contours, part.flags)
    yield
    if nodes.rvInsertionPoints is None:
        nodes.rvInsertionPoints = _newPointList(scene, f"{name} RV insertion points")
    nodes.rvInsertionPoints.SetAndObserveTransformNodeID(
        nodes.browser.GetProxyNode(nodes.original).GetTransformNodeID()
    )
    _writePoints(nodes.rvInsertionPoints, contours)
    yield
    if part.automatic is not None:
        _writeAutomatic(scene, nodes, part.automatic, f"{name} automatic contours")
        yield
    if nodes.box is None:
        nodes.box = _newBox(scene, f"{name} box")
    nodes.box.SetAndObserveTransformNodeID(nodes.browser.GetProxyNode(nodes.original).GetTransformNodeID())
    _writeBox(nodes.box, contours.box_px, series)


def smoothOutlines(segmentation: slicer.vtkMRMLSegmentationNode) -> None:
    """Draw the outlines of the segments as smooth lines through the border pixels; the labels stay what they are.

    Slicer cuts a surface around each segment with the plane of the view, and makes it anew after every stroke. While
    a segment is still to be drawn there is none: Slicer would write an error into its log.
    """
    segments = segmentation.GetSegmentation()
    segmentation.GetDisplayNode().SetPreferredDisplayRepresentationName2D("Closed surface")
    if not segments.ContainsRepresentation("Closed surface") and all(map(_isDrawn, _segmentsIn(segmentation))):
        for name, value in OUTLINE.items():
            segments.SetConversionParameter(name, value)
        segmentation.CreateClosedSurfaceRepresentation()


def _segmentsIn(segmentation: slicer.vtkMRMLSegmentationNode) -> Iterator[slicer.vtkOrientedImageData]:
    """The image of each segment."""
    for segmentId in segmentation.GetSegmentation().GetSegmentIDs():
        image = slicer.vtkOrientedImageData()
        segmentation.GetBinaryLabelmapRepresentation(segmentId, image)
        yield image


def _isDrawn(image: slicer.vtkOrientedImageData) -> bool:
    scalars = image.GetPointData().GetScalars()
    return scalars is not None and not image.IsEmpty() and bool(vtk_to_numpy(scalars).any())


def writeLabels(
    segmentation: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode, labels: np.ndarray
) -> None:
    """Set the segments of a segmentation from a label image, (Y, X) values of `Label`, where the images lie.

    A structure that was drawn again as another segment stays in that one; one that was deleted comes back.
    """
    wasModifying = segmentation.StartModify()
    segmentation.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
    if not all((labels == label).any() for label in SEGMENT_IDS):
        segmentation.RemoveClosedSurfaceRepresentation()
    for label in SEGMENT_IDS:
        if not segmentsOf(segmentation, label):
            _addSegment(segmentation, label)
        for number, segmentId in enumerate(segmentsOf(segmentation, label)):
            drawn = labels == label if number == 0 else np.zeros_like(labels, dtype=bool)
            if _holds(segmentation, segmentId, volume, drawn):
                continue
            mask = slicer.vtkOrientedImageData()
            mask.DeepCopy(_orientedImage(volume, drawn.astype(np.uint8)))
            slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(mask, segmentation, segmentId)
    segmentation.EndModify(wasModifying)


def _holds(segmentation, segmentId: str, volume: slicer.vtkMRMLScalarVolumeNode, drawn: np.ndarray) -> bool:
    """Whether a segment covers just these pixels (Y, X) of a one-slice volume: what is so already is not written."""
    held = slicer.vtkOrientedImageData()
    if not segmentation.GetBinaryLabelmapRepresentation(segmentId, held):
        return False
    expected, found = _orientedImage(volume, drawn.astype(np.uint8)), vtk.vtkMatrix4x4()
    if not slicer.vtkOrientedImageDataResample.DoGeometriesMatchIgnoreOrigin(held, expected):
        return False
    held.GetImageToWorldMatrix(found)
    origin = slicer.util.arrayFromVTKMatrix(found)[:3, 3]
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    if not np.allclose(origin, slicer.util.arrayFromVTKMatrix(matrix)[:3, 3], rtol=0, atol=1e-4):
        return False
    extent, pixels = held.GetExtent(), np.zeros(drawn.shape, bool)
    inside = extent[0] >= 0 and extent[2] >= 0 and extent[1] < drawn.shape[1] and extent[3] < drawn.shape[0]
    if held.IsEmpty() or held.GetPointData().GetScalars() is None:
        return not drawn.any()
    if not inside or extent[4:] != (0, 0):
        return False
    image = vtk_to_numpy(held.GetPointData().GetScalars()).reshape(held.GetDimensions()[1::-1])
    pixels[extent[2] : extent[3] + 1, extent[0] : extent[1] + 1] = image > 0
    return bool(np.array_equal(pixels, drawn))


def _orientedImage(volume: slicer.vtkMRMLScalarVolumeNode, pixels: np.ndarray) -> slicer.vtkOrientedImageData:
    """An image in the geometry of a one-slice volume."""
    scalars = numpy_to_vtk(pixels.ravel(), deep=True)
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(pixels.shape[1], pixels.shape[0], 1)
    image.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    return image


def _facts(contours: Contours) -> dict:
    """What contours hold besides the geometry that has nodes of its own."""
    return {
        "peak_frame": contours.peak_frame,
        "reference_frame": contours.reference_frame,
        "origins": dict(contours.origins),
        "confidences": {part: float(value) for part, value in contours.confidences.items()},
        "weights_sha256": contours.weights_sha256,
    }


def _newSegmentation(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, name: str
) -> slicer.vtkMRMLSegmentationNode:
    """A segmentation with the three segments, shown as outlines without fill."""
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segmentation.GetSegmentation().SetSourceRepresentationName("Binary labelmap")
    for label in SEGMENT_IDS:
        _addSegment(segmentation, label)
    display = segmentation.GetDisplayNode()
    display.SetVisibility2DFill(False)
    display.SetVisibility2DOutline(True)
    display.SetSliceIntersectionThickness(2)
    display.SetVisibility3D(False)
    return segmentation


def _addSegment(segmentation: slicer.vtkMRMLSegmentationNode, label: Label) -> None:
    """An empty segment of one structure."""
    segmentId = SEGMENT_IDS[label]
    segmentation.GetSegmentation().AddEmptySegment(segmentId, SEGMENT_NAMES[label], _SEGMENT_COLORS[label])
    segment = segmentation.GetSegmentation().GetSegment(segmentId)
    segment.SetTerminology(TERMINOLOGY[label])
    segment.SetNameAutoGenerated(False)
    segment.SetColorAutoGenerated(False)
    segment.SetLabelValue(int(label))


def _newPointList(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLMarkupsFiducialNode:
    """A list of exactly two named points; a point that is not placed keeps its name and waits."""
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", name)
    points.CreateDefaultDisplayNodes()
    for identifier, label in _POINT_LABELS.items():
        index = points.AddControlPoint(vtk.vtkVector3d(0, 0, 0), label)
        points.SetNthControlPointDescription(index, identifier)
        points.UnsetNthControlPointPosition(index)
    points.SetFixedNumberOfControlPoints(True)
    points.SetMaximumNumberOfControlPoints(2)
    display = points.GetDisplayNode()
    display.SetPointLabelsVisibility(True)
    display.SetTextScale(2.0)
    display.SetGlyphTypeFromString("Circle2D")
    display.SetGlyphScale(2.0)
    display.SetSelectedColor(0.90, 0.62, 0.0)
    display.SetActiveColor(1.0, 0.85, 0.3)
    return points


def _writePoints(points: slicer.vtkMRMLMarkupsFiducialNode, contours: Contours) -> None:
    for identifier, position in ((ANTERIOR, contours.anterior_rv_ras_mm), (INFERIOR, contours.inferior_rv_ras_mm)):
        index = points.GetControlPointIndexByDescription(identifier)
        if position is None:
            points.UnsetNthControlPointPosition(index)
        else:
            points.SetNthControlPointPosition(index, *(float(value) for value in position))


def _newBox(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLMarkupsROINode:
    """An ROI that is hidden until the user wants to move it."""
    box = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    box.CreateDefaultDisplayNodes()
    display = box.GetDisplayNode()
    display.SetVisibility(False)
    display.SetVisibility3D(False)
    display.SetFillVisibility(False)
    display.SetPropertiesLabelVisibility(False)
    display.SetSelectedColor(0.9, 0.9, 0.9)
    display.SetGlyphScale(1.0)
    return box


def _writeBox(box: slicer.vtkMRMLMarkupsROINode, box_px: Box, series: PerfusionSeries) -> None:
    """An ROI along rows and columns, one pixel thick through the slice."""
    axes = series.ijk_to_ras[:3, :3] / np.linalg.norm(series.ijk_to_ras[:3, :3], axis=0)
    pose = np.eye(4)
    pose[:3, :3] = axes
    pose[:3, 3] = series.ras_from_pixels(np.array(box_px.center_px))
    height_mm, width_mm = box_px.size_mm(series.spacing_mm)
    thickness_mm = float(np.linalg.norm(series.ijk_to_ras[:3, 2]))
    size_mm = (width_mm, height_mm, thickness_mm)
    placed = slicer.util.arrayFromVTKMatrix(box.GetObjectToNodeMatrix())
    now = np.concatenate([placed.ravel(), box.GetSize()])
    if not np.allclose(now, np.concatenate([pose.ravel(), size_mm]), rtol=0, atol=SAME_MM):
        box.SetAndObserveObjectToNodeMatrix(slicer.util.vtkMatrixFromArray(pose))  # Slicer draws it anew in all views
        box.SetSize(*size_mm)


def _writeAutomatic(scene: slicer.vtkMRMLScene, nodes: SliceNodes, contours: Contours, name: str) -> None:
    """What the networks found, hidden and locked; a correction never touches it."""
    if nodes.automatic is None:
        nodes.automatic = _newSegmentation(scene, nodes.originalVolume, name)
        nodes.automatic.SetSelectable(False)
        nodes.automatic.SetUndoEnabled(False)
        nodes.automatic.GetDisplayNode().SetVisibility(False)
    writeLabels(nodes.automatic, nodes.originalVolume, contours.labels)
    facts = _facts(contours) | {
        "box_px": [float(edge) for edge in contours.box_px],
        "anterior_rv_ras_mm": _list(contours.anterior_rv_ras_mm),
        "inferior_rv_ras_mm": _list(contours.inferior_rv_ras_mm),
    }
    for key, value in facts.items():
        setAttribute(nodes.automatic, key, value)


def _list(position: np.ndarray | None) -> list[float] | None:
    return None if position is None else [float(value) for value in position]
