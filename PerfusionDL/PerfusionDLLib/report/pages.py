"""The report of a study as a PDF of two pages: what to dictate from, then how far to trust it."""

from collections.abc import Sequence
from typing import BinaryIO

from matplotlib.backends.backend_pdf import PdfPages

from .. import NOTICE, __version__
from ..data.result import StudyResult
from .figures import styled
from .first_page import findings_page
from .page import BOTTOM_MM, LEFT_MM, RIGHT_MM, TOP_MM, Page
from .quality import quality_pages

TITLE = "Quantitative myocardial perfusion MRI"


@styled
def write(target: BinaryIO, result: StudyResult, comment: str = "") -> None:
    """Write the pages; see `report.write_pdf`."""
    pages = [findings_page(result, comment), *quality_pages(result)]
    save(target, TITLE, pages)


def save(target: BinaryIO, title: str, pages: Sequence[Page]) -> None:
    """Frame the pages and write them as one PDF without a date."""
    metadata = {"Title": title, "Creator": f"PerfusionDL {__version__}", "Subject": NOTICE, "CreationDate": None}
    with PdfPages(target, metadata=metadata) as document:
        for number, page in enumerate(pages, start=1):
            _frame(page, title, number, len(pages))
            document.savefig(page.figure)


def _frame(page: Page, title: str, number: int, pages: int) -> None:
    """What every page says."""
    page.text(LEFT_MM, TOP_MM + 4, title, size=12, fontweight="bold")
    page.text(RIGHT_MM, TOP_MM + 4, NOTICE, size=8.5, fontweight="bold", ha="right")
    page.rule(TOP_MM + 6, color="#1a1a1a", width=0.9)
    page.rule(BOTTOM_MM - 3.2, width=0.4)
    page.text(LEFT_MM, BOTTOM_MM, f"PerfusionDL {__version__}", size=6, color="#5c5c5c")
    page.text((LEFT_MM + RIGHT_MM) / 2, BOTTOM_MM, NOTICE, size=6, color="#5c5c5c", ha="center")
    page.text(RIGHT_MM, BOTTOM_MM, f"Page {number} of {pages}", size=6, color="#5c5c5c", ha="right")
