"""Classic single-frame images as Siemens, Philips and GE write first-pass perfusion: each with its own habits."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from ...data.acquisition import Acquisition
from ...data.study import Condition, Scan
from ...data.vendor import Vendor
from ..header_parts import (
    PROTON_MHZ_T,
    WrittenVisit,
    add_contrast,
    add_pixels,
    add_place,
    add_seconds,
    choose_stored_scale,
    format_date,
    format_decimal,
    format_time,
    make_stable_uid,
    start_image,
)
from .habits import write_canon, write_siemens_interoperable, write_united_imaging
from .shots import PROTON_DENSITY_FLIP_DEG, TRIGGER_DELAY_S, Shot, list_shots


def make_classic_images(
    scan: Scan, visit: WrittenVisit, vendor: Vendor, begin: datetime, zero_s: float, number: int, suffix: str = ""
) -> Iterator[Dataset]:
    """The images of one scan as a vendor writes them; ``number`` is that of the first series."""
    write = CLASSIC[vendor]
    for shot in list_shots(scan, zero_s):
        image = start_image(visit, begin)
        image.SOPClassUID = MRImageStorage
        add_contrast(image, shot.series.acquisition)
        image.MRAcquisitionType = "2D"
        image.NumberOfAverages = "1"
        image.ImagedNucleus = "1H"
        image.EchoNumbers = "1"
        image.ImagePositionPatient, image.ImageOrientationPatient = add_place(image, shot.series)
        add_protocol(image, shot)
        image.SeriesNumber = number
        write(image, shot, scan.condition, begin)
        image.SeriesDescription += suffix
        image.SeriesInstanceUID = make_stable_uid(visit.study_uid, vendor, "series", image.SeriesNumber)
        image.SOPInstanceUID = make_stable_uid(image.SeriesInstanceUID, image.InstanceNumber)
        if vendor is Vendor.SIEMENS_INTEROPERABLE:
            write_siemens_interoperable(image, shot)
        yield image


def add_protocol(image: Dataset, shot: Shot) -> None:
    """Timing and excitation as the standard defines their attributes."""
    acquisition = shot.series.acquisition
    image.ScanningSequence = ["GR", "IR"]  # a prepared gradient echo; IR allows the inversion time
    image.SequenceVariant = ["SK", "SP"]
    image.ScanOptions = "CG"
    image.RepetitionTime = format_decimal(acquisition.repetition_time_s * 1000)
    image.EchoTime = format_decimal(acquisition.echo_time_s * 1000)
    image.InversionTime = format_decimal(acquisition.saturation_time_s * 1000)
    image.FlipAngle = format_decimal(PROTON_DENSITY_FLIP_DEG if shot.is_proton_density else acquisition.flip_angle_deg)
    image.EchoTrainLength = "1"
    image.NumberOfPhaseEncodingSteps = 2 * acquisition.pulses_to_center
    image.MagneticFieldStrength = format_decimal(acquisition.field_strength_t)
    image.ImagingFrequency = format_decimal(acquisition.field_strength_t * PROTON_MHZ_T)


def write_siemens(image: Dataset, shot: Shot, condition: Condition, begin: datetime) -> None:
    """All slices in one series, numbered heartbeat by heartbeat; each frame's time in AcquisitionTime."""
    acquisition: Acquisition = shot.series.acquisition
    image.Manufacturer = "SIEMENS"
    image.ManufacturerModelName = "Skyra"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"]
    image.SeriesDescription = image.ProtocolName = f"SR_TFL_SAX_PERF_{condition.upper()}"
    image.SequenceName = "*tfl2d1_60"
    image.RepetitionTime = format_decimal(  # of the whole shot, saturation to last echo
        1000 * (acquisition.saturation_time_s + acquisition.pulses_to_center * acquisition.repetition_time_s)
    )
    image.TriggerTime = format_decimal(round(1000 * shot.delay_s, 1))
    image.NominalInterval = round(1000 * shot.interval_s)
    image.CardiacNumberOfImages = 1
    image.InstanceNumber = shot.frame_index * shot.slices + shot.slice_index + 1
    image.AcquisitionNumber = shot.frame_index + 1
    add_moments(image, add_seconds(begin, shot.time_s))
    stored = shot.signal * choose_stored_scale(shot.largest, 4095)
    add_pixels(image, np.rint(stored), bits=12, signed=False)


