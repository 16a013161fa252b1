"""Results of a study, such as those of a corrected scene, into the archive as a new version."""

from collections.abc import Mapping
from pathlib import Path

from ..data.errors import PerfusionError
from ..dicom.web import study_of
from .orthanc import Orthanc


def send_results(results: Path, archive: Orthanc) -> tuple[int, Mapping[str, str] | None]:
    """Store the DICOM objects of a results folder; returns how many, and the report that the new one replaces.

    Raises PerfusionError where there are none, or the archive does not hold their study.
    """
    paths = sorted((results / "dicom").glob("*.dcm"))
    if not paths:
        raise PerfusionError(
            f"The folder {results.name} holds no DICOM objects.",
            "Write them with `perfusiondl run --dicom`, or `perfusiondl export SCENE --images FOLDER`.",
        )
    former = archive.find_report(study_of(paths[0]))
    return len(archive.store(paths, former)), former
