"""Private attributes, found by their creator in whatever block an archive has put them."""

import struct
from typing import Any

from pydicom.dataset import Dataset
from pydicom.tag import Tag

PHILIPS = "philips mr imaging dd 001"
GE = "gems_parm_01"
PRIVATE = {  # group, creator, element within the block, and how its bytes are packed where the header lost their type
    "PhilipsScaleSlope": (0x2005, PHILIPS, 0x0E, "<f"),
    "PhilipsDynamicBeginTime": (0x2005, PHILIPS, 0xA0, "<f"),
    "PhilipsImageType": (0x2005, PHILIPS, 0x11, ""),
    "GERawDataType": (0x0043, GE, 0x2F, "<h"),
}
GROUPS = frozenset(group for group, *_ in PRIVATE.values())


def read_private_values(header: Dataset) -> dict[str, Any]:
    """The private attributes that are known and there, by their names."""
    blocks: dict[tuple[int, str], int] = {}
    for tag in header.keys():  # noqa: SIM118, iterating over a data set converts every value
        if tag.group in GROUPS and 0x10 <= tag.element <= 0xFF:
            blocks.setdefault((tag.group, str(header[tag].value).strip().lower()), tag.element)
    found: dict[str, Any] = {}
    for name, (group, creator, element, packed) in PRIVATE.items():
        block = blocks.get((group, creator))
        tag = Tag(group, (block or 0) << 8 | element)
        if block is not None and tag in header:
            value = unpack_value(header, tag, packed)
            if value is not None:
                found[name] = value
    return found


def unpack_value(header: Dataset, tag, packed: str) -> Any:
    """The value of a private attribute, also where it is raw bytes; None where it cannot be understood."""
    try:
        value = header[tag].value
        if not isinstance(value, bytes):
            return value
        if not packed:
            return value.decode("latin-1").strip(" \0")
        return struct.unpack(packed, value[: struct.calcsize(packed)])[0]
    except (ValueError, TypeError, KeyError, NotImplementedError, struct.error):
        return None
