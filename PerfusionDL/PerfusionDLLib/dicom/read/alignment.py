"""Slices of one scan on one clock: delays after the R wave, and dates or times that were shifted as a whole."""

from collections.abc import Sequence

import numpy as np

from .clock import DAY_S
from .timing_attributes import Slices, find_delays_s


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
    if all(abs(shift_s) <= span_s for shift_s in shifts_s):
        return list(times_s), [], []
    if all(abs(shift_s - day * DAY_S) <= span_s for shift_s, day in zip(shifts_s, days, strict=True)):
        aligned = [one - day * DAY_S for one, day in zip(times_s, days, strict=True)]
        return aligned, ["The dates of the slices differ, not their times of day: they were acquired side by side."], []
    delays = find_delays_s(slices)
    known = " but for the delays of TriggerTime" if np.ptp(delays) else ""
    aligned = [
        one - (shift_s if abs(shift_s) > span_s else 0.0) + delay - delays[0]
        for one, shift_s, delay in zip(times_s, shifts_s, delays, strict=True)
    ]
    sentence = f"The times of the slices were shifted against each other; they were taken as the same{known}."
    return aligned, [sentence], [sentence]
