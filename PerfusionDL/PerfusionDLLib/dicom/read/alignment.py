"""Slices of one scan on one clock: delays after the R wave, and dates or times that were shifted as a whole."""

from collections.abc import Sequence

import numpy as np

from .clock import DAY_S
from .timing_attributes import Slices, compute_median_step_s, find_delays_s

SAME_STEPS_S = 0.01
IRREGULAR_S = 0.005  # chosen: heartbeats that differ by less tell nothing


def add_delays(slices: Slices, times_s: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[str]]:
    """Add each slice's delay after the R wave where the clock is the same for all slices of a heartbeat.

    Returns the times, and a note where the delays are not known.
    """
    sets = [np.sort(one[np.isfinite(one)]) for one in times_s]
    longest = max(sets, key=len)
    same = len(sets) > 1 and all(
        np.abs(one[:, None] - longest[None]).min(axis=1).max(initial=0) < 1e-3 for one in sets if len(one)
    )
    delays = find_delays_s(slices) if same else [0.0] * len(slices)
    if np.ptp(delays) > compute_median_step_s(times_s):
        delays = [0.0] * len(slices)  # no slice of a heartbeat is acquired in the next one
    notes = []
    if same and np.ptp(delays) == 0:
        said = slices[0][0].text("TriggerTime")[:16] or "missing"
        notes.append(
            f"All slices have the same times, and TriggerTime ({said}) tells no delay of each after the R wave."
        )
    return [one + delay for one, delay in zip(times_s, delays, strict=True)], notes


def align_shifted_times(slices: Slices, times_s: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[str], list[str]]:
    """Times of slices that were acquired together, where dates or times of some of them were shifted as a whole.

    A shift of whole days leaves the delays between slices; after another shift they are only known from TriggerTime.
    Returns the times, notes, and uncertainties.
    """
    first = times_s[0]
    begin_s, span_s = np.nanmin(first), np.ptp(first[np.isfinite(first)])
    shifts_s = [float(np.nanmin(one) - begin_s) for one in times_s]
    days = [round(shift_s / DAY_S) for shift_s in shifts_s]
    limits_s = [find_longest_delay_s(one, first, span_s) for one in times_s]
    if all(abs(shift_s) <= limit_s for shift_s, limit_s in zip(shifts_s, limits_s, strict=True)):
        return list(times_s), [], []
    of_day_s = [shift_s - day * DAY_S for shift_s, day in zip(shifts_s, days, strict=True)]
    if all(abs(shift_s) <= limit_s for shift_s, limit_s in zip(of_day_s, limits_s, strict=True)):
        aligned = [one - day * DAY_S for one, day in zip(times_s, days, strict=True)]
        return aligned, ["The dates of the slices differ, not their times of day: they were acquired side by side."], []
    delays = find_delays_s(slices)
    known = " but for the delays of TriggerTime" if np.ptp(delays) else ""
    aligned = [
        one - (shift_s if abs(shift_s) > limit_s else 0.0) + delay - delays[0]
        for one, shift_s, delay, limit_s in zip(times_s, shifts_s, delays, limits_s, strict=True)
    ]
    sentence = f"The times of the slices were shifted against each other; they were taken as the same{known}."
    return aligned, [sentence], [sentence]


def find_longest_delay_s(times_s: np.ndarray, first_s: np.ndarray, span_s: float) -> float:
    """How much later than another slice a slice of the same scan can begin: by missing frames up to all of the scan.

    By less than two heartbeats where both have the same irregular heartbeats from the first to the last.
    """
    if len(times_s) != len(first_s) or not np.isfinite([*times_s, *first_s]).all():
        return span_s
    steps_s, others_s = np.diff(np.sort(times_s)), np.diff(np.sort(first_s))
    same = np.abs(steps_s - others_s).max(initial=0) < SAME_STEPS_S and np.std(steps_s) > IRREGULAR_S
    return float(2 * np.median(steps_s)) if same else span_s
