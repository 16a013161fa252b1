"""Clocks that leap in the middle of a scan: by an hour between summer and winter time, or set back by some seconds."""

from collections.abc import Sequence

import numpy as np

from .consistency import name_images
from .counters import order_of
from .frame import Frame

HOUR_S = 3600.0
NEAR_HOUR_S = 15.0  # chosen: some heartbeats more or less than an hour
USUAL = (0.3, 3.0)  # chosen: steps of a clock that runs, over their median
OVERLAPS = 0.6  # chosen: steps below that share of the usual one, where times from before and after a leap lie mixed


def find_hours_off(frames: Sequence[Frame], times_s: np.ndarray) -> np.ndarray:
    """(T,) by how much times of day are off because the clock was set by an hour between two frames, s; mostly 0."""
    off_s = np.zeros(len(times_s))
    known = np.isfinite(times_s)
    if known.sum() < 4 or np.ptp(times_s[known]) < HOUR_S - NEAR_HOUR_S:
        return off_s
    order = order_of(frames)
    if order is None:
        return off_s
    order = order[known[order]]
    steps_s = np.diff(times_s[order])
    leaps = np.flatnonzero(np.abs(np.abs(steps_s) - HOUR_S) < NEAR_HOUR_S)
    if len(leaps) != 1 or np.abs(np.delete(steps_s, leaps)).max(initial=0) > HOUR_S / 2:
        return off_s
    off_s[order[leaps[0] + 1 :]] = np.copysign(HOUR_S, steps_s[leaps[0]])
    return off_s


def describe_hour(name: str, frames: Sequence[Frame], times_s: np.ndarray) -> str:
    """A sentence where a clock was set by an hour between two frames of a slice, else nothing."""
    off_s = find_hours_off(frames, times_s)
    order = order_of(frames)
    if order is None or not off_s.any():
        return ""
    first = next(index for index in order.tolist() if off_s[index])
    way = "forward" if off_s[first] > 0 else "back"
    return f"{name} was set {way} by an hour at {name_images([frames[first]])}; the hour was taken out."


def set_forward_again(frames: Sequence[Frame], times_s: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Times without the one place where the clock was set back, by how much it was, s, and the first frame after it.

    What passed between the two frames is not known: the usual time was taken. (times, 0, 0) where it was not set back.
    """
    order = order_of(frames)
    if order is None or not np.isfinite(times_s).all() or len(times_s) < 4:
        return times_s, 0.0, 0
    in_order = times_s[order]
    steps_s = np.diff(in_order)
    usual_s = float(np.median(steps_s))
    back = np.flatnonzero(steps_s < 0)
    others = np.delete(steps_s, back) / usual_s if usual_s > 0 else np.empty(0)
    if len(back) != 1 or not others.size or others.min() < USUAL[0] or others.max() > USUAL[1]:
        return times_s, 0.0, 0
    sorted_s = np.diff(np.sort(times_s))
    if sorted_s.min() >= OVERLAPS * usual_s and sorted_s.max() <= USUAL[1] * usual_s:
        return times_s, 0.0, 0  # the numbers begin in the middle, and the clock is right
    mended = times_s.copy()
    at = int(back[0])
    off_s = float(usual_s - steps_s[at])
    mended[order[at + 1 :]] += off_s
    return mended, off_s, int(order[at + 1])
