"""How far off the contours of each wall of the left ventricle may be, read from how gradually the network decides."""

import numpy as np
from scipy import ndimage

from ..data.contours import Label

_NEAR_MM = 12.0
"""Distance from a border within which its probabilities are counted, mm; chosen: about the thickness of a wall."""


def compute_contour_uncertainty_mm(
    probability: np.ndarray, labels: np.ndarray, rv_points_px: np.ndarray, spacing_mm: tuple[float, float]
) -> dict[str, float]:
    """Uncertainty of endocardium or epicardium, the larger, for each of four walls, mm.

    Where a border lies at a place known to a standard deviation s, the probability p of being inside rises across it
    as a normal distribution does, and the integral of p (1 - p) across it is s / sqrt(pi).

    Parameters
    ----------
    probability : (labels, Y, X)
    labels : (Y, X) uint8, values of `Label`
    rv_points_px : (2, 2) anterior and inferior RV insertion point, row and column
    spacing_mm : of rows and columns

    Returns
    -------
    dict
        Wall (septal, inferior, lateral, anterior) to mm. Counted in sixths of 120 slices of phantoms, most of them
        disturbed, an epicardium was 0.4 mm off in the mean where this is below 1.3, and 2.9 mm where above 2.6.
    """
    heart = (labels == Label.MYOCARDIUM) | (labels == Label.BLOOD_POOL)
    center = np.array(ndimage.center_of_mass(heart))
    down, right = ((np.indices(labels.shape).T - center) * spacing_mm).T
    wall_of, extents = _walls(np.arctan2(down, right), (rv_points_px - center) * spacing_mm)
    pixel_mm2 = float(np.prod(spacing_mm))
    uncertainty_mm = {}
    for number, (name, extent) in enumerate(extents.items()):
        here = wall_of == number
        widths = []
        for inside in (labels == Label.BLOOD_POOL, heart):
            blood = probability[Label.BLOOD_POOL]
            p = blood if inside is not heart else blood + probability[Label.MYOCARDIUM]
            arc_mm = extent * np.sqrt(2 * max((inside & here).sum(), 1) * pixel_mm2 / extent)
            near = here & (_distance_mm(inside, spacing_mm) < _NEAR_MM)
            widths.append(np.sqrt(np.pi) * float((p * (1 - p))[near].sum()) * pixel_mm2 / arc_mm)
        uncertainty_mm[name] = round(max(widths), 2)
    return uncertainty_mm


def _walls(angle, points_mm):
    """Index of the wall that each angle belongs to, and what part of the circle each wall takes, rad.

    The septum lies between the insertion points, the shorter way round; the free wall is anterior in its first
    quarter, inferior in its last, lateral between.
    """
    start, end = np.arctan2(points_mm[:, 0], points_mm[:, 1])
    septum = (end - start + np.pi) % (2 * np.pi) - np.pi
    swept = (angle - start) * np.sign(septum) % (2 * np.pi)
    septum = max(abs(septum), 0.2)
    free = 2 * np.pi - septum
    extents = {"septal": septum, "inferior": free / 4, "lateral": free / 2, "anterior": free / 4}
    return np.searchsorted(np.cumsum(list(extents.values()))[:-1], swept, side="right"), extents


def _distance_mm(mask, spacing_mm):
    """Distance of every pixel from the border of a mask."""
    inside = ndimage.distance_transform_edt(mask, sampling=spacing_mm)
    return np.where(mask, inside, ndimage.distance_transform_edt(~mask, sampling=spacing_mm))
