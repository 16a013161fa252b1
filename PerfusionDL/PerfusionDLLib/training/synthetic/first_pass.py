"""Brightness of tissues all over a first pass, frame by frame."""

import numpy as np

from .contrast import REGIONS, draw_brightness
from .scene import Palette


def draw_series_palette(rng: np.random.Generator, frames: int) -> Palette:
    """A first pass of ``frames`` frames: contrast reaches the RV, the lung, the LV, the aorta and the muscle in turn.

    Time runs from 0 to 1 over the series. Enhancement is a gamma-variate bolus with recirculation, on a baseline that
    may hold residual contrast, compressed by saturation.
    """
    time = np.linspace(0, 1, frames)
    rise = rng.uniform(0.035, 0.11)
    delay = rng.uniform(0.03, 0.2)
    rv_start = rng.uniform(0.01, 0.42)
    left = _bolus(time, rv_start + delay, rise, rng)
    right = _bolus(time, rv_start, rise * rng.uniform(0.55, 1.0), rng)
    between = _bolus(time, rv_start + delay * rng.uniform(0.3, 0.7), rise, rng)
    late = _bolus(time, rv_start + delay + rng.uniform(0.0, 0.03), rise * rng.uniform(1, 1.3), rng)
    uptake = _uptake(time, left, rng)
    residue = rng.uniform(0, 0.35) if rng.random() < 0.5 else rng.uniform(0, 0.08)
    saturation = rng.uniform(0.01, 2.5)

    def seen(enhancement, base, gain):
        return (base + gain * -np.expm1(-saturation * (enhancement + residue)) / saturation).astype(np.float32)

    gain = -saturation / np.expm1(-saturation)
    blood = rng.uniform(0.03, 0.25)
    muscle_base, muscle_gain = rng.uniform(0.04, 0.3), gain * rng.uniform(0.1, 0.6)
    moving = [left, right, between, uptake, uptake]
    regions = []
    for _ in range(REGIONS):
        base = draw_brightness(rng, 0.2, 0.8, 1.3)
        curve = moving[rng.integers(5)] if rng.random() < 0.6 else np.zeros(frames)
        regions.append(seen(curve, base, rng.uniform(0.05, 0.7)))
    fat_base = draw_brightness(rng, 0.4, 0.7, 1.5)
    palette = {
        "cavity": seen(left, blood, gain),
        "myocardium": seen(uptake, muscle_base, muscle_gain),
        "defect": seen(uptake * rng.uniform(0.1, 0.9), muscle_base, muscle_gain),
        "rv": seen(right, blood, gain * (rng.uniform(0.5, 1.2) if rng.random() < 0.6 else rng.uniform(1.0, 1.8))),
        "rv_wall": seen(uptake, muscle_base, muscle_gain),
        "lung": seen(between, rng.uniform(0.01, 0.15), rng.uniform(0.02, 0.25)),
        "vessel": seen(between, blood, gain * rng.uniform(0.3, 1.3)),
        "aorta": seen(late, blood, gain * rng.uniform(0.4, 1.25)),
        "fat": seen(np.zeros(frames), fat_base, 0.1),
        "chest": seen(0.3 * uptake, draw_brightness(rng, 0.25, 0.6, 1.0), 0.2),
        "liver": seen(_liver(time, left, rng), draw_brightness(rng, 0.2, 0.6, 1.0), gain * rng.uniform(0.05, 0.7)),
        "stomach": seen(np.zeros(frames), draw_brightness(rng, 0.3, 1.0, 1.5), 0.1),
    }
    return Palette(**palette, regions=np.stack(regions))


def _bolus(time, start, rise, rng):
    """Gamma-variate of peak 1 at ``start + rise`` with a second pass."""
    shape = rng.uniform(1.5, 4.5)

    def variate(first, width):
        elapsed = np.maximum(time - first, 0) / width
        return elapsed**shape * np.exp(shape * (1 - elapsed))

    again = rng.uniform(0.05, 0.35)
    tail = np.clip((time - start - rise) / (2 * rise), 0, 1) * rng.uniform(0.05, 0.35)
    return variate(start, rise) + again * variate(start + rng.uniform(2.5, 4.5) * rise, 2.2 * rise) + tail


def _liver(time, left, rng):
    """What the liver makes of it: some at once by its artery, more later by the portal vein, all of it kept; peak 1."""
    early = _uptake(time, left, rng)
    late = np.cumsum(np.interp(time - rng.uniform(0, 0.2), time, early, left=0))
    share = rng.uniform(0, 1)
    curve = share * np.maximum.accumulate(early) + (1 - share) * late / max(late[-1], 1e-3)
    return curve / max(curve.max(), 1e-3)


def _uptake(time, left, rng):
    """What muscle makes of the LV's bolus: washed in at once, washed out slowly; peak 1."""
    decay = np.exp(-time / rng.uniform(0.04, 0.8))
    curve = np.convolve(left, decay)[: len(time)]
    wait = rng.uniform(0, 0.04)
    curve = np.interp(time - wait, time, curve, left=0)
    return curve / max(curve.max(), 1e-3)
