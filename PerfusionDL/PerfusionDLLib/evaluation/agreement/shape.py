"""Agreement of shapes: overlap of masks and boxes, distance of contours, error of the RV insertion points."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...data.box import Box

SMOOTH_PX = 1.0  # takes the steps out of a contour: on circles of 6 to 20 pixels, means are right to 0.02 pixels
MARGIN_PX = 4  # that the smoothing reaches into
LEAST = 1e-3  # of a level, where smoothing would take a pixel to the other side


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Dice coefficient of two masks, 0 to 1; NaN where both are empty and there is nothing to agree on.

    Examples
    --------
    >>> dice(np.array([1, 1, 0, 0]), np.array([0, 1, 1, 0]))
    0.5
    """
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"masks must have one shape, got {first.shape} and {second.shape}")
    total = int(first.sum()) + int(second.sum())
    return 2 * int((first & second).sum()) / total if total else float("nan")


def rectangle_dice(first: Box, second: Box) -> float:
    """Dice coefficient of two boxes, by their areas.

    Examples
    --------
    >>> rectangle_dice(Box(0, 0, 10, 10), Box(0, 5, 10, 15))
    0.5
    """
    rows = min(first.row1, second.row1) - max(first.row0, second.row0)
    columns = min(first.column1, second.column1) - max(first.column0, second.column0)
    shared = max(rows, 0) * max(columns, 0)
    total = sum(box.size_px[0] * box.size_px[1] for box in (first, second))
    return float(2 * shared / total) if total else float("nan")


@dataclass(frozen=True, kw_only=True)
class ContourDistance:
    """Distance between two contours, mm: mean over both, and the 95th percentile from the contour that is farther."""

    mean_mm: float
    hausdorff_95_mm: float


def contour_distance_mm(first: np.ndarray, second: np.ndarray, *, spacing_mm: tuple[float, float]) -> ContourDistance:
    """Distance between the contours of two masks, from every place of one contour to the nearest point of the other.

    Contours are smooth curves between the last pixels inside and the first outside (`smooth_level`). Along pixel edges
    instead they are staircases, and the nearest step is closer than the curve that they stand for: on circles, means
    were short by 0.06 to 0.14 pixels.

    first, second : (Y, X) bool; fill a ring first to compare its outer contour
    spacing_mm : distance between rows and between columns
    returns : NaN where a mask is empty

    Examples
    --------
    >>> square = np.zeros((9, 9), bool)
    >>> square[2:7, 2:7] = True
    >>> found = contour_distance_mm(square, square, spacing_mm=(2, 2))
    >>> round(found.mean_mm, 9), round(found.hausdorff_95_mm, 9)
    (0.0, 0.0)
    """
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"masks must have one shape, got {first.shape} and {second.shape}")
    if not (first.any() and second.any()):
        return ContourDistance(mean_mm=float("nan"), hausdorff_95_mm=float("nan"))
    rows, columns = (np.flatnonzero((first | second).any(axis=axis)) for axis in (1, 0))
    around = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    contours = [_contour_mm(smooth_level(np.pad(mask[around], MARGIN_PX)), spacing_mm) for mask in (first, second)]
    lengths = [np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1) for pieces in contours]
    there, back = (_to_contour_mm(contours[a].mean(axis=1), contours[b]) for a, b in ((0, 1), (1, 0)))
    farthest = (
        np.percentile(distances, 95, weights=weights, method="inverted_cdf")
        for distances, weights in zip((there, back), lengths, strict=True)
    )
    return ContourDistance(
        mean_mm=float(np.average(np.concatenate([there, back]), weights=np.concatenate(lengths))),
        hausdorff_95_mm=float(max(farthest)),
    )


def smooth_level(mask: np.ndarray) -> np.ndarray:
    """(Y, X) level, positive inside: a mask smoothed over a pixel, of which every pixel keeps its side.

    The smoothing moves a contour of radius r by 1/(2 r) pixels inward.

    Examples
    --------
    >>> mask = np.pad(np.ones((1, 2), bool), 3)
    >>> bool(((smooth_level(mask) > 0) == mask).all())
    True
    """
    level = ndimage.gaussian_filter(mask.astype(float), SMOOTH_PX) - 0.5
    return np.where(mask, np.maximum(level, LEAST), np.minimum(level, -LEAST))


def _contour_mm(level: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """(N, 2, 2) straight pieces of the contour at level 0: start and end, row and column, mm (marching squares)."""
    corners = [level[:-1, :-1], level[:-1, 1:], level[1:, 1:], level[1:, :-1]]
    places = np.array([(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)])
    crossed_sides, side_points = [], []
    for side in range(4):
        begin, end = corners[side], corners[(side + 1) % 4]
        crossed_sides.append((begin > 0) != (end > 0))
        share = np.divide(begin, begin - end, out=np.zeros_like(begin), where=crossed_sides[-1])[..., None]
        side_points.append(places[side] + share * (places[(side + 1) % 4] - places[side]))
    crossed, points = np.stack(crossed_sides, axis=-1), np.stack(side_points, axis=-2)
    points += np.argwhere(np.ones(crossed.shape[:2], dtype=bool)).reshape(*crossed.shape[:2], 1, 2)
    crossings = crossed.sum(axis=-1)
    simple = points[(crossings == 2)[..., None] & crossed].reshape(-1, 2, 2)
    saddles = points[crossings == 4].reshape(-1, 2, 2)
    return np.concatenate([simple, saddles]) * spacing_mm


def _to_contour_mm(points: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """(N,) distance of points (N, 2) to the nearest point of a contour."""
    points, starts, along = points[:, None], pieces[:, 0], pieces[:, 1] - pieces[:, 0]
    share = ((points - starts) * along).sum(axis=2) / (along**2).sum(axis=1)
    nearest = starts + np.clip(share, 0, 1)[..., None] * along
    return np.linalg.norm(points - nearest, axis=2).min(axis=1)


def insertion_error_mm(first_ras_mm: np.ndarray, second_ras_mm: np.ndarray) -> float:
    """Distance between two placements of an RV insertion point, mm; NaN where one is missing."""
    if first_ras_mm is None or second_ras_mm is None:
        return float("nan")
    return float(np.linalg.norm(np.subtract(first_ras_mm, second_ras_mm)))


def insertion_angle_deg(center_ras_mm: np.ndarray, first_ras_mm: np.ndarray, second_ras_mm: np.ndarray) -> float:
    """Angle that two placements of an insertion point make at the center of the left ventricle, degrees.

    It is what turns the AHA segments: a sector of the base is 60 degrees wide.

    Examples
    --------
    >>> round(insertion_angle_deg((0, 0, 0), (30, 0, 0), (0, 30, 0)), 6)
    90.0
    """
    if first_ras_mm is None or second_ras_mm is None:
        return float("nan")
    first, second = (np.subtract(point, center_ras_mm) for point in (first_ras_mm, second_ras_mm))
    across, along = np.linalg.norm(np.cross(first, second)), np.dot(first, second)
    return float(np.degrees(np.arctan2(across, along)))
