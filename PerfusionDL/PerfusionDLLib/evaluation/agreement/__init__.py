"""How far two readings of the same heart agree: in shape (overlap, distance) and in number (limits, correlation)."""

from .cohort import (
    Comparison,
    FlowSummary,
    PairedFlow,
    PairedSlice,
    ShapeSummary,
    flow_summaries,
    interval_notes,
    shape_summaries,
)
from .contours import SliceAgreement, compare_contours
from .patients import intervals_over_patients
from .shape import ContourDistance, contour_distance_mm, dice, insertion_angle_deg, insertion_error_mm, rectangle_dice
from .statistics import (
    Agreement,
    IntervalEstimate,
    icc_agreement,
    icc_consistency,
    limits_of_agreement,
    proportional_bias,
    repeatability_coefficient,
)

__all__ = [
    "Agreement",
    "Comparison",
    "ContourDistance",
    "FlowSummary",
    "IntervalEstimate",
    "PairedFlow",
    "PairedSlice",
    "ShapeSummary",
    "SliceAgreement",
    "compare_contours",
    "contour_distance_mm",
    "dice",
    "flow_summaries",
    "icc_agreement",
    "icc_consistency",
    "insertion_angle_deg",
    "insertion_error_mm",
    "interval_notes",
    "intervals_over_patients",
    "limits_of_agreement",
    "proportional_bias",
    "rectangle_dice",
    "repeatability_coefficient",
    "shape_summaries",
]
