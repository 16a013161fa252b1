"""Results into an archive by DICOMweb (STOW-RS, DICOM PS3.18 10.5), with dicomweb-client."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from ..data.errors import PerfusionError
from .versions import Name, name_object, number_versions


def store_objects(
    url: str, paths: Sequence[Path], *, session: Any, timeout_s: float, former: Name | None = None
) -> list[dict[str, Any]]:
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
    number_versions(objects, former)
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


def read_study_uid(path: Path) -> str:
    """StudyInstanceUID of a DICOM file."""
    return str(_read(path).StudyInstanceUID)


def _read(path: Path) -> Dataset:
    try:
        return dcmread(path)
    except (OSError, InvalidDicomError) as error:
        raise PerfusionError(
            f"The object {path.name} cannot be read.", "Delete its study's results and start again."
        ) from error
