"""The best curve of a dictionary for each pixel, tissue parameters integrated out, then one Gauss-Newton step.

Everything happens in the few directions that curves of the models can take (`averaged.ScanModel.subspaces`).
"""

from dataclasses import dataclass

import numpy as np

from ..convolution import GRID_S
from ..fermi import LOWER as FERMI_LOWER
from ..fits import EDGE_SPILLOVER_SD, INNER_SPILLOVER_SD, MOST_SPILLOVER
from .population import LOCAL, Population
from .tissue_models import PreparedInput

LOG_FLOW_NODES = np.linspace(np.log(0.08), np.log(9.0), 48)  # 10 % apart: the step that follows is exact to 0.1 %
DELAY_MARGIN_S = 0.75  # about the delays of the groups; nodes are as far apart as the grid of the convolution
EARLIEST_S = FERMI_LOWER[3]
LOG_FLOW_SD = 1.0  # of pixels, about the median of the scan
DELAY_SPREAD_S = 0.35  # within a group
EXACT_CURVES = 64  # so few curves are given a second, exact step
LARGEST_STEP = 0.5
# Difference of minus twice the log of the posterior below which a second dictionary curve counts too; chosen: small, so
# that a curve has 1.4 starts on average, yet far above what rounding does to it.
NEARLY = 0.25


@dataclass(frozen=True)
class ModelFit:
    """parameters (N, 2 + p), variance of the log of flow (N,), share of each blood (N, S), fitted curves (N, T)."""

    parameters: np.ndarray
    variance: np.ndarray
    spillover: np.ndarray
    fitted: np.ndarray

    @property
    def log_flow(self) -> np.ndarray:
        """Of the tissue in the pixel (N,): flow per gram of tissue, not per gram of tissue and blood."""
        return self.parameters[:, 0] - np.log1p(-np.clip(self.spillover.sum(axis=1), 0, MOST_SPILLOVER))


class Dictionary:
    """Curves of one model at all flows and delays of a slice, with their derivatives.

    population : what the scan says about the tissue; group_delay_s (G,), group_numbers (G,) : of the slice
    subspace : (R, T) orthonormal rows, zero in frames that do not take part; spillover : (S, T) or None
    """

    def __init__(
        self,
        population: Population,
        prepared: PreparedInput,
        *,
        group_delay_s: np.ndarray,
        group_numbers: np.ndarray,
        subspace: np.ndarray,
        spillover: np.ndarray | None,
    ) -> None:
        self.population, self.prepared = population, prepared
        self.group_delay_s, self.group_numbers = group_delay_s, group_numbers
        lowest = max(np.floor((group_delay_s.min() - DELAY_MARGIN_S) / GRID_S) * GRID_S, EARLIEST_S)
        highest = max(group_delay_s.max() + DELAY_MARGIN_S, lowest)
        delay_nodes_s = np.arange(lowest, highest + GRID_S, GRID_S)
        log_flow, delay_s = (axis.ravel() for axis in np.meshgrid(LOG_FLOW_NODES, delay_nodes_s))
        tissue = np.broadcast_to(population.mean, (log_flow.size, population.mean.size))
        self.atoms = np.column_stack((log_flow, delay_s, tissue))
        self.spillover = np.zeros((0, subspace.shape[1])) if spillover is None else np.asarray(spillover)
        self.grid = population.model.grid(LOG_FLOW_NODES, delay_nodes_s, population.mean, prepared)
        self.basis = _extended(subspace, self.spillover)
        seen = self.grid.projected(self.basis)
        shown = np.broadcast_to(self.spillover @ self.basis.T, (len(seen), len(self.spillover), len(self.basis)))
        self.seen_values, self.seen_slopes = seen[:, 0], np.concatenate((seen[:, 1:], shown), axis=1)
        self.log_flow_mean = np.median(np.concatenate(population.log_flow))

    def fit(self, data, sd, groups, edge) -> ModelFit:
        """Fit curves (N, T), zero in frames that do not take part, with noise of ``sd`` (N,).

        Pixels of ``edge`` (N,) may hold blood of a cavity.
        """
        size, bloods = self.atoms.shape[1], len(self.spillover)
        parameters, spillover_share = np.empty((len(data), size)), np.zeros((len(data), bloods))
        variance, fitted = np.empty(len(data)), np.empty_like(data)
        for chosen, spillover_sd in ((~edge, INNER_SPILLOVER_SD), (edge, EDGE_SPILLOVER_SD)):
            if not chosen.any():
                continue
            found, variance[chosen], fitted[chosen] = self._fit(data[chosen], sd[chosen], groups[chosen], spillover_sd)
            parameters[chosen], spillover_share[chosen] = found[:, :size], found[:, size:]
        return ModelFit(parameters, variance, spillover_share, fitted)

    def _fit(self, data, sd, groups, spillover_sd):
        index = np.searchsorted(self.group_numbers, groups).clip(0, len(self.group_numbers) - 1)
        delay_mean_s = self.group_delay_s[index]
        covariance = self._covariance(spillover_sd)
        seen = data @ self.basis.T
        place, atom, share = _nearest(self._distance(seen, np.median(sd), delay_mean_s, covariance))
        precision = np.zeros((LOCAL + len(covariance),) * 2)
        precision[0, 0], precision[1, 1] = LOG_FLOW_SD**-2.0, DELAY_SPREAD_S**-2
        precision[LOCAL:, LOCAL:] = np.linalg.inv(covariance)
        prior = np.zeros((len(place), len(precision)))
        prior[:, 0], prior[:, 1] = self.log_flow_mean, delay_mean_s[place]
        prior[:, LOCAL : self.atoms.shape[1]] = self.population.mean
        start = np.column_stack((self.atoms[atom], prior[:, self.atoms.shape[1] :]))
        chosen, number = np.unique(atom, return_inverse=True)
        made = self.grid.curves(chosen)
        values, slopes = self._with_spillover(made[:, 0], made[:, 1:])
        curves = values[number], slopes[number]
        given = seen[place], sd[place], prior, precision
        found, inverse, step = _step(start, self.seen_values[atom], self.seen_slopes[atom], *given)
        if len(data) <= EXACT_CURVES:
            tissue, blood = found[:, : self.atoms.shape[1]], found[:, self.atoms.shape[1] :]
            values, slopes = self._with_spillover(*self.population.model.curves(tissue, self.prepared))
            curves = values + blood @ self.spillover, slopes
            found, inverse, step = _step(found, curves[0] @ self.basis.T, slopes @ self.basis.T, *given)
        fitted = curves[0] + (step[:, None, :] @ curves[1])[:, 0]
        return _mixed(place, share, found, inverse[:, 0, 0], fitted)

    def _with_spillover(self, values, slopes):
        shown = np.broadcast_to(self.spillover, (len(slopes), *self.spillover.shape))
        return values, np.concatenate((slopes, shown), axis=1)

    def _covariance(self, spillover_sd):
        """Prior of the tissue of a pixel and of the blood it may hold."""
        tissue = self.population.mean.size
        covariance = np.diag(np.full(tissue + len(self.spillover), spillover_sd**2))
        covariance[:tissue, :tissue] = self.population.covariance + np.diag(self.population.model.pixel_sd**2)
        return covariance

    def _distance(self, seen, sd, delay_mean_s, covariance):
        """Minus twice the log of the posterior (N, K), tissue and blood integrated out, but for a constant per curve.

        With the derivatives M (times a root of the prior) of a dictionary curve, the covariance of data about it is
        ``sd^2 + M M'``, which Woodbury's identity inverts.
        """
        root = np.linalg.cholesky(covariance)
        spread = root.T @ self.seen_slopes[:, LOCAL:] / sd
        inner = np.linalg.cholesky(spread @ spread.transpose(0, 2, 1) + np.eye(len(covariance)))
        mixed = np.linalg.inv(inner) @ spread
        values = self.seen_values / sd
        offset = np.einsum("kpr,kr->kp", mixed, values)
        constant = (values**2).sum(axis=1) + 2 * np.log(np.diagonal(inner, axis1=1, axis2=2)).sum(axis=1)
        constant += ((self.atoms[:, 0] - self.log_flow_mean) / LOG_FLOW_SD) ** 2
        constant += (self.atoms[:, 1] / DELAY_SPREAD_S) ** 2
        # All of it but the squares is linear in the data, 1 and the delay of the group: one product of matrices.
        data = np.column_stack((seen / sd, np.ones(len(seen)), delay_mean_s))
        linear = np.column_stack((-2 * values, constant, -2 * self.atoms[:, 1] / DELAY_SPREAD_S**2))
        distance = data @ linear.T
        centered = np.concatenate((mixed, -offset[:, :, None]), axis=2)
        for p in range(centered.shape[1]):
            along = data[:, :-1] @ centered[:, p].T
            along *= along
            distance -= along
        return distance


