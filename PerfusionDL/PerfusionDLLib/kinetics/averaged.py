"""Flow with priors learned from the whole scan, averaged over the models that the scan leaves open.

Two levels. The mean curves of groups of pixels tell the tissue parameters and the probability of each model
(`population.learn`). Every curve is then fitted with these as its prior: the best of a dictionary of curves with the
tissue parameters integrated out, followed by one Gauss-Newton step, which is exact to second order. Nothing iterates
over pixels, and the time is linear in their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from ..maps import FitStatus
from .convolution import input_spline
from .fits import EDGE_SPILL_SD, INNER_SPILL_SD, MOST_SPILL, FlowFits
from .population import LOCAL, GroupCurves, Population, learn
from .tissue_models import PreparedInput, TissueModel, prepare_input

LOG_FLOW_NODES = np.linspace(np.log(0.08), np.log(9.0), 48)  # 10 % apart: the step that follows is exact to 0.1 %
DELAY_NODES = 9
LOG_FLOW_SD = 1.0  # of pixels, about the median of the scan
DELAY_SPREAD_S = 0.35  # within a group
NEGLIGIBLE_PROBABILITY = 0.02
SUBSPACE_TOLERANCE = 2e-3  # of the largest singular value: directions that the models can reach
LEAST_MISFIT, MEASURED_INPUT_MISFIT = 0.003, 0.01  # of the peak: arterial input known, and measured in images
FEWEST_INNER_PIXELS = 4  # of a group, to leave its edge out
MODEL_LOG_SD = 0.03  # of flow: heterogeneity within a region and whatever else no model here holds
INTERVAL_SD = 1.96
EXACT_CURVES = 64  # so few curves are given a second, exact step


@dataclass(frozen=True, kw_only=True)
class CurveSet:
    """Concentration curves of one slice.

    times_s : (T,); curves : (T, N) mmol/L; groups : (N,) int, pixels of a group are near each other
    used_frames : (T,) bool
    edge : (N,) bool, pixels that may hold blood of a neighboring cavity, or None for none
    inner : (N,) bool, pixels free of any partial volume, which the scan is learned from, or None for all
    spill : (S, T) what a pixel full of such blood would show, mmol/L, or None
    """

    times_s: np.ndarray
    curves: np.ndarray
    groups: np.ndarray
    used_frames: np.ndarray
    edge: np.ndarray | None = None
    inner: np.ndarray | None = None
    spill: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class ScanModel:
    """What a scan says about its tissue: one population and one probability per model.

    prepared : input of each slice; subspaces : (R, T) orthonormal rows that model curves live in, per slice
    """

    populations: tuple[Population, ...]
    probabilities: np.ndarray
    prepared: tuple[PreparedInput, ...]
    subspaces: tuple[np.ndarray, ...]
    groups: tuple[np.ndarray, ...]
    temperature: float


def learn_scan(
    slices: Sequence[CurveSet],
    aif_times_s,
    arterial_mmol_l,
    *,
    models: Sequence[TissueModel],
    hematocrit: float,
    least_misfit: float = LEAST_MISFIT,
) -> ScanModel:
    """Tissue parameters and model probabilities from all curves of a scan.

    least_misfit : share of the peak by which models and arterial input are wrong in any case
    """
    aif_times_s = np.asarray(aif_times_s, dtype=float)
    arterial = input_spline(aif_times_s, arterial_mmol_l)
    prepared = tuple(
        prepare_input(arterial, part.times_s, first_s=aif_times_s[0], hematocrit=hematocrit) for part in slices
    )
    subspaces = tuple(_subspace(models, ready, part.used_frames) for ready, part in zip(prepared, slices, strict=True))
    groups = tuple(np.unique(part.groups) for part in slices)
    means = [
        _group_means(part, ready, subspace, numbers)
        for part, ready, subspace, numbers in zip(slices, prepared, subspaces, groups, strict=True)
    ]
    count = sum(len(numbers) for numbers in groups)
    noise_share = np.concatenate([group.sd.min(axis=1) / np.abs(group.curves).max(axis=1) for group in means])
    # What the noise does not explain comes from the arterial input, which all groups share: for it they count as one.
    temperature = 1 + count * float(np.mean((least_misfit / noise_share) ** 2))
    populations = _learn_all(models, means, temperature)
    frames = sum(int(np.isfinite(group.sd).sum()) - 2 * len(group.curves) for group in means)
    excess = min(population.misfit for population in populations) * temperature / max(frames, 1) - 1
    if 1 + count * excess > temperature:
        temperature = 1 + count * excess
        populations = _learn_all(models, means, temperature)
    evidence = np.array([population.log_evidence for population in populations])
    probabilities = softmax(evidence + np.log([model.prior_probability for model in models]))
    return ScanModel(
        populations=populations,
        probabilities=probabilities,
        prepared=prepared,
        subspaces=subspaces,
        groups=groups,
        temperature=temperature,
    )


def _learn_all(models, means, temperature):
    """Populations, all variances of the curves raised by the temperature."""
    uncertain = [replace(group, sd=group.sd * np.sqrt(temperature)) for group in means]
    return tuple(learn(model, uncertain) for model in models)


def fit_scan_model(scan: ScanModel, number: int, part: CurveSet, *, input_log_sd=0.0) -> FlowFits:
    """Fit curves of slice ``number`` with the priors of the scan.

    The interval and the standard error hold the noise, the spread of tissue parameters from pixel to pixel, what the
    scan leaves open about them, and the disagreement of the models; ``input_log_sd`` adds the relative uncertainty of
    the scale of the arterial input.
    """
    used = np.asarray(part.used_frames)
    data = np.asarray(part.curves, dtype=float).T
    complete = np.isfinite(data[:, used]).all(axis=1)
    data = np.where(used & complete[:, None], data, 0.0)
    subspace = scan.subspaces[number]
    sd = _noise(data, subspace, used)
    noticeable = ((data @ subspace.T) ** 2).sum(axis=1) > (len(subspace) + 6 * np.sqrt(len(subspace))) * sd**2
    noticeable &= (data * used).sum(axis=1) > 0

    kept = np.flatnonzero(scan.probabilities > NEGLIGIBLE_PROBABILITY)
    weights = scan.probabilities[kept] / scan.probabilities[kept].sum()
    results = [_fit_one(scan.populations[m], scan, number, part, data, sd) for m in kept]
    log_flow = np.array([result.log_flow for result in results])
    log_sd = np.array([np.sqrt(result.variance) for result in results])
    flows = np.exp(log_flow)
    flow = np.exp(weights @ log_flow)
    spread_sd = np.sqrt(weights @ (log_sd**2 + (log_flow - np.log(flow)) ** 2) + MODEL_LOG_SD**2 + input_log_sd**2)
    best = int(np.argmax(weights))
    parameters = results[best].parameters
    reasons = {
        FitStatus.AT_BOUND: (parameters[:, 0] <= LOG_FLOW_NODES[0]) | (parameters[:, 0] >= LOG_FLOW_NODES[-1]),
        FitStatus.PARTIAL_VOLUME: np.abs(results[best].spill).sum(axis=1) > MOST_SPILL,
        FitStatus.SATURATED: ~complete,
        FitStatus.NO_SIGNAL: complete & ~noticeable,
    }
    status = sum(np.where(found, reason, FitStatus.OK) for reason, found in reasons.items()).astype(np.uint8)
    trusted = status == 0

    def shown(values):
        return np.where(trusted, values, np.nan)

    names = scan.populations[kept[best]].model.tissue_parameters
    return FlowFits(
        mbf_ml_min_g=shown(flow),
        mbf_se_ml_min_g=shown(flow * spread_sd),
        mbf_low_ml_min_g=shown(flow * np.exp(-INTERVAL_SD * spread_sd)),
        mbf_high_ml_min_g=shown(flow * np.exp(INTERVAL_SD * spread_sd)),
        status=status,
        fitted_mmol_l=(weights @ np.array([result.fitted.reshape(-1) for result in results])).reshape(data.shape).T,
        parameters={
            "delay_s": parameters[:, 1],
            **{name: parameters[:, 2 + i] for i, name in enumerate(names)},
            **{
                f"MBF, {scan.populations[m].model.name} (mL/min/g)": shown(flows[i])
                for i, m in enumerate(kept)
                if len(kept) > 1
            },
        },
    )


def _subspace(models, prepared, used):
    """Directions (R, T) that curves of the models can take, with the priors' tissue and its variation."""
    log_flow, delay_s = (
        axis.ravel() for axis in np.meshgrid(np.log(np.geomspace(0.15, 6, 8)), np.arange(-0.5, 4, 0.7))
    )
    atoms = []
    for model in models:
        local = np.column_stack((log_flow, delay_s))
        tissue = np.broadcast_to(model.mean, (len(local), model.mean.size))
        values, slopes = model.curves(np.concatenate((local, tissue), axis=1), prepared)
        scale = np.abs(values).max(axis=1)[:, None]
        atoms.append(values / scale)
        atoms.extend(slopes[:, 2 + i] * sd / scale for i, sd in enumerate(model.population_sd))
    stacked = np.concatenate(atoms) * used
    _, singular, rows = np.linalg.svd(stacked, full_matrices=False)
    return rows[singular > SUBSPACE_TOLERANCE * singular[0]]


