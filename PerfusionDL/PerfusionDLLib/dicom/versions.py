"""Versions of the results of one study: each report names the one that it replaces, and nothing is deleted."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

Name = Mapping[str, Any]
"""What names an object in an archive: modality, UIDs of class, study, series and object, number of the version, and
under ``replaces`` what names the report that it replaces."""

FIRST_SERIES = 9001
SERIES_OF_A_VERSION = 20
"""By how much series numbers rise from version to version, so that a list of series shows the newest last; chosen:
two scans have ten series."""


def name_object(made: Dataset) -> dict[str, Any]:
    """What names an object in an archive."""
    named: dict[str, Any] = {
        "modality": str(made.Modality),
        "sop_class": str(made.SOPClassUID),
        "study": str(made.StudyInstanceUID),
        "series": str(made.SeriesInstanceUID),
        "sop": str(made.SOPInstanceUID),
    }
    if made.Modality != "SR":
        return named
    named["version"] = str(made.InstanceNumber)
    replaced = _name_replaced(made)
    return named if replaced is None else named | {"replaces": replaced}


def name_report(files: Iterable[Path]) -> dict[str, Any] | None:
    """What names the report among some files; None where there is none."""
    headers = (dcmread(path, stop_before_pixels=True) for path in files)
    return next((name_object(header) for header in headers if header.get("Modality") == "SR"), None)


def compute_next_version(former: Name | None) -> int:
    """Number of the version that replaces another; 1 where it replaces none.

    >>> compute_next_version(None), compute_next_version({"version": "2"}), compute_next_version({"sop": "1.2"})
    (1, 3, 2)
    """
    if former is None:
        return 1
    try:
        return int(former.get("version") or 1) + 1
    except ValueError:
        return 2


def number_versions(objects: Iterable[Dataset], former: Name | None) -> None:
    """Have the objects of one version say that they replace a former one.

    The report names the former report (Predecessor Documents Sequence, DICOM PS3.3 C.17.2) and bears the number of the
    version; the numbers of all series rise with it. A report does not replace itself: the same results written once
    more replace what they replaced.
    """
    objects = list(objects)
    if former is not None and any(made.SOPInstanceUID == former["sop"] for made in objects):
        former = former.get("replaces")
    if former is None:
        return
    version = compute_next_version(former)
    for made in objects:
        place = (int(made.SeriesNumber) - FIRST_SERIES) % SERIES_OF_A_VERSION
        made.SeriesNumber = FIRST_SERIES + SERIES_OF_A_VERSION * (version - 1) + place
        if made.Modality == "SR":
            made.InstanceNumber = version
            made.PredecessorDocumentsSequence = [make_reference(former)]


def make_reference(named: Name) -> Dataset:
    """An item that refers to one object (Hierarchical SOP Instance Reference Macro, DICOM PS3.3 C.17.2.1)."""
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = named["sop_class"], named["sop"]
    series.SeriesInstanceUID, series.ReferencedSOPSequence = named["series"], [instance]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = named["study"], [series]
    return study


def _name_replaced(report: Dataset) -> dict[str, Any] | None:
    """What names the report that a report replaces."""
    for study in report.get("PredecessorDocumentsSequence") or ():
        for series in study.get("ReferencedSeriesSequence") or ():
            for instance in series.get("ReferencedSOPSequence") or ():
                return {
                    "modality": "SR",
                    "sop_class": str(instance.ReferencedSOPClassUID),
                    "study": str(study.StudyInstanceUID),
                    "series": str(series.SeriesInstanceUID),
                    "sop": str(instance.ReferencedSOPInstanceUID),
                    "version": str(int(report.InstanceNumber) - 1),
                }
    return None
