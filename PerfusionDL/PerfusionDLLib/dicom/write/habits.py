"""How further scanners write perfusion: Canon and United Imaging classic, Siemens XA and Philips enhanced."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from ...data.study import Condition, Scan
from ..header_parts import (
    WrittenVisit,
    add_pixels,
    add_seconds,
    choose_stored_scale,
    format_date,
    format_decimal,
    format_time,
    make_stable_uid,
)
from .enhanced import make_enhanced_image
from .shots import Shot, list_shots

PRIVATE_SEQUENCE = (0x2005, 0x140F)
PRIVATE_SEQUENCE_CREATOR = (0x2005, 0x0014)


def write_canon(image: Dataset, shot: Shot, condition: Condition, begin: datetime) -> None:
    """All slices in one series, numbered slice by slice; each frame's time in AcquisitionTime, in milliseconds."""
    image.Manufacturer = "CANON_MEC"
    image.ManufacturerModelName = "Vantage Galan"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "DYNAMIC"]
    image.SeriesDescription = image.ProtocolName = f"Perfusion SAX {condition}"
    image.SequenceVariant = "SP"
    image.TriggerTime = format_decimal(round(1000 * shot.delay_s, 1))
    image.InstanceNumber = shot.slice_index * shot.frames + shot.frame_index + 1
    image.AcquisitionNumber = shot.frame_index + 1
    moment = add_seconds(begin, shot.time_s)
    image.AcquisitionDate = image.ContentDate = format_date(moment)
    image.AcquisitionTime = format_time(moment)[:-3]
    image.ContentTime = format_time(begin)
    add_pixels(image, np.rint(shot.signal * choose_stored_scale(shot.largest, 32767)), bits=16, signed=True)


def write_united_imaging(image: Dataset, shot: Shot, condition: Condition, begin: datetime) -> None:
    """One series per slice, in the order of time; times in AcquisitionDateTime too."""
    image.Manufacturer = "UIH"
    image.ManufacturerModelName = "uMR 790"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"]
    image.SeriesDescription = image.ProtocolName = f"gre_sr_perf_sax_{condition}"
    image.SeriesNumber = int(image.SeriesNumber) + shot.slice_index
    image.InstanceNumber = image.AcquisitionNumber = shot.frame_index + 1
    image.NominalInterval = round(1000 * shot.interval_s)
    moment = add_seconds(begin, shot.time_s)
    image.AcquisitionDate = image.ContentDate = format_date(moment)
    image.AcquisitionTime = image.ContentTime = format_time(moment)
    image.AcquisitionDateTime = format_date(moment) + format_time(moment)
    add_pixels(image, np.rint(shot.signal * choose_stored_scale(shot.largest, 4095)), bits=12, signed=False)


def write_siemens_xa(
    scan: Scan, visit: WrittenVisit, begin: datetime, zero_s: float, number: int, suffix: str = ""
) -> Iterator[Dataset]:
    """A multi-frame image for each heartbeat, which holds one frame of every slice."""
    whole = make_enhanced_image(scan, visit, begin, zero_s, number, suffix)
    whole.Manufacturer, whole.ManufacturerModelName = "Siemens Healthineers", "MAGNETOM Vida"
    groups, pixels = list(whole.PerFrameFunctionalGroupsSequence), read_stored_values(whole)
    beats: dict[int, list[int]] = {}
    for index, item in enumerate(groups):
        beats.setdefault(int(item.FrameContentSequence[0].TemporalPositionIndex), []).append(index)
    for beat, members in sorted(beats.items()):
        one = deepcopy(whole)
        one.InstanceNumber = beat
        one.SOPInstanceUID = make_stable_uid(whole.SeriesInstanceUID, beat)
        one.PerFrameFunctionalGroupsSequence = [groups[index] for index in members]
        one.NumberOfFrames = len(members)
        one.PixelData = pixels[members].tobytes()
        yield one


def write_siemens_interoperable(image: Dataset, shot: Shot) -> None:
    """The identifier of a series for each heartbeat, as XA writes classic images; the series number is that of all."""
    image.SeriesInstanceUID = make_stable_uid(image.SeriesInstanceUID, "heartbeat", shot.frame_index)
    image.SOPInstanceUID = make_stable_uid(image.SeriesInstanceUID, image.InstanceNumber)


def write_philips_enhanced(
    scan: Scan, visit: WrittenVisit, begin: datetime, zero_s: float, number: int, suffix: str = ""
) -> Iterator[Dataset]:
    """One multi-frame image, slice by slice; times and scale in a private sequence of each frame."""
    image = make_enhanced_image(scan, visit, begin, zero_s, number, suffix)
    image.Manufacturer, image.ManufacturerModelName = "Philips Medical Systems", "Ingenia"
    groups, pixels = list(image.PerFrameFunctionalGroupsSequence), read_stored_values(image)
    ordered = sorted(list_shots(scan, zero_s), key=lambda shot: (shot.frame_index, shot.slice_index))
    slope = float(image.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].RescaleSlope)
    for item, shot in zip(groups, ordered, strict=True):
        content = item.FrameContentSequence[0]
        content.FrameAcquisitionDateTime = content.FrameReferenceDateTime = format_date(begin) + format_time(begin)
        item.add_new(PRIVATE_SEQUENCE_CREATOR, "LO", "Philips MR Imaging DD 005")
        item.add_new(PRIVATE_SEQUENCE, "SQ", Sequence([make_private_item(shot, slope)]))
    order = sorted(range(len(ordered)), key=lambda index: (ordered[index].slice_index, ordered[index].frame_index))
    image.PerFrameFunctionalGroupsSequence = [groups[index] for index in order]
    image.PixelData = pixels[order].tobytes()
    yield image


def make_private_item(shot: Shot, slope: float) -> Dataset:
    """What Philips repeats of a frame in private: place of the whole stack, begin of the dynamic, scale."""
    item = Dataset()
    item.InstanceNumber = shot.frame_index + 1
    item.ImagePositionPatient = ["-100", "-120", "-40"]
    item.RescaleIntercept, item.RescaleSlope = "0", format_decimal(1.7 * slope)
    block = item.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    block.add_new(0x0E, "FL", 1 / slope)
    block.add_new(0xA0, "FL", shot.beat_s)
    return item


def read_stored_values(image: Dataset) -> np.ndarray:
    """(frame, Y, X) stored values of an image that was just made."""
    return np.frombuffer(image.PixelData, "<u2").reshape(-1, image.Rows, image.Columns)
