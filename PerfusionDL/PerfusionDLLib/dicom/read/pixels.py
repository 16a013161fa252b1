"""Pixels of the frames of a slice, on one linear scale."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom

from ...data.errors import PerfusionError
from .consistency import is_same_number, upper
from .decoding import is_lossy, refuse_formats, stored_pixels, unreadable
from .frame import DAMAGED, Frame

BRIGHT_PERCENTILE = 75
PROTON_DENSITY_RATIO = 1.5
MOST_PROTON_DENSITY_FRAMES = 8
BLOCKS = 8  # per side, whose mean signal tells whether an order of frames is smooth
EIGHT_BITS = 8
CLIPPED_PIXELS = 4  # chosen: pixels of one frame that share the highest value of the slice
CLIPPED_FRAMES = 2
BLANK_SHARE = 0.3  # chosen: part of an image that is lost to a transfer, and not to a mask
STILL_SHARE = 0.6  # a pixel at the ceiling in more of the frames is padding or fat, no bolus


class PixelReader:
    """Reads pixels file by file and keeps the last multi-frame file, whose slices are asked for one after another."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._stored = np.empty(0)
        self.notes: dict[str, None] = {}

    def read(self, frames: Sequence[Frame]) -> np.ndarray:
        """(T, Y, X) float32, the rescaled signal.

        Raises PerfusionError where pixels are missing, compressed beyond what is installed, or not grayscale.
        """
        refuse_formats(frames)
        signal = np.stack([self._frame(frame) for frame in frames])
        return signal.astype(np.float32, copy=False)

    def _frame(self, frame: Frame) -> np.ndarray:
        if frame.path != self._path:
            stored, note = stored_pixels(frame)
            self._path, self._stored = frame.path, stored
            if note:
                self.notes[f"{upper(frame.series)}: {note}"] = None
        if frame.index >= len(self._stored):
            raise unreadable(frame, "are missing or cut off")
        slope, intercept = rescale(frame)
        return self._stored[frame.index].astype(np.float32) * np.float32(slope) + np.float32(intercept)


def rescale(frame: Frame) -> tuple[float, float]:
    """Slope and intercept from stored values to signal.

    Philips writes a display scale in the standard attributes and the factor to floating-point signal in a private one;
    with it, frames and series of different display scales become comparable.
    """
    slope, intercept = frame.number("RescaleSlope"), frame.number("RescaleIntercept")
    slope = slope if np.isfinite(slope) and slope != 0 else 1.0
    intercept = intercept if np.isfinite(intercept) else 0.0
    philips = frame.number("PhilipsScaleSlope")
    if np.isfinite(philips) and philips > 0:
        return 1 / philips, intercept / (slope * philips)
    return slope, intercept


def check_scale(frames: Sequence[Frame]) -> tuple[list[str], list[str]]:
    """Notes and doubts on the scale from stored values to signal.

    Raises PerfusionError where a slope cannot be right.
    """
    notes, doubts = [], []
    said = frames[0].text("RescaleSlope")
    slopes = np.array([frame.number("RescaleSlope") for frame in frames])
    if said and not (slopes[0] > 0):
        raise PerfusionError(
            f"RescaleSlope of {frames[0].series} is {said[:20]}; signal is stored values times a positive slope.",
            "Send the series again from the scanner or its archive.",
        )
    pairs = [rescale(frame) for frame in frames]
    if not all(is_same_number(one[0], pairs[0][0]) and is_same_number(one[1], pairs[0][1]) for one in pairs):
        low, high = min(pairs)[0], max(pairs)[0]
        doubts.append(
            f"RescaleSlope or RescaleIntercept of {frames[0].series} varies between frames (slope {low:g} to "
            f"{high:g}); each was applied as it stands."
        )
    if any(intercept for _, intercept in pairs):
        notes.append(f"RescaleIntercept of {frames[0].series} is {pairs[0][1]:g}, which was added to the signal.")
    return notes, doubts


def check_signal(frames: Sequence[Frame], signal: np.ndarray) -> tuple[list[str], list[str]]:
    """Notes and doubts on the values of the pixels: cut off at a ceiling, negative, compressed with loss.

    Raises PerfusionError for 8-bit copies whose brightest blood is cut off.
    """
    notes: list[str] = []
    doubts: list[str] = []
    series = frames[0].series
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
    low = float(np.percentile(signal, 1))
    if low < -0.02 * top:
        doubts.append(
            f"The images of {series} have negative values (down to {signal.min():g}) and are no plain magnitude."
        )
    if low > 0.3 * float(np.percentile(signal, 99)):
        doubts.append(f"The darkest pixels of {series} have a signal of {low:g}: an offset may have been added.")
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
    bright = np.percentile(signal[: most + 4], BRIGHT_PERCENTILE, axis=(1, 2))
    for count in range(most, 0, -1):
        baseline = bright[count : count + 3]
        if bright[:count].min() > PROTON_DENSITY_RATIO * baseline.max() and baseline.min() > 0:
            return count
    return 0


def roughness(frames: Sequence[Frame], order: np.ndarray) -> float:
    """How much the mean signal of image regions jumps from frame to frame in an order; smooth curves have little.

    Raises PerfusionError where pixels cannot be read.
    """
    signal = PixelReader().read(frames)
    rows, columns = (size // BLOCKS * BLOCKS or size for size in signal.shape[1:])
    parts = min(BLOCKS, rows), min(BLOCKS, columns)
    blocks = signal[:, :rows, :columns].reshape(len(frames), parts[0], rows // parts[0], parts[1], columns // parts[1])
    curves = blocks.mean(axis=(2, 4)).reshape(len(frames), -1)[order]
    return float(np.abs(np.diff(curves, axis=0)).sum())


def sharpness(frames: Sequence[Frame]) -> float:
    """Mean difference between neighboring pixels over mean signal; low where few pixels were acquired."""
    signal = PixelReader().read(frames)
    steps = np.abs(np.diff(signal, axis=1)).mean() + np.abs(np.diff(signal, axis=2)).mean()
    return float(steps / max(signal.mean(), 1e-6))


def pixel_digest(frame: Frame) -> str:
    """A hash of the pixels of a file as they are stored; "" where they cannot be read."""
    try:
        header = pydicom.dcmread(frame.path, force=True, specific_tags=["PixelData"])
        return hashlib.sha256(header.PixelData).hexdigest()
    except DAMAGED:
        return ""
