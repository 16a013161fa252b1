"""One image as its header describes it, with its values by DICOM keyword."""

import math
import re
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag

from ...data.text import make_line
from .keywords import TAG_OF

DAMAGED = (  # what reading a broken file or value may raise
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, NotImplementedError, AssertionError),
    *(EOFError, OSError, RecursionError, MemoryError, LookupError),
    *(struct.error, zlib.error, InvalidDicomError, BytesLengthException),
)
TEXTS = frozenset(("AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UI", "UT"))
ONE_TEXT = frozenset(("LT", "ST", "UT"))
VR_OF = {keyword: dictionary_VR(tag) for keyword, tag in TAG_OF.items()}
WITH_UNIT = re.compile(r"(\d) ?(?:T|ms|mm|ml|kg|deg|degrees|bpm|/min|1/min)$", re.IGNORECASE)


class Attributes:
    """Values by DICOM keyword, converted when they are first asked for; a malformed one is its text.

    elements : those of the header by tag, as they were read; the frames of a file share them
    known : values that are known already
    """

    def __init__(self, header: Dataset, elements: dict[BaseTag, Any], known: dict[str, Any]) -> None:
        self._header = header
        self._elements = elements
        self._known = known
        self._numbers: dict[str, float] = {}
        self._texts: dict[str, str] = {}

    def get(self, keyword: str) -> Any:
        """The value, None where it is missing."""
        if keyword not in self._known:
            self._known[keyword] = self._convert(keyword)
        return self._known[keyword]

    def number(self, keyword: str) -> float:
        """As `Frame.number`."""
        if keyword not in self._numbers:
            value = self.get(keyword)
            if isinstance(value, MultiValue | list):
                value = value[0] if len(value) else None
            number = read_number(value)
            self._numbers[keyword] = number if math.isfinite(number) else float("nan")
        return self._numbers[keyword]

    def text(self, keyword: str) -> str:
        """As `Frame.text`."""
        if keyword not in self._texts:
            self._texts[keyword] = read_text(self.get(keyword))
        return self._texts[keyword]

    def _convert(self, keyword: str) -> Any:
        tag = TAG_OF.get(keyword)
        if tag is None or tag not in self._elements:
            return None
        element = self._elements[tag]
        if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
            known = read_plain_value(element.value, element.VR or VR_OF[keyword], element.is_little_endian)
            if known is not None:
                return known
        try:
            return self._header[tag].value
        except DAMAGED:
            raw = getattr(element, "value", None)
            return raw.decode("latin-1").strip(" \0") if isinstance(raw, bytes) else None


def read_plain_value(content: bytes, vr: str, is_little_endian: bool) -> Any:
    r"""The value of an attribute of ASCII text or of one integer; None where it takes more to understand it.

    Numbers in text stay text; `read_number` reads them. This spares most of the time that headers take.

    >>> read_plain_value(b"0.5\\0.25 ", "DS", True), read_plain_value(b"\x02\x00", "US", True)
    (['0.5', '0.25'], 2)
    """
    if vr in TEXTS and content.isascii():
        text = content.decode("ascii")
        if vr not in ONE_TEXT and "\\" in text:
            return [part.strip(" \0") for part in text.split("\\")]
        return text.strip(" \0")
    if vr == "US" and len(content) == 2:
        return int.from_bytes(content, "little" if is_little_endian else "big")
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image as its header describes it.

    index : position in a multi-frame file, 0 in a classic one; frames : how many images the file holds
    attributes : values by DICOM keyword; enhanced functional groups appear under their classic keywords
    """

    path: Path = field(repr=False)
    index: int
    attributes: Attributes = field(repr=False)
    frames: int = 1

    def number(self, keyword: str) -> float:
        """Value of an attribute, NaN where it is missing or not a finite number."""
        return self.attributes.number(keyword)

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Values of an attribute with several values, None unless there are ``count`` of them."""
        value = self.attributes.get(keyword)
        if isinstance(value, str):
            value = value.split("\\")
        try:
            values = tuple(read_number(one) for one in value)
        except TypeError:
            return None
        return values if len(values) == count else None

    def text(self, keyword: str) -> str:
        """Value of an attribute as text, several values joined by a backslash, "" where it is missing."""
        return self.attributes.text(keyword)

    def values(self, keyword: str) -> list[str]:
        """The values of an attribute as upper-case texts."""
        return [one.strip().upper() for one in self.text(keyword).split("\\")]

    @property
    def series(self) -> str:
        """How a user knows the series: its number; its description is free text, which may name the patient."""
        number = self.number("SeriesNumber")
        return f"series {number:.0f}" if number == number else "a series without a number"

    @property
    def description(self) -> str:
        """What the series says of itself in lower case, to decide by; no message repeats it."""
        return f"{self.text('SeriesDescription')} {self.text('ImageComments')}".lower()

    @property
    def image(self) -> str:
        """How a user knows the image within its series."""
        return str(self.index + 1) if self.frames > 1 else make_line(self.text("InstanceNumber")) or "?"


def read_text(value: Any) -> str:
    """A header's value as text, several values joined by a backslash, "" where there is none.

    >>> read_text(["0.5", "0.25"]), read_text(" MR "), read_text(None)
    ('0.5\\\\0.25', 'MR', '')
    """
    if value is None:
        return ""
    try:
        return "\\".join(map(str, value)) if isinstance(value, MultiValue | list) else str(value).strip()
    except DAMAGED:
        return ""


def read_number(value: Any) -> float:
    """A header's value as a number, also with a decimal comma or its own unit; NaN where it is none.

    >>> read_number("1,5 T"), read_number("10 deg"), read_number("ten")
    (1.5, 10.0, nan)
    """
    if isinstance(value, str):
        value = WITH_UNIT.sub(r"\1", value.replace(",", "."))
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")
