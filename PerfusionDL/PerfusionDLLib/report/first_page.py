"""The first page of the report: pictures, bullseyes and the table, in the order in which they are dictated."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.ticker import MaxNLocator

from ..data.flow import PerfusionMaps
from ..data.result import StudyResult
from ..data.table import SegmentRow, SegmentTable
from .figures import (
    FLOW_COLORS,
    FLOW_UNIT,
    colormap,
    draw_bullseyes,
    draw_contours,
    draw_flow,
    draw_scale,
    field_mm,
    flow_scale,
    slice_title,
)
from .page import LEADING_MM, LEFT_MM, RIGHT_MM, Columns, Page, wrap_text
from .tables import describe_measured, rows_of
from .text_table import (
    flag_letters,
    flag_notes,
    flow_interval,
    flow_with_interval,
    interval,
    number,
    percent,
    ratio_interval,
)

GAP_MM = 1.2
BAR_MM = 11.0
LARGEST_MM = 42.0
HEIGHT_MM = 56.0  # of all pictures
NOTE_SIZE = 6.0
OF_BEST = "of the four best segments"
Interval = tuple[float, float, float]
"""A number and the limits of its 95 % interval."""
FEW_LINES, MOST_LINES = 4, 6  # of flags below a table in large type, and in small type; more are on the next page


def findings_page(result: StudyResult, comment: str = "") -> Page:
    """Summary, comment of the reader, contours beside flow maps, four bullseyes, the table of segments with flags."""
    page, table = Page(), result.table
    y = 27.5
    y = page.paragraph(LEFT_MM, y, summary(table), width=RIGHT_MM - LEFT_MM, size=8)
    if refer_to_global_flags(table):
        y = page.paragraph(
            LEFT_MM, y, refer_to_global_flags(table), width=RIGHT_MM - LEFT_MM, size=8, fontweight="bold"
        )
    if comment:
        y = page.paragraph(LEFT_MM, y, f"Comment of the reader: {comment}", width=RIGHT_MM - LEFT_MM, size=8)
    y = _pictures(page, y + 4, result)
    y = _bullseyes(page, y + 5, result.maps, table)
    _table(page, y + 5, table)
    return page


def refer_to_global_flags(table: SegmentTable) -> str:
    """Which flags are of the whole ventricle, so that they concern every number; nothing where there is none."""
    letters = flag_letters(rows_of(table))
    named = sorted(letters[flag.text_with_condition] for flag in table.whole.flags)
    where = "on the next page" if flags_overflow(table) else "below the table"
    return f"Read first: flags of the whole ventricle ({', '.join(named)}), {where}." if named else ""


def summary(table: SegmentTable) -> str:
    """What the table says in a few sentences: the whole ventricle, then the lowest segment."""
    if not table.knows_absolute_flow:
        return _summary_without_absolute_flow(table)
    parts = [*_flows(table.whole), *_reserve(table.whole)]
    sentences = [f"Left ventricle: {', '.join(parts)}." if parts else "No flow was computed."]
    condition = table.best_condition
    sentences.append(_lowest(table, f"{condition} MBF", lambda row: _flow(row, condition), FLOW_UNIT))
    sentences.append(_lowest(table, "MPR", _mpr))
    return " ".join(filter(None, sentences))


def _summary_without_absolute_flow(table: SegmentTable) -> str:
    """What holds first: the reserve, and flow beside the best segments of the scan; absolute flow last."""
    condition = table.best_condition
    reserve = ", ".join(_reserve(table.whole))
    sentences = [
        f"Left ventricle: {reserve}." if reserve else "",
        _lowest(table, "MPR", _mpr),
        _lowest(table, f"{condition} flow", lambda row: table.relative_flow(row, condition), OF_BEST),
        f"Absolute flow is not known: {', '.join(_flows(table.whole))}.",
    ]
    return " ".join(filter(None, sentences))


def _flows(whole: SegmentRow) -> list[str]:
    """Flow under each condition, with its interval."""
    return [
        f"{name} MBF {flow_with_interval(flow)} {FLOW_UNIT}"
        for name, flow in (("rest", whole.rest), ("stress", whole.stress))
        if np.isfinite(flow.mbf_ml_min_g)
    ]


def _reserve(whole: SegmentRow) -> list[str]:
    if not np.isfinite(whole.mpr):
        return []
    said = f"MPR {number(whole.mpr)} {interval(whole.mpr_low, whole.mpr_high, 1)}".rstrip()
    below = whole.mpr_below_2_probability
    if not np.isfinite(below):
        return [said]
    return [said, f"below 2 with a probability of {100 * np.clip(below, 0.01, 0.99):.0f} %"]


def _flow(row: SegmentRow, condition: str) -> Interval:
    flow = getattr(row, condition)
    return (flow.mbf_ml_min_g, *flow.mbf_interval)


def _mpr(row: SegmentRow) -> Interval:
    return row.mpr, row.mpr_low, row.mpr_high


def _lowest(table: SegmentTable, what: str, find: Callable[[SegmentRow], Interval], unit: str = "") -> str:
    known = [row for row in table.segments if np.isfinite(find(row)[0])]
    if not known:
        return ""
    lowest = min(known, key=lambda row: find(row)[0])
    value, low, high = find(lowest)
    said = " ".join(filter(None, (number(value), interval(low, high), unit)))
    return f"Lowest {what}: segment {lowest.aha_segment} ({lowest.name}), {said}."


def _pictures(page: Page, y: float, result: StudyResult) -> float:
    """A row per condition: the slices with their contours on the left, their flow maps on the right."""
    field, scale = field_mm(result.scans), flow_scale(result.maps)
    columns = max(len(scan.slices) for scan in result.maps)
    side = (RIGHT_MM - LEFT_MM - BAR_MM - 6 - (2 * columns - 1) * GAP_MM - 2.5) / (2 * columns)
    side = min(side, LARGEST_MM, HEIGHT_MM / len(result.maps))
    left_block = LEFT_MM + 6
    right_block = left_block + columns * (side + GAP_MM) + 2.5
    page.heading(
        y,
        "Contours and blood flow",
        f"at the LV peak, {field:.0f} mm wide; \u25b2 anterior, \u25bc inferior RV insertion; dotted: box; "
        "white: no trustworthy flow",
    )
    y += 6
    top = y
    for row, (scan, flow) in enumerate(zip(result.scans, result.maps, strict=True)):
        page.text(
            LEFT_MM + 3,
            y + side / 2,
            scan.condition.value.capitalize(),
            size=8,
            fontweight="bold",
            rotation=90,
            ha="center",
            va="center",
        )
        for column, (part, part_flow) in enumerate(zip(scan.slices, flow.slices, strict=True)):
            x = column * (side + GAP_MM)
            title = slice_title(part, part_flow)
            contours = page.axes(left_block + x, y, side, side)
            draw_contours(contours, part, field=field, title="" if row else title)
            shaded = page.axes(right_block + x, y, side, side)
            draw_flow(shaded, part, part_flow, scale=scale, field=field, title="" if row else title)
            contours.text(
                0.03,
                0.03,
                f"frame {part.contours.peak_frame + 1}",
                transform=contours.transAxes,
                color="white",
                fontsize=6,
            )
        y += side + GAP_MM
    bar_axes = page.axes(right_block + columns * (side + GAP_MM), top, 2.0, y - GAP_MM - top)
    draw_scale(bar_axes, ScalarMappable(scale, colormap(FLOW_COLORS)))
    bar_axes.yaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10)))
    bar_axes.set_ylabel(f"MBF ({FLOW_UNIT})", labelpad=3)
    return y


def _bullseyes(page: Page, y: float, maps: Sequence[PerfusionMaps], table: SegmentTable) -> float:
    page.heading(
        y,
        "AHA segments",
        "MBF: every pixel, and the mean of each segment; bold lines bound coronary territories",
    )
    y += 6
    side = 44.0
    step = (RIGHT_MM - LEFT_MM - side) / 3
    panels = [page.axes(LEFT_MM + index * step, y, side, side) for index in range(4)]
    for index, colored in enumerate(draw_bullseyes(panels, maps, table)):
        bar = page.axes(LEFT_MM + index * step + side * 0.2, y + side + 0.3, side * 0.6, 1.6)
        draw_scale(bar, colored, horizontal=True)
    return y + side + 6


def _table(page: Page, y: float, table: SegmentTable) -> None:
    """Segments, then territories and the whole; letters refer to the flags below."""
    halves = "endo/epi: inner over outer half (–: wall too thin)"
    page.heading(y, "Table", f"{FLOW_UNIT} [95 % interval]; {halves}; failed: pixels without a flow")
    conditions = describe_measured(table)
    places = [("AHA", 20.0, "right"), ("Segment", 22.5, "left"), ("", 51.0, "left")]
    for condition, x in zip(conditions, (60.0, 110.5), strict=False):
        places += [("MBF", x + 5, "right"), ("", x + 5.8, "left")]
        places += [("endo/epi", x + 33, "right"), ("", x + 33.8, "left")]
        page.text(x + 23.5, y + 5, condition.capitalize(), size=6.5, ha="center", fontweight="bold")
        page.rule(y + 5.8, x0=x, x1=x + 47, width=0.4)
    places += [("MPR", 165.5, "right"), ("", 166.2, "left")] if len(conditions) == 2 else []
    edge = 195.5 if len(conditions) == 2 else 136.0
    places += [("failed, %", edge - 8.5, "right"), ("flags", edge, "right")]
    notes = flag_notes(table)
    lines = wrap_text("; ".join(notes), RIGHT_MM - LEFT_MM - 32, NOTE_SIZE)
    row_mm, size = (4.0, 7.0) if len(lines) <= FEW_LINES else (3.75, 6.5)
    columns = Columns(page, places, row_mm=row_mm, size=size)
    letters = flag_letters(rows_of(table))
    y = columns.header(y + 8.8)
    for row in rows_of(table):
        shade = "#f1f1f1" if row.aha_segment is None or row.level == "mid" else ""
        y = columns.row(y, _cells(row, conditions, letters), bold=row is table.whole, shade=shade)
    page.rule(y - 2.6, width=0.4)
    origins = sorted({flow.origin for row in table.segments for flow in (row.rest, row.stress) if flow.origin})
    if origins:
        page.text(RIGHT_MM, y + 0.8, f"Contours: {', '.join(origins)}.", size=NOTE_SIZE, color="#5c5c5c", ha="right")
    if flags_overflow(table):
        lines = ["What the flags mean stands on the next page."]
    for line in lines:
        page.text(LEFT_MM, y + 0.8, line, size=NOTE_SIZE)
        y += NOTE_SIZE * LEADING_MM


def flags_overflow(table: SegmentTable) -> bool:
    """Whether the meaning of the flags needs more room than there is below the table."""
    return len(wrap_text("; ".join(flag_notes(table)), RIGHT_MM - LEFT_MM - 32, NOTE_SIZE)) > MOST_LINES


def _cells(row: SegmentRow, conditions: Sequence[str], letters: Mapping[str, str]) -> list[str]:
    flows = [getattr(row, condition) for condition in conditions]
    cells = ["" if row.aha_segment is None else str(row.aha_segment), row.name]
    cells.append(row.territory if row.aha_segment is not None else "")
    for flow in flows:
        cells += [number(flow.mbf_ml_min_g), flow_interval(flow)]
        cells += [number(flow.endo_epi_ratio), ratio_interval(flow)]
    cells += [number(row.mpr), interval(row.mpr_low, row.mpr_high, 1)] if len(conditions) == 2 else []
    failed = "/".join(percent(flow.failed_share) for flow in flows if flow.pixels)
    return [*cells, failed, short_list(sorted(letters[flag.text_with_condition] for flag in row.flags))]


def short_list(names: Sequence[str], *, most: int = 3) -> str:
    """Names for a narrow cell; of many the first and the last.

    >>> short_list("abc"), short_list("abcdef")
    ('a,b,c', 'a … f')
    """
    return ",".join(names) if len(names) <= most else f"{names[0]} … {names[-1]}"
