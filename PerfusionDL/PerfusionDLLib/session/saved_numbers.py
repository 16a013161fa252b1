"""Whether flow, computed anew for a scene that was opened, is what the scene was saved with."""

import math
from dataclasses import dataclass

import slicer

from ..data.study import Condition

COLUMNS = ("Rest MBF", "Stress MBF", "MPR")
ROUNDING = 0.011
"""The table keeps two decimals: numbers that are no farther apart are the same."""


@dataclass(frozen=True)
class SavedNumbers:
    """Flow and reserve of a segment table in the scene, by column and region, and the software that computed them."""

    values: dict[tuple[str, str], float]
    software: str


def readNumbers(table: slicer.vtkMRMLTableNode | None) -> SavedNumbers | None:
    """The numbers of a segment table; None where there is none."""
    if table is None or table.GetNumberOfColumns() == 0:
        return None
    titles = {table.GetColumnName(column): column for column in range(table.GetNumberOfColumns())}
    values = {
        (title, table.GetCellText(row, 0)): _number(table.GetCellText(row, titles[title]))
        for title in COLUMNS
        if title in titles
        for row in range(table.GetNumberOfRows())
    }
    software = (table.GetAttribute(f"PerfusionDL.{condition}_software") for condition in Condition)
    return SavedNumbers(values, next(filter(None, software), ""))


def describeMoved(saved: SavedNumbers | None, now: SavedNumbers | None) -> str:
    """How far numbers are from those that the scene was saved with, in words; "" where they are the same."""
    if saved is None or now is None:
        return ""
    pairs = [(value, now.values[key]) for key, value in saved.values.items() if key in now.values]
    pairs = [pair for pair in pairs if not all(map(math.isnan, pair))]  # what no slice shows is no number
    moved = [abs(new / old - 1) for old, new in pairs if abs(new - old) > ROUNDING and old > 0]
    moved += [math.inf for old, new in pairs if math.isnan(old) != math.isnan(new)]
    if not moved:
        return ""
    most = max(moved)
    far = f"by up to {100 * most:.0f} %" if math.isfinite(most) else "some of them are new or gone"
    software = saved.software or "unknown version"
    return f"The scene was saved with other numbers ({software}): {len(moved)} of {len(pairs)} differ, {far}."


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
