"""Flow with priors learned from the whole scan, averaged over the models that the scan leaves open.

Two levels. The mean curves of groups of pixels tell the tissue parameters and the probability of each model
(`population.learn`). Every curve is then fitted with these as its prior: the best of a dictionary of curves with the
tissue parameters integrated out, followed by one Gauss-Newton step, which is exact to second order. Nothing iterates
over pixels, and the time is linear in their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, softmax

from ...cache import NO_CACHE, Cache
from ...data.flow import FitStatus
from ..fits import MOST_SPILLOVER, FlowFits
from .groups import CurveSet, group_means, noise_sd, shared_error
from .matching import LOG_FLOW_NODES, Dictionary, ModelFit
from .population import Population, learn
from .slice_input import SliceInput, slice_inputs
from .tissue_models import HierarchicalModel

NEGLIGIBLE_PROBABILITY = 0.02
LEAST_MISFIT, IMAGES_MISFIT = 0.003, 0.008  # of the peak: arterial input known, and curves from images
ALONE_MISFIT = 0.03  # of one curve from images: what the scan learned is not to be learned anew from every pixel
MODEL_LOG_SD = 0.03  # of flow: heterogeneity within a region and whatever else no model here holds
INTERVAL_SD = 1.96
BISECTIONS = 12  # of a range of some standard deviations: to a thousandth of one or two


@dataclass(frozen=True, kw_only=True)
class ScanModel:
    """What a scan says about its tissue: populations of the models, with their probabilities.

    temperature : of all variances of the groups; least_misfit, alone_misfit : share of the peak by which all curves
        are wrong together, and each of them
    inputs : what is known of each slice before any curve is seen
    """

    populations: tuple[Population, ...]
    probabilities: np.ndarray
    inputs: tuple[SliceInput, ...]
    groups: tuple[np.ndarray, ...]
    temperature: float
    least_misfit: float
    alone_misfit: float


@dataclass(frozen=True, kw_only=True)
class SliceModel:
    """What a scan says about one slice: a dictionary of curves for each model that counts.

    number : of the slice; kept : of the models
    """

    scan: ScanModel
    number: int
    kept: np.ndarray
    dictionaries: tuple[Dictionary, ...]


def learn_scan(
    slices: Sequence[CurveSet],
    aif_times_s,
    arterial_mmol_l,
    *,
    families: Sequence[Sequence[HierarchicalModel]],
    hematocrit: float,
    from_images: bool = False,
    cache: Cache = NO_CACHE,
) -> ScanModel:
    """Tissue parameters and model probabilities from all curves of a scan.

    families : models of one kind, from one end of a range to the other
    from_images : whether the curves are, so that they and the arterial input err beside each other
    """
    inputs = slice_inputs(
        [(part.times_s, part.used_frames) for part in slices],
        aif_times_s,
        arterial_mmol_l,
        families=families,
        hematocrit=hematocrit,
        from_images=from_images,
        cache=cache,
    )
    groups = tuple(np.unique(part.groups) for part in slices)
    means = [
        group_means(part, ready, numbers, from_images=from_images)
        for part, ready, numbers in zip(slices, inputs, groups, strict=True)
    ]
    count = sum(len(numbers) for numbers in groups)
    noise_share = np.concatenate([group.noise_share() for group in means])
    # What the noise does not explain all groups share: for it they count as one.
    least_misfit, shared = (IMAGES_MISFIT, shared_error(means)) if from_images else (LEAST_MISFIT, 1.0)
    temperature = shared + count * float(np.mean((least_misfit / noise_share) ** 2))
    populations = _learn_all(families, means, temperature)
    frames = sum(int(np.isfinite(group.sd).sum()) - 2 * len(group.curves) for group in means)
    excess = min(population.misfit for population in populations) * temperature / max(frames, 1) - 1
    if shared + count * excess > temperature:
        temperature = shared + count * excess
        populations = _learn_all(families, means, temperature)
    evidence = np.array([population.log_evidence for population in populations])
    probabilities = softmax(evidence + np.log([one.model.prior_probability for one in populations]))
    return ScanModel(
        populations=populations,
        probabilities=probabilities,
        inputs=inputs,
        groups=groups,
        temperature=temperature,
        least_misfit=least_misfit,
        alone_misfit=ALONE_MISFIT if from_images else LEAST_MISFIT,
    )


def _learn_all(families, means, temperature):
    """Populations, all variances of the curves raised by the temperature."""
    uncertain = [replace(group, sd=group.sd * np.sqrt(temperature)) for group in means]
    return tuple(population for family in families for population in learn(family, uncertain))


def prepare_slice(scan: ScanModel, number: int, spillover: np.ndarray | None) -> SliceModel:
    """Dictionaries of slice ``number``: all sets of its curves hold the same blood (S, T), or none."""
    kept = np.array(_likeliest(scan))
    ready = scan.inputs[number]

    def dictionary(population: Population) -> Dictionary:
        return Dictionary(
            population,
            ready.prepared.with_error(population.input_error).without_errors(),
            group_delay_s=population.delay_s[number],
            group_numbers=scan.groups[number],
            subspace=ready.subspace,
            spillover=spillover,
        )

    dictionaries = tuple(dictionary(scan.populations[model]) for model in kept)
    return SliceModel(scan=scan, number=number, kept=kept, dictionaries=dictionaries)


def _likeliest(scan: ScanModel) -> list[int]:
    """The likeliest population of each kind of model that counts."""
    names = np.array([one.model.name for one in scan.populations])
    kinds = [np.flatnonzero(names == name) for name in dict.fromkeys(names)]
    counted = [kind for kind in kinds if scan.probabilities[kind].sum() > NEGLIGIBLE_PROBABILITY]
    return [int(kind[np.argmax(scan.probabilities[kind])]) for kind in counted]


def fit_slice_model(prepared: SliceModel, part: CurveSet, *, input_log_sd=0.0) -> FlowFits:
    """Fit curves of a slice with the priors of its scan.

    The estimate is averaged over the models by their probability. The interval and the standard error hold the noise,
    the spread of tissue parameters from pixel to pixel, what the scan leaves open about them, and the disagreement of
    the models. ``input_log_sd`` adds the relative uncertainty of the scale of the arterial input, ``part.log_sd`` that
    of the curves.
    """
    scan, kept = prepared.scan, prepared.kept
    used = np.asarray(part.used_frames)
    data = np.asarray(part.curves, dtype=float).T
    complete = np.isfinite(data[:, used]).all(axis=1)
    data = np.where(used & complete[:, None], data, 0.0)
    subspace = scan.inputs[prepared.number].subspace
    sd = noise_sd(data, subspace, used)
    noticeable = ((data @ subspace.T) ** 2).sum(axis=1) > (len(subspace) + 6 * np.sqrt(len(subspace))) * sd**2
    noticeable &= (data * used).sum(axis=1) > 0
    # The error of the input does not average out over pixels as noise does.
    sd = np.hypot(sd, scan.alone_misfit * np.abs(data @ subspace.T @ subspace).max(axis=1))
    edge = np.zeros(len(data), bool) if part.edge is None else np.asarray(part.edge)

    results = [dictionary.fit(data, sd, part.groups, edge) for dictionary in prepared.dictionaries]
    best = int(np.argmax(scan.probabilities[kept]))
    weights, log_flow, variance = _by_population(scan, kept, results)
    estimate = weights @ log_flow
    scale_log_sd = np.hypot(input_log_sd, part.log_sd)
    log_low, log_high, log_sd = _mixture(log_flow, np.sqrt(variance + scale_log_sd**2), weights, estimate)
    parameters = results[best].parameters
    reasons = {
        FitStatus.AT_BOUND: (parameters[:, 0] <= LOG_FLOW_NODES[0]) | (parameters[:, 0] >= LOG_FLOW_NODES[-1]),
        FitStatus.PARTIAL_VOLUME: np.abs(results[best].spillover).sum(axis=1) > MOST_SPILLOVER,
        FitStatus.SATURATED: ~complete,
        FitStatus.NO_SIGNAL: complete & ~noticeable,
    }
    combined = sum(np.where(found, reason, FitStatus.OK) for reason, found in reasons.items())
    status = np.asarray(combined).astype(np.uint8)
    trusted = status == 0

    def shown(values):
        return np.where(trusted, values, np.nan)

    names = scan.populations[kept[best]].model.tissue_parameters
    shares = scan.probabilities[kept] / scan.probabilities[kept].sum()
    return FlowFits(
        mbf_ml_min_g=shown(np.exp(estimate)),
        mbf_se_ml_min_g=shown(np.exp(estimate) * log_sd),
        mbf_low_ml_min_g=shown(np.exp(log_low)),
        mbf_high_ml_min_g=shown(np.exp(log_high)),
        status=status,
        fitted_mmol_l=np.tensordot(shares, [result.fitted for result in results], axes=1).T,
        parameters={
            "delay_s": parameters[:, 1],
            **{name: parameters[:, 2 + i] for i, name in enumerate(names)},
        },
    )


def _by_population(scan: ScanModel, kept: np.ndarray, results: Sequence[ModelFit]):
    """Weights (M,) of the populations that count, and by each the log of flow of curves and its variance (M, N).

    A population that was not fitted is taken to differ from the likeliest of its kind, or else of all, as its groups
    do, on a line in the log of flow, and to be as uncertain as they are.
    """
    counted = np.flatnonzero(
        (scan.probabilities > NEGLIGIBLE_PROBABILITY / 2) | np.isin(np.arange(scan.probabilities.size), kept)
    )
    fitted = dict(zip(kept, results, strict=True))
    by_kind = {scan.populations[m].model.name: m for m in kept}
    likeliest = kept[np.argmax(scan.probabilities[kept])]
    log_flow, variance = [], []
    for m in counted:
        population = scan.populations[m]
        near = m if m in fitted else by_kind.get(population.model.name, likeliest)
        offset, slope = _difference(population, scan.populations[near])
        log_flow.append(fitted[near].log_flow + offset + slope * fitted[near].log_flow)
        variance.append(
            fitted[near].variance if m == near else np.maximum(fitted[near].variance, population.log_flow_variance)
        )
    weights = scan.probabilities[counted] / scan.probabilities[counted].sum()
    return weights, np.array(log_flow), np.array(variance) + MODEL_LOG_SD**2


def _difference(population, reference):
    """Offset and slope of the difference of the logs of flow of two models, from the groups of the scan."""
    x, y = (np.concatenate(each.log_flow) for each in (reference, population))
    spread = np.var(x)
    slope = np.mean((x - x.mean()) * (y - x - (y - x).mean())) / (spread + 0.01)  # few flows tell no slope
    return float(np.mean(y - x) - slope * x.mean()), float(slope)


def _mixture(mean, sd, weights, estimate):
    """Quantiles of 2.5 and 97.5 % of a mixture of M normal distributions (M, N), by bisection, and its scatter."""
    scatter = np.sqrt(weights @ (sd**2 + (mean - estimate) ** 2))
    if len(weights) == 1:
        return mean[0] - INTERVAL_SD * sd[0], mean[0] + INTERVAL_SD * sd[0], scatter
    limits = []
    for tail in (ndtr(-INTERVAL_SD), ndtr(INTERVAL_SD)):
        below, above = (mean - 4 * sd).min(axis=0), (mean + 4 * sd).max(axis=0)
        for _ in range(BISECTIONS):
            middle = (below + above) / 2
            short = weights @ ndtr((middle - mean) / sd) < tail
            below, above = np.where(short, middle, below), np.where(short, above, middle)
        limits.append((below + above) / 2)
    return *limits, scatter
