"""One study, from its DICOM files to its results folder: what `perfusiondl run` and every worker of a cohort call."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from ..data.result import StudyResult
from ..data.study import Scan, Study
from ..dicom import NO_CHOICES, ReadChoices
from ..networks import Networks
from ..quantification.options import DEFAULT, Options
from ..results.atomic import atomic_folder
from .parallel import compute_in_parallel, one_thread
from .processes import ProcessCall, loading_to_stay
from .write_outputs import begin_writing, write_dicom

Progress = Callable[[str], None]


def run_study(
    sources: Sequence[Path],
    out: Path,
    networks: Networks | Callable[[], Networks],
    *,
    rest: Path | None = None,
    stress: Path | None = None,
    choices: ReadChoices = NO_CHOICES,
    options: Options = DEFAULT,
    dicom: bool = False,
    de_identify: bool = False,
    overwrite: bool = False,
    replace_corrections: bool = False,
    workers: int = 1,
    progress: Progress = lambda step: None,
    found: Callable[[Scan], None] = lambda scan: None,
) -> StudyResult:
    """Read a study, find contours, compute blood flow and write the results folder ``out``, whole or not at all.

    Parameters
    ----------
    sources : sequence of Path
        Files of one patient, or folders with them.
    networks : Networks or callable
        The networks, or what loads them; beside the reading of the images, with more than one worker.
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
    workers : int
        Slices that are computed beside each other; with more than one, parts of the results are written so too.
    progress : callable
        Called with each step as it begins, after its place: ``rest basal: motion compensation``; from any thread.
    found : callable
        Called with each scan as soon as it is read.

    Notes
    -----
    One thread computes a slice: sums in another order differ in the last bit, and a study must give the same table on
    every machine of a cohort.

    Raises
    ------
    PerfusionError
        If the study cannot be read or processed, or the results cannot be written.
    """
    sources = [*sources, *(folder for folder in (rest, stress) if folder is not None)]
    with atomic_folder(out, overwrite=overwrite, inputs=sources, replace_corrections=replace_corrections) as unfinished:
        with nullcontext() if isinstance(networks, Networks) else loading_to_stay():
            study, loaded = _read_and_load(
                partial(_read_study, sources, rest=rest, stress=stress, choices=choices), networks, workers, progress
            )
            from .. import pipeline  # here: a process of its own has begun to read by now

        for scan in study.scans:
            found(scan)
        with one_thread():
            find_slices = partial(compute_in_parallel, workers=workers)
            preprocessed = pipeline.preprocess(study, loaded, find_slices=find_slices, progress=progress)
            with begin_writing(unfinished, preprocessed, workers=workers) as write:
                progress("blood flow")
                result = pipeline.process(preprocessed, options)
                write(result, progress)
            if dicom or de_identify:
                progress("DICOM")
                write_dicom(unfinished, sources, result, options=options, de_identify=de_identify)
    return result


def _read_study(sources: Sequence[Path], *, rest: Path | None, stress: Path | None, choices: ReadChoices) -> Study:
    """As `read_study`; a process that has it read by another one does not load the libraries of DICOM."""
    from ..dicom import read_study

    return read_study(sources, rest=rest, stress=stress, choices=choices)


def _read_and_load(
    read: partial[Study], networks: Networks | Callable[[], Networks], workers: int, progress: Progress
) -> tuple[Study, Networks]:
    """The study, and networks that are loaded beside its reading where there are workers for both."""

    def load() -> Networks:
        if isinstance(networks, Networks):
            return networks
        progress("loading networks")
        return networks()

    if workers == 1:
        progress("reading DICOM")
        with one_thread():
            study = read()
        return study, load()
    with ProcessCall(read.func, *read.args, **read.keywords) as reading:
        loaded = load()
        progress("reading DICOM")
        return reading.result(), loaded
