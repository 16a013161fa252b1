"""Displacement fields: from cosines to every pixel, from one pose to another, and what they do to images."""

import numpy as np
from scipy import ndimage

from ..data.box import find_area
from .grid import Grid, cosines

FADE_MM = 20.0  # outside the grid displacements fade to zero over this distance
SPLINE_PX = 12  # beyond which a pixel has no part in a cubic spline


def dense_field(waves_mm: np.ndarray, grid: Grid, shape: tuple[int, int], *, reference_frame: int) -> np.ndarray:
    """(T, 2, Y, X) float32 mm from the pose of one frame: cosines inside the grid, their edge values fading outside.

    Pixels far from the grid do not move; nothing is computed there.

    waves_mm : (T, 2, order, order) amplitudes in the pose that the frames have in common
    """
    frames, _, order, _ = waves_mm.shape
    at_rest = np.zeros((2, *shape), np.float32)
    flat = np.ascontiguousarray(waves_mm, np.float32).reshape(2 * frames, -1)

    def near_grid(displacement_mm):
        return (
            _fading_cosines(order, position, low, high, spacing_mm)
            for position, low, high, spacing_mm in zip(
                pixels_at(displacement_mm, grid.spacing_mm),
                (grid.row0, grid.col0),
                (grid.row1, grid.col1),
                grid.spacing_mm,
                strict=True,
            )
        )

    def fields(waves, row, column):
        return (waves @ (row[:, None] * column).reshape(order**2, -1)).reshape(-1, 2, *row.shape[1:])

    (to_reference,) = fields(flat[2 * reference_frame : 2 * reference_frame + 2], *near_grid(at_rest))
    back = inverted(to_reference, grid.spacing_mm)
    row, column = near_grid(back)
    rows, columns = find_area((row[0] != 0) & (column[0] != 0) | (back != 0).any(axis=0))
    field_mm = np.zeros((frames, 2, *shape), np.float32)
    field_mm[:, :, rows, columns] = fields(flat, row[:, rows, columns], column[:, rows, columns])
    field_mm[:, :, rows, columns] += back[:, rows, columns]
    field_mm[reference_frame] = 0
    return field_mm


def _fading_cosines(order: int, pixels: np.ndarray, low: float, high: float, spacing_mm: float) -> np.ndarray:
    """(order, Y, X) float32 at pixel positions along one axis of a grid from low to high."""
    position = (pixels - low) / (high - low)
    inside = np.clip(position, 0, 1)
    outside_mm = np.abs(position - inside) * ((high - low) * spacing_mm)
    fade = np.cos(np.pi / 2 * np.minimum(outside_mm / FADE_MM, 1)) ** 2
    fade[outside_mm >= FADE_MM] = 0
    return cosines(order, inside) * fade.astype(np.float32)


def inverted(field_mm: np.ndarray, spacing_mm) -> np.ndarray:
    """(2, Y, X) mm field that undoes a field: ``inverse(x + field(x)) = -field(x)``."""
    inverse = -field_mm
    for _ in range(12):
        inverse = -_read(field_mm, pixels_at(inverse, spacing_mm))
    return inverse


def _read(images: np.ndarray, position_px: np.ndarray) -> np.ndarray:
    """(..., rows, columns) images at (2, rows, columns) pixel positions, linear between pixels."""
    height, width = images.shape[-2:]
    row, column = (np.clip(part, 0, size - 1) for part, size in zip(position_px, (height, width), strict=True))
    row0, column0 = np.minimum(row.astype(np.int32), height - 2), np.minimum(column.astype(np.int32), width - 2)
    row, column = row - row0, column - column0
    corner = row0 * width + column0
    flat = images.reshape(*images.shape[:-2], -1)
    upper, lower = flat[..., corner], flat[..., corner + width]
    upper += column * (flat[..., corner + 1] - upper)
    lower += column * (flat[..., corner + width + 1] - lower)
    return upper + row * (lower - upper)


_EVERYWHERE = (slice(None), slice(None))


def pixels_at(displacement_mm: np.ndarray, spacing_mm, area: tuple[slice, slice] = _EVERYWHERE) -> np.ndarray:
    """(2, rows, columns) float32 pixel positions that displaced pixels (2, Y, X), or those of an area, come to."""
    steps = (range(size)[part] for size, part in zip(displacement_mm.shape[1:], area, strict=True))
    rows, columns = (np.arange(part.start, part.stop, dtype=np.float32) for part in steps)
    position = displacement_mm[:, *area] / np.asarray(spacing_mm, np.float32)[:, None, None]
    position[0] += rows[:, None]
    position[1] += columns
    return position


def resampled(signal: np.ndarray, displacement_mm: np.ndarray, spacing_mm) -> np.ndarray:
    """(T, Y, X) float32 in the reference pose, by cubic splines; pixels that do not move keep their signal."""
    corrected = signal.copy()
    for image, field_mm, out in zip(signal, displacement_mm, corrected, strict=True):
        moved = np.abs(field_mm).max(axis=0) > 1e-4
        if not moved.any():
            continue
        area = find_area(moved)
        position = pixels_at(field_mm, spacing_mm, area)
        low = np.maximum(np.floor(position.min((1, 2))).astype(int) - SPLINE_PX, 0)
        high = np.ceil(position.max((1, 2))).astype(int) + SPLINE_PX
        near = image[low[0] : high[0], low[1] : high[1]]
        values = ndimage.map_coordinates(near, position - low[:, None, None], order=3, mode="nearest")
        out[area] = np.where(moved[area], values, image[area])
    return corrected
