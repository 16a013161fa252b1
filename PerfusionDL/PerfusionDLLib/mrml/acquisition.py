"""What the scanner did, where each value comes from, and what the user knows better."""

from dataclasses import replace
from enum import StrEnum
from typing import Any

from ..data.acquisition import Acquisition, acquisition_document
from .nodes import ScanNodes, attribute, setAttribute
from .reading import readAcquisition

AS_READ = "acquisition_as_read"


class Source(StrEnum):
    """Where a value of an `Acquisition` comes from."""

    HEADER = "header"
    DEFAULT = "default"
    ENTERED = "entered"


def sourceOf(acquisition: Acquisition, name: str) -> Source:
    """Where the value of a field comes from.

    >>> sourceOf(Acquisition(assumed=("hematocrit",)), "hematocrit")
    <Source.DEFAULT: 'default'>
    """
    if name in acquisition.entered:
        return Source.ENTERED
    return Source.DEFAULT if name in acquisition.assumed else Source.HEADER


def enterAcquisition(nodes: ScanNodes, **values: float | int | str) -> bool:
    """Set values by field name in all slices of a scan; returns whether that changed anything.

    Raises PerfusionError where a value is implausible; then nothing is changed.
    """
    parts = [part for part in nodes.slices if part.original]
    known = [readAcquisition(part) for part in parts]
    new: dict[str, Any] = {
        name: value for name, value in values.items() if any(getattr(one, name) != value for one in known)
    }
    changed = [replace(one, **new, entered=tuple(sorted({*one.entered, *new}))) for one in known]
    for part, before, after in zip(parts, known, changed, strict=True):
        if new and attribute(part.original, AS_READ) is None:
            setAttribute(part.original, AS_READ, acquisition_document(before))
        if new:
            setAttribute(part.original, "acquisition", acquisition_document(after))
    return bool(new)


def restoreAcquisition(nodes: ScanNodes) -> bool:
    """Bring back what was read from the study; returns whether that changed anything."""
    changed = False
    for part in nodes.slices:
        asRead = attribute(part.original, AS_READ)
        if asRead is not None and asRead != attribute(part.original, "acquisition"):
            setAttribute(part.original, "acquisition", asRead)
            changed = True
    return changed
