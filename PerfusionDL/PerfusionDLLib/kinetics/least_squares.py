"""Levenberg-Marquardt for many small problems at once."""

import numpy as np

FIRST_DAMPING = 1e-2
LARGEST_DAMPING = 1e8


def levenberg_marquardt(
    model, start, lower, upper, data, weights, *, prior_mean=0.0, prior_precision=0.0, iterations=30, tolerance=1e-5
):
    """Least squares of N curves with P parameters each, in plain numpy over all curves together.

    Every curve has its own damping and leaves the loop when its cost no longer falls.

    Parameters
    ----------
    model : function
        Parameters (n, P) to curves (n, T) and their derivatives (n, P, T).
    start : (N, P) array
    lower, upper : (P,) array
        Bounds; steps are clipped to them.
    data, weights : (N, T) array
        One over the standard deviation; 0 takes a frame out.
    prior_mean, prior_precision : (N, P) or (P,) array
        Of a Gaussian prior; precision 0 for none.

    Returns
    -------
    parameters : (N, P) array
    converged : (N,) bool
    normal : (N, P, P) array
        Normal matrix of the weighted derivatives at the solution, with the precision of the prior.
    misfit : (N,) array
        Weighted sum of squared residuals.
    """
    parameters = np.clip(start, lower, upper)
    count, size = parameters.shape
    converged = np.zeros(count, bool)
    damping = np.full(count, FIRST_DAMPING)
    mean, precision = (np.broadcast_to(value, parameters.shape) for value in (prior_mean, prior_precision))

    def evaluate(parameters, rows):
        curves, slopes = model(parameters)
        residual = weights[rows] * (data[rows] - curves)
        weighted = slopes * weights[rows][:, None, :]
        off = mean[rows] - parameters
        misfit = (residual**2).sum(axis=1)
        normal = weighted @ weighted.transpose(0, 2, 1) + precision[rows][:, :, None] * np.eye(size)
        gradient = (weighted @ residual[:, :, None])[:, :, 0] + precision[rows] * off
        return misfit + (precision[rows] * off**2).sum(axis=1), misfit, normal, gradient

    active = np.arange(count)
    cost, misfit, normal, gradient = evaluate(parameters, active)
    diagonal = np.arange(size)
    for _ in range(iterations):
        if not active.size:
            break
        n, g, p = normal[active], gradient[active], parameters[active]
        blocked = ((p <= lower) & (g < 0)) | ((p >= upper) & (g > 0))  # would leave the box
        n = np.where(blocked[:, :, None] | blocked[:, None, :], 0.0, n)
        scale = np.maximum(n[:, diagonal, diagonal], 1e-12)
        n[:, diagonal, diagonal] = scale * (1 + damping[active, None])
        step = np.linalg.solve(n, np.where(blocked, 0.0, g)[:, :, None])[:, :, 0]
        trial = np.clip(p + step, lower, upper)
        trial_cost, trial_misfit, trial_normal, trial_gradient = evaluate(trial, active)
        better = trial_cost <= cost[active]
        small = better & (cost[active] - trial_cost <= tolerance * cost[active])
        stuck = ~better & (damping[active] * 10 > LARGEST_DAMPING)
        accepted = active[better]
        parameters[accepted], cost[accepted], misfit[accepted] = trial[better], trial_cost[better], trial_misfit[better]
        normal[accepted], gradient[accepted] = trial_normal[better], trial_gradient[better]
        damping[active] = np.where(better, damping[active] / 10, damping[active] * 10)
        done = small | stuck
        converged[active[done]] = True
        active = active[~done]
    return parameters, converged, normal, misfit
