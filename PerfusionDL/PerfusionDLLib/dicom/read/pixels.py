"""Pixels of the frames of a slice, on one linear scale."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom

from ...data.errors import PerfusionError
from .consistency import capitalize, is_same_number
from .decoding import make_unreadable_error, read_stored_pixels, refuse_formats
from .frame import DAMAGED, Frame

SIDE = 48  # chosen: pixels per side that hold anatomy and little noise, and of which percentiles are as good as of all
BLOCKS = 8  # per side, whose mean signal tells whether an order of frames is smooth


class PixelReader:
    """Reads pixels file by file and keeps the last multi-frame file, whose slices are asked for one after another."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._stored = np.empty(0)
        self._excess: dict[tuple[str, str], int] = {}

    @property
    def notes(self) -> list[str]:
        """Sentences on bits that headers did not announce, one for each series."""
        return [f"{capitalize(series)}: {said.format(highest)}." for (series, said), highest in self._excess.items()]

    def read(self, frames: Sequence[Frame]) -> np.ndarray:
        """(T, Y, X) float32, the rescaled signal.

        Raises PerfusionError where pixels are missing, compressed beyond what is installed, or not grayscale.
        """
        refuse_formats(frames)
        signal = np.stack([self._frame(frame) for frame in frames])
        return signal.astype(np.float32, copy=False)

    def _frame(self, frame: Frame) -> np.ndarray:
        if frame.path != self._path:
            stored, excess = read_stored_pixels(frame)
            self._path, self._stored = frame.path, stored
            if excess:
                key = frame.series, excess.template
                self._excess[key] = max(excess.highest, self._excess.get(key, 0))
        if frame.index >= len(self._stored):
            raise make_unreadable_error(frame, "are missing or cut off")
        slope, intercept = read_rescale(frame)
        return self._stored[frame.index].astype(np.float32) * np.float32(slope) + np.float32(intercept)


def read_rescale(frame: Frame) -> tuple[float, float]:
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
    """Notes and uncertainties on the scale from stored values to signal.

    Raises PerfusionError where a slope cannot be right.
    """
    notes, uncertainties = [], []
    said = frames[0].text("RescaleSlope")
    slopes = np.array([frame.number("RescaleSlope") for frame in frames])
    if said and not (slopes[0] > 0):
        raise PerfusionError(
            f"RescaleSlope of {frames[0].series} is {said[:20]}; signal is stored values times a positive slope.",
            "Send the series again from the scanner or its archive.",
        )
    pairs = [read_rescale(frame) for frame in frames]
    if not all(is_same_number(one[0], pairs[0][0]) and is_same_number(one[1], pairs[0][1]) for one in pairs):
        low, high = min(pairs)[0], max(pairs)[0]
        uncertainties.append(
            f"RescaleSlope or RescaleIntercept of {frames[0].series} varies between frames (slope {low:g} to "
            f"{high:g}); each was applied as it stands."
        )
    if any(intercept for _, intercept in pairs):
        notes.append(f"RescaleIntercept of {frames[0].series} is {pairs[0][1]:g}, which was added to the signal.")
    return notes, uncertainties


def compute_roughness(frames: Sequence[Frame], order: np.ndarray) -> float:
    """How much the mean signal of image regions jumps from frame to frame in an order; smooth curves have little.

    Raises PerfusionError where pixels cannot be read.
    """
    curves = compute_block_curves(PixelReader().read(frames))[order]
    return float(np.abs(np.diff(curves, axis=0)).sum())


def compute_block_curves(signal: np.ndarray) -> np.ndarray:
    """(T, blocks) mean signal of image regions."""
    rows, columns = (size // BLOCKS * BLOCKS or size for size in signal.shape[1:])
    parts = min(BLOCKS, rows), min(BLOCKS, columns)
    blocks = signal[:, :rows, :columns].reshape(len(signal), parts[0], rows // parts[0], parts[1], columns // parts[1])
    return blocks.mean(axis=(2, 4)).reshape(len(signal), -1)


def sample(signal: np.ndarray) -> np.ndarray:
    """Every second, third, ... pixel of large images: enough for percentiles."""
    step = max(1, min(signal.shape[1:]) // SIDE)
    return signal[:, ::step, ::step]


def reduce_images(signal: np.ndarray, side: int = SIDE) -> np.ndarray:
    """(T, Y, X) mean signal of square regions, about as many per side of the shorter one."""
    step = max(1, min(signal.shape[1:]) // side)
    rows, columns = (size // step for size in signal.shape[1:])
    found = np.empty((len(signal), rows, columns))
    for image, small in zip(signal[:, : rows * step, : columns * step], found, strict=True):
        of_rows = image.reshape(rows, step, -1).sum(axis=1, dtype=float)
        np.sum([of_rows[:, first::step] for first in range(step)], axis=0, out=small)
    return found / step**2


def compute_steadiness(signal: np.ndarray) -> float:
    """Mean correlation of each image with the next."""
    if len(signal) < 2:
        return 0.0
    flat = signal.reshape(len(signal), -1).astype(float)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return float((flat[1:] * flat[:-1]).sum(axis=1).mean())


def compute_sharpness(signal: np.ndarray) -> float:
    """Mean difference between neighboring pixels over mean signal; low where few pixels were acquired."""
    steps = np.abs(np.diff(signal, axis=1)).mean() + np.abs(np.diff(signal, axis=2)).mean()
    return float(steps / max(signal.mean(), 1e-6))


def digest_pixels(frame: Frame) -> str:
    """A hash of the pixels of a file as they are stored; "" where they cannot be read."""
    try:
        header = pydicom.dcmread(frame.path, force=True, specific_tags=["PixelData"])
        return hashlib.sha256(header.PixelData).hexdigest()
    except DAMAGED:
        return ""
