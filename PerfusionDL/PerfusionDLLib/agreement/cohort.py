"""Agreement over many studies: what the paper's table holds, with the uncertainty that patients bring."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .contours import SliceAgreement
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
    """Everything that two readings of a cohort have in common."""

    studies: int
    slices: tuple[PairedSlice, ...]
    flows: tuple[PairedFlow, ...]


@dataclass(frozen=True, kw_only=True)
class ShapeSummary:
    """Mean and standard deviation of a measure over the slices, with what the paper reports, where it does."""

    measure: str
    unit: str
    slices: int
    mean: float
    sd: float
    median: float
    worst: float
    paper: str = ""


@dataclass(frozen=True, kw_only=True)
class FlowSummary:
    """Agreement of flow readings; bootstrap intervals draw whole patients.

    repeatability : coefficient, unit of the readings; slope : of the difference on the mean, with its p value
    """

    quantity: str
    extent: str
    limits: Agreement
    bias_percent: Estimate
    icc_agreement: Estimate
    icc_consistency: Estimate
    icc_bootstrap: tuple[float, float]
    repeatability: float
    slope: Estimate
    slope_p: float


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

FEWEST_STUDIES = 5  # fewer draws of whole patients say nothing about their spread
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


def flow_summaries(
    flows: Sequence[PairedFlow], random: np.random.Generator, *, resamples: int = 1000
) -> list[FlowSummary]:
    """Agreement of rest, stress, both together and reserve, per segment, territory and patient."""
    return [
        summary
        for extent in EXTENTS
        for quantity in QUANTITIES
        if (summary := _flow_summary(flows, quantity, extent, random, resamples)) is not None
    ]


def _flow_summary(
    flows: Sequence[PairedFlow], quantity: str, extent: str, random: np.random.Generator, resamples: int
) -> FlowSummary | None:
    studies, first, second = flow_pairs(flows, quantity, extent)
    if len(first) < 3:
        return None
    ratings = np.stack([first, second], axis=1)
    limits = limits_of_agreement(first, second)

    def bootstrapped(statistic) -> tuple[float, float]:
        if len(set(studies.tolist())) < FEWEST_STUDIES:
            return float("nan"), float("nan")
        return cluster_bootstrap(statistic, studies.tolist(), random, resamples=resamples)

    bias_low, bias_high = bootstrapped(lambda drawn: limits_of_agreement(first[drawn], second[drawn]).bias_percent)
    slope, slope_p = proportional_bias(first, second)
    return FlowSummary(
        quantity=quantity,
        extent=extent,
        limits=limits,
        bias_percent=Estimate(limits.bias_percent, bias_low, bias_high),
        icc_agreement=icc_agreement(ratings),
        icc_consistency=icc_consistency(ratings),
        icc_bootstrap=bootstrapped(lambda drawn: icc_agreement(ratings[drawn], interval=False).value),
        repeatability=repeatability_coefficient(first, second),
        slope=slope,
        slope_p=slope_p,
    )
