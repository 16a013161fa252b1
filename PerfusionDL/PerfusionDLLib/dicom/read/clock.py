"""One clock: a time attribute of all frames in seconds, whichever way the header writes it."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np

from .frame import Frame
from .leaps import find_hours_off

DAY_S = 86400.0
MILLISECONDS = {"TriggerTime", "FrameReferenceTime", "TemporalResolution", "NominalInterval"}
DATES = {"AcquisitionTime": "AcquisitionDate", "ContentTime": "ContentDate", "SeriesTime": "SeriesDate"}


def read_seconds(frame: Frame, keyword: str) -> float:
    """A time attribute in seconds, NaN where it is missing or malformed.

    Times with a date count from 1 January 1970, times of day from midnight.
    """
    if keyword.endswith("DateTime"):
        return read_date_time_s(frame.text(keyword))
    if keyword in DATES:
        day = frame.text(DATES[keyword]).replace(".", "")
        clock = read_time_of_day(frame.text(keyword))
        of_day = read_date_time_s("19700101" + clock) if clock else float("nan")
        with_date = read_date_time_s(day + clock) if len(day) == 8 and clock else float("nan")
        return with_date if np.isfinite(with_date) else of_day
    return frame.number(keyword) * (0.001 if keyword in MILLISECONDS else 1.0)


@lru_cache(maxsize=1 << 16)
def read_time_of_day(text: str) -> str:
    """A time of day as DICOM writes it (HHMMSS.FFFFFF), from what others make of it.

    A number loses its leading zeros, a decimal point becomes a comma or is lost, seconds become a part of the minute,
    and a spreadsheet makes a part of the day of it.

    >>> [read_time_of_day(one) for one in ("09:05:03.5", "90503,5", "090503500000", "0905.0583", "503.5", "0.25")]
    ['090503.5', '090503.5', '090503.500000', '090503.498000', '000503.5', '060000.000000']
    """
    clock = text.strip().replace(":", "").replace(",", ".")
    whole, _, part = clock.partition(".")
    if not whole.isdigit() or (part and not part.isdigit()):
        return clock
    if len(whole) == 12 and not part:
        return f"{whole[:6]}.{whole[6:]}"
    if part and int(whole) == 0 and len(whole) == 1:
        minutes, seconds_s = divmod(float(clock) * DAY_S, 60)
        return f"{int(minutes) // 60:02d}{int(minutes) % 60:02d}{seconds_s:09.6f}"
    if len(whole) == 4 and part:
        return f"{whole}{60 * float(f'0.{part}'):09.6f}"
    if len(whole) in (1, 3, 5):
        clock = clock.zfill(len(clock) + (6 - len(whole) if part else 1))
    return clock


@lru_cache(maxsize=1 << 16)
def read_date_time_s(text: str) -> float:
    """DICOM date and time (YYYYMMDDHHMMSS.FFFFFF, shortened from the right) in seconds since 1970, local time.

    >>> read_date_time_s("19700102000001.5"), read_date_time_s("19700102000001.25+0100")
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


def read_zone_s(frame: Frame) -> float:
    """Offset of a frame's times from universal time, as the header gives it; NaN where it gives none."""
    texts = (frame.text(name) for name in ("FrameAcquisitionDateTime", "AcquisitionDateTime", "TimezoneOffsetFromUTC"))
    found = next((match for text in texts if (match := re.search(r"([+-])(\d\d)(\d\d)$", text))), None)
    return float("nan") if found is None else float(f"{found[1]}1") * (int(found[2]) * 3600 + int(found[3]) * 60)


def unwrap_midnight(times_s: np.ndarray) -> np.ndarray:
    """Times of day put on one line: those before midnight stay, those after it get a day more."""
    if np.isfinite(times_s).any() and np.nanmax(times_s) - np.nanmin(times_s) > DAY_S / 2:
        return np.where(times_s < np.nanmin(times_s) + DAY_S / 2, times_s + DAY_S, times_s)
    return times_s


def is_of_day(keyword: str) -> bool:
    """Whether an attribute is a time of day, with or without a date."""
    return keyword in DATES or keyword.endswith("DateTime")


def read_clock(frames: Sequence[Frame], keyword: str) -> np.ndarray:
    """(T,) one attribute of all frames in seconds, NaN where it is missing.

    Of times of day, those past midnight count on, and an hour by which the clock was set is taken out.
    """
    times_s = np.array([read_seconds(frame, keyword) for frame in frames])
    return unwrap_midnight(times_s - find_hours_off(frames, times_s)) if is_of_day(keyword) else times_s


def is_coarse(times_s: np.ndarray) -> bool:
    """Whether a clock ticks in whole seconds, too coarse for heartbeats."""
    known = times_s[np.isfinite(times_s)]
    return bool(known.size and np.all(known == np.round(known)))
