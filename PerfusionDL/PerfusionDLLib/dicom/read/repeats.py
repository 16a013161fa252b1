"""Images that are there twice: the very pixels of another frame, which noise never repeats."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...data.flag import FlagCode, make_flag
from ...data.study import Condition, PerfusionSeries, Scan
from .consistency import Aside, name_images
from .continuity import pictures
from .slices import Slice

MOST_REPEATED = 0.25  # chosen: share of the frames of a slice that may be left out
Place = tuple[int, int]
"""A slice and a frame of it."""


def find_repeats(signals: Sequence[np.ndarray]) -> dict[Place, Place]:
    """Frames with the pixels of a frame that resembles its own neighbors more, and where that one is."""
    by_pixels: dict[bytes, list[Place]] = defaultdict(list)
    for index, signal in enumerate(signals):
        for frame, image in enumerate(signal):
            digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
            by_pixels[digest].append((index, frame))
    several = [places for places in by_pixels.values() if len(places) > 1]
    if not several:
        return {}
    repeated = [np.zeros(len(signal), bool) for signal in signals]
    groups: dict[tuple[int, ...], list[list[Place]]] = defaultdict(list)
    for places in several:
        index, frame = places[0]
        if np.ptp(signals[index][frame]) == 0:
            continue
        groups[tuple(sorted({at for at, _ in places}))].append(places)
        for at, frame in places:
            repeated[at][frame] = True
    alike = [resemblance(pictures(signal), mask) for signal, mask in zip(signals, repeated, strict=True)]
    found: dict[Place, Place] = {}
    for slices, members in groups.items():
        if len(slices) > 1:  # images of one slice in another one: all of them came from the same side
            home = max(
                slices,
                key=lambda at: np.mean([alike[at][frame] for places in members for i, frame in places if i == at]),
            )
        for places in members:
            there = [place for place in places if len(slices) == 1 or place[0] == home]
            right = max(there, key=lambda place: alike[place[0]][place[1]])
            found |= {place: right for place in places if place != right}
    return found


def resemblance(images: np.ndarray, repeated: np.ndarray) -> np.ndarray:
    """(T,) how much each reduced image resembles the nearest ones before and after it that are there once."""
    once = np.flatnonzero(~repeated)
    if not once.size:
        return np.zeros(len(images))
    places = np.arange(len(images))
    before = once[np.maximum(np.searchsorted(once, places, side="left") - 1, 0)]
    after = once[np.minimum(np.searchsorted(once, places, side="right"), len(once) - 1)]
    return np.asarray(((images * images[before]).sum(axis=(1, 2)) + (images * images[after]).sum(axis=(1, 2))) / 2)


def without_repeated(
    pieces: Sequence[Slice], signals: Sequence[np.ndarray]
) -> tuple[list[Slice], list[np.ndarray], list[str]]:
    """Slices and signals of a scan without images that repeat another one of it, and sentences that name these."""
    found = find_repeats(signals)
    kept, left, said = list(pieces), list(signals), []
    for index, (one, signal) in enumerate(zip(pieces, signals, strict=True)):
        sources = {frame: source for (at, frame), source in found.items() if at == index}
        if not sources:
            continue
        odd = Aside(tuple(one.frames[frame] for frame in sources), said_source(pieces, list(sources.values())))
        if len(sources) > MOST_REPEATED * len(signal):
            said.append(
                f"{len(sources)} of {len(signal)} frames of {one.first.series} are used, although {odd.reason}."
            )
            continue
        mask = np.isin(np.arange(len(signal)), list(sources))
        kept[index], left[index] = one.with_times(np.where(mask, np.nan, one.times_s)), signal[~mask]
        said.append(odd.sentence)
    return kept, left, said


def said_source(pieces: Sequence[Slice], sources: Sequence[Place]) -> str:
    """Whose pixels repeated images have."""
    named = name_images([pieces[index].frames[frame] for index, frame in sources])
    return f"the pixels are those of {named}, bit by bit"


def without_repeats_of(scans: Mapping[Condition, Scan]) -> dict[Condition, Scan]:
    """The scans without images that lie in both of them, of which one does not fit in; flags say which."""
    places = [(which, index) for which, scan in scans.items() for index in range(len(scan.slices))]
    found = find_repeats([scans[which].slices[index].signal for which, index in places])
    gone: dict[tuple[Condition, int], list[int]] = defaultdict(list)
    for (at, frame), (source, _) in found.items():
        if places[at][0] != places[source][0]:
            gone[places[at]].append(frame)
    mended = dict(scans)
    for (which, index), frames in sorted(gone.items()):
        scan = mended[which]
        one = scan.slices[index]
        times = ", ".join(f"{one.times_s[frame]:.1f}" for frame in frames[:6]) + " and more" * (len(frames) > 6)
        other = next(name for name in scans if name != which)
        images = f"{len(frames)} of {len(one.signal)} images of slice {index + 1} ({times} s after the first)"
        too_many = len(frames) > MOST_REPEATED * len(one.signal)
        if too_many:
            sentence = f"{images} are used, although they hold the pixels of images of {other}, bit by bit."
        else:
            sentence = (
                f"{images} are not used: they hold the pixels of images of {other}, bit by bit, and fit in there."
            )
        slices = tuple(
            with_finding(without_frames(each, frames) if at == index and not too_many else each, sentence)
            for at, each in enumerate(scan.slices)
        )
        assumption = make_flag(FlagCode.READ_AS, found=sentence)
        mended[which] = replace(scan, slices=slices, assumptions=(*scan.assumptions, assumption))
    return mended


def without_frames(series: PerfusionSeries, frames: Sequence[int]) -> PerfusionSeries:
    """A series without some of its frames."""
    kept = np.delete(np.arange(len(series.signal)), frames)
    uids = tuple(series.instance_uids[index] for index in kept.tolist()) if series.instance_uids else ()
    return replace(series, signal=series.signal[kept], times_s=series.times_s[kept], instance_uids=uids)


def with_finding(series: PerfusionSeries, text: str) -> PerfusionSeries:
    """A series with one more finding on its acquisition."""
    flag = make_flag(FlagCode.IMAGES_MISSING, found=text)
    acquisition = replace(series.acquisition, findings=(*series.acquisition.findings, flag))
    return replace(series, acquisition=acquisition)
