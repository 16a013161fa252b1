"""Frames that a slice lacks, by the numbers of its images and by the heartbeats of the other slices."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from .frame import Frame
from .grouping import count_images_at_one_place, key_by_number
from .slices import FEWEST_FRAMES, Slice, find_gaps

SKIPPED = 1.7  # chosen: time between frames over the usual, above which a heartbeat has none
LONG_PAUSE_S, LONG_PAUSE_STEPS = 4.0, 3.5  # chosen: no arrhythmia leaves out so many heartbeats
MOST_BETWEEN = 4  # chosen: wider steps between slices are another way of counting
EVEN_STEPS = 1.5  # chosen: longest step of a slice over its usual one, without a gap
WHOLE_SPAN = 0.9  # chosen: share of the time of the fullest slice
THIN, FEWEST_THIN = 0.6, 8  # chosen: share of its frames, and how many a curve needs
MOST_NUMBERS = 60  # chosen: numbers that begin higher count something else
MOST_PARTS = 10000  # chosen: a higher number is damaged
FIRST_PASS = 0.6  # share of the scan in which a lost frame weighs most


def find_lost_frames(slices: Sequence[Slice]) -> tuple[list[str], list[str]]:
    """Sentences on frames that a slice lacks, and those of them that make its flow uncertain.

    Known by gaps in the numbers of the images, and by heartbeats in which the other slices have a frame.
    """
    said, grave = (
        find_missing_between_slices(slices),
        [*filter(None, map(find_long_pause, slices)), *find_missing_parts(slices)],
    )
    fullest = max(slices, key=lambda one: len(one.frames))
    for one in slices:
        gaps = find_gaps(one)
        said += [] if gaps else find_skipped_heartbeats(one)
        if len(one.frames) == len(fullest.frames) and not gaps:
            continue
        if is_thinner(one, slices):
            said.append(
                f"A slice of {one.first.series} was imaged {len(one.frames)} times while another was "
                f"{len(fullest.frames)} times, evenly: not in every heartbeat."
            )
            continue
        begin_s, end_s = one.times_s[0], one.times_s[-1]
        step_s = float(np.median(np.diff(one.times_s)))
        offset_s = compute_beat_offset_s(one, fullest)
        expected_s = fullest.times_s + offset_s
        nearest_s = np.abs(expected_s[:, None] - one.times_s[None]).min(axis=1)
        absent_s = expected_s[nearest_s > 0.5 * step_s]
        inner = absent_s[(absent_s > begin_s) & (absent_s < end_s)]
        outer = len(absent_s) - len(inner)
        where = f"A slice of {one.first.series}"
        if len(inner):
            at = ", ".join(f"{time_s - fullest.times_s[0]:.1f} s" for time_s in inner[:6])
            gaps.append(f"{where} lacks a frame that the others have at {at} after the first.")
        if outer:
            gaps.append(f"{where} lacks {outer} of the frames at the beginning or the end that another slice has.")
        said += gaps
        wide_s: Iterable[float] = (
            one.times_s[:-1][np.diff(one.times_s) > 1.6 * step_s] if gaps and (len(inner) or not outer) else []
        )
        early = any(time_s - begin_s < FIRST_PASS * (end_s - begin_s) for time_s in wide_s)
        if gaps and (early or outer > 1 or len(one.frames) < 0.95 * len(fullest.frames)):
            grave += gaps
    return list(dict.fromkeys((*said, *grave))), list(dict.fromkeys(grave))


def is_thinner(one: Slice, slices: Sequence[Slice]) -> bool:
    """Whether a slice was imaged in every second or third heartbeat all the time while another one was in each.

    The images of its series are numbered without gaps then; else some of them were lost.
    """
    fullest = max(slices, key=lambda each: len(each.frames))
    if not FEWEST_THIN <= len(one.frames) < THIN * len(fullest.frames):
        return False
    uid = one.first.text("SeriesInstanceUID")
    frames = [frame for each in slices for frame in (*each.frames, *each.aside)]
    numbers = {frame.number("InstanceNumber") for frame in frames if frame.text("SeriesInstanceUID") == uid}
    if not len(numbers) >= WHOLE_SPAN * (max(numbers) - min(numbers) + 1):
        return False
    steps_s = np.diff(one.times_s)
    return bool(steps_s.max() < EVEN_STEPS * np.median(steps_s)) and one.span_s >= WHOLE_SPAN * fullest.span_s


def find_skipped_heartbeats(one: Slice) -> list[str]:
    """A sentence where much more time passes between some frames of a slice than between the others."""
    steps_s = np.diff(one.times_s)
    wide = np.flatnonzero(steps_s > SKIPPED * np.median(steps_s))
    if not wide.size:
        return []
    at = ", ".join(f"{one.times_s[index] - one.times_s[0]:.1f}" for index in wide[:4].tolist())
    more = f" and {wide.size - 4} more" if wide.size > 4 else ""
    return [
        f"Up to {steps_s.max():.1f} s pass between frames of {one.first.series} where {np.median(steps_s):.2f} s are "
        f"usual ({at}{more} s after the first): heartbeats without an image."
    ]


def find_long_pause(one: Slice) -> str:
    """A sentence where so much time passes in the first pass that the clock may have been set forward."""
    steps_s = np.diff(one.times_s)
    at = int(steps_s[: max(1, round(FIRST_PASS * len(steps_s)))].argmax())
    if steps_s[at] < max(LONG_PAUSE_S, LONG_PAUSE_STEPS * np.median(steps_s)):
        return ""
    return (
        f"{steps_s[at]:.1f} s pass between two frames of {one.first.series} in the first pass "
        f"({one.times_s[at] - one.times_s[0]:.1f} s after the first): images are missing, or the clock was set forward."
    )


def find_missing_parts(slices: Sequence[Slice]) -> list[str]:
    """Sentences on parts of a multi-frame image that is spread over several files (a concatenation) and not there."""
    parts: dict[str, dict[int, Frame]] = defaultdict(dict)
    for frame in (frame for one in slices for frame in (*one.frames, *one.aside)):
        part = frame.number("InConcatenationNumber")
        if frame.text("ConcatenationUID") and 1 <= part < MOST_PARTS:
            parts[frame.text("ConcatenationUID")][int(part)] = frame
    said = []
    for found in parts.values():
        first = next(iter(found.values()))
        announced = first.number("InConcatenationTotalNumber")
        count = int(announced) if max(found) <= announced < MOST_PARTS else max(found)
        missing = [str(part) for part in range(1, count + 1) if part not in found]
        if missing:
            said.append(
                f"Part {', '.join(missing)} of {count} of the multi-frame image of {first.series} is missing "
                "(InConcatenationNumber): its frames are lost."
            )
    return list(dict.fromkeys(said))


def find_missing_between_slices(slices: Sequence[Slice]) -> list[str]:
    """Sentences on numbers that lie between those of two slices of one series and that no image has."""
    by_series: dict[str, list[Slice]] = defaultdict(list)
    for one in slices:
        by_series[one.first.text("SeriesInstanceUID")].append(one)
    said = []
    for members in by_series.values():
        numbers = [[frame.number("InstanceNumber") for frame in (*one.frames, *one.aside)] for one in members]
        ranges = sorted((min(each), max(each)) for each in numbers)
        if not np.isfinite(ranges).all():
            continue
        missing = [
            int(number)
            for (_, end), (begin, _) in pairwise(ranges)
            if 1 < begin - end <= MOST_BETWEEN
            for number in np.arange(end + 1, begin)
        ]
        if missing:
            shown = ", ".join(map(str, missing))
            said.append(f"No image of {members[0].first.series} has the number {shown}, between two slices.")
    return said


def find_stray_images(frames: Iterable[Frame], used: Iterable[Frame]) -> list[str]:
    """A sentence for each series of which a few images bear another SeriesInstanceUID and are in no scan.

    frames : all images of the patient; used : the images of the scans, and those set aside with a word
    """
    used = list(used)
    known, series = set(map(id, used)), {frame.text("SeriesInstanceUID") for frame in used}
    numbers = {key_by_number([frame]) for frame in used if np.isfinite(frame.number("SeriesNumber"))}
    strays: dict[str, list[Frame]] = {}
    for frame in frames:
        apart = id(frame) not in known and frame.text("SeriesInstanceUID") not in series
        if apart and key_by_number([frame]) in numbers:
            strays.setdefault(frame.series, []).append(frame)
    return [
        f"Not used: {len(found)} image{'s' * (len(found) != 1)} with the number and description of {name}, but another "
        "SeriesInstanceUID than its other images."
        for name, found in strays.items()
        if count_images_at_one_place(found) < FEWEST_FRAMES
    ]


def find_misfiled_images(scans: Sequence[Sequence[Slice]]) -> list[str]:
    """A sentence for each series of which images bear the SeriesInstanceUID of another scan, and are used in none."""
    used = [{key_by_number([frame]) for one in slices for frame in one.frames} for slices in scans]
    said = []
    for own, slices in zip(used, scans, strict=True):
        others = set().union(*(each for each in used if each is not own)) - own
        aside = {id(frame): frame for one in slices for frame in one.aside}
        strays: dict[str, list[Frame]] = defaultdict(list)
        for frame in aside.values():
            if key_by_number([frame]) in others:
                strays[frame.series].append(frame)
        said += [
            f"Not used: {len(found)} image{'s' * (len(found) != 1)} with the number and description of {name}, but the "
            f"SeriesInstanceUID of {slices[0].first.series}."
            for name, found in strays.items()
        ]
    return said


def find_late_beginnings(scans: Sequence[Sequence[Slice]]) -> list[str]:
    """Per scan a sentence where its images are not numbered from the first heartbeat on, else "".

    Some scanners begin with 2: one heartbeat is missed only where the other scan of the visit has it.
    """
    found = [find_first_number(slices) for slices in scans]
    fewest = min(before for _, _, before in found)
    return [
        f"{keyword} of {slices[0].first.series} begins with {lowest:.0f}: earlier images may be missing, and with them "
        "the baseline."
        if before > 1 or before > fewest
        else ""
        for slices, (keyword, lowest, before) in zip(scans, found, strict=True)
    ]


def find_first_number(slices: Sequence[Slice]) -> tuple[str, float, int]:
    """By which attribute the images of a scan are counted, the lowest number, and how many heartbeats lie before it."""
    frames = [frame for one in slices for frame in (*one.frames, *one.aside)]
    for keyword in ("TemporalPositionIdentifier", "InstanceNumber"):
        numbers = [frame.number(keyword) for frame in frames]
        if np.isfinite(numbers).all():
            lowest = min(numbers)
            step = compute_stride(slices, keyword)
            return keyword, lowest, int((lowest - 1) // step) if 1 <= lowest < MOST_NUMBERS else 0
    return "", float("nan"), 0


def compute_stride(slices: Sequence[Slice], keyword: str) -> int:
    """By how much the numbers of a slice rise with each heartbeat, because slices or parts of the signal take turns."""
    steps = [np.diff(np.sort([frame.number(keyword) for frame in one.frames])) for one in slices]
    return max(1, int(np.median(np.concatenate(steps))))


def compute_beat_offset_s(one: Slice, other: Slice) -> float:
    """How much later a slice is acquired than another one within a heartbeat."""
    apart_s = one.times_s[:, None] - other.times_s[None]
    nearest_s = np.take_along_axis(apart_s, np.abs(apart_s).argmin(axis=1)[:, None], axis=1)[:, 0]
    return float(np.median(nearest_s))
