"""Displacement fields: from cosines to every pixel, from one pose to another, and what they do to images."""

import numpy as np
from scipy import ndimage

from .grid import Grid, cosines

FADE_MM = 20.0  # outside the grid displacements fade to zero over this distance


def dense_field(waves_mm: np.ndarray, grid: Grid, shape: tuple[int, int]) -> np.ndarray:
    """(T, 2, Y, X) float32 mm: the cosines inside the grid, their edge values fading outside."""
    order = waves_mm.shape[-1]

    def basis(pixels, low, high, spacing_mm):
        position = (np.arange(pixels) - low) / (high - low)
        inside = np.clip(position, 0, 1)
        outside_mm = np.abs(position - inside) * (high - low) * spacing_mm
        fade = np.cos(np.pi / 2 * np.minimum(outside_mm / FADE_MM, 1)) ** 2
        return (cosines(order, inside) * fade).astype(np.float32)

    rows = basis(shape[0], grid.row0, grid.row1, grid.spacing_mm[0])
    columns = basis(shape[1], grid.col0, grid.col1, grid.spacing_mm[1])
    return rows.T @ waves_mm @ columns


def relative_to(field_mm: np.ndarray, frame: int, spacing_mm) -> np.ndarray:
    """The same motion seen from the pose of one frame: (T, 2, Y, X) mm, zero for that frame."""
    inverse = inverted(field_mm[frame], spacing_mm)
    read = _reader(pixels_at(inverse, spacing_mm))
    seen = np.empty_like(field_mm)
    for frame_mm, out in zip(field_mm, seen, strict=True):
        out[:] = read(frame_mm) + inverse
    seen[frame] = 0
    return seen


def inverted(field_mm: np.ndarray, spacing_mm) -> np.ndarray:
    """(2, Y, X) mm field that undoes a field: ``inverse(x + field(x)) = -field(x)``."""
    inverse = -field_mm
    for _ in range(12):
        inverse = -_reader(pixels_at(inverse, spacing_mm))(field_mm)
    return inverse


def _reader(position_px: np.ndarray):
    """A function that reads (..., Y, X) images at (2, Y, X) pixel positions, linear between pixels."""
    height, width = position_px.shape[1:]
    row, column = np.clip(position_px[0], 0, height - 1), np.clip(position_px[1], 0, width - 1)
    row0, column0 = (np.minimum(part.astype(int), size - 2) for part, size in ((row, height), (column, width)))
    row, column = row - row0, column - column0
    corner = row0 * width + column0

    def read(images):
        flat = images.reshape(*images.shape[:-2], -1)
        upper = (1 - column) * flat[..., corner] + column * flat[..., corner + 1]
        lower = (1 - column) * flat[..., corner + width] + column * flat[..., corner + width + 1]
        return ((1 - row) * upper + row * lower).astype(images.dtype)

    return read


def pixels_at(displacement_mm: np.ndarray, spacing_mm) -> np.ndarray:
    """(2, Y, X) float32 pixel positions that displaced pixels come to."""
    position = np.mgrid[: displacement_mm.shape[1], : displacement_mm.shape[2]].astype(np.float32)
    return position + displacement_mm / np.asarray(spacing_mm, np.float32)[:, None, None]


def resampled(signal: np.ndarray, displacement_mm: np.ndarray, spacing_mm) -> np.ndarray:
    """(T, Y, X) float32 in the reference pose, by cubic splines; pixels that do not move keep their signal."""
    corrected = signal.copy()
    for image, field_mm, out in zip(signal, displacement_mm, corrected, strict=True):
        moved = np.abs(field_mm).max(0) > 1e-4
        if not moved.any():
            continue
        rows, columns = (slice(np.flatnonzero(line)[0], np.flatnonzero(line)[-1] + 1) for line in _lines(moved))
        position = pixels_at(field_mm, spacing_mm)[:, rows, columns]
        values = ndimage.map_coordinates(image, position, order=3, mode="nearest")
        out[rows, columns] = np.where(moved[rows, columns], values, image[rows, columns])
    return corrected


def _lines(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return mask.any(1), mask.any(0)
