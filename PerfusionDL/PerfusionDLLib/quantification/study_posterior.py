"""Posterior of rest, stress and reserve: one inference over the scans of a study.

Draws of all nuisances (`nuisances`) move the curves of both scans together (`study_model`), and each meets a sample of
the tissues that myocardium may be made of (`tissue_fit`), the same at rest and at stress. The curves say how likely
each pair of draw and tissue is (`witnesses`, and how well the tissue fits).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr

from .. import kinetics
from ..cache import NO_CACHE, Cache
from ..data.study import Condition
from .nuisances import draw_nuisances
from .study_model import ConvertedCurves, ScanCurves, convert
from .tissue_fit import FittedFlow, fit_flow
from .witnesses import AREA_OVER_LATE_S, draw_tops, weigh_curves, weigh_flow

FITTED_DRAWS = 700  # of all draws, by their weight, for which flow is fitted; chosen
FEWEST_BY_CURVES, FEWEST_BY_FLOW = 60, 8  # draws that must carry the result, else the weights are flattened; chosen
FLATTENINGS = 20  # bisections
# How well a tissue fits counts as so many independent errors of a scan, whose size is not known but at least a share of
# the peak (integrated out: Student's t). Chosen on development seeds 630000 to 630089 (docs).
COUNTED_ERRORS, LEAST_MISFIT = 4.0, 0.01
OWN_TISSUE_PROBABILITY = 0.1
"""That a scan shows other tissue than the other one, such as another part of the wall; chosen: on development patients,
whose tissue is one, it widens the reserve by 3 %."""
# What no tissue of `tissue_fit` holds: standard deviation of the log of flow, and of stress over rest. Chosen on
# development seeds 630000 to 630089 (docs).
MODEL_LOG_SD = {Condition.REST: 0.06, Condition.STRESS: 0.08}
MODEL_RESERVE_LOG_SD = 0.07
DRAWS_LOG_SD = 0.035  # by which a median differs between four sets of draws, on 55 development patients from 680000 on
UPSLOPE_LOG_SD = (
    0.08  # what five frames see of the rise of a bolus whose top is drawn; chosen on seeds 680000 to 680098
)
TAILS = (0.025, 0.5, 0.975)
STEP = 0.02  # of the log of flow, to which posteriors are gathered


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
    residual_mmol_l : by scan, of an earlier injection in blood: 2.5, 50 and 97.5 %
    upslopes : by scan, of the log of the upslope over that with the stated values; index : of stress over rest of these
    hidden : by scan, share of the posterior that sees the top of the first pass at the ceiling of the signal
    as_stated_probability : that what the headers state, and what was assumed, holds
    effective_draws : how many draws carry the result
    """

    flows: tuple[Posterior, ...]
    reserve: Posterior | None
    residual_mmol_l: tuple[tuple[float, float, float], ...]
    upslopes: tuple[Posterior, ...]
    index: Posterior | None
    hidden: tuple[float, ...]
    as_stated_probability: float
    effective_draws: float


def infer_study(estimates: Sequence[Estimate], *, cache: Cache = NO_CACHE) -> StudyPosterior:
    """Posterior of the flow of one or two scans of a study.

    cache : what was computed before, as the curves of a scan that a correction of the other one left as they were
    """
    stated = max((one.curves.acquisition for one in estimates), key=lambda each: len(each.assumed))
    draws = draw_nuisances(stated)
    tops = draw_tops(draws.top_at_rest, draws.top_at_stress)

    def convert_drawn(one: Estimate) -> ConvertedCurves:
        key = cache.key(one.condition, one.curves, stated)
        area_over_late_s, top = AREA_OVER_LATE_S[one.condition], tops[one.condition]
        return cache.recall("drawn curves", key, lambda: convert(one.curves, draws, area_over_late_s, top))

    converted = {one.condition: convert_drawn(one) for one in estimates}
    log_weight = _flattened(draws.log_prior, weigh_curves(converted, stated), FEWEST_BY_CURVES)
    chosen, share = _resampled(np.exp(log_weight - logsumexp(log_weight)))
    fits = {}
    for one in estimates:
        later = draws.dispersion_at_stress if one.condition is Condition.STRESS else 1.0
        fits[one.condition] = _fit(one.curves, converted[one.condition], chosen, draws.dispersion_s * later)
    weights = _weigh_pairs(fits, share)
    of_draws = weights.of_draws
    hidden = {condition: float(of_draws @ each.hidden[chosen]) for condition, each in converted.items()}
    # The scale of an input whose top is at the ceiling is drawn; else it is as uncertain as it was measured. Both are
    # possible: the variance is that of their mixture.
    scale = {
        one.condition: float(np.sqrt(max(1 - hidden[one.condition], 0.0))) * one.curves.scale_log_sd
        for one in estimates
    }
    flows = {
        condition: _posterior(
            fit.log_flow, weights.of(condition), _together(MODEL_LOG_SD[condition], DRAWS_LOG_SD, scale[condition])
        )
        for condition, fit in fits.items()
    }
    reserve = None
    if len(fits) == len(Condition):
        reserve = _posterior(*weights.reserves(fits), _together(MODEL_RESERVE_LOG_SD, DRAWS_LOG_SD, *scale.values()))
    upslopes, index = _infer_upslopes(estimates, converted, chosen, of_draws, scale)
    return StudyPosterior(
        flows=tuple(flows[one.condition] for one in estimates),
        reserve=reserve,
        residual_mmol_l=tuple(
            _quantiles(converted[one.condition].residual_mmol_l[chosen], of_draws) for one in estimates
        ),
        upslopes=upslopes,
        index=index,
        hidden=tuple(hidden[one.condition] for one in estimates),
        as_stated_probability=float(of_draws[draws.as_stated[chosen]].sum()),
        effective_draws=float(1 / (of_draws**2).sum()),
    )


