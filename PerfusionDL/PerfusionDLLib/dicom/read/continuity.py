"""Images that are turned over or lie in another slice from the middle of a scan on, by their pixels.

Tissue beside the heart hardly changes from heartbeat to heartbeat, so that each image resembles those before it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .consistency import capitalize, name_images
from .frame import Frame
from .losses import compute_beat_offset_s
from .pixels import reduce_images
from .slices import Slice

BEFORE = 3  # chosen: frames that an image is compared with; a breath lasts about as long
ALIKE = 0.6  # chosen: correlation with the images before; in phantoms at least 0.8
SURELY_TURNED = 0.1  # chosen: gain of correlation; phantoms lose at least 0.28 when they are turned over
SURELY_EXCHANGED = 0.02  # chosen: gain of correlation of each slice; phantoms lose 0.01 to 0.25 when exchanged

TURNS: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
    ("", lambda images: images),
    ("mirrored left to right", lambda images: images[..., ::-1]),
    ("upside down", lambda images: images[..., ::-1, :]),
    ("turned by 180 degrees", lambda images: images[..., ::-1, ::-1]),
    ("mirrored at a diagonal", lambda images: images.swapaxes(-1, -2)),
    ("turned by 90 degrees", lambda images: images.swapaxes(-1, -2)[..., ::-1, :]),
    ("turned by 90 degrees", lambda images: images.swapaxes(-1, -2)[..., ::-1]),
    ("mirrored at a diagonal", lambda images: images.swapaxes(-1, -2)[..., ::-1, ::-1]),
)
"""What images may have undergone, and what brings them back; the last four where they are square."""
BACK = (0, 1, 2, 3, 4, 6, 5, 7)
"""Which of `TURNS` undoes each of them."""


@dataclass(frozen=True)
class Found:
    """Slices of a scan with their signals, and uncertainties on what was put back."""

    pieces: tuple[Slice, ...]
    signals: tuple[np.ndarray, ...]
    uncertainties: tuple[str, ...] = ()

    @cached_property
    def images(self) -> list[np.ndarray]:
        """The `normalize_pictures` of each slice."""
        return list(map(normalize_pictures, self.signals))

    @property
    def smoothness(self) -> float:
        """Mean correlation of the images with those before them."""
        return float(np.concatenate([(each[1:] * each[:-1]).sum(axis=(1, 2)) for each in self.images]).mean())


def put_back(pieces: Sequence[Slice], signals: Sequence[np.ndarray]) -> Found:
    """Slices and signals of a scan with what was turned over or exchanged put back, and uncertainties that say so.

    A turned image may resemble another slice by chance, and the reverse: what makes images resemble each other most
    counts.
    """
    untouched = Found(tuple(pieces), tuple(signals))
    turned, exchanged = turn_back_images(untouched), exchange_back_slices(untouched)
    if not turned.uncertainties:
        return turn_back_images(exchanged) if exchanged.uncertainties else untouched
    if not exchanged.uncertainties:
        return exchange_back_slices(turned)
    return max(exchange_back_slices(turned), turn_back_images(exchanged), key=lambda one: one.smoothness)


def turn_back_images(found: Found) -> Found:
    """The same with the images of each slice as most of them lie."""
    each = zip(found.pieces, found.signals, found.images, strict=True)
    mended = [turn_upright(one.frames, signal, images) for one, signal, images in each]
    said = [sentence for _, sentences in mended for sentence in sentences]
    return Found(found.pieces, tuple(signal for signal, _ in mended), (*found.uncertainties, *said))


def turn_upright(frames: Sequence[Frame], signal: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The signal of a slice with all images as most of them lie, and sentences on those that were turned over.

    images : the `normalize_pictures` of the signal
    """
    found = find_turns(images)
    usual = Counter(found.tolist()).most_common(1)[0][0]
    mended, said = signal, []
    for turn in sorted(set(found.tolist()) - {usual}):
        odd = np.flatnonzero(found == turn)
        restored = TURNS[BACK[usual]][1](TURNS[turn][1](signal[odd]))
        mended = signal.copy() if mended is signal else mended
        mended[odd] = restored
        name = TURNS[turn if usual == 0 else BACK[usual] if turn == 0 else 3][0]
        said.append(
            f"{capitalize(name_images([frames[index] for index in odd.tolist()]))} show the slice {name} "
            f"against the {len(found) - len(odd)} others, by their pixels; they were turned back. Check which of both "
            "is right: the position of the AHA segments depends on it."
        )
    return mended, said


def find_turns(images: np.ndarray) -> np.ndarray:
    """(T,) which of `TURNS` makes each reduced image look like those before it."""
    ways = TURNS if images.shape[1] == images.shape[2] else TURNS[:4]
    found = np.zeros(len(images), int)
    restored = [images[0]]
    for index in range(1, len(images)):
        before = np.mean(restored[-BEFORE:], axis=0)
        alike = [float((turn(images[index]) * before).sum()) for _, turn in ways]
        best = int(np.argmax(alike))
        found[index] = best if alike[best] > max(ALIKE, alike[0] + SURELY_TURNED) else 0
        restored.append(TURNS[found[index]][1](images[index]))
    return found


