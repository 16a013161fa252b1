"""Flow of many pairs of curves at once, each beside a sample of the tissues that myocardium may be made of.

Tissues are drawn once from their prior: dispersed capillaries that exchange with an interstitium, and Fermi residues.
Rest and stress are fitted with the same tissues, so that what one scan says about the tissue holds for the other.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import ndtri

from ..kinetics.convolution import FLOW_PER_S
from ..kinetics.hierarchical.exchange import dispersed_response
from .nuisances import fill_evenly
from .study_model import ScanCurves

STEP_S = 0.5
LOG_FLOW = np.linspace(np.log(0.06), np.log(8.0), 24)  # mL/min/g; between the nodes by parabolas
DELAYS_S = np.array([-0.4, 0.5, 1.4, 2.3, 3.2])
TISSUES, PARTS = 192, 8  # each draw of the nuisances meets one of so many parts of the tissues; chosen

# Prior of a patient's tissue: means as of the flow model (`kinetics.hierarchical.tissue_models`).
FERMI_PROBABILITY = 0.35
LOG_PLASMA, LOG_INTERSTITIUM = (np.log(0.05), 0.4), (np.log(0.20), 0.3)  # mL/mL
LOG_SURFACE, EXPONENT = (0.0, 0.5), (0.5, 0.22)  # of PS at 1 mL/min/g, and of its rise with flow
DISPERSION_SD, LEAST_DISPERSION = 0.45, 0.05  # half normal; up to one mixed vessel
LOG_VOLUME, SHOULDER = (np.log(0.38), 0.3), (1.5, 0.8)  # of Fermi residues; shoulder times decay, 0 to 4

# A period of the Laplace grid is 1.5 times a series, in whole steps of length, so that scans share it.
PERIOD_SHARE, SERIES_STEP_S, DAMPING, HIGHEST_HZ = 1.5, 15.0, 8.0, 0.8
RUN_OUT_S = 2.0  # after the last frame the input runs out smoothly
INTEGRATION_S, RESIDUE_STEP_S = 0.1, 0.25
INPUT_DIRECTIONS, CURVE_DIRECTIONS = 6, 10  # that draws of the blood, and curves of tissue, differ in
LEAST_SHARE = 1e-5  # of the largest singular value, down to which transfer functions are told apart
SAMPLED_TRANSFERS = 96  # from which the directions of tissue curves are found


@dataclass(frozen=True, kw_only=True)
class FittedFlow:
    """Flow of N pairs of curves beside T tissues each.

    log_flow : (N, T) of mL/min/g; misfit : (N, T) root mean square over the frames, share of the peak of the tissue
    """

    log_flow: np.ndarray
    misfit: np.ndarray


def fit_flow(scan: ScanCurves, blood: np.ndarray, tissue: np.ndarray, dispersion_s: np.ndarray) -> FittedFlow:
    """The best flow and delay of each pair of curves, blood (N, T) and tissue (N, U), with each tissue of its part."""
    times_s = scan.arterial_times_s
    grid_s = np.arange(times_s[0], scan.times_s[-1] + STEP_S, STEP_S)
    to_grid = CubicSpline(times_s, np.eye(times_s.size))(np.minimum(grid_s, times_s[-1])).T  # as `input_spline`
    arriving = _dispersed(blood @ to_grid, dispersion_s)
    inputs, directions = _directions(arriving)
    height = tissue.max(axis=1, keepdims=True).clip(1e-6)
    wanted = tissue / height
    laplace_per_s, shares, transfers = _transfers(_series_s(scan), scan.acquisition.hematocrit)
    spectra = _spectra(grid_s, directions, scan)
    synthesis = _synthesis(scan, laplace_per_s)
    middle = (inputs / height).mean(axis=0) @ spectra
    some = shares[:: shares.shape[0] // SAMPLED_TRANSFERS] @ transfers
    seen = _curve_directions(some, middle, laplace_per_s, synthesis, wanted)
    curves = _dictionary(shares, transfers, spectra, laplace_per_s, synthesis @ seen)
    part = np.arange(len(blood)) % PARTS
    log_flow, squared = np.empty((2, len(blood), TISSUES // PARTS))
    for each in range(PARTS):
        rows = part == each
        if rows.any():
            log_flow[rows], squared[rows] = _fitted(inputs[rows] / height[rows], curves[each], wanted[rows] @ seen)
    outside = ((wanted - wanted @ seen @ seen.T) ** 2).sum(axis=1, keepdims=True)
    return FittedFlow(log_flow=log_flow, misfit=np.sqrt((squared + outside) / wanted.shape[1]))


def _series_s(scan: ScanCurves) -> float:
    since_s = float(scan.times_s[-1] - scan.arterial_times_s[0]) + RUN_OUT_S
    return float(np.ceil(since_s / SERIES_STEP_S) * SERIES_STEP_S)


def _laplace_grid(series_s: float) -> np.ndarray:
    """Points s (K,) of an exponentially windowed Fourier sum, as in `kinetics.hierarchical.spectrum`."""
    period_s = PERIOD_SHARE * series_s
    return DAMPING / period_s + 2j * np.pi / period_s * np.arange(int(HIGHEST_HZ * period_s) + 1)


@lru_cache(maxsize=4)
def _transfers(series_s: float, hematocrit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points s (K,), and the transfer functions (tissues x flows, 2 K) at them: real parts, minus imaginary parts.

    They are the product of two matrices, since they differ in few directions. Tissues stand part by part.
    """
    laplace_per_s = _laplace_grid(series_s)
    uniform = fill_evenly(TISSUES, 6)
    normal = ndtri(uniform)
    fermi = uniform[:, 5] < FERMI_PROBABILITY
    left = np.clip((uniform[:, 5] - FERMI_PROBABILITY) / (1 - FERMI_PROBABILITY), 0, 0.998)
    dispersion = np.clip(DISPERSION_SD * ndtri(0.5 + 0.5 * left), LEAST_DISPERSION, 1.0)
    flows = LOG_FLOW.size

    def drawn(prior, column):
        return prior[0] + prior[1] * normal[:, column]

    surface, exponent = drawn(LOG_SURFACE, 2), drawn(EXPONENT, 3).clip(0, 1)
    columns = np.zeros(TISSUES), drawn(LOG_PLASMA, 0), drawn(LOG_INTERSTITIUM, 1), surface, exponent
    parameters = np.column_stack((np.tile(LOG_FLOW, TISSUES), np.repeat(np.column_stack(columns), flows, axis=0)))
    found = np.empty((TISSUES, flows, laplace_per_s.size), complex)
    exchanging = np.repeat(~fermi, flows)
    found[~fermi] = dispersed_response(
        laplace_per_s,
        parameters[exchanging],
        hematocrit=hematocrit,
        dispersion=np.repeat(dispersion[~fermi], flows)[:, None],
    ).reshape(-1, flows, laplace_per_s.size)
    volume, shoulder = np.exp(drawn(LOG_VOLUME, 0)), drawn(SHOULDER, 1).clip(0, 4)
    found[fermi] = _fermi_transfers(laplace_per_s, volume[fermi], shoulder[fermi], PERIOD_SHARE * series_s)
    by_part = found[np.argsort(np.arange(TISSUES) % PARTS, kind="stable")].reshape(TISSUES * flows, -1)
    left, size, right = np.linalg.svd(np.concatenate((by_part.real, -by_part.imag), axis=1), full_matrices=False)
    kept = size > LEAST_SHARE * size[0]
    return laplace_per_s, left[:, kept] * size[kept], right[kept]


