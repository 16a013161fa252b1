"""Corrections that are made by a click, and undo and redo of all corrections, drawn or clicked."""

from dataclasses import dataclass, replace

import slicer

from ..data.acquisition import acquisition_document
from ..data.contours import Origin, Part
from ..data.identity import NOT_CORRECTED, is_same
from ..data.preprocessed import PreprocessedSlice
from ..mrml.nodes import ScanNodes, SliceNodes, attribute, setAttribute
from ..mrml.scan_reader import ScanReader
from ..mrml.writing import writeContours, writeSlice


def setPeakFrame(nodes: SliceNodes, frame: int) -> None:
    """Say which frame (0-based) shows the peak enhancement of the left ventricle."""
    if attribute(nodes.contours, "peak_frame") != frame:
        setAttribute(nodes.contours, "peak_frame", frame)


def setFrameExcluded(nodes: SliceNodes, frame: int, excluded: bool) -> None:
    """Take a frame (0-based) out of the fit, or back into it."""
    frames = set(attribute(nodes.contours, "excluded_frames") or ())
    frames = frames | {frame} if excluded else frames - {frame}
    if sorted(frames) != attribute(nodes.contours, "excluded_frames"):
        setAttribute(nodes.contours, "excluded_frames", sorted(frames))


def isFrameExcluded(nodes: SliceNodes, frame: int) -> bool:
    """Whether the user took a frame (0-based) out of the fit."""
    return frame in (attribute(nodes.contours, "excluded_frames") or ())


def restoreAutomatic(scene: slicer.vtkMRMLScene, nodes: SliceNodes, part: PreprocessedSlice) -> None:
    """Bring back what the networks found in a slice, and all its frames."""
    if part.automatic is not None:
        writeContours(scene, nodes, replace(part, contours=part.automatic, excluded_frames=frozenset()))


def forgetCorrections(scene: slicer.vtkMRMLScene, reader: ScanReader) -> None:
    """Bring back what the networks found in every slice of a scan; a slice drawn without them loses its contours."""
    for nodes in reader.nodes.slices:
        if nodes.hasContours:
            part = reader.readSlice(nodes)
            if part.automatic is None:
                scene.RemoveNode(nodes.contours)
            else:
                restoreAutomatic(scene, nodes, part)


def isCorrected(part: PreprocessedSlice) -> bool:
    """Whether anything is other than the networks found it; what was drawn without them is not corrected."""
    if part.automatic is None:
        return False
    return not sameCorrections(part, replace(part, contours=part.automatic, excluded_frames=frozenset()))


MOST_BYTES = 1 << 30
"""Memory for images that Undo keeps of contours that were found anew; chosen: some ten studies."""


def isDrawnByReader(part: PreprocessedSlice) -> bool:
    """Whether contours or insertion points would be lost if the contours were found anew."""
    contours = part.contours
    points = any(point is not None for point in (contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm))
    there = {Part.LABELS: bool(contours.labels.any()), Part.RV_INSERTION_POINTS: points}
    automatic = part.automatic is not None
    return any(
        (here or automatic) and contours.origins.get(one, Origin.AUTOMATIC) is not Origin.AUTOMATIC
        for one, here in there.items()
    )


@dataclass
class _SliceState:
    """What was last recorded of a slice."""

    nodes: SliceNodes
    part: PreprocessedSlice