def write_philips(image: Dataset, shot: Shot, condition: Condition, begin: datetime) -> None:
    """All slices in one series, numbered slice by slice; each heartbeat's time only in a private attribute."""
    image.Manufacturer = "Philips Medical Systems"
    image.ManufacturerModelName = "Achieva"
    image.ImageType = ["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"]
    image.SeriesDescription = image.ProtocolName = "sPerf_SAX_TFE"
    image.SequenceVariant = "SP"
    image.EchoTrainLength = 2 * shot.series.acquisition.pulses_to_center  # the excitations of a shot
    image.TriggerTime = format_decimal(round(1000 * shot.delay_s, 1))
    image.TemporalPositionIdentifier = shot.frame_index + 1
    image.NumberOfTemporalPositions = shot.frames
    image.InstanceNumber = shot.slice_index * shot.frames + shot.frame_index + 1
    image.AcquisitionNumber = int(image.SeriesNumber)
    add_moments(image, begin)
    slope = shot.largest / 4095 if shot.largest > 0 else 1.0
    image.RescaleSlope = format_decimal(1.7 * slope)  # of the display; the private factor is that of the signal
    image.RescaleIntercept = "0"
    image.RescaleType = "US"
    private = image.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    private.add_new(0x0E, "FL", 1 / slope)
    private.add_new(0xA0, "FL", shot.beat_s)
    add_pixels(image, np.rint(shot.signal / slope), bits=12, signed=False)


def write_ge(image: Dataset, shot: Shot, condition: Condition, begin: datetime) -> None:
    """One series per slice; field in gauss, a meaningless nominal interval, times only in TriggerTime."""
    image.Manufacturer = "GE MEDICAL SYSTEMS"
    image.ManufacturerModelName = "Signa HDxt"
    image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    image.SeriesDescription = "First Pass"
    image.SequenceVariant = "SS"
    image.ScanOptions = ["CG", "VB_GEMS", "MP_GEMS"]
    image.SeriesNumber = int(image.SeriesNumber) + shot.slice_index
    image.MagneticFieldStrength = format_decimal(10000 * shot.series.acquisition.field_strength_t)
    image.ImagingFrequency = format_decimal(round(1e7 * shot.series.acquisition.field_strength_t * PROTON_MHZ_T))
    image.NominalInterval = 6
    image.CardiacNumberOfImages = 2
    image.HeartRate = round(60 / shot.interval_s)
    image.TriggerTime = str(round(1000 * (shot.time_s + TRIGGER_DELAY_S)))
    image.InstanceNumber = shot.frame_index + 2
    image.AcquisitionNumber = 0
    image.TemporalResolution = "0"
    add_moments(image, add_seconds(begin, round(2 * shot.frame_index / shot.frames)))
    image.AcquisitionTime = image.ContentTime = str(image.AcquisitionTime).partition(".")[0]
    image.PixelPaddingValue = 0
    stored = shot.signal * choose_stored_scale(shot.largest, 4095)
    add_pixels(image, np.rint(stored), bits=16, signed=True)


def add_moments(image: Dataset, moment: datetime) -> None:
    """Acquisition and content time."""
    image.AcquisitionDate = image.ContentDate = format_date(moment)
    image.AcquisitionTime = image.ContentTime = format_time(moment)


CLASSIC = {
    Vendor.SIEMENS: write_siemens,
    Vendor.SIEMENS_INTEROPERABLE: write_siemens,
    Vendor.PHILIPS: write_philips,
    Vendor.GE: write_ge,
    Vendor.CANON: write_canon,
    Vendor.UNITED_IMAGING: write_united_imaging,
}
"""How each vendor writes a classic image."""
