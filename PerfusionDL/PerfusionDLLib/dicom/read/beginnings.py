"""When slices and scans began, across midnight and time zones."""

import numpy as np

from . import clock
from .clock import DAY_S
from .frame import Frame

WITHOUT_DATE_S = 3 * DAY_S
"""Moments before that are times of day, and not of January 1970."""


def is_other_day(apart_s: float) -> bool:
    """Whether two moments of one visit differ by about a day, because a date is missing or did not follow midnight."""
    return DAY_S / 2 < abs(apart_s) < 1.5 * DAY_S


def compute_time_between_s(first: Frame, first_s: float, second: Frame, second_s: float) -> float:
    """Time from a first moment to a second one, of scans of one visit, across time zones and midnight."""
    zones_s = clock.read_zone_s(first), clock.read_zone_s(second)
    if (first_s < WITHOUT_DATE_S) != (second_s < WITHOUT_DATE_S):  # one of them is a time of day only
        first_s, second_s = first_s % DAY_S, second_s % DAY_S
    apart_s = second_s - first_s
    if np.isfinite(zones_s).all():
        apart_s -= zones_s[1] - zones_s[0]
    return apart_s - np.copysign(DAY_S, apart_s) if is_other_day(apart_s) else apart_s


OF_IMAGES = ("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime", "ContentTime")
OF_DAY = (*OF_IMAGES, "SeriesTime")


def start_s(frames) -> float:
    """When the acquisition of some frames began, seconds since 1970 (or midnight); NaN if nothing says.

    By the first attribute that differs between frames; one that is the same everywhere may be that of the whole visit.
    """
    first = float("nan")
    for keyword in OF_DAY:
        times_s = clock.read_clock(frames, keyword)
        known = times_s[np.isfinite(times_s)]
        if not known.size:
            continue
        middle = known[np.argmin(np.abs(known - np.median(known)))]  # one of them, also where dates differ
        start = float(known[np.abs(known - middle) < 3600].min())
        if is_running(known):
            return start
        first = start if np.isnan(first) else first
    return first


def is_running(times_s: np.ndarray) -> bool:
    """Whether times differ."""
    return bool(times_s.size > 1 and np.ptp(times_s) > 0)


def has_running_clock(frames, keywords=OF_DAY) -> bool:
    """Whether an attribute gives frames different times of day."""
    clocks = (clock.read_clock(frames, keyword) for keyword in keywords)
    return any(is_running(times_s[np.isfinite(times_s)]) for times_s in clocks)


def read_series_start_s(frame: Frame) -> float:
    """When the series of a frame began, by SeriesDate and SeriesTime; NaN where nothing says."""
    return clock.read_seconds(frame, "SeriesTime")


def compare_clocks_s(first: Frame, first_s: float, second: Frame, second_s: float) -> float:
    """By how much the times of the acquisition and of the series differ in what passed between two scans, s.

    0 where the series do not say when they began, or say the same. Their times may be those of one time zone.
    """
    begins_s = read_series_start_s(first), read_series_start_s(second)
    if not np.isfinite(begins_s).all() or begins_s[0] == begins_s[1]:
        return 0.0
    between = compute_time_between_s(first, first_s, second, second_s)
    return min(
        (
            between - by
            for by in (compute_time_between_s(first, begins_s[0], second, begins_s[1]), begins_s[1] - begins_s[0])
        ),
        key=abs,
    )
