"""Series that are no short-axis first pass of a heart, drawn at random: other organs, planes, contrasts and movies."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from ...data.study import PerfusionSeries
from .grid import Grid, coverage, smooth_field, wavy_circle

_GRID = Grid(112, 2.6)


def cine(rng: np.random.Generator) -> np.ndarray:
    """A beating short-axis heart whose blood is bright in all of 30 phases: a bright-blood cine."""
    rows, columns = _plane()
    radius, share = rng.uniform(26, 38), rng.uniform(0.6, 0.75)
    image = _body(rng)
    frames = []
    outline = wavy_circle(rng, strength=0.03)(np.arctan2(rows, columns))
    beyond = rng.uniform(20, 40)
    blood, muscle = rng.uniform(0.8, 1.1), rng.uniform(0.2, 0.45)
    for phase in np.linspace(0, 2 * np.pi, 30, endpoint=False):
        beat = 0.5 - 0.5 * np.cos(phase)
        outside = np.hypot(rows, columns) - radius * (1 - 0.06 * beat) * outline
        inside = np.hypot(rows, columns) - radius * share * (1 - 0.4 * beat) * outline
        rv = np.hypot(rows * 0.7, columns + radius * 0.5) - radius - beyond * (1 - 0.3 * beat) * 0.5
        frame = _paint(image, rv, blood)
        frames.append(_paint(_paint(frame, outside, muscle), inside, blood))
    return np.stack(frames)


def joint(rng: np.random.Generator) -> np.ndarray:
    """A knee in contrast: bones, muscles that enhance slowly, a bright artery."""
    rows, columns = _plane()
    time = np.linspace(0, 1, 50)
    image = np.repeat(_body(rng)[None], len(time), axis=0)
    leg = np.hypot(rows, columns * rng.uniform(0.8, 1.2)) - rng.uniform(60, 85) * _ripple(rng, rows, columns)
    slow = rng.uniform(0.1, 0.4) * (1 - np.exp(-np.maximum(time - 0.25, 0) * rng.uniform(2, 8)))
    image = _paint_each(image, leg, rng.uniform(0.15, 0.4) + slow)
    for _ in range(2):
        place = rng.uniform(-25, 25, 2)
        bone = np.hypot(rows - place[0], columns - place[1]) - rng.uniform(14, 30) * _ripple(rng, rows, columns)
        image = _paint_each(image, bone, np.full(len(time), rng.uniform(0.3, 1.1)))
    place = rng.uniform(-45, 45, 2)
    artery = np.hypot(rows - place[0], columns - place[1]) - rng.uniform(3, 6)
    return _paint_each(image, artery, 0.1 + _bolus(time, 0.3))


def long_axis(rng: np.random.Generator) -> np.ndarray:
    """A first pass in a long-axis plane: the cavity an open horseshoe, the RV beside or above it."""
    rows, columns = _plane()
    time = np.linspace(0, 1, 50)
    image = np.repeat(_body(rng)[None], len(time), axis=0)
    turn = rng.uniform(0, 2 * np.pi)
    u, v = rows * np.cos(turn) + columns * np.sin(turn), columns * np.cos(turn) - rows * np.sin(turn)
    length, width, wall = rng.uniform(80, 100), rng.uniform(24, 30), rng.uniform(8, 11)
    left, right = _bolus(time, rng.uniform(0.3, 0.4)), _bolus(time, rng.uniform(0.15, 0.25))
    muscle = 0.12 + 0.35 * ndimage.gaussian_filter1d(np.cumsum(left) / np.cumsum(left).max(), 2)
    base = u - length / 2
    hull = np.maximum(np.hypot(np.minimum(u + 0.1 * length, 0) * 0.75, v) - width, base)
    lumen = np.maximum(np.hypot(np.minimum(u + 0.05 * length, 0) * 0.8, v) - (width - wall), base)
    beside = np.maximum(np.hypot(u * 0.45, v - width - 14) - rng.uniform(16, 24), base)
    atrium = np.hypot(u - length * 0.7, v) - rng.uniform(18, 26)
    image = _paint_each(image, beside, 0.1 + right)
    image = _paint_each(image, atrium, 0.1 + left)
    image = _paint_each(image, hull, muscle)
    return _paint_each(image, lumen, 0.1 + left)


def abdomen(rng: np.random.Generator) -> np.ndarray:
    """Aorta, vena cava, liver and spleen enhance; nothing is a ring."""
    rows, columns = _plane()
    time = np.linspace(0, 1, 60)
    image = np.repeat(_body(rng)[None], len(time), axis=0)
    trunk = np.hypot(rows, columns * 0.8) - rng.uniform(95, 120)
    image = _paint_each(image, trunk, np.full(len(time), rng.uniform(0.15, 0.3)))
    left = _bolus(time, rng.uniform(0.25, 0.4))
    slow = ndimage.gaussian_filter1d(np.cumsum(left) / np.cumsum(left).max(), 3)
    for size, gain, curve in ((70, 0.4, slow), (30, 0.7, ndimage.gaussian_filter1d(left, 4))):
        place = rng.uniform(-60, 60, 2)
        organ = np.hypot(rows - place[0], columns - place[1]) - size * _ripple(rng, rows, columns)
        image = _paint_each(image, np.maximum(organ, trunk), rng.uniform(0.15, 0.3) + gain * curve)
    for start in (0.0, 0.06):
        place = rng.uniform(-30, 30, 2)
        vessel = np.hypot(rows - place[0], columns - place[1]) - rng.uniform(9, 15)
        image = _paint_each(image, vessel, 0.12 + np.interp(time - start, time, left))
    return image


def brain(rng: np.random.Generator) -> np.ndarray:
    """Susceptibility contrast: everything bright, the bolus darkens it."""
    rows, columns = _plane()
    time = np.linspace(0, 1, 50)
    image = np.repeat(_body(rng)[None] * 0.1, len(time), axis=0)
    head = np.hypot(rows, columns * 1.15) - rng.uniform(75, 90)
    texture = 1 + 0.3 * smooth_field(rng, _GRID.size, 14)
    image = _paint_each(image, head, 1 - 0.35 * _bolus(time, 0.35)) * texture
    ventricle = np.hypot(rows * 0.5, columns) - rng.uniform(8, 12)
    return _paint_each(image, ventricle, np.full(len(time), 1.3))


def still(rng: np.random.Generator) -> np.ndarray:
    """A body in which nothing happens."""
    return np.repeat(_body(rng)[None], 50, axis=0)


OTHER_SERIES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "cine": cine,
    "knee": joint,
    "long axis": long_axis,
    "abdomen": abdomen,
    "brain": brain,
    "still": still,
}


def draw_other_series(kind: str, rng: np.random.Generator) -> PerfusionSeries:
    """One series of a kind in `OTHER_SERIES`, with coil shading, blur and noise."""
    scene = OTHER_SERIES[kind](rng)
    scene = ndimage.gaussian_filter(scene, (0, 0.7, 0.7)) * (1 + 0.3 * smooth_field(rng, _GRID.size, 2))
    noise = rng.normal(0, rng.uniform(0.01, 0.04), (2, *scene.shape))
    signal = (100 * np.hypot(np.maximum(scene, 0) + noise[0], noise[1])).astype(np.float32)
    ijk_to_ras = np.diag([-_GRID.spacing_mm, -_GRID.spacing_mm, 8.0, 1.0])
    return PerfusionSeries(signal=signal, times_s=np.arange(len(signal)) * 0.8, ijk_to_ras=ijk_to_ras)


def _plane():
    return np.meshgrid(_GRID.axis_mm, _GRID.axis_mm, indexing="ij")


def _body(rng):
    """Regions of fat, muscle and air at random."""
    fields = np.stack([smooth_field(rng, _GRID.size, 5) for _ in range(6)])
    return rng.uniform(0.02, 0.7, 6)[fields.argmax(axis=0)].astype(np.float32)


def _ripple(rng, rows, columns):
    return wavy_circle(rng, strength=0.12)(np.arctan2(rows, columns))


def _bolus(time, start):
    elapsed = np.maximum(time - start, 0) / 0.09
    return elapsed**2 * np.exp(2 * (1 - elapsed)) + 0.25 * np.clip((time - start - 0.1) * 4, 0, 1)


def _paint(image, signed_mm, value):
    return image + coverage(signed_mm, _GRID.spacing_mm) * (value - image)


def _paint_each(images, signed_mm, values):
    return images + coverage(signed_mm, _GRID.spacing_mm) * (np.asarray(values)[:, None, None] - images)
