"""A random chest around a heart, painted in any number of frames at once.

Either of two surroundings, or both on top of each other: regions at random (which no anatomy could surprise) and an
anatomical sketch (lung with vessels, chest wall with fat, liver or stomach, descending aorta).
"""

from dataclasses import dataclass

import numpy as np

from .grid import Grid, coverage, smooth_field
from .heart import Heart


@dataclass(frozen=True)
class Palette:
    """Brightness of every tissue in every frame, (frame,) each; 1 is the LV blood pool at its brightest.

    regions : (region, frame) of the random regions
    """

    cavity: np.ndarray
    myocardium: np.ndarray
    defect: np.ndarray
    rv: np.ndarray
    rv_wall: np.ndarray
    lung: np.ndarray
    vessel: np.ndarray
    aorta: np.ndarray
    fat: np.ndarray
    chest: np.ndarray
    liver: np.ndarray
    stomach: np.ndarray
    regions: np.ndarray


def paint_scene(rng: np.random.Generator, grid: Grid, heart: Heart, palette: Palette) -> np.ndarray:
    """(frame, size, size) image of the heart in its surroundings, before the scanner."""
    frames = len(palette.cavity)
    image = np.empty((frames, grid.size, grid.size), np.float32)
    image[:] = palette.lung[:, None, None]
    kind = rng.random()
    if kind < 0.75:
        _paint_random_regions(rng, grid, heart, palette, image)
    if kind > 0.35:
        _paint_anatomy(rng, grid, heart, palette, image)
    if rng.random() < 0.5:
        _texture(rng, grid, image, rng.uniform(0.05, 0.35))
    _paint_heart(rng, grid, heart, palette, image)
    return image


def _paint(image, cover, value):
    """Lay a tissue over the image; ``value`` (frame,) or (frame, size, size)."""
    value = np.asarray(value, np.float32)
    image += cover * ((value if value.ndim == 3 else value[:, None, None]) - image)


def _paint_random_regions(rng, grid, heart, palette, image):
    """Smooth random fields compete for every pixel; the winner's region is what is there."""
    knots = max(2, int(2 * grid.half_mm / rng.uniform(18, 90)))
    fields = np.stack([smooth_field(rng, grid.size, knots) for _ in range(len(palette.regions))])
    winner = fields.argmax(axis=0)
    keep = rng.uniform(-0.6, 1.2)
    painted = palette.regions.T[:, winner]
    _paint(image, (fields.max(axis=0) > keep).astype(np.float32), painted)


