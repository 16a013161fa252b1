"""What the networks found in the scene's study, compared with what the reader made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import pipeline
from ..app.comparison import write_comparison
from ..cache import NO_CACHE, Cache
from ..data.errors import PerfusionError
from ..data.flow import ArterialInput, PerfusionMaps
from ..data.preprocessed import PreprocessedScan, Progress
from ..data.study import Condition
from ..evaluation.agreement.corrections import Reading, compare_corrections
from ..mrml.nodes import ScanNodes
from ..quantification.thresholds import thresholds_from
from ..report import agreement as tables
from ..results.atomic import Kind, whole_folder
from .choices import givenArterialInput
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
    curves = {
        scan.condition: givenArterialInput(ScanNodes(parts[0].browser))
        for scan, parts in zip(flow.scans, flow.nodes, strict=True)
    }

    def compute(progress: Progress) -> WrittenAgreement:
        with whole_folder(folder, Kind.AGREEMENT) as partial:
            progress("flow of the automatic contours")
            given = {condition: curve for condition, curve in curves.items() if curve is not None}
            found, corrected = _readings(flow, given, cache)
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


def _readings(flow: Flow, curves: Mapping[Condition, ArterialInput], cache: Cache) -> tuple[Reading, Reading]:
    """What was found and what it was corrected to, of the slices that have both, rest first."""
    both = tuple(
        replace(scan, slices=tuple(part for part in scan.slices if part.automatic))
        for scan in flow.scans
        if any(part.automatic for part in scan.slices)
    )
    whole = sum(len(scan.slices) for scan in both) == sum(len(scan.slices) for scan in flow.scans)
    corrected = Reading(_restFirst(both), flow.table if whole else _table(flow, both, curves, cache))
    found = automaticOf(both)
    return Reading(_restFirst(found), _table(flow, found, curves, cache)), corrected


def _restFirst(scans: Sequence[PreprocessedScan]) -> tuple[PreprocessedScan, ...]:
    return tuple(sorted(scans, key=lambda scan: scan.condition is not Condition.REST))


def _table(flow: Flow, scans: Sequence[PreprocessedScan], curves: Mapping[Condition, ArterialInput], cache: Cache):
    """The table of other contours, computed as the flow was."""
    maps: dict[Condition, PerfusionMaps] = {
        one.condition: one
        for one in pipeline.quantify_study(
            scans,
            model=flow.model,
            arterial_inputs=curves,
            dose_ratio=flow.choices.dose_ratio,
            cache=cache,
        )
    }
    return pipeline.summarize(
        maps.get(Condition.REST),
        maps.get(Condition.STRESS),
        rate_pressure_product=flow.choices.rate_pressure_product,
        thresholds=thresholds_from(flow.choices.thresholds),
    )
