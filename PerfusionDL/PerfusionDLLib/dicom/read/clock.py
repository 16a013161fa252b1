"""When each frame was acquired: the first attribute that says so plausibly.

Scanners disagree on where they write it. An attribute is believed if it differs from frame to frame, runs in the order
of the instance numbers, and its steps look like heartbeats; vendor names play no part.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from ...data.errors import PerfusionError
from .headers import Frame

DAY_S = 86400.0
STEP_S = (0.3, 3.0)  # median interval between frames: one heartbeat, or two at a fast heart rate
SHORTEST_STEP_S = 0.1
CINE_SPAN_S = 2.0  # cines cover one heartbeat
CLOCKS = (
    "FrameAcquisitionDateTime",
    "FrameReferenceDateTime",
    "TriggerTime",
    "PhilipsDynamicBeginTime",
    "AcquisitionDateTime",
    "AcquisitionTime",
    "FrameReferenceTime",
    "ContentTime",
)
MILLISECONDS = {"TriggerTime", "FrameReferenceTime", "TemporalResolution", "NominalInterval"}
DATES = {"AcquisitionTime": "AcquisitionDate", "ContentTime": "ContentDate", "SeriesTime": "SeriesDate"}


@dataclass(frozen=True)
class Timing:
    """Acquisition times of the frames of each slice, and how they are known.

    times_s : per slice (T,), in the order of its frames, on one clock for all slices; not sorted
    source : the attribute they come from; note : a sentence where something had to be assumed, else ""
    """

    times_s: tuple[np.ndarray, ...]
    source: str
    note: str = ""


def seconds(frame: Frame, keyword: str) -> float:
    """A time attribute in seconds, NaN where it is missing or malformed.

    Times with a date count from 1 January 1970, times of day from midnight.
    """
    if keyword.endswith("DateTime"):
        return date_time_s(frame.text(keyword))
    if keyword in DATES:
        day = frame.text(DATES[keyword]).replace(".", "")
        clock = frame.text(keyword).replace(":", "")
        of_day = date_time_s("19700101" + clock) if clock else float("nan")
        with_date = date_time_s(day + clock) if len(day) == 8 and clock else float("nan")
        return with_date if np.isfinite(with_date) else of_day
    return frame.number(keyword) * (0.001 if keyword in MILLISECONDS else 1.0)


def date_time_s(text: str) -> float:
    """DICOM date and time (YYYYMMDDHHMMSS.FFFFFF, shortened from the right) in seconds since 1970, local time.

    >>> date_time_s("19700102000001.5"), date_time_s("19700102000001.25+0100")
    (86401.5, 86401.25)
    """
    parts = re.match(r"(\d{10,14})(\.\d+)?", text)
    if parts is None:
        return float("nan")
    try:
        moment = datetime.strptime(parts[1].ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return float("nan")
    return (moment - datetime(1970, 1, 1)).total_seconds() + float(parts[2] or 0)


def past_midnight(times_s: np.ndarray) -> np.ndarray:
    """Times of day put on one line: those before midnight stay, those after it get a day more."""
    if np.isfinite(times_s).any() and np.nanmax(times_s) - np.nanmin(times_s) > DAY_S / 2:
        return np.where(times_s < np.nanmin(times_s) + DAY_S / 2, times_s + DAY_S, times_s)
    return times_s


def is_of_day(keyword: str) -> bool:
    """Whether an attribute is a time of day, with or without a date."""
    return keyword in DATES or keyword.endswith("DateTime")


def read_clock(frames: Sequence[Frame], keyword: str) -> np.ndarray:
    """(T,) one attribute of all frames in seconds, NaN where it is missing."""
    times_s = np.array([seconds(frame, keyword) for frame in frames])
    return past_midnight(times_s) if is_of_day(keyword) else times_s


def start_s(frames: Sequence[Frame]) -> float:
    """When the acquisition of some frames began, seconds since 1970 (or midnight); NaN if nothing says."""
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime", "ContentTime", "SeriesTime"):
        times_s = read_clock(frames, keyword)
        if np.isfinite(times_s).any():
            return float(np.nanmin(times_s))
    return float("nan")


def is_plausible(times_s: np.ndarray) -> bool:
    """Whether times could be those of the frames of one slice, one per heartbeat or two.

    >>> is_plausible(np.arange(20) * 0.8), is_plausible(np.arange(25) * 0.03)
    (True, False)
    """
    if len(times_s) < 2 or not np.isfinite(times_s).all():
        return False
    steps_s = np.diff(np.sort(times_s))
    return bool(steps_s.min() > SHORTEST_STEP_S and STEP_S[0] <= np.median(steps_s) <= STEP_S[1])


def is_coarse(times_s: np.ndarray) -> bool:
    """Whether a clock ticks in whole seconds, too coarse for heartbeats."""
    return bool(np.all(np.isfinite(times_s)) and np.all(times_s == np.round(times_s)))


def in_order(frames: Sequence[Frame], times_s: np.ndarray) -> bool:
    """Whether times run with the instance numbers, where these differ from frame to frame."""
    rank = instance_rank(frames)
    return rank is None or bool(np.all(np.diff(times_s[np.argsort(rank)]) >= 0))


def instance_rank(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) place of each frame by instance number and place in its file; None where these do not differ."""
    numbers = np.array([(frame.number("InstanceNumber"), frame.index) for frame in frames])
    if not np.isfinite(numbers).all() or len(np.unique(numbers, axis=0)) < len(frames):
        return None
    return np.argsort(np.lexsort(numbers.T[::-1]))


