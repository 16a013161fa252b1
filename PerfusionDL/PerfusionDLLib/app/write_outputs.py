"""Everything that is written about a study: tables, images, report, scene, and DICOM objects for the archive."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..beside import compute_beside
from ..data.result import StudyResult
from ..quantification.options import DEFAULT, Options, options_document
from ..results import layout
from .processes import ProcessCall
from .result_parts import PARTS, write_parts


def write_results(
    folder: Path,
    result: StudyResult,
    *,
    workers: int = 1,
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """Write everything that a study gave into an existing, empty folder.

    Parameters
    ----------
    workers : int
        With more than one, two processes write the parts beside each other; their memory goes with them.
    progress : callable
        Called with each step as it begins, from any thread.

    Raises
    ------
    PerfusionError, OSError
        If a part cannot be written.
    """
    if workers == 1:
        write_parts(tuple(PARTS), folder, result, progress=progress)
        return

    def write_apart(*parts: str) -> None:
        with ProcessCall(write_parts, parts, folder, result) as call:
            call.result(progress)

    # the libraries of the report and of images are loaded by one process, those of Slicer by the other
    compute_beside([partial(write_apart, "report", "page", "tables", "images"), partial(write_apart, "scene")], 2)


def write_dicom(
    folder: Path,
    sources: Sequence[Path],
    result: StudyResult,
    *,
    options: Options = DEFAULT,
    de_identify: bool = False,
    former: Mapping[str, Any] | None = None,
) -> None:
    """Give the results in a folder to the archive too, as DICOM objects in its subfolder ``dicom``.

    sources : folders with the DICOM images of the study, or the files themselves
    former : what names the report in the archive that the new one replaces
    """
    from ..dicom import export_results

    export_results(
        folder / layout.DICOM,
        sources,
        result,
        moment=datetime.now(),
        report_pdf=(folder / layout.REPORT).read_bytes(),
        de_identify=de_identify,
        options=options_document(options),
        former=former,
    )
