"""Borders of a ventricle as radii along rays from the middle of its cavity, and labels from borders that have moved."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..data.contours import Label

ANGLES = 2 * np.pi * np.arange(120) / 120
"""Directions of the rays, rad; chosen: 3 degrees, 2 mm on the epicardium of a large heart."""
STEP_MM, FARTHEST_MM = 0.5, 80.0
"""Steps along a ray and its length, mm; chosen."""
LEAST_WALL_MM = 2.0
"""Thickness of the wall that is left where borders move, mm; chosen: a pixel."""


@dataclass(frozen=True)
class Rays:
    """Rays from the middle of a cavity; radius_mm, angle : (Y, X) of every pixel."""

    center_px: np.ndarray
    spacing_mm: tuple[float, float]
    radius_mm: np.ndarray
    angle: np.ndarray

    @classmethod
    def about(cls, cavity: np.ndarray, spacing_mm: tuple[float, float]) -> "Rays":
        """From the middle of the cavity, or where it is deepest if that lies outside."""
        center = np.array(ndimage.center_of_mass(cavity))
        if not cavity[tuple(np.rint(center).astype(int))]:
            depth = ndimage.distance_transform_edt(cavity, sampling=spacing_mm)
            center = np.array(np.unravel_index(np.argmax(depth), cavity.shape), float)
        down, right = ((np.indices(cavity.shape).T - center) * spacing_mm).T
        return cls(center, spacing_mm, np.hypot(down, right), np.arctan2(down, right) % (2 * np.pi))

    def polar(self, position_px: tuple[float, float]) -> tuple[float, float]:
        """Radius in mm and angle of a place."""
        down, right = (np.asarray(position_px) - self.center_px) * self.spacing_mm
        return float(np.hypot(down, right)), float(np.arctan2(down, right) % (2 * np.pi))

    def sample(self, image: np.ndarray, radii_mm: np.ndarray) -> np.ndarray:
        """An image (Y, X) at radii (R, M) along the rays."""
        unit = np.stack([np.sin(ANGLES), np.cos(ANGLES)])[:, :, None] * radii_mm
        at = self.center_px[:, None, None] + unit / np.array(self.spacing_mm)[:, None, None]
        return ndimage.map_coordinates(image, at, order=1, mode="constant")

    def reach(self, mask: np.ndarray) -> np.ndarray:
        """(R,) radius of the border of a mask, mm."""
        radii = np.arange(0, FARTHEST_MM, STEP_MM)[None].repeat(len(ANGLES), axis=0)
        inside = self.sample(mask.astype(float), radii) > 0.5
        return np.where(inside, radii, 0).max(axis=1) + STEP_MM / 2

    def redrawn(self, mask: np.ndarray, before_mm: np.ndarray, now_mm: np.ndarray) -> np.ndarray:
        """A mask whose border has moved; where it has not, every pixel keeps its side."""
        order = self.angle / (2 * np.pi) * len(ANGLES)
        low = order.astype(int) % len(ANGLES)
        share = order - np.floor(order)

        def between(values: np.ndarray) -> np.ndarray:
            return values[low] * (1 - share) + values[(low + 1) % len(ANGLES)] * share

        moved = between(now_mm - before_mm)
        level = ndimage.distance_transform_edt(mask, sampling=self.spacing_mm)
        level -= ndimage.distance_transform_edt(~mask, sampling=self.spacing_mm)
        level = np.where(np.abs(moved) > STEP_MM / 2, between(now_mm) - self.radius_mm, level)
        return ndimage.binary_fill_holes(level > 0)


def compose_labels(labels: np.ndarray, cavity: np.ndarray, heart: np.ndarray) -> np.ndarray:
    """New labels; what the heart leaves becomes what lies nearest to it outside: background or the RV."""
    outside = ~((labels == Label.MYOCARDIUM) | (labels == Label.BLOOD_POOL))
    nearest = ndimage.distance_transform_edt(~outside, return_distances=False, return_indices=True)
    composed = labels[tuple(nearest)]
    composed[heart] = Label.MYOCARDIUM
    composed[cavity] = Label.BLOOD_POOL
    return composed
