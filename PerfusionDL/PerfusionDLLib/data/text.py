"""Text that came from outside, such as file names, made safe to be written down."""

FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection)."""


def make_printable(text: str) -> str:
    r"""Text that can be written as UTF-8: bytes of a file name that are no text become escapes.

    >>> make_printable("M\udcfcller")
    'M\\xfcller'
    """
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")


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
