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
from .fits import FlowFits
from .population import GroupCurves, Population, learn
from .tissue_models import LOG_FLOW_PRIOR, PreparedInput, TissueModel, prepare_input

LOG_FLOW_NODES = np.linspace(np.log(0.08), np.log(9.0), 48)  # 10 % apart: the step that follows is exact to 0.1 %
DELAY_NODES = 9
DELAY_SPREAD_S = 0.35  # within a group
NEGLIGIBLE_PROBABILITY = 0.02
SUBSPACE_TOLERANCE = 2e-3  # of the largest singular value: directions that the models can reach
LEAST_MISFIT = 0.003  # of the peak: no model and no arterial input describe tissue better
MODEL_LOG_SD = 0.03  # of flow: heterogeneity within a region and whatever else no model here holds
INTERVAL_SD = 1.96
EXACT_CURVES = 64  # so few curves are given a second, exact step


@dataclass(frozen=True, kw_only=True)
class CurveSet:
    """Concentration curves of one slice.

    times_s : (T,); curves : (T, N) mmol/L; groups : (N,) int, pixels of a group are near each other
    used_frames : (T,) bool
    """

    times_s: np.ndarray
    curves: np.ndarray
    groups: np.ndarray
    used_frames: np.ndarray


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
) -> ScanModel:
    """Tissue parameters and model probabilities from all curves of a scan."""
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
    populations = tuple(learn(model, means) for model in models)
    frames = sum(int(np.isfinite(group.sd).sum()) - 2 * len(group.curves) for group in means)
    excess = max(min(population.misfit for population in populations) / max(frames, 1) - 1, 0.0)
    noise_share = np.concatenate([group.sd.min(axis=1) / np.abs(group.curves).max(axis=1) for group in means])
    excess = max(excess, float(np.mean((LEAST_MISFIT / noise_share) ** 2)))
    # What the noise does not explain comes from the arterial input, which all groups share: for it they count as one.
    temperature = 1 + sum(len(numbers) for numbers in groups) * excess
    evidence = np.array([population.log_evidence for population in populations]) / temperature
    probabilities = softmax(evidence + np.log([model.prior_probability for model in models]))
    populations = tuple(replace(each, covariance=each.covariance * temperature) for each in populations)
    return ScanModel(
        populations=populations,
        probabilities=probabilities,
        prepared=prepared,
        subspaces=subspaces,
        groups=groups,
        temperature=temperature,
    )


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
    results = [_fit_one(scan.populations[m], scan, number, part.groups, data, sd, used) for m in kept]
    log_flow = np.array([parameters[:, 0] for parameters, _, _, _ in results])
    log_sd = np.array([np.sqrt(covariance[:, 0, 0]) for _, covariance, _, _ in results])
    flows = np.exp(log_flow)
    flow = np.exp(weights @ log_flow)
    spread_sd = np.sqrt(weights @ (log_sd**2 + (log_flow - np.log(flow)) ** 2) + MODEL_LOG_SD**2 + input_log_sd**2)
    best = int(np.argmax(weights))
    parameters, _, at_edge, _ = results[best]
    reasons = {
        FitStatus.AT_BOUND: at_edge,
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
        fitted_mmol_l=(weights @ np.array([fitted.reshape(-1) for _, _, _, fitted in results])).reshape(data.shape).T,
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
    sizes = np.maximum(member.sum(axis=0), 1)
    means = (member / sizes).T @ data
    pixel_sd = _noise(data, subspace, used)
    expected = np.sqrt(member.T @ pixel_sd**2) / sizes
    sd = np.maximum(_noise(means, subspace, used), expected)
    empty = member.sum(axis=0) == 0
    sd = np.where(empty[:, None] | ~used, np.inf, np.where(empty, 1.0, sd)[:, None])
    return GroupCurves(prepared=prepared, curves=means, sd=sd)


def _fit_one(population, scan, number, groups, data, sd, used):
    """Parameters (N, 2 + p), covariance, whether at the edge of the dictionary, and fitted curves (N, T)."""
    model, prepared = population.model, scan.prepared[number]
    index = np.searchsorted(scan.groups[number], groups).clip(0, len(scan.groups[number]) - 1)
    delay_mean = population.delay_s[number][index]
    log_flow_mean = np.median(np.concatenate(population.log_flow))
    tissue_covariance = population.covariance + np.diag(model.pixel_sd**2)

    lowest, highest = population.delay_s[number].min() - 1.0, population.delay_s[number].max() + 1.0
    delays_s = np.linspace(lowest, highest, max(DELAY_NODES, int((highest - lowest) / 0.35) + 1))
    atoms = _atoms(population.mean, delays_s)
    values, slopes = model.curves(atoms, prepared)
    fitted_values, slopes = values * used, slopes * used

    # Integrate the tissue parameters out: in the coordinates of `mixed` they are independent.
    spread = slopes[:, 2:].transpose(0, 2, 1) @ np.linalg.cholesky(tissue_covariance)
    strengths, turn = np.linalg.eigh(spread.transpose(0, 2, 1) @ spread)
    mixed = (spread @ turn).transpose(0, 2, 1)
    variance = sd[:, None] ** 2
    distance = (data**2).sum(axis=1)[:, None] - 2 * data @ fitted_values.T + (fitted_values**2).sum(axis=1)
    offset = np.einsum("kpt,kt->kp", mixed, fitted_values)
    for p in range(mixed.shape[1]):
        explained = (data @ mixed[:, p].T - offset[:, p]) ** 2
        distance -= explained / (variance + strengths[:, p])
    distance /= variance
    for p in range(mixed.shape[1]):
        distance += np.log1p(strengths[:, p] / variance)
    distance += ((atoms[:, 1] - delay_mean[:, None]) / DELAY_SPREAD_S) ** 2
    distance += ((atoms[:, 0] - log_flow_mean) / LOG_FLOW_PRIOR[1]) ** 2
    best = np.argmin(distance, axis=1)

    precision = np.zeros((2 + population.mean.size,) * 2)
    precision[0, 0], precision[1, 1] = LOG_FLOW_PRIOR[1] ** -2.0, DELAY_SPREAD_S**-2
    precision[2:, 2:] = np.linalg.inv(tissue_covariance)
    prior = np.column_stack(
        (
            np.full(len(data), log_flow_mean),
            delay_mean,
            np.broadcast_to(population.mean, (len(data), precision.shape[0] - 2)),
        )
    )
    parameters, inverse, fitted = _step(
        atoms[best], values[best], slopes[best], data, used / sd[:, None], prior, precision
    )
    if len(data) <= EXACT_CURVES:
        values, slopes = model.curves(parameters, prepared)
        parameters, inverse, fitted = _step(parameters, values, slopes, data, used / sd[:, None], prior, precision)
    at_edge = (parameters[:, 0] <= LOG_FLOW_NODES[0]) | (parameters[:, 0] >= LOG_FLOW_NODES[-1])
    return parameters, inverse, at_edge, fitted


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
