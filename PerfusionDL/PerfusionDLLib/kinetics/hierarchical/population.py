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
from .tissue_models import DELAY_PRIOR_S, LOG_FLOW_PRIOR, TissueModel

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

    model: TissueModel
    mean: np.ndarray
    covariance: np.ndarray
    input_error: np.ndarray
    log_evidence: float
    log_flow: tuple[np.ndarray, ...]
    delay_s: tuple[np.ndarray, ...]
    misfit: float
    log_flow_variance: float


def learn(model: TissueModel, slices: Sequence[GroupCurves]) -> Population:
    """Fit all groups at once: own flow, delay and small deviations of the tissue each; in common the tissue parameters
    and the errors of the arterial input, which change no flow of the model but the curves that it gives.

    Maximum of the posterior by damped Gauss-Newton steps; evidence by Laplace's method.
    """
    sizes = [len(group.curves) for group in slices]
    own = np.concatenate([_start(model, group) for group in slices])
    tissue, errors = model.mean.size, len(slices[0].input.prepared.error_matrix)
    shared_mean = np.concatenate((model.mean, np.zeros(errors)))
    shared = shared_mean.copy()
    own_mean = np.concatenate(([LOG_FLOW_PRIOR[0], DELAY_PRIOR_S[0]], np.zeros(tissue)))
    own_precision = np.concatenate(([LOG_FLOW_PRIOR[1], DELAY_PRIOR_S[1]], model.pixel_sd * GROUP_SHARE)) ** -2.0
    shared_precision = np.concatenate((model.population_sd**-2.0, np.ones(errors)))
    mine = slice(0, LOCAL + tissue)  # of the derivatives, those by a group's own parameters

    def evaluate(own, shared):
        parameters = np.concatenate((own[:, :LOCAL], own[:, LOCAL:] + shared[:tissue]), axis=1)
        blocks, gradients, misfit = [], [], 0.0
        for group, some in zip(slices, np.split(parameters, np.cumsum(sizes)[:-1]), strict=True):
            values, slopes = model.curves(some, group.input.prepared.with_error(shared[tissue:]))
            residual, weighted = (group.curves - values) / group.sd, slopes / group.sd[:, None, :]
            blocks.append(weighted @ weighted.transpose(0, 2, 1))
            gradients.append((weighted @ residual[:, :, None])[:, :, 0])
            misfit += float((residual**2).sum())
        penalty = (own_precision * (own - own_mean) ** 2).sum() + (shared_precision * (shared - shared_mean) ** 2).sum()
        return misfit + penalty, misfit, np.concatenate(blocks), np.concatenate(gradients)

    def reduce(normal, gradient, own, shared, damping):
        """The groups' own parameters eliminated (Schur complement)."""
        each = (normal[:, mine, mine] + np.diag(own_precision)) * (1 + damping * np.eye(len(own_precision)))
        each_gradient = gradient[:, mine] + own_precision * (own_mean - own)
        coupling = normal[:, mine, LOCAL:]
        common = (normal[:, LOCAL:, LOCAL:].sum(axis=0) + np.diag(shared_precision)) * (
            1 + damping * np.eye(shared.size)
        )
        solved = np.linalg.solve(each, np.concatenate((coupling, each_gradient[:, :, None]), axis=2))
        schur = common - np.einsum("gab,gac->bc", coupling, solved[:, :, :-1])
        shared_gradient = gradient[:, LOCAL:].sum(axis=0) + shared_precision * (shared_mean - shared)
        shared_step = np.linalg.solve(schur, shared_gradient - np.einsum("gab,ga->b", coupling, solved[:, :, -1]))
        return each, schur, solved[:, :, -1] - solved[:, :, :-1] @ shared_step, shared_step

    cost, misfit, normal, gradient = evaluate(own, shared)
    damping = 1e-3
    for _ in range(ITERATIONS):
        _, _, own_step, shared_step = reduce(normal, gradient, own, shared, damping)
        trial = evaluate(own + own_step, shared + shared_step)
        if not trial[0] <= cost:
            damping *= 10
            continue
        gain = cost - trial[0]
        own, shared, damping = own + own_step, shared + shared_step, damping / 10
        cost, misfit, normal, gradient = trial
        if gain < SMALL_GAIN:
            break
    each, schur, _, _ = reduce(normal, gradient, own, shared, 0.0)
    log_determinant = np.linalg.slogdet(each)[1].sum() + np.linalg.slogdet(schur)[1]
    log_prior = len(own) * np.log(own_precision).sum() + np.log(shared_precision).sum()
    splits = np.cumsum(sizes)[:-1]
    to_shared = np.linalg.solve(each, normal[:, mine, LOCAL:])[:, 0]
    own_variance = np.linalg.inv(each)[:, 0, 0] + np.einsum("ga,ab,gb->g", to_shared, np.linalg.inv(schur), to_shared)
    return Population(
        model=model,
        mean=shared[:tissue],
        covariance=np.linalg.inv(schur)[:tissue, :tissue],
        input_error=shared[tissue:],
        log_evidence=float(-cost - log_determinant + log_prior) / 2,
        log_flow=tuple(np.split(own[:, 0], splits)),
        delay_s=tuple(np.split(own[:, 1], splits)),
        misfit=misfit,
        log_flow_variance=float(np.median(own_variance)),
    )


def _start(model, group):
    """Own parameters of each group: flow and delay of the best of a few hundred curves with the prior's tissue."""
    atoms, values = group.input.starts[model.name]
    squared = group.sd**-2.0
    distance = squared @ (values**2).T - 2 * (squared * group.curves) @ values.T
    best = np.argmin(distance, axis=1)
    return np.column_stack((atoms[best, :LOCAL], np.zeros((best.size, model.mean.size))))
