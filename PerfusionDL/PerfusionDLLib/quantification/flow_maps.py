"""From concentration curves to flow maps, with their provenance."""

import functools

import numpy as np

from .. import __version__, kinetics
from ..aif.measurement import measure_arterial_input
from ..aif.residual_contrast import NO_RESIDUAL, Residual
from ..cache import NO_CACHE, Cache
from ..data.errors import PerfusionError
from ..data.flag import Flag, codes_of
from ..data.flow import ArterialInput, FlowModel, PerfusionMaps
from ..data.identity import NOT_IN_ARTERIAL_INPUT, NOT_IN_CURVES, NOT_IN_FLOW, fingerprint
from ..data.preprocessed import PreprocessedScan
from ..data.study import CLOCK_WORDS
from .slice_maps import SliceCurves, compute_slice_maps
from .tissue_curves import tissue_curves

SCALE_LOG_SD = 0.05  # of tissue in images beside its arterial input: relaxivity and native T1 do not cancel


def quantify_scan(
    scan: PreprocessedScan,
    *,
    model: FlowModel = FlowModel.AVERAGED,
    arterial_input: ArterialInput | None = None,
    aif_slice: int | None = None,
    aif_region: np.ndarray | None = None,
    dose_ratio: float | None = None,
    residual: Residual = NO_RESIDUAL,
    cache: Cache = NO_CACHE,
) -> PerfusionMaps:
    """Flow maps of a preprocessed scan.

    Parameters
    ----------
    scan : PreprocessedScan
    model : FlowModel
        How the residue function is constrained.
    arterial_input : ArterialInput, optional
        A curve to use instead of the one measured in the images.
    aif_slice, aif_region, dose_ratio : optional
        Where and how the arterial input is measured; see `measure_arterial_input`.
    residual : Residual
        Contrast agent of an earlier injection (`residual_contrast`).
    cache : Cache
        What was computed before. The result is the same to the last bit without it.

    Raises
    ------
    PerfusionError
        If no slice has a myocardium, or no arterial input can be measured.
    """
    if not any(part.contours.myocardium.any() for part in scan.slices):
        raise PerfusionError(
            f"No slice of the {scan.condition} scan has a myocardium contour.", "Draw the myocardium and recompute."
        )
    how = cache.key(aif_slice, aif_region, dose_ratio, residual)

    def measure() -> ArterialInput:
        return measure_arterial_input(
            scan, aif_slice=aif_slice, region=aif_region, dose_ratio=dose_ratio, residual=residual
        )

    def compute() -> PerfusionMaps:
        if arterial_input is not None:
            check_covers(arterial_input, scan)
            return _maps(scan, model, arterial_input, residual, cache)
        key = cache.key(cache.key(scan, without=NOT_IN_ARTERIAL_INPUT), how)
        return _maps(scan, model, cache.recall("blood", key, measure), residual, cache)

    key = cache.key(cache.key(scan, without=NOT_IN_FLOW), model, arterial_input, how)
    return cache.recall("maps", key, compute)


def _maps(
    scan: PreprocessedScan, model: FlowModel, aif_curve: ArterialInput, residual: Residual, cache: Cache
) -> PerfusionMaps:
    """Flow maps with a known arterial input: curves of all slices, what they say about the tissue, slice by slice."""
    content = cache.key(aif_curve)
    aif_curve = cache.recall("arterial input", content, lambda: aif_curve)
    blood = cache.key(content, residual)
    keys = [cache.key(blood, cache.key(part, without=NOT_IN_CURVES)) for part in scan.slices]
    tissues = [
        cache.recall("tissue", key, functools.partial(tissue_curves, part, aif_curve, residual))
        for key, part in zip(keys, scan.slices, strict=True)
    ]
    drawn = [number for number, tissue in enumerate(tissues) if tissue.curves.curves.size]
    hematocrit = scan.slices[0].series.acquisition.hematocrit
    learned = cache.key(model, hematocrit, [keys[number] for number in drawn])
    fitter = cache.recall(
        "learned tissue",
        learned,
        lambda: kinetics.prepare_fitter(
            model,
            [tissues[number].curves for number in drawn],
            aif_curve.times_s,
            aif_curve.concentration_mmol_l,
            hematocrit=hematocrit,
            input_log_sd=max(aif_curve.log_sd, SCALE_LOG_SD),
            cache=cache,
        ),
    )
    slices = [
        SliceCurves(
            part=part,
            number=number,
            tissue=tissues[number],
            fitter=fitter,
            index=drawn.index(number) if number in drawn else None,
            arterial_input=aif_curve,
            key=cache.key(learned, keys[number]),
        )
        for number, part in enumerate(scan.slices)
    ]
    return PerfusionMaps(
        condition=scan.condition,
        slices=tuple(compute_slice_maps(each, cache) for each in slices),
        arterial_input=aif_curve,
        provenance=_provenance(scan, model, aif_curve, residual, fingerprint(scan, cache.arrays))
        | dict(fitter.learned),
        flags=_acquisition_findings(scan),
    )


