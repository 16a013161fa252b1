"""Fermi-constrained deconvolution (Jerosch-Herold et al., Med Phys 1998;25:73)."""

import numpy as np

from ..data.flow import FitStatus
from .convolution import FLOW_PER_S, GRID_S, input_matrix, input_spline
from .fits import EDGE_SPILLOVER_SD, INNER_SPILLOVER_SD, MOST_FLOW_ML_MIN_G, MOST_SPILLOVER, FlowFits
from .least_squares import levenberg_marquardt

# Parameters: flow (mL/min/g), log of the decay rate k (1/s), shoulder k * tau0 (1), delay (s)
LOWER = np.array([0.0, np.log(0.004), -2.0, -1.0])
UPPER = np.array([MOST_FLOW_ML_MIN_G, np.log(1.5), 8.0, 6.0])
START_DECAY_PER_S = (0.02, 0.05, 0.1, 0.2, 0.4)
START_SHOULDER = (0.0, 1.5, 4.0)
START_DELAY_S = tuple(np.arange(-0.5, 4.1, 0.5))
INTERVAL_SE = 1.96  # standard errors either side in a 95 % interval
# Weak priors, against shapes that noise alone draws: log of the decay rate about that of a distribution volume at the
# flow of the curve, shoulder, delay about the slice's
PRIOR_VOLUME = 0.35  # mL/mL, as in `hierarchical.tissue_models.FERMI`
PRIOR_LOG_DECAY_SD, PRIOR_SHOULDER, PRIOR_DELAY_SD_S = 1.0, (1.5, 1.5), 0.35
PRIOR_FLOW_ML_MIN_G = (0.3, 5.0)  # limits of the flow that the prior is taken at
LATE_ARRIVAL_S = 5.0
NOISE_FLOOR = 3.0  # largest weighted correlation with any start curve, in standard errors


def fermi_residue(times_s, *, shoulder_s, decay_per_s):
    """Fermi residue function, scaled so that R(0) = 1.

    ``R(t) = (1 + b) / (1 + b exp(k t))`` with ``b = exp(-k tau0)``. Of the conventions in circulation this is the one
    whose flow is the maximum of the impulse response; the other common one, ``F / (1 + exp(k (t - tau0)))``, has
    its maximum at ``F / (1 + b)``.

    times_s : (...), from the arrival; shoulder_s : tau0; decay_per_s : k

    Examples
    --------
    >>> float(fermi_residue(0.0, shoulder_s=2.0, decay_per_s=0.3))
    1.0
    """
    beta = np.exp(-shoulder_s * decay_per_s)
    return (1 + beta) / (1 + beta * np.exp(np.minimum(decay_per_s * np.asarray(times_s), 600)))


