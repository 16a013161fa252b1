"""Results into an archive by DICOMweb (STOW-RS, DICOM PS3.18 10.5), with dicomweb-client."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from ..data.errors import PerfusionError

STRUCTURED_REPORT = "SR"


def store_objects(
    url: str, paths: Sequence[Path], *, session: Any, timeout_s: float, former: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Store DICOM files; returns what names each in the archive: modality and the UIDs of class, series and object.

    An object that the archive holds already is stored again as itself: the same results have the same UIDs.

    Parameters
    ----------
    url : str
        Of the DICOMweb service.
    session : requests.Session
        With the user, the password and the certificates.
    former : mapping, optional
        The report of an earlier version, as it was returned then: the new report names it as its predecessor.

    Raises
    ------
    PerfusionError
        Where a file cannot be read, or the archive does not take an object. Errors of the network pass through.
    """
    from dicomweb_client.api import DICOMwebClient

    objects = [_read(path) for path in paths]
    for made in objects:
        if former is not None and made.Modality == STRUCTURED_REPORT:
            name_predecessor(made, former)
    client = DICOMwebClient(url, session=session, timeout=timeout_s)
    client.set_http_retry_params(retry=False)  # who calls knows what to do meanwhile
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = client.store_instances(objects)
    refused = [str(one.ReferencedSOPInstanceUID) for one in answer.get("FailedSOPSequence", [])]
    taken = {str(one.ReferencedSOPInstanceUID) for one in answer.get("ReferencedSOPSequence", [])}
    missing = [made for made in objects if made.SOPInstanceUID not in taken or made.SOPInstanceUID in refused]
    if missing:
        kinds = ", ".join(sorted({str(made.Modality) for made in missing}))
        raise PerfusionError(
            f"The archive refused {len(missing)} of {len(objects)} objects ({kinds}).",
            "Look at its log: it may be full, read-only, or take no objects of these kinds.",
        )
    return [name_object(made) for made in objects]


def name_object(made: Dataset) -> dict[str, str]:
    """What names an object in the archive."""
    return {
        "modality": str(made.Modality),
        "sop_class": str(made.SOPClassUID),
        "study": str(made.StudyInstanceUID),
        "series": str(made.SeriesInstanceUID),
        "sop": str(made.SOPInstanceUID),
    }


def name_predecessor(report: Dataset, former: Mapping[str, str]) -> None:
    """Say which report this one replaces (Predecessor Documents Sequence, DICOM PS3.3 C.17.2)."""
    if former["sop"] == report.SOPInstanceUID:
        return
    instance, series, study = Dataset(), Dataset(), Dataset()
    instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = former["sop_class"], former["sop"]
    series.SeriesInstanceUID, series.ReferencedSOPSequence = former["series"], [instance]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = former["study"], [series]
    report.PredecessorDocumentsSequence = [study]


def study_of(path: Path) -> str:
    """StudyInstanceUID of a DICOM file."""
    return str(_read(path).StudyInstanceUID)


def _read(path: Path) -> Dataset:
    try:
        return dcmread(path)
    except (OSError, InvalidDicomError) as error:
        raise PerfusionError(
            f"The object {path.name} cannot be read.", "Delete its study's results and start again."
        ) from error