def _paint_anatomy(rng, grid, heart, palette, image):
    """Chest wall before, liver or stomach below, aorta behind; `heart.angle` is 0 at the RV."""
    rows, columns = np.meshgrid(grid.axis_mm, grid.axis_mm, indexing="ij")
    down, right = rows - heart.center_mm[0], columns - heart.center_mm[1]
    u = down * heart.rv_direction[0] + right * heart.rv_direction[1]
    across = heart.handedness * np.array([heart.rv_direction[1], -heart.rv_direction[0]])
    v = down * across[0] + right * across[1]
    ripple = 12 * smooth_field(rng, grid.size, 3)
    radius = heart.radius_mm
    soft = 1.5 * grid.spacing_mm
    vessels = smooth_field(rng, grid.size, int(np.clip(2 * grid.half_mm / 9, 4, grid.size // 2)))
    _paint(image, np.clip(vessels * 3 - rng.uniform(1.8, 3.5), 0, 1), palette.vessel)
    if rng.random() < 0.8:
        front = np.deg2rad(rng.normal(-50, 25))
        gap = radius + rng.uniform(4, 70)
        wall = gap + rng.uniform(0, 12) - (u * np.cos(front) + v * np.sin(front)) + ripple
        _paint(image, coverage(wall, soft), palette.chest)
        start = rng.uniform(0, 20)
        fat = np.maximum(wall + start, -(wall + start + rng.uniform(4, 25)))
        _paint(image, coverage(fat, soft), palette.fat)
        if rng.random() < 0.5:
            air = wall + start + rng.uniform(25, 60)
            _paint(image, coverage(air, soft), np.zeros_like(palette.fat))
    if rng.random() < 0.7:
        below = np.deg2rad(rng.normal(70, 30))
        dome = radius + rng.uniform(0, 40) - (u * np.cos(below) + v * np.sin(below)) + 1.5 * ripple
        _paint(image, coverage(dome, soft), palette.liver)
        if rng.random() < 0.5:
            place = np.deg2rad(rng.uniform(60, 160))
            far, size = radius + rng.uniform(10, 60), rng.uniform(8, 40)
            blob = np.hypot(u - far * np.cos(place), v - far * np.sin(place)) - size + ripple
            _paint(image, coverage(blob, soft), palette.stomach)
    if rng.random() < 0.6:
        place = np.deg2rad(rng.uniform(90, 270))
        far, size = radius + rng.uniform(12, 60), rng.uniform(6, 15)
        _paint(image, coverage(np.hypot(u - far * np.cos(place), v - far * np.sin(place)) - size, soft), palette.aorta)
    if rng.random() < 0.25:
        place = np.deg2rad(rng.uniform(-180, 180))
        far, size = radius + rng.uniform(25, 70), rng.uniform(10, 30)
        blob = np.hypot(u - far * np.cos(place), v - far * np.sin(place)) - size + ripple
        _paint(image, coverage(blob, soft), palette.vessel)


def _paint_heart(rng, grid, heart, palette, image):
    soft = rng.uniform(0.6, 2.0, 3) * grid.spacing_mm
    hull = np.minimum(heart.epicardium, heart.rv_outside)
    if rng.random() < 0.6:
        rim = hull - rng.uniform(0.5, 9) * (1 + smooth_field(rng, grid.size, 4))
        _paint(image, coverage(rim, soft[0]), palette.fat)
    if rng.random() < 0.3:
        groove = np.minimum(hull, np.abs(heart.rv_outside) + np.abs(heart.epicardium) - rng.uniform(5, 14))
        _paint(image, coverage(groove, soft[0]), palette.fat)
    _paint(image, coverage(heart.rv_outside, soft[0]), palette.rv_wall)
    _paint(image, coverage(heart.rv_inside, soft[0]), palette.rv)
    _paint(image, coverage(heart.rv_inside, soft[0]) * heart.muscle_in_rv, palette.rv_wall)
    muscle = _myocardium(rng, grid, heart, palette)
    _paint(image, coverage(heart.epicardium, soft[1]), muscle)
    endocardial = coverage(heart.endocardium, soft[2] * rng.choice((1, 1, 2.5)))
    blood = palette.cavity[:, None, None] * (1 + rng.uniform(0, 0.12) * smooth_field(rng, grid.size, 5))
    _paint(image, endocardial * (1 - heart.muscle_in_cavity), blood)


def _myocardium(rng, grid, heart, palette):
    """(frame, size, size) muscle with regional differences, perfusion defects and a dark rim."""
    uneven = 1 + rng.uniform(0, 0.3) * smooth_field(rng, grid.size, max(3, int(grid.half_mm / 16)))
    uneven += rng.uniform(-0.25, 0.25) * (heart.depth - 0.5)
    muscle = palette.myocardium[:, None, None] * uneven
    for _ in range(rng.choice((0, 0, 1, 2))):
        middle, half_arc = rng.uniform(-np.pi, np.pi), np.deg2rad(rng.uniform(12, 80))
        off = np.abs((heart.angle - middle + np.pi) % (2 * np.pi) - np.pi)
        transmural = rng.uniform(0.2, 1.4)
        sector = np.clip((half_arc - off) * 4 + 0.5, 0, 1) * np.clip((transmural - heart.depth) * 5 + 0.5, 0, 1)
        muscle = muscle + sector * (palette.defect[:, None, None] - muscle)
    if rng.random() < 0.35:
        rim = np.clip(1 - heart.endocardium / rng.uniform(2, 5), 0, 1) * (heart.endocardium > -1)
        muscle = muscle * (1 - rng.uniform(0.2, 0.9) * rim)
    return muscle.astype(np.float32)


def _texture(rng, grid, image, strength):
    fine = smooth_field(rng, grid.size, int(np.clip(2 * grid.half_mm / rng.uniform(5, 15), 4, grid.size // 2)))
    image *= np.maximum(1 + np.float32(2 * strength) * fine, 0)
