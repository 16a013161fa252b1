"""One clock: a time attribute of all frames in seconds, whichever way the header writes it."""

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from .frame import Frame

DAY_S = 86400.0
MILLISECONDS = {"TriggerTime", "FrameReferenceTime", "TemporalResolution", "NominalInterval"}
DATES = {"AcquisitionTime": "AcquisitionDate", "ContentTime": "ContentDate", "SeriesTime": "SeriesDate"}


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


def zone_s(frame: Frame) -> float:
    """Offset of a frame's times from universal time, as the header gives it; NaN where it gives none."""
    texts = (frame.text(name) for name in ("FrameAcquisitionDateTime", "AcquisitionDateTime", "TimezoneOffsetFromUTC"))
    found = next((match for text in texts if (match := re.search(r"([+-])(\d\d)(\d\d)$", text))), None)
    return float("nan") if found is None else float(f"{found[1]}1") * (int(found[2]) * 3600 + int(found[3]) * 60)


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


def is_coarse(times_s: np.ndarray) -> bool:
    """Whether a clock ticks in whole seconds, too coarse for heartbeats."""
    known = times_s[np.isfinite(times_s)]
    return bool(known.size and np.all(known == np.round(known)))


def rank_by_number(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) instance number of each frame, or its place in its file; None where these do not differ."""
    numbers = np.array([frame.number("InstanceNumber") for frame in frames])
    if not np.isfinite(numbers).all():
        return None
    if len(np.unique(numbers)) == len(frames):
        return numbers
    if len({frame.path for frame in frames}) == 1:  # one multi-frame file: the order in it
        return np.array([float(frame.index) for frame in frames])
    return None


def rank_by_acquisition(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) acquisition number of each frame; None where these do not differ."""
    numbers = np.array([frame.number("AcquisitionNumber") for frame in frames])
    return numbers if np.isfinite(numbers).all() and len(np.unique(numbers)) == len(frames) else None


def rank_by_position(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) temporal position of each frame; None where these do not differ."""
    positions = np.array([frame.number("TemporalPositionIdentifier") for frame in frames])
    if not np.isfinite(positions).all() or len(np.unique(positions)) < len(frames):
        return None
    return positions


def in_line(values: np.ndarray) -> np.ndarray:
    """(T,) bool, the longest part of a row of numbers that strictly rises.

    >>> in_line(np.array([1.0, 2.0, 0.0, 3.0])).tolist()
    [True, True, False, True]
    """
    best = np.ones(len(values), int)
    before = np.full(len(values), -1)
    for index in range(1, len(values)):
        lower = np.flatnonzero(values[:index] < values[index])
        if lower.size:
            before[index] = lower[np.argmax(best[lower])]
            best[index] = best[before[index]] + 1
    chosen = np.zeros(len(values), bool)
    index = int(np.argmax(best)) if len(values) else -1
    while index >= 0:
        chosen[index] = True
        index = before[index]
    return chosen