def _noise(data, subspace, used):
    """Standard deviation per frame (N,): what no model curve explains, steadied by the other curves of the slice."""
    freedom = max(int(used.sum()) - len(subspace), 1)
    left = (data**2).sum(axis=1) - ((data @ subspace.T) ** 2).sum(axis=1)
    variance = np.maximum(left, 0) / freedom
    positive = variance[variance > 0]
    typical = np.median(positive) if positive.size else 1.0
    steady = 8  # degrees of freedom lent by the slice
    return np.sqrt((freedom * variance + steady * typical) / (freedom + steady))


def _group_means(part, prepared, subspace, numbers):
    used = np.asarray(part.used_frames)
    data = np.asarray(part.curves, dtype=float).T
    complete = np.isfinite(data[:, used]).all(axis=1)
    data = np.where(used & complete[:, None], data, 0.0)
    member = (part.groups[:, None] == numbers) & complete[:, None]
    if part.inner is not None:
        inner = member & part.inner[:, None]
        member = np.where(inner.sum(axis=0) >= FEWEST_INNER_PIXELS, inner, member)
    sizes = np.maximum(member.sum(axis=0), 1)
    means = (member / sizes).T @ data
    pixel_sd = _noise(data, subspace, used)
    expected = np.sqrt(member.T @ pixel_sd**2) / sizes
    sd = np.maximum(_noise(means, subspace, used), expected)
    empty = member.sum(axis=0) == 0
    sd = np.where(empty[:, None] | ~used, np.inf, np.where(empty, 1.0, sd)[:, None])
    return GroupCurves(prepared=prepared, curves=means, sd=sd)


