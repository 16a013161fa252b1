"""Nodes back into values: what the scene says now, with the user's corrections."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import slicer
import vtk

from ..data.acquisition import Acquisition, acquisition_from
from ..data.box import Box
from ..data.contours import Contours, Origin, Part
from ..data.errors import PerfusionError
from ..data.identity import is_same, is_same_place
from ..data.preprocessed import MotionCompensation
from ..data.study import PerfusionSeries
from .nodes import SliceNodes, attribute
from .segments import ImagePlace, mapPoints, placeOf, readLabels
from .writing import ANTERIOR, INFERIOR

LabelReader = Callable[[slicer.vtkMRMLSegmentationNode, ImagePlace], np.ndarray]


def readSeries(nodes: SliceNodes) -> PerfusionSeries:
    """The series as acquired."""
    original = _present(nodes.original, nodes, "original series")
    lead = nodes.protonDensity
    return replace(
        readSequence(original),
        level=nodes.level,
        proton_density=_frames(lead) if lead else None,
        instance_uids=tuple((original.GetAttribute("DICOM.instanceUIDs") or "").split()),
    )


def readSequence(sequence: slicer.vtkMRMLSequenceNode) -> PerfusionSeries:
    """A series by itself, without what only a slice has."""
    return PerfusionSeries(
        signal=_frames(sequence),
        times_s=_values(sequence),
        ijk_to_ras=readGeometry(sequence),
        acquisition=_acquisitionOf(sequence),
    )


def readAcquisition(nodes: SliceNodes) -> Acquisition:
    """What the scanner did, with what the user entered."""
    return _acquisitionOf(nodes.original)


def _acquisitionOf(sequence: slicer.vtkMRMLSequenceNode | None) -> Acquisition:
    return acquisition_from(attribute(sequence, "acquisition") or {})


def readMotion(nodes: SliceNodes) -> MotionCompensation:
    """The series in one pose, and the way between."""
    corrected = _present(nodes.corrected, nodes, "motion-corrected series")
    displacement = _present(nodes.displacement, nodes, "displacement field")
    region = attribute(corrected, "region_px")
    return MotionCompensation(
        corrected=_frames(corrected),
        displacement_mm=np.ascontiguousarray(np.moveaxis(_frames(displacement), -1, 1)),
        reference_frame=attribute(corrected, "reference_frame"),
        quality=np.array(attribute(corrected, "quality"), dtype=float),
        aligned=np.array(attribute(corrected, "aligned"), dtype=bool),
        region_px=Box(*region) if region else None,
    )


def readContours(nodes: SliceNodes, series: PerfusionSeries, labelsOf: LabelReader | None = None) -> Contours:
    """The contours as they are in the scene now.

    A part that no longer equals what the networks found is edited, whoever moved it: a user in this module, in the
    Segment Editor or in the Markups module.
    """
    labelsOf = labelsOf or readLabels
    segmentation = _present(nodes.contours, nodes, "contours")
    place = placeOf(nodes)
    now = Contours(
        peak_frame=attribute(segmentation, "peak_frame"),
        reference_frame=attribute(segmentation, "reference_frame"),
        box_px=readBox(_present(nodes.box, nodes, "box"), series.ijk_to_ras, place.transform),
        labels=labelsOf(segmentation, place),
        anterior_rv_ras_mm=_readPoint(nodes.rvInsertionPoints, ANTERIOR, place),
        inferior_rv_ras_mm=_readPoint(nodes.rvInsertionPoints, INFERIOR, place),
        origins=_origins(attribute(segmentation, "origins")),
        confidences={Part(part): value for part, value in attribute(segmentation, "confidences").items()},
        weights_sha256=attribute(segmentation, "weights_sha256") or "",
    )
    automatic = readAutomatic(nodes, labelsOf)
    if automatic is None:
        return now
    edited = {part for part in Part if not _same(part, now, automatic)}
    origins = {
        part: Origin.EDITED if part in edited and origin is Origin.AUTOMATIC else origin
        for part, origin in now.origins.items()
    }
    return Contours(**vars(now) | {"origins": origins})


def readAutomatic(nodes: SliceNodes, labelsOf: LabelReader | None = None) -> Contours | None:
    """What the networks found, or None."""
    labelsOf = labelsOf or readLabels
    segmentation = nodes.automatic
    if segmentation is None:
        return None
    anterior, inferior = (attribute(segmentation, f"{which}_rv_ras_mm") for which in (ANTERIOR, INFERIOR))
    return Contours(
        peak_frame=attribute(segmentation, "peak_frame"),
        reference_frame=attribute(segmentation, "reference_frame"),
        box_px=Box(*attribute(segmentation, "box_px")),
        labels=labelsOf(segmentation, replace(placeOf(nodes), transform=segmentation.GetParentTransformNode())),
        anterior_rv_ras_mm=None if anterior is None else np.array(anterior),
        inferior_rv_ras_mm=None if inferior is None else np.array(inferior),
        origins=_origins(attribute(segmentation, "origins")),
        confidences={Part(part): value for part, value in attribute(segmentation, "confidences").items()},
        weights_sha256=attribute(segmentation, "weights_sha256") or "",
    )


def _present(node, nodes: SliceNodes, what: str):
    if node is None:
        raise PerfusionError(
            f"The {what} of the {nodes.name} slice is not in the scene any more.",
            "Undo the deletion, or load the study again and find the contours anew.",
        )
    return node


def _frames(sequence: slicer.vtkMRMLSequenceNode) -> np.ndarray:
    """(T, Y, X) or (T, Y, X, components) float32."""
    frames = (sequence.GetNthDataNode(frame) for frame in range(sequence.GetNumberOfDataNodes()))
    return np.stack([slicer.util.arrayFromVolume(frame)[0] for frame in frames]).astype(np.float32)


def _values(sequence: slicer.vtkMRMLSequenceNode) -> np.ndarray:
    """(T,) index values."""
    return np.array([float(sequence.GetNthIndexValue(frame)) for frame in range(sequence.GetNumberOfDataNodes())])


def readGeometry(sequence: slicer.vtkMRMLSequenceNode) -> np.ndarray:
    """(4, 4) ijk to RAS of a sequence's volumes, mm."""
    matrix = vtk.vtkMatrix4x4()
    sequence.GetNthDataNode(0).GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _readPoint(
    points: slicer.vtkMRMLMarkupsFiducialNode | None, identifier: str, place: ImagePlace
) -> np.ndarray | None:
    if points is None:
        return None
    index = points.GetControlPointIndexByDescription(identifier)
    if index < 0 or points.GetNthControlPointPositionStatus(index) != points.PositionDefined:
        return None
    return mapPoints(np.array([points.GetNthControlPointPositionWorld(index)]), None, place.transform)[0]


