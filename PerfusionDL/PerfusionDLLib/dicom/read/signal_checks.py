"""What the values of the pixels tell: ceilings, padding, loss, and frames that are no part of the first pass."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...data.errors import PerfusionError
from ...data.flag import FlagCode
from .consistency import Aside, Doubt, typical_number
from .decoding import is_lossy, unreadable
from .frame import Frame
from .pixels import block_curves, rescale

BRIGHT_PERCENTILE = 75
PROTON_DENSITY_RATIO = 1.5
MOST_PROTON_DENSITY_FRAMES = 8
EIGHT_BITS = 8
CLIPPED_PIXELS = 4  # chosen: pixels of one frame that share the highest value of the slice
CLIPPED_FRAMES = 2
BLANK_SHARE = 0.3  # chosen: part of an image that is lost to a transfer, and not to a mask
SAMPLED_SIDE = 48  # chosen: pixels per side, of which percentiles are as good as those of all
STILL_SHARE = 0.6  # a pixel at the ceiling in more of the frames is padding or fat, no bolus
ALIKE_TOPS = 0.9  # chosen: share of the frames with the same highest value, above which each was scaled alone
IN_NO_ORDER = 0.7  # chosen: roughness over that of a random order, which has 0.9 to 1; perfusion has 0.1 to 0.3
DARKEST = 0.12  # chosen: air, lung or noise has 0 to 0.08 of the brightest percentile
DEEPEST = 0.1  # chosen: lowest value over the highest, negative, that no filter makes of a magnitude
SPIKE_RATIO = 2.0  # chosen: how much brighter or darker one frame is than both neighbors, if it was prepared otherwise
MOST_SPIKES = 0.05  # chosen: more of them are no failures of single frames
FEW = 0.25  # chosen: share of the frames of a slice that may be set apart
SAME_ANGLE = 0.02  # relative difference of flip angles and inversion times that are one


def check_signal(frames: Sequence[Frame], signal: np.ndarray) -> tuple[list[str], list[str]]:
    """Notes and doubts on the values of the pixels: cut off at a ceiling, negative, compressed with loss.

    Raises PerfusionError for 8-bit copies whose brightest blood is cut off.
    """
    notes: list[str] = []
    doubts: list[str] = []
    series = frames[0].series
    if np.ptp(signal) == 0:
        return [], [f"All pixels of a slice of {series} hold the same value ({signal.max():g})."]
    padding = (signal >= signal.max()).mean(axis=0) >= STILL_SHARE
    top = float(signal.max(where=~padding, initial=0))
    at_top = (signal >= top) & ~padding
    at_top &= at_top.mean(axis=0) < STILL_SHARE
    per_frame = at_top.sum(axis=(1, 2))
    clipped = (per_frame >= CLIPPED_PIXELS).sum() >= CLIPPED_FRAMES and top > 0
    narrow = frames[0].number("BitsStored") <= EIGHT_BITS
    if clipped and narrow:
        raise PerfusionError(
            f"The images of {series} are copies of 8 bits with the display window burnt in: their brightest pixels are "
            f"cut off at {top:g} in {int((per_frame > 0).sum())} frames, so that the blood cannot be measured.",
            "Send the original images of 12 or 16 bits from the scanner or its archive.",
        )
    if clipped:
        doubts.append(
            f"The brightest pixels of {series} are cut off at {top:g}: up to {per_frame.max()} pixels in "
            f"{int((per_frame >= CLIPPED_PIXELS).sum())} frames. The arterial peak is too low, and flow too high."
        )
    if narrow:
        doubts.append(f"The images of {series} have 8 bits; a display window may be burnt in, and flow may be off.")
    low, high = np.percentile(sample(signal[:: max(1, len(signal) // 16)]), (1, 99))
    if low < -0.02 * top or signal.min() < -DEEPEST * top:
        doubts.append(
            f"The images of {series} have negative values (down to {signal.min():g}) and are no plain magnitude."
        )
    if low > DARKEST * high:
        doubts.append(f"The darkest pixels of {series} have a signal of {low:g}: an offset may have been added.")
    if is_scaled_by_frame(signal):
        doubts.append(
            f"The brightest pixel of nearly every frame of {series} is {np.median(signal.max(axis=(1, 2))):g}: each "
            "frame seems to be scaled for itself, so that signal cannot be compared between frames."
        )
    if is_in_no_order(signal):
        sentence = f"Signal of {series} jumps from frame to frame as it would in a random order: check its order."
        doubts.append(Doubt(sentence, FlagCode.CLOCK_UNCERTAIN))
    if any(map(is_lossy, frames)):
        doubts.append(f"The images of {series} were compressed with loss; flow may be off.")
    return notes, doubts


def without_padding(frames: Sequence[Frame], signal: np.ndarray) -> tuple[np.ndarray, str]:
    """The signal with the padding that the header names darkened where it is the brightest; a sentence, or "".

    A round field of view has corners that are no part of the patient; fat near the coil is not as bright.
    """
    slope, intercept = rescale(frames[0])
    value = np.float32(frames[0].number("PixelPaddingValue") * slope + intercept)
    padding = (signal == value).mean(axis=0) >= STILL_SHARE
    if not padding.any() or padding.all() or value < signal[:, ~padding].max():
        return signal, ""
    found = np.where(padding, signal[:, ~padding].min(), signal)
    said = f"{padding.mean():.0%} of the pixels of {frames[0].series} hold PixelPaddingValue"
    return found, f"{said} ({frames[0].text('PixelPaddingValue')[:12]}); they were taken as dark."


def blank_frames(signal: np.ndarray) -> np.ndarray:
    """(T,) bool, frames of which a large part holds the lowest or the highest value of the slice, unlike the others."""
    share = np.maximum(*((signal == value).mean(axis=(1, 2)) for value in (signal.min(), signal.max())))
    return share > np.median(share) + BLANK_SHARE


def proton_density_frames(frames: Sequence[Frame], signal: np.ndarray) -> int:
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


def sample(signal: np.ndarray) -> np.ndarray:
    """Every second, third, ... pixel of large images: enough for percentiles."""
    step = max(1, min(signal.shape[1:]) // SAMPLED_SIDE)
    return signal[:, ::step, ::step]


def is_in_no_order(signal: np.ndarray) -> bool:
    """Whether signal jumps from frame to frame about as much as it would in a random order."""
    curves = block_curves(signal)
    steps = np.abs(np.diff(curves, axis=0)).sum(axis=1).mean()
    apart = np.mean([np.abs(curves - one).sum(axis=1).sum() / (len(curves) - 1) for one in curves])
    return bool(steps > IN_NO_ORDER * apart)


def is_scaled_by_frame(signal: np.ndarray) -> bool:
    """Whether nearly every frame has the same highest value, in a pixel or two; a ceiling cuts off more of them."""
    tops = signal.max(axis=(1, 2))
    at_top = (signal == tops[:, None, None]).sum(axis=(1, 2))
    return bool((tops == np.median(tops)).mean() >= ALIKE_TOPS and at_top.max() < CLIPPED_PIXELS)


@dataclass(frozen=True)
class Apart:
    """Frames that are no part of the first pass of a slice.

    mask : (T,) bool; notes, doubts : sentences on them
    """

    mask: np.ndarray
    notes: tuple[str, ...]
    doubts: tuple[str, ...]


def frames_apart(frames: Sequence[Frame], signal: np.ndarray, times_s: np.ndarray) -> Apart:
    """The frames of a slice that are no part of its first pass; leading proton-density images are not among them.

    Raises PerfusionError where many frames hold values that are no numbers.
    """
    broken = ~np.isfinite(signal).all(axis=(1, 2))
    if broken.mean() > FEW:
        raise unreadable(frames[int(np.argmax(broken))], "hold values that are no numbers")
    found = [(broken, "the pixels hold values that are no numbers", True)]
    signal = np.where(broken[:, None, None], 0, signal) if broken.any() else signal
    found.append((blank_frames(signal) & ~broken, "a large part of the image holds one value only", True))
    found.append(
        (repeated_frames(signal, times_s) & ~broken, "the pixels are those of the frame before, bit by bit", True)
    )
    out = np.any([mask for mask, *_ in found], axis=0)
    found += other_contrast(frames, signal, proton_density_frames(frames, signal), out)
    taken = np.zeros(len(frames), bool)
    notes: list[str] = []
    doubts: list[str] = []
    for mask, reason, is_doubt in found:
        new = mask & ~taken
        if not new.any():
            continue
        odd = Aside(tuple(frames[index] for index in np.flatnonzero(new).tolist()), reason)
        if (taken | new).sum() <= max(1, FEW * len(frames)):
            taken |= new
            (doubts if is_doubt else notes).append(odd.sentence)
        elif is_doubt:
            doubts.append(
                f"{len(odd.frames)} of {len(frames)} frames of {frames[0].series} are used, although {reason}."
            )
    return Apart(taken, tuple(notes), tuple(doubts))


def repeated_frames(signal: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(T,) bool, frames that repeat the one a heartbeat before them bit by bit; noise never does."""
    repeated = np.zeros(len(signal), bool)
    totals, steps_s = signal.sum(axis=(1, 2), dtype=float), np.diff(times_s)
    for index in (np.flatnonzero((np.diff(totals) == 0) & (steps_s < 1.5 * np.median(steps_s))) + 1).tolist():
        repeated[index] = np.ptp(signal[index]) > 0 and np.array_equal(signal[index], signal[index - 1])
    return repeated