def _fit(scan: ScanCurves, curves: ConvertedCurves, chosen: np.ndarray, dispersion_s: np.ndarray) -> FittedFlow:
    return fit_flow(scan, curves.blood[chosen], curves.tissue[chosen], dispersion_s[chosen])


def _infer_upslopes(
    estimates: Sequence[Estimate],
    converted: Mapping[Condition, ConvertedCurves],
    chosen: np.ndarray,
    of_draws: np.ndarray,
    scale: Mapping[Condition, float],
) -> tuple[tuple[Posterior, ...], Posterior | None]:
    """Of each scan, and of stress over rest; scale : standard deviation of the log of the input's scale by scan."""
    log_upslope = {one.condition: _log_upslope(one.curves, converted[one.condition], chosen) for one in estimates}
    log_sd = {condition: float(np.hypot(UPSLOPE_LOG_SD, scale[condition])) for condition in log_upslope}
    found = tuple(_posterior(values, of_draws, log_sd[condition]) for condition, values in log_upslope.items())
    if len(log_upslope) < len(Condition):
        return found, None
    ratio = log_upslope[Condition.STRESS] - log_upslope[Condition.REST]
    return found, _posterior(ratio, of_draws, float(np.hypot(log_sd[Condition.REST], log_sd[Condition.STRESS])))


def _log_upslope(scan: ScanCurves, curves: ConvertedCurves, chosen: np.ndarray) -> np.ndarray:
    """Log of the upslope (K,) of the chosen draws over that with the stated values."""

    def slope(tissue, blood):
        rises = kinetics.steepest_rise(scan.times_s, tissue), kinetics.steepest_rise(scan.arterial_times_s, blood)
        return np.maximum(rises[0], 1e-6) / np.maximum(rises[1], 1e-6)

    stated = slope(scan.tissue_mmol_l[:, None], scan.arterial_mmol_l[:, None])
    return np.log(slope(curves.tissue[chosen].T, curves.blood[chosen].T) / stated)


def _quantiles(values: np.ndarray, weight: np.ndarray) -> tuple[float, float, float]:
    """Of 2.5, 50 and 97.5 % of weighted values (K,)."""
    order = np.argsort(values, kind="stable")
    places = np.searchsorted(np.cumsum(weight[order]), TAILS).clip(0, order.size - 1)
    low, median, high = values[order][places]
    return float(low), float(median), float(high)


@dataclass(frozen=True, kw_only=True)
class PairWeights:
    """Weights of draws beside tissues, which sum to 1 with those of scans that each have a tissue of their own.

    shared : (K, T) of pairs whose tissue is that of both scans
    own : (K,) of draws whose scans differ in tissue; within : by scan (K, T), how it is shared among its tissues
    """

    shared: np.ndarray
    own: np.ndarray
    within: Mapping[Condition, np.ndarray]

    @property
    def of_draws(self) -> np.ndarray:
        """(K,) weight of each draw."""
        return self.shared.sum(axis=1) + self.own

    def of(self, condition: Condition) -> np.ndarray:
        """(K, T) weight of the flow of a scan beside each tissue."""
        return self.shared + self.own[:, None] * self.within[condition]

    def reserves(self, fits: Mapping[Condition, FittedFlow]) -> tuple[np.ndarray, np.ndarray]:
        """Logs of stress over rest, of one tissue and of two, and their weights."""
        rest, stress = fits[Condition.REST].log_flow, fits[Condition.STRESS].log_flow
        at_rest, at_stress = self.within[Condition.REST][:, None], self.within[Condition.STRESS][:, :, None]
        values = np.concatenate([(stress - rest).ravel(), (stress[:, :, None] - rest[:, None]).ravel()])
        return values, np.concatenate([self.shared.ravel(), (self.own[:, None, None] * at_stress * at_rest).ravel()])


