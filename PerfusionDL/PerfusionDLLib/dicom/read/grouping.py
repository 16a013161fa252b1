"""Which images are one series: by their identifier, or where that was changed, by number, description and geometry."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from . import clock
from .beginnings import OF_IMAGES, has_running_clock
from .frame import Frame

LONGEST_BREAK_S = 5.0  # chosen: some heartbeats; another injection comes minutes later
FEWEST_OF_SCAN = 12  # chosen: images of one place, of which a scan has at least as many
OTHER_HEART = 1.08  # chosen: ratio of intervals that are those of two scans
MANY_SERIES = 8  # chosen: a scan that is spread over this many series has one for each heartbeat


def group_series(frames: Iterable[Frame]) -> list[list[Frame]]:
    """The images of each series, in the order of the series numbers.

    Series of few images that agree in number and description, or at least in description and size, are one.
    """
    by_uid: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_uid[frame.text("SeriesInstanceUID")].append(frame)
    groups = list(by_uid.values())
    for key in (key_by_number, key_by_description):
        groups = merge(groups, key)
    for key in (key_by_protocol, key_by_own_number):
        groups = join_continuations(groups, key)
    whole = [part for group in groups for part in split_by_interval(group)]
    return sorted(whole, key=key_by_series)


def split_by_interval(group: list[Frame]) -> list[list[Frame]]:
    """A series without a clock cut where the heartbeats change for good: rest and stress in one."""
    if has_running_clock(group, OF_IMAGES):
        return [group]
    ordered = sorted(group, key=lambda frame: frame.number("InstanceNumber"))
    for keyword in ("NominalInterval", "HeartRate"):
        values = np.array([frame.number(keyword) for frame in ordered])
        changes = np.flatnonzero(np.diff(values)) + 1
        if not np.isfinite(values).all() or len(changes) != 1 or min(values) <= 0:
            continue
        parts = [ordered[: changes[0]], ordered[changes[0] :]]
        if min(map(count_images_at_one_place, parts)) >= FEWEST_OF_SCAN and max(values) > OTHER_HEART * min(values):
            return parts
    return [group]


def join_continuations(groups: Sequence[list[Frame]], key) -> list[list[Frame]]:
    """Groups that share a key put together where one goes on where the other ends: a series cut in two on its way."""
    alike: dict[tuple, list[list[Frame]]] = defaultdict(list)
    for group in groups:
        alike[(*key(group), group[0].text("StudyInstanceUID"))].append(group)
    joined: list[list[Frame]] = []
    for members in alike.values():
        if len(members) < 2:
            joined += members
            continue
        timed = sorted(((*find_times(group), group) for group in members), key=lambda one: one[:2])
        last_s, home = timed[0][1], list(timed[0][2])
        for begin_s, end_s, group in timed[1:]:
            if 0 < begin_s - last_s < LONGEST_BREAK_S and is_at_same_positions(home, group):
                home += group
            else:
                joined.append(home)
                home = list(group)
            last_s = end_s
        joined.append(home)
    return joined


def key_by_protocol(group: Sequence[Frame]) -> tuple:
    """Protocol and size of a series, whose description may say which part of it this is; else its description."""
    kind, description, protocol, *size = key_by_description(group)
    return (kind, protocol or description, *size)


def key_by_own_number(group: Sequence[Frame]) -> tuple:
    """Number and size of a series, whatever it is called; without a number nothing that another one has."""
    kind, _, _, *size = key_by_description(group)
    return (kind, group[0].text("SeriesNumber") or id(group), *size)


def find_times(group: Sequence[Frame]) -> tuple[float, float]:
    """Time of day of the first and of the last image of a group, s; NaN where it is not known."""
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime"):
        times_s = clock.read_clock(group, keyword)
        if np.isfinite(times_s).all() and np.ptp(times_s) > 0:
            return float(times_s.min()), float(times_s.max())
    return float("nan"), float("nan")


def is_at_same_positions(group: Sequence[Frame], other: Sequence[Frame]) -> bool:
    """Whether two groups show the same places."""
    places = [{frame.text("ImagePositionPatient") for frame in each} for each in (group, other)]
    return places[0] == places[1]


def merge(groups: Sequence[list[Frame]], key) -> list[list[Frame]]:
    """Groups of few images that share a key put together, where they are many."""
    alike: dict[tuple, list[list[Frame]]] = defaultdict(list)
    for group in groups:
        alike[key(group)].append(group)
    merged = []
    for members in alike.values():
        places = [count_images_at_one_place(group) for group in members]
        if len(members) >= MANY_SERIES and np.median(places) <= 2:
            merged.append([frame for group in members for frame in group])
        else:
            merged += members
    return merged


def count_images_at_one_place(group: Sequence[Frame]) -> int:
    """How many images of a group share a position."""
    places: dict[str, int] = defaultdict(int)
    for frame in group:
        places[frame.text("ImagePositionPatient")] += 1
    return max(places.values())


def key_by_number(group: Sequence[Frame]) -> tuple:
    """Number, description and size of a series."""
    return (group[0].text("SeriesNumber"), *key_by_description(group))


def key_by_description(group: Sequence[Frame]) -> tuple:
    """Description, patient and size of a series."""
    keywords = ("Modality", "SeriesDescription", "ProtocolName", "Rows", "Columns", "SequenceName")
    return tuple(group[0].text(keyword) for keyword in keywords)


def key_by_series(series: Sequence[Frame]) -> tuple[float, str]:
    """Key that sorts series by number, those without one last."""
    number = series[0].number("SeriesNumber")
    return (number if np.isfinite(number) else np.inf, series[0].text("SeriesInstanceUID"))
