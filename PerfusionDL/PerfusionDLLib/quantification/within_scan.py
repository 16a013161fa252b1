"""How sure flow is beside other flow of the same scan: what the whole scan shares cancels, noise and borders stay.

The constants are chosen on phantom studies through the whole chain, twenty as they are and fourteen as clinics send
them (seeds from 990200, 692000 and, with pixels of 2.8 to 3.4 mm, 990300); `benchmarks/layers.py` counts how often the
intervals hold the truth on others.
"""

from dataclasses import dataclass

import numpy as np

from ..data.precision import INTERVAL_SD

NOISE = 1.5
"""Standard error of a mean over that of as many independent pixels: the images are smooth, neighbors share noise."""
THICK_WALL_LOG_SD = 0.04
"""Of the ratio of the halves of a wall that has six pixels and more, beside noise."""
THIN_WALL_LOG_SD, THIN_WALL_PX, THIN_WALL_POWER = 0.15, 4.0, 4
"""Of the ratio in a wall of four pixels, and how fast it falls with more: fat and lung mix into the outer half."""
THINNEST_PX = 2.5
"""Wall whose halves are not told apart, the ratio being open by a factor of seven; a thinner one counts as this."""
DELAY_LOG_SD = 0.03
"""Of flow between the regions of a scan, beside noise and borders: each has its delay and its own misfit."""

Limits = tuple[float, float]


@dataclass(frozen=True)
class Mean:
    """Mean flow of some pixels, mL/min/g; NaN without pixels. noise : standard deviation of its logarithm."""

    value: float
    noise: float


def compute_mean(flow: np.ndarray, error: np.ndarray) -> Mean:
    """The mean of pixels with flow (N,) and standard error (N,), mL/min/g, all flow finite.

    Examples
    --------
    >>> mean = compute_mean(np.full(16, 2.0), np.full(16, 0.4))
    >>> mean.value, round(mean.noise, 3)
    (2.0, 0.075)
    """
    value = float(flow.mean()) if flow.size else float("nan")
    known = error[np.isfinite(error)]
    if not (value > 0 and known.size):
        return Mean(value, float("nan"))
    return Mean(value, float(NOISE * np.sqrt(np.square(known, dtype=float).mean() / flow.size) / value))


def wall_px(depth: np.ndarray) -> np.ndarray:
    """Thickness of the wall at each of its pixels (Y, X), from its depth (Y, X); NaN where a neighbor is outside it.

    Examples
    --------
    >>> depth = np.tile((np.arange(8) + 0.5) / 8, (4, 1))
    >>> float(wall_px(depth)[2, 4])
    8.0
    """
    with np.errstate(divide="ignore"):
        return 1 / np.hypot(*np.gradient(depth))


def compute_thickness_px(wall: np.ndarray) -> float:
    """Thickness of a region's wall from that at its pixels (N,), as `wall_px` gives it; THINNEST_PX and more."""
    known = wall[np.isfinite(wall)]
    return max(float(np.median(known)), THINNEST_PX) if known.size else THINNEST_PX


def border_log_sd(thickness_px: float) -> float:
    """What the place of the borders leaves open of the ratio of the halves of a wall, standard deviation of its log.

    >>> [round(border_log_sd(pixels), 2) for pixels in (2.5, 3, 4, 6)]
    [0.98, 0.48, 0.16, 0.05]
    """
    return float(np.hypot(THICK_WALL_LOG_SD, THIN_WALL_LOG_SD * (THIN_WALL_PX / thickness_px) ** THIN_WALL_POWER))


def flow_log_sd(whole: Mean, border: float) -> float:
    """Standard deviation of the logarithm of flow of a region beside that of others of its scan."""
    return float(np.sqrt(whole.noise**2 + border**2 + DELAY_LOG_SD**2))


def ratio_limits(inner: Mean, outer: Mean, border: float) -> Limits:
    """95 % interval of the ratio of the flows of two layers."""
    distance = INTERVAL_SD * np.sqrt(inner.noise**2 + outer.noise**2 + border**2)
    ratio = inner.value / outer.value if outer.value > 0 else float("nan")
    return float(ratio * np.exp(-distance)), float(ratio * np.exp(distance))


def layer_limits(layer: Mean, border: float, region: tuple[float, float]) -> Limits:
    """95 % interval of the flow of a layer, mL/min/g. region : limits of the flow of its region over this flow."""
    own = INTERVAL_SD * np.hypot(layer.noise, border)
    with np.errstate(divide="ignore"):
        below, above = np.hypot(own, np.log(region))
    return float(layer.value * np.exp(-below)), float(layer.value * np.exp(above))
