"""ZIP archives of studies, looked over and unpacked into a folder that is gone afterwards."""

import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ...data.errors import PerfusionError
from .files import is_archive
from .frame import printable

MOST_FILES = 50_000
MOST_BYTES = 16 << 30
"""Unpacked; chosen: some fifty times a large visit with all its series."""
MOST_RATIO = 200
"""Unpacked over packed; chosen: images of magnetic resonance have 1 to 5, blank ones some 50."""
FREE_BYTES = 256 << 20
"""Unpacked size up to which the ratio does not matter."""
PIECE = 1 << 20
LONGEST_PART = 60  # letters of a name; the rest is cut off
REMEDY = "Unpack the archive yourself, look at what is in it, and choose the folder that it becomes."


@contextmanager
def unpacked(paths: Sequence[Path | None]) -> Iterator[list[Path | None]]:
    """The paths, with a temporary folder in place of each ZIP archive; the folders are gone at the end.

    Raises PerfusionError where an archive is damaged, or holds what no study has.
    """
    with tempfile.TemporaryDirectory(prefix="perfusiondl-") as place:
        found: list[Path | None] = []
        for index, path in enumerate(paths):
            if path is None or not path.is_file() or not is_archive(path):
                found.append(path)
                continue
            folder = Path(place, str(index))
            folder.mkdir()
            unpack(path, folder)
            found.append(folder)
        yield found


def unpack(path: Path, folder: Path) -> None:
    """Unpack an archive into an empty folder, nothing beside it. Names are made harmless; hidden files are left out.

    Raises PerfusionError where it is damaged, encrypted, holds links or devices, or more than any study.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            check(infos, path)
            for index, info in enumerate(infos):
                parts = [part for part in re.split(r"[/\\]", info.filename) if part]
                if info.is_dir() or not parts or any(part.startswith((".", "__MACOSX")) for part in parts):
                    continue
                *above, name = map(harmless, parts)
                extract(archive, info, Path(folder, *above[-4:], f"{index:05d}_{name}"), path)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, PerfusionError):
            raise
        raise refused(path, "is damaged or cut off") from error
    except OSError as error:
        raise refused(path, f"cannot be unpacked ({error.strerror or 'it cannot be read'})") from error


def check(infos: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Raise PerfusionError where an archive holds what no study has, before anything of it is read."""
    if len(infos) > MOST_FILES:
        raise refused(path, f"holds {len(infos)} files; up to {MOST_FILES} are unpacked")
    size = sum(info.file_size for info in infos)
    if size > MOST_BYTES or (size > FREE_BYTES and size > MOST_RATIO * path.stat().st_size):
        raise refused(path, f"would unpack to {size / 2**30:.1f} GB, {size / path.stat().st_size:.0f} times its size")
    for info in infos:
        target, kind = PurePosixPath(info.filename.replace("\\", "/")), stat.S_IFMT(info.external_attr >> 16)
        if target.is_absolute() or ".." in target.parts or re.match(r"[A-Za-z]:", info.filename):
            raise refused(path, "holds a file name that leads out of it")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refused(path, "holds a link or a device")
        if info.flag_bits & 1:
            raise refused(path, "is encrypted")


def harmless(part: str) -> str:
    """A part of a name that every file system takes, and that says the same as far as it goes.

    >>> harmless("IM 0001?.dcm"), harmless("Ärzte"), harmless("CON.")
    ('IM 0001_.dcm', '_rzte', '_CON.')
    """
    plain = re.sub(r"[^\w .-]", "_", part, flags=re.ASCII)[-LONGEST_PART:].strip(" ")
    return f"_{plain}" if not plain or plain.rstrip(".").upper() in ("CON", "PRN", "AUX", "NUL") else plain


def extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, path: Path) -> None:
    """One file of an archive; no more than its announced size is written, and its checksum is tested at its end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(info) as source, target.open("xb") as file:
        while piece := source.read(PIECE):
            written += len(piece)
            if written > info.file_size:
                raise refused(path, f"holds more of {printable(target.name)} than it announces")
            file.write(piece)


def refused(path: Path, what: str) -> PerfusionError:
    """The error for an archive that is not unpacked."""
    return PerfusionError(f"The archive {printable(path.name)} {what}.", REMEDY)
