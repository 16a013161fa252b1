"""The heart in one short-axis slice: left ventricle, papillary muscles, right ventricle, insertion points."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from ..data.contours import Label
from ..data.study import Level
from .patient import HEIGHT, Patient, uniform
from .shapes import Canvas, coverage, smooth_noise, wave, wrapped


@dataclass(frozen=True, kw_only=True)
class Heart:
    """The shape of one slice; angles in image coordinates (rows down), lengths in mm from the LV center.

    half_arc_rad : half of the angle between the insertion points, seen from the LV center
    rubble : share of the cavity that papillary muscles and trabeculae without a shape of their own fill
    """

    radius_mm: float
    cavity_mm: float
    cavity_shift_mm: tuple[float, float]
    septum_rad: float
    half_arc_rad: float
    rv_depth_mm: float
    rv_skew: float
    rv_roundness: float
    rv_flatness: float
    rv_wall_mm: float
    outer: tuple[np.ndarray, np.ndarray]
    inner: tuple[np.ndarray, np.ndarray]
    papillary: tuple[tuple[float, float, float, float, float], ...]
    rubble: float = 0.0

    def epicardium_mm(self, angle_rad: np.ndarray) -> np.ndarray:
        """Radius of the LV epicardium."""
        return self.radius_mm * (1 + wave(angle_rad, *self.outer))

    def endocardium_mm(self, angle_rad: np.ndarray) -> np.ndarray:
        """Radius of the LV endocardium about the center of the cavity."""
        return self.cavity_mm * (1 + wave(angle_rad, *self.inner))

    def insertion_mm(self, side: int) -> np.ndarray:
        """Row and column of the anterior (side 1) or inferior (-1) insertion point."""
        angle = self.septum_rad + side * self.half_arc_rad
        return self.epicardium_mm(np.asarray(angle)) * np.array([np.sin(angle), np.cos(angle)])

    def outside_epicardium(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """mm, negative inside."""
        return np.hypot(y, x) - self.epicardium_mm(np.arctan2(y, x))

    def outside_endocardium(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """mm, negative inside."""
        y, x = y - self.cavity_shift_mm[0], x - self.cavity_shift_mm[1]
        return np.hypot(y, x) - self.endocardium_mm(np.arctan2(y, x))

    def depth(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """0 at the endocardium to 1 at the epicardium."""
        inner, outer = self.outside_endocardium(y, x), -self.outside_epicardium(y, x)
        return np.clip(inner / np.maximum(inner + outer, 1e-3), 0, 1)

    def outside_rv(self, y: np.ndarray, x: np.ndarray, wall_mm: float = 0.0) -> np.ndarray:
        """mm, negative inside the crescent of the right ventricle, LV not subtracted; with its wall if given."""
        angle = np.arctan2(y, x)
        radius = self.epicardium_mm(angle)
        reach = self.half_arc_rad + (wall_mm - self.rv_wall_mm) / self.radius_mm
        u = wrapped(angle - self.septum_rad) / reach
        within = np.clip(1 - np.abs(u) ** 2.5, 0, None) ** self.rv_roundness
        # a free wall straight along the chest has depth d at mid-septum and (R + d) / cos - R beside it
        straight = (self.radius_mm + self.rv_depth_mm) / np.cos(np.clip(u * reach, -1.1, 1.1)) - self.radius_mm
        depth_mm = self.rv_depth_mm + self.rv_flatness * (straight - self.rv_depth_mm)
        bulge_mm = within * depth_mm * (1 + self.rv_skew * u)
        return np.hypot(y, x) - radius - np.where(np.abs(u) < 1, bulge_mm + wall_mm, -2.0)

    def labels(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values of `Label` at positions."""
        labels = np.zeros(y.shape, np.uint8)
        labels[self.outside_rv(y, x) < 0] = Label.RV_BLOOD_POOL
        labels[self.outside_epicardium(y, x) < 0] = Label.MYOCARDIUM
        labels[self.outside_endocardium(y, x) < 0] = Label.BLOOD_POOL
        return labels


def draw_heart(patient: Patient, level: Level, stress: bool) -> Heart:
    """The heart of a patient at a level; the cardiac phase of a slice differs with the trigger delay."""
    closed = patient.closed_cavity_mm is not None and stress and level is not Level.BASAL
    heart = _draw_open_heart(patient, level, stress)
    return _close(heart, patient, level) if closed else heart


def _close(heart: Heart, patient: Patient, level: Level) -> Heart:
    """The same heart in systole: a thick wall around a small lumen of which little is seen between the muscles."""
    rng = np.random.default_rng([patient.seed, 21, list(HEIGHT).index(level)])
    cavity = uniform(rng, patient.closed_cavity_mm or ())
    radius = cavity + uniform(rng, patient.closed_wall_mm)
    shift = rng.uniform(0.05, 0.15) * radius * _unit(rng.uniform(0, 2 * np.pi))
    amplitudes, phases = heart.inner
    long_axis = np.concatenate([[rng.uniform(0.08, 0.25)], amplitudes[1:]])
    papillary = []
    for angle in rng.uniform(0, 2 * np.pi) + np.array([0, rng.uniform(1.2, 2.6)]):
        size = cavity * rng.uniform(0.35, 0.6)
        row, column = (cavity - 0.6 * size) * _unit(angle)
        papillary.append((float(row), float(column), float(size), float(rng.uniform(1.0, 1.8)), float(angle)))
    return replace(
        heart,
        radius_mm=radius,
        cavity_mm=cavity,
        cavity_shift_mm=(float(shift[0]), float(shift[1])),
        inner=(long_axis, phases),
        papillary=tuple(papillary),
        rubble=float(rng.uniform(0.3, 0.8)),
    )


