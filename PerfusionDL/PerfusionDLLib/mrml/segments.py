"""Segments into labels: what a viewer sees of a segmentation at the pixels of a slice, however it was drawn."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..data.contours import Label
from .nodes import SEGMENT_IDS, SliceNodes

SEGMENT_NAMES: Mapping[Label, str] = {
    Label.MYOCARDIUM: "Myocardium",
    Label.BLOOD_POOL: "LV blood pool",
    Label.RV_BLOOD_POOL: "RV blood pool",
}
_MASTER_LISTS = "Segmentation category and type - DICOM master list~{}~^^~Anatomic codes - DICOM master list~{}~^^"
TERMINOLOGY: Mapping[Label, str] = {
    Label.MYOCARDIUM: _MASTER_LISTS.format(
        "SCT^123037004^Anatomical Structure~SCT^49848007^Left Ventricle Myocardium", "^^"
    ),
    Label.BLOOD_POOL: _MASTER_LISTS.format("SCT^85756007^Tissue~SCT^87612001^Blood", "SCT^87878005^Left ventricle"),
    Label.RV_BLOOD_POOL: _MASTER_LISTS.format("SCT^85756007^Tissue~SCT^87612001^Blood", "SCT^53085002^Right ventricle"),
}
SAME_MM = 1e-6
"""Geometries that differ by less are the same; the rounding of matrices is far below."""
MOST_SAMPLES = 8
"""Samples per pixel and direction of a segmentation with smaller voxels; chosen: more change no label."""


@dataclass(frozen=True)
class ImagePlace:
    """Where the pixels of a slice lie.

    ijkToRas : (4, 4) without the transform that the images may be under
    shape : rows, columns
    transform : node that the images are under, or None
    """

    ijkToRas: np.ndarray
    shape: tuple[int, int]
    transform: slicer.vtkMRMLTransformNode | None


def placeOf(nodes: SliceNodes) -> ImagePlace:
    """Where the images of a slice lie now."""
    frame = nodes.original.GetNthDataNode(0)
    matrix = vtk.vtkMatrix4x4()
    frame.GetIJKToRASMatrix(matrix)
    columns, rows, _ = frame.GetImageData().GetDimensions()
    return ImagePlace(slicer.util.arrayFromVTKMatrix(matrix), (rows, columns), shownTransform(nodes))


def shownTransform(nodes: SliceNodes) -> slicer.vtkMRMLTransformNode | None:
    """The transform that the images of a slice are under, or None."""
    shown = nodes.correctedVolume or nodes.originalVolume
    return shown.GetParentTransformNode() if shown else None


def segmentsOf(segmentation: slicer.vtkMRMLSegmentationNode, label: Label) -> list[str]:
    """Ids of the segments that are one structure: by id, by terminology, or by name where they have no terminology."""
    segments = segmentation.GetSegmentation()
    return [one for one in segments.GetSegmentIDs() if _labelOf(one, segments.GetSegment(one)) is label]


def unreadSegments(segmentation: slicer.vtkMRMLSegmentationNode) -> list[str]:
    """Names of the segments that something is drawn in and that are none of ours."""
    segments = segmentation.GetSegmentation()
    found = []
    for one in segments.GetSegmentIDs():
        segment = segments.GetSegment(one)
        image = segment.GetRepresentation("Binary labelmap")
        if _labelOf(one, segment) is None and image is not None and image.GetNumberOfPoints():
            scalars = vtk_to_numpy(image.GetPointData().GetScalars())
            if np.any(scalars == segment.GetLabelValue()):
                found.append(segment.GetName())
    return found


def _labelOf(segmentId: str, segment: slicer.vtkSegment) -> Label | None:
    known = next((label for label, one in SEGMENT_IDS.items() if one == segmentId), None)
    if known is not None:
        return known
    codes = _codes(segment.GetTerminology())
    coded = next((label for label, one in TERMINOLOGY.items() if _codes(one) == codes), None)
    if coded is not None:
        return coded
    name = " ".join(segment.GetName().casefold().split())
    return next((label for label, one in SEGMENT_NAMES.items() if one.casefold() == name), None)


def _codes(terminology: str) -> tuple[str, ...]:
    """Scheme and value of type and region in Slicer's text of a terminology entry."""
    parts = (terminology or "").split("~")
    return tuple("^".join(parts[index].split("^")[:2]) if index < len(parts) else "^" for index in (2, 5))


