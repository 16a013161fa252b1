"""When each frame was acquired: every attribute that says so is asked, and the others are its witnesses."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import gcd

import numpy as np

from ...data.errors import PerfusionError
from ...data.flag import FlagCode
from ...data.study import CLOCK_WORDS
from . import counters
from .alignment import add_delays, align_shifted_times
from .consistency import Uncertainty, make_uncertainties
from .order import ContradictedClockError, put_in_order
from .timing_attributes import (
    FAR,
    FEW_PERCENT,
    NEAR,
    TRUST,
    Clock,
    Interval,
    Slices,
    find_clocks,
    find_intervals,
    find_spans,
)

MOST_IMAGES = 1e6
UNGATED_S = 0.3  # a heart does not beat faster than 200 times a minute under a vasodilator
SEND_TIMES = (
    "Send the series again from the scanner with its trigger or acquisition times, or give the R-R interval "
    "(--rr-interval, or rr_interval_s in the file of --acquisition)."
)


@dataclass(frozen=True)
class Timing:
    """Acquisition times of the frames of each slice, and how they are known.

    times_s : per slice (T,), in the order of its frames, on one clock for all slices; not sorted; NaN where a frame's
        time cannot be right
    source : the attribute they come from; witnesses : sentences on what every other attribute says
    notes, uncertainties : what had to be assumed, and what makes every flow uncertain
    """

    times_s: tuple[np.ndarray, ...]
    source: str
    notes: tuple[str, ...] = ()
    uncertainties: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The clock and what every other attribute says about it."""
        own, *others = self.witnesses or ("",)
        how = own.removeprefix(f"{self.source}: ")
        return "; ".join([f"{CLOCK_WORDS}{self.source}{f' ({how})' if how else ''}", *others]) + "."


def find_times(slices: Slices, rr_interval_s: float | None = None, ignored: Sequence[str] = ()) -> Timing:
    """Acquisition times of the frames of slices that were acquired together.

    rr_interval_s : time between frames that the user knows, for headers that give none
    ignored : clocks that are known to be wrong

    Raises PerfusionError where nothing in the headers says when the frames were acquired, or the times contradict the
    order of the frames.
    """
    clocks = [one for one in find_clocks(slices) if one.name not in ignored]
    intervals = find_intervals(slices)
    scores = {one.name: score(one, slices, clocks, intervals) for one in clocks}
    best = max(clocks, key=lambda one: scores[one.name], default=None)
    if best is None or (scores[best.name] < 1 and (intervals or rr_interval_s)):
        return count_times(slices, clocks, intervals, rr_interval_s, ignored)
    others = [one for one in clocks if one is not best]
    try:
        ordered = put_in_order(slices, best, others)
    except ContradictedClockError as error:
        return decide_without_clock(slices, best, rr_interval_s, ignored, error)
    witnesses, notes, uncertainties = hear(best, others, intervals)
    witnesses += [f"{name} runs with it" for name in ordered.agree]
    aligned, shifted, unknown = align_shifted_times(slices, ordered.times_s)
    times_s, undelayed = add_delays(slices, aligned)
    return Timing(
        tuple(times_s),
        best.name,
        (*filter(None, [best.note]), *ordered.notes, *notes, *shifted, *undelayed),
        (*ordered.uncertainties, *make_uncertainties(FlagCode.CLOCK_UNCERTAIN, (*uncertainties, *unknown))),
        (f"{best.name}: {best.step_s:.3f} s between frames", *witnesses),
    )


def decide_without_clock(
    slices: Slices, wrong: Clock, rr_interval_s: float | None, ignored: Sequence[str], error: ContradictedClockError
) -> Timing:
    """Times without a clock, and without its copies, that the order of the images contradicts.

    Raises the error where nothing else says when the frames were acquired.
    """
    copies = [one.name for one in find_clocks(slices) if one.name != wrong.name and one.copies(wrong)]
    try:
        known = find_times(slices, rr_interval_s, (*ignored, wrong.name, *copies))
    except PerfusionError:
        raise error from None
    sentence = f"Not used as clock: {' and '.join((wrong.name, *copies))}, because {error.reason}."
    uncertainty = Uncertainty(sentence, FlagCode.CLOCK_UNCERTAIN)
    return replace(known, notes=(sentence, *known.notes), uncertainties=(uncertainty, *known.uncertainties))


