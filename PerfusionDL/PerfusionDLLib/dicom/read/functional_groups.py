"""The frames of an enhanced multi-frame image, from its functional groups (PS3.3 C.7.6.16)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from ...data.errors import PerfusionError
from ...data.text import make_line
from .frame import Attributes, Frame, read_number
from .keywords import CLASSIC_NAMES, HOMES, TAG_OF
from .private import GROUPS, read_private_values


def read_frames_of_groups(path: Path, header: Dataset, known: dict[str, Any]) -> Iterator[Frame]:
    """One frame per item of the per-frame functional groups.

    Raises PerfusionError where their number is not that of the frames, so that pixels cannot be told apart.
    """
    groups = header.PerFrameFunctionalGroupsSequence
    announced = read_number(header.get("NumberOfFrames"))
    if announced != len(groups):
        raise PerfusionError(
            f"The file {make_line(path.name)} contradicts itself: NumberOfFrames is {announced:g}, and "
            f"PerFrameFunctionalGroupsSequence has {len(groups)} items, so that pixels cannot be assigned.",
            "Export the series again from the scanner or its archive.",
        )
    common = known | read_plain_attributes(header)
    for agent in header.get("ContrastBolusAgentSequence") or ():
        common |= read_plain_attributes(agent) | {"ContrastBolusAgent": agent.get("CodeMeaning", "")}
    of_all: dict[str, Any] = {}
    for shared in header.get("SharedFunctionalGroupsSequence") or ():
        of_all |= group_attributes(shared)
    elements = dict(header.items())
    for index, item in enumerate(groups):
        own = group_attributes(item)
        told = {"GroupsContradicting": find_contradicting_attributes(of_all, own)}
        yield Frame(path, index, Attributes(header, elements, common | of_all | own | told), len(groups))


def find_contradicting_attributes(of_all: dict[str, Any], own: dict[str, Any]) -> str:
    """The attributes that a frame and the groups of all frames give with different values, which none may do."""
    return ", ".join(sorted(keyword for keyword in of_all.keys() & own.keys() if of_all[keyword] != own[keyword]))


def read_plain_attributes(item: Dataset) -> dict[str, Any]:
    """The attributes of an item that are no sequences, under their classic keywords."""
    return {
        CLASSIC_NAMES.get(element.keyword, element.keyword): element.value
        for element in item
        if element.VR != "SQ" and element.keyword in TAG_OF
    }


def group_attributes(groups: Dataset) -> dict[str, Any]:
    """Attributes of all functional groups of one frame, each from the group where the standard puts it.

    Private sequences repeat public attributes with other meanings (Philips 2005,140F): only private attributes are
    taken from them.
    """
    found: dict[str, Any] = {}
    for element in groups:
        if element.VR != "SQ":
            continue
        for item in element.value:
            if element.tag.is_private:
                if element.tag.group in GROUPS:
                    found |= read_private_values(item)
                continue
            for inner in item:
                keyword = inner.keyword
                if inner.VR != "SQ" and keyword in TAG_OF and HOMES.get(keyword, element.keyword) == element.keyword:
                    found[CLASSIC_NAMES.get(keyword, keyword)] = inner.value
    return found
