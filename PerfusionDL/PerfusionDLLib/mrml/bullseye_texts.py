"""What is written on a bullseye: its numbers, which of them are to be checked, and how wide their intervals are."""

import math
from collections.abc import Iterable

from ..data.flag import Severity
from ..data.precision import has_interval
from ..data.table import SegmentRow, SegmentTable
from .colors import FLOW_UNIT

NO_VALUE = "\u2013"
TO_CHECK = "?"
"""Behind a number with something to check, and behind the title where something concerns all numbers."""

Interval = tuple[float, float, float]
"""A number and the limits of its 95 % interval."""


def flowTexts(table: SegmentTable, condition: str, *, isAbsolute: bool) -> tuple[str, dict[int, str]]:
    """Title and numbers by AHA segment: flow, mL/min/g, or percent of the four best segments.

    The title says the wider half of the widest interval: at 1366 x 768 a segment has no room for its own.
    """
    title = f"{condition.capitalize()} {FLOW_UNIT if isAbsolute else '% of best'}"
    shown = {row.aha_segment or 0: _flow(row, table, condition, isAbsolute=isAbsolute) for row in table.segments}
    toCheck = {row.aha_segment or 0 for row in table.segments if _needsCheck(row, condition)}
    texts = {number: _text(one, number in toCheck, percent=not isAbsolute) for number, one in shown.items()}
    return _titleText(title, shown.values(), _needsCheck(table.whole, condition)), texts


def reserveTexts(table: SegmentTable) -> tuple[str, dict[int, str]]:
    """Title and numbers by AHA segment of the reserve, without unit."""
    shown = {row.aha_segment or 0: (row.mpr, row.mpr_low, row.mpr_high) for row in table.segments}
    toCheck = {row.aha_segment or 0 for row in table.segments if _needsCheck(row)}
    texts = {number: _text(one, number in toCheck) for number, one in shown.items()}
    return _titleText("MPR", shown.values(), _needsCheck(table.whole)), texts


def _flow(row: SegmentRow, table: SegmentTable, condition: str, *, isAbsolute: bool) -> Interval:
    if not isAbsolute:
        return table.relative_flow(row, condition)
    region = getattr(row, condition)
    return region.mbf_ml_min_g, *region.mbf_interval


def _needsCheck(row: SegmentRow, condition: str | None = None) -> bool:
    """Whether there is something to check; a note, e.g. that flow lies below a limit, is none."""
    return any(flag.severity is not Severity.NOTE for flag in row.flags_of(condition))


def _text(shown: Interval, isToCheck: bool, *, percent: bool = False) -> str:
    value = shown[0]
    if not math.isfinite(value):
        return NO_VALUE
    text = f"{100 * value:.0f}" if percent else f"{value:.2f}"
    return text + (TO_CHECK if isToCheck or not has_interval(*shown) else "")


def _titleText(title: str, shown: Iterable[Interval], isToCheck: bool) -> str:
    """The title with how far the numbers may be off, e.g. ``MPR \u00b128 %?``."""
    known = [one for one in shown if has_interval(*one) and one[0] > 0]
    widest = max((max(high / value, 2 - low / value) for value, low, high in known), default=math.nan) - 1
    width = f" \u00b1{100 * widest:.0f} %" if math.isfinite(widest) else ""
    return title + width + (TO_CHECK if isToCheck else "")