def _weigh_pairs(fits: Mapping[Condition, FittedFlow], share: np.ndarray) -> PairWeights:
    """Weights of pairs of draw and tissue, from how well the scans fit and how usual their flow is.

    Scans have one tissue; that they have one each is improbable, and counts where one fits badly.
    """
    usual = {condition: weigh_flow(fit.log_flow, condition) for condition, fit in fits.items()}
    together = _fitting(np.mean([fit.misfit**2 for fit in fits.values()], axis=0), len(fits))
    together = together + np.sum(list(usual.values()), axis=0)
    apart = {condition: _fitting(fit.misfit**2, 1) + usual[condition] for condition, fit in fits.items()}
    tissues = np.log(together.shape[1])
    by_one = logsumexp(together, axis=1) - tissues
    by_each = {condition: logsumexp(said, axis=1) for condition, said in apart.items()}
    by_own = np.sum(list(by_each.values()), axis=0) - len(fits) * tissues
    own_probability = OWN_TISSUE_PROBABILITY if len(fits) > 1 else 0.0
    with np.errstate(divide="ignore"):
        of_one, of_own = np.log1p(-own_probability) + by_one, np.log(own_probability) + by_own
    by_draw = np.logaddexp(of_one, of_own)
    flattened = _flattened(np.log(share), by_draw, FEWEST_BY_FLOW)
    weight = np.exp(flattened - logsumexp(flattened))
    return PairWeights(
        shared=(weight * np.exp(of_one - by_draw))[:, None] * np.exp(together - (by_one + tissues)[:, None]),
        own=weight * np.exp(of_own - by_draw),
        within={condition: np.exp(said - by_each[condition][:, None]) for condition, said in apart.items()},
    )


def _fitting(squared_misfit: np.ndarray, scans: int) -> np.ndarray:
    """Log likelihood of misfits of errors whose size is not known."""
    return -COUNTED_ERRORS / 2 * scans * np.log1p(squared_misfit / LEAST_MISFIT**2)


def _flattened(log_prior: np.ndarray, log_likelihood: np.ndarray, fewest: float) -> np.ndarray:
    """Log of the weight (N,) of draws, the likelihood taken to that power up to 1 at which enough of them carry it."""

    def carried(power: float) -> float:
        log_weight = log_prior + power * log_likelihood
        weight = np.exp(log_weight - log_weight.max())
        return float(weight.sum() ** 2 / (weight**2).sum())

    low, high = 0.0, 1.0
    if carried(1.0) >= fewest:
        return log_prior + log_likelihood
    for _ in range(FLATTENINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if carried(middle) < fewest else (middle, high)
    return log_prior + low * log_likelihood


def _resampled(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices (K,) of draws chosen in proportion to their weight (N,), each once, and what each then stands for."""
    steps = (np.arange(FITTED_DRAWS) + 0.5) / FITTED_DRAWS
    index = np.minimum(np.searchsorted(np.cumsum(weight), steps), weight.size - 1)
    chosen, counts = np.unique(index, return_counts=True)
    return chosen, counts / counts.sum()


def _together(*log_sds: float) -> float:
    """Standard deviation of the sum of independent errors."""
    return float(np.linalg.norm(log_sds))


def _posterior(values: np.ndarray, weight: np.ndarray, log_sd: float) -> Posterior:
    """Quantiles of weighted values, each a normal distribution of one standard deviation.

    The values are gathered to points `STEP` apart, each shared by its two neighbors.
    """
    first, last = values.min() - 4 * log_sd, values.max() + 4 * log_sd
    points = first + STEP * np.arange(int((last - first) / STEP) + 2)
    place = (values.ravel() - first) / STEP
    below = place.astype(int)
    above_share = place - below
    masses = np.bincount(below, weight.ravel() * (1 - above_share), points.size)
    masses = masses + np.bincount(below + 1, weight.ravel() * above_share, points.size)
    reached = ndtr((points[:, None] - points) / log_sd) @ masses
    low, median, high = np.interp(TAILS, reached, points)
    return Posterior(low=float(low), median=float(median), high=float(high))
