"""The chain, one name per link: the one place where its order is spelled out."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

from .aif.measurement import measure_arterial_input, residual_contrast
from .cache import NO_CACHE, Cache
from .data.flow import PerfusionMaps
from .data.preprocessed import PreprocessedScan, PreprocessedSlice, PreprocessedStudy, Progress
from .data.result import StudyResult
from .data.study import Condition, PerfusionSeries, Study
from .data.table import SegmentTable
from .networks import Networks
from .preprocessing import preprocess_slice, settle_insertion_points
from .quantification.flow_maps import quantify_scan
from .quantification.options import DEFAULT, Options
from .quantification.segment_table import summarize
from .quantification.uncertainty import with_uncertainty

FindSlices = Callable[[Sequence[Callable[[], PreprocessedSlice]]], Sequence[PreprocessedSlice]]
"""Calls independent functions, in any order or beside each other; their results come back in their order."""

__all__ = [
    "measure_arterial_input",
    "preprocess",
    "process",
    "quantify",
    "quantify_scan",
    "residual_contrast",
    "summarize",
    "summarize_study",
    "with_uncertainty",
]


def _find_in_turn(jobs: Sequence[Callable[[], PreprocessedSlice]]) -> list[PreprocessedSlice]:
    return [job() for job in jobs]


def preprocess(
    study: Study,
    networks: Networks,
    *,
    find_slices: FindSlices = _find_in_turn,
    progress: Progress = lambda step: None,
) -> PreprocessedStudy:
    """Find everything in every slice of a study, base to apex.

    Parameters
    ----------
    study : Study
    networks : Networks
    find_slices : callable
        Calls what finds everything in a slice, for all slices. The result is the same to the last bit, whether it does
        so in turn or beside each other.
    progress : callable
        Called with each step as it begins, from any thread: ``rest basal: motion compensation``.

    Raises
    ------
    PerfusionError
        If a slice shows no left ventricle.
    """

    def job(condition: Condition, series: PerfusionSeries) -> PreprocessedSlice:
        place = f"{condition} {series.level}"
        return preprocess_slice(series, networks, progress=lambda step: progress(f"{place}: {step}"))

    jobs = [partial(job, scan.condition, series) for scan in study.scans for series in scan.slices]
    found = iter(find_slices(jobs))
    return PreprocessedStudy(
        scans=tuple(
            PreprocessedScan(
                condition=scan.condition,
                slices=settle_insertion_points(tuple(islice(found, len(scan.slices)))),
                assumptions=scan.assumptions,
                aif_series=scan.aif_series,
                aif_is_prebolus=scan.aif_is_prebolus,
                minutes_after_other=scan.minutes_after_other,
                study=scan.study,
            )
            for scan in study.scans
        )
    )


def process(study: PreprocessedStudy, options: Options = DEFAULT, cache: Cache = NO_CACHE) -> StudyResult:
    """Flow and table of a study: residual contrast, flow of all scans, regions.

    Parameters
    ----------
    study : PreprocessedStudy
    options : Options
        What a user chose that the numbers depend on.
    cache : Cache
        What was computed before. The result is the same to the last bit without it.

    Raises
    ------
    PerfusionError
        If a scan has no myocardium, no arterial input can be measured, or the rate-pressure product is implausible.
    """
    maps = quantify(study, options, cache)
    return StudyResult(preprocessed=study, maps=maps, table=summarize_study(maps, options))


def quantify(
    study: PreprocessedStudy, options: Options = DEFAULT, cache: Cache = NO_CACHE
) -> tuple[PerfusionMaps, ...]:
    """Flow maps of the scans of one study, which know each other's residual contrast and share what is not known of
    scanner and patient; as `process`.
    """
    maps = tuple(
        quantify_scan(
            scan,
            model=options.model,
            arterial_input=options.arterial_inputs.get(scan.condition),
            dose_ratio=options.dose_ratio,
            residual=residual,
            cache=cache,
        )
        for scan, residual in zip(study.scans, residual_contrast(study.scans, cache=cache), strict=True)
    )
    return with_uncertainty(study.scans, maps, cache=cache)


def summarize_study(maps: Sequence[PerfusionMaps], options: Options = DEFAULT) -> SegmentTable:
    """The table of the flow of one study; as `process`."""
    by_condition = {one.condition: one for one in maps}
    return summarize(
        by_condition.get(Condition.REST),
        by_condition.get(Condition.STRESS),
        rate_pressure_product=options.rate_pressure_product,
        thresholds=options.thresholds,
    )
