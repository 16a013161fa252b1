"""How much the phantom looks like patients: its figures beside those measured on in-vivo series.

The in-vivo figures are medians and 10th and 90th percentiles of 40 patients of one vendor, stress and rest, mid and
basal slices; the sources are in docs/phantom.md.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

from ..data.contours import Label
from ..data.study import Condition, Level
from .settings import DEFAULT, PhantomConfig
from .simulation import simulate_series
from .truth import PhantomSlice

NAN = float("nan")
LATE_FRAMES = 6


class Spread(NamedTuple):
    """Median, 10th and 90th percentile; NaN where not known."""

    median: float
    low: float = NAN
    high: float = NAN


class Group(NamedTuple):
    """Series that are compared."""

    condition: Condition
    level: Level

    def __str__(self) -> str:
        return f"{self.condition.value} {self.level.value}"


class Row(NamedTuple):
    """One figure of one group of series."""

    figure: str
    group: Group
    phantom: Spread
    in_vivo: Spread

    @property
    def near(self) -> bool:
        """The phantom's median is within the in-vivo percentiles, or 35 % of the median where they are unknown."""
        low, high = self.in_vivo.low, self.in_vivo.high
        if np.isnan(low):
            low, high = sorted((0.65 * self.in_vivo.median, 1.35 * self.in_vivo.median))
        return bool(low <= self.phantom.median <= high)


STRESS_MID, REST_MID = Group(Condition.STRESS, Level.MID), Group(Condition.REST, Level.MID)
STRESS_BASE, REST_BASE = Group(Condition.STRESS, Level.BASAL), Group(Condition.REST, Level.BASAL)
GROUPS = (STRESS_MID, REST_MID, STRESS_BASE, REST_BASE)

