"""Posterior of rest, stress and reserve: one inference over the scans of a study.

Draws of all nuisances (`nuisances`) move the curves of both scans together (`study_model`), and each meets a sample of
the tissues that myocardium may be made of (`tissue_fit`), the same at rest and at stress. The curves say how likely
each pair of draw and tissue is (`witnesses`, and how well the tissue fits).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtr

from ..data.study import Condition
from .nuisances import draw_nuisances
from .study_model import ConvertedCurves, ScanCurves, convert
from .tissue_fit import FittedFlow, fit_flow
from .witnesses import draw_area_over_late_s, weigh_curves, weigh_flow

FITTED_DRAWS = 320  # of all draws, by their weight, for which flow is fitted; chosen
FEWEST_BY_CURVES, FEWEST_BY_FLOW = 60, 8  # draws that must carry the result, else the weights are flattened; chosen
FLATTENINGS = 20  # bisections
# How well a tissue fits counts as so many independent errors of a scan, whose size is not known but at least a share of
# the peak (integrated out: Student's t). Chosen on development seeds 630000 to 630089 (docs).
COUNTED_ERRORS, LEAST_MISFIT = 4.0, 0.01
# What no tissue of `tissue_fit` holds: standard deviation of the log of flow, and of stress over rest. Chosen on
# development seeds 630000 to 630089 (docs).
MODEL_LOG_SD = {Condition.REST: 0.06, Condition.STRESS: 0.08}
MODEL_RESERVE_LOG_SD = 0.07
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
    hidden : by scan, share of the posterior that sees the top of the first pass at the ceiling of the signal
    as_stated_probability : that what the headers state, and what was assumed, holds
    effective_draws : how many draws carry the result
    """

    flows: tuple[Posterior, ...]
    reserve: Posterior | None
    hidden: tuple[float, ...]
    as_stated_probability: float
    effective_draws: float


def infer_study(estimates: Sequence[Estimate]) -> StudyPosterior:
    """Posterior of the flow of one or two scans of a study."""
    stated = max((one.curves.acquisition for one in estimates), key=lambda each: len(each.assumed))
    draws = draw_nuisances(stated)
    drawn_s = draw_area_over_late_s(draws.top_at_rest, draws.top_at_stress)
    converted = {one.condition: convert(one.curves, draws, drawn_s[one.condition]) for one in estimates}
    log_weight = _flattened(draws.log_prior, weigh_curves(converted, drawn_s, stated), FEWEST_BY_CURVES)
    chosen, share = _resampled(np.exp(log_weight - logsumexp(log_weight)))
    fits = {}
    for one in estimates:
        later = draws.dispersion_at_stress if one.condition is Condition.STRESS else 1.0
        fits[one.condition] = _fit(one.curves, converted[one.condition], chosen, draws.dispersion_s * later)
    weight = _weigh_pairs(fits, share)
    of_draws = weight.sum(axis=1)
    hidden = {condition: float(of_draws @ each.hidden[chosen]) for condition, each in converted.items()}
    # The scale of an input whose top is at the ceiling is drawn; else it is as uncertain as it was measured.
    scale = {one.condition: (1 - hidden[one.condition]) * one.curves.scale_log_sd for one in estimates}
    flows = {
        condition: _posterior(fit.log_flow, weight, np.hypot(MODEL_LOG_SD[condition], scale[condition]))
        for condition, fit in fits.items()
    }
    reserve = None
    if len(fits) == len(Condition):
        log_reserve = fits[Condition.STRESS].log_flow - fits[Condition.REST].log_flow
        of_both = np.hypot(scale[Condition.REST], scale[Condition.STRESS])
        reserve = _posterior(log_reserve, weight, np.hypot(MODEL_RESERVE_LOG_SD, of_both))
    return StudyPosterior(
        flows=tuple(flows[one.condition] for one in estimates),
        reserve=reserve,
        hidden=tuple(hidden[one.condition] for one in estimates),
        as_stated_probability=float(of_draws[draws.as_stated[chosen]].sum()),
        effective_draws=float(1 / (of_draws**2).sum()),
    )


def _fit(scan: ScanCurves, curves: ConvertedCurves, chosen: np.ndarray, dispersion_s: np.ndarray) -> FittedFlow:
    return fit_flow(scan, curves.blood[chosen], curves.tissue[chosen], dispersion_s[chosen])


def _weigh_pairs(fits: Mapping[Condition, FittedFlow], share: np.ndarray) -> np.ndarray:
    """Weight (K, T) of pairs of draw and tissue, from how well both scans fit and how usual their flow is."""
    misfit = np.mean([fit.misfit**2 for fit in fits.values()], axis=0)
    fitting = -COUNTED_ERRORS / 2 * len(fits) * np.log1p(misfit / LEAST_MISFIT**2)
    said = fitting + np.sum([weigh_flow(fit.log_flow, condition) for condition, fit in fits.items()], axis=0)
    by_draw = logsumexp(said, axis=1)
    flattened = _flattened(np.log(share), by_draw, FEWEST_BY_FLOW)
    within = said - by_draw[:, None]
    weight = np.exp(flattened - logsumexp(flattened))[:, None] * np.exp(within)
    return weight / weight.sum()


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
