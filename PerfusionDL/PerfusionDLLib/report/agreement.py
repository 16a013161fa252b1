"""The report of a comparison: the paper's table with our figures beside it, and Bland-Altman plots."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain

import numpy as np

from .. import NOTICE
from ..evaluation.agreement import Comparison, FlowSummary, IntervalEstimate, ShapeSummary, interval_notes
from ..evaluation.agreement.cohort import PAPER, PAPER_FLOW
from .text_table import number


def shape_cells(summary: ShapeSummary) -> list[str]:
    """Measure, paper, ours, median and worst of a shape, for people."""
    unit = f" ({summary.unit})" if summary.unit else ""
    ours = f"{number(summary.mean)} ({number(summary.sd)})"
    return [f"{summary.measure}{unit}", summary.paper or "–", ours, number(summary.median), number(summary.worst)]


def flow_cells(summary: FlowSummary) -> list[str]:
    """Quantity, extent, pairs, bias in percent, bias, limits, both ICC, repeatability and slope, for people."""
    limits = summary.limits
    return [
        summary.quantity.replace("mpr", "MPR"),
        summary.extent,
        str(limits.pairs),
        format_bracketed(summary.bias_percent, 1),
        format_bracketed(limits.bias),
        f"{number(limits.lower.value)} to {number(limits.upper.value)}",
        format_bracketed(summary.icc_agreement),
        format_bracketed(summary.icc_consistency),
        number(summary.repeatability.value),
        format_bracketed(summary.slope),
    ]


def format_bracketed(estimate: IntervalEstimate, digits: int = 2) -> str:
    """An estimate with its interval.

    >>> format_bracketed(IntervalEstimate(0.89, 0.87, 0.90))
    '0.89 [0.87, 0.90]'
    """
    if not np.isfinite(estimate.low + estimate.high):
        return number(estimate.value, digits)
    return f"{number(estimate.value, digits)} [{number(estimate.low, digits)}, {number(estimate.high, digits)}]"


SHAPE_HEADER = ("Measure", "Paper", "Here", "Median", "Worst")
FLOW_HEADER = ("MBF", "Per", "Pairs", "Bias, %", "Bias", "Limits", "ICC(A,1)", "ICC(C,1)", "RC", "Slope")


def agreement_text(comparison: Comparison, shapes: Sequence[ShapeSummary], flows: Sequence[FlowSummary]) -> str:
    """Both tables in aligned columns for a console."""
    blocks = [
        _aligned([SHAPE_HEADER, *(shape_cells(summary) for summary in shapes)]),
        _aligned([FLOW_HEADER, *(flow_cells(summary) for summary in flows)]),
    ]
    return "\n\n".join(
        [
            f"{count_noun(comparison)}.",
            *blocks,
            "\n".join(interval_notes(flows)),
            paper_flow(),
            f"{NOTICE}.",
        ]
    )


def count_noun(comparison: Comparison) -> str:
    """How many studies and slices, in words."""
    numbers = (("study", "studies", comparison.studies), ("slice", "slices", len(comparison.slices)))
    return ", ".join(f"{count} {one if count == 1 else many}" for one, many, count in numbers)


def main_figures(shapes: Sequence[ShapeSummary], flows: Sequence[FlowSummary]) -> str:
    """What a reader asks for first, in a line; what could not be compared is left out."""
    said = {"Myocardium, Dice": "myocardium Dice", "RV insertion points, error": "insertion points"}
    figures = [
        f"{said[summary.measure]} {number(summary.mean)}{f' {summary.unit}' if summary.unit else ''}"
        for summary in shapes
        if summary.measure in said
    ]
    segments = {summary.quantity: summary for summary in flows if summary.extent == "segment"}
    pooled = segments.get("rest and stress")
    if pooled:
        bias, icc = number(pooled.bias_percent.value, 1), number(pooled.icc_agreement.value)
        figures.append(f"MBF per segment: bias {bias} %, ICC(A,1) {icc}, {pooled.limits.pairs} pairs")
    return "; ".join(figures)


def paper_flow() -> str:
    """What the paper says about flow, in a sentence."""
    return (
        f"Paper: {PAPER}: MBF per segment, bias {PAPER_FLOW['bias_percent']} % of the mean, "
        f"ICC {PAPER_FLOW['icc_agreement']}."
    )


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def slices_csv(comparison: Comparison) -> str:
    """One row per slice and pair of readings, every measure in a column of its own."""
    return _csv(
        {"study": part.study, "condition": part.condition, "level": part.level, **asdict(part.agreement)}
        for part in comparison.slices
    )


def flows_csv(comparison: Comparison) -> str:
    """The paired flow readings in long form: one row per study, quantity and region."""
    return _csv(asdict(flow) for flow in comparison.flows)


def agreement_csv(shapes: Sequence[ShapeSummary], flows: Sequence[FlowSummary]) -> str:
    """Every statistic in long form: what, of what, its value and interval, and the paper's figure."""
    return _csv(chain((row for summary in shapes for row in _shape_rows(summary)), *map(_flow_rows, flows)))


def _shape_rows(summary: ShapeSummary):
    for statistic in ("mean", "sd", "median", "worst"):
        yield {
            "measure": summary.measure,
            "extent": "slice",
            "unit": summary.unit,
            "n": summary.slices,
            "patients": summary.patients,
            "statistic": statistic,
            "value": getattr(summary, statistic),
            "low": float("nan"),
            "high": float("nan"),
            "paper": summary.paper if statistic == "mean" else "",
        }


def _flow_rows(summary: FlowSummary):
    unit = "" if summary.quantity == "mpr" else "mL/min/g"
    compared = summary.extent == "segment" and summary.quantity == "rest and stress"
    for statistic, estimate, of in (
        ("bias", summary.limits.bias, unit),
        ("bias_percent", summary.bias_percent, "%"),
        ("lower_limit", summary.limits.lower, unit),
        ("upper_limit", summary.limits.upper, unit),
        ("icc_agreement", summary.icc_agreement, ""),
        ("icc_consistency", summary.icc_consistency, ""),
        ("repeatability_coefficient", summary.repeatability, unit),
        ("proportional_bias_slope", summary.slope, ""),
    ):
        yield {
            "measure": f"{summary.quantity} MBF" if unit else "MPR",
            "extent": summary.extent,
            "unit": of,
            "n": summary.limits.pairs,
            "patients": summary.patients,
            "statistic": statistic,
            "value": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "paper": PAPER_FLOW.get(statistic, "") if compared else "",
        }


def _csv(rows) -> str:
    rows = list(rows)
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else ""
    return value
