"""How grave a finding is, and how it is worded."""

from enum import StrEnum
from typing import NamedTuple


class Severity(StrEnum):
    """How grave a finding is.

    NOTE : what was decided or assumed; nothing needs to be done
    CHECK : the user should look at it; the numbers may be right
    UNRELIABLE : the numbers that depend on it should not be relied on before it is mended
    """

    NOTE = "note"
    CHECK = "check"
    UNRELIABLE = "unreliable"


class Wording(NamedTuple):
    """How grave a finding is, one line of meaning, and the template from which `make_flag` makes the text."""

    severity: Severity
    meaning: str
    template: str
