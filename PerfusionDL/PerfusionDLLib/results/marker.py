"""The marker of a folder that PerfusionDL wrote: what it wrote there, so that nothing else is ever replaced."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from .. import NOTICE, __version__
from ..data.errors import PerfusionError
from .layout import IMAGES, INDEX, REPORT, SCENE, TABLE, TABLES

MARKER = ".perfusiondl"
OF_THE_SYSTEM = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""Files that desktops leave in every folder that they show; they hold nothing of the user's."""
OBJECTS = re.compile(r"dicom/((rest|stress)_\d+(_\w+)?_(contours|AHA_segments|MBF)\.dcm|(segment_table|report)\.dcm)")
SAVED_AGAIN_S = 600.0
"""A scene that is so much younger than the table beside it was saved by somebody since; chosen: longer than any run."""


class Kind(StrEnum):
    """What a folder holds; one kind never replaces another."""

    RESULTS = "results"
    DICOM = "DICOM objects"
    STUDY = "a phantom study"
    AGREEMENT = "an agreement"
    CASES = "cases to learn from"
    SCORES = "scores"
    NETWORKS = "networks"
    BIDS = "a dataset of NIfTI images"


@dataclass(frozen=True)
class Marker:
    """What PerfusionDL wrote into a folder.

    corrected : whether a reader's corrections are in it
    version : of PerfusionDL, empty before there were markers
    files : size in bytes and SHA-256 by relative path; None where nobody noted it (before there were markers)
    """

    kind: Kind
    corrected: bool = False
    version: str = __version__
    files: Mapping[str, tuple[int, str] | None] = field(default_factory=dict)


def write_marker(folder: Path, kind: Kind, *, corrected: bool) -> None:
    """Note in a folder what is in it now."""
    files = {place: [path.stat().st_size, _sha256(path)] for place, path in _contents(folder).items() if path.is_file()}
    about = {"software": "PerfusionDL", "version": __version__, "kind": str(kind), "corrected": corrected}
    (folder / MARKER).write_text(json.dumps(about | {"files": files}, indent=1) + "\n", encoding="utf-8")


def read_marker(folder: Path) -> Marker | None:
    """What PerfusionDL wrote into a folder, None where it did not, or where the marker is damaged."""
    path = folder / MARKER
    try:
        if path.is_symlink() or not path.is_file():
            return _recognize_results(folder)
        kept = json.loads(path.read_text(encoding="utf-8"))
        files = {str(place): (int(size), str(sha256)) for place, (size, sha256) in kept["files"].items()}
        return Marker(Kind(kept["kind"]), bool(kept["corrected"]), str(kept["version"]), files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def check_untouched(folder: Path, marker: Marker) -> None:
    """Raise PerfusionError where a folder holds anything that PerfusionDL did not write, or that was changed since."""
    for place, path in _contents(folder).items():
        if path.is_dir() and not path.is_symlink():
            if place and not any(known.startswith(f"{place}/") for known in marker.files):
                raise _foreign(folder, place)
            continue
        if place not in marker.files or path.is_symlink():
            raise _foreign(folder, place)
        known = marker.files[place]
        if known is None:
            changed = path.name == SCENE and path.stat().st_mtime > (folder / INDEX).stat().st_mtime + SAVED_AGAIN_S
        else:
            changed = path.stat().st_size != known[0] or _sha256(path) != known[1]
        if changed:
            raise PerfusionError(
                f"In the folder {folder.name}, {place} was changed since PerfusionDL wrote it; it is left as it is.",
                "Name another folder, or put the changed file elsewhere first.",
            )


def _foreign(folder: Path, place: str) -> PerfusionError:
    return PerfusionError(
        f"The folder {folder.name} holds {place}, which PerfusionDL did not write; it is left as it is.",
        "Name another folder.",
    )


def _contents(folder: Path) -> dict[str, Path]:
    """Everything below a folder by relative path, links as themselves, without the marker."""
    found = ((path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")))
    return {place: path for place, path in found if place != MARKER and path.name not in OF_THE_SYSTEM}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recognize_results(folder: Path) -> Marker | None:
    """A results folder of a version that left no marker, by its index; None where anything about it is unexpected."""
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    table = json.loads((folder / TABLE).read_text(encoding="utf-8"))
    slices = index["slices"]
    names = {str(one["folder"]) for one in slices}
    if index["notice"] != NOTICE or table["notice"] != NOTICE or not names or any("/" in name for name in names):
        return None
    known = TABLES | {INDEX, SCENE, REPORT} | {f"{name}/{image}" for name in names for image in IMAGES}
    known |= {place for place in _contents(folder) if OBJECTS.fullmatch(place)}
    corrected = any(one["origin"] != "automatic" or one["excluded_frames"] for one in slices)
    return Marker(Kind.RESULTS, corrected, "", dict.fromkeys(known))
