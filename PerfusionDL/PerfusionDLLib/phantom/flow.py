"""True myocardial blood flow: where it is low, by how much, and what that makes of each AHA segment."""

import numpy as np

from ..data.contours import Label
from ..data.study import Condition, Level
from .heart import Heart
from .patient import HEIGHT, Patient, Visit
from .shapes import wrapped

DEFECT_SHARE = 0.85  # a segment counts as a defect where less than this share of its healthy flow is left


def from_septum(heart: Heart, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Angle from mid-septum through anterior, lateral and inferior wall, 0 to 2 pi."""
    return (np.arctan2(y, x) - heart.septum_rad) % (2 * np.pi)


def mbf(patient: Patient, visit: Visit, heart: Heart, level: Level, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Flow at positions in mm, mL/min/g, with its defects."""
    return healthy_mbf(patient, visit, heart, level, y, x) * defect_share(patient, visit, heart, level, y, x)


def healthy_mbf(patient: Patient, visit: Visit, heart: Heart, level: Level, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Flow without defects: smooth around the wall, from endocardium to epicardium and from base to apex."""
    rng = np.random.default_rng([patient.seed, 6, int(visit.condition is Condition.STRESS)])
    angle = from_septum(heart, y, x)
    around = 1 + sum(rng.normal(0, 0.05) * np.cos(n * angle + rng.uniform(0, 2 * np.pi)) for n in (1, 2, 3))
    along = 1 + rng.normal(0, 0.04) * HEIGHT[level]
    ratio = visit.endo_epi_ratio
    across = 1 + (ratio - 1) / (ratio + 1) * 2 * (1 - 2 * heart.depth(y, x))
    return visit.mbf_ml_min_g * around * along * across


def defect_share(
    patient: Patient, visit: Visit, heart: Heart, level: Level, y: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Share of healthy flow that the defects leave."""
    angle, depth = from_septum(heart, y, x), heart.depth(y, x)
    left = np.ones(np.shape(y))
    for defect in patient.defects:
        if not defect.lowest < HEIGHT[level] < defect.highest:
            continue
        share = defect.stress_share if visit.condition is Condition.STRESS else defect.rest_share
        off = np.abs(wrapped(angle - defect.center_rad)) - defect.half_width_rad
        inside = 1 / (1 + np.exp(off / 0.07)) / (1 + np.exp((depth - defect.depth) / 0.08))
        left = left * (1 - (1 - share) * inside)
    return left


def aha_segments(heart: Heart, level: Level, labels: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """AHA segment (Y, X) uint8 of the myocardium, 0 outside (Cerqueira et al., Circulation 2002;105:539).

    Base and mid: two sectors between the insertion points, four around the free wall. Apex: four sectors of 90
    degrees, the septal one centered between the insertion points.
    """
    angle = from_septum(heart, y, x)
    if level is Level.APICAL:
        quarter = ((angle + np.pi / 4) // (np.pi / 2)).astype(int) % 4  # septal, anterior, lateral, inferior
        segments = np.array([14, 13, 16, 15])[quarter]
    else:
        half = heart.half_arc_rad
        wall = np.floor((angle - half) / (2 * np.pi - 2 * half) * 4).astype(int)
        sector = np.where(angle < half, 2, np.where(angle >= 2 * np.pi - half, 3, 0))
        free = np.array([1, 6, 5, 4])[np.clip(wall, 0, 3)]
        segments = np.where(sector > 0, sector, free) + (0 if level is Level.BASAL else 6)
    return np.where(labels == Label.MYOCARDIUM, segments, 0).astype(np.uint8)
