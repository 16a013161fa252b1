"""Which studies lie in a folder tree, from one pass over the beginnings of its files, however they are sorted there."""

import hashlib
import io
import os
import posixpath
import stat
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom.filereader import read_dataset, read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ..pseudonyms import make_pseudonym
from .files import DICOM_NAMES
from .headers import DAMAGED, tolerate_broken_rules

IDENTITY: list[BaseTag | int] = [Tag(keyword) for keyword in ("SOPInstanceUID", "Modality", "StudyInstanceUID")]
LAST = Tag("StudyInstanceUID")
MOST_INFLATED = 1 << 20  # bytes; a small deflated file may inflate to more than any memory holds


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the pass saw it.

    changed_ns : when anything of it changed last, also where its time of modification was set back
    study, image : StudyInstanceUID and SOPInstanceUID; "" where the file is no readable DICOM file
    kind : "image" of magnetic resonance, "DICOM" of another kind, "damaged" or "other"
    content : digest of all of an image, pixels included; "" of what is no image
    """

    size: int
    modified_ns: int
    kind: str
    study: str = ""
    image: str = ""
    content: str = ""
    changed_ns: int = 0


@dataclass(frozen=True)
class FoundStudy:
    """The files of one study, wherever they lie.

    label : a name that says nothing of the patient, the same wherever the study lies
    folder : the deepest folder that holds all of it, relative to the tree
    fingerprint : of its content; another one where files came, went or changed
    """

    label: str
    folder: Path
    files: tuple[Path, ...]
    size: int
    fingerprint: str


def list_files(
    root: Path, known: Mapping[str, ListedFile], *, without: Path, unreadable: Callable[[str], None]
) -> Iterator[tuple[str, ListedFile]]:
    """Every file below a folder by its relative path; only what is new or changed since ``known`` is opened.

    without : a folder that is passed over, with everything below it
    unreadable : called with the relative path of a folder that cannot be read
    """

    def refused(error: OSError) -> None:
        unreadable(Path(error.filename).relative_to(root).as_posix())

    for parent, folders, names in os.walk(root, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and Path(parent, name) != without)
        for name in sorted(names):
            if name.startswith(".") or name == "DICOMDIR":
                continue
            path = Path(parent, name)
            place = path.relative_to(root).as_posix()
            try:
                about = path.stat()
            except OSError:
                yield place, ListedFile(0, 0, "damaged")
                continue
            if not stat.S_ISREG(about.st_mode):
                continue  # a pipe or a device would be waited for without end
            former = known.get(place)
            seen = (about.st_size, about.st_mtime_ns, about.st_ctime_ns)
            if former is not None and (former.size, former.modified_ns, former.changed_ns) == seen:
                yield place, former
            else:
                kind, study, image = identify(path)
                content = digest_of(path) if kind == "image" else ""
                yield place, ListedFile(*seen[:2], kind, study, image, content, seen[2])


def digest_of(path: Path) -> str:
    """Digest of a file's content, so that pixels sent again under the same identifiers are seen; "" if unreadable."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


@tolerate_broken_rules()
def identify(path: Path) -> tuple[str, str, str]:
    """Kind, StudyInstanceUID and SOPInstanceUID of one file, from its beginning."""
    named = path.suffix.lower() in DICOM_NAMES
    try:
        with path.open("rb") as file:
            start = file.read(132)
            bare = start[:2] in (b"\x08\x00", b"\x02\x00") and start[3:4] == b"\x00"
            if start[128:] != b"DICM" and not bare:
                return ("damaged" if named else "other"), "", ""
            rest = file.read(1024)
            file.seek(0)
            if DeflatedExplicitVRLittleEndian.encode() in rest:
                header = inflate_beginning(file)
            else:
                header = read_partial(file, stop_when=is_beyond_identity, force=bare, specific_tags=IDENTITY)
        study, image = str(header.get("StudyInstanceUID") or ""), str(header.get("SOPInstanceUID") or "")
        modality = str(header.get("Modality") or "MR")
    except DAMAGED:
        return "damaged", "", ""
    if not study or not image:
        return "damaged", "", ""
    return ("image" if modality == "MR" else "DICOM"), study, image