def _acquisition_findings(scan: PreprocessedScan) -> tuple[Flag, ...]:
    """What makes every flow of the scan uncertain, each once."""
    return tuple(dict.fromkeys(flag for part in scan.slices for flag in part.series.acquisition.findings))


def check_covers(arterial_input: ArterialInput, scan: PreprocessedScan) -> None:
    """Raise PerfusionError unless a given curve is on the clock of the scan."""
    times_s = scan.slices[0].series.times_s
    first_s, last_s = arterial_input.times_s[[0, -1]]
    peak_s = arterial_input.times_s[arterial_input.peak_frame]
    if first_s > peak_s - 2 or not times_s[0] < peak_s < times_s[-1] or last_s < (times_s[0] + times_s[-1]) / 2:
        raise PerfusionError(
            f"The arterial input runs from {first_s:.1f} to {last_s:.1f} s with its peak at {peak_s:.1f} s; the "
            f"{scan.condition} scan from {times_s[0]:.1f} to {times_s[-1]:.1f} s.",
            "Its times count in seconds from the first frame of the scan; it must begin before the contrast agent.",
        )


def _provenance(
    scan: PreprocessedScan, model: FlowModel, aif_curve: ArterialInput, residual: Residual, digest: str
) -> dict[str, str]:
    acquisition = scan.slices[0].series.acquisition
    return {
        "software": f"PerfusionDL {__version__}",
        "flow_model": str(model),
        "arterial_input": aif_curve.source or "given",
        "arterial_input_flags": " ".join(flag.text for flag in aif_curve.flags),
        "arterial_input_flag_codes": " ".join(codes_of(aif_curve.flags)),
        "saturation_time_s": f"{acquisition.saturation_time_s:g}",
        "repetition_time_s": f"{acquisition.repetition_time_s:g}",
        "flip_angle_deg": f"{acquisition.flip_angle_deg:g}",
        "pulses_to_center": f"{acquisition.pulses_to_center}",
        "t10_blood_s": f"{acquisition.t10_blood_s:g}",
        "t10_myocardium_s": f"{acquisition.t10_myocardium_s:g}",
        "relaxivity_l_mmol_s": f"{acquisition.relaxivity_l_mmol_s:g}",
        "residual_contrast": residual.how,
        "hematocrit": f"{acquisition.hematocrit:g}",
        "tissue_density_g_ml": f"{kinetics.MYOCARDIAL_DENSITY_G_ML:g}",
        "assumed": ", ".join(acquisition.assumed),
        "acquisition_doubts": "\n".join(flag.text for flag in _acquisition_findings(scan)),
        "clock": " ".join(flag.text for flag in scan.assumptions if flag.text.startswith(CLOCK_WORDS)),
        "entered": ", ".join(acquisition.entered),
        "contours": ", ".join(str(part.contours.origin) for part in scan.slices),
        "weights_sha256": ", ".join(
            dict.fromkeys(filter(None, (part.contours.weights_sha256 for part in scan.slices)))
        ),
        "contours_fingerprint": digest,
    }
