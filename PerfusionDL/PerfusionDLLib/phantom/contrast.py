"""Contrast agent on its way: injection, right ventricle, lung, left ventricle, and back again."""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import gammaln, xlogy

STEP_S = 0.1
PASSES = 8


@dataclass(frozen=True, kw_only=True)
class Circulation:
    """Mean transit times of the way of a bolus, and what it does to it.

    start_s : of the injection; spread : standard deviation of a transit time over its mean
    body_mean_s, store_mean_s : return of the agent that stays in vessels, and of the share that leaves them
    """

    dose_mmol: float
    cardiac_output_l_s: float
    start_s: float
    injection_s: float
    veins_mean_s: float
    lung_mean_s: float
    body_mean_s: float
    store_mean_s: float
    stored_share: float
    spread: float
    residual_mmol_l: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bolus:
    """Concentration of whole blood in the two ventricles, mmol/L, on a uniform fine grid.

    residual_mmol_l : left from an earlier injection, in equilibrium with all tissues; not part of the two curves
    """

    times_s: np.ndarray
    right_mmol_l: np.ndarray
    left_mmol_l: np.ndarray
    residual_mmol_l: float


def transit(times_s: np.ndarray, mean_s: float, spread: float) -> np.ndarray:
    """Gamma-distributed transit times, 1/s: unit area, given mean and relative standard deviation.

    >>> t = np.arange(0, 60, 0.01)
    >>> round(float(transit(t, 6.0, 0.4).sum() * 0.01), 3)
    1.0
    """
    shape = 1 / spread**2
    rate = shape / mean_s
    log_density = shape * np.log(rate) + xlogy(shape - 1, times_s) - rate * times_s - gammaln(shape)
    return np.exp(log_density)


def convolve(signal: np.ndarray, kernel: np.ndarray, step_s: float) -> np.ndarray:
    """Trapezoidal causal convolution along the first axis, second order in the step.

    signal : (N,); kernel : (N, ...) on the same grid; returns (N, ...)
    """
    count = len(signal)
    length = next_fast_len(2 * count, real=True)
    column = signal.reshape(-1, *[1] * (kernel.ndim - 1))
    full = irfft(rfft(column, length, axis=0) * rfft(kernel, length, axis=0), length, axis=0)[:count]
    return step_s * (full - (column * kernel[:1] + column[:1] * kernel) / 2)


def circulate(circulation: Circulation, duration_s: float) -> Bolus:
    """Follow a bolus through the closed circulation (Stewart and Hamilton: area of the first pass = dose / output)."""
    times = np.arange(0, duration_s + STEP_S, STEP_S)
    injected = np.clip(times - circulation.start_s + STEP_S / 2, 0, STEP_S) / STEP_S
    injected = (
        injected - np.clip(times - circulation.start_s - circulation.injection_s + STEP_S / 2, 0, STEP_S) / STEP_S
    )
    inflow = circulation.dose_mmol / circulation.injection_s / circulation.cardiac_output_l_s * injected
    lung = transit(times, circulation.lung_mean_s, circulation.spread)
    body = (1 - circulation.stored_share) * transit(times, circulation.body_mean_s, 0.45)
    body = body + circulation.stored_share * transit(times, circulation.store_mean_s, 1.0)
    arriving = convolve(inflow, transit(times, circulation.veins_mean_s, circulation.spread), STEP_S)
    right, left = np.zeros_like(times), np.zeros_like(times)
    for _ in range(PASSES):
        right = right + arriving
        leaving = convolve(arriving, lung, STEP_S)
        left = left + leaving
        arriving = convolve(leaving, body, STEP_S)
    return Bolus(times_s=times, right_mmol_l=right, left_mmol_l=left, residual_mmol_l=circulation.residual_mmol_l)


def delayed(curve: np.ndarray, delay_s: float) -> np.ndarray:
    """The curve, later by a delay that need not be a multiple of the step."""
    times = np.arange(len(curve)) * STEP_S
    return np.interp(times - delay_s, times, curve)