def _unit(angle_rad: float) -> np.ndarray:
    """Row and column of the unit vector at an angle."""
    return np.array([np.sin(angle_rad), np.cos(angle_rad)])


def _draw_open_heart(patient: Patient, level: Level, stress: bool) -> Heart:
    rng = np.random.default_rng([patient.seed, 3, list(HEIGHT).index(level)])
    height = HEIGHT[level]
    radius = patient.epicardial_radius_mm * (1 - 0.075 * height - 0.065 * max(height, 0))
    share = 0.47 + 0.4 * patient.cavity_share if height < 0 else patient.cavity_share - 0.10 * height
    share = float(np.clip(share + rng.normal(0, 0.02) - 0.01 * stress, 0.30, 0.78))
    rough = rng.normal([0.018, 0, 0, 0, 0], [0.012, 0.012, 0.008, 0.005, 0.004])
    ragged = rng.normal(0, 1, 7) * [0.045, 0.028, 0.02, 0.016, 0.012, 0.010, 0.008]
    shift = rng.normal(0, 0.045, 2) * radius
    septum = patient.septum_rad + height * 0.08 + rng.normal(0, 0.03)
    half_arc = patient.septal_arc_rad / 2 * (1 - 0.06 * height)
    cavity = radius * share
    papillary = []
    for offset in (2.15, 3.95):
        middle = septum + offset + rng.normal(0, 0.15)
        whole = cavity * {Level.BASAL: 0.15, Level.MID: 0.31, Level.APICAL: 0.26}[level] * rng.uniform(0.8, 1.3)
        for _ in range(int(rng.integers(1, 4))):  # heads of one muscle
            angle, size = middle + rng.normal(0, 0.22), whole * rng.uniform(0.6, 1.05)
            distance = cavity * rng.uniform(0.52, 0.88)
            row, column, elongation = distance * np.sin(angle), distance * np.cos(angle), rng.uniform(1.0, 1.9)
            papillary.append((float(row), float(column), float(size), float(elongation), float(angle)))
    return Heart(
        radius_mm=radius,
        cavity_mm=cavity,
        cavity_shift_mm=(float(shift[0]), float(shift[1])),
        septum_rad=septum,
        half_arc_rad=half_arc,
        rv_depth_mm=patient.rv_depth_mm * (1 - 0.12 * height - 0.33 * max(height, 0)),
        rv_skew=patient.rv_skew,
        rv_roundness=patient.rv_roundness,
        rv_flatness=patient.rv_flatness,
        rv_wall_mm=float(rng.uniform(2.5, 4.0)),
        outer=(rough, rng.uniform(0, 2 * np.pi, 5)),
        inner=(ragged, rng.uniform(0, 2 * np.pi, 7)),
        papillary=tuple(papillary),
    )


def paint_heart(
    canvas: Canvas, heart: Heart, y: np.ndarray, x: np.ndarray, step_mm: float, rng: np.random.Generator
) -> np.ndarray:
    """Paint the heart over its surroundings; returns the share of LV myocardium (H, W), papillary muscles apart."""
    epicardium = coverage(heart.outside_epicardium(y, x))
    endocardium = heart.outside_endocardium(y, x)
    canvas.paint("rv wall", coverage(heart.outside_rv(y, x, heart.rv_wall_mm)))
    trabeculae = smooth_noise(rng, canvas.shape, 2.0 / step_mm)
    rv = coverage(heart.outside_rv(y, x)) * (1 - epicardium)
    near_free_wall = np.clip(1 + heart.outside_rv(y, x) / (0.45 * heart.rv_depth_mm), 0, 1)
    muscular = np.clip(trabeculae - 1.1 + 1.2 * near_free_wall, 0, 1) * (0.3 + 0.5 * near_free_wall)
    canvas.paint("rv blood", (rv * (1 - muscular)).astype(np.float32))
    canvas.paint("myocardium", epicardium)
    cavity = coverage(endocardium)
    canvas.paint("lv blood", cavity)
    muscle = np.zeros(canvas.shape, np.float32)
    fine = smooth_noise(rng, canvas.shape, 1.6 / step_mm)
    for row, column, size, elongation, angle in heart.papillary:
        dy, dx = y - row - heart.cavity_shift_mm[0], x - column - heart.cavity_shift_mm[1]
        cosine, sine = float(np.cos(angle)), float(np.sin(angle))
        along = dy * sine + dx * cosine
        across = dy * cosine - dx * sine
        muscle = np.maximum(muscle, coverage(np.hypot(along / elongation, across) - size * (1 + 0.22 * fine)))
    # trabeculae: blood between them thins out over the last millimeters before the compact wall
    near_wall = np.clip(1 + endocardium / (0.30 * heart.cavity_mm), 0, 1)
    muscle = np.maximum(muscle, near_wall * np.clip(fine, 0, 1))
    if heart.rubble:
        lumps = smooth_noise(rng, canvas.shape, 2.5 / step_mm)
        threshold = np.quantile(lumps[endocardium < 0], 1 - heart.rubble)
        muscle = np.maximum(muscle, np.clip(0.5 + (lumps - threshold), 0, 1))
    oblique = gaussian_filter(0.92 * muscle, 0.9 / step_mm)  # to a slice of 8 mm
    canvas.paint("papillary", (oblique * cavity).astype(np.float32))
    return canvas.amounts["myocardium"]