def _fermi_transfers(laplace_per_s, volume, shoulder, period_s) -> np.ndarray:
    """Transfer functions (N, F, K) of Fermi residues that run straight between the points of a grid."""
    times_s = np.arange(0, period_s, RESIDUE_STEP_S)
    flow, b = FLOW_PER_S * np.exp(LOG_FLOW)[None, :, None], np.exp(-shoulder)[:, None, None]
    decay_per_s = (1 + b) * np.log1p(1 / b) * flow / volume[:, None, None]
    residues = flow * (1 + b) / (1 + b * np.exp(np.minimum(decay_per_s * times_s, 60.0)))
    step = laplace_per_s * RESIDUE_STEP_S
    weights = np.exp(-times_s[:, None] * laplace_per_s) * 2 * (np.cosh(step) - 1) / step**2
    weights[0] = (step - 1 + np.exp(-step)) / step**2
    return residues @ (RESIDUE_STEP_S * weights)


def _directions(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares (N, R) of curves (N, M) in the directions (R, M) that they differ in most."""
    height = curves.max(axis=1, keepdims=True).clip(1e-6)
    alike = curves / height
    directions = np.linalg.eigh(alike.T @ alike)[1][:, -INPUT_DIRECTIONS:].T
    return curves @ directions.T, directions


def _spectra(grid_s, directions, scan: ScanCurves) -> np.ndarray:
    """Directions of the blood (R, M) on a grid in the Laplace domain (R, K)."""
    length_s = float(scan.times_s[-1] - grid_s[0]) + RUN_OUT_S
    since_s, kernel = _integration(_series_s(scan))
    fading = 0.5 * (1 + np.cos(np.pi * np.clip((since_s - length_s) / (since_s[-1] - length_s), 0, 1)))
    known = CubicSpline(grid_s - grid_s[0], directions.T)(np.minimum(since_s, grid_s[-1] - grid_s[0]))
    return (known.T * fading) @ kernel


@lru_cache(maxsize=4)
def _integration(series_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Times (L,) and what each adds to the points of the Laplace grid (L, K)."""
    since_s = np.arange(0, PERIOD_SHARE * series_s, INTEGRATION_S)
    return since_s, INTEGRATION_S * np.exp(-since_s[:, None] * _laplace_grid(series_s))


def _synthesis(scan: ScanCurves, laplace_per_s) -> np.ndarray:
    """From the Laplace domain to the frames of tissue (K, U)."""
    share = np.arange(laplace_per_s.size) / (laplace_per_s.size - 1)
    rolled = 0.5 * (1 + np.cos(np.pi * np.clip((share - 0.8) / 0.2, 0, 1)))
    weights = np.where(share == 0, 0.5, 1.0) * rolled * 2 / (PERIOD_SHARE * _series_s(scan))
    return weights[:, None] * np.exp(laplace_per_s[:, None] * (scan.times_s - scan.arterial_times_s[0]))


def _curve_directions(transfers, arriving, laplace_per_s, synthesis, wanted) -> np.ndarray:
    """Orthogonal directions (U, Q) in which curves of some transfer functions and the measured ones lie."""
    late = np.exp(-DELAYS_S[:, None] * laplace_per_s) * arriving
    operators = late[:, :, None] * synthesis
    curves = (transfers @ np.concatenate((operators.real, operators.imag), axis=1)).reshape(-1, synthesis.shape[1])
    curves = np.concatenate((curves / np.abs(curves).max(axis=1, keepdims=True), wanted))
    _, columns = np.linalg.eigh(curves.T @ curves)
    return columns[:, -CURVE_DIRECTIONS:]


def _dictionary(shares, transfers, spectra, laplace_per_s, synthesis) -> np.ndarray:
    """Curves (parts, R, Q, D tissues F) of all transfer functions and delays for each direction of the blood."""
    late = spectra[:, None, :] * np.exp(-DELAYS_S[:, None] * laplace_per_s)
    operators = (synthesis.T[None, :, None, :] * late[:, None]).reshape(-1, laplace_per_s.size)
    curves = (np.concatenate((operators.real, operators.imag), axis=1) @ transfers.T) @ shares.T
    wide = len(spectra), synthesis.shape[1], DELAYS_S.size, PARTS, TISSUES // PARTS * LOG_FLOW.size
    return curves.reshape(wide).transpose(3, 0, 1, 2, 4).reshape(PARTS, *wide[:2], -1)


def _fitted(inputs: np.ndarray, curves: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log of flow and sum of squares (N, tissues) of the best of all flows and delays, by parabolas between them.

    ``|i c - w|^2`` is one product of matrices: of ``i i`` and ``-2 i w`` with ``c c`` and ``c``.
    """
    first, second = np.triu_indices(len(curves))
    twice = np.where(first == second, 1.0, 2.0)
    squares = np.einsum("pqm,pqm->pm", curves[first], curves[second])
    of_squares = twice * inputs[:, first] * inputs[:, second]
    of_curves = -2 * (inputs[:, :, None] * wanted[:, None]).reshape(len(inputs), -1)
    misfit = of_squares @ squares
    misfit += of_curves @ curves.reshape(-1, squares.shape[1])
    misfit += (wanted**2).sum(axis=1, keepdims=True)
    place, shift, least = _lowest(misfit.reshape(len(inputs), DELAYS_S.size, -1, LOG_FLOW.size))
    log_flow = LOG_FLOW[place] + shift * (LOG_FLOW[1] - LOG_FLOW[0])
    log_flow, least = (np.ascontiguousarray(np.moveaxis(one, 1, -1)) for one in (log_flow, least))
    place, shift, least = _lowest(least)
    before, at, after = (_beside(log_flow, place, by) for by in (-1, 0, 1))
    log_flow = at + shift * (after - before) / 2 + shift**2 * (before - 2 * at + after) / 2
    return log_flow, np.maximum(least, 0.0)


def _lowest(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each row (..., F) the inner node with the lowest value, how far beyond it in nodes the parabola through it
    and its neighbors is lowest, and its value there."""
    place = values.argmin(axis=-1).clip(1, values.shape[-1] - 2)
    before, at, after = (_beside(values, place, by) for by in (-1, 0, 1))
    bend = np.maximum(before - 2 * at + after, 1e-12)
    shift = np.clip((before - after) / (2 * bend), -1, 1)
    return place, shift, at - shift * (before - after) / 2 + shift**2 * bend / 2


def _beside(values: np.ndarray, place: np.ndarray, by: int) -> np.ndarray:
    """Values (..., F) of contiguous rows at one place of each (...) and so many nodes on."""
    rows = values.shape[-1] * np.arange(place.size).reshape(place.shape)
    return values.ravel()[rows + place + by]


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
