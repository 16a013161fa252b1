"""How far two readings of the same heart agree: in shape (overlap, distance) and in number (limits, correlation)."""

from .shape import (
    ContourDistance,
    contour_distance_mm,
    dice,
    insertion_angle_deg,
    insertion_error_mm,
    rectangle_dice,
)
from .statistics import (
    Agreement,
    Estimate,
    cluster_bootstrap,
    icc_agreement,
    icc_consistency,
    limits_of_agreement,
    proportional_bias,
    repeatability_coefficient,
)

__all__ = [
    "Agreement",
    "ContourDistance",
    "Estimate",
    "cluster_bootstrap",
    "contour_distance_mm",
    "dice",
    "icc_agreement",
    "icc_consistency",
    "insertion_angle_deg",
    "insertion_error_mm",
    "limits_of_agreement",
    "proportional_bias",
    "rectangle_dice",
    "repeatability_coefficient",
]
