"""Every study in a folder tree through the chain, and what became of all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from .. import __version__
from ..data.errors import PerfusionError
from ..data.flow import FlowModel
from ..data.text import make_printable
from ..dicom import FoundStudy, ListedFile, find_studies, list_files, make_pseudonym, read_or_make_key
from ..networks import weights_sha256
from ..review.decisions import Decision, Review, count_decisions, find_current_decision, fingerprint_results
from .cluster import Certificates, connect_cluster, count_fitting_workers
from .cohort_opening import open_cohort
from .cohort_tables import make_cohort_tables
from .dispatch import QueuedStudy, dispatch
from .folder import CohortFolder
from .outcome import DONE
from .worker import pack

GB = 2**30
SAY_EVERY_S = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a cohort is computed.

    time_limit_s, memory_limit_gb : of one study
    send : send the images to workers that share no folder with us
    acquisition : values that no header gives, as `dicom.choices_from` takes them
    address : of a dask scheduler; a cluster of this machine if None, with ``workers`` workers or as many as fit
    certificates : for a scheduler at ``tls://``, where the configuration of dask does not name them
    """

    model: FlowModel = FlowModel.AVERAGED
    device: str = "auto"
    weights: Path | None = None
    dicom: bool = False
    de_identify: bool = False
    time_limit_s: float = 900.0
    memory_limit_gb: float = 4.0
    acquisition: Mapping[str, object] = field(default_factory=dict)
    send: bool = False
    address: str | None = None
    certificates: Certificates | None = None
    workers: int | None = None

    def shared(self) -> dict[str, object]:
        """What the numbers depend on."""
        about: dict[str, object] = {
            "version": __version__,
            "weights_sha256": weights_sha256(self.weights),
            "model": str(self.model),
            "pseudonyms": make_pseudonym("key", "check"),
        }
        entered: dict[str, object] = {"acquisition": dict(self.acquisition)} if self.acquisition else {}
        return about | {"dicom": self.dicom, "de_identify": self.de_identify} | entered


@dataclass(frozen=True)
class Progress:
    """How far it is.

    studies : found; finished : of them, with those of earlier commands; failed : of them
    seconds_left : by the speed so far, NaN before the first study ended
    """

    studies: int
    finished: int
    failed: int
    workers: int
    seconds_left: float