def _nearest(distance):
    """Pairs of a curve (P,) and a dictionary curve (P,) that is the best for it or nearly so, and its share (P,).

    The share falls to zero as the distance grows by `NEARLY`, so that no result jumps where the best changes.
    """
    farther = distance - distance.min(axis=1, keepdims=True)
    curve, atom = np.nonzero(~(farther >= NEARLY))  # a curve that cannot be compared (NaN) has pairs too
    share = 1 - farther[curve, atom] / NEARLY
    return curve, atom, share / np.bincount(curve, share)[curve]


def _mixed(curve, share, parameters, variance, fitted):
    """Mean of what the starts of each curve lead to, pairs in order of the curves; the variance holds their spread."""
    first = np.flatnonzero(np.diff(curve, prepend=-1))

    def mean(values):
        return np.add.reduceat(share[:, None] * values, first)

    found = mean(parameters)
    apart = parameters[:, 0] - found[curve, 0]
    return found, mean((variance + apart**2)[:, None])[:, 0], mean(fitted)


def _extended(subspace, spillover):
    """Orthonormal rows that span the subspace and the curves of the bloods; zero where the subspace is in all rows."""
    seen = (subspace != 0).any(axis=0)
    outside = spillover[:, seen] - (spillover[:, seen] @ subspace[:, seen].T) @ subspace[:, seen]
    if not len(spillover) or not np.abs(outside).max() > 0:
        return subspace
    _, singular, rows = np.linalg.svd(outside, full_matrices=False)
    added = np.zeros((np.count_nonzero(singular > 1e-9 * max(singular[0], 1e-30)), seen.size))
    added[:, seen] = rows[: len(added)]
    return np.concatenate((subspace, added))


def _step(parameters, values, slopes, data, sd, prior, precision):
    """One Gauss-Newton step toward the maximum of the posterior; parameters, covariance, and the step."""
    weighted = slopes / sd[:, None, None]
    residual = (data - values) / sd[:, None]
    normal = weighted @ weighted.transpose(0, 2, 1) + precision
    gradient = (weighted @ residual[:, :, None])[:, :, 0] + (prior - parameters) @ precision
    inverse = np.linalg.inv(normal)
    step = np.clip((inverse @ gradient[:, :, None])[:, :, 0], -LARGEST_STEP, LARGEST_STEP)
    return parameters + step, inverse, step
