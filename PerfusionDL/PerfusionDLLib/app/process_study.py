"""One study, from its DICOM files to its results folder: what `perfusiondl run` and every worker of a cohort call."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..data.preprocessed import PreprocessedStudy
from ..data.result import StudyResult
from ..data.study import Condition, Scan, Study
from ..dicom import NO_CHOICES, ReadChoices
from ..networks import Networks
from ..quantification.options import DEFAULT, Options
from ..results.atomic import whole_folder
from .write_outputs import write_dicom, write_results

Progress = Callable[[str], None]


def run_study(
    sources: Sequence[Path],
    out: Path,
    networks: Networks,
    *,
    rest: Path | None = None,
    stress: Path | None = None,
    choices: ReadChoices = NO_CHOICES,
    options: Options = DEFAULT,
    dicom: bool = False,
    de_identify: bool = False,
    overwrite: bool = False,
    replace_corrections: bool = False,
    progress: Progress = lambda step: None,
    found: Callable[[Scan], None] = lambda scan: None,
) -> StudyResult:
    """Read a study, find contours, compute blood flow and write the results folder ``out``, whole or not at all.

    Parameters
    ----------
    sources : sequence of Path
        Files of one patient, or folders with them.
    rest, stress : Path, optional
        Folders whose scan is the rest or the stress scan, whatever its headers say.
    choices : ReadChoices
        Series that the user chose by number, and values that no header gives.
    options : Options
        What the user chose that the numbers depend on.
    dicom, de_identify : bool
        Write DICOM objects for the archive too; without the patient.
    overwrite, replace_corrections : bool
        Replace former results; also those that a reader corrected.
    progress : callable
        Called with each step as it begins, after its place: ``rest basal: motion compensation``.
    found : callable
        Called with each scan as soon as it is read.

    Notes
    -----
    One thread computes: sums in another order differ in the last bit, and a study must give the same table on every
    machine of a cohort. Arrays are small here; more threads gain little.

    Raises
    ------
    PerfusionError
        If the study cannot be read or processed, or the results cannot be written.
    """
    from .. import pipeline
    from ..dicom import read_study

    sources = [*sources, *(folder for folder in (rest, stress) if folder is not None)]
    with (
        whole_folder(out, overwrite=overwrite, inputs=sources, replace_corrections=replace_corrections) as partial,
        one_thread(),
    ):
        progress("reading DICOM")
        study = read_study(sources, rest=rest, stress=stress, choices=choices)
        for scan in study.scans:
            found(scan)
        preprocessed = preprocess_study(study, networks, progress=progress)
        progress("blood flow")
        result = pipeline.process(preprocessed, options)
        write_results(partial, result, progress=progress)
        if dicom or de_identify:
            progress("DICOM")
            write_dicom(partial, sources, result, de_identify=de_identify)
    return result


@contextmanager
def one_thread() -> Iterator[None]:
    """Numbers inside do not depend on how many cores the machine has."""
    import torch
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(threads)


def preprocess_study(study: Study, networks: Networks, *, progress: Progress = lambda step: None) -> PreprocessedStudy:
    """Find everything in every scan of a study."""
    from .. import pipeline

    scans = (pipeline.preprocess(scan, networks, progress=during(scan.condition, progress)) for scan in study.scans)
    return PreprocessedStudy(scans=tuple(scans))


def during(condition: Condition, progress: Progress) -> Progress:
    """Progress that says in which scan a step is."""
    return lambda step: progress(f"{condition} {step}")
