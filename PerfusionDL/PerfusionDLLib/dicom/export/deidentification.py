"""Objects without the patient: the Basic Application Level Confidentiality Profile of DICOM PS3.15, by an allow list.

Of the header of a source image only what places the pixels is taken over, number by number; everything else of it,
known or unknown, stays behind. Options: Clean Structured Content (the table is made of codes and numbers) and Clean
Descriptors (series are called by our own names). Dates are removed.
"""

from collections.abc import Mapping
from datetime import datetime

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..pseudonyms import make_pseudonym, make_pseudonym_uid

NO_DATE = datetime(1900, 1, 1)
"""Stands for every date and time; LongitudinalTemporalInformationModified says that they are removed."""
METHOD = "PerfusionDL: PS3.15 Basic Profile by an allow list"
CODES = {
    "113100": "Basic Application Confidentiality Profile",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
}
"""DICOM PS3.16 CID 7050."""
NUMBERS = (*("Rows", "Columns"), *("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness"))
GROUPS = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PlanePositionSequence": ("ImagePositionPatient",),
}
MR_CLASSES = {"1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4"}
"""MR, Enhanced MR and Legacy Converted Enhanced MR Image Storage."""
REMOVED_OF_EQUIPMENT = ("ContributionDateTime", "ContributionDescription")
"""What highdicom says of itself and the profile removes (PS3.15 Table E.1-1, action X)."""
NAMED_FREELY = ("arterial_input",)
"""Ends and parts of what provenance calls by names that a user chose, such as that of a file."""


def remove_patient(header: Dataset) -> Dataset:
    """A header that places an image and says nothing else of it; the same image and key give the same identifiers."""
    made = Dataset()
    copy_numbers(header, made, NUMBERS)
    for outer in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        if header.get(outer):
            setattr(made, outer, [group_place(item) for item in header[outer].value])
    if "NumberOfFrames" in header:
        made.NumberOfFrames = int(header.NumberOfFrames)
    made.SOPClassUID = header.SOPClassUID if header.SOPClassUID in MR_CLASSES else min(MR_CLASSES)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"):
        setattr(made, keyword, UID(make_pseudonym_uid(str(header.get(keyword, "")))))
    made.Modality = "MR"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName = made.PatientID = f"ANON-{make_pseudonym('patient', str(header.get('PatientID', '')))}"
    made.PatientBirthDate = made.PatientSex = made.StudyID = made.AccessionNumber = made.ReferringPhysicianName = ""
    made.StudyDate = made.StudyTime = made.PositionReferenceIndicator = ""
    return made


def copy_numbers(source: Dataset, target: Dataset, keywords: tuple[str, ...]) -> None:
    """Take over attributes whose value is a number or several; what is no number stays behind."""
    for keyword in keywords:
        try:
            value = source.get(keyword)
            if value is None or value == "":
                continue
            several = isinstance(value, pydicom.multival.MultiValue)
            whole = keyword in ("Rows", "Columns")
            numbers = [int(one) if whole else float(one) for one in (value if several else [value])]
            shown = numbers if whole else [f"{one:.10g}"[:16] for one in numbers]
            setattr(target, keyword, shown if several else shown[0])
        except (TypeError, ValueError):
            continue


def group_place(item: Dataset) -> Dataset:
    """The place of a frame, of all that a functional group holds."""
    made = Dataset()
    for keyword, inner in GROUPS.items():
        if item.get(keyword):
            place = Dataset()
            copy_numbers(item[keyword].value[0], place, inner)
            setattr(made, keyword, [place])
    return made


def remove_names(provenance: Mapping[str, str]) -> dict[str, str]:
    """What results were made with, without names that a user chose."""
    return {key: value for key, value in provenance.items() if not any(name in key for name in NAMED_FREELY)}


def mark_deidentified(made: Dataset) -> None:
    """Say on an object that the patient's identity was removed from it, and how."""
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = METHOD
    made.DeidentificationMethodCodeSequence = [make_code(value, meaning) for value, meaning in CODES.items()]
    made.LongitudinalTemporalInformationModified = "REMOVED"
    for equipment in made.get("ContributingEquipmentSequence") or ():
        for keyword in REMOVED_OF_EQUIPMENT:
            if keyword in equipment:
                del equipment[keyword]


def make_code(value: str, meaning: str) -> Dataset:
    """A concept of the DICOM controlled terminology."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item
