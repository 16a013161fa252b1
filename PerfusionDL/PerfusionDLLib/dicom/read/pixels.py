"""Pixels of the frames of a slice, on one linear scale."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import get_decoder
from pydicom.tag import Tag
from pydicom.uid import UID, ImplicitVRLittleEndian

from ...data.errors import PerfusionError
from .headers import DAMAGED, Frame

DECODERS = "pylibjpeg with pylibjpeg-libjpeg and pylibjpeg-openjpeg"
PIXEL_TAGS = [
    Tag(keyword)
    for keyword in (
        *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "NumberOfFrames"),
        *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ExtendedOffsetTable", "PixelData"),
        *("ExtendedOffsetTableLengths", "FloatPixelData", "DoubleFloatPixelData"),
    )
]
BRIGHT_PERCENTILE = 75
PROTON_DENSITY_RATIO = 1.5
MOST_PROTON_DENSITY_FRAMES = 8


class PixelReader:
    """Reads pixels file by file and keeps the last multi-frame file, whose slices are asked for one after another."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._stored = np.empty(0)

    def read(self, frames: Sequence[Frame]) -> np.ndarray:
        """(T, Y, X) float32, the rescaled signal.

        Raises PerfusionError where pixels are missing, compressed beyond what is installed, or not grayscale.
        """
        refuse_formats(frames)
        signal = np.stack([self._frame(frame) for frame in frames])
        return signal.astype(np.float32, copy=False)

    def _frame(self, frame: Frame) -> np.ndarray:
        if frame.path != self._path:
            self._path, self._stored = frame.path, stored_pixels(frame)
        if frame.index >= len(self._stored):
            raise cut_off(frame)
        slope, intercept = rescale(frame)
        return self._stored[frame.index].astype(np.float32) * np.float32(slope) + np.float32(intercept)


def stored_pixels(frame: Frame) -> np.ndarray:
    """(frame, Y, X) stored values of a whole file."""
    try:
        header = pydicom.dcmread(frame.path, force=True, specific_tags=PIXEL_TAGS)
        if "TransferSyntaxUID" not in header.file_meta:
            header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        return header.pixel_array.reshape(-1, int(frame.number("Rows")), int(frame.number("Columns")))
    except (*DAMAGED, RuntimeError) as error:
        raise cut_off(frame) from error


def cut_off(frame: Frame) -> PerfusionError:
    """The error for an image whose pixels are not all there."""
    return PerfusionError(
        f"The pixels of image {frame.text('InstanceNumber') or '?'} of {frame.series} are missing or cut off.",
        "Send or copy the series again completely.",
    )


def refuse_formats(frames: Sequence[Frame]) -> None:
    """Raise PerfusionError for pixels that cannot be decoded here or are no signal."""
    first = frames[0]
    for syntax in sorted({frame.text("TransferSyntaxUID") for frame in frames}):
        uid = UID(syntax)
        if uid.is_transfer_syntax and not uid.is_compressed:
            continue
        try:
            decoder = get_decoder(uid)
            missing = "" if decoder.is_available else DECODERS
        except NotImplementedError:
            missing = "a decoder"
        if missing:
            raise PerfusionError(
                f"The images of {first.series} are compressed ({uid.name}) and cannot be decoded here.",
                f"Install {missing}, or send the study uncompressed (Explicit VR Little Endian).",
            )
    for frame in frames:
        if frame.text("PhotometricInterpretation") != "MONOCHROME2" or frame.number("SamplesPerPixel") > 1:
            raise PerfusionError(
                f"The images of {first.series} are not plain grayscale "
                f"({frame.text('PhotometricInterpretation') or 'unknown'}).",
                "Load the original images, not colored or inverted copies.",
            )


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


def proton_density_frames(frames: Sequence[Frame], signal: np.ndarray) -> int:
    """How many leading frames were acquired without saturation.

    They differ in flip angle or inversion time, or are much brighter than the frames that follow them.
    """
    most = min(MOST_PROTON_DENSITY_FRAMES, len(frames) // 3)
    for keyword in ("FlipAngle", "InversionTime"):
        values = [frame.text(keyword) for frame in frames]
        changed = [index for index in range(1, len(values)) if values[index] != values[index - 1]]
        if len(changed) == 1 and changed[0] <= most:
            return changed[0]
    bright = np.percentile(signal[: most + 4], BRIGHT_PERCENTILE, axis=(1, 2))
    for count in range(most, 0, -1):
        baseline = bright[count : count + 3]
        if bright[:count].min() > PROTON_DENSITY_RATIO * baseline.max() and baseline.min() > 0:
            return count
    return 0
