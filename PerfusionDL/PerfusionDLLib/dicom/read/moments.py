"""One image per moment and place: copies are left out; what shows the same moments again is a slice of its own."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from ...data.errors import PerfusionError
from .consistency import Aside
from .frame import Frame
from .pixels import PixelReader, compute_block_curves, digest_pixels

MOMENT = (
    *("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "TriggerTime"),
    *("TemporalPositionIdentifier", "PhilipsDynamicBeginTime", "TemporalPositionTimeOffset"),
)
CLOCKS = set(MOMENT) - {"AcquisitionDate"}
KINDS = ("ImageType", "EchoTime", "SeriesDescription", "FlipAngle", "InversionTime")
"""Attributes by which images of one moment may differ."""
MOSTLY = 0.8  # chosen: share of the moments that must be shown as often, so that a place holds several series
COPY = "another image of the same place and moment has the same pixels"
DERIVED_WORDS = ("derived", "moco", "motion corr", "motion_corr")


def is_derived(frame: Frame) -> bool:
    """Whether the scanner computed an image from others, e.g. its own motion correction."""
    text = f"{frame.text('ImageType').lower()} {frame.description}"
    return any(word in text for word in DERIVED_WORDS)


def split_by_moment(place: list[Frame]) -> tuple[list[list[Frame]], list[Aside]]:
    """The images of a place as series of one image per moment, and copies, which are not used.

    Where headers do not tell moments apart, the place is left as it is.
    """
    moments: dict[tuple[str, ...], list[Frame]] = defaultdict(list)
    for frame in place:
        moments[tuple(frame.text(keyword) for keyword in MOMENT)].append(frame)
    several = {key: members for key, members in moments.items() if len(members) > 1}
    if not several or len(moments) < 0.25 * len(place) or not has_clock(list(moments)):
        return [place], []
    copies: list[Frame] = []
    for members in several.values():
        copies += find_copies(members)
    gone = set(map(id, copies))
    left = [frame for frame in place if id(frame) not in gone]
    asides = [Aside(tuple(copies), COPY)] if copies else []
    crowded = [key for key, members in several.items() if len([one for one in members if id(one) not in gone]) > 1]
    if len(crowded) < MOSTLY * len(moments):
        return [left], asides
    return split_by_kind(left), asides


def has_clock(moments: Sequence[tuple[str, ...]]) -> bool:
    """Whether the moments differ in more than one value of a clock."""
    columns = zip(MOMENT, zip(*moments, strict=True), strict=True)
    return any(keyword in CLOCKS and len(set(values)) > 0.5 * len(moments) for keyword, values in columns)


def find_copies(members: Sequence[Frame]) -> list[Frame]:
    """Images of one moment that repeat the pixels of another one of them; of multi-frame files those that are equal."""
    if len({frame.path for frame in members}) < len(members):
        return []
    ordered = sorted(members, key=lambda frame: (is_derived(frame), frame.number("InstanceNumber"), frame.path))
    seen: set[tuple[str, int]] = set()
    copies = []
    for frame in ordered:
        digest = digest_pixels(frame)
        if digest and (digest, frame.index) in seen:
            copies.append(frame)
        seen.add((digest, frame.index))
    return copies


def split_by_kind(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Images divided by the first attribute that leaves one image per moment, else by their numbers."""
    for keyword in KINDS:
        groups: dict[str, list[Frame]] = defaultdict(list)
        for frame in frames:
            groups[frame.text(keyword)].append(frame)
        if len(groups) > 1 and all(map(is_single, groups.values())):
            return list(groups.values())
    turns: dict[tuple[str, ...], int] = defaultdict(int)
    layers: dict[int, list[Frame]] = defaultdict(list)
    for frame in sorted(frames, key=lambda one: (one.number("InstanceNumber"), one.index)):
        moment = tuple(frame.text(keyword) for keyword in MOMENT)
        layers[turns[moment]].append(frame)
        turns[moment] += 1
    found = list(layers.values())
    return [list(frames)] if len(found) == 2 and is_of_next_heartbeat(*found) else found


def is_of_next_heartbeat(first: Sequence[Frame], second: Sequence[Frame]) -> bool:
    """Whether the second images of each time show the heartbeat after the first ones, and not the same one again.

    Then their signal lies between that of the first ones and that of the next first ones.
    """
    count = min(len(first), len(second))
    try:
        mine, theirs = (compute_block_curves(PixelReader().read(one[:count])) for one in (first, second))
    except PerfusionError:
        return False
    theirs = theirs * (mine.sum() / max(theirs.sum(), 1e-6))
    between = (mine[:-1] + mine[1:]) / 2
    apart = float(np.abs(theirs[:-1] - between).sum())
    return bool(apart < min(np.abs(theirs[:-1] - mine[:-1]).sum(), np.abs(np.diff(mine, axis=0)).sum()))


def is_single(frames: Sequence[Frame]) -> bool:
    """Whether no two images show the same moment."""
    moments = [tuple(frame.text(keyword) for keyword in MOMENT) for frame in frames]
    return len(set(moments)) == len(moments)