def score(one: Clock, slices: Slices, clocks: Sequence[Clock], intervals: Sequence[Interval]) -> float:
    """How much a clock deserves to be believed: by what it is, and by how many others tell the same."""
    value = TRUST[one.name]
    if one.is_regular and any(not other.is_regular for other in clocks):
        value -= 3  # computed from a nominal interval, while another clock was measured
    for other in clocks:
        if other is not one:
            same = abs(one.rate_over(other) - 1) < FEW_PERCENT
            value += (0.25 if one.copies(other) else 1.0) if same else 0.0
    for interval in intervals:
        differs = interval.agrees(one.step_s)
        against = 3.0 if one.name == "ContentTime" else 1.0  # images may be reconstructed in another rhythm
        value += 1.0 if differs < NEAR else -against if differs > FAR else 0.0
    return value


def hear(best: Clock, others: Sequence[Clock], intervals: Sequence[Interval]) -> tuple[list[str], list[str], list[str]]:
    """What the other attributes say about the chosen clock: all of it, what is a note, and what is an uncertainty."""
    witnesses: list[str] = []
    notes: list[str] = []
    uncertainties: list[str] = []
    for other in others:
        rate = other.rate_over(best)
        if abs(rate - 1) < FEW_PERCENT:
            witnesses.append(f"{other.name} tells the same")
            continue
        if abs(other.step_s / best.step_s - 1) < FEW_PERCENT:
            said = f"{other.name} and {best.name} have the same time between most frames, but one of them jumps"
            witnesses.append(said)
            uncertainties.append(
                f"{said}: they last {other.span_s:.1f} and {best.span_s:.1f} s. {best.name} was taken."
            )
            continue
        said = f"{other.name} has {other.step_s:.3f} s between frames where {best.name} has {best.step_s:.3f} s"
        witnesses.append(said)
        measured = TRUST[other.name] >= 4 and not other.is_regular
        (uncertainties if measured else notes).append(
            f"The clocks differ: {said}. {best.name} was taken; flow scales with time."
        )
    for interval in intervals:
        differs = interval.agrees(best.step_s)
        beats = 2 if abs(best.step_s / (2 * interval.seconds) - 1) < abs(best.step_s / interval.seconds - 1) else 1
        every = ", every second heartbeat" if beats == 2 else ""
        witnesses.append(f"{interval.name}: {interval.seconds:.3f} s{every}")
        if differs < NEAR:
            notes += [
                f"Frames were acquired in every second heartbeat ({interval.name}: {interval.seconds:.2f} s)."
            ] * (beats == 2)
            continue
        sentence = (
            f"{interval.name} says {interval.seconds:.3f} s between heartbeats, and {best.name} has "
            f"{best.step_s:.3f} s between frames."
        )
        if differs > FAR:
            uncertainties.append(f"{sentence} {best.name} was taken; flow scales with time. Check which is right.")
        else:
            notes.append(f"{sentence} Heart rates change that much.")
    if best.name == "ContentTime" and not intervals and all(other.copies(best) for other in others):
        uncertainties.append(
            "Times are from ContentTime alone, which may be that of the reconstruction; no attribute confirms it, and "
            "flow scales with time."
        )
    elif best.is_regular and best.step_s >= UNGATED_S:
        notes.append(
            f"{best.name} has the same {best.step_s:.3f} s between all frames, as no heart beats: it was computed, or "
            "the scan is not gated; missed heartbeats are not seen."
        )
    if best.step_s < UNGATED_S:
        notes.append(f"Frames are {best.step_s:.2f} s apart, faster than any heart beats: the scan is not gated.")
    return witnesses, list(dict.fromkeys(notes)), uncertainties


