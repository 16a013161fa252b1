"""ZIP archives of studies, looked over and unpacked into a folder that is gone afterwards."""

import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...data.errors import PerfusionError
from ...data.text import make_line
from ...data.untrusted_zip import Limits, UnsafeZipError, check_entries, extract
from .files import is_archive

LIMITS = Limits(files=50_000, unpacked_bytes=16 << 30)
"""Chosen: some fifty times a large visit with all its series."""
LONGEST_PART = 60  # letters of a name; the rest is cut off
REMEDY = "Unpack the archive yourself, look at what is in it, and choose the folder that it becomes."


@contextmanager
def unpack_archives(paths: Sequence[Path | None]) -> Iterator[list[Path | None]]:
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
            check_entries(infos, path.stat().st_size, LIMITS)
            for index, info in enumerate(infos):
                parts = [part for part in re.split(r"[/\\]", info.filename) if part]
                if info.is_dir() or not parts or any(part.startswith((".", "__MACOSX")) for part in parts):
                    continue
                *above, name = map(make_harmless_name, parts)
                extract(archive, info, Path(folder, *above[-4:], f"{index:05d}_{name}"))
    except UnsafeZipError as error:
        raise make_refused_error(path, str(error)) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise make_refused_error(path, "is damaged or cut off") from error
    except OSError as error:
        raise make_refused_error(path, f"cannot be unpacked ({error.strerror or 'it cannot be read'})") from error


def make_harmless_name(part: str) -> str:
    """A part of a name that every file system takes, and that says the same as far as it goes.

    >>> make_harmless_name("IM 0001?.dcm"), make_harmless_name("Ärzte"), make_harmless_name("CON.")
    ('IM 0001_.dcm', '_rzte', '_CON.')
    """
    plain = re.sub(r"[^\w .-]", "_", part, flags=re.ASCII)[-LONGEST_PART:].strip(" ")
    return f"_{plain}" if not plain or plain.rstrip(".").upper() in ("CON", "PRN", "AUX", "NUL") else plain


def make_refused_error(path: Path, what: str) -> PerfusionError:
    """The error for an archive that is not unpacked."""
    return PerfusionError(f"The archive {make_line(path.name)} {what}.", REMEDY)
