"""Stored values of the images of one file: decoded, and held against what the header announces."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSNearLossless,
)

from ...data.errors import PerfusionError
from ...data.text import make_line
from .frame import DAMAGED, Frame, read_number
from .headers import read_deflated

DECODERS = "pip install python-gdcm pylibjpeg pylibjpeg-openjpeg"
IN_SLICER = "slicer.util.pip_install('python-gdcm pylibjpeg pylibjpeg-openjpeg')"
PIXEL_TAG = b"\xe0\x7f\x10\x00"  # (7FE0,0010), little endian
OVERLAY_BIT = Tag(0x6000, 0x0102)
PIXEL_KEYWORDS = [
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows", "Columns", "NumberOfFrames"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ExtendedOffsetTable", "PixelData"),
    *("ExtendedOffsetTableLengths", "FloatPixelData", "DoubleFloatPixelData"),
]
PIXEL_TAGS: list[BaseTag] = [*map(Tag, PIXEL_KEYWORDS), OVERLAY_BIT]
LARGEST_SIDE = 4096  # chosen: no slice of a heart has as many pixels; a header that says so would fill the memory
LOSSY = {JPEGLSNearLossless, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}


@dataclass(frozen=True)
class Excess:
    """Bits of pixels that the header does not announce: a sentence, which may have a place for the highest value."""

    template: str
    highest: int = 0


def read_stored_pixels(frame: Frame) -> tuple[np.ndarray, Excess | None]:
    """(frame, Y, X) stored values of a whole file, and bits that the header does not announce.

    Raises PerfusionError where they are missing, cut off, or not of the announced size.
    """
    rows, columns = frame.number("Rows"), frame.number("Columns")
    if not (1 <= rows <= LARGEST_SIDE and 1 <= columns <= LARGEST_SIDE):
        raise make_unreadable_error(frame, f"are {rows:g} by {columns:g}, which is no image of a heart")
    try:
        plain = read_plain_pixels(frame, int(rows), int(columns))
        if plain is not None:
            return plain, None
        header = read_pixel_header(frame)
        shape = (-1, int(rows), int(columns))
        if "PixelData" not in header and ("FloatPixelData" in header or "DoubleFloatPixelData" in header):
            return header.pixel_array.reshape(shape), None
        if header.file_meta.TransferSyntaxUID.is_encapsulated:
            check_codestreams(header, frame)
            return header.pixel_array.reshape(shape), None
        check_length(header, frame)
        return unpack(header, shape)
    except PerfusionError:
        raise
    except (*DAMAGED, RuntimeError) as error:
        raise make_unreadable_error(frame, "are missing or cut off") from error


def read_plain_pixels(frame: Frame, rows: int, columns: int) -> np.ndarray | None:
    """(frame, Y, X) stored values of a file without compression in which nothing is odd; None for any other file.

    The header was read once; this spares reading it again.
    """
    bits, signed = frame.number("BitsStored"), frame.number("PixelRepresentation")
    usual = (
        frame.text("TransferSyntaxUID") in (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        and frame.number("SamplesPerPixel") == 1
        and frame.number("BitsAllocated") == 16
        and ((signed == 0 and 0 < bits <= 16) or (signed == 1 and bits == 16))
    )
    place = frame.number("PixelsAt")
    if not usual or not place > 0:
        return None
    with frame.path.open("rb") as file:
        file.seek(int(place))
        start = file.read(12)
        explicit = start[4:6] in (b"OW", b"OB")
        wanted = 2 * rows * columns * frame.frames
        if start[:4] != PIXEL_TAG or int.from_bytes(start[8:] if explicit else start[4:8], "little") != wanted:
            return None
        file.seek(int(place) + (12 if explicit else 8))
        content = file.read(wanted)
    if len(content) < wanted:
        return None
    values = np.frombuffer(content, "<i2" if signed else "<u2").reshape(frame.frames, rows, columns)
    return values if signed or int(values.max(initial=0)) < 1 << int(bits) else None


def read_pixel_header(frame: Frame) -> Dataset:
    """The pixel attributes of a file."""
    if frame.text("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        return read_deflated(frame.path)
    header = pydicom.dcmread(frame.path, force=True, specific_tags=PIXEL_TAGS)
    if "TransferSyntaxUID" not in header.file_meta:
        header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return header


def make_unreadable_error(frame: Frame, what: str) -> PerfusionError:
    """The error for an image whose pixels cannot be used."""
    return PerfusionError(
        f"The pixels of image {frame.image} of {frame.series} {what}.", "Send or copy the series again completely."
    )


def check_length(header: Dataset, frame: Frame) -> None:
    """Raise PerfusionError unless uncompressed pixels are exactly as many as the header announces."""
    count = int(header.get("NumberOfFrames") or 1)
    samples = int(header.get("SamplesPerPixel") or 1)
    wanted = count * samples * int(header.Rows) * int(header.Columns) * int(header.BitsAllocated) // 8
    there = len(header.PixelData)
    if there < wanted:
        raise make_unreadable_error(frame, f"are missing or cut off ({there} bytes, {wanted} are announced)")
    if there > wanted + 1:
        raise make_unreadable_error(
            frame,
            f"do not fit their header: {there} bytes, while Rows, Columns, BitsAllocated and NumberOfFrames announce "
            f"{wanted}",
        )


def check_codestreams(header: Dataset, frame: Frame) -> None:
    """Raise PerfusionError where a compressed image says to be of another size than its header says."""
    count = int(header.get("NumberOfFrames") or 1)
    for index in sorted({0, count - 1}):
        stream = get_frame(header.PixelData, index, number_of_frames=count)
        size = read_codestream_size(stream)
        if size is not None and size != (int(header.Rows), int(header.Columns)):
            raise make_unreadable_error(
                frame,
                f"are compressed as {size[0]} by {size[1]}, while the header says {header.Rows} by {header.Columns}",
            )
        if size is None and header.file_meta.TransferSyntaxUID not in ("1.2.840.10008.1.2.5",):
            name = UID(header.file_meta.TransferSyntaxUID).name
            raise make_unreadable_error(frame, f"are labeled as compressed ({name}) but hold no such data")


def read_codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream announces; None where it is none of them."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 256)
    if start >= 0:
        width, height, left, top = struct.unpack(">4I", stream[start + 8 : start + 24])
        return height - top, width - left
    if stream[:2] != b"\xff\xd8":
        return None
    place = 2
    while place + 9 < len(stream) and stream[place] == 0xFF:
        marker = stream[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)):
            return struct.unpack(">2H", stream[place + 5 : place + 9])
        place += 2 + struct.unpack(">H", stream[place + 2 : place + 4])[0]
    return None


def unpack(header: Dataset, shape: tuple[int, int, int]) -> tuple[np.ndarray, Excess | None]:
    """Uncompressed values, and what is odd about bits above BitsStored.

    Such bits count where they are set, since masking them would change values, unless the header names them as an
    overlay, or says that values begin at a higher bit.
    """
    allocated, stored = int(header.BitsAllocated), int(header.get("BitsStored") or header.BitsAllocated)
    if allocated != 16 or int(header.get("PixelRepresentation") or 0) or not 0 < stored < 16:
        return header.pixel_array.reshape(shape), None
    order = "<" if header.file_meta.TransferSyntaxUID.is_little_endian else ">"
    count = shape[1] * shape[2] * int(header.get("NumberOfFrames") or 1)
    values = np.frombuffer(header.PixelData, f"{order}u2", count=count).reshape(shape)
    highest = int(values.max(initial=0))
    if highest < 1 << stored:
        return values, None
    swapped = values.byteswap()
    if int(swapped.max(initial=0)) < 1 << stored:
        return swapped, Excess("the bytes of the pixels were stored in the wrong order, and were exchanged")
    overlay = read_number(header[OVERLAY_BIT].value) if OVERLAY_BIT in header else -1.0
    if stored <= overlay < 16 and highest & ~(1 << int(overlay)) < 1 << stored:
        said = f"bit {overlay:.0f} of the pixels is an overlay and was taken out"
        return values & np.uint16(0xFFFF ^ (1 << int(overlay))), Excess(said)
    shift = int(read_number(header.get("HighBit"))) + 1 - stored if "HighBit" in header else 0
    if 0 < shift <= 16 - stored and not np.any(values & np.uint16((1 << shift) - 1)):
        return values >> np.uint16(shift), Excess(
            f"HighBit is {shift + stored - 1} and BitsStored {stored}: values were shifted"
        )
    return values, Excess(
        f"BitsStored is {stored}, but values go up to {{}}; all bits were taken as they stand", highest
    )


def refuse_formats(frames: Sequence[Frame]) -> None:
    """Raise PerfusionError for pixels that cannot be decoded here or are no signal."""
    first = frames[0]
    for syntax in sorted({frame.text("TransferSyntaxUID") for frame in frames}):
        uid = UID(syntax)
        if uid.is_transfer_syntax and not uid.is_compressed:
            continue
        try:
            usable = get_decoder(uid).is_available
        except NotImplementedError:
            usable = False
        if not usable:
            raise PerfusionError(
                f"The images of {first.series} are compressed ({make_line(uid.name)}) and cannot be decoded here.",
                f"Install decoders ({DECODERS}; in the Python console of 3D Slicer: {IN_SLICER}), or send the study "
                "uncompressed (Explicit VR Little Endian).",
            )
    for frame in frames:
        said = frame.text("PhotometricInterpretation")
        if said != "MONOCHROME2" or frame.number("SamplesPerPixel") > 1:
            raise PerfusionError(
                f"Image {frame.image} of {first.series} is not plain grayscale (PhotometricInterpretation is "
                f"{make_line(said) or 'missing'}).",
                "Load the original images, not colored or inverted copies.",
            )


def is_lossy(frame: Frame) -> bool:
    """Whether an image was compressed with loss, by its attribute or its transfer syntax."""
    return frame.text("LossyImageCompression") == "01" or frame.text("TransferSyntaxUID") in LOSSY