def count_times(
    slices: Slices,
    clocks: Sequence[Clock],
    intervals: Sequence[Interval],
    rr_interval_s: float | None,
    ignored: Sequence[str] = (),
) -> Timing:
    """Times from the order of the frames and the interval between heartbeats.

    Raises PerfusionError where the order or the interval is not known.
    """
    name, counts = count_frames(slices)
    given = [Interval("entered", rr_interval_s)] if rr_interval_s else []
    rejected = {f"first to last {name}" for name in (*(one.name for one in clocks), *ignored)}
    candidates = [*given, *(one for one in find_spans(slices) if one.name not in rejected), *intervals]
    if not candidates:
        raise PerfusionError(
            f"The headers of {slices[0][0].series} do not say when each frame was acquired: trigger, acquisition and "
            "content times are missing, equal or implausible, and there is no heart rate or R-R interval.",
            SEND_TIMES,
        )
    best = candidates[0]
    measured = [one for one in candidates if one.name.startswith("first to last")]
    if best in measured and best.seconds < UNGATED_S and intervals and intervals[0].agrees(best.seconds) > FAR:
        best = intervals[0]  # times of day that hardly run are those of a transfer or a database
    notes = [
        f"No attribute gives each frame's own time, so frames were taken {best.seconds:.3f} s apart ({best.name}) in "
        f"the order of {name}; missed heartbeats are not seen."
    ]
    uncertainties = notes[:1] if best not in measured and best not in given else []
    for other in candidates:
        if other is not best and abs(other.seconds / best.seconds - 1) > NEAR:
            uncertainties.append(
                f"{best.name} says {best.seconds:.3f} s between frames, {other.name} {other.seconds:.3f} s."
            )
    for one in clocks:
        uncertainties.append(
            f"{one.name} has {one.step_s:.3f} s between frames, which contradicts {best.name} ({best.seconds:.3f} s); "
            "it may be the time of the reconstruction."
        )
    times_s, undelayed = add_delays(slices, [count * best.seconds for count in counts])
    witnesses = (
        f"{name} x {best.name}: {best.seconds:.3f} s",
        *(f"{one.name}: {one.seconds:.3f} s" for one in candidates if one is not best),
    )
    return Timing(
        tuple(times_s),
        f"{name} x {best.name}",
        (*notes, *undelayed),
        tuple(make_uncertainties(FlagCode.CLOCK_UNCERTAIN, uncertainties)),
        witnesses,
    )


def count_frames(slices: Slices) -> tuple[str, list[np.ndarray]]:
    """Which attribute counts the frames, and the place of each frame of each slice; a missing frame leaves a gap.

    Raises PerfusionError where nothing counts them.
    """
    for name, ranked in (
        ("TemporalPositionIdentifier", counters.rank_by_position),
        ("InstanceNumber", counters.rank_by_number),
        ("AcquisitionNumber", counters.rank_by_acquisition),
    ):
        ranks = [rank for frames in slices if (rank := ranked(frames)) is not None]
        if len(ranks) < len(slices):
            continue
        if name == "TemporalPositionIdentifier" and any(map(is_contradicted, ranks, slices)):
            continue
        return name, [number_places(rank) for rank in ranks]
    raise PerfusionError(
        f"Nothing in {slices[0][0].series} says when or in which order its frames were acquired.",
        "Send the series again from the scanner: trigger, acquisition or content times are needed.",
    )


def is_contradicted(positions: np.ndarray, frames) -> bool:
    """Whether temporal positions contradict instance numbers."""
    numbers = counters.rank_by_number(frames)
    return numbers is not None and not counters.find_longest_rising(positions[np.argsort(numbers)]).all()


def number_places(rank: np.ndarray) -> np.ndarray:
    """Numbers counted from 0 in steps of their greatest common divisor; their order alone where they are too sparse."""
    if np.abs(rank).max() > MOST_IMAGES:  # a damaged number
        return np.argsort(np.argsort(rank)).astype(float)
    steps = np.diff(np.sort(rank)).astype(int)
    stride = reduce(gcd, steps.tolist(), 0) or 1
    counts = (rank - rank.min()) / stride
    return counts if counts.max() < 1.5 * len(rank) else np.argsort(np.argsort(rank)).astype(float)
