"""Motion of the heart: breathing, its elastic part, mistriggered beats; and the frame times that come with it."""

from dataclasses import dataclass

import numpy as np

from ..data.study import Level
from .heart import Heart
from .interpolation import bilinear
from .patient import HEIGHT, Patient, Visit
from .settings import PhantomConfig

MAGNIFICATION_PER_MM = 0.0025  # through-plane breathing changes the size of the heart in the slice
GIVE_MM = 28.0


@dataclass(frozen=True, kw_only=True)
class Beats:
    """When each frame was acquired and whether its trigger was wrong."""

    times_s: np.ndarray
    mistriggered: np.ndarray


def draw_beats(patient: Patient, visit: Visit, config: PhantomConfig) -> Beats:
    """Times of the R waves of one visit: breathing arrhythmia, jitter, extrasystoles."""
    rng = np.random.default_rng([patient.seed, 7, visit.frames, round(1000 * visit.rr_s)])
    beat = np.arange(visit.frames)
    respiratory = 0.03 * np.sin(2 * np.pi * beat * visit.rr_s / visit.breathing_period_s)
    intervals = visit.rr_s * (1 + respiratory + rng.normal(0, 0.015, visit.frames))
    mistriggered = rng.random(visit.frames) < config.mistrigger_probability
    intervals = intervals * np.where(mistriggered, rng.choice([0.65, 1.6], visit.frames), 1)
    return Beats(times_s=np.concatenate([[0], np.cumsum(intervals)[:-1]]).round(4), mistriggered=mistriggered)


def draw_amplitudes(
    patient: Patient, visit: Visit, level: Level, beats: Beats, lv_peak_s: float, config: PhantomConfig
) -> np.ndarray:
    """Amplitude (T, M) of each motion mode: rows, columns, magnification, contraction, elastic modes."""
    rng = np.random.default_rng([patient.seed, 8, visit.frames, list(HEIGHT).index(level)])
    t = beats.times_s + 0.12 * list(HEIGHT).index(level)
    hold_until_s = 0.0 if visit.free_breathing else lv_peak_s + rng.uniform(4, 16)
    phase = np.cumsum(np.diff(t, prepend=t[0]) / (visit.breathing_period_s * rng.uniform(0.85, 1.15, len(t))))
    phase = phase + rng.uniform()
    depth = np.abs(np.interp(phase, np.arange(64), rng.normal(1, 0.18, 64)))
    breath = depth * (0.5 + 0.5 * np.cos(2 * np.pi * phase)) ** 1.4  # dwells at end-expiration
    free = 1 / (1 + np.exp(-(t - hold_until_s) / 0.6)) if hold_until_s else np.ones_like(t)
    sigh = rng.uniform(0.4, 0.9) * np.exp(-(((t - hold_until_s - 2.0) / 1.2) ** 2)) * (hold_until_s > 0)
    drift_mm = -0.15 * np.minimum(t, max(hold_until_s, 1.0)) * rng.uniform(0.3, 1.5)
    rows = visit.breathing_mm * (free * breath + sigh) + drift_mm + rng.normal(0, 0.35, len(t))
    columns = rng.choice([-1, 1]) * rng.uniform(0.15, 0.4) * rows + rng.normal(0, 0.3, len(t))
    magnification = rng.choice([-1, 1]) * rng.uniform(0.2, 1) * MAGNIFICATION_PER_MM * rows
    contraction = rng.normal(0, 0.25, len(t)) + beats.mistriggered * rng.uniform(-4, 4, len(t))
    slow = rows / max(visit.breathing_mm, 1)
    elastic = config.elastic_mm * (slow[:, None] * rng.normal(0, 1, 4) + rng.normal(0, 0.3, (len(t), 4)))
    return np.column_stack([rows, columns, magnification, contraction, elastic])


def modes_mm(heart: Heart, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Displacement fields (M, 2, H, W) in mm, rows then columns, at unit amplitude.

    Rigid within 1.5 epicardial radii around the middle of both ventricles, fading over the lungs and organs beyond.
    """
    middle = 0.35 * heart.rv_depth_mm
    away = np.hypot(y - middle * np.sin(heart.septum_rad), x - middle * np.cos(heart.septum_rad))
    fade = np.clip((away - 1.9 * heart.radius_mm) / (3 * GIVE_MM), 0, 1)
    weight = 1 - 0.75 * (fade**2 * (3 - 2 * fade))
    nothing = np.zeros_like(y)
    distance = np.hypot(y, x) / heart.radius_mm
    squeeze = np.where(distance < 0.6, distance / 0.6, np.exp(-(((distance - 0.6) / 0.7) ** 2)))
    outward = squeeze / np.maximum(np.hypot(y, x), 1e-6)
    v, u = y / heart.radius_mm, x / heart.radius_mm
    local = np.exp(-(distance**2) / 3.0)
    return np.stack(
        [
            np.stack([weight, nothing]),
            np.stack([nothing, weight]),
            np.stack([weight * y, weight * x]) * np.exp(-((distance / 2.5) ** 2)),
            np.stack([outward * y, outward * x]),
            np.stack([local * u, nothing]),
            np.stack([nothing, local * v]),
            np.stack([local * v * u, nothing]),
            np.stack([nothing, local * (v**2 - u**2) / 2]),
        ]
    ).astype(np.float32)


def inverted(displacement: np.ndarray, iterations: int = 5) -> np.ndarray:
    """The field v with v(z) = -u(z + v(z)): where in the reference pose the tissue at z comes from.

    displacement : (2, H, W), in samples of its own grid
    """
    grid = np.mgrid[: displacement.shape[1], : displacement.shape[2]].astype(np.float32)
    back = -displacement
    for _ in range(iterations):
        back = -bilinear(displacement, grid + back)
    return back
