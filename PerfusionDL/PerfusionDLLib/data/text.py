"""Text for people and tables: what came from outside made safe to be written down, signs set as the field sets them."""

import re

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection)."""

LONGEST_LINE = 64
"""Letters of a text from outside that messages repeat; chosen."""


def make_printable(text: str) -> str:
    r"""Text that can be written as UTF-8: bytes of a file name that are no text become escapes.

    >>> make_printable("M\udcfcller")
    'M\\xfcller'
    """
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")


def make_line(text: str) -> str:
    """Text of a header or a file as messages may repeat it: one line, no control characters, not endless.

    >>> make_line("perf\\x1b[31m  rest\\n")
    'perf [31m rest'
    """
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return clean if len(clean) <= LONGEST_LINE else clean[: LONGEST_LINE - 3] + "..."


def make_cell(text: str) -> str:
    """Text as the cell of a table: a spreadsheet shows it and does not compute it.

    >>> make_cell("=1+1"), make_cell("-0.5"), make_cell("basal")
    ("'=1+1", '-0.5', 'basal')
    """
    text = make_printable(text)
    return f"'{text}" if text.startswith(FORMULA_BEGINS) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()


def space_percent(text: str) -> str:
    """Percent signs a space from their numbers, as the SI has them.

    >>> space_percent("10% of 2.5 mL/min/g, 95 %")
    '10 % of 2.5 mL/min/g, 95 %'
    """
    return re.sub(r"(?<=\d)%", " %", text)