@dataclass(frozen=True)
class _ModelFit:
    """parameters (N, 2 + p), variance of the log of flow (N,), share of each blood (N, S), fitted curves (N, T)."""

    parameters: np.ndarray
    variance: np.ndarray
    spill: np.ndarray
    fitted: np.ndarray

    @property
    def log_flow(self) -> np.ndarray:
        """Of the tissue in the pixel (N,): flow per gram of tissue, not per gram of tissue and blood."""
        return self.parameters[:, 0] - np.log1p(-np.clip(self.spill.sum(axis=1), 0, MOST_SPILL))


def _fit_one(population, scan, number, part, data, sd) -> _ModelFit:
    """Fit one model; pixels at the edge of a cavity may hold some of its blood."""
    delays_s = population.delay_s[number]
    lowest, highest = delays_s.min() - 1.0, delays_s.max() + 1.0
    atoms = _atoms(population.mean, np.linspace(lowest, highest, max(DELAY_NODES, int((highest - lowest) / 0.35) + 1)))
    values, slopes = population.model.curves(atoms, scan.prepared[number])
    spill = np.zeros((0, data.shape[1])) if part.spill is None else part.spill
    edge = np.zeros(len(data), bool) if part.edge is None else np.asarray(part.edge)
    shown = np.concatenate((slopes, np.broadcast_to(spill, (len(slopes), *spill.shape))), axis=1)
    size = atoms.shape[1]
    parameters, spilled = np.empty((len(data), size)), np.zeros((len(data), len(spill)))
    variance, fitted = np.empty(len(data)), np.empty_like(data)
    for chosen, spill_sd in ((~edge, INNER_SPILL_SD), (edge, EDGE_SPILL_SD)):
        if not chosen.any():
            continue
        matched = _Match(population, scan, number, part, chosen, spill_sd, len(spill))
        found, inverse, fitted[chosen] = matched.fit(atoms, values, shown, data[chosen], sd[chosen])
        parameters[chosen], spilled[chosen], variance[chosen] = found[:, :size], found[:, size:], inverse[:, 0, 0]
    return _ModelFit(parameters, variance, spilled, fitted)


