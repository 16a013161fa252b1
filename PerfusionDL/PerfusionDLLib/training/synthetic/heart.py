"""A random short-axis heart as signed distances, from basal to apical and from wide open to nearly closed.

Ranges are wider than in-vivo figures on purpose (domain randomization); nothing here comes from `phantom`, which judges
the networks.
"""

from dataclasses import dataclass

import numpy as np

from .grid import Grid, smooth_field, wavy_circle

_CLOSED_SHARE = 0.15
"""Share of training hearts in systole, nearly closed; chosen: one mid slice in ten at stress of patients is, and they
are the hardest."""

_BESIDE_WALL = (0.15, 1.0)
"""Share of muscle that trabeculae take of the blood beside the wall; chosen: from few, which leave the border of the
wall to be seen, to so many that only the border of the blood is."""


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
        rv_shape, ends = _rv_on_one_side(rng, radius, outline)
        rv_outside = rv_shape(u, v).astype(np.float32)
        wall = rng.uniform(1.5, 5)
        rv_inside = np.maximum(rv_outside + wall, -epicardium + rng.choice((0, 0, 1.0)))
        insertions = _unwarp(ends[:, :1] * along + ends[:, 1:] * across + center, warp, grid)
    muscle = _papillary(rng, u - shift[0], v - shift[1], inner, inner / radius, endocardium, grid)
    if closed:
        muscle = np.maximum(muscle, _specks(rng, grid, endocardium))
    return Heart(
        epicardium=epicardium.astype(np.float32),
        endocardium=endocardium,
        rv_outside=rv_outside,
        rv_inside=rv_inside.astype(np.float32),
        muscle_in_cavity=muscle,
        muscle_in_rv=_trabeculae(rng, grid, rng.uniform(0.6, 1.6)),
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


def _specks(rng, grid, endocardium):
    """0 to 1: muscle that leaves only specks of a lumen; the endocardium stays the smooth contour around them."""
    field = smooth_field(rng, grid.size, _cells(grid, rng.uniform(3, 8)))
    inside = endocardium < 0
    filled = rng.uniform(0.2, 0.85)
    threshold = np.quantile(field[inside], filled) if inside.any() else 0.0
    return np.clip(0.5 + (threshold - field) * rng.uniform(2, 8), 0, 1).astype(np.float32) * np.float32(
        rng.uniform(0.7, 1)
    )


def _rv_shape(rng, radius):
    """Signed distance of the RV's outer surface: a skewed oval that leaves the epicardium at two random angles."""
    half_arc = np.deg2rad(rng.uniform(30, 80))
    thickness = rng.uniform(5, 30) if rng.random() < 0.5 else rng.uniform(20, 62)
    chord = radius * np.cos(half_arc)
    outer = radius + thickness
    middle = chord + rng.uniform(-0.25, 0.6) * (outer - chord)
    a = outer - middle
    b = radius * np.sin(half_arc) / np.sqrt(max(1 - ((chord - middle) / a) ** 2, 0.15))
    b = np.clip(b, 0.5 * radius, 1.35 * radius)
    skew, lift = rng.normal(0, 0.2), rng.normal(0, 0.1) * radius
    wave = wavy_circle(rng, strength=rng.uniform(0, 0.08))
    power = rng.uniform(1.8, 2.8)

    def signed_mm(u, v):
        x, y = (u - middle) / a, (v - lift + skew * (u - middle)) / b
        reach = (np.abs(x) ** power + np.abs(y) ** power) ** (1 / power)
        return (reach - wave(np.arctan2(y, x))) * np.sqrt(a * b)

    return signed_mm


def _rv_on_one_side(rng, radius, outline):
    """An RV that covers one part of the epicardium, and (2, 2) the ends of the septum in heart coordinates."""
    while True:
        rv_shape = _rv_shape(rng, radius)
        ends = _insertions(rv_shape, radius, outline)
        if ends is not None:
            return rv_shape, ends


def _insertions(rv_shape, radius, outline):
    """(2, 2) ends of the septum in heart coordinates: where the outside of the RV wall meets the epicardium.

    None where the septum takes less than 20 degrees, is not around angle 0, or ends 30 degrees from the far side, and
    where the RV comes out of the LV elsewhere too.
    """
    angle = np.linspace(-np.pi, np.pi, 720, endpoint=False)
    reach = radius * outline(angle)
    covered = np.flatnonzero(rv_shape(reach * np.cos(angle), reach * np.sin(angle)) < 0)
    if len(covered) < 40:
        return None
    first, last = int(covered[0]), int(covered[-1])
    if len(covered) != last - first + 1 or not 60 <= first <= 360 <= last <= 660:
        return None
    ends = angle[[first, last]]
    return np.stack([reach[[first, last]] * np.cos(ends), reach[[first, last]] * np.sin(ends)], axis=1)


def _unwarp(position_mm, warp, grid):
    """Where a warped image shows what the straight one has at ``position_mm`` (fixed-point iteration)."""
    found = position_mm.copy()
    for _ in range(5):
        pixel = np.clip(np.rint(grid.pixels(found)).astype(int), 0, grid.size - 1)
        found = position_mm - np.stack([field[pixel[:, 0], pixel[:, 1]] for field in warp], axis=1)
    return found


def _papillary(rng, u, v, inner, share, endocardium, grid):
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


def _trabeculae(rng, grid, threshold):
    return np.clip(smooth_field(rng, grid.size, _cells(grid, 8)) * 2 - threshold, 0, 1) * np.float32(rng.uniform(0, 1))


def _cells(grid, feature_mm):
    """Cells across the image for structures of about ``feature_mm``."""
    return int(np.clip(2 * grid.half_mm / feature_mm, 4, grid.size // 2))
