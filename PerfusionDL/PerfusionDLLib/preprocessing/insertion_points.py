"""The two RV insertion points: peaks of heat maps, to a fraction of a pixel, named by where they lie in the body."""

import numpy as np
from scipy import ndimage

from ..data.contours import Label
from ..data.study import TOWARD_APEX_RAS, PerfusionSeries
from ..networks import Network
from .segmentation import compute_box
from .window import Window

_ANTERIOR = np.array([0.0, 1.0, 1.0]) / np.sqrt(2)
"""Direction to the front and above in RAS, unit length; chosen: the anterior insertion lies there."""
_LEAST_APEX_COSINE = 0.25
"""Cosine between plane normal and usual long axis from which the normal tells where the apex lies; chosen."""
_FROM_EPICARDIUM_MM = 4.0
"""Standard deviation of the distance of an insertion point from the epicardium, mm; chosen."""
_RV_WALL_MM = 4.0
"""Distance from the RV blood pool that costs nothing, mm; chosen: the thickness of the RV wall."""
_FROM_RV_MM = 8.0
"""Distance beyond that at which a maximum counts half, mm; chosen."""
_LEAST_NEAR = 1e-4
"""What heat counts far from where points lie; chosen: more than nothing, so that there is always a center."""
_PEAK_RADIUS_MM = 8.0
"""Radius around the maximum of a heat map within which its center is taken, mm; chosen: two trained widths of 4 mm."""


def find_insertion_points(
    images: np.ndarray, series: PerfusionSeries, network: Network, *, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Anterior and inferior RV insertion point, (3,) RAS mm each, and the certainty of the network, 0 to 1.

    images : (frame, 3, Y, X) in the pose of the reference frame, as `average_phases` gives them
    labels : (Y, X) uint8, values of `Label`; the points lie on the epicardium beside the RV
    """
    middle_px = compute_box(labels).center_px
    window = Window(network.size, network.spacing_mm, middle_px, series.spacing_mm)
    heat = network(np.stack([window.sample(image) for image in images]))
    on_epicardium, beside_rv = _where_points_lie(labels, window)
    peaks, masses = zip(
        *(_peak(one, on_epicardium, beside_rv, reach=_PEAK_RADIUS_MM / network.spacing_mm) for one in heat),
        strict=True,
    )
    points_ras_mm = series.ras_from_pixels(window.to_image(np.array(peaks)))
    anterior, inferior = order_insertion_points(
        points_ras_mm, series.ras_from_pixels(np.array(middle_px)), series.ijk_to_ras
    )
    return anterior, inferior, float(min(masses))


def order_insertion_points(
    points_ras_mm: np.ndarray, middle_ras_mm: np.ndarray, ijk_to_ras: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The anterior and the inferior one of two insertion points (2, 3) around the middle of the LV.

    Seen from the apex the septum runs counterclockwise from the anterior to the inferior insertion, however the heart
    is turned about its long axis. Only where the plane does not tell on which side the apex lies, the anterior one is
    that further to the front and above.

    Examples
    --------
    >>> axial = np.diag([-1.0, -1.0, 1.0, 1.0])  # seen from the feet: the patient's right is on the left
    >>> points = np.array([[20.0, -10.0, 0.0], [25.0, 20.0, 0.0]])
    >>> order_insertion_points(points, np.zeros(3), axial)[0].tolist()
    [25.0, 20.0, 0.0]
    """
    across = np.cross(*ijk_to_ras[:3, :2].T)
    to_apex = across / np.linalg.norm(across) @ TOWARD_APEX_RAS
    if abs(to_apex) > _LEAST_APEX_COSINE:
        first_is_anterior = np.cross(*(points_ras_mm - middle_ras_mm)) @ across * to_apex > 0
    else:
        first_is_anterior = (points_ras_mm[0] - points_ras_mm[1]) @ _ANTERIOR > 0
    first, second = points_ras_mm
    return (first, second) if first_is_anterior else (second, first)


def _where_points_lie(labels, window):
    """Two (size, size) maps: 1 on the epicardium, and 1 beside the RV, both falling off with the distance."""
    heart = (labels == Label.MYOCARDIUM) | (labels == Label.BLOOD_POOL)
    right = labels == Label.RV_BLOOD_POOL
    spacing_mm = window.image_spacing_mm
    off_mm = ndimage.distance_transform_edt(heart, sampling=spacing_mm)
    off_mm += ndimage.distance_transform_edt(~heart, sampling=spacing_mm)
    on_epicardium = np.exp(-((off_mm / _FROM_EPICARDIUM_MM) ** 2) / 2)
    beside_rv = np.ones(labels.shape)
    if right.any():
        beyond_mm = np.maximum(ndimage.distance_transform_edt(~right, sampling=spacing_mm) - _RV_WALL_MM, 0)
        beside_rv = 1 / (1 + (beyond_mm / _FROM_RV_MM) ** 2)
    place = window.to_image(np.moveaxis(np.indices((window.size, window.size)), 0, -1)).transpose(2, 0, 1)
    return [ndimage.map_coordinates(one, place, order=1, mode="nearest") for one in (on_epicardium, beside_rv)]


def _peak(heat, on_epicardium, beside_rv, *, reach):
    """Center of the heat on the epicardium around its maximum, row and column, and the share of all heat there.

    The RV tells which maximum is meant, not where its center lies: it would pull points towards the septum.
    """
    rows, columns = np.indices(heat.shape)
    on_border = heat * (on_epicardium + _LEAST_NEAR)
    top = np.unravel_index(np.argmax(heat * (on_epicardium * beside_rv + _LEAST_NEAR)), heat.shape)
    near = np.hypot(rows - top[0], columns - top[1]) <= reach
    weight = np.where(near, on_border, 0) / on_border[near].sum()
    return (float((weight * rows).sum()), float((weight * columns).sum())), float(heat[near].sum() / heat.sum())
