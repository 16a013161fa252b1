"""Files and folders that take their final name only when everything in them is written."""

import glob
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ..data.errors import PerfusionError
from .marker import Kind, check_untouched, read_marker, write_marker

__all__ = ["Kind", "atomic_file", "atomic_folder", "check_replaceable", "forget_partial", "make_not_written_error"]

FULL_BYTES = 65536
PARTIAL, FORMER = "partial", "former"
ABANDONED_S = 86400.0
"""An attempt that wrote nothing for so long was killed; chosen: no export takes a day."""


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its final name only when everything in it is written; a former one is replaced.

    Raises PerfusionError where it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.csv"
    >>> with atomic_file(path) as target:
    ...     _ = target.write(b"1,2")
    >>> path.read_bytes()
    b'1,2'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{PARTIAL}-{_token()}")
    content = BytesIO()
    yield content
    try:
        partial.write_bytes(content.getbuffer())
        partial.replace(path)
    except OSError as error:
        raise make_not_written_error(f"The file {path.name}", error.strerror or error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(
    folder: Path,
    kind: Kind = Kind.RESULTS,
    *,
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
    corrected: bool = False,
    replace_corrections: bool = False,
) -> Iterator[Path]:
    """A folder to write into that takes its final name only when everything in it is written.

    Parameters
    ----------
    kind : Kind
        What is written; a former folder of another kind is not replaced.
    inputs : sequence of Path
        What the content is made from; a folder that is or holds one of them is not replaced.
    corrected : bool
        Whether a reader's corrections are in what is written.
    replace_corrections : bool
        Whether a former folder with corrections may be replaced by one without.

    Raises
    ------
    PerfusionError
        Where ``folder`` holds anything and ``overwrite`` is not given, or where it holds anything that PerfusionDL did
        not write, or that was changed since.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "results"
    >>> with atomic_folder(target) as partial:
    ...     _ = (partial / "preprocessing.json").write_text("{}")
    ...     target.exists()
    False
    >>> target.exists()
    True
    """
    folder = Path(folder).resolve()
    # Of its own for every attempt, so that two that write the same results do not get into each other's way.
    token = _token()
    former = folder.with_name(f".{folder.name}.{FORMER}-{token}")
    partial = folder.with_name(f".{folder.name}.{PARTIAL}-{token}")

    def check() -> None:
        check_replaceable(
            folder,
            kind,
            overwrite=overwrite,
            inputs=inputs,
            corrected=corrected,
            replace_corrections=replace_corrections,
        )

    try:
        forget_partial(folder)
        check()
        partial.mkdir(parents=True)
        yield partial
        write_marker(partial, kind, corrected=corrected)
        store(partial)
        check()  # another attempt may have written it meanwhile
        if folder.exists():
            folder.rename(former)
        partial.rename(folder)
        store_names(folder.parent)
    except OSError as error:
        raise make_not_written_error(f"The folder {folder.name}", error.strerror or error) from error
    except PerfusionError as error:
        if not _is_full(partial):
            raise
        raise make_not_written_error(f"The folder {folder.name}", "no space is left on the disk") from error
    finally:
        with suppress(OSError):
            if former.exists() and not folder.exists():
                former.rename(folder)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def _token() -> str:
    """What tells the files of one attempt from those of every other."""
    return f"{os.getpid()}-{uuid4().hex[:8]}"


def make_not_written_error(what: str, reason: object) -> PerfusionError:
    """That something could not be written, and why."""
    return PerfusionError(
        f"{what} could not be written: {reason}.", "Check that the disk has room and that you may write there."
    )


def _is_full(folder: Path) -> bool:
    """Whether hardly anything more can be written; writers of images do not say why they failed."""
    try:
        return shutil.disk_usage(folder).free < FULL_BYTES
    except OSError:
        return False


def forget_partial(folder: Path, *, older_than_s: float = ABANDONED_S) -> None:
    """Put in order what attempts that were killed left beside ``folder``.

    A former folder comes back only where the new one never took its place: its attempt's partial one is still there
    then. Partial folders go once nobody can be writing them any more.
    """
    hidden = glob.escape(f".{folder.name}.")
    for former in folder.parent.glob(f"{hidden}{FORMER}-*"):
        partial = former.with_name(former.name.replace(f".{FORMER}-", f".{PARTIAL}-"))
        with suppress(OSError):
            if not partial.exists():
                shutil.rmtree(former, ignore_errors=True)
            elif not folder.exists():
                former.rename(folder)
    for partial in folder.parent.glob(f"{hidden}{PARTIAL}-*"):
        with suppress(OSError):
            if time.time() - max(path.stat().st_mtime for path in (partial, *partial.rglob("*"))) >= older_than_s:
                shutil.rmtree(partial, ignore_errors=True)


def store(folder: Path) -> None:
    """Have everything in a folder on the disk, so that it is whole even if the power fails after it was renamed."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            store_names(path)
    store_names(folder)


def store_names(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system lets a folder be opened."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_replaceable(
    folder: Path,
    kind: Kind = Kind.RESULTS,
    *,
    overwrite: bool,
    inputs: Sequence[Path] = (),
    corrected: bool = False,
    replace_corrections: bool = False,
) -> None:
    """Raise PerfusionError unless ``folder`` may be written, as `atomic_folder` says it."""
    folder = Path(folder).resolve()
    if folder in (Path.cwd(), *Path.cwd().parents):
        raise PerfusionError(
            f"The folder for the results, {folder.name or folder}, is the one that you are working in, or holds it.",
            "Name a folder of its own for the results, such as --out results.",
        )
    for one in inputs:
        if folder in (Path(one).resolve(), *Path(one).resolve().parents):
            raise PerfusionError(
                f"The folder for the results, {folder.name}, is or holds what is to be read: {Path(one).name}.",
                "Name another folder.",
            )
    if not folder.exists():
        return
    if not folder.is_dir():
        raise PerfusionError(f"{folder.name} is a file.", "Name a folder for the results.")
    if not any(folder.iterdir()):
        return
    if not overwrite:
        raise PerfusionError(
            f"The folder {folder.name} is not empty.", "Name another folder, or add --overwrite to replace its content."
        )
    former = read_marker(folder)
    if former is None:
        inside = min(path.name for path in folder.iterdir())
        raise PerfusionError(
            f"The folder {folder.name} holds {inside}, which PerfusionDL did not write; it is left as it is.",
            "Name another folder. A folder of an older version of PerfusionDL may be deleted by hand.",
        )
    if former.kind is not kind:
        raise PerfusionError(
            f"The folder {folder.name} holds {former.kind}, which {kind} would replace; it is left as it is.",
            "Name another folder.",
        )
    check_untouched(folder, former)
    if former.corrected and not corrected and not replace_corrections:
        raise PerfusionError(
            f"The folder {folder.name} holds the corrections of a reader, which automatic results would replace.",
            "Name another folder, or add --replace-corrections if the corrections are not needed any more.",
        )
