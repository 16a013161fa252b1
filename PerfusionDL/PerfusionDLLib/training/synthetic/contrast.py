"""Brightness of tissues in one frame near the LV peak, and at three moments of a first pass."""

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
    fat = draw_brightness(rng, 0.45, 0.9, 1.8)
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
        vessel=one(draw_brightness(rng, 0.5, 0.7, 1.5)),
        aorta=one(cavity * rng.uniform(0.4, 1.15)),
        fat=one(fat),
        chest=one(draw_brightness(rng, 0.2, 0.7, 1.2)),
        liver=one(draw_brightness(rng, 0.22, 0.7, 1.1)),
        stomach=one(draw_brightness(rng, 0.3, 1.1, 1.5)),
        regions=np.array([[draw_brightness(rng, 0.2, 0.9, 1.4)] for _ in range(REGIONS)], np.float32),
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


def draw_brightness(rng: np.random.Generator, median: float, spread: float, most: float) -> float:
    """A brightness between 0.01 and ``most``, log-normal about its median."""
    return float(np.clip(median * np.exp(rng.normal(0, spread)), 0.01, most))
