"""Frames that are no part of the first pass of a slice, by their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .consistency import Aside, find_typical_number
from .decoding import make_unreadable_error
from .frame import Frame
from .pixels import sample
from .slices import Slice

BRIGHT_PERCENTILE = 75
PROTON_DENSITY_RATIO = 1.5
MOST_PROTON_DENSITY_FRAMES = 8
BLANK_SHARE = 0.3  # chosen: part of an image that is lost to a transfer, and not to a mask
SPIKE_RATIO = 2.0  # chosen: how much brighter or darker one frame is than both neighbors, if it was prepared otherwise
FEW = 0.25  # chosen: share of the frames of a slice that may be set apart
SAME_ANGLE = 0.02  # relative difference of flip angles and inversion times that are one


@dataclass(frozen=True)
class Apart:
    """Frames that are no part of the first pass of a slice.

    mask : (T,) bool; notes, uncertainties : sentences on them
    """

    mask: np.ndarray
    notes: tuple[str, ...]
    uncertainties: tuple[str, ...]


def find_frames_apart(frames: Sequence[Frame], signal: np.ndarray, times_s: np.ndarray) -> Apart:
    """The frames of a slice that are no part of its first pass; leading proton-density images are not among them.

    Raises PerfusionError where many frames hold values that are no numbers.
    """
    broken = ~np.isfinite(signal).all(axis=(1, 2))
    if broken.mean() > FEW:
        raise make_unreadable_error(frames[int(np.argmax(broken))], "hold values that are no numbers")
    found = [(broken, "the pixels hold values that are no numbers", True)]
    signal = np.where(broken[:, None, None], 0, signal) if broken.any() else signal
    found.append((find_blank_frames(signal) & ~broken, "a large part of the image holds one value only", True))
    found.append(
        (find_repeated_frames(signal, times_s) & ~broken, "the pixels are those of the frame before, bit by bit", True)
    )
    out = np.any([mask for mask, *_ in found], axis=0)
    found += find_other_contrast(frames, signal, count_proton_density_frames(frames, signal), out)
    taken = np.zeros(len(frames), bool)
    notes: list[str] = []
    uncertainties: list[str] = []
    for mask, reason, is_uncertain in found:
        new = mask & ~taken
        if not new.any():
            continue
        odd = Aside(tuple(frames[index] for index in np.flatnonzero(new).tolist()), reason)
        if (taken | new).sum() <= max(1, FEW * len(frames)):
            taken |= new
            (uncertainties if is_uncertain else notes).append(odd.sentence)
        elif is_uncertain:
            uncertainties.append(
                f"{len(odd.frames)} of {len(frames)} frames of {frames[0].series} are used, although {reason}."
            )
    return Apart(taken, tuple(notes), tuple(uncertainties))


def find_blank_frames(signal: np.ndarray) -> np.ndarray:
    """(T,) bool, frames of which a large part holds the lowest or the highest value of the slice, unlike the others."""
    share = np.maximum(*((signal == value).mean(axis=(1, 2)) for value in (signal.min(), signal.max())))
    return share > np.median(share) + BLANK_SHARE


def find_repeated_frames(signal: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(T,) bool, frames that repeat the one a heartbeat before them bit by bit; noise never does."""
    repeated = np.zeros(len(signal), bool)
    totals, steps_s = signal.sum(axis=(1, 2), dtype=float), np.diff(times_s)
    for index in (np.flatnonzero((np.diff(totals) == 0) & (steps_s < 1.5 * np.median(steps_s))) + 1).tolist():
        repeated[index] = np.ptp(signal[index]) > 0 and np.array_equal(signal[index], signal[index - 1])
    return repeated


