"""Agreement over many studies: what the paper's table holds, with the uncertainty that patients bring."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .contours import SliceAgreement
from .patients import intervals_over_patients
from .statistics import (
    Agreement,
    IntervalEstimate,
    icc_agreement,
    icc_consistency,
    limits_of_agreement,
    proportional_bias,
    repeatability_coefficient,
)


@dataclass(frozen=True, kw_only=True)
class PairedSlice:
    """One slice that was read twice; studies count from 1."""

    study: int
    condition: str
    level: str
    agreement: SliceAgreement


@dataclass(frozen=True, kw_only=True)
class PairedFlow:
    """One number that was read twice.

    quantity : rest, stress (mL/min/g) or mpr
    extent : segment, territory or patient; name : which of them
    """

    study: int
    quantity: str
    extent: str
    name: str
    first: float
    second: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that two readings of a cohort have in common; ``readings`` says what they are called."""

    studies: int
    slices: tuple[PairedSlice, ...]
    flows: tuple[PairedFlow, ...]
    readings: tuple[str, str] = ("first", "second")


@dataclass(frozen=True, kw_only=True)
class ShapeSummary:
    """Mean and standard deviation of a measure over the slices, with what the paper reports, where it does."""

    measure: str
    unit: str
    slices: int
    patients: int
    mean: float
    sd: float
    median: float
    worst: float
    paper: str = ""


@dataclass(frozen=True, kw_only=True)
class FlowSummary:
    """Agreement of flow readings, with intervals over patients.

    patients : NaN intervals where it is one
    drawn : intervals come from drawing whole patients; else each gave one reading, and t and F distributions hold
    repeatability : coefficient, unit of the readings; slope : of the difference on the mean
    """

    quantity: str
    extent: str
    patients: int
    drawn: bool
    limits: Agreement
    bias_percent: IntervalEstimate
    icc_agreement: IntervalEstimate
    icc_consistency: IntervalEstimate
    repeatability: IntervalEstimate
    slope: IntervalEstimate


PAPER = "Scannell et al., JMRI 2020;51:1689 (30 patients, one manual reader)"
PAPER_FLOW = {"bias_percent": "2.6", "icc_agreement": "0.89 [0.87, 0.90]"}
SHAPES = (
    ("Peak frame, error", "frames", ("peak_frame_error",), max, "1.49 (1.4)"),
    ("Box, Dice", "", ("box_dice",), min, "0.93 (0.03)"),
    ("Myocardium, Dice", "", ("myocardium_dice",), min, "0.80 (0.06)"),
    ("LV cavity, Dice", "", ("cavity_dice",), min, ""),
    ("RV cavity, Dice", "", ("rv_dice",), min, ""),
    ("RV insertion points, error", "mm", ("anterior_point_mm", "inferior_point_mm"), max, "2.8 (1.8)"),
    ("RV insertion points, angle", "degrees", ("anterior_angle_deg", "inferior_angle_deg"), max, ""),
    ("Endocardium, mean distance", "mm", ("endocardium_mean_mm",), max, ""),
    ("Endocardium, 95 % Hausdorff", "mm", ("endocardium_hausdorff_95_mm",), max, ""),
    ("Epicardium, mean distance", "mm", ("epicardium_mean_mm",), max, ""),
    ("Epicardium, 95 % Hausdorff", "mm", ("epicardium_hausdorff_95_mm",), max, ""),
)
"""Name, unit, fields, which end is the worst, and the paper's mean (SD); errors count without their sign."""

FEW_PATIENTS = 10  # below, intervals drawn over patients hold too little: `benchmarks/coverage.py`
QUANTITIES = {"rest": ("rest",), "stress": ("stress",), "rest and stress": ("rest", "stress"), "mpr": ("mpr",)}
EXTENTS = ("segment", "territory", "patient")


