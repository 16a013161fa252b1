"""What the results folder holds, back as values."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ..data.flag import CONDITIONS, flags_from
from ..data.provenance import provenance_from
from ..data.table import RegionFlow, SegmentRow, SegmentTable

ROW_NUMBERS = [one.name for one in fields(SegmentRow) if one.type is float]
"""Numbers of a row of the table beside its two flows, by name."""


def read_image(path: Path) -> np.ndarray:
    """The (Y, X) image that `write_image` wrote."""
    import SimpleITK

    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0]


def read_table(text: str) -> SegmentTable:
    """The table that `table_json` wrote."""
    document = json.loads(text)
    return SegmentTable(
        segments=tuple(map(_row, document["segments"])),
        territories=tuple(map(_row, document["territories"])),
        whole=_row(document["whole"]),
        provenance=provenance_from(document["provenance"]),
    )


def _row(stored: dict) -> SegmentRow:
    flows = {condition: _flow(stored[condition]) for condition in CONDITIONS}
    known = {one.name: stored[one.name] for one in fields(SegmentRow) if one.name in stored}
    numbers = {name: float("nan") if stored.get(name) is None else stored[name] for name in ROW_NUMBERS}
    flags = flags_from(stored["flags"], stored.get("findings"))
    return SegmentRow(**(known | flows | numbers | {"flags": flags}))


def _flow(stored: dict) -> RegionFlow:
    known: dict[str, Any] = {one.name: stored[one.name] for one in fields(RegionFlow) if one.name in stored}
    known |= {name: float("nan") for name, value in known.items() if value is None}
    return RegionFlow(**known)
