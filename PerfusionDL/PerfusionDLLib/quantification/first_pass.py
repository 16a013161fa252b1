"""The top of a first pass that lies at the ceiling of its signal: a signal there says "at least" only.

Two witnesses tell how high it is: the flanks, through which a gamma variate runs, and late blood, since the area of a
first pass over late blood is much the same in everybody. Each has a standard deviation; together they say which tops
are probable, and whether they agree.
"""

from dataclasses import dataclass

import numpy as np

FOOT_S = 1.0  # a first pass begins so long before the end of the baseline
GAMMA_VARIATE = (np.array([0.0, 2.5, 0.4]), np.array([3.0, 1.5, 0.25]))  # log height, power, 1/s; weak prior and sd
FLANK_LOG_SD = 0.03  # of a concentration in a flank as high as what is believed, beside the gamma variate; chosen
LEAST_FLANK, WHOLE_FLANK = 0.15, 0.25  # of what is believed: less is recirculation and noise; chosen
# What is hidden over the gamma variate through its flanks: mean and standard deviation of the log rise with the share
# of the area that is hidden, from SEEN_WELL on. At the true values of the scanner it is 0.0 (0.1) below a share of 0.4,
# 0.1 (0.1) to 0.6, 0.2 (0.2) to 0.7 and 0.4 (0.2) above in the clinic's phantom (630000 to 680099), -0.02 to 0.2 (0.02
# to 0.2) in the simulation of benchmarks/independent.py, scaled to peaks of 4 to 12 mmol/L (92000 to 92011).
SEEN_WELL, TOP_LOG_MEAN_SLOPE, LEAST_TOP_LOG_SD, TOP_LOG_SD_SLOPE = 0.4, 0.6, 0.1, 0.4
TOP_LOG_HEIGHT = (-0.3, 1.2)  # that a top may have over the gamma variate; chosen
HIGHEST_MMOL_L = 18.0  # of a first pass: 0.1 mmol/kg at a cardiac output of 3 L/min
# Area of the first pass over late blood: standard deviation of its log between patients.
AREA_OVER_LATE_LOG_SD = 0.2
LEAST_HIDDEN_AREA = 0.2  # of that of the gamma variate: late blood says no more than that a top is low; chosen


@dataclass(frozen=True, kw_only=True)
class CompletedInput:
    """Blood of N draws with the tops of their first passes.

    blood : (N, T); hidden : (N,) 0 to 1, how far the top lies at the ceiling
    flank_log_shift, flank_log_sd : (N,) of the area that flanks alone expect over the drawn one, and of how sure it is
    """

    blood: np.ndarray
    hidden: np.ndarray
    flank_log_shift: np.ndarray
    flank_log_sd: np.ndarray


def complete(
    times_s: np.ndarray,
    limits_s: tuple[float, float],
    blood: np.ndarray,
    hidden_share: np.ndarray,
    *,
    wanted_area: np.ndarray,
    top: np.ndarray,
) -> CompletedInput:
    """Blood (N, T) whose frames near the ceiling follow a gamma variate through the flanks, raised or lowered.

    ``log c = a + b log(t - t0) - (t - t0) / d`` is linear in its unknowns. Flanks and late blood say how high the top
    is, each with a standard deviation; `top` draws from what both say.

    limits_s : arrival and end of the first pass; hidden_share : (N, T) 0 to 1, how near a frame is to the ceiling
    wanted_area : (N,) of the first pass by late blood, mmol/L s; top : (N,) standard deviations
    """
    arrival_s, end_s = limits_s
    first_pass = (times_s > arrival_s - FOOT_S / 2) & (times_s <= end_s)
    hidden_share = hidden_share * first_pass
    hidden = hidden_share.max(axis=1)
    touched = np.flatnonzero(hidden > 0)
    shift, spread = np.zeros(len(blood)), np.zeros(len(blood))
    if not touched.size or first_pass.sum() < 4:
        return CompletedInput(blood=blood, hidden=np.zeros(len(blood)), flank_log_shift=shift, flank_log_sd=spread)
    hidden_share, seen = hidden_share[touched][:, first_pass], blood[touched][:, first_pass]
    shape = _through_flanks(times_s[first_pass] - arrival_s + FOOT_S, seen, hidden_share)
    step_s = np.gradient(times_s)[first_pass]
    below, above = ((1 - hidden_share) * seen) @ step_s, (hidden_share * shape) @ step_s
    by_late, late_sd = _told_by_late_blood(wanted_area[touched], below, above)
    unseen = np.maximum(above / np.maximum(below + above, 1e-3) - SEEN_WELL, 0.0)
    by_flanks, flank_sd = TOP_LOG_MEAN_SLOPE * unseen, LEAST_TOP_LOG_SD + TOP_LOG_SD_SLOPE * unseen
    share = flank_sd**2 / (flank_sd**2 + late_sd**2)  # that late blood has in what both say
    both, both_sd = by_flanks + share * (by_late - by_flanks), flank_sd * np.sqrt(1 - share)
    height = np.exp(np.clip(both + both_sd * top[touched], *TOP_LOG_HEIGHT))
    found = blood.copy()
    found[np.ix_(touched, np.flatnonzero(first_pass))] = (1 - hidden_share) * seen + hidden_share * np.minimum(
        shape * height[:, None], HIGHEST_MMOL_L
    )
    drawn, expected = below + above * height, below + above * np.exp(by_flanks)
    shift[touched] = np.log(np.maximum(expected, 1e-3) / np.maximum(drawn, 1e-3))
    spread[touched] = flank_sd * above * np.exp(by_flanks) / np.maximum(expected, 1e-3)
    return CompletedInput(blood=found, hidden=hidden, flank_log_shift=shift, flank_log_sd=spread)


def _told_by_late_blood(wanted: np.ndarray, below: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log of the hidden area over that of the gamma variate (N,), and its standard deviation."""
    least = LEAST_HIDDEN_AREA * above
    hidden = np.maximum(wanted - below, least)
    return np.log(hidden / above), AREA_OVER_LATE_LOG_SD * np.maximum(wanted, least) / hidden


def _through_flanks(since_s: np.ndarray, seen: np.ndarray, hidden_share: np.ndarray) -> np.ndarray:
    """Gamma variates (N, T) through what is believed of N first passes; a frame counts by how high and sure it is."""
    basis = np.column_stack((np.ones_like(since_s), np.log(since_s), -since_s))
    believed = np.where(hidden_share < 1, seen, 0.0).max(axis=1, keepdims=True).clip(1e-3)
    height = np.clip(seen / believed, 0, 1)
    weight = (1 - hidden_share) * height * np.clip((height - LEAST_FLANK) / (WHOLE_FLANK - LEAST_FLANK), 0, 1)
    mean, sd = GAMMA_VARIATE
    precision = (FLANK_LOG_SD / sd) ** 2
    normal = np.einsum("pi,np,pj->nij", basis, weight, basis) + np.diag(precision)
    target = (weight * np.log(np.maximum(seen, 0.02))) @ basis + mean * precision
    shape = np.linalg.solve(normal, target[:, :, None])[:, :, 0] @ basis.T
    least = np.log(np.clip(np.minimum(seen, believed), 1e-2, HIGHEST_MMOL_L))
    return np.exp(np.clip(shape, least, np.log(HIGHEST_MMOL_L)))