def process_cohort(
    root: Path,
    out: Path,
    settings: Settings,
    *,
    resume: bool = False,
    report_line: Callable[[str], None] = lambda line: None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Compute every study below ``root`` and write its results, the tables and the page of the cohort into ``out``.

    Parameters
    ----------
    resume : bool
        Go on with a cohort: compute what is new, changed or was not finished.
    report_line, progress : callable
        Called with sentences, and about every second with how far it is.

    Raises
    ------
    PerfusionError
        Where nothing can be computed at all, or the scheduler or the disk is lost. The tables of what is finished are
        written then too, and when the user stops it.
    """
    root, out = Path(root).resolve(), Path(out).resolve()
    if not root.is_dir():
        raise PerfusionError(f"The folder {root.name} does not exist.", "Name the folder that holds the studies.")
    if out in (root, *root.parents):
        raise PerfusionError(
            f"The folder for the results, {out.name}, holds the studies that are to be read.", "Name another folder."
        )
    with open_cohort(out, settings.shared(), resume=resume) as folder:
        studies = survey_cohort(root, folder, report_line)
        if not studies:
            raise PerfusionError(
                f"No study was found in {root.name}.", "Name the folder that holds the DICOM files of the studies."
            )
        for study in studies:
            folder.adopt(study)
        reviews = folder.reviews()
        waiting = [study for study in studies if not folder.settled(study)]
        report_line(f"Found {len(studies)} studies; {len(waiting)} are to be computed.")
        try:
            if waiting:
                compute(root, folder, studies, waiting, settings, progress)
        finally:
            folder.write(make_cohort_tables(folder, studies, reviews))
            report_reviews(folder, reviews, report_line)
        return find_state(folder, studies, 0, float("nan"))


def report_reviews(folder: CohortFolder, reviews: Mapping[str, Review], report_line: Callable[[str], None]) -> None:
    """How many studies readers accepted, and which they marked for correction."""
    if not reviews:
        return
    results = {study: fingerprint_results(folder.table(study)) for study in folder.done()}
    counts = count_decisions(results, reviews)
    report_line(
        f"Review: {counts[Decision.ACCEPTED]} accepted, {counts[Decision.NEEDS_CORRECTION]} need correction, "
        f"{counts[Decision.NONE]} not reviewed."
    )
    wrong = [
        one for one in results if find_current_decision(reviews.get(one), results[one]) is Decision.NEEDS_CORRECTION
    ]
    if wrong:
        report_line(f"To be corrected, from scene.mrb in the folder of each: {', '.join(wrong)}.")


def survey_cohort(
    root: Path, folder: CohortFolder, report_line: Callable[[str], None] = lambda line: None
) -> list[FoundStudy]:
    """The studies in the tree; files that were listed before and did not change are not opened again."""
    listed: dict[str, ListedFile] = {}
    unreadable: list[str] = []
    known, said_s = folder.read_listed_files(), time.monotonic()
    with folder.listing(listed) as note:
        for place, file in list_files(root, known, without=folder.out, unreadable=unreadable.append):
            listed[place] = file
            if known.get(place) != file:
                note(place, file)
            if time.monotonic() - said_s > SAY_EVERY_S:
                said_s = time.monotonic()
                report_line(f"{len(listed)} files looked at.")
    for place in unreadable:
        report_line(f"The folder {place} cannot be read and is left out. Check that you may open it.")
    return find_studies(root, listed)


def compute(
    root: Path,
    folder: CohortFolder,
    studies: Sequence[FoundStudy],
    waiting: Sequence[FoundStudy],
    settings: Settings,
    progress: Callable[[Progress], None],
) -> None:
    """Compute the waiting ones of the studies and note how each ended."""
    by_label = {study.label: study for study in waiting}
    stale = {label for label in by_label if folder.results(label).is_dir()}
    tasks = [queue_study(study, root, folder, settings, overwrite=study.label in stale) for study in waiting]
    memory_bytes = int(settings.memory_limit_gb * GB)
    workers = settings.workers or min(count_fitting_workers(memory_bytes), len(tasks))
    began_s, ended = time.monotonic(), 0

    def wait(threads: int) -> None:
        left_s = (time.monotonic() - began_s) / ended * (len(tasks) - ended) if ended else float("nan")
        progress(find_state(folder, studies, threads, left_s))

    with connect_cluster(settings.address, workers, settings.certificates) as client:
        for outcome in dispatch(
            client,
            tasks,
            seconds=settings.time_limit_s,
            memory_bytes=memory_bytes,
            begin=lambda task: folder.begin(by_label[task.job["study"]]),
            wait=wait,
        ):
            folder.end(by_label[outcome.study], outcome, overwrite=outcome.study in stale)
            ended += 1


def queue_study(
    study: FoundStudy, root: Path, folder: CohortFolder, settings: Settings, *, overwrite: bool
) -> QueuedStudy:
    """One study as a worker gets it."""
    job = settings.shared() | {
        "key": read_or_make_key().hex(),
        "weights": str(settings.weights.resolve()) if settings.weights else None,
        "device": settings.device,
        "study": study.label,
        "root": str(root),
        "files": [] if settings.send else [str(path) for path in study.files],
        "names": [make_printable(path.relative_to(root).as_posix()) for path in study.files] if settings.send else [],
        "out": str(folder.results(study.label)),
        "overwrite": overwrite,
    }
    return QueuedStudy(job, partial(pack, root, study.files) if settings.send else None, study.size)


def find_state(folder: CohortFolder, studies: Sequence[FoundStudy], workers: int, seconds_left: float) -> Progress:
    """How far it is."""
    ended = [folder.ended[study.label] for study in studies if study.label in folder.ended]
    done = sum(one.kind == DONE for one in ended)
    return Progress(len(studies), done, len(ended) - done, workers, seconds_left)
