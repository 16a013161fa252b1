"""Images that are there twice: the very pixels of another frame, which noise never repeats."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from .consistency import Aside, name_images
from .continuity import normalize_pictures
from .slices import Slice

MOST_REPEATED = 0.25  # chosen: share of the frames of a slice that may be left out
Place = tuple[int, int]
"""A slice and a frame of it."""


def find_repeats(signals: Sequence[np.ndarray]) -> dict[Place, Place]:
    """Frames with the pixels of a frame that resembles its own neighbors more, and where that one is."""
    places = [(index, frame) for index, signal in enumerate(signals) for frame in range(len(signal))]
    of_middle = [signals[index][frame, signals[index].shape[1] // 2].tobytes() for index, frame in places]
    count = Counter(of_middle)
    by_pixels: dict[bytes, list[Place]] = defaultdict(list)
    for (index, frame), middle in zip(places, of_middle, strict=True):
        if count[middle] > 1:  # few images share their middle row by chance; only these are compared pixel by pixel
            by_pixels[hashlib.blake2b(signals[index][frame].tobytes(), digest_size=16).digest()].append((index, frame))
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
    alike = [
        compute_resemblance(normalize_pictures(signal), mask) for signal, mask in zip(signals, repeated, strict=True)
    ]
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


def compute_resemblance(images: np.ndarray, repeated: np.ndarray) -> np.ndarray:
    """(T,) how much each reduced image resembles the nearest ones before and after it that are there once."""
    once = np.flatnonzero(~repeated)
    if not once.size:
        return np.zeros(len(images))
    places = np.arange(len(images))
    before = once[np.maximum(np.searchsorted(once, places, side="left") - 1, 0)]
    after = once[np.minimum(np.searchsorted(once, places, side="right"), len(once) - 1)]
    return np.asarray(((images * images[before]).sum(axis=(1, 2)) + (images * images[after]).sum(axis=(1, 2))) / 2)


def remove_repeated(
    pieces: Sequence[Slice], signals: Sequence[np.ndarray]
) -> tuple[list[Slice], list[np.ndarray], list[str]]:
    """Slices and signals of a scan without images that repeat another one of it, and sentences that name these."""
    found = find_repeats(signals)
    kept, left, said = list(pieces), list(signals), []
    for index, (one, signal) in enumerate(zip(pieces, signals, strict=True)):
        sources = {frame: source for (at, frame), source in found.items() if at == index}
        if not sources:
            continue
        odd = Aside(tuple(one.frames[frame] for frame in sources), describe_source(pieces, list(sources.values())))
        if len(sources) > MOST_REPEATED * len(signal):
            said.append(
                f"{len(sources)} of {len(signal)} frames of {one.first.series} are used, although {odd.reason}."
            )
            continue
        mask = np.isin(np.arange(len(signal)), list(sources))
        kept[index], left[index] = one.with_times(np.where(mask, np.nan, one.times_s)), signal[~mask]
        said.append(odd.sentence)
    return kept, left, said


def describe_source(pieces: Sequence[Slice], sources: Sequence[Place]) -> str:
    """Whose pixels repeated images have."""
    named = name_images([pieces[index].frames[frame] for index, frame in sources])
    return f"the pixels are those of {named}, bit by bit"
