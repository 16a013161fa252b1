"""One training sample of each step: what its network sees and what it should answer."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import fft

from .contrast import draw_frame_palette, draw_moments_palette
from .first_pass import draw_series_palette
from .grid import Grid
from .heart import draw_heart
from .scanner import acquire
from .scene import paint_scene

CROP = Grid(96, 2.0)
WIDE = Grid(96, 4.0)
COARSE = Grid(64, 6.0)
CLOSER = Grid(64, 4.0)
FRAMES = 32
MOMENTS = ("a frame about the LV peak", "while the RV is full", "when muscle is brightest")


@dataclass(frozen=True)
class Sample:
    """What a network sees and should answer.

    image : (channels, size, size) float32, scaled
    labels : (size, size) uint8
    points_px : (2, 2) row and column of the RV insertion points, clockwise over the septum; NaN where there is none
    """

    image: np.ndarray
    labels: np.ndarray
    points_px: np.ndarray


def draw_crop(rng: np.random.Generator) -> Sample:
    """Three moments of the first pass around the heart, for the labels and the insertion points.

    What was drawn is where the first of them shows it; the others are aligned with it as well as motion compensation
    can, or are missing and replaced by the first.
    """
    heart = draw_heart(rng, CROP, off_center_mm=22)
    scene = paint_scene(rng, CROP, heart, draw_moments_palette(rng))
    off_mm = rng.normal(0, 4.0 if rng.random() < 0.15 else 1.0, (len(MOMENTS) - 1, 2))
    scene[1:] = _shifted(scene[1:], off_mm / CROP.spacing_mm)
    image = acquire(rng, CROP, scene)
    image[1:][rng.random(len(MOMENTS) - 1) < 0.1] = image[0]
    return _sample(CROP, heart, image, each=True)


def draw_wide(rng: np.random.Generator) -> Sample:
    """The peak frame with its whole field of view, for the box."""
    heart = draw_heart(rng, WIDE, off_center_mm=70)
    image = acquire(rng, WIDE, paint_scene(rng, WIDE, heart, draw_frame_palette(rng)))
    return _sample(WIDE, heart, image * _field_of_view(rng, WIDE, heart))


def draw_series(rng: np.random.Generator) -> Sample:
    """A whole series, coarse in space and time, for the peak frame; labels are those of the mean pose.

    Every other one is seen closer, as in the last look of `find_peaks`.
    """
    grid, off_center_mm = (CLOSER, 35) if rng.random() < 0.5 else (COARSE, 70)
    heart = draw_heart(rng, grid, off_center_mm=off_center_mm)
    image = paint_scene(rng, grid, heart, draw_series_palette(rng, FRAMES))
    image = _move(rng, grid, image)
    if rng.random() < 0.2:
        lead = rng.integers(1, 4)
        image[:lead] = image[:lead].mean(axis=0) * 0.3 + rng.uniform(0.3, 1.5) * (image.mean(axis=0) > 0.05)
    image = acquire(rng, grid, image)
    return _sample(grid, heart, image * _field_of_view(rng, grid, heart))


def _sample(grid, heart, image, *, each=False):
    points = np.full((2, 2), np.nan)
    if heart.insertions_mm is not None:
        points = grid.pixels(heart.insertions_mm)[:: heart.handedness]
        if points.min() < 1 or points.max() > grid.size - 2:
            points = np.full((2, 2), np.nan)
    scale = np.percentile(image, 99, axis=(1, 2) if each else None, keepdims=True)
    return Sample((image / np.maximum(scale, 1e-6)).astype(np.float32), heart.labels, points)


def _field_of_view(rng, grid, heart):
    """1 inside a random rectangle that holds the heart, 0 outside."""
    inside = np.ones((grid.size, grid.size), np.float32)
    for axis in range(2):
        margin = heart.radius_mm + rng.uniform(0, 30)
        middle = heart.center_mm[axis]
        low = min(rng.uniform(-grid.half_mm, -90), middle - margin)
        high = max(rng.uniform(90, grid.half_mm), middle + margin)
        visible = (grid.axis_mm >= low) & (grid.axis_mm <= high)
        inside *= visible[:, None] if axis == 0 else visible[None]
    return inside


def _move(rng, grid, image):
    """Breathing: every frame shifted as a whole, smoothly with a jump or two."""
    frames = len(image)
    time = np.arange(frames)
    reach_px = rng.uniform(0, 15) / grid.spacing_mm if rng.random() < 0.7 else 0.0
    path = np.sin(2 * np.pi * time / rng.uniform(2, 40) + rng.uniform(0, 6)) + rng.normal(0, 0.3, frames)
    path = path + np.where(time > rng.integers(frames), rng.normal(0, 0.7), 0)
    direction = rng.normal(0, 1, 2)
    shift = reach_px * np.outer(path, direction / np.linalg.norm(direction))
    return _shifted(image, shift - shift.mean(axis=0))


def _shifted(image, shift_px):
    """Every frame shifted as a whole, (frame, 2) rows and columns; in k-space, so the far edge comes in."""
    frequency = fft.fftfreq(image.shape[-1])
    rows = np.exp(-2j * np.pi * shift_px[:, 0, None] * frequency)[:, :, None]
    columns = np.exp(-2j * np.pi * shift_px[:, 1, None] * frequency)[:, None]
    return fft.ifft2(fft.fft2(image) * (rows * columns).astype(np.complex64)).real


DRAW: dict[str, Callable[[np.random.Generator], Sample]] = {
    "peak": draw_series,
    "box": draw_wide,
    "labels": draw_crop,
    "points": draw_crop,
}


def turned(sample: Sample, quarter_turns: int, mirror: bool) -> Sample:
    """The same sample seen from one of eight sides."""
    image, labels, points = sample.image, sample.labels, sample.points_px
    last = labels.shape[-1] - 1
    if mirror:
        image, labels = image[..., ::-1], labels[:, ::-1]
        points = np.stack([points[:, 0], last - points[:, 1]], axis=1)[::-1]
    for _ in range(quarter_turns):
        image, labels = np.rot90(image, axes=(1, 2)), np.rot90(labels)
        points = np.stack([last - points[:, 1], points[:, 0]], axis=1)
    return Sample(np.ascontiguousarray(image), np.ascontiguousarray(labels), points)


def close_up(rng: np.random.Generator, sample: Sample, size: int) -> Sample:
    """``size`` x ``size`` pixels of a sample about its heart, which lies up to five pixels off the middle."""
    rows, columns = np.nonzero((sample.labels == 1) | (sample.labels == 2))
    middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) // 2
    corner = np.clip(middle + rng.integers(-5, 6, 2) - size // 2, 0, sample.labels.shape[0] - size)
    part = tuple(slice(low, low + size) for low in corner)
    points = sample.points_px - corner
    if not (points.min() >= 1 and points.max() <= size - 2):
        points = np.full((2, 2), np.nan)
    return Sample(np.ascontiguousarray(sample.image[(slice(None), *part)]), sample.labels[part], points)
