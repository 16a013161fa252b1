"""What a comparison of phantom hearts with a disturbed copy should find, from their outlines and not from pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from disturbed import INWARD_MM, LATE_FRAMES, OUTWARD_MM, SHIFT_PX, TURN_DEG, Slice, middle_px


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A closed curve in mm: what of it is needed. mean_radius_mm : about its own center"""

    area_mm2: float
    length_mm: float
    mean_radius_mm: float
    width_mm: float

    def grown_mm2(self, radial_mm: float) -> float:
        """Area that a radial offset adds."""
        return 2 * np.pi * self.mean_radius_mm * radial_mm + np.pi * radial_mm**2

    def offset_mm(self, radial_mm: float) -> float:
        """Mean distance to the outline with a radial offset: the offset seen along the normal."""
        return radial_mm * 2 * np.pi * self.mean_radius_mm / self.length_mm

    def shifted_mm(self, distance_mm: float) -> float:
        """Mean distance to the shifted outline: the shift along the normal, averaged over a convex curve."""
        return 2 * distance_mm * self.width_mm / self.length_mm


def outline(radius_mm: np.ndarray, angle_rad: np.ndarray, direction: np.ndarray) -> Outline:
    """An outline from its radius at equal angles; width_mm is across ``direction``."""
    y, x = radius_mm * np.sin(angle_rad), radius_mm * np.cos(angle_rad)
    across = y * direction[1] - x * direction[0]
    return Outline(
        area_mm2=float(np.pi * np.mean(radius_mm**2)),
        length_mm=float(np.hypot(np.diff(y, append=y[0]), np.diff(x, append=x[0])).sum()),
        mean_radius_mm=float(radius_mm.mean()),
        width_mm=float(np.ptp(across)),
    )


def expected_shapes(part: Slice, box_px: Sequence[float]) -> tuple[dict[str, float], dict[str, float]]:
    """What a comparison of one slice should find after `swell` and after `shift`, by column of ``slices.csv``."""
    angle, pixel_mm = np.linspace(0, 2 * np.pi, 2000, endpoint=False), part.grid.patient.pixel_mm
    distance = float(np.hypot(*SHIFT_PX) * pixel_mm)
    direction = np.array(SHIFT_PX) / np.hypot(*SHIFT_PX)
    epi = outline(part.heart.epicardium_mm(angle), angle, direction)
    endo = outline(part.heart.endocardium_mm(angle), angle, direction)
    muscle, inner = epi.area_mm2 - endo.area_mm2, -endo.grown_mm2(-INWARD_MM)
    arm_mm = [
        float(np.hypot(*(np.array(part.grid.pixels(part.heart.insertion_mm(side))) - middle_px(part)))) * pixel_mm
        for side in (1, -1)
    ]
    swollen = {
        "peak_frame_error": LATE_FRAMES,
        "myocardium_dice": 2 * muscle / (2 * muscle + epi.grown_mm2(OUTWARD_MM) + inner),
        "cavity_dice": 2 * (endo.area_mm2 - inner) / (2 * endo.area_mm2 - inner),
        "epicardium_mean_mm": epi.offset_mm(OUTWARD_MM),
        "endocardium_mean_mm": endo.offset_mm(INWARD_MM),
        "anterior_angle_deg": TURN_DEG,
        "inferior_angle_deg": TURN_DEG,
        "anterior_point_mm": 2 * arm_mm[0] * np.sin(np.radians(TURN_DEG) / 2),
        "inferior_point_mm": 2 * arm_mm[1] * np.sin(np.radians(TURN_DEG) / 2),
    }
    sides = np.subtract(box_px[2:], box_px[:2])
    shifted = {
        "box_dice": float(np.prod(1 - np.array(SHIFT_PX) / sides)),
        "myocardium_dice": 1 - distance * (epi.width_mm + endo.width_mm) / muscle,
        "cavity_dice": 1 - distance * endo.width_mm / endo.area_mm2,
        "epicardium_mean_mm": epi.shifted_mm(distance),
        "endocardium_mean_mm": endo.shifted_mm(distance),
        "anterior_point_mm": distance,
        "inferior_point_mm": distance,
    }
    return swollen, shifted
