"""What leaves the program to be read: the two-page PDF of a study and its table as CSV, JSON, Excel and text."""

from typing import BinaryIO

from ..data.errors import PerfusionError
from ..data.result import StudyResult
from .tables import segments_csv, table_json, territories_csv, tidy_csv
from .text_table import table_text
from .workbook import table_xlsx

__all__ = [
    "segments_csv",
    "table_json",
    "table_text",
    "table_xlsx",
    "territories_csv",
    "tidy_csv",
    "write_pdf",
]


def write_pdf(
    target: BinaryIO,
    result: StudyResult,
    *,
    comment: str = "",
) -> None:
    """Write the report of one study: a page to dictate from, a page on how far to trust it.

    The same values give the same bytes: no date, no identity.

    comment : what the reader found, in words
    """
    try:
        from . import pages
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise PerfusionError(
            "The report needs Matplotlib, which is not installed.",
            "Install Matplotlib, or export the table as CSV.",
        ) from error
    pages.write(target, result, comment)