def readLabels(segmentation: slicer.vtkMRMLSegmentationNode, place: ImagePlace) -> np.ndarray:
    """(Y, X) uint8 values of `Label` at the pixels of a slice, as they are seen on its images.

    The geometry of the segmentation may be any other one, such as one with smaller voxels: each pixel gets what covers
    at least half of it. Transforms are applied. Where segments overlap, the blood pools win over the myocardium;
    segments that are none of ours are left out.
    """
    ids, values = vtk.vtkStringArray(), vtk.vtkIntArray()
    for label in SEGMENT_IDS:
        for one in segmentsOf(segmentation, label):
            ids.InsertNextValue(one)
            values.InsertNextValue(int(label))
    if not ids.GetNumberOfValues():
        return np.zeros(place.shape, np.uint8)
    merged = slicer.vtkOrientedImageData()
    segmentation.GenerateMergedLabelmapForAllSegments(
        merged, slicer.vtkSegmentation.EXTENT_REFERENCE_GEOMETRY, None, ids, values
    )
    dimensions = merged.GetDimensions()
    if 0 in dimensions or merged.GetPointData().GetScalars() is None:
        return np.zeros(place.shape, np.uint8)
    drawn = vtk_to_numpy(merged.GetPointData().GetScalars()).reshape(dimensions[::-1]).astype(np.uint8)
    matrix = vtk.vtkMatrix4x4()
    merged.GetImageToWorldMatrix(matrix)
    imageToRas, extent = slicer.util.arrayFromVTKMatrix(matrix), merged.GetExtent()
    untouched = segmentation.GetParentTransformNode() is place.transform
    same = drawn.shape == (1, *place.shape) and np.allclose(imageToRas, place.ijkToRas, rtol=0, atol=SAME_MM)
    if untouched and same and not any(extent[::2]):
        return drawn[0]
    return _resample(drawn, imageToRas, extent, place, segmentation.GetParentTransformNode())


def _resample(
    drawn: np.ndarray, imageToRas: np.ndarray, extent: tuple[int, ...], place: ImagePlace, transform
) -> np.ndarray:
    """Labels of another geometry (slice, row, column) at the pixels of a slice: what covers at least half of each."""
    ratio = np.linalg.norm(place.ijkToRas[:3, :3], axis=0) / np.linalg.norm(imageToRas[:3, :3], axis=0)
    counts = [max(1, min(MOST_SAMPLES, math.ceil(one - 1e-3))) for one in ratio]
    offsets = [(np.arange(count) + 0.5) / count - 0.5 for count in counts]
    rows, columns = place.shape
    votes = np.zeros((max(Label) + 1, rows, columns))
    for through in offsets[2]:
        for down in offsets[1]:
            for right in offsets[0]:
                row, column = np.mgrid[:rows, :columns]
                ijk = np.stack([column + right, row + down, np.full(place.shape, through), np.ones(place.shape)])
                ras = (place.ijkToRas @ ijk.reshape(4, -1))[:3].T
                ras = mapPoints(ras, place.transform, transform)
                found = np.linalg.solve(imageToRas, np.column_stack([ras, np.ones(len(ras))]).T)[:3]
                index = np.rint(found).astype(int) - np.array(extent[::2])[:, None]
                inside = np.all((index >= 0) & (index < np.array(drawn.shape[::-1])[:, None]), axis=0)
                labels = np.zeros(rows * columns, np.uint8)
                labels[inside] = drawn[index[2, inside], index[1, inside], index[0, inside]]
                votes[labels.reshape(place.shape), row, column] += 1
    best = 1 + np.argmax(votes[1:][::-1], axis=0)  # of structures that cover as much, the blood pools win
    best = len(votes) - best
    return np.where(votes[1:].sum(axis=0) >= votes[0], best, Label.BACKGROUND).astype(np.uint8)


def mapPoints(points: np.ndarray, source, target) -> np.ndarray:
    """(N, 3) positions under one transform node as positions under another; None stands for the world."""
    if source is target:
        return points
    general = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(source, target, general)
    before, after = vtk.vtkPoints(), vtk.vtkPoints()
    before.SetDataTypeToDouble()
    after.SetDataTypeToDouble()
    before.SetData(numpy_to_vtk(np.ascontiguousarray(points, dtype=float), deep=True))
    general.TransformPoints(before, after)
    return vtk_to_numpy(after.GetData()).copy()


def stateOfLabels(
    segmentation: slicer.vtkMRMLSegmentationNode, shown: slicer.vtkMRMLTransformNode | None
) -> tuple | None:
    """Changes whenever a label may have changed; None where the segments are not stored as label images.

    shown : transform that the images are under
    """
    now: list[object] = [segmentation.GetSegmentation().GetConversionParameter("Reference image geometry")]
    for transform in (segmentation.GetParentTransformNode(), shown):
        now.append((transform.GetID(), transform.GetTransformToWorldMTime()) if transform else None)
    segments = segmentation.GetSegmentation()
    for one in segments.GetSegmentIDs():
        segment = segments.GetSegment(one)
        image = segment.GetRepresentation("Binary labelmap")
        if image is None:
            return None
        scalars = image.GetPointData().GetScalars()  # a script may change them in place, unnoticed by the image
        pixels = 0 if scalars is None else zlib.crc32(vtk_to_numpy(scalars).tobytes())
        said = segment.GetLabelValue(), segment.GetName(), segment.GetTerminology()
        now.append((one, image.GetMTime(), pixels, *said))
    return tuple(now)