def is_beyond_identity(tag, vr, length) -> bool:
    """Whether everything that identifies a file has been passed."""
    return tag > LAST


def inflate_beginning(file):
    """The first attributes of a deflated file."""
    file.seek(132)
    meta = file.read(12)  # (0002,0000), UL, 4 bytes: length of what follows
    file.seek(144 + int.from_bytes(meta[8:], "little"))
    plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(file.read(MOST_INFLATED), MOST_INFLATED)
    return read_dataset(io.BytesIO(plain), False, True, stop_when=is_beyond_identity, specific_tags=IDENTITY)


def find_studies(root: Path, listed: Mapping[str, ListedFile]) -> list[FoundStudy]:
    """The studies among listed files, by label; whatever may belong to a study and is lost to it is one of its own.

    A damaged file belongs to the study in whose folder it lies. Where that is no study's, or several studies', the
    damaged files of a folder stand for a study of their own, so that they are named and not passed over. The same
    holds for a folder directly below ``root`` that holds files but no image of magnetic resonance.
    """
    members: dict[str, list[str]] = defaultdict(list)
    for place, file in listed.items():
        if file.study:
            members[file.study].append(place)
    members = {study: places for study, places in members.items() if any(listed[p].kind == "image" for p in places)}
    homes: dict[str, list[str]] = defaultdict(list)
    for study, places in members.items():
        homes[find_common_folder(places)].append(study)
    strays: dict[str, list[str]] = defaultdict(list)
    for place in (place for place, file in listed.items() if file.kind == "damaged"):
        home = next((above for above in list_folders_above(place) if above in homes), None)
        if home is not None and len(homes[home]) == 1:
            members[homes[home][0]].append(place)
        else:
            strays[place.rpartition("/")[0]].append(place)
    taken = [place for places in (*members.values(), *strays.values()) for place in places]
    covered = {place.partition("/")[0] for place in taken}
    for place in listed:
        top = place.partition("/")[0]
        if "/" in place and top not in covered:
            strays[top].append(place)
    found = [make_study(root, listed, make_study_label(study), places) for study, places in members.items()]
    found += [make_study(root, listed, _label(f"folder {folder}"), places) for folder, places in strays.items()]
    return sorted(found, key=lambda study: study.label)


def make_study_label(study_instance_uid: str) -> str:
    """What tables call a study: it says nothing of the patient, and with the same key it is always the same."""
    return _label(f"study {study_instance_uid}")


def _label(name: str) -> str:
    return "study-" + make_pseudonym("study", name)


def _bytes(text: str) -> bytes:
    """Text as bytes, also a file name that is no text."""
    return text.encode("utf-8", errors="surrogateescape")


def make_study(root: Path, listed: Mapping[str, ListedFile], label: str, places: Iterable[str]) -> FoundStudy:
    """One study from the places of its files."""
    places = sorted(places)
    content = sorted(
        f"{file.image} {file.content or file.size}" if file.image else f"{place} {file.size} {file.modified_ns}"
        for place, file in ((place, listed[place]) for place in places)
    )
    return FoundStudy(
        label=label,
        folder=Path(find_common_folder(places)),
        files=tuple(root / place for place in places),
        size=sum(listed[place].size for place in places),
        fingerprint=hashlib.sha256(_bytes("\n".join(content))).hexdigest(),
    )


def find_common_folder(places: Iterable[str]) -> str:
    """The deepest folder that holds all places, "" for the tree itself.

    >>> find_common_folder(["a/b/1.dcm", "a/c/2.dcm"]), find_common_folder(["1.dcm"])
    ('a', '')
    """
    return posixpath.commonpath([place.rpartition("/")[0] for place in places])


def list_folders_above(place: str) -> Iterator[str]:
    """The folders that hold a place, the deepest first, the tree itself ("") last.

    >>> list(list_folders_above("a/b/1.dcm"))
    ['a/b', 'a', '']
    """
    while place:
        place = place.rpartition("/")[0]
        yield place
