"""Text that came from outside, such as file names, made safe to be written down."""

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
