"""The command for a node beside the archive."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from .. import NOTICE
from ..data.errors import PerfusionError
from ..data.flow import FlowModel
from .acquisition import AcquisitionFile, read_document
from .batch import DeviceName, MemoryLimit, Model, Scheduler, TimeLimit, Weights
from .console import end_on_signal, messages, output, print_line

PASSWORD = "PERFUSIONDL_ORTHANC_PASSWORD"
"""Environment variable with the password of the archive's user."""

Url = Annotated[str, typer.Option(help="URL of the Orthanc server.", metavar="URL")]
User = Annotated[str, typer.Option(help=f"User of the archive; the password is read from {PASSWORD}.")]
CaFile = Annotated[Path | None, typer.Option(help="Certificate authority of an archive at https://.")]


def serve(
    orthanc: Url,
    out: Annotated[Path, typer.Option(help="Folder for results, journal and images under way.", metavar="FOLDER")],
    user: User = "",
    ca_file: CaFile = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also take the studies that are in the archive already.")
    ] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="Store nothing back.")] = False,
    once: Annotated[bool, typer.Option("--once", help="End when nothing is left to do.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between looks at the archive.")] = 10.0,
    workers: Annotated[int, typer.Option(min=1, help="Studies at a time.")] = 1,
    scheduler: Scheduler = None,
    time_limit: TimeLimit = 900.0,
    memory_limit: MemoryLimit = 4.0,
    model: Model = FlowModel.AVERAGED,
    device: DeviceName = "auto",
    weights: Weights = None,
    acquisition: AcquisitionFile = None,
) -> None:
    """Compute every perfusion study that arrives in an Orthanc server, and store the results beside the images.

    A study is computed once; again when images come late. Stop it as you like: it goes on where it was.
    """
    with find_installed():
        from ..batch.cohort import Settings
        from ..serve.node import Node
        from ..serve.orthanc import ArchiveSilentError
    archive = find_archive(orthanc, user, ca_file)
    try:
        archive.check()
    except ArchiveSilentError as error:
        if once:
            raise PerfusionError(
                f"The archive does not answer: {error}.", "Start it, or check --orthanc; then start again."
            ) from error
        messages.print(f"The archive does not answer yet: {error}.", markup=False)
    settings = Settings(
        model=model,
        device=device,
        weights=weights,
        time_limit_s=time_limit,
        memory_limit_gb=memory_limit,
        acquisition=read_document(acquisition),
        address=scheduler,
        workers=workers,
    )
    node = Node(
        archive=archive,
        out=Path(out).resolve(),
        settings=settings,
        read_only=read_only,
        everything=everything,
        workers=workers,
        report_line=print_line,
    )
    with end_on_signal(lambda number: KeyboardInterrupt()):
        try:
            node.run(interval_s=interval, once=once)
        except KeyboardInterrupt:
            messages.print("Stopped. What is finished is kept; the same command goes on.")
            raise typer.Exit(130) from None
    output.print(f"Nothing is left to do. Look at {node.cohort / 'cohort.html'}. {NOTICE}.", markup=False)


def send(
    results: Annotated[Path, typer.Argument(help="Results folder with DICOM objects.", metavar="RESULTS")],
    orthanc: Url,
    user: User = "",
    ca_file: CaFile = None,
) -> None:
    """Store the DICOM objects of results, such as those of a corrected scene, in the archive as a new version.

    The new report names the one that it replaces; nothing is deleted.
    """
    with find_installed():
        from ..serve.orthanc import ArchiveSilentError
        from ..serve.sending import send_results
    archive = find_archive(orthanc, user, ca_file)
    try:
        archive.check()
        count, former = send_results(results, archive)
    except ArchiveSilentError as error:
        raise PerfusionError(
            f"The archive does not answer: {error}.", "Start it, or check --orthanc; then send again."
        ) from error
    said = "; the report names the former one" if former else ""
    output.print(f"{count} objects stored{said}. {NOTICE}.", markup=False)


@contextmanager
def find_installed() -> Iterator[None]:
    """What is missing of the extra is said in words."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed", "filelock", "psutil", "requests", "dicomweb_client"):
            raise
        raise PerfusionError(
            f"Serving needs {error.name}, which is not installed.", "Install it with: pip install 'perfusiondl[serve]'"
        ) from error


def find_archive(url: str, user: str, ca_file: Path | None):
    """The archive, with the password from the environment."""
    from ..serve.orthanc import Orthanc

    archive = Orthanc(url, user=user, password=os.environ.get(PASSWORD, ""), ca_file=ca_file)
    if archive.is_open_to_others:
        messages.print("The connection to the archive is not encrypted: images and password can be read on the way.")
    return archive