def fit_fermi(
    times_s, tissue_mmol_l, aif_times_s, arterial_mmol_l, *, used_frames=None, edge=None, spillover=None, grid_s=GRID_S
):
    """Flow by Fermi-constrained deconvolution with a delay: ``MBF = 60 max(h) / 1.05``.

    Each curve is fitted for itself; the shape has weak priors and the delay stays near that of the other curves. The
    least-squares fit starts from the best of 150 precomputed curves and runs for all curves together. Frames may
    be unevenly spaced: the model is evaluated at the times they were taken.

    Parameters
    ----------
    times_s : (T,)
    tissue_mmol_l : (T, N) array
        NaN frames do not take part.
    aif_times_s, arterial_mmol_l : (A,)
    used_frames : (T,) bool, optional
    edge, spillover : (N,) bool, (S, T), optional
        Pixels that may hold blood of a neighboring cavity, and what a pixel full of such blood would show.

    Returns
    -------
    FlowFits
        The standard error is that of the least-squares estimate from the scatter of the residuals.
    """
    times_s = np.asarray(times_s, dtype=float)
    data = np.asarray(tissue_mmol_l, dtype=float).T
    used = np.isfinite(data) & (True if used_frames is None else np.asarray(used_frames))
    fittable = used.sum(axis=1) > len(LOWER) + 1
    weights = used.astype(float)
    data = np.where(used, data, 0.0)
    span_s = times_s[-1] - min(times_s[0], aif_times_s[0]) - LOWER[3]
    matrix = input_matrix(
        input_spline(aif_times_s, arterial_mmol_l), times_s, span_s=span_s, first_s=LOWER[3], grid_s=grid_s
    )

    spillover = np.zeros((0, len(times_s))) if spillover is None else np.asarray(spillover)
    spillover_sd = np.where(np.zeros(len(data), bool) if edge is None else edge, EDGE_SPILLOVER_SD, INNER_SPILLOVER_SD)

    def model(parameters):
        """Fermi curves with the blood that the pixels hold."""
        tissue, blood = np.split(parameters, [len(LOWER)], axis=1)
        curves, slopes = fermi_curves(tissue, matrix, grid_s)
        shown = np.broadcast_to(spillover, (len(parameters), *spillover.shape))
        return curves + blood @ spillover, np.concatenate((slopes, shown), axis=1)

    bloods = np.ones(len(spillover))
    start, scatter, noticeable = _start(data, weights, lambda atoms: fermi_curves(atoms, matrix, grid_s))
    prior_mean = np.zeros((len(data), len(LOWER) + len(spillover)))
    prior_mean[:, 1] = _log_decay_of_volume(start[:, 0].clip(*PRIOR_FLOW_ML_MIN_G))
    prior_mean[:, 2] = PRIOR_SHOULDER[0]
    prior_mean[:, 3] = _common_delay_s(data, weights, noticeable, lambda atoms: fermi_curves(atoms, matrix, grid_s))
    prior_sd = np.broadcast_to([np.inf, PRIOR_LOG_DECAY_SD, PRIOR_SHOULDER[1], PRIOR_DELAY_SD_S], start.shape)
    parameters, converged, normal, misfit = levenberg_marquardt(
        model,
        np.concatenate((start, np.zeros((len(data), len(spillover)))), axis=1),
        np.concatenate((LOWER, -bloods)),
        np.concatenate((UPPER, bloods)),
        data,
        weights / scatter[:, None],
        prior_mean=prior_mean,
        prior_precision=np.concatenate((prior_sd, spillover_sd[:, None] * bloods), axis=1) ** -2.0,
    )
    held = parameters[:, len(LOWER) :].sum(axis=1)
    freedom = np.maximum(used.sum(axis=1) - len(LOWER), 1)
    bound = (parameters[:, 0] <= LOWER[0]) | (parameters[:, 0] >= UPPER[0])
    se = _standard_error(normal, misfit / freedom)

    reasons = {
        FitStatus.LATE_ARRIVAL: parameters[:, 3] > LATE_ARRIVAL_S,
        FitStatus.AT_BOUND: bound,
        FitStatus.NOT_CONVERGED: ~converged,
        FitStatus.PARTIAL_VOLUME: np.abs(held) > MOST_SPILLOVER,
        FitStatus.SATURATED: ~fittable,
        FitStatus.NO_SIGNAL: fittable & ~noticeable,
    }
    combined = sum(np.where(found, reason, FitStatus.OK) for reason, found in reasons.items())
    status = np.asarray(combined).astype(np.uint8)
    trusted = status == 0
    tissue_share = 1 - np.clip(held, 0, MOST_SPILLOVER)
    mbf = np.where(trusted, parameters[:, 0] / tissue_share, np.nan)
    se = np.where(trusted, se / tissue_share, np.nan)
    return FlowFits(
        mbf_ml_min_g=mbf,
        mbf_se_ml_min_g=se,
        mbf_low_ml_min_g=np.maximum(mbf - INTERVAL_SE * se, 0),
        mbf_high_ml_min_g=mbf + INTERVAL_SE * se,
        status=status,
        fitted_mmol_l=model(parameters)[0].T,
        parameters={
            "decay_per_s": np.exp(parameters[:, 1]),
            "shoulder_s": parameters[:, 2] / np.exp(parameters[:, 1]),
            "delay_s": parameters[:, 3],
        },
    )