def shape_summaries(slices: Sequence[PairedSlice]) -> list[ShapeSummary]:
    """The rows of the paper's table, and some that it does not have."""
    rows = []
    for measure, unit, fields, worst, paper in SHAPES:
        values = np.abs([getattr(part.agreement, field) for part in slices for field in fields])
        known = values[np.isfinite(values)]
        if known.size:
            rows.append(
                ShapeSummary(
                    measure=measure,
                    unit=unit,
                    slices=len(slices),
                    patients=len({part.study for part in slices}),
                    mean=float(known.mean()),
                    sd=float(known.std(ddof=1)) if known.size > 1 else float("nan"),
                    median=float(np.median(known)),
                    worst=float(worst(known)),
                    paper=paper,
                )
            )
    return rows


def flow_pairs(flows: Sequence[PairedFlow], quantity: str, extent: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Study, first and second reading of every complete pair of a quantity ("rest and stress" pools both)."""
    chosen = [
        (flow.study, flow.first, flow.second)
        for flow in flows
        if flow.quantity in QUANTITIES[quantity] and flow.extent == extent and np.isfinite(flow.first + flow.second)
    ]
    studies, first, second = np.array(chosen, dtype=float).reshape(-1, 3).T
    return studies.astype(int), first, second


def flow_summaries(flows: Sequence[PairedFlow], random: np.random.Generator) -> list[FlowSummary]:
    """Agreement of rest, stress, both together and reserve, per segment, territory and patient."""
    return [
        summary
        for extent in EXTENTS
        for quantity in QUANTITIES
        if (summary := _flow_summary(flows, quantity, extent, random)) is not None
    ]


def _flow_summary(
    flows: Sequence[PairedFlow], quantity: str, extent: str, random: np.random.Generator
) -> FlowSummary | None:
    studies, first, second = flow_pairs(flows, quantity, extent)
    if len(first) < 3:
        return None
    patients, ratings = len(np.unique(studies)), np.stack([first, second], axis=1)
    limits = limits_of_agreement(first, second)
    drawn = patients < len(first)
    over_patients = intervals_over_patients(first, second, studies, random)

    def estimate(name: str, value: float, independent: IntervalEstimate | None = None) -> IntervalEstimate:
        """With the interval of independent pairs where there is one and pairs are independent."""
        return IntervalEstimate(value, *over_patients[name]) if drawn or independent is None else independent

    agreement, consistency, slope = icc_agreement(ratings), icc_consistency(ratings), proportional_bias(first, second)
    return FlowSummary(
        quantity=quantity,
        extent=extent,
        patients=patients,
        drawn=drawn,
        limits=replace(
            limits,
            bias=estimate("bias", limits.bias.value, limits.bias),
            lower=estimate("lower", limits.lower.value, limits.lower),
            upper=estimate("upper", limits.upper.value, limits.upper),
        ),
        bias_percent=estimate("bias_percent", limits.bias_percent),
        icc_agreement=estimate("icc_agreement", agreement.value, agreement),
        icc_consistency=estimate("icc_consistency", consistency.value, consistency),
        repeatability=estimate("repeatability", repeatability_coefficient(first, second)),
        slope=estimate("slope", slope.value, slope),
    )


def interval_notes(summaries: Sequence[FlowSummary]) -> list[str]:
    """What to know of the intervals: over whom they are, and what few patients do to them."""
    patients = max((summary.patients for summary in summaries), default=0)
    if patients < 2:
        return [
            "No interval over patients exists for one patient: its readings say nothing of how far patients differ."
        ]
    notes = [
        "95 % intervals are over patients: whole patients drawn with replacement, because readings of one patient are "
        "not independent; t and F intervals where each patient gives one reading."
    ]
    if patients < FEW_PATIENTS:
        notes.append(
            f"{patients} patients are few: intervals from drawing them hold the truth less often than in 95 % of "
            "cohorts (limits of agreement of 5 patients: in 82 %)."
        )
    return notes
