"""Reads a scan again and again while it is corrected: what did not change is not read anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import slicer

from ..data.flag import FlagCode, make_flag
from ..data.preprocessed import MotionCompensation, PreprocessedScan, PreprocessedSlice
from ..data.study import PerfusionSeries
from .nodes import ScanNodes, SliceNodes, attribute, flagsOf
from .reading import readAcquisition, readAutomatic, readContours, readMotion, readSequence, readSeries
from .segments import ImagePlace, readLabels, shownTransform, stateOfLabels


@dataclass(frozen=True)
class _Images:
    """Images of a slice, with the state of their sequences and of the frames in these when they were read."""

    modified: tuple[int, ...]
    frames: tuple[tuple[int, ...], ...]
    series: PerfusionSeries
    motion: MotionCompensation


@dataclass(frozen=True)
class _Drawn:
    """A slice, with the state of what is drawn in it when it was read."""

    state: tuple
    part: PreprocessedSlice


def _number(value: float | None) -> float:
    """A number that a scene may not hold; NaN where it does not."""
    return float("nan") if value is None else float(value)


class ScanReader:
    """Reads a scan again after each correction; a slice in which nothing changed is the same object as before."""

    def __init__(self, nodes: ScanNodes) -> None:
        self.nodes = nodes
        self._drawn: dict[int, _Drawn] = {}
        self._images: dict[int, _Images] = {}
        self._labels: dict[str, tuple[tuple | None, np.ndarray]] = {}
        self._input: tuple[int, PerfusionSeries] | None = None

    def read(self, slices: Sequence[SliceNodes] | None = None) -> PreprocessedScan:
        """The scan, or some slices of it, as it is in the scene now.

        Raises PerfusionError where a node it needs was deleted.
        """
        return PreprocessedScan(
            condition=self.nodes.condition,
            slices=tuple(self.readSlice(part) for part in (self.nodes.slices if slices is None else slices)),
            assumptions=tuple(
                make_flag(FlagCode.READ_AS, found=text) for text in attribute(self.nodes.browser, "assumptions") or ()
            ),
            aif_series=self._readInputSeries(),
            aif_is_prebolus=bool(attribute(self.nodes.inputSeries, "prebolus")),
            minutes_after_other=_number(attribute(self.nodes.browser, "minutes_after_other")),
            study=attribute(self.nodes.browser, "study") or "",
        )

    def _readInputSeries(self) -> PerfusionSeries | None:
        """The series made to measure the arterial input, read anew only where it changed."""
        sequence = self.nodes.inputSeries
        if sequence is None:
            return None
        modified = sequence.GetMTime()
        if self._input is None or self._input[0] != modified:
            self._input = (modified, readSequence(sequence))
        return self._input[1]

    def readSlice(self, nodes: SliceNodes) -> PreprocessedSlice:
        """One slice as it is in the scene now."""
        series, motion = self._readImages(nodes)
        state = _stateOfDrawing(nodes)
        known = self._drawn.get(nodes.number)
        if known and state == known.state and series is known.part.series and motion is known.part.motion:
            return known.part
        part = PreprocessedSlice(
            series=series,
            motion=motion,
            contours=readContours(nodes, series, self._readLabels),
            automatic=readAutomatic(nodes, self._readLabels),
            excluded_frames=frozenset(attribute(nodes.contours, "excluded_frames") or ()),
            flags=flagsOf(nodes.contours),
        )
        if state is not None:
            self._drawn[nodes.number] = _Drawn(state, part)
        return part

    def _readImages(self, nodes: SliceNodes) -> tuple[PerfusionSeries, MotionCompensation]:
        """The same objects as before where only attributes of the sequences changed, such as the acquisition."""
        sequences = (nodes.original, nodes.corrected, nodes.displacement)
        modified = tuple(sequence.GetMTime() if sequence else 0 for sequence in sequences)
        known = self._images.get(nodes.number)
        if known is not None and known.modified == modified:
            return known.series, known.motion
        frames = tuple(map(_stateOfFrames, sequences))
        if known is None or known.frames != frames:
            known = _Images(modified, frames, readSeries(nodes), readMotion(nodes))
        acquisition, series = readAcquisition(nodes), known.series
        if series.acquisition != acquisition:
            series = replace(series, acquisition=acquisition)
        self._images[nodes.number] = replace(known, modified=modified, series=series)
        return series, known.motion

    def _readLabels(self, segmentation: slicer.vtkMRMLSegmentationNode, place: ImagePlace) -> np.ndarray:
        """As `readLabels`; merging segments takes much longer than asking whether they changed."""
        state = stateOfLabels(segmentation, place.transform)
        known = self._labels.get(segmentation.GetID())
        if known is None or state is None or known[0] != state:
            known = self._labels[segmentation.GetID()] = (state, readLabels(segmentation, place))
        return known[1]


def readScan(nodes: ScanNodes) -> PreprocessedScan:
    """A preprocessed scan as it is in the scene now. Raises PerfusionError where a node it needs was deleted."""
    return ScanReader(nodes).read()


def readSlice(nodes: SliceNodes) -> PreprocessedSlice:
    """One preprocessed slice as it is in the scene now."""
    return ScanReader(ScanNodes(nodes.browser)).readSlice(nodes)


def _stateOfDrawing(nodes: SliceNodes) -> tuple | None:
    """Changes whenever contours, points, box or what is noted on them may have; None where that cannot be told."""
    if not nodes.hasContours:
        return None
    shown = shownTransform(nodes)
    drawings = [segmentation for segmentation in (nodes.contours, nodes.automatic) if segmentation is not None]
    labels = [stateOfLabels(segmentation, shown) for segmentation in drawings]
    if None in labels:
        return None
    notes = [(one.GetID(), *((name, one.GetAttribute(name)) for name in one.GetAttributeNames())) for one in drawings]
    points, box = nodes.rvInsertionPoints, nodes.box
    placed = [
        (
            points.GetNthControlPointDescription(index),
            points.GetNthControlPointPositionStatus(index),
            tuple(points.GetNthControlPointPositionWorld(index)),
        )
        for index in range(points.GetNumberOfControlPoints())
    ]
    pose = slicer.util.arrayFromVTKMatrix(box.GetObjectToWorldMatrix()).tobytes()
    return (*labels, *notes, *placed, pose, tuple(box.GetSize()))


def _stateOfFrames(sequence: slicer.vtkMRMLSequenceNode | None) -> tuple[int, ...]:
    """Changes whenever an image may have changed; attributes of the sequence do not count."""
    if sequence is None:
        return ()
    nodes = [sequence.GetNthDataNode(frame) for frame in range(sequence.GetNumberOfDataNodes())]
    return tuple(max(node.GetMTime(), node.GetImageData().GetMTime()) for node in nodes)
