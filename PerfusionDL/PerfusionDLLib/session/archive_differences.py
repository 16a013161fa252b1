"""Where what is on show is not what the archived results say: slices without contours, images, flow."""

from collections.abc import Sequence

from ..app.stored_results import describe_difference
from ..data.flag import Flag
from ..dicom import StoredResults
from ..mrml.nodes import ScanNodes, attribute, setAttribute
from .tasks import Flow

_ARCHIVE = "archive"
"""What a version of the results says of the scan that it was loaded with; the flow until a reader corrects anything."""


def rememberArchive(nodes: ScanNodes, stored: StoredResults, lost: Sequence[Flag]) -> None:
    """Keep with a scan what the version says that it was loaded with."""
    said = {"flow": dict(stored.mbf_ml_min_g), "software": stored.software, "lost": [flag.text for flag in lost]}
    setAttribute(nodes.browser, _ARCHIVE, said)


def isFromArchive(scans: Sequence[ScanNodes]) -> bool:
    """Whether any of some scans was loaded with results of the archive."""
    return any(attribute(nodes.browser, _ARCHIVE) for nodes in scans)


def forgetArchivedFlow(scans: Sequence[ScanNodes]) -> None:
    """A reader corrected something: flow is another one now, and is meant to be."""
    for nodes in scans:
        said = attribute(nodes.browser, _ARCHIVE)
        if said and said["flow"]:
            setAttribute(nodes.browser, _ARCHIVE, said | {"flow": {}})


def describeArchive(scans: Sequence[ScanNodes], flow: Flow | None, *, isAsArchived: bool) -> tuple[str, ...]:
    """What the archived results do not say of some scans, and where their flow is another one; nothing elsewhere.

    isAsArchived : whether model and values are those of the archived results; else their flow is another one anyway
    """
    said = {nodes: kept for nodes in scans if (kept := attribute(nodes.browser, _ARCHIVE))}
    if not said:
        return ()
    silent = [f"{nodes.condition} {part.name}" for nodes in said for part in nodes.slices if not part.hasContours]
    lines = [f"The archived results have no contours of: {', '.join(silent)}."] if silent else []
    lines += dict.fromkeys(text for kept in said.values() for text in kept["lost"])
    one = next(iter(said.values()))
    if flow is not None and isAsArchived and all(kept["flow"] for kept in said.values()):
        shown = {str(nodes.condition) for nodes in scans}
        there = {name: value for name, value in one["flow"].items() if name.rpartition(", ")[2] in shown}
        lines += filter(None, [describe_difference(there, one["software"], flow.table)])
    return tuple(lines)
