"""The chain, one name per link."""

from collections.abc import Mapping, Sequence

from .aif.measurement import measure_arterial_input, residual_contrast
from .cache import NO_CACHE, Cache
from .data.flow import ArterialInput, FlowModel, PerfusionMaps
from .data.preprocessed import PreprocessedScan, Progress
from .data.study import Condition, Scan
from .networks import Networks
from .preprocessing import preprocess_slice
from .quantification.flow_maps import quantify
from .quantification.segment_table import summarize

__all__ = [
    "measure_arterial_input",
    "preprocess",
    "quantify",
    "quantify_study",
    "residual_contrast",
    "summarize",
]


def preprocess(scan: Scan, networks: Networks, *, progress: Progress = lambda step: None) -> PreprocessedScan:
    """Find everything in every slice of a scan, base to apex.

    Raises
    ------
    PerfusionError
        If a slice shows no left ventricle.
    """
    slices = tuple(
        preprocess_slice(series, networks, progress=lambda step, level=series.level: progress(f"{level}: {step}"))
        for series in scan.slices
    )
    return PreprocessedScan(
        condition=scan.condition,
        slices=slices,
        assumptions=scan.assumptions,
        aif_series=scan.aif_series,
        aif_is_prebolus=scan.aif_is_prebolus,
        minutes_after_other=scan.minutes_after_other,
        study=scan.study,
    )


def quantify_study(
    scans: Sequence[PreprocessedScan],
    *,
    model: FlowModel = FlowModel.AVERAGED,
    arterial_inputs: Mapping[Condition, ArterialInput] | None = None,
    dose_ratio: float | None = None,
    cache: Cache = NO_CACHE,
) -> tuple[PerfusionMaps, ...]:
    """Flow maps of the scans of one study, which know each other's residual contrast. Raises what `quantify` does.

    arterial_inputs : curves to use instead of those measured in the images
    cache : what was computed before; without it the result is the same to the last bit
    """
    return tuple(
        quantify(
            scan,
            model=model,
            arterial_input=(arterial_inputs or {}).get(scan.condition),
            dose_ratio=dose_ratio,
            residual=residual,
            cache=cache,
        )
        for scan, residual in zip(scans, residual_contrast(scans, cache=cache), strict=True)
    )