IN_VIVO: Mapping[str, tuple[tuple[float, ...], ...]] = {
    "frames": ((78, 64, 78), (60, 50, 73), (78,), (60,)),
    "LV peak frame": ((23, 19, 31), (23, 18, 29), (23,), (23,)),
    "first-pass width at half height, frames": ((14.3, 9.4, 19), (15.4, 12, 21), (13.6, 9.2, 17), (14.6, 12, 21)),
    "RV to LV half-rise delay, frames": ((5.6, 2.8, 8.0), (6.2, 3.2, 7.7), (6.8, 4.3, 8.3), (6.4, 5.3, 8.1)),
    "LV peak / baseline": ((3.4, 2.9, 4.4), (10.3, 5.5, 12.4), (3.9, 3.2, 4.8), (11.5, 6.7, 18)),
    "myocardium peak / baseline": ((2.3, 1.9, 2.9), (4.0, 3.1, 5.0), (2.3, 1.8, 2.9), (4.3, 3.3, 6.4)),
    "myocardium late / baseline": ((1.9,), (3.5,), (2.0,), (3.9,)),
    "LV late / baseline": ((2.2,), (5.3,), (2.4,), (5.9,)),
    "LV trough, share of the peak rise": ((0.3,), (0.3,), (0.3,), (0.3,)),
    "LV peak to myocardium peak, frames": ((7, 3, 15), (11.5, 7, 23)),
    "epicardial diameter, mm": ((63,), (64,), (69,), (69,)),
    "cavity diameter, mm": ((36,), (37,), (47,), (49,)),
    "wall thickness, mm": ((12.9,), (12.0,), (10.4,), (9.6,)),
    "motion range after the first pass, rows, mm": ((10.5, NAN, 16), (9.7, NAN, 14), (10.9,), (10.7,)),
    "motion range after the first pass, columns, mm": ((4.0,), (3.2,), (3.9,), (3.1,)),
    "step between frames, median, mm": ((2.6,), (1.9,), (2.7,), (2.4,)),
    "step between frames, 95th percentile, mm": ((5.3,), (4.5,), (5.6,), (5.3,)),
    "myocardium baseline SNR": ((10,), (10,), (10,), (10,)),
    "myocardium / LV at LV peak": ((0.40, 0.32, 0.59), (0.29, 0.18, 0.37), (0.33, 0.25, 0.43), (0.24, 0.15, 0.33)),
    "myocardium SD / mean": ((0.19, 0.11, 0.26), (0.25, 0.14, 0.44), (0.26, 0.19, 0.37), (0.43, 0.27, 0.69)),
    "cavity SD / mean": ((0.38, 0.27, 0.47), (0.38, 0.31, 0.54), (0.25, 0.18, 0.34), (0.28, 0.21, 0.37)),
    "dark share of the cavity": ((0.28, 0.09, 0.39), (0.27, 0.16, 0.45), (0.08, 0.02, 0.18), (0.12, 0.05, 0.22)),
    "ring p10 / LV": ((0.08, 0.04, 0.13), (0.06, 0.03, 0.10), (0.09, 0.05, 0.13), (0.06, 0.04, 0.09)),
    "ring p50 / LV": ((0.31, 0.24, 0.57), (0.21, 0.15, 0.31), (0.28, 0.19, 0.39), (0.19, 0.12, 0.27)),
    "ring p90 / LV": ((0.60, 0.45, 0.94), (0.55, 0.35, 0.69), (0.53, 0.37, 0.65), (0.51, 0.34, 0.62)),
    "RV side / LV": ((0.47, 0.37, 0.77), (0.34, 0.23, 0.46), (0.39, 0.30, 0.59), (0.30, 0.14, 0.54)),
    "lung side / LV": ((0.27, 0.14, 0.43), (0.22, 0.12, 0.39), (0.19, 0.14, 0.33), (0.18, 0.12, 0.31)),
    "below / LV": ((0.32, 0.22, 0.60), (0.25, 0.16, 0.44), (0.28, 0.19, 0.41), (0.20, 0.14, 0.34)),
    "above / LV": ((0.19, 0.10, 0.36), (0.15, 0.08, 0.21), (0.22, 0.12, 0.32), (0.18, 0.09, 0.27)),
    "epicardial axis ratio": ((0.94, 0.88, 0.97), (0.93, 0.88, 0.98), (0.96, 0.92, 0.98), (0.95, 0.93, 0.98)),
    "cavity axis ratio": ((0.87, 0.77, 0.97), (0.86, 0.75, 0.95), (0.90, 0.80, 0.97), (0.90, 0.83, 0.96)),
    "cavity / epicardial radius": ((0.57, 0.43, 0.68), (0.61, 0.46, 0.72), (0.70, 0.64, 0.74), (0.71, 0.66, 0.76)),
    "cavity center off center / R": ((0.08, 0.03, 0.14), (0.08, 0.03, 0.11), (0.07, 0.02, 0.11), (0.06, 0.03, 0.11)),
    "heart off image center / width": ((0.03, 0.01, 0.05), (0.03, 0.01, 0.05), (0.03, 0.01, 0.05), (0.03, 0.01, 0.06)),
    "epicardial radius / width": ((0.08, 0.07, 0.09), (0.08, 0.07, 0.09), (0.09, 0.08, 0.10), (0.09, 0.08, 0.10)),
    "image p99 at LV peak / LV": ((0.78, 0.67, 1.02), (0.74, 0.66, 0.87), (0.83, 0.72, 0.94), (0.85, 0.70, 0.94)),
    "baseline p99 / LV": ((0.71, 0.58, 1.00), (0.65, 0.58, 0.78), (0.63, 0.57, 0.78), (0.64, 0.57, 0.72)),
    "shading of late myocardium": ((1.33, 1.15, 1.83), (1.36, 1.15, 1.84), (1.41, 1.26, 1.85), (1.48, 1.25, 1.92)),
}
"""Median, 10th and 90th percentile in the order of `GROUPS`; fewer where not measured."""


def resemblance(
    seeds: Sequence[int] = range(8),
    *,
    groups: Iterable[Group] = GROUPS,
    config: PhantomConfig = DEFAULT,
    progress: Callable[[str], None] = lambda step: None,
) -> list[Row]:
    """Measure the phantoms of some seeds as the in-vivo series were measured, a row per figure and group."""
    rows = []
    for group in groups:
        index = GROUPS.index(group)
        measured = []
        for seed in seeds:
            progress(f"Measuring phantom {seed}, {group}")
            measured.append(
                measure_series(simulate_series(seed, condition=group.condition, level=group.level, config=config))
            )
        for figure, in_vivo in IN_VIVO.items():
            if index < len(in_vivo):
                values = np.array([one[figure] for one in measured])
                spread = Spread(*(float(np.nanpercentile(values, share)) for share in (50, 10, 90)))
                rows.append(Row(figure, group, spread, Spread(*in_vivo[index])))
    return rows


