"""What all curves of a scan say together about the tissue and about the model itself.

Flow and delay differ from place to place; plasma volume, interstitial volume and permeability differ far less. One
curve cannot tell them from flow (`docs/quantification.md`), all curves of a scan together can. Errors of an arterial
input from images are common to all curves too, and are found along with the tissue.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .groups import GroupCurves
from .slice_input import LOCAL
from .tissue_models import DELAY_PRIOR_S, LOG_FLOW_PRIOR, HierarchicalModel

ITERATIONS = 20
SMALL_GAIN = 1e-2  # of the cost, in units of the noise variance: a hundredth of what tells models apart
GROUP_SHARE = 0.5  # of the spread from pixel to pixel: groups are means


@dataclass(frozen=True, kw_only=True)
class Population:
    """The tissue parameters of a scan under one model.

    mean (p,), covariance (p, p) : posterior, without the spread from pixel to pixel
    input_error (E,) : of the arterial input, in standard deviations
    log_evidence : of the model
    log_flow, delay_s : of the groups, slice by slice
    log_flow_variance : of a group, with what is left open about the tissue; median
    """

    model: HierarchicalModel
    mean: np.ndarray
    covariance: np.ndarray
    input_error: np.ndarray
    log_evidence: float
    log_flow: tuple[np.ndarray, ...]
    delay_s: tuple[np.ndarray, ...]
    misfit: float
    log_flow_variance: float


def learn(family: Sequence[HierarchicalModel], slices: Sequence[GroupCurves]) -> list[Population]:
    """Fit all groups at once by each model of a family: own flow, delay and small deviations of the tissue each; in
    common the tissue parameters and the errors of the arterial input, which change no flow of the model but the curves
    that it gives.

    Maximum of the posterior by damped Gauss-Newton steps, from where the model before ended; evidence by Laplace's
    method.
    """
    own = np.concatenate([_start(family[0], group) for group in slices])
    shared = np.concatenate((family[0].mean, np.zeros(len(slices[0].input.prepared.error_matrix))))
    found = []
    for model in family:
        problem = _Problem(model, slices)
        place = problem.climb(problem.at(own, shared))
        own, shared = place.own, place.shared
        found.append(problem.population(place))
    return found


@dataclass(frozen=True)
class _Place:
    """Parameters of the groups (G, 2 + p) and common ones (p + E,), with the curves about them.

    normal (G, 2 + 2 p + E, same), gradient (G, 2 + 2 p + E) : by a group's own and by the common parameters
    """

    own: np.ndarray
    shared: np.ndarray
    misfit: float
    normal: np.ndarray
    gradient: np.ndarray


class _Weight:
    """What curves weigh: one over their noise, less where blood of the cavities that they may hold would look alike.

    Least squares of weighted curves are those with the shares of blood integrated out: the covariance about a model
    curve is ``sd^2 + B' B``, B the blood of one standard deviation.
    """

    def __init__(self, group: GroupCurves) -> None:
        self.sd = group.sd[:, None, :]
        _, strength, self.directions = np.linalg.svd(group.blood / self.sd, full_matrices=False)
        self.taken = (1 - 1 / np.sqrt(1 + strength**2))[:, :, None]

    def __call__(self, curves: np.ndarray) -> np.ndarray:
        """Curves (G, K, T) by their weight."""
        curves = curves / self.sd
        along = self.directions @ curves.transpose(0, 2, 1)
        return curves - (self.taken * along).transpose(0, 2, 1) @ self.directions


class _Problem:
    """Curves of all groups and the priors of a model, as sums of squares."""

    def __init__(self, model: HierarchicalModel, slices: Sequence[GroupCurves]) -> None:
        self.model, self.slices = model, slices
        self.splits = np.cumsum([len(group.curves) for group in slices])[:-1]
        self.weights = [_Weight(group) for group in slices]
        self.tissue, errors = model.mean.size, len(slices[0].input.prepared.error_matrix)
        self.mine = slice(0, LOCAL + self.tissue)  # of the derivatives, those by a group's own parameters
        self.own_mean = np.concatenate(([LOG_FLOW_PRIOR[0], DELAY_PRIOR_S[0]], np.zeros(self.tissue)))
        own_sd = np.concatenate(([LOG_FLOW_PRIOR[1], DELAY_PRIOR_S[1]], model.pixel_sd * GROUP_SHARE))
        self.own_precision = own_sd**-2.0
        self.shared_mean = np.concatenate((model.mean, np.zeros(errors)))
        self.shared_precision = np.concatenate((model.population_sd**-2.0, np.ones(errors)))

    def climb(self, place: _Place) -> _Place:
        """The maximum that damped steps lead to."""
        damping = 1e-3
        for _ in range(ITERATIONS):
            _, _, own_step, shared_step = self.step(place, damping)
            trial = self.at(place.own + own_step, place.shared + shared_step)
            gain = self.cost(place) - self.cost(trial)
            if not gain >= 0:
                damping *= 10
                continue
            place, damping = trial, damping / 10
            if gain < SMALL_GAIN:
                break
        return place

    def at(self, own: np.ndarray, shared: np.ndarray) -> _Place:
        """The curves about some parameters."""
        parameters = np.concatenate((own[:, :LOCAL], own[:, LOCAL:] + shared[: self.tissue]), axis=1)
        normal, gradients, misfit = [], [], 0.0
        each = zip(self.slices, self.weights, np.split(parameters, self.splits), strict=True)
        for group, weight, some in each:
            values, slopes = self.model.curves(some, group.input.prepared.with_error(shared[self.tissue :]))
            residual, weighted = weight((group.curves - values)[:, None])[:, 0], weight(slopes)
            normal.append(weighted @ weighted.transpose(0, 2, 1))
            gradients.append((weighted @ residual[:, :, None])[:, :, 0])
            misfit += float((residual**2).sum())
        return _Place(own, shared, misfit, np.concatenate(normal), np.concatenate(gradients))

    def cost(self, place: _Place) -> float:
        """Minus twice the log of the posterior, but for a constant."""
        own = (self.own_precision * (place.own - self.own_mean) ** 2).sum()
        return place.misfit + float(own + (self.shared_precision * (place.shared - self.shared_mean) ** 2).sum())

    def step(self, place: _Place, damping: float):
        """A step, the groups' own parameters eliminated (Schur complement)."""
        each = (place.normal[:, self.mine, self.mine] + np.diag(self.own_precision)) * (
            1 + damping * np.eye(len(self.own_precision))
        )
        each_gradient = place.gradient[:, self.mine] + self.own_precision * (self.own_mean - place.own)
        coupling = place.normal[:, self.mine, LOCAL:]
        common = (place.normal[:, LOCAL:, LOCAL:].sum(axis=0) + np.diag(self.shared_precision)) * (
            1 + damping * np.eye(place.shared.size)
        )
        solved = np.linalg.solve(each, np.concatenate((coupling, each_gradient[:, :, None]), axis=2))
        schur = common - np.einsum("gab,gac->bc", coupling, solved[:, :, :-1])
        toward_prior = self.shared_precision * (self.shared_mean - place.shared)
        gradient = place.gradient[:, LOCAL:].sum(axis=0) + toward_prior
        gradient = gradient - np.einsum("gab,ga->b", coupling, solved[:, :, -1])
        shared_step = np.linalg.solve(schur, gradient)
        return each, schur, solved[:, :, -1] - solved[:, :, :-1] @ shared_step, shared_step

    def population(self, place: _Place) -> Population:
        """What a place says about the tissue, by Laplace's method."""
        each, schur, _, _ = self.step(place, 0.0)
        log_determinant = np.linalg.slogdet(each)[1].sum() + np.linalg.slogdet(schur)[1]
        log_prior = len(place.own) * np.log(self.own_precision).sum() + np.log(self.shared_precision).sum()
        covariance = np.linalg.inv(schur)
        to_shared = np.linalg.solve(each, place.normal[:, self.mine, LOCAL:])[:, 0]
        own_variance = np.linalg.inv(each)[:, 0, 0] + np.einsum("ga,ab,gb->g", to_shared, covariance, to_shared)
        return Population(
            model=self.model,
            mean=place.shared[: self.tissue],
            covariance=covariance[: self.tissue, : self.tissue],
            input_error=place.shared[self.tissue :],
            log_evidence=float(-self.cost(place) - log_determinant + log_prior) / 2,
            log_flow=tuple(np.split(place.own[:, 0], self.splits)),
            delay_s=tuple(np.split(place.own[:, 1], self.splits)),
            misfit=place.misfit,
            log_flow_variance=float(np.median(own_variance)),
        )


def _start(model, group):
    """Own parameters of each group: flow and delay of the best of a few hundred curves with the prior's tissue."""
    atoms, values = group.input.starts[model.name]
    squared = group.sd**-2.0
    distance = squared @ (values**2).T - 2 * (squared * group.curves) @ values.T
    best = np.argmin(distance, axis=1)
    return np.column_stack((atoms[best, :LOCAL], np.zeros((best.size, model.mean.size))))
