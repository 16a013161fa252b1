"""The numbers as cells of a table: what stands in each of them, and on what color."""

import math
from dataclasses import dataclass

import slicer

from ..data.flag_codes import FlagCode
from ..data.table import SegmentRow, SegmentTable
from ..mrml.colors import RESERVE_END
from ..session import CHECK, numberText, percentText

COLUMNS = ("Segment", "Stress", "Rest", "MPR")
WITHOUT_ABSOLUTE_FLOW = ("Segment", "MPR", "Relative", "Stress", "Rest")
"""What holds first: reserve, and flow beside the four best segments."""

BELOW_COLOR = (0.84, 0.37, 0.0)
"""Vermilion of the palette of Okabe and Ito: in neither of the two scales, and told apart by the color-blind."""

OUT_OF_DATE_COLOR = (0.7, 0.7, 0.7)


@dataclass(frozen=True)
class Cell:
    """What stands in a cell; color : red, green and blue (0 to 1), None where it is that of the table."""

    text: str
    tip: str = ""
    color: tuple[float, ...] | None = None


@dataclass(frozen=True)
class Scales:
    """Color tables, and the flow at the end of the first one, mL/min/g."""

    flow: slicer.vtkMRMLColorTableNode
    ratio: slicer.vtkMRMLColorTableNode
    flow_end_ml_min_g: float


def columnsOf(table: SegmentTable) -> tuple[str, ...]:
    """Which columns there are, what holds first on the left."""
    return COLUMNS if table.knows_absolute_flow else WITHOUT_ABSOLUTE_FLOW


def rowsOf(table: SegmentTable) -> tuple[SegmentRow, ...]:
    """Segments, territories and the whole ventricle."""
    return (*table.segments, *table.territories, table.whole)


def cellsOf(table: SegmentTable, scales: Scales, *, isCurrent: bool) -> list[tuple[Cell, ...]]:
    """The cells of every row; numbers that are out of date are gray."""
    rows = []
    for row in rowsOf(table):
        cells = _cellsOfRow(row, table, scales, isCurrent=isCurrent)
        rows.append(tuple(cells[column] for column in columnsOf(table)))
    return rows


def _cellsOfRow(row: SegmentRow, table: SegmentTable, scales: Scales, *, isCurrent: bool) -> dict[str, Cell]:
    low, name = quantitiesBelow(row), (f"{CHECK} " if row.flags else "") + shortName(row)
    cells = {"Segment": Cell(name, "\n".join([row.name, *map(str, row.flags)]))}

    def color(colors: slicer.vtkMRMLColorTableNode, share: float, quantity: str) -> tuple[float, ...] | None:
        if not math.isfinite(share):
            return None
        if not isCurrent:
            return OUT_OF_DATE_COLOR
        return BELOW_COLOR if quantity in low else _colorAt(colors, share)

    for column, region in (("Stress", row.stress), ("Rest", row.rest)):
        painted = color(scales.flow, region.mbf_ml_min_g / scales.flow_end_ml_min_g, column.lower())
        if isCurrent and not table.knows_absolute_flow:
            painted = None  # a color would be read as flow
        cells[column] = Cell(numberText(region.mbf_ml_min_g, region.mbf_interval), color=painted)
    painted = color(scales.ratio, row.mpr / RESERVE_END, "mpr")
    cells["MPR"] = Cell(numberText(row.mpr, (row.mpr_low, row.mpr_high)), color=painted)
    if not table.knows_absolute_flow:
        best = table.best_condition
        relative, *limits = table.relative_flow(row, best)
        text = percentText(relative, *limits) or "\u2013"
        tip = f"Flow under {best}, of the four best segments."
        cells["Relative"] = Cell(text, tip, color(scales.flow, relative, "relative"))
    return cells


def _colorAt(colors: slicer.vtkMRMLColorTableNode, share: float) -> tuple[float, ...]:
    return colors.GetLookupTable().GetTableValue(int(255 * min(max(share, 0.0), 1.0)))[:3]


def shortName(row: SegmentRow) -> str:
    """Number and place of a segment in as few letters as the table has room for, else the name of the region.

    The numbers are those of the AHA: 1 to 6 basal, 7 to 12 mid, 13 to 16 apical.
    """
    if row.aha_segment is None:
        return row.name
    level, _blank, place = row.name.partition(" ")
    return f"{row.aha_segment} {level[0].upper()} {place}"


def quantitiesBelow(row: SegmentRow) -> set[str]:
    """Which of stress, rest and mpr lie below the threshold that the user chose."""
    return {str(flag.values["quantity"]) for flag in row.flags if flag.code is FlagCode.BELOW_THRESHOLD}