def readBox(
    box: slicer.vtkMRMLMarkupsROINode, ijkToRas: np.ndarray, transform: slicer.vtkMRMLTransformNode | None = None
) -> Box:
    """Rows and columns that the ROI covers, however it was turned; accurate to 1e-6 pixels.

    transform : that the images are under
    """
    pose = slicer.util.arrayFromVTKMatrix(box.GetObjectToWorldMatrix())
    half = np.array(box.GetSize()) / 2
    corners = np.array([(x, y, 0, 1) for x in (-half[0], half[0]) for y in (-half[1], half[1])])
    ras = mapPoints((pose @ corners.T)[:3].T, None, transform)
    pixels = np.linalg.solve(ijkToRas, np.column_stack([ras, np.ones(len(ras))]).T)
    (column0, row0), (column1, row1) = pixels[:2].min(axis=1), pixels[:2].max(axis=1)
    return Box(float(row0), float(column0), float(row1), float(column1))


def _origins(stored: Mapping[str, str] | None) -> dict[Part, Origin]:
    return {Part(part): Origin(origin) for part, origin in (stored or {}).items()}


def _same(part: Part, now: Contours, automatic: Contours) -> bool:
    """Whether a part is still as the networks found it."""
    match part:
        case Part.PEAK_FRAME:
            return now.peak_frame == automatic.peak_frame
        case Part.BOX:
            return is_same_place(now.box_px, automatic.box_px)
        case Part.LABELS:
            return is_same(now.labels, automatic.labels)
        case Part.RV_INSERTION_POINTS:
            return is_same_place(now.anterior_rv_ras_mm, automatic.anterior_rv_ras_mm) and is_same_place(
                now.inferior_rv_ras_mm, automatic.inferior_rv_ras_mm
            )