def fermi_curves(parameters, matrix, grid_s):
    """Tissue curves (N, T) and their derivatives (N, 4, T); `matrix` begins at the smallest delay."""
    flow, log_decay, shoulder, delay_s = parameters.T[:, :, None]
    lags_s = np.arange(len(matrix)) * grid_s
    since_s = lags_s - (delay_s - LOWER[3])  # after arrival
    decay = np.exp(log_decay)
    beta = np.exp(-shoulder)
    growth = beta * np.exp(np.minimum(decay * since_s, 60))
    # The first, partly covered cell of the grid counts by its share: second order in the grid.
    covered = np.clip(since_s / grid_s + 0.5, 0, 1)
    residue = (1 + beta) / (1 + growth)
    log_fall = growth / (1 + growth)  # -d log(residue) / d(growth exponent)
    by_log_decay = -residue * log_fall * decay * since_s
    by_shoulder = residue * (log_fall - beta / (1 + beta))
    edge = (covered > 0) & (covered < 1)
    by_delay = residue * (log_fall * decay * covered - edge / grid_s)
    flow_per_s = flow * FLOW_PER_S
    stacked = np.stack((residue * covered, by_log_decay * covered, by_shoulder * covered, by_delay), axis=1)
    unit = (stacked.reshape(-1, len(matrix)) @ matrix).reshape(len(parameters), 4, -1)
    slopes = unit * flow_per_s[:, :, None]
    slopes[:, 0] = unit[:, 0] * FLOW_PER_S
    return unit[:, 0] * flow_per_s, slopes


def _log_decay_of_volume(flow):
    """Log of the decay rate (1/s) with which a residue of the prior's shoulder has the prior's volume at some flows."""
    b = np.exp(-PRIOR_SHOULDER[0])
    area = (1 + b) * np.log1p(1 / b)  # of the residue, times its decay rate
    return np.log(area * FLOW_PER_S * flow / PRIOR_VOLUME)


def _common_delay_s(data, weights, noticeable, model) -> float:
    """Delay of the mean of the noticeable curves: it has little noise, and the dictionary is coarse."""
    if not noticeable.any():
        return 0.0
    count = weights[noticeable].sum(axis=0)
    mean = (weights * data)[noticeable].sum(axis=0) / np.maximum(count, 1)
    weight = np.sqrt(count)[None]
    start, scatter, _ = _start(mean[None], (weight > 0).astype(float), model)
    found, *_ = levenberg_marquardt(model, start, LOWER, UPPER, mean[None], weight / scatter)
    return float(found[0, 3])


def _start(data, weights, model):
    """Best curve of a dictionary for each curve, the scatter about it, and whether there is anything to fit."""
    grid = np.meshgrid(np.log(START_DECAY_PER_S), START_SHOULDER, START_DELAY_S, indexing="ij")
    atoms = np.stack([np.ones(grid[0].size), *(axis.ravel() for axis in grid)], axis=1)
    curves, _ = model(atoms)
    norms = weights**2 @ (curves**2).T
    products = (weights * data) @ curves.T
    best = np.argmax(np.where(products > 0, products**2 / np.maximum(norms, 1e-30), -1), axis=1)
    rows = np.arange(len(data))
    flow = products[rows, best] / np.maximum(norms[rows, best], 1e-30)
    residual = weights * (data - flow[:, None] * curves[best])
    scatter = np.sqrt((residual**2).sum(axis=1) / np.maximum(weights.sum(axis=1) - 4, 1))
    noticeable = (flow > 0) & (flow * np.sqrt(norms[rows, best]) > NOISE_FLOOR * scatter)
    start = atoms[best].copy()
    start[:, 0] = np.clip(flow, 0.02, UPPER[0] / 2)
    return start, np.maximum(scatter, 1e-6 * np.abs(data).max(axis=1) + 1e-30), noticeable


def _standard_error(normal, variance):
    """Of the first parameter."""
    scale = np.sqrt(np.maximum(np.diagonal(normal, axis1=1, axis2=2), 1e-30))
    inverse = np.linalg.pinv(normal / (scale[:, :, None] * scale[:, None, :]), hermitian=True)[:, 0, 0]
    return np.sqrt(np.maximum(inverse, 0) * variance) / scale[:, 0]
