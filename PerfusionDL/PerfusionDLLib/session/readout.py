"""Flow under the mouse in words: what holds first, and no number without its interval and what to check of it."""

import math

from ..data.aha import SEGMENT_NAMES
from ..data.flow import FitStatus
from ..data.precision import INTERVAL_SD
from ..data.table import SegmentRow, SegmentTable
from ..mrml.colors import FLOW_UNIT
from .picking import Pick
from .tasks import Flow

CHECK = "\u26a0"
"""Sign of a number with something to check."""


def readout(pick: Pick, flow: Flow) -> str:
    """What was picked, its value and what to check of it; the reason where a pixel has no flow."""
    row = _rowOf(pick, flow)
    said = f"{namePick(pick, flow)}: "
    if pick.pixel is None:
        said += describeFlow(row, flow.table, str(pick.scan.condition))
    else:
        said += _describePixel(pick, flow, row)
    return said + (f". {_checks(row)}" if row.flags else "")


def namePick(pick: Pick, flow: Flow) -> str:
    """Scan and segment of what was picked; a sign before it where there is something to check."""
    row = _rowOf(pick, flow)
    segment = f"{SEGMENT_NAMES[row.aha_segment]} ({row.aha_segment})" if row.aha_segment else pick.part.name
    return (f"{CHECK} " if row.flags else "") + f"{pick.scan.condition.capitalize()}, {segment}"


def describeRow(row: SegmentRow, table: SegmentTable) -> str:
    """A row of the table under the better known of its conditions, and what to check of it."""
    condition = table.best_condition
    said = f"{condition.capitalize()}, {row.name}: {describeFlow(row, table, condition)}"
    return said + (f". {_checks(row)}" if row.flags else "")


def describeFlow(row: SegmentRow, table: SegmentTable, condition: str) -> str:
    """Flow of a region and its reserve; reserve and flow beside other segments first where flow is not known."""
    region = getattr(row, condition)
    flow = f"{numberText(region.mbf_ml_min_g, region.mbf_interval)} {FLOW_UNIT}"
    reserve = f"MPR {numberText(row.mpr, (row.mpr_low, row.mpr_high))}" if math.isfinite(row.mpr) else ""
    if table.knows_absolute_flow:
        return ", ".join(filter(None, (flow, reserve)))
    relative = percentText(*table.relative_flow(row, condition))
    relative = f"{relative} of the best segments" if relative else ""
    return ", ".join(filter(None, (reserve, relative, f"flow itself is not known ({flow})")))


def _describePixel(pick: Pick, flow: Flow, row: SegmentRow) -> str:
    """A pixel beside its region: what is not known of the region's flow is not known of its pixels either."""
    maps, scan = flow.ofSlice(pick.part), flow.ofScan(pick.scan)
    if maps is None or scan is None:
        raise ValueError(f"the {pick.part.name} slice was picked, but has no flow")
    pixel, condition, table = pick.pixel, str(pick.scan.condition), flow.table
    status = FitStatus(int(maps.status[pixel]))
    if status:
        return f"no flow, {str(status.name).replace('_', ' ').replace('|', ', ').lower()}"
    value, error = float(maps.mbf_ml_min_g[pixel]), float(maps.mbf_se_ml_min_g[pixel])
    if not table.knows_absolute_flow:
        share, noise = value / table.best_flow(condition), INTERVAL_SD * error / value
        return f"{percentText(share, share * math.exp(-noise), share * math.exp(noise))} of the best segments"
    region = getattr(row, condition)
    around = numberText(region.mbf_ml_min_g, region.mbf_interval)
    here = numberText(value, scan.pixel_interval(value, error))
    return f"{here} in this pixel, {around} {FLOW_UNIT} in its {'segment' if row.aha_segment else 'ventricle'}"


def numberText(value: float, interval: tuple[float, float]) -> str:
    """A number with its 95 % interval, a dash for what there is not: ``2.13 [1.42, 3.23]``, ``2.13 [–]``, ``–``."""
    if not math.isfinite(value):
        return "\u2013"
    low, high = interval
    known = math.isfinite(low) and math.isfinite(high)
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if known else f"{value:.2f} [\u2013]"


def percentText(share: float, low: float, high: float) -> str:
    """A share in percent with its 95 % interval where there is one, e.g. ``83 % [77, 90]``; nothing without a share."""
    if not math.isfinite(share):
        return ""
    limits = f"{100 * low:.0f}, {100 * high:.0f}" if math.isfinite(low + high) else "\u2013"
    return f"{100 * share:.0f} % [{limits}]"


def _rowOf(pick: Pick, flow: Flow) -> SegmentRow:
    """The row of the segment that was picked, or that a pixel lies in; that of the ventricle without segments."""
    rows = {row.aha_segment: row for row in flow.table.segments}
    return rows.get(pick.segment, flow.table.whole)


def _checks(row: SegmentRow) -> str:
    return " ".join(f"{CHECK} {flag}" for flag in row.flags_of())
