"""The parts that every written DICOM image shares: identity, study, place, pixels; stable unique identifiers."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from ..data.acquisition import Acquisition
from ..data.study import Identity, PerfusionSeries
from .read.agents import molarity_mmol_ml

ROOT = uuid.UUID("5f1c1a52-6a8e-4a0f-9a51-0f6b2f3c7d11")
STUDY_BEGIN = datetime(2025, 1, 15, 10, 0, 0)
WEIGHT_KG = 75.0
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
PROTON_MHZ_T = 42.577


def make_stable_uid(*names: object) -> UID:
    """A unique identifier that is always the same for the same names (DICOM PS3.5 B.2).

    >>> make_stable_uid("study", 0) == make_stable_uid("study", 0) != make_stable_uid("study", 1)
    True
    """
    return UID(f"2.25.{uuid.uuid5(ROOT, '|'.join(map(str, names))).int}")


def format_decimal(value: float) -> str:
    """A number as a decimal string of at most 16 characters.

    >>> format_decimal(-0.70710678118654), format_decimal(30.0)
    ('-0.7071067812', '30')
    """
    return f"{value:.10g}"[:16]


def format_date(moment: datetime) -> str:
    """DICOM date."""
    return moment.strftime("%Y%m%d")


def format_time(moment: datetime) -> str:
    """DICOM time of day with microseconds."""
    return moment.strftime("%H%M%S.%f")


@dataclass(frozen=True)
class WrittenVisit:
    """Whose images are written, and when each scan began."""

    identity: Identity
    seed: int

    @property
    def study_uid(self) -> str:
        """Study instance UID, the given one or a stable new one."""
        return self.identity.study_instance_uid or make_stable_uid("study", self.seed)

    @property
    def frame_of_reference_uid(self) -> str:
        """One frame of reference for the whole visit."""
        return make_stable_uid("frame of reference", self.study_uid)


def make_file_meta(image: Dataset) -> FileMetaDataset:
    """File meta information of an uncompressed image."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = image.SOPClassUID
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = make_stable_uid("PerfusionDL")
    meta.ImplementationVersionName = "PERFUSIONDL"
    return meta


def start_image(visit: WrittenVisit, begin: datetime) -> Dataset:
    """Patient, study and frame of reference of an image; the patient is made up unless the study names one."""
    image = Dataset()
    image.SpecificCharacterSet = "ISO_IR 192"
    image.PatientName = visit.identity.patient_name or "Phantom^Perfusion"
    image.PatientID = visit.identity.patient_id or f"PHANTOM-{visit.seed}"
    image.PatientBirthDate = ""
    image.PatientSex = "O"
    image.PatientWeight = format_decimal(WEIGHT_KG)
    image.StudyInstanceUID = visit.study_uid
    image.StudyDate = image.SeriesDate = format_date(STUDY_BEGIN)
    image.StudyTime = format_time(STUDY_BEGIN)
    image.SeriesTime = format_time(begin)
    image.StudyID = str(visit.seed)
    image.AccessionNumber = ""
    image.ReferringPhysicianName = ""
    image.Modality = "MR"
    image.BodyPartExamined = "HEART"
    image.PatientPosition = "HFS"
    image.FrameOfReferenceUID = visit.frame_of_reference_uid
    image.PositionReferenceIndicator = ""
    return image


def add_contrast(image: Dataset, acquisition: Acquisition) -> None:
    """Contrast agent and injected volume."""
    image.ContrastBolusAgent = acquisition.contrast_agent.capitalize()
    molarity = molarity_mmol_ml(acquisition.contrast_agent)
    image.ContrastBolusVolume = format_decimal(acquisition.dose_mmol_kg * WEIGHT_KG / molarity)


def add_place(plane: Dataset, series: PerfusionSeries) -> tuple[list[str], list[str]]:
    """Pixel spacing and thickness into a data set; returns position and orientation, which enhanced images nest."""
    plane.SliceThickness = format_decimal(float(np.linalg.norm(series.ijk_to_ras[:3, 2])))
    plane.PixelSpacing = [format_decimal(one) for one in series.spacing_mm]
    lps = RAS_TO_LPS @ series.ijk_to_ras[:3]
    axes = lps[:, :2] / np.linalg.norm(lps[:, :2], axis=0)
    return [format_decimal(one) for one in lps[:, 3]], [format_decimal(one) for one in axes.T.ravel()]


def add_pixels(image: Dataset, stored: np.ndarray, *, bits: int, signed: bool) -> None:
    """Grayscale pixels of 16 bits, of which ``bits`` are used."""
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = stored.shape[-2:]
    image.BitsAllocated = 16
    image.BitsStored = bits
    image.HighBit = bits - 1
    image.PixelRepresentation = int(signed)
    image.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()


def choose_stored_scale(largest: float, full: int) -> float:
    """Stored value per unit of signal: 1 where the signal is in scanner units already, else such that it fills them."""
    return 1.0 if full / 16 <= largest <= full else 0.9 * full / max(largest, 1e-30)


def prepend_lead(series: PerfusionSeries) -> tuple[np.ndarray, np.ndarray, int]:
    """Signal and times with the proton-density frames in front, one interval apart, and how many these are."""
    if series.proton_density is None:
        return series.signal, series.times_s, 0
    count = len(series.proton_density)
    interval_s = float(np.median(np.diff(series.times_s)))
    before_s = series.times_s[0] - interval_s * np.arange(count, 0, -1)
    return np.concatenate([series.proton_density, series.signal]), np.concatenate([before_s, series.times_s]), count


def add_seconds(begin: datetime, offset_s: float) -> datetime:
    """A moment some seconds later, rounded to microseconds."""
    return begin + timedelta(microseconds=round(offset_s * 1e6))
