"""Brightness of tissues: in one frame near the LV peak, at three moments of a first pass, and all over it."""

from dataclasses import fields

import numpy as np

from .scene import Palette

REGIONS = 8


def draw_frame_palette(rng: np.random.Generator) -> Palette:
    """One frame; mostly the LV peak, sometimes earlier (RV bright) or later (muscle bright, cavity fading)."""

    def one(value):
        return np.array([value], np.float32)

    cavity = 1.0
    muscle = rng.uniform(0.1, 0.6) if rng.random() < 0.7 else rng.uniform(0.35, 0.88)
    rv = rng.uniform(0.25, 0.8) if rng.random() < 0.6 else rng.uniform(0.08, 1.35)
    moment = rng.random()
    if moment < 0.07:
        cavity, rv = rng.uniform(0.3, 0.8), rng.uniform(0.7, 1.4)
        muscle = cavity * rng.uniform(0.15, 0.7)
    elif moment < 0.17:
        cavity = rng.uniform(0.5, 0.9)
        muscle = cavity * rng.uniform(0.45, 0.88)
        rv = cavity * rng.uniform(0.4, 1.1)
    wall = muscle * rng.uniform(0.6, 1.3)
    alike = rng.random()
    fat = _bright(rng, 0.45, 0.9, 1.8)
    if alike < 0.2:
        rv = muscle * rng.uniform(0.85, 1.3)
    elif alike < 0.28:
        fat = muscle * rng.uniform(0.85, 1.2)
    elif alike < 0.36:
        rv = cavity * rng.uniform(0.9, 1.15)
        wall = rng.uniform(muscle, cavity)
    defect = muscle * rng.uniform(0.15, 0.9) if rng.random() < 0.85 else muscle * rng.uniform(1.1, 1.6)
    lung = rng.uniform(0.01, 0.2) if rng.random() < 0.7 else rng.uniform(0.05, 0.5)
    return Palette(
        cavity=one(cavity),
        myocardium=one(muscle),
        defect=one(defect),
        rv=one(rv),
        rv_wall=one(wall),
        lung=one(lung),
        vessel=one(_bright(rng, 0.5, 0.7, 1.5)),
        aorta=one(cavity * rng.uniform(0.4, 1.15)),
        fat=one(fat),
        chest=one(_bright(rng, 0.2, 0.7, 1.2)),
        liver=one(_bright(rng, 0.22, 0.7, 1.1)),
        stomach=one(_bright(rng, 0.3, 1.1, 1.5)),
        regions=np.array([[_bright(rng, 0.2, 0.9, 1.4)] for _ in range(REGIONS)], np.float32),
    )


def draw_moments_palette(rng: np.random.Generator) -> Palette:
    """Three moments of one first pass: about the LV peak, while the RV is full, and when muscle is brightest."""
    peak = draw_frame_palette(rng)
    others = [
        draw_frame_palette(rng) if rng.random() < 0.06 else moment(rng, peak)
        for moment in (_right_full, _muscle_bright)
    ]
    joined = {
        field.name: np.concatenate([np.atleast_1d(getattr(one, field.name)) for one in (peak, *others)], axis=-1)
        for field in fields(Palette)
    }
    return Palette(**joined)


def _right_full(rng, peak):
    """Before the LV peak: contrast agent has reached the RV, the lung's vessels in part, muscle not at all."""
    cavity = peak.cavity * (rng.uniform(0.03, 0.6) if rng.random() < 0.75 else rng.uniform(0.6, 1.05))
    before = rng.uniform(0.25, 1)
    return Palette(
        cavity=cavity,
        myocardium=peak.myocardium * before,
        defect=peak.myocardium * before * rng.uniform(0.85, 1.1),
        rv=peak.cavity * rng.uniform(0.6, 1.5) if rng.random() < 0.85 else peak.rv * rng.uniform(0.8, 1.5),
        rv_wall=peak.rv_wall * before,
        lung=peak.lung * rng.uniform(0.5, 1.3),
        vessel=_like(rng, peak.vessel, 0.6),
        aorta=cavity * rng.uniform(0.3, 1.1),
        liver=peak.liver * rng.uniform(0.8, 1.05),
        **_still(rng, peak),
    )


def _muscle_bright(rng, peak):
    """After the LV peak: the cavity fades, muscle holds what it took up, a defect is still darker or has caught up."""
    cavity = peak.cavity * rng.uniform(0.3, 0.95)
    muscle = np.maximum(peak.myocardium * rng.uniform(0.9, 3), cavity * rng.uniform(0.2, 0.9))
    muscle = np.minimum(muscle, cavity * rng.uniform(0.6, 1.2))
    share = peak.defect / np.maximum(peak.myocardium, 1e-3)
    return Palette(
        cavity=cavity,
        myocardium=muscle,
        defect=muscle * (share + (1 - share) * rng.uniform(-0.1, 0.9)),
        rv=cavity * rng.uniform(0.6, 1.3),
        rv_wall=muscle * rng.uniform(0.6, 1.3),
        lung=peak.lung * rng.uniform(0.6, 1.5),
        vessel=_like(rng, peak.vessel, 0.4),
        aorta=cavity * rng.uniform(0.7, 1.1),
        liver=peak.liver * rng.uniform(0.9, 2),
        **_still(rng, peak),
    )


def _still(rng, peak):
    """What contrast agent changes little or nobody knows how."""
    regions = [_like(rng, one, 0.6 if rng.random() < 0.5 else 0.05) for one in peak.regions]
    return {
        "fat": _like(rng, peak.fat, 0.04),
        "chest": _like(rng, peak.chest, 0.1),
        "stomach": _like(rng, peak.stomach, 0.04),
        "regions": np.stack(regions),
    }


def _like(rng, value, spread):
    return value * np.float32(np.exp(rng.normal(0, spread)))


def _bright(rng, median, spread, most):
    return float(np.clip(median * np.exp(rng.normal(0, spread)), 0.01, most))


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
        base = _bright(rng, 0.2, 0.8, 1.3)
        curve = moving[rng.integers(5)] if rng.random() < 0.6 else np.zeros(frames)
        regions.append(seen(curve, base, rng.uniform(0.05, 0.7)))
    fat_base = _bright(rng, 0.4, 0.7, 1.5)
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
        "chest": seen(0.3 * uptake, _bright(rng, 0.25, 0.6, 1.0), 0.2),
        "liver": seen(_liver(time, left, rng), _bright(rng, 0.2, 0.6, 1.0), gain * rng.uniform(0.05, 0.7)),
        "stomach": seen(np.zeros(frames), _bright(rng, 0.3, 1.0, 1.5), 0.1),
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
