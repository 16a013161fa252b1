"""Headers of the images in a folder, classic and enhanced alike: one `Frame` per image, its pixels left on disk."""

import os
import struct
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from ...data.errors import PerfusionError

PRIVATE_CREATOR = Tag(0x2005, 0x0010)
PRIVATE = {"PhilipsScaleSlope": Tag(0x2005, 0x100E), "PhilipsDynamicBeginTime": Tag(0x2005, 0x10A0)}

WANTED = """
SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID
PatientName PatientID PatientWeight Modality Manufacturer ManufacturerModelName
ImageType FrameType SeriesDescription ProtocolName SequenceName ImageComments SeriesNumber InstanceNumber
InterventionDrugName ContrastBolusAgent ContrastBolusVolume ContrastBolusTotalDose ContrastBolusAgentSequence
Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation PixelRepresentation
PixelSpacing ImagePositionPatient ImageOrientationPatient SliceThickness
RescaleSlope RescaleIntercept LossyImageCompression
StudyDate SeriesDate AcquisitionDate ContentDate SeriesTime AcquisitionTime ContentTime AcquisitionDateTime
FrameAcquisitionDateTime FrameReferenceDateTime FrameReferenceTime TriggerTime NominalCardiacTriggerDelayTime
TemporalPositionIdentifier TemporalPositionIndex NumberOfTemporalPositions TemporalResolution
CardiacNumberOfImages NominalInterval HeartRate RRIntervalTimeNominal
RepetitionTime EchoTime EffectiveEchoTime EchoNumbers FlipAngle InversionTime InversionTimes
ScanningSequence EchoPulseSequence EchoTrainLength NumberOfPhaseEncodingSteps MRAcquisitionPhaseEncodingStepsInPlane
AcquisitionMatrix ParallelReductionFactorInPlane MagneticFieldStrength ImagingFrequency TransmitterFrequency
ComplexImageComponent SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
"""
TAG_OF = {keyword: Tag(keyword) for keyword in WANTED.split()}
TAGS = [Tag(tag) for tag in (*TAG_OF.values(), *PRIVATE.values(), PRIVATE_CREATOR)]
CLASSIC_NAMES = {  # where an enhanced object says the same thing under another name
    "EffectiveEchoTime": "EchoTime",
    "InversionTimes": "InversionTime",
    "FrameType": "ImageType",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "RRIntervalTimeNominal": "NominalInterval",
    "NominalCardiacTriggerDelayTime": "TriggerTime",
    "TransmitterFrequency": "ImagingFrequency",
    "MRAcquisitionPhaseEncodingStepsInPlane": "NumberOfPhaseEncodingSteps",
}
DAMAGED = (  # what reading a broken file or value may raise
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, NotImplementedError),
    *(EOFError, OSError, struct.error, InvalidDicomError, BytesLengthException),
)


class Attributes:
    """Values by DICOM keyword, converted when they are first asked for; a malformed one counts as missing."""

    def __init__(self, header: Dataset, known: dict[str, Any]) -> None:
        self._header = header
        self._known = known

    def get(self, keyword: str) -> Any:
        """The value, None where it is missing."""
        if keyword not in self._known:
            self._known[keyword] = self._convert(keyword)
        return self._known[keyword]

    def _convert(self, keyword: str) -> Any:
        tag = PRIVATE.get(keyword) or TAG_OF[keyword]
        if tag not in self._header or (keyword in PRIVATE and "Philips" not in str(self._header.get(PRIVATE_CREATOR))):
            return None
        try:
            return self._header[tag].value
        except DAMAGED:
            return None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image as its header describes it.

    index : position in a multi-frame file, 0 in a classic one
    attributes : values by DICOM keyword; enhanced functional groups appear under their classic keywords
    """

    path: Path = field(repr=False)
    index: int
    attributes: Attributes = field(repr=False)

    def number(self, keyword: str) -> float:
        """Value of an attribute, NaN where it is missing or not a number."""
        value = self.attributes.get(keyword)
        if isinstance(value, MultiValue | list):
            value = value[0] if len(value) else None
        try:
            return float(value)
        except (TypeError, ValueError):
            return float("nan")

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Values of an attribute with several values, None unless there are ``count`` of them."""
        value = self.attributes.get(keyword)
        try:
            values = tuple(float(one) for one in value)
        except (TypeError, ValueError):
            return None
        return values if len(values) == count else None

    def text(self, keyword: str) -> str:
        """Value of an attribute as text, several values joined by a backslash, "" where it is missing."""
        value = self.attributes.get(keyword)
        if value is None:
            return ""
        return "\\".join(map(str, value)) if isinstance(value, MultiValue | list) else str(value).strip()

    @property
    def series(self) -> str:
        """How a user knows the series: its number and description."""
        name = self.text("SeriesDescription") or self.text("ProtocolName")
        return f"series {self.text('SeriesNumber') or '?'}" + (f" '{name}'" if name else "")


