"""A slice as amounts of tissue on a fine grid, in the pose of the peak frame; one look at it per frame."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..data.study import Level
from .flow import mbf
from .grid import Grid
from .heart import Heart, paint_heart
from .patient import HEIGHT, Patient, Visit
from .shapes import Canvas, coverage, smooth_noise
from .thorax import paint_chest_wall, paint_interior

OVERSAMPLING = 2
SMOOTH = {"lv blood", "rv blood", "papillary", "rv wall", "aorta", "lung artery", "lung vein"}

GAINS = {
    "lung": (0.7, 1.5),
    "fat": (0.95, 1.4),
    "liver": (0.9, 1.5),
    "muscle": (0.8, 1.1),
    "stomach content": (0.5, 1.6),
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Amounts of tissue: of what moves with breathing, and of what does not.

    inner, outer : tissue to (H, W) share of each sample, times its texture
    moving_share : (H, W) share of each sample that moves; moving_pixels : the same at the pixels
    wall_samples : flat indices of the samples with LV myocardium; wall_share their share of it
    wall_low, wall_part : their flow as index into the grid of flows and fraction of the way to the next
    cavity : (H, W) share of the LV cavity, papillary muscles included
    """

    level: Level
    oversampling: int
    yx_mm: np.ndarray
    inner: Mapping[str, np.ndarray]
    outer: Mapping[str, np.ndarray]
    moving_share: np.ndarray
    moving_pixels: np.ndarray
    wall_samples: np.ndarray
    wall_share: np.ndarray
    wall_low: np.ndarray
    wall_part: np.ndarray
    cavity: np.ndarray

    def moving(self, frame: int, signals: Mapping[str, np.ndarray], myocardium: np.ndarray) -> np.ndarray:
        """(H, W) signal of what moves, before it moved; myocardium : (T, L) signal by flow."""
        image = np.asarray(sum(np.float32(signals[tissue][frame]) * amount for tissue, amount in self.inner.items()))
        by_flow = myocardium[frame].astype(np.float32)
        wall = by_flow[self.wall_low] * (1 - self.wall_part) + by_flow[self.wall_low + 1] * self.wall_part
        image.ravel()[self.wall_samples] += wall * self.wall_share
        return image

    def static(self, frame: int, signals: Mapping[str, np.ndarray]) -> np.ndarray:
        """(H, W) signal of what does not move."""
        return np.asarray(sum(np.float32(signals[tissue][frame]) * amount for tissue, amount in self.outer.items()))

    def cavity_signal(self, signals: Mapping[str, np.ndarray]) -> np.ndarray:
        """(T,) mean signal of the LV cavity."""
        total = sum(
            float((amount * self.cavity).sum()) * signals[tissue]
            for tissue, amount in self.inner.items()
            if tissue in {"lv blood", "papillary"}
        )
        return total / self.cavity.sum()


def draw_picture(patient: Patient, visit: Visit, heart: Heart, level: Level, flows: np.ndarray) -> Picture:
    """Paint a slice.

    flows : (L,) increasing, mL/min/g; the flows that signal curves of myocardium will be given for
    """
    grid = Grid(patient, visit, level, OVERSAMPLING)
    y, x = grid.yx_mm
    rng = np.random.default_rng([patient.seed, 14, list(HEIGHT).index(level)])
    rng_patient = np.random.default_rng([patient.seed, 15])
    step_mm = patient.pixel_mm / OVERSAMPLING
    inside, outside = Canvas(y.shape), Canvas(y.shape)
    paint_interior(inside, patient, heart, level, y, x)
    wall = paint_heart(inside, heart, y, x, step_mm, rng)
    static_share = paint_chest_wall(outside, patient, heart, y, x)

    gains = {tissue: np.float32(rng_patient.uniform(*bounds)) for tissue, bounds in GAINS.items()}
    texture = smooth_noise(rng, y.shape, 2.5 / step_mm) + smooth_noise(rng, y.shape, 9 / step_mm)
    rough = np.clip(1 + patient.texture * texture / np.sqrt(2), 0.2, 2).astype(np.float32)
    fine = (1 + 0.3 * (rough - 1)).astype(np.float32)
    inner = {
        tissue: (amount * (fine if tissue in SMOOTH else rough) * gains.get(tissue, 1)).astype(np.float32)
        for tissue, amount in inside.amounts.items()
        if tissue != "myocardium"
    }
    outer = {
        tissue: (amount * rough * gains.get(tissue, 1)).astype(np.float32)
        for tissue, amount in outside.amounts.items()
        if tissue != "air"
    }
    samples = np.flatnonzero(wall)
    flow = mbf(patient, visit, heart, level, y.ravel()[samples], x.ravel()[samples])
    place = np.interp(flow, flows, np.arange(len(flows)))
    low = np.minimum(place.astype(int), len(flows) - 2)
    moving_share = (1 - static_share).astype(np.float32)
    return Picture(
        level=level,
        oversampling=OVERSAMPLING,
        yx_mm=np.stack([y, x]),
        inner=inner,
        outer=outer,
        moving_share=moving_share,
        moving_pixels=moving_share[::OVERSAMPLING, ::OVERSAMPLING],
        wall_samples=samples,
        wall_share=(wall * fine).ravel()[samples],
        wall_low=low,
        wall_part=(place - low).astype(np.float32),
        cavity=coverage(heart.outside_endocardium(y, x)),
    )