def measure_series(phantom: PhantomSlice) -> dict[str, float]:
    """Every figure of `IN_VIVO` for one series."""
    return {
        **measure_curves(phantom),
        **measure_shape(phantom),
        **measure_motion(phantom),
        **measure_appearance(phantom),
    }


def align_frames(phantom: PhantomSlice) -> np.ndarray:
    """(T, Y, X) series in the pose of the peak frame, by the true displacement."""
    shape = phantom.series.signal.shape[1:]
    pixels = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    spacing_mm = np.array(phantom.series.spacing_mm, np.float32)[:, None, None]
    moved = phantom.truth.displacement_mm / spacing_mm + pixels
    return np.stack([map_coordinates(f, at, order=1) for f, at in zip(phantom.series.signal, moved, strict=True)])


def half_rise(curve: np.ndarray, peak: int) -> float:
    """Fractional frame at which a curve last passes half of its rise before the peak."""
    base = np.median(curve[:5])
    half = (curve[peak] + base) / 2
    below = np.flatnonzero(curve[:peak] < half)
    if not below.size:
        return NAN
    frame = below[-1]
    return float(frame + (half - curve[frame]) / (curve[frame + 1] - curve[frame]))


def measure_curves(phantom: PhantomSlice) -> dict[str, float]:
    """Figures of the mean signal curves."""
    series, labels = align_frames(phantom), phantom.truth.labels
    wall, cavity, rv = (series[:, labels == label].mean(axis=1) for label in (1, 2, 3))
    peak = int(cavity.argmax())
    base, wall_base = np.median(cavity[:5]), np.median(wall[:5])
    falling = np.concatenate([cavity[peak:][::-1], cavity[:0]])
    right = len(cavity) - 1 - half_rise(np.concatenate([np.full(5, base), falling]), len(falling) + 4) + 5
    wall_peak = peak + int(wall[peak:].argmax())
    rv_peak = int(rv[: peak + 1].argmax())
    still = phantom.truth.labels == Label.MYOCARDIUM
    before = slice(1, max(4, int(half_rise(rv, rv_peak)) - 3)) if rv_peak > 6 else slice(0, 4)
    noise = series[before][:, still]
    return {
        "frames": len(series),
        "LV peak frame": peak,
        "first-pass width at half height, frames": right - half_rise(cavity, peak),
        "RV to LV half-rise delay, frames": half_rise(cavity, peak) - half_rise(rv, rv_peak),
        "LV peak / baseline": cavity[peak] / base,
        "myocardium peak / baseline": wall[wall_peak] / wall_base,
        "myocardium late / baseline": wall[-LATE_FRAMES:].mean() / wall_base,
        "LV late / baseline": cavity[-LATE_FRAMES:].mean() / base,
        "LV trough, share of the peak rise": (cavity[peak : peak + 25].min() - base) / (cavity[peak] - base),
        "LV peak to myocardium peak, frames": wall_peak - peak,
        "myocardium baseline SNR": float(np.median(noise.mean(axis=0) / (noise.std(axis=0, ddof=1) + 1e-6))),
    }


def axis_ratio(mask: np.ndarray) -> float:
    """Short over long axis of the ellipse with the same second moments."""
    small, large = np.linalg.eigvalsh(np.cov(np.argwhere(mask).T))
    return float(np.sqrt(small / large))