def is_cine(frames: Sequence[Frame]) -> bool:
    """Whether the trigger times step through one heartbeat."""
    trigger_s = np.sort(read_clock(frames, "TriggerTime"))
    if len(frames) < 2 or not np.isfinite(trigger_s).all():
        return False
    steps_s = np.diff(trigger_s)
    return bool(trigger_s[-1] - trigger_s[0] < CINE_SPAN_S and np.median(steps_s) > 0.005)


def delays_s(slices: Sequence[Sequence[Frame]]) -> list[float]:
    """Delay of each slice after the R wave, zero where the trigger times are not such delays."""
    found = []
    for frames in slices:
        trigger_s = read_clock(frames, "TriggerTime")
        within = np.isfinite(trigger_s).all() and np.ptp(trigger_s) < SHORTEST_STEP_S and trigger_s.max() < STEP_S[1]
        found.append(float(np.median(trigger_s)) if within else 0.0)
    return found


def find_times(slices: Sequence[Sequence[Frame]]) -> Timing:
    """Acquisition times of the frames of slices that were acquired together.

    Raises PerfusionError where nothing in the headers says when the frames were acquired, or the times contradict the
    order of the frames.
    """
    contradicting = []
    for keyword in CLOCKS:
        times_s = [read_clock(frames, keyword) for frames in slices]
        if not all(map(is_plausible, times_s)) or (is_of_day(keyword) and all(map(is_coarse, times_s))):
            continue
        if all(in_order(frames, one) for frames, one in zip(slices, times_s, strict=True)):
            return Timing(tuple(with_delays(slices, times_s)), keyword)
        contradicting.append(keyword)
    if contradicting:
        raise PerfusionError(
            f"The frames of {slices[0][0].series} are shuffled: {' and '.join(contradicting)} do not run with the "
            "instance numbers.",
            "Send the series again from the scanner, without renumbering or editing it.",
        )
    return count_times(slices)


def count_times(slices: Sequence[Sequence[Frame]]) -> Timing:
    """Times from the order of the frames and the interval between heartbeats."""
    counter, ranks = "TemporalPositionIdentifier", [temporal_rank(frames) for frames in slices]
    if any(rank is None for rank in ranks):
        counter, ranks = "InstanceNumber", [instance_rank(frames) for frames in slices]
    known = [rank for rank in ranks if rank is not None]
    if len(known) < len(ranks):
        raise PerfusionError(
            f"Nothing in {slices[0][0].series} says when or in which order its frames were acquired.",
            "Send the series again from the scanner: trigger, acquisition or content times are needed.",
        )
    interval_s, source = find_interval(slices)
    note = (
        f"No attribute gives each frame's own time, so frames were taken {interval_s:.3f} s apart ({source}) in the "
        f"order of {counter}; missed heartbeats are not seen."
    )
    times_s = with_delays(slices, [rank * interval_s for rank in known])
    return Timing(tuple(times_s), f"{counter} x {source}", note)


def temporal_rank(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) place of each frame by temporal position; None where that is missing or contradicts the instance numbers."""
    positions = np.array([frame.number("TemporalPositionIdentifier") for frame in frames])
    if not np.isfinite(positions).all() or len(np.unique(positions)) < len(frames) or not in_order(frames, positions):
        return None
    return np.argsort(np.argsort(positions))


def find_interval(slices: Sequence[Sequence[Frame]]) -> tuple[float, str]:
    """The mean interval between frames in seconds, and where it comes from."""
    frames = [frame for one in slices for frame in one]
    for keyword in ("AcquisitionDateTime", "AcquisitionTime", "ContentTime"):
        spans = [np.ptp(read_clock(one, keyword)) / (len(one) - 1) for one in slices if len(one) > 1]
        if spans and STEP_S[0] <= np.median(spans) <= STEP_S[1]:
            return float(np.median(spans)), f"first to last {keyword}"
    for keyword in ("TemporalResolution", "NominalInterval"):
        interval_s = np.median([seconds(frame, keyword) for frame in frames])
        if STEP_S[0] <= interval_s <= STEP_S[1]:
            return float(interval_s), keyword
    interval_s = 60 / max(np.median([frame.number("HeartRate") for frame in frames]), 1e-6)
    if STEP_S[0] <= interval_s <= STEP_S[1]:
        return float(interval_s), "HeartRate"
    raise PerfusionError(
        f"The headers of {frames[0].series} do not say when each frame was acquired (trigger, "
        "acquisition and content times are missing, equal or implausible), nor the heart rate.",
        "Send the series again from the scanner with its trigger or acquisition times, or at least the R-R interval "
        "(NominalInterval).",
    )


def with_delays(slices: Sequence[Sequence[Frame]], times_s: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Add each slice's delay after the R wave where the clock is the same for all slices of a heartbeat."""
    same = len(times_s) > 1 and all(
        len(one) == len(times_s[0]) and np.allclose(np.sort(one), np.sort(times_s[0]), rtol=0, atol=1e-3)
        for one in times_s
    )
    delays = delays_s(slices) if same else [0.0] * len(slices)
    return [np.asarray(one + delay) for one, delay in zip(times_s, delays, strict=True)]
