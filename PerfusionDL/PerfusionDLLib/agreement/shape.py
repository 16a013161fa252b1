"""Agreement of shapes: overlap of masks and boxes, distance of contours, error of the RV insertion points."""

from dataclasses import dataclass

import numpy as np


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


def rectangle_dice(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Dice coefficient of two boxes (row0, column0, row1, column1), by their areas.

    Examples
    --------
    >>> rectangle_dice((0, 0, 10, 10), (0, 5, 10, 15))
    0.5
    """
    (top, left), (bottom, right) = np.maximum(first[:2], second[:2]), np.minimum(first[2:], second[2:])
    shared = max(bottom - top, 0) * max(right - left, 0)
    total = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return float(2 * shared / total) if total else float("nan")


@dataclass(frozen=True, kw_only=True)
class ContourDistance:
    """Distance between two contours, mm: mean over both, and the 95th percentile from the contour that is farther."""

    mean_mm: float
    hausdorff_95_mm: float


def contour_distance_mm(first: np.ndarray, second: np.ndarray, *, spacing_mm: tuple[float, float]) -> ContourDistance:
    """Distance between the contours of two masks.

    A contour runs half-way between the last pixel inside and the first outside. Every point of one contour where it
    crosses from pixel to pixel is measured to the nearest point of the other.

    first, second : (Y, X) bool; fill a ring first to compare its outer contour
    spacing_mm : distance between rows and between columns
    returns : NaN where a mask is empty

    Examples
    --------
    >>> square = np.zeros((9, 9), bool)
    >>> square[2:7, 2:7] = True
    >>> contour_distance_mm(square, square, spacing_mm=(2, 2))
    ContourDistance(mean_mm=0.0, hausdorff_95_mm=0.0)
    """
    if first.shape != second.shape:
        raise ValueError(f"masks must have one shape, got {first.shape} and {second.shape}")
    contours = [_contour_mm(np.asarray(mask, dtype=bool), spacing_mm) for mask in (first, second)]
    if not all(len(segments) for segments in contours):
        return ContourDistance(mean_mm=float("nan"), hausdorff_95_mm=float("nan"))
    there, back = (_to_contour_mm(contours[a], contours[b]) for a, b in ((0, 1), (1, 0)))
    return ContourDistance(
        mean_mm=float(np.concatenate([there, back]).mean()),
        hausdorff_95_mm=float(max(np.percentile(distances, 95) for distances in (there, back))),
    )


def _contour_mm(mask: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """(N, 2, 2) straight pieces of the contour: start and end, row and column, mm (marching squares)."""
    padded = np.pad(mask, 1)
    corners = [padded[:-1, :-1], padded[:-1, 1:], padded[1:, 1:], padded[1:, :-1]]
    crossed = np.stack([corners[side] != corners[(side + 1) % 4] for side in range(4)], axis=-1)
    middles = np.array([(0.0, 0.5), (0.5, 1.0), (1.0, 0.5), (0.5, 0.0)])
    points = np.argwhere(np.ones(crossed.shape[:2], dtype=bool)).reshape(*crossed.shape[:2], 1, 2) + middles
    crossings = crossed.sum(axis=-1)
    simple = points[(crossings == 2)[..., None] & crossed].reshape(-1, 2, 2)
    saddles = points[crossings == 4].reshape(-1, 2, 2)
    return np.concatenate([simple, saddles]) * spacing_mm


def _to_contour_mm(pieces: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance of the start and the end of each piece of one contour to the nearest point of another contour."""
    points = pieces.reshape(-1, 1, 2)
    starts, along = others[:, 0], others[:, 1] - others[:, 0]
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
