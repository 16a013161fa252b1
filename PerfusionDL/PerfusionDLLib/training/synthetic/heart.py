"""A random short-axis heart as signed distances, from basal to apical and from wide open to nearly closed.

Ranges are wider than in-vivo figures on purpose (domain randomization); nothing here comes from `phantom`, which judges
the networks.
"""

from dataclasses import dataclass

import numpy as np

from .grid import Grid, smooth_field, wavy_circle
from .muscle_in_cavity import draw_papillary_muscles, draw_specks, draw_trabeculae
from .right_ventricle import draw_right_ventricle

_CLOSED_SHARE = 0.15
"""Share of training hearts in systole, nearly closed; chosen: one mid slice in ten at stress of patients is, and they
are the hardest."""


@dataclass(frozen=True)
class Heart:
    """Where things are; every field (size, size) float32, mm, negative inside.

    muscle_in_cavity, muscle_in_rv : 0 to 1, papillary muscles and trabeculae
    angle : (size, size) around the LV center, 0 towards the RV
    depth : 0 at the endocardium to 1 at the epicardium
    insertions_mm : (2, 2) position of the insertion points, the first where the septum begins when the angle grows;
        None for a slice without RV
    rv_direction : unit vector (row, column) from LV to RV; handedness : 1, or -1 where the image is mirrored
    """

    epicardium: np.ndarray
    endocardium: np.ndarray
    rv_outside: np.ndarray
    rv_inside: np.ndarray
    muscle_in_cavity: np.ndarray
    muscle_in_rv: np.ndarray
    angle: np.ndarray
    depth: np.ndarray
    insertions_mm: np.ndarray | None
    center_mm: np.ndarray
    radius_mm: float
    rv_direction: np.ndarray
    handedness: int

    @property
    def labels(self) -> np.ndarray:
        """(size, size) uint8: 1 myocardium, 2 LV blood pool with papillary muscles, 3 RV blood pool."""
        labels = np.where(self.rv_inside < 0, 3, 0).astype(np.uint8)
        labels[self.epicardium < 0] = 1
        labels[self.endocardium < 0] = 2
        return labels


def draw_heart(rng: np.random.Generator, grid: Grid, *, off_center_mm: float) -> Heart:
    """A heart at a random place up to ``off_center_mm`` from the center, in any orientation, mirrored or not."""
    size = grid.size
    center = np.clip(rng.normal(0, 0.4, 2), -1, 1).astype(np.float32) * off_center_mm
    rows, columns = np.meshgrid(grid.axis_mm, grid.axis_mm, indexing="ij")
    bend_mm = rng.uniform(0, 6)
    warp = [bend_mm * smooth_field(rng, size, max(2, int(grid.half_mm / 35))) for _ in range(2)]
    turn = rng.uniform(0, 2 * np.pi)
    handedness = int(rng.choice((-1, 1)))
    along = np.array([np.sin(turn), np.cos(turn)], np.float32)
    across = handedness * np.array([along[1], -along[0]], np.float32)
    down, right = rows - center[0] + warp[0], columns - center[1] + warp[1]
    u, v = down * along[0] + right * along[1], down * across[0] + right * across[1]

    closed = rng.random() < _CLOSED_SHARE
    radius, inner = _closed_sizes(rng) if closed else _sizes(rng)
    angle, distance = np.arctan2(v, u), np.hypot(u, v)
    outline = wavy_circle(rng, strength=rng.uniform(0.01, 0.06))
    epicardium = distance - radius * outline(angle)
    shift = rng.normal(0, 0.1 if closed else 0.06, 2) * radius
    cavity_angle = np.arctan2(v - shift[1], u - shift[0])
    lumen = wavy_circle(rng, strength=rng.uniform(0.01, 0.11))
    endocardium = np.hypot(u - shift[0], v - shift[1]) - inner * lumen(cavity_angle)
    thinnest = min(3.0, 0.5 * (radius - inner))
    endocardium = np.maximum(endocardium, epicardium + thinnest).astype(np.float32)
    depth = np.clip(endocardium / np.maximum(endocardium - epicardium, 1e-3), 0, 1)

    rv_outside = rv_inside = np.full_like(epicardium, 1e3)
    insertions = None
    if rng.random() < 0.94:
        rv_shape, ends = draw_right_ventricle(rng, radius, outline)
        rv_outside = rv_shape(u, v).astype(np.float32)
        wall = rng.uniform(1.5, 5)
        rv_inside = np.maximum(rv_outside + wall, -epicardium + rng.choice((0, 0, 1.0)))
        insertions = _unwarp(ends[:, :1] * along + ends[:, 1:] * across + center, warp, grid)
    muscle = draw_papillary_muscles(rng, u - shift[0], v - shift[1], inner, inner / radius, endocardium, grid)
    if closed:
        muscle = np.maximum(muscle, draw_specks(rng, grid, endocardium))
    return Heart(
        epicardium=epicardium.astype(np.float32),
        endocardium=endocardium,
        rv_outside=rv_outside,
        rv_inside=rv_inside.astype(np.float32),
        muscle_in_cavity=muscle,
        muscle_in_rv=draw_trabeculae(rng, grid, rng.uniform(0.6, 1.6)),
        angle=angle,
        depth=depth,
        insertions_mm=insertions,
        center_mm=center,
        radius_mm=radius,
        rv_direction=along,
        handedness=handedness,
    )


def _sizes(rng) -> tuple[float, float]:
    """Epicardial and endocardial radius, mm."""
    radius = rng.normal(33, 5) if rng.random() < 0.7 else rng.uniform(17, 48)
    radius = float(np.clip(radius, 16, 50))
    share = rng.uniform(0.45, 0.78) if rng.random() < 0.7 else rng.uniform(0.15, 0.86)
    inner = np.clip(radius * share, radius - 20, radius - 3.5)
    return radius, float(max(inner, 3.0))


def _closed_sizes(rng) -> tuple[float, float]:
    """Epicardial and endocardial radius of a heart in systole, mm: a lumen of 9 to 24 mm, a wall of 11 to 19 mm."""
    inner = float(rng.uniform(4.5, 12))
    return inner + float(rng.uniform(11, 19)), inner


def _unwarp(position_mm, warp, grid):
    """Where a warped image shows what the straight one has at ``position_mm`` (fixed-point iteration)."""
    found = position_mm.copy()
    for _ in range(5):
        pixel = np.clip(np.rint(grid.pixels(found)).astype(int), 0, grid.size - 1)
        found = position_mm - np.stack([field[pixel[:, 0], pixel[:, 1]] for field in warp], axis=1)
    return found
