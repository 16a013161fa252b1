"""What the networks found in the scene's study, compared with what the reader made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import pipeline
from ..app.comparison import write_comparison
from ..cache import NO_CACHE, Cache
from ..data.errors import PerfusionError
from ..data.preprocessed import PreprocessedScan, PreprocessedStudy, Progress
from ..data.table import SegmentTable
from ..evaluation.agreement.corrections import ContouredStudy, compare_corrections
from ..report import agreement as tables
from ..results.atomic import Kind, atomic_folder
from .history import isCorrected
from .tasks import Flow, Task


@dataclass(frozen=True)
class WrittenAgreement:
    """Where a comparison was written, and what it says.

    figures : the main ones, in a line; leftOut : slices that were drawn by hand and have no automatic contours
    """

    folder: Path
    figures: str
    leftOut: int


def whyNoAgreement(flow: Flow | None) -> str:
    """Why there is nothing to compare; empty where there is."""
    slices = [part for scan in flow.scans for part in scan.slices] if flow else []
    if not any(part.automatic for part in slices):
        return "No slice has automatic contours to compare with."
    return "" if any(map(isCorrected, slices)) else "Nothing was corrected yet."


def agreementTask(folder: Path, flow: Flow, cache: Cache = NO_CACHE) -> Task:
    """Compare the automatic contours of a study, and the flow that follows from them, with the corrected ones.

    Writes what `perfusiondl agree` writes. The flow of the automatic contours is computed as that of the corrected
    ones was: with the same model, values and arterial input, from all frames that could be aligned. Apply returns a
    `WrittenAgreement`.

    folder : does not exist, or is empty
    cache : what was computed before

    Raises PerfusionError where nothing was corrected; its compute raises it where the automatic contours give no flow,
    or the folder cannot be written. Nothing half-written stays.
    """
    reason = whyNoAgreement(flow)
    if reason:
        raise PerfusionError(reason, "Correct a contour, an insertion point, a peak frame or a box first.")

    def compute(progress: Progress) -> WrittenAgreement:
        with atomic_folder(folder, Kind.AGREEMENT) as partial:
            progress("flow of the automatic contours")
            found, corrected = _readings(flow, cache)
            progress("comparison and figures")
            shapes, flows = write_comparison(partial, compare_corrections(found, corrected))
            progress("saving")
        compared = sum(len(scan.slices) for scan in found.scans)
        leftOut = sum(len(scan.slices) for scan in flow.scans) - compared
        return WrittenAgreement(folder, tables.main_figures(shapes, flows), leftOut)

    return Task("Agreement of automatic and corrected", compute, lambda written: written, 3)


def automaticOf(scans: Sequence[PreprocessedScan]) -> tuple[PreprocessedScan, ...]:
    """Scans as the networks found them: their contours, all frames; without the slices that were drawn by hand."""
    found = []
    for scan in scans:
        slices = tuple(
            replace(part, contours=part.automatic, excluded_frames=frozenset())
            for part in scan.slices
            if part.automatic
        )
        if slices:
            found.append(replace(scan, slices=slices))
    return tuple(found)


def _readings(flow: Flow, cache: Cache) -> tuple[ContouredStudy, ContouredStudy]:
    """What was found and what it was corrected to, of the slices that have both, rest first."""
    both = tuple(
        replace(scan, slices=tuple(part for part in scan.slices if part.automatic))
        for scan in flow.scans
        if any(part.automatic for part in scan.slices)
    )
    whole = sum(len(scan.slices) for scan in both) == sum(len(scan.slices) for scan in flow.scans)
    corrected = ContouredStudy(both, flow.table if whole else _table(flow, both, cache))
    found = automaticOf(both)
    return ContouredStudy(found, _table(flow, found, cache)), corrected


def _table(flow: Flow, scans: tuple[PreprocessedScan, ...], cache: Cache) -> SegmentTable:
    """The table of other contours, computed as the flow was."""
    return pipeline.process(PreprocessedStudy(scans=scans), flow.options, cache).table