def measure_shape(phantom: PhantomSlice) -> dict[str, float]:
    """Figures of the contours."""
    labels, pixel_mm = phantom.truth.labels, phantom.series.spacing_mm[0]
    cavity = labels == Label.BLOOD_POOL
    ventricle = cavity | (labels == Label.MYOCARDIUM)
    outer_mm, inner_mm = (2 * pixel_mm * np.sqrt(mask.sum() / np.pi) for mask in (ventricle, cavity))
    center, cavity_center = np.argwhere(ventricle).mean(axis=0), np.argwhere(cavity).mean(axis=0)
    width = labels.shape[1]
    return {
        "epicardial diameter, mm": outer_mm,
        "cavity diameter, mm": inner_mm,
        "wall thickness, mm": (outer_mm - inner_mm) / 2,
        "epicardial axis ratio": axis_ratio(ventricle),
        "cavity axis ratio": axis_ratio(cavity),
        "cavity / epicardial radius": inner_mm / outer_mm,
        "cavity center off center / R": float(np.hypot(*(cavity_center - center))) * pixel_mm / outer_mm * 2,
        "heart off image center / width": float(np.hypot(*(center - (width - 1) / 2))) / width,
        "epicardial radius / width": outer_mm / 2 / pixel_mm / width,
    }


def measure_motion(phantom: PhantomSlice) -> dict[str, float]:
    """Figures of the displacement of the left ventricle."""
    truth = phantom.truth
    ventricle = (truth.labels == Label.BLOOD_POOL) | (truth.labels == Label.MYOCARDIUM)
    moved_mm = truth.displacement_mm[:, :, ventricle].mean(axis=2)
    late = moved_mm[truth.peak_frame + 8 :]
    steps = np.hypot(*np.diff(late, axis=0).T)
    return {
        "motion range after the first pass, rows, mm": float(np.ptp(late[:, 0])),
        "motion range after the first pass, columns, mm": float(np.ptp(late[:, 1])),
        "step between frames, median, mm": float(np.median(steps)),
        "step between frames, 95th percentile, mm": float(np.percentile(steps, 95)),
    }


def measure_appearance(phantom: PhantomSlice) -> dict[str, float]:
    """Figures of the image at the LV peak, relative to the 75th percentile of the cavity."""
    labels, signal = phantom.truth.labels, phantom.series.signal
    image = signal[phantom.truth.peak_frame]
    cavity, wall = image[labels == Label.BLOOD_POOL], image[labels == Label.MYOCARDIUM]
    bright = np.percentile(cavity, 75)
    ventricle = (labels == Label.BLOOD_POOL) | (labels == Label.MYOCARDIUM)
    center = np.argwhere(ventricle).mean(axis=0)
    y, x = (axis - middle for axis, middle in zip(np.mgrid[: labels.shape[0], : labels.shape[1]], center, strict=True))
    away = np.hypot(y, x) / np.sqrt(ventricle.sum() / np.pi)
    ring = (away > 1.15) & (away < 1.7)
    insertion = np.array([phantom.truth.anterior_rv_px, phantom.truth.inferior_rv_px]).mean(axis=0) - center
    toward_rv = (y * insertion[0] + x * insertion[1]) / np.hypot(*insertion)
    distance = np.hypot(y, x)
    sides = {
        "RV side": toward_rv > 0.7 * distance,
        "lung side": toward_rv < -0.7 * distance,
        "below": y > 0.7 * distance,
        "above": y < -0.7 * distance,
    }
    late = align_frames(phantom)[-LATE_FRAMES:].mean(axis=0)
    sector = ((np.arctan2(y, x) + np.pi) // (np.pi / 6)).astype(int) % 12
    sectors = [late[(labels == Label.MYOCARDIUM) & (sector == number)].mean() for number in range(12)]
    return {
        "myocardium / LV at LV peak": wall.mean() / bright,
        "myocardium SD / mean": wall.std() / wall.mean(),
        "cavity SD / mean": cavity.std() / cavity.mean(),
        "dark share of the cavity": float((cavity < 0.5 * bright).mean()),
        **{f"ring p{share} / LV": float(np.percentile(image[ring], share)) / bright for share in (10, 50, 90)},
        **{f"{side} / LV": image[ring & where].mean() / bright for side, where in sides.items()},
        "image p99 at LV peak / LV": float(np.percentile(image, 99)) / bright,
        "baseline p99 / LV": float(np.percentile(signal[1], 99)) / bright,
        "shading of late myocardium": max(sectors) / min(sectors),
    }
