"""How much time passed between two scans of a visit, and why it may not be known."""

import numpy as np

from .beginnings import compare_clocks_s, compute_time_between_s
from .clock import DAY_S, read_zone_s
from .scans import FoundScan

LONGEST_VISIT_S = 3 * 3600.0  # chosen: rest follows stress within an hour, and the reverse
SAME_PAUSE_S = 600.0  # chosen: a series may be begun minutes before its first image


def compute_seconds_after(one: FoundScan, other: FoundScan) -> float:
    """How much later a scan began than another one of the visit; NaN if unknown, or where both say the same."""
    if one.start_s == other.start_s or find_contradiction_of_series(one, other) or is_beyond_visit(one, other):
        return float("nan")
    return compute_time_between_s(other.slices[0].first, other.start_s, one.slices[0].first, one.start_s)


def is_beyond_visit(one: FoundScan, other: FoundScan) -> bool:
    """Whether two scans of one study lie hours apart, so that times were changed series by series."""
    first, second = one.slices[0].first, other.slices[0].first
    apart_s = compute_time_between_s(second, other.start_s, first, one.start_s)
    same_study = first.text("StudyInstanceUID") == second.text("StudyInstanceUID")
    return bool(abs(apart_s) > LONGEST_VISIT_S) and same_study


def has_other_dates(one: FoundScan, other: FoundScan) -> bool:
    """Whether two scans of one study lie days apart, so that dates were changed series by series."""
    first, second = one.slices[0].first, other.slices[0].first
    apart_s = compute_time_between_s(second, other.start_s, first, one.start_s)
    return abs(apart_s) > DAY_S and first.text("StudyInstanceUID") == second.text("StudyInstanceUID")


def describe_pause(one: FoundScan, other: FoundScan) -> list[str]:
    """Sentences on the time between two scans of a visit where headers do not say it, or say it of several days."""
    first, second = one.slices[0].first, other.slices[0].first
    apart_s = compute_seconds_after(one, other)
    days = abs(compute_time_between_s(second, other.start_s, first, one.start_s)) / DAY_S
    if has_other_dates(one, other):
        return [
            f"The images of {one.name} and {other.name} are {days:.0f} days apart in one study: dates were changed, "
            "and the time between the scans is not known."
        ]
    if is_beyond_visit(one, other):
        return [
            f"The images of {one.name} and {other.name} are {24 * days:.0f} hours apart in one study, longer than a "
            "visit lasts: times were changed, and the time between the scans is not known."
        ]
    if not np.isfinite(apart_s):
        return [find_contradiction_of_series(one, other) or "No header says how much time passed between the scans."]
    said = [f"The scans are {days:.0f} days apart, in two studies."] if days > 1 else []
    zones_h = [read_zone_s(frame) / 3600 for frame in (first, second)]
    if np.isfinite(zones_h).all() and zones_h[0] != zones_h[1]:
        said.append(
            f"The scans name different time zones (UTC{zones_h[0]:+g} h and UTC{zones_h[1]:+g} h); the time between "
            f"them, {abs(apart_s) / 60:.0f} minutes, follows these."
        )
    return said


def find_contradiction_of_series(one: FoundScan, other: FoundScan) -> str:
    """A sentence where SeriesTime tells another time between two scans than the images do, else nothing."""
    differ_s = compare_clocks_s(other.slices[0].first, other.start_s, one.slices[0].first, one.start_s)
    if not abs(differ_s) > SAME_PAUSE_S:
        return ""
    return (
        f"By the times of their images, {one.name} and {other.name} lie {abs(differ_s) / 60:.0f} minutes nearer to or "
        "farther from each other than by SeriesTime: the time between the scans is not known."
    )
