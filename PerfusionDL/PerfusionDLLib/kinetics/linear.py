"""Flow by linear least squares: model-free deconvolution, Patlak plot; and the semi-quantitative upslope."""

import numpy as np
from scipy.interpolate import BSpline

from ..data.flow import FitStatus
from .convolution import FLOW_PER_S, GRID_S, input_matrix, input_spline
from .fits import MOST_FLOW_ML_MIN_G, FlowFits

DELAYS_S = np.arange(0.0, 3.6, 0.4)
KNOTS_S = np.array([0.0, 1.0, 2.0, 3.5, 5.5, 8.0, 12.0, 18.0, 27.0, 40.0, 60.0, 90.0])
LATEST_PEAK_S = 8.0  # of the impulse response; late lags are seen by few frames
PENALTIES = np.geomspace(1e-4, 1e2, 13)  # of the curvature, relative to the power of the input
INTERVAL_SE = 1.96
PATLAK_AFTER_PEAK_S = 5.0  # until then little has returned to the blood
PATLAK_PS_ML_MIN_G = 1.0  # at a flow of 1 mL/min/g, rising with its square root, as in the exchange models
UPSLOPE_FRAMES = 5
NORMAL_SD_OVER_MEDIAN = 1.4826  # standard deviation over median absolute value of normal errors
NOISE_FLOOR = 3.0


def fit_spline(times_s, tissue_mmol_l, aif_times_s, arterial_mmol_l, *, used_frames=None):
    """Model-free deconvolution: the impulse response is a cubic B-spline, as smooth as the data ask for.

    Curvature is penalized (Tikhonov); generalized cross-validation chooses its weight for all curves together and the
    delay of each. MBF is the maximum of the impulse response. It assumes nothing about tissue, and pays for it:
    smoothing rounds the peak off, so that high flow comes out low (`docs/quantification.md`).

    Shapes as in `fit_fermi`.

    References
    ----------
    Jerosch-Herold M et al., IEEE Trans Med Imaging 2002;21:24 (B-splines, Tikhonov); Golub GH et al., Technometrics
    1979;21:215 (generalized cross-validation).
    """
    times_s, data, used, complete = _prepared(times_s, tissue_mmol_l, used_frames)
    arterial = input_spline(aif_times_s, arterial_mmol_l)
    span_s = times_s[-1] - min(times_s[0], aif_times_s[0])
    lags_s = np.arange(int(np.ceil(span_s / GRID_S)) + 1) * GRID_S
    basis = _basis(lags_s)
    curvature = np.diff(basis, 2, axis=1) / GRID_S**2
    penalty = curvature @ curvature.T * GRID_S
    designs = []
    for delay_s in DELAYS_S:
        matrix = input_matrix(arterial, times_s, span_s=span_s, first_s=delay_s)
        matrix[0] /= 2  # trapezoid
        designs.append(basis @ matrix)
    scores = np.array([[_cross_validation(data, x, used, penalty, weight)[0] for x in designs] for weight in PENALTIES])
    weight = PENALTIES[np.argmin(np.log(np.maximum(scores.min(axis=1), 1e-300)).sum(axis=1))]
    choice = np.argmin(scores[np.flatnonzero(weight == PENALTIES)[0]], axis=0)
    flow, se, fitted = np.zeros(len(data)), np.zeros(len(data)), np.zeros_like(data)
    for number, design in enumerate(designs):
        chosen = choice == number
        if not chosen.any():
            continue
        _, weights, solve, variance = _cross_validation(data[chosen], design, used, penalty, weight)
        response = weights @ basis
        at = np.argmax(response[:, lags_s <= LATEST_PEAK_S], axis=1)
        flow[chosen] = response[np.arange(at.size), at] / FLOW_PER_S
        se[chosen] = np.sqrt(((basis[:, at].T @ solve) ** 2).sum(axis=1) * variance) / FLOW_PER_S
        fitted[chosen] = weights @ design
    return _fits(flow, se, DELAYS_S[choice], fitted, data, used, complete)