class History:
    """Undo and redo of corrections as values: whoever made them and with whatever tool.

    record after each correction; undo and redo write the former and the later state back into the nodes. What was
    recorded at once is one step, such as a value of the acquisition, which all slices of a scan share.
    """

    def __init__(self, scene: slicer.vtkMRMLScene, *, limit: int = 100) -> None:
        self._scene = scene
        self._limit = limit
        self._recorded: dict[tuple[str, int], _SliceState] = {}
        self._undo: list[tuple[_SliceState, ...]] = []
        self._redo: list[tuple[_SliceState, ...]] = []

    @property
    def canUndo(self) -> bool:
        """Whether there is a correction to take back."""
        return bool(self._undo)

    @property
    def canRedo(self) -> bool:
        """Whether a correction was taken back that can be made again."""
        return bool(self._redo)

    def start(self, reader: ScanReader) -> None:
        """Take the present state of slices that are new here as the one before all corrections to come.

        What changed in the others is still to be recorded.
        """
        for nodes in reader.nodes.slices:
            if nodes.hasContours and nodes.key not in self._recorded:
                self._recorded[nodes.key] = _SliceState(nodes, reader.readSlice(nodes))

    def record(self, *readers: ScanReader) -> tuple[SliceNodes, ...]:
        """Keep what changed since the last call; returns the slices that did."""
        former = []
        for reader, nodes in [(each, nodes) for each in readers for nodes in each.nodes.slices]:
            known = self._recorded.get(nodes.key)
            if known is None or not nodes.hasContours:
                continue
            part = reader.readSlice(nodes)
            if not sameCorrections(part, known.part):
                former.append(known)
            self._recorded[nodes.key] = _SliceState(nodes, part)
        if former:
            self._undo = self._kept([*self._undo, tuple(former)])
            self._redo.clear()
        return tuple(known.nodes for known in former)

    def undo(self) -> tuple[SliceNodes, ...]:
        """Take the last correction back; returns the slices it was made in, none where there is nothing to undo."""
        return self._step(self._undo, self._redo)

    def redo(self) -> tuple[SliceNodes, ...]:
        """Make the correction again that was last taken back."""
        return self._step(self._redo, self._undo)

    def clear(self) -> None:
        """Forget everything, e.g. when the scene is closed."""
        self._recorded.clear()
        self._undo.clear()
        self._redo.clear()

    def _kept(self, steps: list[tuple[_SliceState, ...]]) -> list[tuple[_SliceState, ...]]:
        """The last steps, as many as the limits of number and memory allow; the last one in any case."""
        kept: list[tuple[_SliceState, ...]] = []
        motions = {id(one.part.motion) for one in self._recorded.values()}
        budget = MOST_BYTES
        for step in reversed(steps[-self._limit :]):
            for one in step:
                if id(one.part.motion) not in motions:
                    motions.add(id(one.part.motion))
                    budget -= one.part.motion.corrected.nbytes + one.part.motion.displacement_mm.nbytes
            if kept and budget < 0:
                break
            kept.append(step)
        return kept[::-1]

    def _step(
        self, source: list[tuple[_SliceState, ...]], target: list[tuple[_SliceState, ...]]
    ) -> tuple[SliceNodes, ...]:
        while source:
            step = [one for one in source.pop() if ScanNodes(one.nodes.browser).inScene and one.nodes.hasContours]
            if not step:
                continue  # the scan was deleted in between
            target.append(tuple(self._recorded[one.nodes.key] for one in step))
            for one in step:
                self._write(one.nodes, one.part, self._recorded[one.nodes.key].part)
                self._recorded[one.nodes.key] = one
            return tuple(one.nodes for one in step)
        return ()

    def _write(self, nodes: SliceNodes, part: PreprocessedSlice, present: PreprocessedSlice) -> None:
        """Put a state of a slice into its nodes, as far as it differs from the present one."""
        if not is_same(part.motion, present.motion):
            writeSlice(self._scene, nodes, part)
        elif not is_same(part, present, without=NOT_CORRECTED | {"series", "motion"}):
            writeContours(self._scene, nodes, part)
        if part.series.acquisition != present.series.acquisition:
            setAttribute(nodes.original, "acquisition", acquisition_document(part.series.acquisition))


def sameCorrections(one: PreprocessedSlice, other: PreprocessedSlice) -> bool:
    """Whether two states of a slice differ in nothing that a user can change."""
    return is_same(one, other, without=NOT_CORRECTED)
