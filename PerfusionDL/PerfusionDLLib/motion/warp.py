"""Contours and points between the pose of the reference frame and the pose of any frame."""

import numpy as np
from scipy import ndimage

from ..data.preprocessed import MotionCompensation
from .field import inverted, pixels_at


def move_labels(
    labels: np.ndarray,
    motion: MotionCompensation,
    frame: int,
    spacing_mm: tuple[float, float],
    *,
    to_reference: bool = False,
) -> np.ndarray:
    """A label image in the pose of a frame, given in the reference pose; or the other way round.

    labels : (Y, X) integers;  returns the same shape and type. Borders are placed to a fraction of a pixel: each label
    is moved as a linearly interpolated mask and the largest share wins.
    """
    field_mm = motion.displacement_mm[frame]
    if labels.shape != field_mm.shape[1:]:
        raise ValueError(f"labels must have the shape of the series {field_mm.shape[1:]}, got {labels.shape}")
    position = pixels_at(field_mm if to_reference else inverted(field_mm, spacing_mm), spacing_mm)
    values = np.unique(labels)
    shares = [
        ndimage.map_coordinates((labels == value).astype(np.float32), position, order=1, mode="nearest")
        for value in values
    ]
    return values[np.argmax(shares, axis=0)]


def move_points(
    points_yx: np.ndarray,
    motion: MotionCompensation,
    frame: int,
    spacing_mm: tuple[float, float],
    *,
    to_reference: bool = False,
) -> np.ndarray:
    """Points in the pose of a frame, given in the reference pose; or the other way round.

    points_yx : (..., 2) pixel positions, row and column
    """
    points = np.asarray(points_yx, dtype=float)
    if points.shape[-1:] != (2,):
        raise ValueError(f"points_yx must be (..., 2), got {points.shape}")

    def displacement_px(where):
        position = where.reshape(-1, 2).T
        parts = [
            ndimage.map_coordinates(part, position, order=1, mode="nearest") for part in motion.displacement_mm[frame]
        ]
        return np.stack(parts, -1).reshape(where.shape) / np.asarray(spacing_mm)

    if not to_reference:
        return points + displacement_px(points)
    moved = points
    for _ in range(20):
        moved = points - displacement_px(moved)
    return moved