def _cross_validation(data, design, used, penalty, weight):
    """Score of each curve, spline weights (N, J), their derivative by the data (J, T), and variance of a frame."""
    seen = design[:, used]
    power = np.trace(seen @ seen.T) / np.trace(penalty)
    solve = np.linalg.pinv(seen @ seen.T + weight * power * penalty, hermitian=True) @ seen
    weights = data[:, used] @ solve.T
    freedom = seen.shape[1] - np.trace(solve @ seen.T)
    variance = ((data[:, used] - weights @ seen) ** 2).sum(axis=1) / freedom
    return variance / freedom, weights, solve, variance


def fit_patlak(times_s, tissue_mmol_l, aif_times_s, arterial_mmol_l, *, hematocrit, used_frames=None):
    """Flow from the initial uptake: ``Q = K integral(C_a) + v C_a`` until shortly after the arterial peak.

    K is what the tissue keeps, ``K = F E``; the extraction is taken from the Renkin-Crone relation with a literature
    permeability, ``E = 1 - exp(-PS / F_p)``, ``PS = sqrt(F)``, and solved for F. What flows back to the blood is
    neglected, which lowers flow where it is high.

    Shapes as in `fit_fermi`.

    References
    ----------
    Patlak CS et al., J Cereb Blood Flow Metab 1983;3:1. Crone C, Acta Physiol Scand 1963;58:292.
    """
    times_s, data, used, complete = _prepared(times_s, tissue_mmol_l, used_frames)
    arterial = input_spline(aif_times_s, arterial_mmol_l)
    known = np.isfinite(arterial_mmol_l)
    peak_s = np.asarray(aif_times_s)[known][np.argmax(np.asarray(arterial_mmol_l)[known])]
    grid_s = np.arange(min(times_s[0], aif_times_s[0]) - 5, times_s[-1] + GRID_S, GRID_S)
    sampled = arterial(grid_s)
    filled = np.concatenate(([0], np.cumsum((sampled[1:] + sampled[:-1]) / 2) * GRID_S))
    best = {"score": np.full(len(data), np.inf)}
    early = used & (times_s <= peak_s + PATLAK_AFTER_PEAK_S)
    for delay_s in DELAYS_S:
        design = np.stack([np.interp(times_s - delay_s, grid_s, curve) for curve in (filled, sampled)])
        seen = design[:, early]
        inverse = np.linalg.pinv(seen @ seen.T, hermitian=True)
        weights = data[:, early] @ (inverse @ seen).T
        variance = ((data[:, early] - weights @ seen) ** 2).sum(axis=1) / max(int(early.sum()) - 3, 1)
        better = variance < best["score"]
        found = {
            "score": variance[better],
            "uptake": weights[better, 0] / FLOW_PER_S,
            "se": np.sqrt(inverse[0, 0] * variance[better]) / FLOW_PER_S,
            "delay": np.full(int(better.sum()), delay_s),
            "fitted": weights[better] @ design,
        }
        for name, values in found.items():
            best.setdefault(name, np.zeros((len(data), *values.shape[1:])))[better] = values
    flows = np.linspace(0.01, MOST_FLOW_ML_MIN_G, 2400)
    extraction = -np.expm1(-PATLAK_PS_ML_MIN_G * np.sqrt(flows) / (flows * (1 - hematocrit)))
    flow = np.interp(best["uptake"], flows * extraction, flows)
    steepness = np.interp(flow, flows, 1 / np.gradient(flows * extraction, flows))
    return _fits(flow, best["se"] * steepness, best["delay"], best["fitted"], data, early, complete)


