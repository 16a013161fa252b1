"""Maps of a study with what is not known: flow moved to the posterior of the study, intervals widened or narrowed.

`study_posterior` infers rest, stress and reserve together; it gives a shift of the log of flow and an interval for each
scan, and for stress over rest, where most of what both share cancels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..aif.region import MEASURED_INPUT_LOG_SD, bridge_saturated
from ..cache import NO_CACHE, Cache
from ..data.flow import ArterialInput, FlowUncertainty, PerfusionMaps, SegmentFit, SliceMaps, UpslopeUncertainty
from ..data.preprocessed import PreprocessedScan
from ..data.study import Condition
from .study_model import ScanCurves, is_open
from .study_posterior import Estimate, StudyPosterior, infer_study
from .tissue_curves import floor_log_sd

MOST_LOG_LIMIT = 2.0  # of a flow model whose interval says nothing; chosen
LEAST_RESIDUAL_MMOL_L = 0.005  # that is told: as it is rounded
SAME_TISSUE = 0.5  # correlation of errors of flow at rest and at stress; 0.5 on 150 development patients


def with_uncertainty(
    scans: Sequence[PreprocessedScan], maps: Sequence[PerfusionMaps], *, cache: Cache = NO_CACHE
) -> tuple[PerfusionMaps, ...]:
    """Maps of the scans of one study with what is not known: flow moved to the posterior's median, intervals widened.

    Where everything is stated and no arterial input is near the ceiling of its signal, flow stays as it is; the reserve
    of rest and stress knows what both share.
    """
    estimates = [estimate_scan(scan, one) for scan, one in zip(scans, maps, strict=True)]
    known = [one for one in estimates if one is not None]
    if not 0 < len(known) <= len(Condition):
        return tuple(maps)
    if not any(is_open(one.curves) for one in known):
        return _with_reserve(maps, {one.condition: one for one in known})
    posterior = cache.recall("study posterior", cache.key(known), lambda: infer_study(known, cache=cache))
    found = dict(zip((one.condition for one in known), _uncertainties(known, posterior), strict=True))
    return tuple(_widened(one, found.get(one.condition), cache) for one in maps)


def _with_reserve(maps: Sequence[PerfusionMaps], estimates: Mapping[Condition, Estimate]) -> tuple[PerfusionMaps, ...]:
    """Maps of rest and stress of which everything is stated, with what is left open about stress over rest."""
    if len(estimates) < len(Condition):
        return tuple(maps)
    rest, stress = estimates[Condition.REST], estimates[Condition.STRESS]
    shared = {
        "log_shift": 0.0,
        "reserve_log_below": _of_ratio(stress.log_below, rest.log_above),
        "reserve_log_above": _of_ratio(stress.log_above, rest.log_below),
        "as_stated_probability": 1.0,
        "hidden_share": 0.0,
    }

    def of_scan(one: Estimate) -> FlowUncertainty:
        below, above = one.log_below, one.log_above
        return FlowUncertainty(log_below=below, log_above=above, fit_log_below=below, fit_log_above=above, **shared)

    found = {condition: of_scan(one) for condition, one in estimates.items()}
    return tuple(replace(one, uncertainty=found.get(one.condition)) for one in maps)


def _of_ratio(of_stress, of_rest):
    """Spread of stress over rest, which share a part of what is left open about their tissue."""
    return np.sqrt(of_stress**2 + of_rest**2 - 2 * SAME_TISSUE * of_stress * of_rest)


def estimate_scan(scan: PreprocessedScan, maps: PerfusionMaps) -> Estimate | None:
    """Global flow and mean curves of a scan, None where there is no flow.

    Of fixed sectors of the wall, not of segments: a moved insertion point must not change the flow of any pixel.
    """
    fits = [fit for part in maps.slices for fit in part.sector_fits if np.isfinite(fit.concentration_mmol_l).all()]
    flow, low, high = _mean_flow(fits, maps)
    if not (fits and flow > 0):
        return None
    measured, times_s = maps.arterial_input, fits[0].times_s
    curves = ScanCurves(
        arterial_times_s=measured.times_s,
        arterial_mmol_l=bridge_saturated(measured),
        arrival_s=float(measured.times_s[max(measured.baseline_frames - 1, 0)]),
        first_pass_end_s=float(measured.times_s[measured.first_pass_end_frame]),
        times_s=times_s,
        tissue_mmol_l=np.mean([np.interp(times_s, fit.times_s, fit.concentration_mmol_l) for fit in fits], axis=0),
        acquisition=scan.slices[0].series.acquisition,
        blood_acquisition=measured.acquisition,
        residual_mmol_l=measured.residual_mmol_l,
        residual_sd_mmol_l=measured.residual_sd_mmol_l,
        dose_scale=measured.dose_scale,
        scale_log_sd=_scale_log_sd(scan, measured),
    )
    return Estimate(
        condition=maps.condition,
        curves=curves,
        log_flow=float(np.log(flow)),
        log_below=min(float(np.log(flow / max(low, 1e-6))), MOST_LOG_LIMIT),
        log_above=min(float(np.log(high / flow)), MOST_LOG_LIMIT),
    )


def _scale_log_sd(scan: PreprocessedScan, measured: ArterialInput) -> float:
    """Uncertainty of the scale of blood beside tissue beyond the usual, which `study_posterior.MODEL_LOG_SD` holds."""
    blood = np.sqrt(max(measured.log_sd**2 - MEASURED_INPUT_LOG_SD**2, 0.0))
    return float(np.hypot(blood, np.mean([floor_log_sd(part, measured) for part in scan.slices])))


def _mean_flow(fits: Sequence[SegmentFit], maps: PerfusionMaps) -> tuple[float, float, float]:
    """Flow of the mean curves of a scan with its limits; of its pixels, without limits, where no mean curve has any."""
    flows = np.array([(fit.mbf_ml_min_g, fit.mbf_low_ml_min_g, fit.mbf_high_ml_min_g) for fit in fits])
    known = flows[np.isfinite(flows).all(axis=1)] if len(flows) else flows
    if len(known):
        flow, low, high = known.mean(axis=0)
        return float(flow), float(low), float(high)
    pixels = np.concatenate([part.mbf_ml_min_g[np.isfinite(part.mbf_ml_min_g)] for part in maps.slices])
    return (float(pixels.mean()), 0.0, float("inf")) if pixels.size else (float("nan"),) * 3


def _uncertainties(estimates: Sequence[Estimate], posterior: StudyPosterior) -> list[FlowUncertainty]:
    """Of each scan. The medians of rest, stress and reserve are each moved a little until they agree."""
    centers = [one.median for one in posterior.flows]
    reserve = posterior.reserve
    if reserve is not None:
        sign = np.where(np.array([one.condition for one in estimates]) == Condition.STRESS, 1.0, -1.0)
        centers = list(np.array(centers) + sign * (reserve.median - sign @ centers) / 3)
        center = float(sign @ centers)
    return [
        FlowUncertainty(
            log_shift=float(middle - one.log_flow),
            log_below=_distance(middle, flow.low),
            log_above=_distance(flow.high, middle),
            reserve_log_below=float("nan") if reserve is None else _distance(center, reserve.low),
            reserve_log_above=float("nan") if reserve is None else _distance(reserve.high, center),
            fit_log_below=one.log_below,
            fit_log_above=one.log_above,
            as_stated_probability=posterior.as_stated_probability,
            hidden_share=hidden,
            residual_mmol_l=residual,
            upslope=upslope,
        )
        for one, middle, flow, hidden, residual, upslope in zip(
            estimates,
            centers,
            posterior.flows,
            posterior.hidden,
            posterior.residual_mmol_l,
            _of_upslopes(estimates, posterior),
            strict=True,
        )
    ]


def _of_upslopes(estimates: Sequence[Estimate], posterior: StudyPosterior) -> list[UpslopeUncertainty]:
    """Of each scan."""
    medians = {one.condition: found.median for one, found in zip(estimates, posterior.upslopes, strict=True)}
    below = above = float("nan")
    if posterior.index is not None:
        center = medians[Condition.STRESS] - medians[Condition.REST]
        below, above = _distance(center, posterior.index.low), _distance(posterior.index.high, center)
    return [
        UpslopeUncertainty(
            log_shift=found.median,
            log_below=_distance(found.median, found.low),
            log_above=_distance(found.high, found.median),
            index_log_below=below,
            index_log_above=above,
        )
        for found in posterior.upslopes
    ]


def _distance(above: float, below: float) -> float:
    """From one number to another above it; 0 where a center that was moved lies beyond its limit."""
    return max(float(above - below), 0.0)


def _widened(maps: PerfusionMaps, found: FlowUncertainty | None, cache: Cache) -> PerfusionMaps:
    if found is None:
        return maps
    slices = tuple(
        cache.recall("slice in study", cache.key(part, found), partial(_moved, part, found)) for part in maps.slices
    )
    provenance = {
        "flow_factor": f"{np.exp(found.log_shift):.3f}",
        "stated_values_probability": f"{found.as_stated_probability:.2f}",
        "input_at_ceiling": f"{found.hidden_share:.2f}",
    }
    low, median, high = found.residual_mmol_l
    if "residual_contrast" in maps.provenance and high >= LEAST_RESIDUAL_MMOL_L:
        by_study = f"With what headers leave open it is {median:.2f} mmol/L (95 % interval {low:.2f} to {high:.2f})."
        provenance["residual_contrast"] = f"{maps.provenance['residual_contrast']} {by_study}"
    return replace(maps, slices=slices, provenance=dict(maps.provenance) | provenance, uncertainty=found)


def _moved(part: SliceMaps, found: FlowUncertainty) -> SliceMaps:
    factor = np.float32(np.exp(found.log_shift))
    return replace(
        part,
        mbf_ml_min_g=part.mbf_ml_min_g * factor,
        mbf_se_ml_min_g=part.mbf_se_ml_min_g * factor,
        segment_fits={number: _moved_fit(fit, found) for number, fit in part.segment_fits.items()},
    )


def _moved_fit(fit: SegmentFit, found: FlowUncertainty) -> SegmentFit:
    """The flow of a mean curve; what its own interval holds beyond that of the global flow is added to the study's."""
    flow = fit.mbf_ml_min_g * float(np.exp(found.log_shift))
    with np.errstate(divide="ignore", invalid="ignore"):  # a limit of 0 is infinitely far
        below = np.log(fit.mbf_ml_min_g) - np.log(fit.mbf_low_ml_min_g)
        above = np.log(fit.mbf_high_ml_min_g) - np.log(fit.mbf_ml_min_g)
    held = found.fit_log_below, found.fit_log_above
    own = [np.sqrt(np.maximum(each**2 - of_all**2, 0.0)) for each, of_all in zip((below, above), held, strict=True)]
    return replace(
        fit,
        mbf_ml_min_g=flow,
        mbf_low_ml_min_g=float(flow * np.exp(-np.hypot(own[0], found.log_below))),
        mbf_high_ml_min_g=float(flow * np.exp(np.hypot(own[1], found.log_above))),
        upslope=fit.upslope * float(np.exp(found.upslope.log_shift if found.upslope else 0.0)),
    )
