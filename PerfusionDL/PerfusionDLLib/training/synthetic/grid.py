"""The plane that training images are drawn on, and the smooth random shapes that live in it."""

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Grid:
    """A square image of ``size`` pixels of ``spacing_mm``; positions in mm from its center."""

    size: int
    spacing_mm: float

    @property
    def axis_mm(self) -> np.ndarray:
        """(size,) positions of the pixel centers."""
        return (np.arange(self.size, dtype=np.float32) - (self.size - 1) / 2) * np.float32(self.spacing_mm)

    @property
    def half_mm(self) -> float:
        """Half the width of the image."""
        return self.size * self.spacing_mm / 2

    def pixels(self, position_mm: np.ndarray) -> np.ndarray:
        """Row and column of positions in mm."""
        return np.asarray(position_mm) / self.spacing_mm + (self.size - 1) / 2


@cache
def spline_basis(size: int, knots: int) -> np.ndarray:
    """(size, knots + 3) uniform cubic B-splines over an axis of ``size`` pixels."""
    place = np.linspace(0, knots, size, endpoint=False)[:, None] - np.arange(-3, knots)[None] - 2
    near = np.abs(place)
    basis = np.where(near < 1, 2 / 3 - near**2 + near**3 / 2, np.where(near < 2, (2 - near) ** 3 / 6, 0))
    return basis.astype(np.float32)


def smooth_field(rng: np.random.Generator, size: int, knots: int) -> np.ndarray:
    """(size, size) smooth random field with a standard deviation near 0.5 and ``knots`` cells across."""
    basis = spline_basis(size, knots)
    return basis @ rng.standard_normal((knots + 3, knots + 3), np.float32) @ basis.T


def wavy_circle(rng: np.random.Generator, *, strength: float) -> "Wave":
    """A random closed curve's relative radius, as a function of the angle: 1 plus its second to fifth harmonics."""
    orders = np.arange(2, 6)
    amplitude = strength * rng.standard_normal(4) / np.array([1.0, 2.0, 3.0, 4.5])
    return Wave(orders, amplitude, rng.uniform(0, 2 * np.pi, 4))


@dataclass(frozen=True)
class Wave:
    """Relative radius of a closed curve, 1 + sum of a cos(k angle + phase)."""

    orders: np.ndarray
    amplitudes: np.ndarray
    phases: np.ndarray

    def __call__(self, angle: np.ndarray) -> np.ndarray:
        total = np.ones_like(angle)
        for order, amplitude, phase in zip(self.orders, self.amplitudes, self.phases, strict=True):
            total += np.float32(amplitude) * np.cos(np.float32(order) * angle + np.float32(phase))
        return np.maximum(total, 0.3)


def coverage(signed_mm: np.ndarray, edge_mm: float) -> np.ndarray:
    """Share of each pixel inside a shape whose signed distance is negative inside; ``edge_mm`` wide partial volume."""
    return np.clip(np.float32(0.5) - signed_mm / np.float32(edge_mm), 0, 1)
