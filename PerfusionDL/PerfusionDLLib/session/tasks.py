"""Work on a study in three steps: read the nodes, compute anywhere, write the nodes.

Only the middle takes time, and it touches no node, so it may run on a worker thread while the views stay alive.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import slicer

from .. import pipeline
from ..cache import NO_CACHE, Cache
from ..data.errors import PerfusionError
from ..data.flow import FlowModel, PerfusionMaps, SliceMaps
from ..data.identity import is_same
from ..data.preprocessed import PreprocessedScan, PreprocessedStudy, Progress
from ..data.result import StudyResult
from ..data.study import Condition
from ..data.table import SegmentTable
from ..mrml.bullseye import bullseyeImage, bullseyePieces
from ..mrml.colors import flowScales
from ..mrml.nodes import ScanNodes, SliceNodes
from ..mrml.results import mapsPieces, writeTable
from ..mrml.scan_reader import ScanReader
from ..mrml.segments import unreadSegments
from ..quantification.options import Options
from ..quantification.thresholds import thresholds_from
from .choices import NO_CHOICES, FlowChoices, givenArterialInput, rememberChoices


@dataclass(frozen=True)
class Task:
    """Work whose middle touches no node.

    compute : on any thread; calls its argument with the name of each step, and stops where that raises
    write : on the main thread, with what `compute` returned; does nothing to nodes that are gone by then. Where it
        takes long it is a generator that writes a piece at a time, so that the views stay alive between two pieces
    steps : how many times `compute` reports
    """

    name: str
    compute: Callable[[Progress], Any]
    write: Callable[[Any], Any]
    steps: int

    def pieces(self, computed: Any) -> Generator[None, None, Any]:
        """Write piece by piece; the generator returns the result of the task."""
        written = self.write(computed)
        if isinstance(written, Generator):
            written = yield from written
        return written

    def apply(self, computed: Any) -> Any:
        """Write everything at once; returns the result of the task."""
        return exhaust(self.pieces(computed))

    def run(self, progress: Progress = lambda step: None) -> Any:
        """Both at once, where nobody waits."""
        return self.apply(self.compute(progress))


def exhaust(pieces: Generator[None, None, Any]) -> Any:
    """Run a generator to its end; what it returns."""
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            return end.value


@dataclass(frozen=True)
class Flow:
    """What was computed last, and from what.

    result : slices without contours are left out
    nodes : of the slices of each scan, in the order of the scans; bullseyes : (Y, X) image of each scan
    """

    result: StudyResult
    options: Options
    nodes: tuple[tuple[SliceNodes, ...], ...]
    bullseyes: tuple[np.ndarray, ...]
    tableNode: slicer.vtkMRMLTableNode | None = None

    @property
    def scans(self) -> tuple[PreprocessedScan, ...]:
        """What the flow was computed from, rest first."""
        return self.result.scans

    @property
    def maps(self) -> tuple[PerfusionMaps, ...]:
        """The flow of each scan."""
        return self.result.maps

    @property
    def table(self) -> SegmentTable:
        """What is reported."""
        return self.result.table

    def isCurrent(self, readers: Sequence[ScanReader], model: FlowModel, choices: FlowChoices = NO_CHOICES) -> bool:
        """Whether the contours and values in the scene, and what was chosen, are still those it was computed from."""
        now = _drawn(readers)
        scans = tuple(scan for _, _, scan in now)
        return is_same(_options(now, model, choices), self.options) and is_same(scans, self.scans)

    def ofScan(self, nodes: ScanNodes) -> PerfusionMaps | None:
        """The maps of a scan, None where it was not computed."""
        for maps, parts in zip(self.maps, self.nodes, strict=True):
            if parts[0].browser is nodes.browser:
                return maps
        return None

    def ofSlice(self, part: SliceNodes) -> SliceMaps | None:
        """The maps of a slice, None where it was not computed."""
        for maps, parts in zip(self.maps, self.nodes, strict=True):
            for sliceMaps, nodes in zip(maps.slices, parts, strict=True):
                if nodes.key == part.key:
                    return sliceMaps
        return None


def flowTask(
    scene: slicer.vtkMRMLScene,
    readers: Sequence[ScanReader],
    table: slicer.vtkMRMLTableNode | None,
    *,
    model: FlowModel,
    choices: FlowChoices = NO_CHOICES,
    former: Flow | None = None,
    cache: Cache = NO_CACHE,
) -> Task:
    """Compute flow maps, curves and the segment table from the contours as they are now.

    The first computation and every one after a correction are this task. Apply returns the `Flow`, or None where the
    scans are gone. Raises PerfusionError where no slice has contours.

    former : what the nodes show; nodes of slices in which nothing changed since are not written again
    cache : what was computed before; what does not depend on a correction is not computed again
    """
    drawn = _drawn(readers)
    if not drawn:
        raise PerfusionError("No slice has contours yet.", "Press Find contours, or draw them by hand.")
    _refuseOtherStudies(drawn)
    _refuseUnreadDrawing(drawn)
    study = PreprocessedStudy(scans=tuple(scan for _, _, scan in drawn))
    options = _options(drawn, model, choices)

    def compute(progress: Progress) -> Flow:
        progress("blood flow")
        result = pipeline.process(study, options, cache)
        shown = dict(zip(map(_idsOfSlices, former.maps), former.bullseyes, strict=True)) if former else {}
        bullseyes = tuple(
            shown[_idsOfSlices(maps)] if _idsOfSlices(maps) in shown else bullseyeImage(maps) for maps in result.maps
        )
        return Flow(result, options, tuple(slices for _, slices, _ in drawn), bullseyes)

    def write(flow: Flow) -> Generator[None, None, Flow | None]:
        if not all(nodes.inScene for nodes, _, _ in drawn):
            return None
        scales = flowScales(flow.maps, flow.table)
        sameScale = former is not None and flowScales(former.maps, former.table) == scales
        for (nodes, slices, _), maps in zip(drawn, flow.maps, strict=True):
            known = former.ofScan(nodes) if former is not None and sameScale else None
            yield from mapsPieces(scene, nodes, maps, scale=scales[maps.condition], slices=slices, former=known)
        scans = [nodes for nodes, _, _ in drawn]
        yield from bullseyePieces(scene, scans, flow.bullseyes, flow.table, scales=scales)
        tableNode = writeTable(scene, flow.table, table if table and table.GetScene() else None)
        rememberChoices(tableNode, choices)
        yield
        return replace(flow, tableNode=tableNode)

    return Task("Compute blood flow", compute, write, 1)


def _idsOfSlices(maps: PerfusionMaps) -> tuple[int, ...]:
    """What tells whether the flow of a scan is that of before: maps are made anew for what rest and stress share."""
    return tuple(map(id, maps.slices))


def _options(
    drawn: Sequence[tuple[ScanNodes, tuple[SliceNodes, ...], PreprocessedScan]], model: FlowModel, choices: FlowChoices
) -> Options:
    """What the user chose for some scans."""
    given = {nodes.condition: givenArterialInput(nodes) for nodes, _, _ in drawn}
    return Options(
        model=model,
        arterial_inputs={condition: curve for condition, curve in given.items() if curve is not None},
        dose_ratio=choices.dose_ratio,
        rate_pressure_product=choices.rate_pressure_product,
        thresholds=thresholds_from(choices.thresholds),
    )


def _drawn(readers: Sequence[ScanReader]) -> list[tuple[ScanNodes, tuple[SliceNodes, ...], PreprocessedScan]]:
    """The scans that have contours, with the slices that have them, rest first."""
    drawn = []
    for reader in readers:
        slices = tuple(part for part in reader.nodes.slices if part.hasContours)
        if slices:
            drawn.append((reader.nodes, slices, reader.read(slices)))
    return sorted(drawn, key=lambda each: each[2].condition is not Condition.REST)


def _refuseOtherStudies(drawn: Sequence[tuple[ScanNodes, tuple[SliceNodes, ...], PreprocessedScan]]) -> None:
    """Raise PerfusionError where scans are not of one study: numbers of two patients are never put together."""
    scans = [scan for _, _, scan in drawn]
    studies = sorted({scan.study or "a study without a label" for scan in scans})
    if len(studies) > 1:
        raise PerfusionError(
            f"The scans are of different studies: {' and '.join(studies)}.",
            "Choose a rest and a stress scan of one study; the names of the scans say which it is.",
        )
    if len({scan.condition for scan in scans}) < len(scans):
        raise PerfusionError(
            f"There are {len(scans)} scans, of which several are {scans[0].condition} scans.",
            "Choose one rest and one stress scan of the same patient.",
        )


def _refuseUnreadDrawing(drawn: Sequence[tuple[ScanNodes, tuple[SliceNodes, ...], PreprocessedScan]]) -> None:
    """Raise PerfusionError where a slice lost a structure and has a drawing that may be it, but is not named so."""
    for nodes, slices, scan in drawn:
        for part, read in zip(slices, scan.slices, strict=True):
            if read.contours.myocardium.any() and read.contours.blood_pool.any():
                continue
            unread = unreadSegments(part.contours)
            if unread:
                raise PerfusionError(
                    f"In the {part.name} slice of the {nodes.condition} scan it is not known what {unread[0]} is.",
                    "Rename the segment to Myocardium, LV blood pool or RV blood pool, whichever was drawn.",
                )
