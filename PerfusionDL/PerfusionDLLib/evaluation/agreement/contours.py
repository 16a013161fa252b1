"""Agreement of two sets of contours of one slice, measure by measure as the paper does, and beyond."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...data.contours import Contours
from .shape import contour_distance_mm, dice, insertion_angle_deg, insertion_error_mm, rectangle_dice


@dataclass(frozen=True, kw_only=True)
class SliceAgreement:
    """How far two readings of one slice agree; NaN where one of them has nothing to compare.

    peak_frame_error : first minus second, frames
    one_pose : False where the readings refer to different frames, so that motion counts as disagreement
    """

    peak_frame_error: float
    box_dice: float
    myocardium_dice: float
    cavity_dice: float
    rv_dice: float
    endocardium_mean_mm: float
    endocardium_hausdorff_95_mm: float
    epicardium_mean_mm: float
    epicardium_hausdorff_95_mm: float
    anterior_point_mm: float
    inferior_point_mm: float
    anterior_angle_deg: float
    inferior_angle_deg: float
    one_pose: bool


def compare_contours(first: Contours, second: Contours, *, ijk_to_ras: np.ndarray) -> SliceAgreement:
    """Every measure of `SliceAgreement` for two readings of a slice.

    Angles are seen from the middle of the second reading's left ventricle.

    ijk_to_ras : (4, 4) of the slice, mm
    """
    if first.labels.shape != second.labels.shape:
        raise ValueError(f"labels must have one shape, got {first.labels.shape} and {second.labels.shape}")
    columns_mm, rows_mm = np.linalg.norm(ijk_to_ras[:3, :2], axis=0)
    spacing_mm = (float(rows_mm), float(columns_mm))
    endocardium = contour_distance_mm(first.blood_pool, second.blood_pool, spacing_mm=spacing_mm)
    epicardium = contour_distance_mm(_heart(first), _heart(second), spacing_mm=spacing_mm)
    center = _center_ras_mm(second, ijk_to_ras)
    points = {
        name: (getattr(first, f"{name}_rv_ras_mm"), getattr(second, f"{name}_rv_ras_mm"))
        for name in ("anterior", "inferior")
    }
    return SliceAgreement(
        peak_frame_error=float(first.peak_frame - second.peak_frame),
        box_dice=rectangle_dice(first.box_px, second.box_px),
        myocardium_dice=dice(first.myocardium, second.myocardium),
        cavity_dice=dice(first.blood_pool, second.blood_pool),
        rv_dice=dice(first.rv_blood_pool, second.rv_blood_pool),
        endocardium_mean_mm=endocardium.mean_mm,
        endocardium_hausdorff_95_mm=endocardium.hausdorff_95_mm,
        epicardium_mean_mm=epicardium.mean_mm,
        epicardium_hausdorff_95_mm=epicardium.hausdorff_95_mm,
        anterior_point_mm=insertion_error_mm(*points["anterior"]),
        inferior_point_mm=insertion_error_mm(*points["inferior"]),
        anterior_angle_deg=insertion_angle_deg(center, *points["anterior"]),
        inferior_angle_deg=insertion_angle_deg(center, *points["inferior"]),
        one_pose=first.reference_frame == second.reference_frame,
    )


def _heart(contours: Contours) -> np.ndarray:
    """Everything within the epicardium."""
    return ndimage.binary_fill_holes(contours.myocardium | contours.blood_pool)


def _center_ras_mm(contours: Contours, ijk_to_ras: np.ndarray) -> np.ndarray:
    """Middle of the left ventricle; NaN where there is none."""
    rows, columns = np.nonzero(_heart(contours))
    if not rows.size:
        return np.full(3, np.nan)
    return ijk_to_ras[:3, :2] @ (columns.mean(), rows.mean()) + ijk_to_ras[:3, 3]
