"""The report as a DICOM Encapsulated PDF (PS3.3 A.45)."""

from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

COPIED = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientWeight", "PatientSize"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "StudyDescription"),
    *("AccessionNumber", "ReferringPhysicianName", "SpecificCharacterSet"),
)


def encapsulate_pdf(source: Dataset, pdf: bytes, title: str, names: Mapping[str, Any]) -> Dataset:
    """A PDF document in the study of a source image.

    names : unique identifiers, numbers and equipment of the new object, as highdicom calls them
    """
    document = Dataset()
    for keyword in COPIED:
        if keyword in source:
            setattr(document, keyword, getattr(source, keyword))
    document.SOPClassUID = EncapsulatedPDFStorage
    document.SOPInstanceUID = names["sop_instance_uid"]
    document.SeriesInstanceUID = names["series_instance_uid"]
    document.SeriesNumber = names["series_number"]
    document.InstanceNumber = names["instance_number"]
    document.Modality = "DOC"
    document.ConversionType = "SYN"
    document.Manufacturer = names["manufacturer"]
    document.ManufacturerModelName = names["manufacturer_model_name"]
    document.DeviceSerialNumber = names["device_serial_number"]
    document.SoftwareVersions = names["software_versions"]
    document.BurnedInAnnotation = "YES"
    document.DocumentTitle = title
    document.ConceptNameCodeSequence = []
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocumentLength = len(pdf)
    document.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return document