@contextmanager
def tolerance() -> Iterator[None]:
    """Headers of real scanners break rules that do not matter here; nobody is told about those."""
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)
        yield


def survey(folders: Iterable[Path]) -> tuple[Frame, ...]:
    """The images of any kind in the folders and below, from the headers of their files; the same image counts once.

    Raises PerfusionError where a folder is missing, empty or unreadable, or holds no DICOM image.
    """
    paths = sorted({path for folder in folders for path in files_in(Path(folder))}, key=lambda path: path.as_posix())
    frames: dict[tuple[str, int], Frame] = {}
    dicom_files = 0
    for path in paths:
        found = frames_in(path)
        dicom_files += found is not None
        for frame in found or ():
            frames.setdefault((frame.text("SOPInstanceUID"), frame.index), frame)
    if not dicom_files:
        raise PerfusionError(
            f"There are {len(paths)} files, but none is a DICOM file." if paths else "The folder is empty.",
            "Choose the folder that holds the DICOM files of the perfusion study.",
        )
    if not frames:
        raise PerfusionError(
            f"The {dicom_files} DICOM files hold no MR image.",
            "Choose the folder that holds the images of the perfusion study.",
        )
    return tuple(frames.values())


def files_in(folder: Path) -> Iterator[Path]:
    """Every file in a folder and below, or the file itself."""
    if folder.is_file():
        yield folder.absolute()
        return
    if not folder.is_dir():
        raise PerfusionError(
            f"The folder {folder.name} does not exist.", "Choose the folder that holds the DICOM files."
        )

    def refuse(error: OSError) -> None:
        raise PerfusionError(
            f"The folder {Path(error.filename).name} cannot be read ({error.strerror}).",
            "Check that you may open it, or copy the study to another place.",
        ) from error

    for parent, folders, names in os.walk(folder.absolute(), onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in names if not name.startswith(".") and name != "DICOMDIR")


def frames_in(path: Path) -> list[Frame] | None:
    """The images of one file, None if it is not a DICOM file.

    Raises PerfusionError where the file cannot be read or is damaged.
    """
    try:
        header = read_header(path)
        return None if header is None else list(frames_of(path, header))
    except DAMAGED as error:
        if isinstance(error, OSError) and error.strerror:
            raise PerfusionError(
                f"The file {path.name} cannot be read ({error.strerror}).",
                "Check that you may open it, or copy the study to another place.",
            ) from error
        raise PerfusionError(
            f"The file {path.name} is damaged: its DICOM header cannot be read.",
            "Send or copy the study again, or remove the file if it is not part of it.",
        ) from error


def read_header(path: Path) -> Dataset | None:
    """The header of a DICOM file, None if it is not one."""
    with path.open("rb") as file:
        start = file.read(132)
        # Old exports lack the preamble; their first attribute is of group 0008 or 0002, little endian.
        bare = start[:2] in (b"\x08\x00", b"\x02\x00") and start[3:4] == b"\x00"
        if start[128:] != b"DICM" and not bare:
            return None
        file.seek(0)
        return pydicom.dcmread(file, stop_before_pixels=True, force=bare, specific_tags=TAGS)


def frames_of(path: Path, header: Dataset) -> Iterator[Frame]:
    """The images of one file; none for reports, presentation states and the like."""
    if "Rows" not in header or "SOPInstanceUID" not in header:
        return
    syntax = {"TransferSyntaxUID": header.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)}
    if "PerFrameFunctionalGroupsSequence" not in header:
        yield Frame(path, 0, Attributes(header, syntax))
        return
    common = syntax | group_attributes(header, deep=False)
    for agent in header.get("ContrastBolusAgentSequence") or ():
        common |= group_attributes(agent) | {"ContrastBolusAgent": agent.get("CodeMeaning", "")}
    for shared in header.get("SharedFunctionalGroupsSequence") or ():
        common |= group_attributes(shared)
    for index, groups in enumerate(header.PerFrameFunctionalGroupsSequence):
        yield Frame(path, index, Attributes(header, common | group_attributes(groups)))


def group_attributes(groups: Dataset, *, deep: bool = True) -> dict[str, Any]:
    """Attributes of all functional groups of one frame, flattened, under their classic keywords."""
    found: dict[str, Any] = {}
    for element in groups:
        if element.VR == "SQ":
            for item in element.value if deep else ():
                found |= group_attributes(item)
        elif element.keyword in TAG_OF:
            found[CLASSIC_NAMES.get(element.keyword, element.keyword)] = element.value
    return found


def one_patient(frames: Sequence[Frame]) -> None:
    """Raise PerfusionError if the images belong to more than one patient."""
    patients = {frame.text("PatientID") or frame.text("PatientName") for frame in frames}
    if len(patients) > 1:
        raise PerfusionError(
            f"The images belong to {len(patients)} patients.",
            "Choose a folder with the study of one patient.",
        )
