"""Headers of the images in a folder, classic and enhanced alike: one `Frame` per image, its pixels left on disk."""

import io
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.filereader import read_dataset, read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from ...data.errors import PerfusionError
from ...data.text import make_line
from .files import DICOM_NAMES, find_files, make_nothing_readable_error
from .frame import DAMAGED, Attributes, Frame, read_number
from .functional_groups import read_frames_of_groups
from .keywords import TAG_OF
from .private import read_private_values

__all__ = ["DAMAGED", "Frame", "Survey", "find_files", "read_frames", "survey_files", "tolerate_broken_rules"]

MR_IMAGES = tuple(f"1.2.840.10008.5.1.4.1.1.4{part}" for part in ("", ".1", ".3", ".4"))
MOST_INFLATED = 1 << 29  # bytes; a small deflated file may inflate to more than any memory holds


@dataclass(frozen=True)
class Survey:
    """The images of some files, and what could not be read.

    damaged : per file a sentence on what is wrong with it
    files : how many there are; others : DICOM files without an image
    """

    frames: tuple[Frame, ...]
    damaged: tuple[PerfusionError, ...] = ()
    files: int = 0
    others: int = 0


@contextmanager
def tolerate_broken_rules() -> Iterator[None]:
    """Headers of real scanners break rules that do not matter here; nobody is told about those."""
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)
        yield


def survey_files(folders: Iterable[Path]) -> Survey:
    """The images of any kind in the folders and below, from the headers of their files.

    Raises PerfusionError where a folder is missing, empty or unreadable, or holds no DICOM image.
    """
    paths = sorted({path for folder in folders for path in find_files(Path(folder))}, key=lambda path: path.as_posix())
    frames: list[Frame] = []
    damaged: list[PerfusionError] = []
    others = 0
    for path in paths:
        try:
            found = read_frames(path)
        except PerfusionError as error:
            if isinstance(error.__cause__, OSError) and error.__cause__.strerror:
                raise  # the user can do something about that
            damaged.append(error)
            continue
        others += found is not None and not found
        frames += found or ()
    if frames:
        return Survey(tuple(frames), tuple(damaged), len(paths), others)
    if damaged:
        raise damaged[0]
    if not others:
        raise make_nothing_readable_error(paths)
    raise PerfusionError(
        f"The {others} DICOM files hold no image (no attribute Rows): they are reports, directories or the like.",
        "Choose the folder that holds the images of the perfusion study.",
    )


def read_frames(path: Path) -> list[Frame] | None:
    """The images of one file, None if it is not a DICOM file.

    Raises PerfusionError where the file cannot be read or is damaged.
    """
    try:
        found = read_header(path)
        if found is None and path.suffix.lower() in DICOM_NAMES:
            raise PerfusionError(
                f"The file {make_line(path.name)} is damaged: it has the name of a DICOM file, and holds none "
                f"({path.stat().st_size} bytes).",
                "Send or copy the study again, or remove the file if it is not part of it.",
            )
        return None if found is None else list(read_frames_of_header(path, *found))
    except PerfusionError:
        raise
    except DAMAGED as error:
        if isinstance(error, OSError) and error.strerror:
            raise PerfusionError(
                f"The file {make_line(path.name)} cannot be read ({error.strerror}).",
                "Check that you may open it, or copy the study to another place.",
            ) from error
        raise PerfusionError(
            f"The file {make_line(path.name)} is damaged: its DICOM header cannot be read.",
            "Send or copy the study again, or remove the file if it is not part of it.",
        ) from error


def read_header(path: Path) -> tuple[FileDataset, int] | None:
    """The header of a DICOM file and the place in it where its pixels begin, None if it is not one."""
    with path.open("rb") as file:
        start = file.read(132)
        # Old exports lack the preamble; their first attribute is of group 0008 or 0002, little endian.
        bare = start[:2] in (b"\x08\x00", b"\x02\x00") and start[3:4] == b"\x00"
        if start[128:] != b"DICM" and not bare:
            return None
        deflated = DeflatedExplicitVRLittleEndian.encode() in file.read(1024)
        file.seek(0)
        if not deflated:
            header = pydicom.dcmread(file, stop_before_pixels=True, force=bare)
            return header, file.tell()
    return read_deflated(path), 0


def read_deflated(path: Path) -> FileDataset:
    """A deflated DICOM file, of which no more is inflated than an image can need.

    Raises ValueError where it would inflate to more than that.
    """
    with path.open("rb") as file:
        file.seek(140)
        file.seek(144 + int.from_bytes(file.read(4), "little"))  # behind the file meta information
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        plain = inflater.decompress(file.read(), MOST_INFLATED)
    if inflater.unconsumed_tail:
        raise ValueError("it inflates to more than an image can need")
    found = read_dataset(io.BytesIO(plain), False, True)
    meta = read_file_meta_info(path)
    return FileDataset("", found, file_meta=meta, is_implicit_VR=False, is_little_endian=True)


def prune_header(header: Dataset) -> Dataset:
    """The header without what nobody asks for; scanners put megabytes into private attributes."""
    elements = dict(header.items())
    kept = Dataset({tag: elements[tag] for tag in TAG_OF.values() if tag in elements})
    implicit, little = header.original_encoding
    kept.set_original_encoding(bool(implicit), bool(little), header.original_character_set)
    return kept


def read_frames_of_header(path: Path, header: FileDataset, pixels_at: int = 0) -> Iterator[Frame]:
    """The images of one file; none for reports, presentation states and the like.

    pixels_at : place in the file where its pixels begin, 0 if unknown

    Raises PerfusionError where a multi-frame file contradicts itself.
    """
    if "Rows" not in header:
        kind = str(header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID") or "")
        if not kind or kind in MR_IMAGES:
            raise PerfusionError(
                f"The file {make_line(path.name)} is damaged: it is cut off before its pixels (Rows is missing).",
                "Send or copy the study again, or remove the file if it is not part of it.",
            )
        return
    syntax = str(header.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian))
    known = {"TransferSyntaxUID": syntax, "PixelsAt": pixels_at} | read_private_values(header)
    if "PerFrameFunctionalGroupsSequence" in header:
        yield from read_frames_of_groups(path, header, known)
        return
    kept = prune_header(header)
    attributes = Attributes(kept, dict(kept.items()), known)
    count = read_number(attributes.get("NumberOfFrames"))
    yield Frame(path, 0, attributes, int(count) if 1 < count < 1e6 else 1)