def exchange_back_slices(found: Found) -> Found:
    """The same with the images in the slice that they show in most heartbeats."""
    pieces, signals = found.pieces, found.signals
    if len(pieces) < 2 or len({signal.shape[1:] for signal in signals}) > 1:
        return found
    beats = number_heartbeats(pieces)
    belongs = find_exchanges(found.images, beats)
    usual = Counter(map(tuple, belongs.tolist())).most_common(1)[0][0]
    moved = [(int(beat), index) for beat, row in enumerate(belongs) for index in np.flatnonzero(row != usual)]
    if not moved:
        return found
    home = np.argsort(usual)
    members: list[list[tuple[float, Frame, np.ndarray]]] = [[] for _ in pieces]
    odd: list[Frame] = []
    for index, (one, signal) in enumerate(zip(pieces, signals, strict=True)):
        for frame, time_s, image, beat in zip(one.frames, one.times_s, signal, beats[index], strict=True):
            target = int(home[belongs[beat][index]])
            members[target].append((float(time_s), frame, image))
            odd += [frame] if target != index else []
    ordered = [sorted(each, key=lambda one: one[0]) for each in members]
    sorted_pieces = [
        replace(one, frames=tuple(frame for _, frame, _ in each), times_s=np.array([time_s for time_s, *_ in each]))
        for one, each in zip(pieces, ordered, strict=True)
    ]
    sentence = (
        f"{capitalize(name_images(odd))} show another slice than their ImagePositionPatient says, by their "
        f"pixels: slices are exchanged in {len({beat for beat, _ in moved})} of {len(belongs)} heartbeats. They were "
        "put back to those they resemble. Check which slice is which: the levels depend on it."
    )
    images = tuple(np.stack([image for *_, image in each]) for each in ordered)
    return Found(tuple(sorted_pieces), images, (*found.uncertainties, sentence))


def number_heartbeats(pieces: Sequence[Slice]) -> list[np.ndarray]:
    """Per slice (T,) in which heartbeat of the fullest slice each frame was acquired."""
    fullest = max(pieces, key=lambda one: len(one.frames))
    times_s = [one.times_s - compute_beat_offset_s(one, fullest) for one in pieces]
    return [np.abs(one[:, None] - fullest.times_s[None]).argmin(axis=1) for one in times_s]


def find_exchanges(images: Sequence[np.ndarray], beats: Sequence[np.ndarray]) -> np.ndarray:
    """(B, S) which slice of the first heartbeats the image of each slice shows, heartbeat by heartbeat.

    Where it is not clear, and where a slice has no image, what was shown in the heartbeat before.
    """
    count = max(int(one.max()) for one in beats) + 1
    belongs = np.tile(np.arange(len(images)), (count, 1))
    shown: list[list[np.ndarray]] = [[] for _ in images]
    for beat in range(count):
        last = belongs[beat] = belongs[max(beat - 1, 0)]
        found = [one[which == beat] for one, which in zip(images, beats, strict=True)]
        if all(map(len, found)) and all(shown):
            before = np.stack([np.mean(each[-BEFORE:], axis=0) for each in shown])
            alike = np.einsum("iyx,jyx->ij", np.stack([each[-1] for each in found]), before)
            belongs[beat] = find_surely_shown(alike, last)
        for index, each in enumerate(found):
            shown[belongs[beat, index]] += list(each)
    return belongs


def find_surely_shown(alike: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """(S,) which slice each of several images shows, together; the usual one unless others resemble them more by far.

    alike : (S, S) correlation of each image with each slice

    >>> find_surely_shown(np.array([[0.8, 0.95], [0.95, 0.8]]), np.array([0, 1])).tolist()
    [1, 0]
    """
    if (alike.argmax(axis=1) == usual).all():
        return usual  # no other choice can resemble more; SciPy's assignment takes long to load
    from scipy.optimize import linear_sum_assignment

    rows, best = linear_sum_assignment(-alike)
    gain = alike[rows, best].sum() - alike[rows, usual].sum()
    return np.asarray(best) if gain > SURELY_EXCHANGED * max(1, (best != usual).sum()) else usual


def normalize_pictures(signal: np.ndarray) -> np.ndarray:
    """(T, Y, X) reduced images with mean 0 and sum of squares 1, so that their product is their correlation."""
    images = reduce_images(signal)
    images = images - images.mean(axis=(1, 2), keepdims=True)
    return images / np.maximum(np.sqrt((images**2).sum(axis=(1, 2), keepdims=True)), 1e-9)
