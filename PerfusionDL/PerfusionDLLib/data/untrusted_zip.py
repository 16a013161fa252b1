"""ZIP archives that may come from anywhere: looked over before anything of them is unpacked."""

import re
import stat
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MOST_RATIO = 200
"""Unpacked over packed, of all files together; chosen: images of magnetic resonance have 1 to 5, blank ones some 50."""
FREE_BYTES = 256 << 20
"""Unpacked size up to which the ratio does not matter."""
PIECE = 1 << 20


class UnsafeZipError(ValueError):
    """What an archive does that it must not, as the rest of a sentence: ``holds a link or a device``."""


@dataclass(frozen=True)
class Limits:
    """Files and unpacked bytes that an archive may hold."""

    files: int
    unpacked_bytes: int


def check_entries(infos: Sequence[zipfile.ZipInfo], packed_bytes: int, limits: Limits) -> None:
    """Raise UnsafeZipError where the entries of an archive are more than its limits, or lead out of it, or are links,
    devices or encrypted. Nothing of them is read.
    """
    if len(infos) > limits.files:
        raise UnsafeZipError(f"holds {len(infos)} files; up to {limits.files} are unpacked")
    size = sum(info.file_size for info in infos)
    if size > limits.unpacked_bytes or (size > FREE_BYTES and size > MOST_RATIO * packed_bytes):
        raise UnsafeZipError(f"would unpack to {size / 2**30:.1f} GB, {size / packed_bytes:.0f} times its size")
    for info in infos:
        target, kind = PurePosixPath(info.filename.replace("\\", "/")), stat.S_IFMT(info.external_attr >> 16)
        if target.is_absolute() or ".." in target.parts or re.match(r"[A-Za-z]:", info.filename):
            raise UnsafeZipError("holds a file name that leads out of it")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UnsafeZipError("holds a link or a device")
        if info.flag_bits & 1:
            raise UnsafeZipError("is encrypted")


def extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Write one file of an archive to a new place: no more than its announced size; its checksum is tested at its end.

    Raises UnsafeZipError where it has another size than it announces.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(info) as source, target.open("xb") as file:
        while piece := source.read(PIECE):
            written += len(piece)
            if written > info.file_size:
                raise UnsafeZipError("holds more of a file than it announces")
            file.write(piece)
    if written < info.file_size:
        raise UnsafeZipError("holds less of a file than it announces")