def relative_upslope(times_s, tissue_mmol_l, aif_times_s, arterial_mmol_l, *, used_frames=None):
    """Semi-quantitative upslope (N,): steepest rise of the tissue over that of the blood, by lines through five frames.

    The ratio of stress and rest is the myocardial perfusion reserve index (MPRI), which underestimates the reserve.

    References
    ----------
    Al-Saadi N et al., Circulation 2000;101:1379.

    Examples
    --------
    >>> t = np.arange(30.0)
    >>> blood = np.clip(t - 5, 0, 10)
    >>> relative_upslope(t, 0.1 * blood[:, None], t, blood).round(3)
    array([0.1])
    """
    used = slice(None) if used_frames is None else np.asarray(used_frames)
    blood = np.asarray(arterial_mmol_l, dtype=float)
    known = np.isfinite(blood)
    steepest = steepest_rise(np.asarray(aif_times_s)[known], blood[known][:, None])[0]
    return steepest_rise(np.asarray(times_s)[used], np.asarray(tissue_mmol_l, dtype=float)[used]) / steepest


def upslope_log_sd(times_s, tissue_mmol_l, *, used_frames=None):
    """Standard deviation (N,) of the log of the steepest rise of curves (T, N) by their noise; NaN where none rises.

    Noise is that of second differences, by their median: a bolus bends curves in few frames.
    """
    used = slice(None) if used_frames is None else np.asarray(used_frames)
    times_s, curves = np.asarray(times_s)[used], np.asarray(tissue_mmol_l, dtype=float)[used]
    noise = NORMAL_SD_OVER_MEDIAN * np.median(np.abs(np.diff(curves, 2, axis=0)), axis=0) / np.sqrt(6)
    spread_s = UPSLOPE_FRAMES**1.5 / np.sqrt(12) * np.median(np.diff(times_s))  # root of the sum of squares of times
    steepest = steepest_rise(times_s, curves)
    return np.where(steepest > 0, noise / spread_s / np.maximum(steepest, 1e-12), np.nan)


def steepest_rise(times_s, curves):
    """Steepest rise (N,) of curves (T, N), by lines through five frames."""
    window = np.lib.stride_tricks.sliding_window_view
    t = window(times_s, UPSLOPE_FRAMES) - window(times_s, UPSLOPE_FRAMES).mean(axis=1, keepdims=True)
    slopes = np.einsum("wf,wnf->wn", t, window(curves, UPSLOPE_FRAMES, axis=0)) / (t**2).sum(axis=1)[:, None]
    return slopes.max(axis=0)


def _basis(lags_s):
    """Cubic B-splines (J, M) at the lags, dense where the response changes fast."""
    knots = np.concatenate(([0.0] * 3, KNOTS_S[lags_s[-1] > KNOTS_S], [lags_s[-1] + 1e-9] * 4))
    return BSpline.design_matrix(lags_s, knots, 3).toarray().T


def _prepared(times_s, tissue_mmol_l, used_frames):
    times_s = np.asarray(times_s, dtype=float)
    data = np.asarray(tissue_mmol_l, dtype=float).T
    used = np.ones(times_s.size, bool) if used_frames is None else np.asarray(used_frames)
    complete = np.isfinite(data[:, used]).all(axis=1)
    return times_s, np.where(used & complete[:, None], data, 0.0), used, complete


def _fits(flow, se, delay_s, fitted, data, used, complete):
    scatter = np.std((data - fitted)[:, used], axis=1)
    noticeable = (
        (flow > 0) & (data[:, used].sum(axis=1) > 0) & (np.abs(fitted[:, used]).max(axis=1) > NOISE_FLOOR * scatter)
    )
    reasons = {
        FitStatus.AT_BOUND: noticeable & (flow >= MOST_FLOW_ML_MIN_G),
        FitStatus.SATURATED: ~complete,
        FitStatus.NO_SIGNAL: complete & ~noticeable,
    }
    combined = sum(np.where(found, reason, FitStatus.OK) for reason, found in reasons.items())
    status = np.asarray(combined).astype(np.uint8)
    flow, se = (np.where(status == 0, values, np.nan) for values in (flow, se))
    return FlowFits(
        mbf_ml_min_g=flow,
        mbf_se_ml_min_g=se,
        mbf_low_ml_min_g=np.maximum(flow - INTERVAL_SE * se, 0),
        mbf_high_ml_min_g=flow + INTERVAL_SE * se,
        status=status,
        fitted_mmol_l=fitted.T,
        parameters={"delay_s": delay_s},
    )
