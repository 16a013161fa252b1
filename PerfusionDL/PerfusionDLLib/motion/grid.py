"""The working grid: the heart and its surroundings at a spacing that does not depend on the scanner's pixels.

Displacements live on it as a few cosines, so that a field is smooth by construction and its normal equations are small.
"""

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from ..data.box import Box

SPACING_MM = 2.0
MARGIN_MM = 28.0  # of the grid beyond the box of the left ventricle
RIM_MM = 5.0  # beyond the ellipse in the box counts half: the liver and the lung slide along the heart
TAPER_MM = 8.0  # around the rim, from full weight to none


@dataclass(frozen=True)
class Grid:
    """Points of the working grid in pixels, spread evenly between the edges of a region.

    row0, col0, row1, col1 : edges in pixels, pixel centers at integers
    rows, columns : number of points
    spacing_mm : of the pixels, rows then columns
    heart_px : box of the left ventricle
    """

    row0: float
    col0: float
    row1: float
    col1: float
    rows: int
    columns: int
    spacing_mm: tuple[float, float]
    heart_px: Box

    @classmethod
    def around(cls, region_px, shape, spacing_mm, *, step_mm=SPACING_MM, margin_mm=None) -> "Grid":
        """Grid over a box with its margin, as far as the image of that shape reaches."""
        margin_mm = MARGIN_MM if margin_mm is None else margin_mm
        low = np.maximum(np.asarray(region_px[:2]) - margin_mm / np.asarray(spacing_mm), -0.5)
        high = np.minimum(np.asarray(region_px[2:]) + margin_mm / np.asarray(spacing_mm), np.asarray(shape) - 0.5)
        points = np.maximum(np.rint((high - low) * spacing_mm / step_mm), 8).astype(int)
        fields = [*map(float, (*low, *high)), *map(int, points)]
        return cls(*fields, tuple(map(float, spacing_mm)), Box(*map(float, region_px)))  # type: ignore[call-arg, arg-type]

    @cached_property
    def row_px(self) -> np.ndarray:
        """(rows,) pixel positions."""
        return self.row0 + (np.arange(self.rows) + 0.5) * (self.row1 - self.row0) / self.rows

    @cached_property
    def column_px(self) -> np.ndarray:
        """(columns,) pixel positions."""
        return self.col0 + (np.arange(self.columns) + 0.5) * (self.col1 - self.col0) / self.columns

    @property
    def step_mm(self) -> tuple[float, float]:
        """Distance between points along rows and columns."""
        return (
            (self.row1 - self.row0) / self.rows * self.spacing_mm[0],
            (self.col1 - self.col0) / self.columns * self.spacing_mm[1],
        )

    def window(self, rim_mm: float | None = None) -> np.ndarray:
        """(rows, columns) float32 weight: 1 in the ellipse that fills the box, falling to 0 around its rim."""
        rim_mm = RIM_MM if rim_mm is None else rim_mm
        rows, columns = self.heart_px.size_px
        row, column = self.heart_px.center_px
        radii_mm = rows / 2 * self.spacing_mm[0], columns / 2 * self.spacing_mm[1]
        y_mm = (self.row_px - row) * self.spacing_mm[0]
        x_mm = (self.column_px - column) * self.spacing_mm[1]
        outside_mm = (np.hypot(y_mm[:, None] / radii_mm[0], x_mm / radii_mm[1]) - 1) * np.mean(radii_mm) - rim_mm
        return (np.sin(np.pi / 2 * np.clip(0.5 - outside_mm / TAPER_MM, 0, 1)) ** 2).astype(np.float32)

    def cosines(self, order: int) -> tuple[np.ndarray, np.ndarray]:
        """(order, rows) and (order, columns) float32: 1, then cosines of unit mean square."""
        rows, columns = (cosines(order, (np.arange(points) + 0.5) / points) for points in (self.rows, self.columns))
        return rows, columns


def cosines(order: int, position: np.ndarray) -> np.ndarray:
    """(order, ...) float32 at positions (...) from 0 to 1 between the edges."""
    position = np.asarray(position, np.float32)
    waves = np.stack([np.cos(np.float32(np.pi * wave) * position) for wave in range(order)])
    waves[1:] *= np.float32(np.sqrt(2))
    return waves


