"""Which files a user means: folders, single files, a DICOMDIR, and what cannot be one of them."""

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ...data.errors import PerfusionError

CHOOSE = "Choose the folder that holds the DICOM files of the perfusion study."
DIRECTORY_NAME = "DICOMDIR"
DICOM_NAMES = (".dcm", ".ima")
PACKED = ((0, b"\x1f\x8b"), (0, b"7z\xbc\xaf\x27\x1c"), (0, b"Rar!"), (257, b"ustar"))


def find_files(folder: Path) -> Iterator[Path]:
    """Every regular file in a folder and below, or the file itself; pipes and devices are passed over.

    The file DICOMDIR stands for the folder that it lies in.

    Raises PerfusionError where the folder does not exist or cannot be read.
    """
    if folder.name.upper() == DIRECTORY_NAME and folder.is_file():
        folder = folder.absolute().parent
    if folder.is_file():
        yield folder.absolute()
        return
    if folder.exists() and not folder.is_dir():
        raise PerfusionError(f"{folder.name} is neither a folder nor a file that can be read.", CHOOSE)
    if not folder.is_dir():
        raise PerfusionError(
            f"The folder {folder.name} does not exist.", "Choose the folder that holds the DICOM files."
        )

    def refuse(error: OSError) -> None:
        raise PerfusionError(
            f"The folder {Path(error.filename).name} cannot be read ({error.strerror}).",
            "Check that you may open it, or copy the study to another place.",
        ) from error

    for parent, folders, names in os.walk(folder.absolute(), onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and name.upper() != DIRECTORY_NAME and is_regular(path):
                yield path


def is_regular(path: Path) -> bool:
    """Whether a path is a regular file; a pipe would be waited for without end. A broken link counts as one."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return not path.exists()


def make_nothing_readable_error(paths: list[Path]) -> PerfusionError:
    """The error for files of which none is DICOM, with what they are instead."""
    if not paths:
        return PerfusionError("The folder is empty.", CHOOSE)
    archives = [path.name for path in paths if is_archive(path)]
    if archives:
        return PerfusionError(
            f"{archives[0]} is a ZIP archive, and there is no DICOM file beside it.",
            "Unpack the archive, and choose the folder that it becomes, or give the archive itself to perfusiondl run, "
            "inspect or batch.",
        )
    packed = [path.name for path in paths if is_beginning_with(path, PACKED)]
    if packed:
        said = "is packed" if len(packed) == 1 else f"and {len(packed) - 1} more files are packed"
        return PerfusionError(
            f"{packed[0]} {said} (gzip, 7-Zip, RAR or tar), and there is no DICOM file beside it.",
            "Unpack it, and choose the folder that it becomes.",
        )
    few = (
        f"There are {len(paths)} files, but none is a DICOM file."
        if len(paths) > 1
        else (f"The file {paths[0].name} is not a DICOM file.")
    )
    return PerfusionError(few, CHOOSE)


def is_beginning_with(path: Path, marks: tuple[tuple[int, bytes], ...]) -> bool:
    """Whether a file holds one of some bytes at their place."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError:
        return False
    return any(start[place : place + len(mark)] == mark for place, mark in marks)


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive."""
    try:
        return zipfile.is_zipfile(path)
    except OSError:
        return False
