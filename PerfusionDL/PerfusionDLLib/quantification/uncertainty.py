"""Rest, stress and reserve with what is not known: one inference over the scans of a study.

Draws of all nuisances (`nuisances`) move the curves and the flow of both scans together (`study_model`); the curves say
how likely each draw is (`witnesses`). The posterior gives a shift of the log of flow and an interval for each scan, and
for stress over rest, where most of what both share cancels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import logsumexp, ndtr

from ..aif.region import at_least
from ..cache import NO_CACHE, Cache
from ..data.flow import FlowUncertainty, PerfusionMaps, SegmentFit, SliceMaps
from ..data.preprocessed import PreprocessedScan
from ..data.study import Condition
from .dictionary_fit import fit_flow
from .nuisances import NuisanceDraws, draw_nuisances
from .study_model import ScanCurves, convert, is_open
from .witnesses import draw_area_over_late_s, weigh_curves, weigh_flow

FITTED_DRAWS = 320  # of all draws, by their weight, for which flow is fitted; chosen
INTERVAL_SD = 1.96
TAILS = (0.025, 0.5, 0.975)
BISECTIONS = 30
OTHER_TISSUE = 0.6  # share of what the flow model learned from curves that other nuisances would change; chosen
DICTIONARY_LOG_BIAS = 0.15  # Fermi residues read exchanging tissue 15 % low at 2.8 mL/min/g and right at 1 (docs)
# That dispersion takes from the log of flow: benchmarks/independent.py, seeds 89000 to 89010, 0.10 at rest and 0.15 at
# stress.
DISPERSION_LOG_PER_S = 0.12
OTHER_LOG_SD = 0.2  # of flow by the dictionary; residue of 60 development patients with known nuisances
MOST_LOG_LIMIT = 2.0  # of a flow model whose interval says nothing; chosen
SAME_TISSUE = 0.5  # correlation of errors of flow at rest and at stress; 0.5 on 150 development patients


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """Global flow of a scan as the flow model gives it.

    log_flow : of mL/min/g
    log_below, log_above : to the limits of its 95 % interval, which holds noise, model and scale
    """

    condition: Condition
    curves: ScanCurves
    log_flow: float
    log_below: float
    log_above: float

    @property
    def log_sd(self) -> float:
        """Standard deviation of the log of flow."""
        return (self.log_below + self.log_above) / (2 * INTERVAL_SD)


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """Quantiles of 2.5, 50 and 97.5 % of the log of a flow or of the reserve."""

    low: float
    median: float
    high: float


@dataclass(frozen=True, kw_only=True)
class StudyPosterior:
    """What a study says about its flow.

    flows : by scan, in order; reserve : of stress over rest, None for a scan alone
    hidden : by scan, share of the posterior that sees the top of the first pass at the ceiling of the signal
    as_stated_probability : that what the headers state, and what was assumed, holds
    effective_draws : how many draws carry the result
    """

    flows: tuple[Posterior, ...]
    reserve: Posterior | None
    hidden: tuple[float, ...]
    as_stated_probability: float
    effective_draws: float


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
    posterior = cache.recall("study posterior", cache.key(known), lambda: infer_study(known))
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
        arterial_mmol_l=at_least(measured),
        arrival_s=float(measured.times_s[max(measured.baseline_frames - 1, 0)]),
        first_pass_end_s=float(measured.times_s[measured.first_pass_end_frame]),
        times_s=times_s,
        tissue_mmol_l=np.mean([np.interp(times_s, fit.times_s, fit.concentration_mmol_l) for fit in fits], axis=0),
        acquisition=scan.slices[0].series.acquisition,
        blood_acquisition=measured.acquisition,
        residual_mmol_l=measured.residual_mmol_l,
        residual_sd_mmol_l=measured.residual_sd_mmol_l,
        dose_scale=measured.dose_scale,
    )
    return Estimate(
        condition=maps.condition,
        curves=curves,
        log_flow=float(np.log(flow)),
        log_below=min(float(np.log(flow / max(low, 1e-6))), MOST_LOG_LIMIT),
        log_above=min(float(np.log(high / flow)), MOST_LOG_LIMIT),
    )


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
            log_below=float(middle - flow.low),
            log_above=float(flow.high - middle),
            reserve_log_below=float("nan") if reserve is None else center - reserve.low,
            reserve_log_above=float("nan") if reserve is None else reserve.high - center,
            fit_log_below=one.log_below,
            fit_log_above=one.log_above,
            as_stated_probability=posterior.as_stated_probability,
            hidden_share=hidden,
        )
        for one, middle, flow, hidden in zip(estimates, centers, posterior.flows, posterior.hidden, strict=True)
    ]


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
    )


def infer_study(estimates: Sequence[Estimate]) -> StudyPosterior:
    """Posterior of the flow of one or two scans of a study."""
    stated = max((one.curves.acquisition for one in estimates), key=lambda each: len(each.assumed))
    draws = draw_nuisances(stated)
    conditions = [one.condition for one in estimates]
    drawn_s = draw_area_over_late_s(draws.top_at_rest, draws.top_at_stress)
    converted = {one.condition: convert(one.curves, draws, drawn_s[one.condition]) for one in estimates}
    log_weight = draws.log_prior + weigh_curves(converted, drawn_s, stated)
    chosen, share = _resampled(np.exp(log_weight - logsumexp(log_weight)))
    log_flows, log_sds = [], []
    for one in estimates:
        log_flow, log_sd = flow_of_draws(one, converted[one.condition], draws, chosen)
        log_flows.append(log_flow)
        log_sds.append(log_sd)
    log_weight = np.log(share) + sum(
        weigh_flow(flow, condition) for flow, condition in zip(log_flows, conditions, strict=True)
    )
    weight = np.exp(log_weight - logsumexp(log_weight))
    reserve = None
    if len(estimates) == 2:
        first, second = (conditions.index(each) for each in Condition)
        reserve = _posterior(log_flows[second] - log_flows[first], _of_ratio(log_sds[second], log_sds[first]), weight)
    return StudyPosterior(
        flows=tuple(_posterior(flow, sd, weight) for flow, sd in zip(log_flows, log_sds, strict=True)),
        reserve=reserve,
        hidden=tuple(float(weight @ one.hidden[chosen]) for one in converted.values()),
        as_stated_probability=float(weight[draws.as_stated[chosen]].sum()),
        effective_draws=float(1 / (weight**2).sum()),
    )


def flow_of_draws(one: Estimate, curves, draws: NuisanceDraws, chosen: np.ndarray):
    """Log of flow and its standard deviation (K,) for the chosen draws.

    Close to what is stated the flow model's own estimate moves as the dictionary's does, but for dispersion, which the
    delays of the dictionary swallow. Far from it, what the flow model learned about the tissue from curves that were
    converted otherwise does not count in full.
    """
    dispersion_s = draws.dispersion_s * (draws.dispersion_at_stress if one.condition is Condition.STRESS else 1.0)
    scan, as_stated = one.curves, draws.as_stated[chosen]
    log_flow, _ = fit_flow(
        scan,
        np.concatenate((scan.arterial_mmol_l[None], curves.blood[chosen])),
        np.concatenate((scan.tissue_mmol_l[None], curves.tissue[chosen])),
        np.concatenate(([0.0], np.where(as_stated, 0.0, dispersion_s[chosen]))),
    )
    at_stated, log_flow = log_flow[0], log_flow[1:]
    moved = log_flow - at_stated + one.log_flow + DISPERSION_LOG_PER_S * np.where(as_stated, dispersion_s[chosen], 0.0)
    alone = log_flow + DICTIONARY_LOG_BIAS * np.clip(log_flow / np.log(2.8), 0, 1.2)
    log_sd = np.where(as_stated, one.log_sd, OTHER_LOG_SD)
    return np.where(as_stated, moved, OTHER_TISSUE * alone + (1 - OTHER_TISSUE) * moved), log_sd


def _resampled(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices (K,) of draws chosen in proportion to their weight (N,), each once, and what each then stands for."""
    steps = (np.arange(FITTED_DRAWS) + 0.5) / FITTED_DRAWS
    index = np.minimum(np.searchsorted(np.cumsum(weight), steps), weight.size - 1)
    chosen, counts = np.unique(index, return_counts=True)
    return chosen, counts / counts.sum()


def _posterior(mean: np.ndarray, sd: np.ndarray, weight: np.ndarray) -> Posterior:
    """Quantiles of a mixture of normal distributions (K,), by bisection."""
    found = []
    for tail in TAILS:
        below, above = float((mean - 4 * sd).min()), float((mean + 4 * sd).max())
        for _ in range(BISECTIONS):
            middle = (below + above) / 2
            if weight @ ndtr((middle - mean) / sd) < tail:
                below = middle
            else:
                above = middle
        found.append((below + above) / 2)
    return Posterior(low=found[0], median=found[1], high=found[2])
