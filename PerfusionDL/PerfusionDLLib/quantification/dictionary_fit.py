"""Flow of many pairs of curves at once, by a small dictionary of Fermi residues.

It tells what a change of the curves does to flow, hundreds of changes in a few hundredths of a second. The flow itself
is the flow model's.
"""

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import logsumexp

from ..kinetics.convolution import FLOW_PER_S
from .study_model import ScanCurves

STEP_S = 0.5
TRANSIT_S = np.geomspace(2.0, 40.0, 8)  # mean transit times of the dictionary
SHAPES = (0.7, 2.5)  # shoulder times decay of its residues
DELAYS_S = (-0.4, 0.4, 1.2, 2.2)
LOG_VOLUME = (np.log(0.38), 0.35)  # of whole blood in tissue; as the prior of the Fermi model
MISFIT = 0.03  # of the peak, standard deviation of a frame; as for curves alone in `kinetics.hierarchical.averaged`


def fit_flow(scan: ScanCurves, blood: np.ndarray, tissue: np.ndarray, dispersion_s: np.ndarray):
    """Log of flow, mL/min/g, and misfit (N,) each, of curves of blood (N, T) and tissue (N, U).

    The best curves of a dictionary of Fermi residues, with a prior on their volume, averaged by how well they fit.
    """
    times_s = scan.arterial_times_s
    grid_s = np.arange(times_s[0], scan.times_s[-1] + STEP_S, STEP_S)
    to_grid = CubicSpline(times_s, np.eye(times_s.size))(np.minimum(grid_s, times_s[-1])).T  # as `input_spline`
    operators, transits_s = _dictionary(grid_s, scan.times_s)
    curves = _dispersed(blood @ to_grid, dispersion_s) @ operators
    curves = curves.reshape(len(blood), transits_s.size, -1)
    overlap = np.einsum("ndt,nt->nd", curves, tissue)
    strength = np.maximum(np.einsum("ndt,ndt->nd", curves, curves), 1e-30)
    rate_per_s = np.maximum(overlap / strength, 1e-6)
    misfit = (tissue**2).sum(axis=1)[:, None] - rate_per_s * overlap
    variance = (MISFIT * np.maximum(tissue.max(axis=1), 1e-6)[:, None]) ** 2
    off = (np.log(rate_per_s * transits_s) - LOG_VOLUME[0]) / LOG_VOLUME[1]
    score = -misfit / (2 * variance) - off**2 / 2
    total = logsumexp(score, axis=1, keepdims=True)
    log_flow = (np.exp(score - total) * np.log(rate_per_s / FLOW_PER_S)).sum(axis=1)
    return log_flow, -total[:, 0]


def _dispersed(curves: np.ndarray, mean_s: np.ndarray) -> np.ndarray:
    """Curves (N, M) on the grid after one well-mixed vessel each, of a mean transit time (N,).

    Exact for an input that runs straight between the points of the grid.
    """
    mean_s = np.maximum(mean_s, 1e-3)
    kept = np.exp(-STEP_S / mean_s)
    after = 1 - mean_s / STEP_S * (1 - kept)
    before = 1 - kept - after
    found = np.empty_like(curves)
    found[:, 0] = curves[:, 0]
    for step in range(1, curves.shape[1]):
        found[:, step] = kept * found[:, step - 1] + before * curves[:, step - 1] + after * curves[:, step]
    return found


def _dictionary(grid_s: np.ndarray, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Operators (M, D U) from an input on the grid to curves at unit flow, 1/s, and their mean transit times (D,)."""
    operators, transits_s = [], []
    lag_s = times_s[None, :] - grid_s[:, None]
    for delay_s in DELAYS_S:
        passed = STEP_S * np.clip((lag_s - delay_s) / STEP_S + 0.5, 0, 1)  # of a step of the grid, in part or in full
        since_s = np.maximum(lag_s - delay_s, 0)
        for shape in SHAPES:
            b = np.exp(-shape)
            for transit_s in TRANSIT_S:
                decay_per_s = (1 + b) * np.log1p(1 / b) / transit_s
                operators.append(passed * (1 + b) / (1 + b * np.exp(np.minimum(since_s * decay_per_s, 60.0))))
                transits_s.append(transit_s)
    return np.stack(operators, axis=1).reshape(len(grid_s), -1), np.array(transits_s)
