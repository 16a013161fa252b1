"""The two RV insertion points: peaks of heat maps, to a fraction of a pixel, named by where they lie in the body."""

import numpy as np

from ..networks import Network
from ..series import PerfusionSeries
from .window import Window

# Anterior and superior in RAS. In every short-axis plane the anterior insertion lies further this way.
_ANTERIOR = np.array([0.0, 1.0, 1.0]) / np.sqrt(2)


def find_points(
    images: np.ndarray, series: PerfusionSeries, network: Network, *, center_px: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Anterior and inferior RV insertion point, (3,) RAS mm each, and how sure the network is, 0 to 1.

    images : (frame, Y, X) in the pose of the reference frame, around the LV peak
    """
    window = Window(network.size, network.spacing_mm, center_px, series.spacing_mm)
    heat = network(window.look(images)[:, None])
    peaks, masses = zip(*(_peak(one, reach=8 / network.spacing_mm) for one in heat), strict=True)
    points_ras_mm = series.ras_from_pixels(window.to_image(np.array(peaks)))
    inferior, anterior = points_ras_mm[np.argsort(points_ras_mm @ _ANTERIOR)]
    return anterior, inferior, float(min(masses))


def _peak(heat, *, reach):
    """Center of the heat around its maximum, row and column, and the share of all heat that lies there."""
    rows, columns = np.indices(heat.shape)
    top = np.unravel_index(np.argmax(heat), heat.shape)
    near = np.where(np.hypot(rows - top[0], columns - top[1]) <= reach, heat, 0)
    share = near.sum()
    return (float((near * rows).sum() / share), float((near * columns).sum() / share)), float(share)
