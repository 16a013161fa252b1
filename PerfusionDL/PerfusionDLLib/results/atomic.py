"""Files and folders that take their final name only when everything in them is written."""

import glob
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ..data.errors import PerfusionError

FULL_BYTES = 65536
INDEX = "preprocessing.json"
SLICE_FOLDER = re.compile(r"(rest|stress)_(basal|mid|apical)(_\d+)?")
TABLES = {"segments.csv", "territories.csv", "tidy.csv", "table.json", "table.xlsx"}
RESULT = TABLES | {INDEX, "report.pdf", "scene.mrb"}
STUDY = {"dicom", "truth"}
NUMBERED = re.compile(
    r"(rest|stress)_\d+(_basal|_mid|_apical)?_(contours|AHA_segments|MBF)\.dcm|(segment_table|report)\.dcm"
    r"|case_\d+\.npz|cases\.json"
)
AGREEMENT = {"agreement.csv", "slices.csv", "flows.csv", "agreement.pdf"}
SCORES = {"scores.csv", "table.md", "worst.png"}


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes its final name only when everything in it is written; a former one is replaced.

    Raises PerfusionError where it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "table.csv"
    >>> with whole_file(path) as target:
    ...     _ = target.write(b"1,2")
    >>> path.read_bytes()
    b'1,2'
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.partial")
    content = BytesIO()
    yield content
    try:
        partial.write_bytes(content.getbuffer())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise not_written(f"The file {path.name}", error.strerror or error) from error


@contextmanager
def whole_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A folder to write into that takes its final name only when everything in it is written.

    Raises PerfusionError where ``folder`` holds anything and ``overwrite`` is not given, or holds something that is
    not a former result.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "results"
    >>> with whole_folder(target) as partial:
    ...     _ = (partial / INDEX).write_text("{}")
    ...     target.exists()
    False
    >>> target.exists()
    True
    """
    folder = Path(folder)
    former = folder.with_name(f".{folder.name}.former")
    # Of its own for every attempt, so that two that write the same results do not get into each other's way.
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}-{uuid4().hex[:8]}")
    try:
        if former.exists() and not folder.exists():  # a crash between the two renamings below
            former.rename(folder)
        check_replaceable(folder, overwrite=overwrite)
        forget_partial(folder)
        partial.mkdir(parents=True)
        yield partial
        store(partial)
        check_replaceable(folder, overwrite=overwrite)  # another attempt may have written it meanwhile
        if folder.exists():
            shutil.rmtree(former, ignore_errors=True)
            folder.rename(former)
        partial.rename(folder)
        store_names(folder.parent)
    except OSError as error:
        raise not_written(f"The folder {folder.name}", error.strerror or error) from error
    except PerfusionError as error:
        if not _is_full(partial):
            raise
        raise not_written(f"The folder {folder.name}", "no space is left on the disk") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):
            if former.exists() and not folder.exists():
                former.rename(folder)
            shutil.rmtree(former, ignore_errors=True)


def not_written(what: str, reason: object) -> PerfusionError:
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


def forget_partial(folder: Path, *, older_than_s: float = 86400) -> None:
    """Remove what attempts that were killed left beside ``folder``, once nobody can be writing it any more."""
    for partial in folder.parent.glob(f".{glob.escape(folder.name)}.partial-*"):
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


def check_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Raise PerfusionError unless ``folder`` may be written: absent, empty, or a former result and ``overwrite``."""
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
    theirs = sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in RESULT | STUDY | AGREEMENT | SCORES
        and not SLICE_FOLDER.fullmatch(path.name)
        and not NUMBERED.fullmatch(path.name)
    )
    if theirs:
        raise PerfusionError(
            f"The folder {folder.name} holds {theirs[0]}, which PerfusionDL did not write; it is left as it is.",
            "Name another folder.",
        )