def find_other_contrast(
    frames: Sequence[Frame], signal: np.ndarray, lead: int, out: np.ndarray
) -> list[tuple[np.ndarray, str, bool]]:
    """Frames whose magnetization was prepared otherwise, by header and brightness; mask, reason, uncertain or not."""
    bright = np.percentile(sample(signal), BRIGHT_PERCENTILE, axis=(1, 2))
    inside = ~out & (np.arange(len(frames)) >= lead)
    found = []
    for keyword in ("FlipAngle", "InversionTime"):
        usual = find_typical_number([frame for frame, yes in zip(frames, inside, strict=True) if yes], keyword)
        values = np.array([frame.number(keyword) for frame in frames])
        odd = inside & np.isfinite(values) & (np.abs(values - usual) > SAME_ANGLE * abs(usual))
        if odd.any():
            ratio = bright / np.maximum(compute_neighbors(bright, inside & ~odd), 1e-6)
            odd &= (ratio > PROTON_DENSITY_RATIO) | (ratio < 1 / PROTON_DENSITY_RATIO)
        if odd.any():
            said = sorted({f"{value:g}" for value in values[odd]})
            times = np.median(ratio[odd])
            reason = f"{keyword} is {' or '.join(said)} there and {usual:g} in the others, and signal {times:.1f} times"
            is_inside = np.flatnonzero(inside & ~odd).max(initial=0) > np.flatnonzero(odd).min()
            found.append((odd, f"{reason} that of the frames beside them", bool(is_inside)))
    last = np.flatnonzero(inside)
    behind = count_trailing_bright(bright[last])
    if behind:
        mask = np.zeros(len(frames), bool)
        mask[last[-behind:]] = True
        found.append(
            (mask, "they are more than 1.5 times as bright as the frames before them, without saturation", False)
        )
        inside = inside & ~mask
    spikes = np.zeros(len(frames), bool)
    for one in np.flatnonzero(inside)[1:-1].tolist():
        before, after = bright[:one][inside[:one]][-1], bright[one + 1 :][inside[one + 1 :]][0]
        spikes[one] = bright[one] > SPIKE_RATIO * max(before, after) or SPIKE_RATIO * bright[one] < min(before, after)
    found.append((spikes, "signal is more than twice, or less than half, that of the frames before and after", True))
    return found


def compute_neighbors(bright: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """(T,) the median of the four usable frames nearest to each frame."""
    places = np.flatnonzero(usable)
    nearest = [places[np.argsort(np.abs(places - index), kind="stable")[:4]] for index in range(len(bright))]
    return np.array([np.median(bright[one]) if one.size else np.nan for one in nearest])


def count_trailing_bright(bright: np.ndarray) -> int:
    """How many frames at the end are much brighter than those before them."""
    for count in range(min(MOST_PROTON_DENSITY_FRAMES, len(bright) // 3), 0, -1):
        before = bright[-count - 3 : -count]
        if bright[-count:].min() > PROTON_DENSITY_RATIO * before.max() and before.min() > 0:
            return count
    return 0


def remove_own_lead(
    pieces: Sequence[Slice], signals: Sequence[np.ndarray], leads: Sequence[int], lead: int
) -> tuple[tuple[Slice, ...], tuple[np.ndarray, ...], list[str]]:
    """Slices and signals without proton-density images that one slice alone has, and sentences that name these.

    leads : how many each slice begins with; lead : how many the scan does
    """
    kept, left, said = [], [], []
    for one, signal, own in zip(pieces, signals, leads, strict=True):
        odd = np.arange(len(signal)) < own
        odd[:lead] = False
        if odd.any():
            frames = tuple(one.frames[index] for index in np.flatnonzero(odd).tolist())
            said.append(Aside(frames, "they begin their slice like proton-density images, and no other slice").sentence)
        kept.append(one.with_times(np.where(odd, np.nan, one.times_s)) if odd.any() else one)
        left.append(signal[~odd] if odd.any() else signal)
    return tuple(kept), tuple(left), said


def count_proton_density_frames(frames: Sequence[Frame], signal: np.ndarray) -> int:
    """How many leading frames were acquired without saturation.

    They differ in flip angle or inversion time, or are much brighter than the frames that follow them.
    """
    most = min(MOST_PROTON_DENSITY_FRAMES, len(frames) // 3)
    for keyword, tolerance in (("FlipAngle", 0.02), ("InversionTime", 0.02)):
        values = np.array([frame.number(keyword) for frame in frames])
        same = np.isclose(values[1:], values[:-1], rtol=tolerance, atol=0, equal_nan=True)
        changed = np.flatnonzero(~same) + 1
        if len(changed) == 1 and changed[0] <= most:
            return int(changed[0])
    bright = np.percentile(sample(signal[: most + 4]), BRIGHT_PERCENTILE, axis=(1, 2))
    for count in range(most, 0, -1):
        baseline = bright[count : count + 3]
        if bright[:count].min() > PROTON_DENSITY_RATIO * baseline.max() and baseline.min() > 0:
            return count
    return 0
