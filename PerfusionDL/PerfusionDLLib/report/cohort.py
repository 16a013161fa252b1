"""The tables of many studies as one: a row per study, condition and segment, and which studies to review first."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from .. import NOTICE
from ..data.flag import Flag, FlagCode, codes_of
from ..data.table import SegmentRow, SegmentTable
from .tables import FLOW_COLUMNS, MADE_WITH, cell_text, csv_text, describe_measured

NO_DECISIONS: Mapping[str, str] = {}
PER_CONDITION = (*MADE_WITH, "contours")
OUTLIER_DISTANCE = 3.5
"""Robust standard deviations from the median (Iglewicz B, Hoaglin DC, How to detect and handle outliers, 1993)."""
FEWEST_STUDIES = 8
"""Studies from which one of them can be far from the others; chosen."""


@dataclass(frozen=True)
class StudyReading:
    """What a cohort needs of one study: its table, and the lowest confidence of each part of its contours."""

    table: SegmentTable
    confidences: Mapping[str, float]


def cohort_csv(studies: Mapping[str, SegmentTable], decisions: Mapping[str, str] = NO_DECISIONS) -> str:
    """One row per study, condition and AHA segment, in this order; a missing value is an empty field.

    The reserve of a segment (``mpr``) stands in its row of either condition. ``flags`` are those of the segment,
    ``study_flags`` those that concern the whole study under this condition; ``flag_codes`` and ``study_flag_codes``
    are their codes. ``review`` is what a reader decided about the study.
    """
    rows = []
    for study, table in sorted(studies.items()):
        for condition in describe_measured(table):
            about = {name: table.provenance.of_scan(condition).get(name, "") for name in PER_CONDITION}
            of_study = find_flags(table.whole, condition)
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
                flags = find_flags(row, condition)
                values |= {"mpr": row.mpr, "mpr_low": row.mpr_low, "mpr_high": row.mpr_high}
                values |= {"flags": _texts(flags), "study_flags": _texts(of_study)}
                values |= {"flag_codes": _codes(flags), "study_flag_codes": _codes(of_study)}
                last = {"notice": NOTICE, "review": decisions.get(study, "")}
                rows.append({name: cell_text(value) for name, value in (values | about | last).items()})
    return csv_text(rows)


def _texts(flags: Iterable[Flag]) -> str:
    return " | ".join(flag.text for flag in flags)


def _codes(flags: Iterable[Flag]) -> str:
    return " | ".join(codes_of(flags))


def find_flags(row: SegmentRow, condition: str) -> list[Flag]:
    """Findings about a row under one condition."""
    return [flag for flag in row.flags if flag.where.condition == condition]


def count_flags(studies: Mapping[str, StudyReading]) -> list[tuple[str, int]]:
    """The meaning of each flag on a whole study, and the number of studies that have it, the most frequent first."""
    counts = Counter(
        meaning
        for one in studies.values()
        for meaning in {_meaning_with_condition(flag) for flag in one.table.whole.flags}
    )
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _meaning_with_condition(flag: Flag) -> str:
    """What a flag means whatever its values; the text of a flag of another version, of which no more is known."""
    if flag.code is FlagCode.OTHER_VERSION:
        return flag.text_with_condition
    return f"{flag.where.condition}: {flag.code.meaning}" if flag.where.condition else flag.code.meaning


def list_studies_to_review(studies: Mapping[str, StudyReading]) -> list[tuple[str, list[str]]]:
    """Studies with reasons to review them, those with the most reasons first."""
    found = [*_flows_far_from_others(studies), *_flagged(studies), *_parts_less_certain(studies)]
    reasons: dict[str, list[str]] = {}
    for study, reason in found:
        reasons.setdefault(study, []).append(reason)
    return sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0]))


def _flows_far_from_others(studies: Mapping[str, StudyReading]) -> Iterator[tuple[str, str]]:
    for name, value_of in GLOBAL.items():
        for study, distance in find_outliers(collect_global_values(studies, value_of)).items():
            side = "above" if distance > 0 else "below"
            yield study, f"{name} {value_of(studies[study].table.whole):.2f} is far {side} the cohort's"


def _flagged(studies: Mapping[str, StudyReading]) -> Iterator[tuple[str, str]]:
    for study, one in studies.items():
        yield from ((study, flag.text_with_condition.rstrip(".")) for flag in one.table.whole.flags)
        for condition in describe_measured(one.table):
            failed = [
                str(row.aha_segment)
                for row in one.table.segments
                if FlagCode.MANY_FAILED_PIXELS in codes_of(find_flags(row, condition))
            ]
            if failed:
                yield study, f"{condition}: many pixels without flow in segments {', '.join(failed)}"


def _parts_less_certain(studies: Mapping[str, StudyReading]) -> Iterator[tuple[str, str]]:
    for part in sorted({part for one in studies.values() for part in one.confidences}):
        known = {study: one.confidences[part] for study, one in studies.items() if part in one.confidences}
        for study, distance in find_outliers(known).items():
            if distance < 0:
                yield study, f"the {part.replace('_', ' ')} is less sure ({known[study]:.2f}) than elsewhere"


GLOBAL = {
    "rest MBF": lambda row: row.rest.mbf_ml_min_g,
    "stress MBF": lambda row: row.stress.mbf_ml_min_g,
    "MPR": lambda row: row.mpr,
}


def collect_global_values(studies: Mapping[str, StudyReading], value_of) -> dict[str, float]:
    """A finite number of the whole ventricle by study."""
    found = {study: value_of(one.table.whole) for study, one in studies.items()}
    return {study: value for study, value in found.items() if math.isfinite(value)}


def find_outliers(numbers: Mapping[str, float]) -> dict[str, float]:
    """Studies far from the others: their distance from the median in robust standard deviations.

    >>> list(find_outliers({**{str(i): 1 + i / 10 for i in range(9)}, "x": 9.0}))
    ['x']
    """
    if len(numbers) < FEWEST_STUDIES:
        return {}
    middle = median(numbers.values())
    spread = 1.4826 * median(abs(value - middle) for value in numbers.values())
    if not spread:
        return {}
    distances = {name: (value - middle) / spread for name, value in numbers.items()}
    return {name: distance for name, distance in distances.items() if abs(distance) > OUTLIER_DISTANCE}
