"""One study, from its DICOM files to its results folder: what `perfusiondl run` and every worker of a cohort call."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..data.flow import ArterialInput, FlowModel, PerfusionMaps
from ..data.preprocessed import PreprocessedScan
from ..data.study import Condition, Scan
from ..data.table import SegmentTable
from ..dicom import NO_CHOICES, ReadChoices
from ..networks import Networks
from ..quantification.thresholds import Threshold
from ..results.atomic import whole_folder
from .write_outputs import write_dicom, write_results

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class FlowOptions:
    """What a user knows beyond the images.

    arterial_inputs : curves to use instead of those measured; dose_ratio : main bolus over pre-bolus
    rate_pressure_product : at rest, mmHg/min; thresholds : below which regions are flagged
    """

    arterial_inputs: Mapping[Condition, ArterialInput] = field(default_factory=dict)
    dose_ratio: float | None = None
    rate_pressure_product: float | None = None
    thresholds: tuple[Threshold, ...] = ()


NOTHING_KNOWN = FlowOptions()


@dataclass(frozen=True)
class FinishedStudy:
    """What the chain made of a study, as it was written."""

    preprocessed: tuple[PreprocessedScan, ...]
    maps: tuple[PerfusionMaps, ...]
    table: SegmentTable


def run_study(
    sources: Sequence[Path],
    out: Path,
    networks: Networks,
    *,
    rest: Path | None = None,
    stress: Path | None = None,
    choices: ReadChoices = NO_CHOICES,
    model: FlowModel = FlowModel.AVERAGED,
    flow: FlowOptions = NOTHING_KNOWN,
    dicom: bool = False,
    de_identify: bool = False,
    overwrite: bool = False,
    replace_corrections: bool = False,
    progress: Progress = lambda step: None,
    found: Callable[[Scan], None] = lambda scan: None,
) -> FinishedStudy:
    """Read a study, find contours, compute blood flow and write the results folder ``out``, whole or not at all.

    Parameters
    ----------
    sources : sequence of Path
        Files of one patient, or folders with them.
    rest, stress : Path, optional
        Folders whose scan is the rest or the stress scan, whatever its headers say.
    choices : ReadChoices
        Series that the user chose by number, and values that no header gives.
    flow : FlowOptions
        What the user knows beyond the images.
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
    sources = [*sources, *(folder for folder in (rest, stress) if folder is not None)]
    with (
        whole_folder(out, overwrite=overwrite, inputs=sources, replace_corrections=replace_corrections) as partial,
        one_thread(),
    ):
        study = process(
            sources,
            networks,
            rest=rest,
            stress=stress,
            choices=choices,
            model=model,
            flow=flow,
            progress=progress,
            found=found,
        )
        write_results(partial, study.preprocessed, study.maps, study.table, progress=progress)
        if dicom or de_identify:
            progress("DICOM")
            write_dicom(partial, sources, study.preprocessed, study.maps, study.table, de_identify=de_identify)
    return study


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


def process(
    sources: Sequence[Path],
    networks: Networks,
    *,
    rest: Path | None,
    stress: Path | None,
    choices: ReadChoices,
    model: FlowModel,
    flow: FlowOptions,
    progress: Progress,
    found: Callable[[Scan], None],
) -> FinishedStudy:
    """From DICOM to the preprocessed scans, their flow maps and the table of segments."""
    from .. import pipeline
    from ..dicom import read_study

    progress("reading DICOM")
    study = read_study(sources, rest=rest, stress=stress, choices=choices)
    for scan in study.scans:
        found(scan)
    preprocessed = tuple(
        pipeline.preprocess(scan, networks, progress=during(scan.condition, progress)) for scan in study.scans
    )
    progress("blood flow")
    maps = tuple(
        pipeline.quantify_study(
            preprocessed, model=model, arterial_inputs=flow.arterial_inputs, dose_ratio=flow.dose_ratio
        )
    )
    by_condition = {scan.condition: scan for scan in maps}
    table = pipeline.summarize(
        by_condition.get(Condition.REST),
        by_condition.get(Condition.STRESS),
        rate_pressure_product=flow.rate_pressure_product,
        thresholds=flow.thresholds,
    )
    return FinishedStudy(preprocessed, maps, table)


def during(condition: Condition, progress: Progress) -> Progress:
    """Progress that says in which scan a step is."""
    return lambda step: progress(f"{condition} {step}")