class _Match:
    """Pixels with the same prior: of their tissue and of the blood they may hold."""

    def __init__(self, population, scan, number, part, chosen, spill_sd, bloods):
        groups = part.groups[chosen]
        index = np.searchsorted(scan.groups[number], groups).clip(0, len(scan.groups[number]) - 1)
        self.delay_mean = population.delay_s[number][index]
        self.log_flow_mean = np.median(np.concatenate(population.log_flow))
        self.used = np.asarray(part.used_frames)
        self.model, self.prepared = population.model, scan.prepared[number]
        self.spill = part.spill
        size = population.mean.size + bloods
        self.covariance = np.diag(np.full(size, spill_sd**2))
        self.covariance[: population.mean.size, : population.mean.size] = population.covariance + np.diag(
            population.model.pixel_sd**2
        )
        self.mean = np.concatenate((population.mean, np.zeros(bloods)))

    def fit(self, atoms, values, slopes, data, sd):
        """Best curve of the dictionary, then a Gauss-Newton step: parameters, their covariance, fitted curves."""
        best = np.argmin(self._distance(atoms, values * self.used, slopes * self.used, data, sd), axis=1)
        precision = np.zeros((LOCAL + self.mean.size,) * 2)
        precision[0, 0], precision[1, 1] = LOG_FLOW_SD**-2.0, DELAY_SPREAD_S**-2
        precision[LOCAL:, LOCAL:] = np.linalg.inv(self.covariance)
        flow_mean = np.full(len(data), self.log_flow_mean)
        prior = np.column_stack((flow_mean, self.delay_mean, np.broadcast_to(self.mean, (len(data), self.mean.size))))
        start = np.column_stack((atoms[best], prior[:, atoms.shape[1] :]))
        weights = self.used / sd[:, None]
        found = _step(start, values[best], slopes[best], data, weights, prior, precision)
        if len(data) <= EXACT_CURVES:
            tissue, blood = found[0][:, : atoms.shape[1]], found[0][:, atoms.shape[1] :]
            values, slopes = self.model.curves(tissue, self.prepared)
            if blood.shape[1]:
                values = values + blood @ self.spill
                slopes = np.concatenate((slopes, np.broadcast_to(self.spill, (len(data), *self.spill.shape))), axis=1)
            found = _step(found[0], values, slopes, data, weights, prior, precision)
        return found

    def _distance(self, atoms, values, slopes, data, sd):
        """Minus twice the log of the posterior (N, K), tissue and blood integrated out.

        In the coordinates of `mixed` they are independent and each dictionary curve has its own few directions.
        """
        spread = slopes[:, LOCAL:].transpose(0, 2, 1) @ np.linalg.cholesky(self.covariance)
        strengths, turn = np.linalg.eigh(spread.transpose(0, 2, 1) @ spread)
        mixed = (spread @ turn).transpose(0, 2, 1)
        variance = sd[:, None] ** 2
        distance = (data**2).sum(axis=1)[:, None] - 2 * data @ values.T + (values**2).sum(axis=1)
        offset = np.einsum("kpt,kt->kp", mixed, values)
        for p in range(mixed.shape[1]):
            distance -= (data @ mixed[:, p].T - offset[:, p]) ** 2 / (variance + strengths[:, p])
        distance /= variance
        for p in range(mixed.shape[1]):
            distance += np.log1p(strengths[:, p] / variance)
        distance += ((atoms[:, 1] - self.delay_mean[:, None]) / DELAY_SPREAD_S) ** 2
        return distance + ((atoms[:, 0] - self.log_flow_mean) / LOG_FLOW_SD) ** 2


def _atoms(tissue, delays_s):
    log_flow, delay_s = (axis.ravel() for axis in np.meshgrid(LOG_FLOW_NODES, delays_s))
    return np.column_stack((log_flow, delay_s, np.broadcast_to(tissue, (log_flow.size, tissue.size))))


def _step(parameters, values, slopes, data, weights, prior, precision):
    """One Gauss-Newton step toward the maximum of the posterior; parameters, covariance, linearized curves."""
    weighted = slopes * weights[:, None, :]
    residual = weights * (data - values)
    normal = weighted @ weighted.transpose(0, 2, 1) + precision
    gradient = (weighted @ residual[:, :, None])[:, :, 0] + (prior - parameters) @ precision
    inverse = np.linalg.inv(normal)
    step = np.clip((inverse @ gradient[:, :, None])[:, :, 0], -0.5, 0.5)
    fitted = values + (step[:, None, :] @ slopes)[:, 0]
    return parameters + step, inverse, fitted
