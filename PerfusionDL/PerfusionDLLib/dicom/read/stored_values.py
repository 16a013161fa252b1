"""What the stored values of the pixels tell: a ceiling, padding, an offset, a scale of each frame, loss, disorder."""

from collections.abc import Sequence

import numpy as np

from ...data.errors import PerfusionError
from ...data.flag import FlagCode
from .consistency import Uncertainty
from .decoding import is_lossy
from .frame import Frame
from .pixels import compute_block_curves, read_rescale, sample

EIGHT_BITS = 8
CLIPPED_PIXELS = 4  # chosen: pixels of one frame that share the highest value of the slice
CLIPPED_FRAMES = 2
STILL_SHARE = 0.6  # a pixel at the ceiling in more of the frames is padding or fat, no bolus
ALIKE_TOPS = 0.9  # chosen: share of the frames with the same highest value, above which each was scaled alone
IN_NO_ORDER = 0.7  # chosen: roughness over that of a random order, which has 0.9 to 1; perfusion has 0.1 to 0.3
DARKEST = 0.12  # chosen: air, lung or noise has 0 to 0.08 of the brightest percentile
LOWEST = 0.05  # chosen: the darkest pixel of 34 phantoms and in vivo has 0, because the magnitude of noise reaches it
DEEPEST = 0.1  # chosen: lowest value over the highest, negative, that no filter makes of a magnitude


def check_signal(frames: Sequence[Frame], signal: np.ndarray) -> tuple[list[str], list[str]]:
    """Notes and uncertainties on the values of the pixels: cut off at a ceiling, negative, compressed with loss.

    Raises PerfusionError for 8-bit copies whose brightest blood is cut off.
    """
    notes: list[str] = []
    uncertainties: list[str] = []
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
        uncertainties.append(
            f"The brightest pixels of {series} are cut off at {top:g}: up to {per_frame.max()} pixels in "
            f"{int((per_frame >= CLIPPED_PIXELS).sum())} frames. The arterial peak is too low, and flow too high."
        )
    if narrow:
        uncertainties.append(
            f"The images of {series} have 8 bits; a display window may be burnt in, and flow may be off."
        )
    low, high = np.percentile(sample(signal[:: max(1, len(signal) // 16)]), (1, 99))
    if low < -0.02 * top or signal.min() < -DEEPEST * top:
        uncertainties.append(
            f"The images of {series} have negative values (down to {signal.min():g}) and are no plain magnitude."
        )
    if low > DARKEST * high or signal.min() > LOWEST * high:
        uncertainties.append(f"The darkest pixels of {series} have a signal of {low:g}: an offset may have been added.")
    if is_scaled_by_frame(signal):
        uncertainties.append(
            f"The brightest pixel of nearly every frame of {series} is {np.median(signal.max(axis=(1, 2))):g}: each "
            "frame seems to be scaled for itself, so that signal cannot be compared between frames."
        )
    if is_in_no_order(signal):
        sentence = f"Signal of {series} jumps from frame to frame as it would in a random order: check its order."
        uncertainties.append(Uncertainty(sentence, FlagCode.CLOCK_UNCERTAIN))
    if any(map(is_lossy, frames)):
        uncertainties.append(f"The images of {series} were compressed with loss; flow may be off.")
    return notes, uncertainties


def remove_padding(frames: Sequence[Frame], signal: np.ndarray) -> tuple[np.ndarray, str]:
    """The signal with the padding that the header names darkened where it is the brightest; a sentence, or "".

    A round field of view has corners that are no part of the patient; fat near the coil is not as bright.
    """
    slope, intercept = read_rescale(frames[0])
    value = np.float32(frames[0].number("PixelPaddingValue") * slope + intercept)
    padding = (signal == value).mean(axis=0) >= STILL_SHARE
    if not padding.any() or padding.all() or value < signal[:, ~padding].max():
        return signal, ""
    found = np.where(padding, signal[:, ~padding].min(), signal)
    said = f"{100 * padding.mean():.0f} % of the pixels of {frames[0].series} hold PixelPaddingValue"
    return found, f"{said} ({frames[0].text('PixelPaddingValue')[:12]}); they were taken as dark."


def is_in_no_order(signal: np.ndarray) -> bool:
    """Whether signal jumps from frame to frame about as much as it would in a random order."""
    curves = compute_block_curves(signal)
    steps = np.abs(np.diff(curves, axis=0)).sum(axis=1).mean()
    apart = np.mean([np.abs(curves - one).sum(axis=1).sum() / (len(curves) - 1) for one in curves])
    return bool(steps > IN_NO_ORDER * apart)


def is_scaled_by_frame(signal: np.ndarray) -> bool:
    """Whether nearly every frame has the same highest value, in a pixel or two; a ceiling cuts off more of them."""
    tops = signal.max(axis=(1, 2))
    at_top = (signal == tops[:, None, None]).sum(axis=(1, 2))
    return bool((tops == np.median(tops)).mean() >= ALIKE_TOPS and at_top.max() < CLIPPED_PIXELS)
