"""The comparison as a PDF: tables on the first page, Bland-Altman and identity plots on the second."""

from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from ..data.study import Condition, Level
from ..evaluation.agreement import Comparison, FlowSummary, ShapeSummary, interval_notes
from ..evaluation.agreement.cohort import flow_pairs
from .agreement import count_noun, flow_cells, paper_flow, shape_cells
from .figures import FLOW_UNIT, styled
from .figures.agreement import draw_bland_altman, draw_groups, draw_identity
from .figures.style import CONDITION_COLORS
from .page import LEFT_MM, RIGHT_MM, Columns, Page
from .pages import save

TITLE = "Agreement of two readings"
COLORS = {
    "rest": CONDITION_COLORS[Condition.REST],
    "stress": CONDITION_COLORS[Condition.STRESS],
    "rest and stress": "#555555",
    "mpr": "#009E73",
}


@styled
def write_agreement_pdf(
    target: BinaryIO, comparison: Comparison, shapes: Sequence[ShapeSummary], flows: Sequence[FlowSummary]
) -> None:
    """Write tables and plots as a PDF, the same bytes for the same values."""
    save(target, TITLE, [_tables(comparison, shapes, flows), _plots(comparison, flows)])


def _tables(comparison: Comparison, shapes: Sequence[ShapeSummary], flows: Sequence[FlowSummary]) -> Page:
    page = Page()
    y = page.paragraph(
        LEFT_MM,
        28,
        f"{count_noun(comparison)} read twice. Differences: {' minus '.join(comparison.readings)}.",
        width=RIGHT_MM - LEFT_MM,
        size=8,
    )
    apart = sum(not part.agreement.one_pose for part in comparison.slices)
    if apart:
        y = page.paragraph(
            LEFT_MM,
            y,
            f"In {apart} slices the readings are in the pose of different frames; motion counts as disagreement there.",
            width=RIGHT_MM - LEFT_MM,
            size=7,
        )
    y += 4
    page.heading(y, "Contours", "mean (standard deviation) over the slices; errors without their sign")
    columns = Columns(
        page,
        [
            ("", LEFT_MM, "left"),
            ("Paper", 95, "center"),
            ("Here", 125, "center"),
            ("Median", 155, "center"),
            ("Worst", 180, "center"),
        ],
        row_mm=4.2,
        size=7,
    )
    y = columns.header(y + 6)
    for summary in shapes:
        y = columns.row(y, shape_cells(summary))
    y += 5
    page.heading(y, "Blood flow", f"{FLOW_UNIT}; brackets: 95 % intervals")
    columns = Columns(
        page,
        [
            ("", LEFT_MM, "left"),
            ("", 34, "left"),
            ("Pairs", 52, "right"),
            ("Bias, %", 64, "center"),
            ("Bias", 86.5, "center"),
            ("Limits of\nagreement", 108, "center"),
            ("ICC(A,1)", 129, "center"),
            ("ICC(C,1)", 151.5, "center"),
            ("RC", 171, "right"),
            ("Slope", 184.5, "center"),
        ],
        row_mm=4.0,
        size=6,
    )
    y = columns.header(y + 8)
    for place, flow in enumerate(flows):
        cells = flow_cells(flow)
        new_extent = place > 0 and flows[place - 1].extent != flow.extent
        if new_extent:
            page.rule(y - 2.9, width=0.3)
        y = columns.row(y, cells)
    legend = "RC: repeatability coefficient. Slope: of the difference on the mean (proportional bias)."
    for place, note in enumerate((legend, *interval_notes(flows), paper_flow())):
        y = page.paragraph(LEFT_MM, y + (place == 0), note, width=RIGHT_MM - LEFT_MM, size=6, color="#5c5c5c")
    _slices(page, y + 4, comparison)
    return page


def _slices(page: Page, y: float, comparison: Comparison) -> None:
    """Every slice as a dot, by condition and level."""
    page.heading(y, "Every slice", "bar: median; dashed: mean of the paper; B, M, A: basal, mid, apical")
    groups = [(condition, level) for condition in Condition for level in Level]
    names = [f"{condition.value}\n{level.value[0].upper()}" for condition, level in groups]
    colors = [CONDITION_COLORS[condition] for condition, _ in groups]
    width, gap = 49.0, 13.5
    for place, (label, fields, paper) in enumerate(
        (
            ("Myocardium, Dice", ("myocardium_dice",), 0.80),
            ("RV insertion points, error (mm)", ("anterior_point_mm", "inferior_point_mm"), 2.8),
            ("Contours, mean distance (mm)", ("endocardium_mean_mm", "epicardium_mean_mm"), float("nan")),
        )
    ):
        values = {
            name: np.array(
                [
                    getattr(part.agreement, field)
                    for part in comparison.slices
                    if (part.condition, part.level) == group
                    for field in fields
                ]
            )
            for name, group in zip(names, groups, strict=True)
        }
        axes = page.axes(LEFT_MM + 7 + place * (width + gap), y + 8, width, 36)
        draw_groups(axes, values, label=label, paper=paper, colors=colors)


def _plots(comparison: Comparison, flows: Sequence[FlowSummary]) -> Page:
    page = Page()
    y = 28.0
    page.heading(y, "Per segment", "shaded: 95 % intervals of the bias and of the limits of agreement, over patients")
    y += 6
    height, step = 44.0, 59.0
    for summary in (summary for summary in flows if summary.extent == "segment"):
        _, first, second = flow_pairs(comparison.flows, summary.quantity, summary.extent)
        unit = "" if summary.quantity == "mpr" else FLOW_UNIT
        color, name = COLORS[summary.quantity], "MPR" if summary.quantity == "mpr" else f"MBF, {summary.quantity}"
        plot = page.axes(LEFT_MM + 11, y + 2, 90, height)
        draw_bland_altman(plot, first, second, summary.limits, unit=unit, color=color, title=name)
        identity = page.axes(RIGHT_MM - height - 2, y + 2, height, height)
        draw_identity(identity, first, second, unit=unit, color=color, names=comparison.readings)
        y += step
    return page