def other_contrast(
    frames: Sequence[Frame], signal: np.ndarray, lead: int, out: np.ndarray
) -> list[tuple[np.ndarray, str, bool]]:
    """Frames whose magnetization was prepared otherwise, by header and brightness; mask, reason, whether a doubt."""
    bright = np.percentile(sample(signal), BRIGHT_PERCENTILE, axis=(1, 2))
    inside = ~out & (np.arange(len(frames)) >= lead)
    found = []
    for keyword in ("FlipAngle", "InversionTime"):
        usual = typical_number([frame for frame, yes in zip(frames, inside, strict=True) if yes], keyword)
        values = np.array([frame.number(keyword) for frame in frames])
        odd = inside & np.isfinite(values) & (np.abs(values - usual) > SAME_ANGLE * abs(usual))
        if odd.any():
            ratio = bright / np.maximum(neighbors(bright, inside & ~odd), 1e-6)
            odd &= (ratio > PROTON_DENSITY_RATIO) | (ratio < 1 / PROTON_DENSITY_RATIO)
        if odd.any():
            said = sorted({f"{value:g}" for value in values[odd]})
            times = np.median(ratio[odd])
            reason = f"{keyword} is {' or '.join(said)} there and {usual:g} in the others, and signal {times:.1f} times"
            is_inside = np.flatnonzero(inside & ~odd).max(initial=0) > np.flatnonzero(odd).min()
            found.append((odd, f"{reason} that of the frames beside them", bool(is_inside)))
    last = np.flatnonzero(inside)
    behind = trailing_bright(bright[last])
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


def neighbors(bright: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """(T,) the median of the four usable frames nearest to each frame."""
    places = np.flatnonzero(usable)
    nearest = [places[np.argsort(np.abs(places - index), kind="stable")[:4]] for index in range(len(bright))]
    return np.array([np.median(bright[one]) if one.size else np.nan for one in nearest])


def trailing_bright(bright: np.ndarray) -> int:
    """How many frames at the end are much brighter than those before them."""
    for count in range(min(MOST_PROTON_DENSITY_FRAMES, len(bright) // 3), 0, -1):
        before = bright[-count - 3 : -count]
        if bright[-count:].min() > PROTON_DENSITY_RATIO * before.max() and before.min() > 0:
            return count
    return 0
