"""The segment table for people: aligned columns, letters of flags, numbers with their intervals."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from string import ascii_lowercase

from .. import NOTICE
from ..data.table import RegionFlow, SegmentRow, SegmentTable
from .tables import describe_measured, rows_of


def table_text(table: SegmentTable) -> str:
    """The table for a console, less than 110 columns wide: aligned, a dash where there is no value, flags below."""
    conditions = describe_measured(table)
    header = ["AHA", "Segment", "Artery", *(f"{name.capitalize()} MBF" for name in conditions)]
    if len(conditions) == 2:
        header.append("MPR")
    header += ["Fail %", "Flags"]
    groups = [sorted(table.segments, key=lambda row: row.aha_segment or 0), table.territories, (table.whole,)]
    letters = flag_letters([row for rows in groups for row in rows])
    lines = [[_text(row, conditions, letters) for row in rows] for rows in groups]
    widths = [max(len(cell) for cell in column) for column in zip(header, *chain(*lines), strict=True)]
    left = {"Segment", "Artery", "Flags"}

    def aligned(cells: Iterable[str]) -> str:
        pairs = zip(header, cells, widths, strict=True)
        return "  ".join(f"{c:<{w}}" if name in left else f"{c:>{w}}" for name, c, w in pairs).rstrip()

    width = sum(widths) + 2 * (len(widths) - 1)
    blocks = ["\n".join(aligned(cells) for cells in block) for block in lines if block]
    legend = "MBF in mL/min/g, MPR [95 % interval]" if len(conditions) == 2 else "MBF in mL/min/g [95 % interval]"
    if len(conditions) == 2:
        legend += "; failed pixels: rest, stress"
    notes = [f"{legend}. Contours: {', '.join(_origins(table)) or 'not stated'}. {NOTICE}."]
    notes += [f"{letter}: {flag}" for flag, letter in letters.items()]
    notes = [textwrap.fill(note, max(width, 60), subsequent_indent="   ") for note in notes]
    return f"\n{'-' * width}\n".join([aligned(header), *blocks, "\n".join(notes)])


def flag_notes(table: SegmentTable) -> list[str]:
    """Every different flag of the table after its letter."""
    return [f"{letter}: {flag.removesuffix('.')}" for flag, letter in flag_letters(rows_of(table)).items()]


def flag_letters(rows: Sequence[SegmentRow]) -> dict[str, str]:
    """A letter for the text of each different flag, in the order of the table; two letters after z."""
    flags = dict.fromkeys(flag.text_with_condition for row in rows for flag in row.flags)
    names = [first + second for first in ("", *ascii_lowercase) for second in ascii_lowercase]
    return dict(zip(flags, names, strict=False))


def _origins(table: SegmentTable) -> list[str]:
    return sorted({flow.origin for row in table.segments for flow in (row.rest, row.stress) if flow.origin})


def _text(row: SegmentRow, conditions: Sequence[str], letters: Mapping[str, str]) -> list[str]:
    flows = [getattr(row, name) for name in conditions]
    cells = ["" if row.aha_segment is None else str(row.aha_segment), row.name]
    cells.append(row.territory if row.aha_segment is not None else "")
    cells += [flow_with_interval(flow) for flow in flows]
    if len(conditions) == 2:
        cells.append(f"{number(row.mpr, 1)} {interval(row.mpr_low, row.mpr_high, 1)}".rstrip())
    cells.append(" ".join(f"{percent(flow.failed_share):>2}" for flow in flows))
    return [*cells, ", ".join(letters[flag.text_with_condition] for flag in row.flags)]


def number(value: float, digits: int = 2) -> str:
    """A number for people, a dash where there is none, no sign before a zero.

    >>> number(1.234), number(float("nan")), number(-0.001)
    ('1.23', '–', '0.00')
    """
    return f"{value:z.{digits}f}" if math.isfinite(value) else "–"


def percent(share: float) -> str:
    """A share in percent without its sign; a small one is not rounded to none.

    >>> percent(0.12), percent(0.001), percent(0.0)
    ('12', '<1', '0')
    """
    if not math.isfinite(share):
        return "–"
    return "<1" if 0 < share < 0.005 else f"{100 * share:.0f}"


def interval(low: float, high: float, digits: int = 2) -> str:
    """A 95 % interval in brackets; nothing where there is none.

    >>> interval(1.234, 2.0), interval(1.2, float("nan"))
    ('[1.23–2.00]', '')
    """
    return f"[{low:.{digits}f}–{high:.{digits}f}]" if math.isfinite(low + high) else ""


def flow_interval(flow: RegionFlow) -> str:
    """The 95 % interval of a flow in brackets; nothing where there is none."""
    return interval(flow.mbf_low_ml_min_g, flow.mbf_high_ml_min_g)


def ratio_interval(flow: RegionFlow) -> str:
    """The 95 % interval of the endo/epi ratio in brackets, one decimal; nothing where there is none."""
    return interval(flow.endo_epi_ratio_low, flow.endo_epi_ratio_high, 1)


def flow_with_interval(flow: RegionFlow) -> str:
    """Flow and its interval in one cell."""
    return f"{number(flow.mbf_ml_min_g)} {flow_interval(flow)}".rstrip()
