"""Scene files looked over before anything of them is read: what an archive holds, how much, and where it would go."""

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree

from ..data.errors import PerfusionError
from ..data.untrusted_zip import Limits, UnsafeZipError, check_entries, extract
from .nrrd import checkNrrd

LIMITS = Limits(files=20_000, unpacked_bytes=32 << 30)
"""Chosen: a hundred times the largest study seen."""
MOST_XML_BYTES = 256 << 20
_REFERENCE = re.compile(r"(fileName|fileListMember\d+)")
_OWN_FIELD = b"PerfusionDL."
_UNSAFE = re.compile(r'[\x00-\x1f\\:*?"<>|]')
REMEDY = "Choose a scene that PerfusionDL or 3D Slicer saved (.mrb), or save it again there."


def extractScene(path: Path, folder: Path) -> Path:
    """Unpack a .mrb file into an empty folder, nothing beside it, and return the scene description in it (.mrml).

    Raises PerfusionError where it is no archive, is damaged, holds links, names that lead elsewhere, more than a scene
    does, references to files outside, or images that are not whole.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = _checkedFiles(archive, path)
            for info, target in files:
                extract(archive, info, folder.joinpath(*target.parts))
    except UnsafeZipError as error:
        raise make_damaged_error(path, f"it {error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, PerfusionError):
            raise
        raise make_damaged_error(path, "it is no archive, or cut off") from error
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise PerfusionError(f"The scene {path.name} could not be read: {reason}.", REMEDY) from error
    scenes = [target for _, target in files if target.suffix.lower() == ".mrml"]
    if len(scenes) != 1:
        raise make_damaged_error(path, f"it holds {len(scenes)} scene descriptions")
    scene = folder.joinpath(*scenes[0].parts)
    _checkReferences(scene, path)
    for _, target in files:
        if target.suffix.lower() in (".nrrd", ".nhdr"):
            checkNrrd(folder.joinpath(*target.parts), scene=path)
    return scene


def copySequences(path: Path, targets: Mapping[str, Path]) -> None:
    """Copy sequences out of a .mrb file as they are packed there, by the names of their nodes, as files (.seq.nrrd).

    To pack images again would take most of the time of a scene. What is said about them for this module alone stays in
    the scene. Raises OSError where a file cannot be written.
    """
    with zipfile.ZipFile(path) as archive:
        members = {unquote(PurePosixPath(info.filename).name): info for info in archive.infolist()}
        for name, target in targets.items():
            header, blank, pixels = archive.read(members[f"{name}.seq.nrrd"]).partition(b"\n\n")
            kept = [line for line in header.split(b"\n") if not line.startswith(_OWN_FIELD)]
            target.write_bytes(b"\n".join(kept) + blank + pixels)


def make_damaged_error(path: Path, what: str) -> PerfusionError:
    """The error for a scene file that cannot be what its name says."""
    return PerfusionError(f"The scene {path.name} is damaged or was not saved by 3D Slicer: {what}.", REMEDY)


def _checkedFiles(archive: zipfile.ZipFile, path: Path) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files of an archive with the place of each below the folder that they are unpacked into."""
    infos = archive.infolist()
    check_entries(infos, path.stat().st_size, LIMITS)
    found, names = [], set[str]()
    for info in infos:
        target = PurePosixPath(info.filename)
        strange = not target.parts or _UNSAFE.search(info.orig_filename)
        if strange or any(len(part.encode()) > 255 for part in target.parts):
            raise make_damaged_error(path, "it holds a file name that no scene has")
        if info.is_dir():
            continue
        if target.as_posix().casefold() in names:
            raise make_damaged_error(path, f"it holds {target.name} twice")
        names.add(target.as_posix().casefold())
        found.append((info, target))
    return found


def _checkReferences(scene: Path, path: Path) -> None:
    """Raise PerfusionError unless a scene description is XML that refers to files beside it and to nothing else."""
    if scene.stat().st_size > MOST_XML_BYTES:
        raise make_damaged_error(path, "its description is too long")
    text = scene.read_bytes()
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise make_damaged_error(path, "its description defines entities")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise make_damaged_error(path, "its description is no XML") from error
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.startswith("uri") and value:
                raise make_damaged_error(path, "it refers to an address of the network")
            if _REFERENCE.fullmatch(name):
                _checkInside(value, scene, path)


def _checkInside(reference: str, scene: Path, path: Path) -> None:
    """A file that a scene refers to lies beside it; one that is missing is said by whoever reads it."""
    for name in (reference, unquote(reference)):
        target = PurePosixPath(name)
        if target.is_absolute() or ".." in target.parts or re.search(r"[\x00\\]|^\w+:", name):
            raise make_damaged_error(path, "it refers to a file outside")
    if not (scene.parent / unquote(reference)).resolve().is_relative_to(scene.parent.parent.resolve()):
        raise make_damaged_error(path, "it refers to a file outside")
