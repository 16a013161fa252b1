"""Levenberg-Marquardt for many small problems at once."""

import numpy as np

FIRST_DAMPING = 1e-2
LARGEST_DAMPING = 1e8


def levenberg_marquardt(model, start, lower, upper, data, weights, *, iterations=30, tolerance=1e-5):
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
        Weight 0 takes a frame out.

    Returns
    -------
    parameters : (N, P) array
    converged : (N,) bool
    normal : (N, P, P) array
        Normal matrix of the weighted derivatives at the solution.
    cost : (N,) array
        Weighted sum of squared residuals.
    """
    parameters = np.clip(start, lower, upper)
    count, size = parameters.shape
    converged = np.zeros(count, bool)
    damping = np.full(count, FIRST_DAMPING)
    curves, slopes = model(parameters)
    residual = weights * (data - curves)
    cost = (residual**2).sum(axis=1)
    normal, gradient = _normal_equations(slopes, weights, residual)
    active = np.arange(count)
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
        curves, slopes = model(trial)
        residual = weights[active] * (data[active] - curves)
        trial_cost = (residual**2).sum(axis=1)
        better = trial_cost <= cost[active]
        gain = cost[active] - trial_cost
        small = better & (gain <= tolerance * cost[active])
        stuck = ~better & (damping[active] * 10 > LARGEST_DAMPING)
        accepted = active[better]
        parameters[accepted], cost[accepted] = trial[better], trial_cost[better]
        normal[accepted], gradient[accepted] = _normal_equations(slopes[better], weights[accepted], residual[better])
        damping[active] = np.where(better, damping[active] / 10, damping[active] * 10)
        done = small | stuck
        converged[active[done]] = True
        active = active[~done]
    return parameters, converged, normal, cost


def _normal_equations(slopes, weights, residual):
    weighted = slopes * weights[:, None, :]
    return weighted @ weighted.transpose(0, 2, 1), (weighted @ residual[:, :, None])[:, :, 0]
