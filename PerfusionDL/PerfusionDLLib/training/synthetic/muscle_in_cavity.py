"""Muscle among the blood: papillary muscles, trabeculae, and the specks that they leave of a nearly closed lumen."""

import numpy as np

from .grid import Grid, smooth_field

_BESIDE_WALL = (0.15, 1.0)
"""Share of muscle that trabeculae take of the blood beside the wall; chosen: from few, which leave the border of the
wall to be seen, to so many that only the border of the blood is."""


def draw_papillary_muscles(
    rng: np.random.Generator,
    u: np.ndarray,
    v: np.ndarray,
    inner: float,
    share: float,
    endocardium: np.ndarray,
    grid: Grid,
) -> np.ndarray:
    """0 to 1: papillary muscles, free or flat against the wall, trabeculae too fine to see one by one, and the rubble
    of a nearly closed cavity. The smaller the cavity's ``share`` of the heart's radius, the more of it they fill, as in
    patients: there a mid cavity is dark over 28 % [9, 46] of its area, a basal one over 10 % [2, 22].
    """
    crowding = float(np.clip((0.86 - share) / 0.26, 0, 1))
    muscle = np.zeros_like(u)
    for _ in range(rng.choice(6, p=(0.15, 0.15, 0.3, 0.2, 0.12, 0.08))):
        place, turn = rng.uniform(0, 2 * np.pi), rng.uniform(0, np.pi)
        size = np.clip(rng.uniform(0.12, 0.33 + 0.17 * crowding) * inner, 1.5, 9) * np.exp(rng.normal(0, 0.2, 2))
        out = inner * rng.uniform(0.35, 1.0)
        x, y = u - out * np.cos(place), v - out * np.sin(place)
        oval = np.hypot(
            (x * np.cos(turn) + y * np.sin(turn)) / size[0], (y * np.cos(turn) - x * np.sin(turn)) / size[1]
        )
        muscle = np.maximum(
            muscle, np.clip(0.5 - (oval - 1) * size.min() / grid.spacing_mm, 0, 1) * rng.uniform(0.6, 1)
        )
    if rng.random() < 0.4 + 0.4 * crowding:
        rim = rng.uniform(0, 0.35 + 0.15 * crowding) * inner
        fringe = np.clip(1 + (endocardium + rim * smooth_field(rng, grid.size, _cells(grid, 7)) * 2) / 3, 0, 1)
        muscle = np.maximum(muscle, fringe * rng.uniform(*_BESIDE_WALL))
    if rng.random() < 0.3 + 0.45 * crowding:
        place = np.arctan2(v, u) - rng.uniform(-np.pi, np.pi)
        thick = inner * rng.uniform(0.1, 0.6) * np.clip(0.5 + rng.uniform(-0.3, 0.7) + 0.6 * np.cos(place), 0.02, 1)
        graded = np.clip(1 + endocardium / thick, 0, 1) ** rng.uniform(0.4, 2)
        muscle = np.maximum(muscle, graded * rng.uniform(*_BESIDE_WALL))
    closing = np.clip((16 - inner) / 12, 0, 1)
    if rng.random() < 0.1 + 0.15 * crowding + 0.5 * closing:
        rubble = smooth_field(rng, grid.size, _cells(grid, rng.uniform(4, 9))) * 2 - rng.uniform(-0.4, 1.2)
        muscle = np.maximum(muscle, np.clip(0.5 + rubble, 0, 1) * rng.uniform(0.4, 1))
    return muscle.astype(np.float32)


def draw_specks(rng: np.random.Generator, grid: Grid, endocardium: np.ndarray) -> np.ndarray:
    """0 to 1: muscle that leaves only specks of a lumen; the endocardium stays the smooth contour around them."""
    field = smooth_field(rng, grid.size, _cells(grid, rng.uniform(3, 8)))
    inside = endocardium < 0
    filled = rng.uniform(0.2, 0.85)
    threshold = np.quantile(field[inside], filled) if inside.any() else 0.0
    return np.clip(0.5 + (threshold - field) * rng.uniform(2, 8), 0, 1).astype(np.float32) * np.float32(
        rng.uniform(0.7, 1)
    )


def draw_trabeculae(rng: np.random.Generator, grid: Grid, threshold: float) -> np.ndarray:
    """0 to 1: trabeculae of the RV; the fewer, the higher the threshold."""
    return np.clip(smooth_field(rng, grid.size, _cells(grid, 8)) * 2 - threshold, 0, 1) * np.float32(rng.uniform(0, 1))


def _cells(grid, feature_mm):
    """Cells across the image for structures of about ``feature_mm``."""
    return int(np.clip(2 * grid.half_mm / feature_mm, 4, grid.size // 2))