class Frames:
    """The frames around the grid, smoothed, ready to be read at displaced grid points.

    Linear interpolation blurs by how far a point lies from a pixel, which a displacement could learn to exploit; the
    images are therefore kept at half the pixel spacing.

    signal : (T, Y, X) float32;  smoothing_mm : standard deviation of the Gaussian
    """

    def __init__(self, signal: np.ndarray, grid: Grid, *, smoothing_mm: float, reach_mm: float = 25.0) -> None:
        reach = [int(np.ceil(reach_mm / spacing)) for spacing in grid.spacing_mm]
        first = [max(int(np.floor(edge)) - r, 0) for edge, r in zip((grid.row0, grid.col0), reach, strict=True)]
        last = [int(np.ceil(edge)) + r + 1 for edge, r in zip((grid.row1, grid.col1), reach, strict=True)]
        cropped = signal[:, first[0] : last[0], first[1] : last[1]]
        sigma = [smoothing_mm / spacing for spacing in grid.spacing_mm]
        if smoothing_mm > 0:
            cropped = ndimage.gaussian_filter(cropped, (0, *sigma), mode="nearest", truncate=3)
        self.images = _halved(_halved(cropped.astype(np.float32), 1), 2)
        self._sigma, self._origin = sigma, first
        self._rows = 2 * (grid.row_px - first[0]).astype(np.float32)[:, None]
        self._columns = 2 * (grid.column_px - first[1]).astype(np.float32)[None, :]
        self._per_mm = [np.float32(2 / spacing) for spacing in grid.spacing_mm]

    def at(self, displacement_mm: np.ndarray) -> np.ndarray:
        """(T, rows, columns) signal at grid points moved by (T, 2, rows, columns), linear between half pixels."""
        return self._read(
            self._rows + displacement_mm[:, 0] * self._per_mm[0],
            self._columns + displacement_mm[:, 1] * self._per_mm[1],
        )

    def around(self, grid: Grid, points: int) -> np.ndarray:
        """(T, rows + 2 points, columns + 2 points) signal at the grid and further points on all sides of it."""
        rows, columns = (
            (low - origin + (np.arange(-points, count + points) + 0.5) * (high - low) / count) * 2
            for low, high, count, origin in (
                (grid.row0, grid.row1, grid.rows, self._origin[0]),
                (grid.col0, grid.col1, grid.columns, self._origin[1]),
            )
        )
        shape = len(self.images), len(rows), len(columns)
        return self._read(*(np.broadcast_to(part.astype(np.float32), shape) for part in (rows[:, None], columns)))

    def only(self, frame: int) -> "Frames":
        """One frame, to be read at any number of displacements."""
        return self._part(slice(frame, frame + 1))

    def first(self, count: int) -> "Frames":
        """The leading frames."""
        return self._part(slice(count))

    def _part(self, which: slice) -> "Frames":
        part = copy(self)
        part.images = self.images[which]
        return part

    def _read(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        frames, height, width = self.images.shape
        row = np.clip(row, 0, height - 1.001)
        column = np.clip(column, 0, width - 1.001)
        row0, column0 = row.astype(np.int32), column.astype(np.int32)
        row -= row0
        column -= column0
        index = (row0 * width + column0).astype(np.intp)
        if frames > 1:
            index += (np.arange(frames) * height * width)[:, None, None]
        flat = self.images.ravel()
        upper, lower = flat.take(index), flat[width:].take(index)
        upper += column * (flat[1:].take(index) - upper)
        lower += column * (flat[width + 1 :].take(index) - lower)
        return upper + row * (lower - upper)

    def noise_correlation(self, grid: Grid) -> float:
        """Power of white pixel noise per independent grid point over its power after smoothing and interpolation.

        Neighboring grid points share noise, so that they tell less than their number suggests.
        """
        power = 1.0
        for sigma in self._sigma:
            kernel = np.exp(-0.5 * (np.arange(-12, 13) / max(sigma, 1e-3)) ** 2)
            kernel /= kernel.sum()
            between = [np.convolve(kernel, (1 - part, part)) for part in (0, 0.25, 0.5, 0.75)]
            power *= np.mean(np.square(between).sum(1))
        cells = np.prod(grid.spacing_mm) / np.prod(grid.step_mm)
        return max(float(cells / power), 1.0)


def _halved(images: np.ndarray, axis: int) -> np.ndarray:
    """Images with the points halfway between pixels along an axis, by six-point Lagrange interpolation."""
    between = ndimage.correlate1d(images, np.array([3, -25, 150, 150, -25, 3]) / 256, axis, mode="nearest", origin=-1)
    both = np.stack([images, between], axis + 1)
    shape = list(images.shape)
    shape[axis] *= 2
    return both.reshape(shape)
