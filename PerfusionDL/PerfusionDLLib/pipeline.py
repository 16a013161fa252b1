"""The chain, one name per link."""

from collections.abc import Sequence

from .contours import PreprocessedScan, Progress
from .curves import measure_arterial_input, residual_contrast
from .maps import FlowModel, PerfusionMaps
from .networks import Networks
from .preprocessing import preprocess_slice
from .quantification import fingerprint, quantify
from .series import Scan
from .summary import summarize

__all__ = [
    "fingerprint",
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
    return PreprocessedScan(condition=scan.condition, slices=slices, assumptions=scan.assumptions)


def quantify_study(
    scans: Sequence[PreprocessedScan], *, model: FlowModel = FlowModel.AVERAGED
) -> tuple[PerfusionMaps, ...]:
    """Flow maps of the scans of one study, which know each other's residual contrast. Raises what `quantify` does."""
    return tuple(
        quantify(scan, model=model, residual=residual)
        for scan, residual in zip(scans, residual_contrast(scans), strict=True)
    )
