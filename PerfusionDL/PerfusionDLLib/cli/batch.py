"""The command for cohorts: every study in a folder tree, on this machine or on a cluster."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from .. import NOTICE
from ..data.errors import PerfusionError
from ..data.flow import FlowModel
from .acquisition import AcquisitionFile, read_document
from .console import end_on_signal, messages, output, print_line

SAY_EVERY_S = 30.0

Scheduler = Annotated[
    str | None, typer.Option(help="Address of a dask scheduler, e.g. tls://host:8786; this machine by default.")
]
TimeLimit = Annotated[float, typer.Option(min=1, help="Seconds for one study.")]
MemoryLimit = Annotated[float, typer.Option(min=0.5, help="Memory for one study, GB.")]
Model = Annotated[FlowModel, typer.Option(help="How the residue function is constrained.")]
DeviceName = Annotated[str, typer.Option(help="Where the networks run: auto, cpu, cuda or mps.")]
Weights = Annotated[Path | None, typer.Option(help="Folder with networks of your own.")]


def batch(
    folder: Annotated[
        Path, typer.Argument(help="Folder or ZIP archive with the studies, however they lie in it.", metavar="FOLDER")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results of the cohort.", metavar="RESULTS")],
    scheduler: Scheduler = None,
    tls_ca_file: Annotated[Path | None, typer.Option(help="Certificate authority of a scheduler at tls://.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate to show to a scheduler at tls://.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Key of that certificate.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Studies at a time on this machine.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a cohort: what is new or unfinished.")] = False,
    send: Annotated[
        bool, typer.Option("--send", help="Send the images to workers that share no folder with this machine.")
    ] = False,
    time_limit: TimeLimit = 900.0,
    memory_limit: MemoryLimit = 4.0,
    model: Model = FlowModel.AVERAGED,
    device: DeviceName = "auto",
    weights: Weights = None,
    acquisition: AcquisitionFile = None,
    dicom: Annotated[
        bool, typer.Option("--dicom", help="Write DICOM objects for the archive too; they name the patients.")
    ] = False,
    de_identify: Annotated[bool, typer.Option("--de-identify", help="Leave the patients out of the DICOM.")] = False,
) -> None:
    """Process every study in a folder tree: results of each, one table of all, one list of what failed.

    Each study has limits of time and memory and fails alone; one that failed is tried once more on another worker.
    Stop it as you like: --resume goes on where it was.
    """
    try:
        from ..batch.cluster import Certificates, is_open_to_others
        from ..batch.cohort import Settings, process_cohort
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed", "filelock", "psutil"):
            raise
        raise PerfusionError(
            f"Cohorts need {error.name}, which is not installed.", "Install it with: pip install 'perfusiondl[batch]'"
        ) from error

    from ..dicom import read_choices, unpack_archives

    document = read_document(acquisition)
    for study in ("", *document.get("studies", {})):
        read_choices(document, study)
    files = (tls_ca_file, tls_cert, tls_key)
    if any(files) and not all(files):
        raise PerfusionError(
            "A connection with tls:// needs an authority, a certificate and its key.",
            "Add --tls-ca-file, --tls-cert and --tls-key, or none of them.",
        )
    if scheduler and is_open_to_others(scheduler):
        messages.print(
            f"The connection to {scheduler} is not encrypted, and whoever reaches it can give it work: "
            "use it in a network that you trust, or tls://.",
            markup=False,
        )
    settings = Settings(
        acquisition=document,
        model=model,
        device=device,
        weights=weights,
        dicom=dicom,
        de_identify=de_identify,
        time_limit_s=time_limit,
        memory_limit_gb=memory_limit,
        send=send,
        address=scheduler,
        certificates=Certificates(tls_ca_file, tls_cert, tls_key) if tls_ca_file and tls_cert and tls_key else None,
        workers=workers,
    )
    with (
        show_progress() as show,
        end_on_signal(lambda number: KeyboardInterrupt()),
        unpack_archives([folder]) as (place,),
    ):
        try:
            ended = process_cohort(
                place or folder,
                out,
                settings,
                resume=resume,
                report_line=print_line,
                progress=show,
            )
        except KeyboardInterrupt:
            messages.print("Stopped. What is finished is kept; repeat the command with --resume to go on.")
            raise typer.Exit(130) from None
    output.print(f"{ended.finished} of {ended.studies} studies have results in {out / 'studies'}.", markup=False)
    if ended.failed:
        output.print(f"{ended.failed} failed: what, where and what to do is in {out / 'problems.csv'}.", markup=False)
    output.print(f"Table: {out / 'cohort.csv'}. Look first at {out / 'cohort.html'}. {NOTICE}.", markup=False)


@contextmanager
def show_progress() -> Iterator:
    """A bar on a terminal, now and then a line elsewhere."""
    if not messages.is_terminal:
        yield Lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("studies", total=None, left="")

        def show(now) -> None:
            bar.update(task, total=now.studies, completed=now.finished + now.failed, left=describe_outcome(now))

        yield show


class Lines:
    """Says how far it is when a study ended, but not more often than twice a minute."""

    def __init__(self) -> None:
        self._said_s, self._said = -math.inf, ""

    def __call__(self, now) -> None:
        line = f"{now.finished + now.failed} of {now.studies} studies{describe_outcome(now)}"
        if line != self._said and time.monotonic() - self._said_s > SAY_EVERY_S:
            self._said_s, self._said = time.monotonic(), line
            messages.print(line, markup=False)


def describe_outcome(now) -> str:
    """Failures, workers and the time left in words."""
    parts = [f", {now.failed} failed"] if now.failed else []
    parts.append(f", {now.workers} workers" if now.workers else ", waiting for a worker")
    if math.isfinite(now.seconds_left):
        parts.append(f", about {format_duration(now.seconds_left)} left")
    return "".join(parts)


def format_duration(seconds: float) -> str:
    """A time in words.

    >>> format_duration(45), format_duration(600), format_duration(8000)
    ('45 s', '10 min', '2.2 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
