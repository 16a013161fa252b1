"""Series of many images per place that are no perfusion: a cine, or a measurement of relaxation."""

from collections.abc import Sequence

import numpy as np

from . import clock, counters
from .consistency import find_typical_number
from .frame import Frame
from .timing_attributes import compute_median_step_s, find_clocks

SHORTEST_SPAN_S = 8.0  # chosen: of perfusion
CINE_SPAN_S = 2.0  # a gated cine covers one heartbeat
EVEN_PHASES = 0.25  # chosen: spread of the steps between phases of a cine, over the usual one
CINE_STEP_S = 0.1  # frames of a real-time cine follow each other faster than those of perfusion
MOSTLY_IN_LINE = 0.9  # numbers that run less with time do not count images


def explain_no_perfusion(places: Sequence[Sequence[Frame]]) -> str:
    """Why frames at one place are something else than perfusion; "" if they may be perfusion."""
    frames = max(places, key=len)
    count = len(frames)
    clocks = find_clocks(places)
    runs_on = any(max(np.ptp(t[np.isfinite(t)]) for t in one.times_s) > SHORTEST_SPAN_S for one in clocks)
    if any(map(is_cine, places)) and not runs_on:
        return f"{count} images per slice position whose trigger times lie within one heartbeat, a cine"
    if frames[0].number("CardiacNumberOfImages") == count and not runs_on:
        return f"{count} images per slice position, as many as CardiacNumberOfImages, a cine"
    fast_s = [compute_median_step_s([clock.read_clock(one, "AcquisitionTime") for one in places])]
    delays_s = [clock.read_clock(one, "TriggerTime") for one in places]
    if all(map(is_running_with_numbers, places, delays_s)):
        fast_s.append(compute_median_step_s(delays_s))
    for step_s in fast_s:
        if 0.005 < step_s < CINE_STEP_S and not runs_on:
            return f"{count} images per slice position {1000 * step_s:.0f} ms apart, a cine"
    for keyword, what in (("InversionTime", "inversion"), ("EchoTime", "echo")):
        numbers = np.array([frame.number(keyword) for frame in frames])
        different = len(np.unique(np.round(numbers[np.isfinite(numbers)], 0)))
        usual = find_typical_number(frames, keyword)
        varied = np.mean(~np.isclose(numbers, usual, rtol=0.05)) > 0.5 if np.isfinite(usual) else False
        if different > max(3, count // 3) and varied:
            return f"{count} images per slice position with different {what} times, a relaxation measurement"
    return ""


def is_cine(frames: Sequence[Frame]) -> bool:
    """Whether the trigger times step through one heartbeat: evenly, or in the order of the numbers.

    Delays of perfusion that are counted from the last R wave do neither.
    """
    in_file_order = clock.read_clock(frames, "TriggerTime")
    trigger_s = np.sort(in_file_order)
    if len(frames) < 2 or not np.isfinite(trigger_s).all():
        return False
    steps_s = np.diff(trigger_s)
    usual_s = float(np.median(steps_s))
    if trigger_s[-1] - trigger_s[0] >= CINE_SPAN_S or usual_s <= 0.005:
        return False
    return bool(
        is_running_with_numbers(frames, in_file_order) or np.median(np.abs(steps_s - usual_s)) < EVEN_PHASES * usual_s
    )


def is_running_with_numbers(frames: Sequence[Frame], times_s: np.ndarray) -> bool:
    """Whether the numbers of the images rise with their times."""
    numbers = np.array([frame.number("InstanceNumber") for frame in frames])
    return bool(counters.find_longest_rising(numbers[np.argsort(times_s, kind="stable")]).mean() > MOSTLY_IN_LINE)
