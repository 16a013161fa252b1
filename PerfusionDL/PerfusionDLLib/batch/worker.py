"""What a worker of the engine does with one study: have it computed, with files that it shares or that came along."""

import io
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..data.text import make_printable
from .outcome import DONE, ERROR, Outcome
from .supervisor import Supervisor, describe_failed_start

_idle: list[Supervisor] = []  # of this worker process: at most as many as it has threads
_busy: set[Supervisor] = set()
_lock = threading.Lock()


def attempt_study(function: Callable[..., Outcome], job: dict, *rest: object) -> Outcome:
    """Do what a worker does with a study; a mistake of ours is an outcome too, so that its place is known."""
    try:
        return function(job, *rest)
    except Exception as error:
        return Outcome(
            study=job["study"],
            kind=ERROR,
            problem=f"The worker could not compute: {type(error).__name__}: {error}.",
            remedy="This is a mistake of the program. Report it.",
        )


def process_study(job: dict, images: bytes | None, seconds: float, memory_bytes: int) -> Outcome:
    """Compute one study; whatever happens to it comes back as its outcome.

    images : the DICOM files, packed, where the worker does not share our folders; the results come back packed then
    """
    try:
        with start_supervisor() as one:
            if images is None:
                return one.compute(job, seconds=seconds, memory_bytes=memory_bytes)
            return attempt_remotely(one, job, images, seconds, memory_bytes)
    except OSError as error:
        return describe_failed_start(job["study"], error)


def attempt_remotely(one: Supervisor, job: dict, images: bytes, seconds: float, memory_bytes: int) -> Outcome:
    """Compute a study whose files came along, in a folder of our own that is left to nobody."""
    with tempfile.TemporaryDirectory(prefix="perfusiondl-", ignore_cleanup_errors=True) as folder:
        dicom, out = Path(folder, "dicom"), Path(folder, "results")
        unpack(images, dicom)
        here = job | {"files": [str(dicom / name) for name in job["names"]], "out": str(out), "root": ""}
        outcome = one.compute(here, seconds=seconds, memory_bytes=memory_bytes)
        return replace(outcome, results=pack(out, list_files(out))) if outcome.kind == DONE else outcome


@contextmanager
def start_supervisor() -> Iterator[Supervisor]:
    """An idle supervisor, or a new one."""
    with _lock:
        one = _idle.pop() if _idle else Supervisor()
        _busy.add(one)
    try:
        yield one
    finally:
        with _lock:
            _busy.discard(one)
            _idle.append(one)


def stop_all() -> None:
    """End the processes of all supervisors here, also of those that compute a study."""
    with _lock:
        every = [*_busy, *_idle]
    for one in every:
        one.stop()


def list_files(folder: Path) -> list[Path]:
    """Every file in a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def pack(root: Path, files: Sequence[Path]) -> bytes:
    """Files under their places below a folder, without compressing what hardly shrinks."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in files:
            archive.writestr(make_printable(path.relative_to(root).as_posix()), path.read_bytes())
    return target.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """The files of `pack`, below another folder."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for name in archive.namelist():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)
