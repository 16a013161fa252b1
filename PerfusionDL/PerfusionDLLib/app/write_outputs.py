"""Everything that is written about a study: tables, images, report, scene, and DICOM objects for the archive."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from ..data.preprocessed import PreprocessedStudy
from ..data.result import StudyResult
from ..quantification.options import DEFAULT, Options, options_document
from ..results import layout
from .parallel import compute_in_parallel
from .processes import ProcessCall
from .result_parts import PARTS, write_parts, write_parts_later

Progress = Callable[[str], None]
Write = Callable[[StudyResult, Progress], None]
"""Writes a result; the other argument is called with each step as it begins, from any thread."""
_BESIDE = (("report", "page", "tables", "images"), ("scene",))
"""Parts by the process that writes them: the libraries of figures are loaded by one, those of Slicer by the other."""


def write_results(
    folder: Path,
    result: StudyResult,
    *,
    workers: int = 1,
    progress: Progress = lambda step: None,
) -> None:
    """Write everything that a study gave into an existing, empty folder; as `begin_writing`."""
    with begin_writing(folder, result.preprocessed, workers=workers) as write:
        write(result, progress)


@contextmanager
def begin_writing(folder: Path, preprocessed: PreprocessedStudy, *, workers: int = 1) -> Iterator[Write]:
    """What writes everything that a study gave into an existing, empty folder, once its flow is known.

    Parameters
    ----------
    workers : int
        With more than one, two processes write the parts beside each other; their memory goes with them. They load
        their libraries and are given the preprocessed study while its flow is computed.

    Raises
    ------
    PerfusionError, OSError
        From what is given, if a part cannot be written.
    """
    if workers == 1:
        yield lambda result, progress: write_parts(tuple(PARTS), folder, result, progress=progress)
        return
    with ThreadPoolExecutor(len(_BESIDE)) as pool, ExitStack() as running:
        calls = [running.enter_context(ProcessCall(write_parts_later, parts, folder)) for parts in _BESIDE]
        sent = [pool.submit(call.send, preprocessed) for call in calls]

        def write(result: StudyResult, progress: Progress) -> None:
            def end(call: ProcessCall[None], sending: Future[None]) -> None:
                sending.result()
                call.send((result.maps, result.table))
                call.result(progress)

            compute_in_parallel([partial(end, *pair) for pair in zip(calls, sent, strict=True)], len(calls))

        yield write


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
