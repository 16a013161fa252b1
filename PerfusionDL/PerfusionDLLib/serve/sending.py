"""Results of a study, such as those of a corrected scene, into the archive as a new version."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data.errors import PerfusionError
from ..dicom import name_report
from ..dicom.web import read_study_uid
from .orthanc import Orthanc


def send_results(results: Path, archive: Orthanc) -> tuple[int, Mapping[str, Any] | None]:
    """Store the DICOM objects of a results folder; returns how many, and the report that the new one replaces.

    Raises PerfusionError where there are none, or the archive does not hold their study.
    """
    paths = sorted((results / "dicom").glob("*.dcm"))
    if not paths:
        raise PerfusionError(
            f"The folder {results.name} holds no DICOM objects.",
            "Write them with `perfusiondl run --dicom`, or `perfusiondl export SCENE --images FOLDER`.",
        )
    return len(archive.store(paths, former := find_former(archive, paths))), former


def find_former(archive: Orthanc, paths: Sequence[Path]) -> Mapping[str, Any] | None:
    """What names the report in the archive that the one among some objects replaces, whoever stored it there."""
    report = name_report(paths)
    return archive.find_report(read_study_uid(paths[0]), without=report["sop"] if report is not None else "")
