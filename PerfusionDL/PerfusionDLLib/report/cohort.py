"""The tables of many studies as one: a row per study, condition and segment, and which studies to look at first."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from statistics import median
from typing import Any

from .. import NOTICE
from ..data.table import RegionFlow, SegmentRow, SegmentTable
from .tables import FLOW_COLUMNS, MADE_WITH, _cell, _written, measured

CONDITIONS = ("rest", "stress")
PER_CONDITION = (*MADE_WITH, "contours")
FAR = 3.5  # robust standard deviations from the median: Iglewicz B, Hoaglin DC, 1993
FEWEST = 8  # studies, before one of them can be called far from the others
FAILED_SHARE = 0.2


@dataclass(frozen=True)
class StudyReading:
    """What a cohort needs of one study: its table, and the lowest confidence of each part of its contours."""

    table: SegmentTable
    confidences: Mapping[str, float]


def table_from_json(text: str) -> SegmentTable:
    """The table that `table_json` wrote."""
    document = json.loads(text)
    return SegmentTable(
        segments=tuple(map(_row, document["segments"])),
        territories=tuple(map(_row, document["territories"])),
        whole=_row(document["whole"]),
        provenance=document["provenance"],
    )


def _row(stored: dict) -> SegmentRow:
    flows = {condition: _flow(stored[condition]) for condition in CONDITIONS}
    mpr = float("nan") if stored["mpr"] is None else stored["mpr"]
    return SegmentRow(**(stored | flows | {"mpr": mpr, "flags": tuple(stored["flags"])}))


def _flow(stored: dict) -> RegionFlow:
    known: dict[str, Any] = {one.name: stored[one.name] for one in fields(RegionFlow) if one.name in stored}
    known |= {name: float("nan") for name, value in known.items() if value is None}
    return RegionFlow(**known)


def cohort_csv(studies: Mapping[str, SegmentTable]) -> str:
    """One row per study, condition and AHA segment, in this order; a missing value is an empty field.

    The reserve of a segment (``mpr``) stands in its row of either condition. ``flags`` are those of the segment,
    ``study_flags`` those that cast doubt on the whole study under this condition.
    """
    rows = []
    for study, table in sorted(studies.items()):
        for condition in measured(table):
            about = {name: table.provenance.get(f"{condition}_{name}", "") for name in PER_CONDITION}
            doubts = " | ".join(flags_of(table.whole, condition))
            for row in sorted(table.segments, key=lambda row: row.aha_segment or 0):
                flow = getattr(row, condition)
                values: dict[str, object] = {
                    "study": study,
                    "condition": condition,
                    "aha_segment": row.aha_segment,
                    "name": row.name,
                }
                values |= {"level": str(row.level), "territory": row.territory, "mbf_ml_min_g": flow.mbf_ml_min_g}
                values |= {column: getattr(flow, name) for name, column in FLOW_COLUMNS.items()}
                values |= {"mpr": row.mpr, "flags": " | ".join(flags_of(row, condition)), "study_flags": doubts}
                rows.append({name: _cell(value) for name, value in (values | about | {"notice": NOTICE}).items()})
    return _written(rows)


def flags_of(row: SegmentRow, condition: str) -> list[str]:
    """What is said about a row under one condition."""
    return [flag.removeprefix(f"{condition}: ") for flag in row.flags if flag.startswith(f"{condition}: ")]


def flag_counts(studies: Mapping[str, StudyReading]) -> list[tuple[str, int]]:
    """Each flag on a whole study, and the number of studies that have it, the most frequent first.

    Numbers within a flag are left out, so that the same doubt counts once whatever its value.
    """
    counts = Counter(
        flag
        for one in studies.values()
        for flag in {"".join("#" if letter.isdigit() else letter for letter in flag) for flag in one.table.whole.flags}
    )
    shown = Counter({_joined(flag): 0 for flag in counts})
    for flag, count in counts.items():
        shown[_joined(flag)] += count
    return sorted(shown.items(), key=lambda item: (-item[1], item[0]))


def _joined(flag: str) -> str:
    """Runs of left-out digits as one sign.

    >>> _joined("a global flow of #.# mL/min/g; ##.## is expected")
    'a global flow of # mL/min/g; # is expected'
    """
    for run in ("#.#", "##"):
        while run in flag:
            flag = flag.replace(run, "#")
    return flag


def look_first(studies: Mapping[str, StudyReading]) -> list[tuple[str, list[str]]]:
    """Studies with reasons to doubt them, those with the most reasons first."""
    reasons: dict[str, list[str]] = {study: [] for study in studies}
    for name, value_of in GLOBAL.items():
        for study, distance in far(values(studies, value_of)).items():
            value = value_of(studies[study].table.whole)
            side = "above" if distance > 0 else "below"
            reasons[study].append(f"{name} {value:.2f} is far {side} the cohort's")
    for study, one in studies.items():
        reasons[study] += [flag.rstrip(".") for flag in one.table.whole.flags]
        for condition in measured(one.table):
            bad = [
                row.aha_segment
                for row in one.table.segments
                if getattr(row, condition).failed_share > FAILED_SHARE and getattr(row, condition).pixels
            ]
            if bad:
                reasons[study].append(f"{condition}: many pixels without flow in segments {', '.join(map(str, bad))}")
    for part in sorted({part for one in studies.values() for part in one.confidences}):
        known = {study: one.confidences[part] for study, one in studies.items() if part in one.confidences}
        for study, distance in far(known).items():
            if distance < 0:
                reasons[study].append(f"the {part.replace('_', ' ')} is less sure ({known[study]:.2f}) than elsewhere")
    return sorted(((study, why) for study, why in reasons.items() if why), key=lambda item: (-len(item[1]), item[0]))


GLOBAL = {
    "rest MBF": lambda row: row.rest.mbf_ml_min_g,
    "stress MBF": lambda row: row.stress.mbf_ml_min_g,
    "MPR": lambda row: row.mpr,
}


def values(studies: Mapping[str, StudyReading], value_of) -> dict[str, float]:
    """A finite number of the whole ventricle by study."""
    found = {study: value_of(one.table.whole) for study, one in studies.items()}
    return {study: value for study, value in found.items() if math.isfinite(value)}


def far(numbers: Mapping[str, float]) -> dict[str, float]:
    """Studies far from the others: their distance from the median in robust standard deviations.

    >>> list(far({**{str(i): 1 + i / 10 for i in range(9)}, "x": 9.0}))
    ['x']
    """
    if len(numbers) < FEWEST:
        return {}
    middle = median(numbers.values())
    spread = 1.4826 * median(abs(value - middle) for value in numbers.values())
    if not spread:
        return {}
    distances = {name: (value - middle) / spread for name, value in numbers.items()}
    return {name: distance for name, distance in distances.items() if abs(distance) > FAR}
