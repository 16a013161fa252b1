"""Slices of one scan whose dates, times or studies were changed series by series, as some anonymizers leave them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .beginnings import is_other_day
from .clock import DAY_S
from .geometry import PARALLEL, compute_normal
from .roles import is_at_same_place
from .slices import Slice

SAME_BEATS_S = 0.05
IRREGULAR_S = 0.005  # chosen: heartbeats that differ by less tell nothing
SAME_RHYTHM = 0.3  # chosen: largest difference between heartbeats over their spread
OVERLAP = 0.5  # share of the shorter duration


def is_overlapping(one: Slice, member: Slice) -> bool | None:
    """Whether two slices were acquired at the same time for the most part; None where nothing says when they were."""
    if not (np.isfinite(one.start_s) and np.isfinite(member.start_s)):
        return None
    apart_s = member.start_s - one.start_s
    if is_other_day(apart_s):
        apart_s -= np.copysign(DAY_S, apart_s)  # midnight, and a date that did not follow
    begin, end = max(0.0, apart_s), min(one.span_s, apart_s + member.span_s)
    return bool(end - begin >= OVERLAP * min(one.span_s, member.span_s))


def has_a_study_per_series(slices: Sequence[Slice]) -> bool:
    """Whether every series has a study of its own, as some anonymizers leave it."""
    series = {one.first.text("SeriesInstanceUID") for one in slices}
    studies = {one.first.text("StudyInstanceUID") for one in slices}
    return len(series) == len(studies) > 1


def is_shifted_series(one: Slice, member: Slice) -> bool:
    """Whether dates were shifted for each series alone: other studies or days, but the same heartbeats elsewhere."""
    if one.first.text("StudyInstanceUID") == member.first.text("StudyInstanceUID"):
        return False
    if one.first.text("SeriesInstanceUID") == member.first.text("SeriesInstanceUID") or is_at_same_place(one, member):
        return False
    return remove_digits(one) == remove_digits(member) and has_same_beats(one, member)


def remove_digits(one: Slice) -> str:
    """The description of a series without the numbers that tell its slices apart."""
    return "".join(letter for letter in one.first.text("SeriesDescription") if not letter.isdigit())


def has_same_beats(one: Slice, member: Slice) -> bool:
    """Whether two slices have as many frames, the same time apart."""
    if len(one.times_s) != len(member.times_s):
        return False
    return bool(np.abs(np.diff(one.times_s) - np.diff(member.times_s)).max() < SAME_BEATS_S)


def rejoin_shifted(groups: Sequence[list[Slice]]) -> list[list[Slice]]:
    """Groups of which each holds one series, put together where dates or times were shifted series by series.

    Slices of one scan have the same times of day, or at least the same irregular heartbeats.
    """
    if len(groups) < 3 or any(len({one.first.text("SeriesInstanceUID") for one in group}) > 1 for group in groups):
        return rejoin_single(groups)
    joined: list[list[Slice]] = []
    by_time_of_day = True
    for group in groups:
        home = next((other for other in joined if is_same_scan_shifted(group, other)), None)
        if home is None:
            joined.append(list(group))
            continue
        by_time_of_day &= is_same_time_of_day(group[0], home[0])
        home.extend(group)
    if len(joined) == len(groups):
        return list(groups)
    start_s = (lambda one: one.start_s % DAY_S) if by_time_of_day else (lambda one: float("nan"))
    what = "dates" if by_time_of_day else "dates and times of day"
    note = f"The {what} of the series were shifted against each other; slices were told apart by their heartbeats."
    return [[replace(one, start_s=start_s(one)).with_notes([note]) for one in group] for group in joined]


def rejoin_single(groups: Sequence[list[Slice]]) -> list[list[Slice]]:
    """Groups with those put to them whose times alone were shifted: other places, the same irregular heartbeats."""
    joined: list[list[Slice]] = []
    for group in sorted(groups, key=len, reverse=True):
        home = next((other for other in joined if is_rest_of_scan(group, other)), None)
        if home is None:
            joined.append(list(group))
            continue
        note = f"The times of {group[0].first.series} were shifted against those of the other slices of the scan."
        home += [replace(one, start_s=home[0].start_s).with_notes([note]) for one in group]
    return joined


def is_rest_of_scan(group: Sequence[Slice], other: Sequence[Slice]) -> bool:
    """Whether slices lie beside those of a scan, were acquired in its heartbeats, and are of the same study."""
    if any(is_at_same_place(one, member) for one in group for member in other):
        return False
    one, member = group[0], other[0]
    same_study = one.first.text("StudyInstanceUID") == member.first.text("StudyInstanceUID")
    parallel = abs(compute_normal(one.matrix) @ compute_normal(member.matrix)) >= PARALLEL
    return same_study and bool(parallel) and has_same_rhythm(one, member)


def is_same_scan_shifted(group: Sequence[Slice], other: Sequence[Slice]) -> bool:
    """Whether two groups of slices are one scan but for a shift of all times of a series."""
    if any(is_at_same_place(one, member) for one in group for member in other):
        return False
    one, member = group[0], other[0]
    if remove_digits(one) != remove_digits(member):
        return False
    return is_same_time_of_day(one, member) or has_same_rhythm(one, member)


def is_same_time_of_day(one: Slice, member: Slice) -> bool:
    """Whether two slices were acquired at the same time, whatever the date."""
    apart_s = abs(one.start_s - member.start_s) % DAY_S
    return bool(min(apart_s, DAY_S - apart_s) < (1 - OVERLAP) * min(one.span_s, member.span_s))


def has_same_rhythm(one: Slice, member: Slice) -> bool:
    """Whether two slices have the same heartbeats, as irregular as those of one moment only."""
    if len(one.times_s) != len(member.times_s):
        return False
    steps_s, other_s = np.diff(one.times_s), np.diff(member.times_s)
    spread_s = float(np.std(steps_s))
    return bool(spread_s > IRREGULAR_S and np.abs(steps_s - other_s).max() < max(SAME_RHYTHM * spread_s, 0.01))
