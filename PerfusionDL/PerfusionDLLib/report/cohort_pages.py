"""A cohort as a PDF: how flow is distributed, what is flagged, where to look first, what has no result."""

from collections.abc import Iterable, Mapping
from typing import BinaryIO

import numpy as np

from ..data.study import Condition
from .cohort import GLOBAL, StudyReading, collect_global_values, count_flags, list_studies_to_review
from .figures import FLOW_UNIT, styled
from .figures.agreement import draw_groups
from .figures.cohort import draw_segment_spread
from .figures.style import CONDITION_COLORS
from .page import LEFT_MM, RIGHT_MM, Page
from .pages import save

TITLE = "Cohort of myocardial perfusion studies"
WIDTH_MM = RIGHT_MM - LEFT_MM
LOWEST_MM = 272.0
REASONS_SHOWN = 4
FLAGS_SHOWN = 6
COLORS = {
    "rest MBF": CONDITION_COLORS[Condition.REST],
    "stress MBF": CONDITION_COLORS[Condition.STRESS],
    "MPR": "#009E73",
}


@styled
def write_cohort_pdf(
    target: BinaryIO, studies: Mapping[str, StudyReading], failed: Mapping[str, str], waiting: int
) -> None:
    """Write the page of a cohort: distributions, flags, studies to look at first, studies without a result.

    failed : kind and step of the failure by study, in words of ours, because the page may go where nobody must be
        named and the sentence of a problem may name a file; waiting : how many studies were not computed yet
    """
    pages = [_distributions(studies, len(failed), waiting)]
    entries = [(study, "; ".join(why[:REASONS_SHOWN]) + _more(why)) for study, why in list_studies_to_review(studies)]
    note = "most reasons first" if entries else "none: nothing is flagged or far from the others"
    _listed(pages, "Studies to look at first", note, entries)
    if failed:
        _listed(pages, "Studies without a result", "why, and what to do about each, is in problems.csv", failed.items())
    save(target, TITLE, [page for page, _ in pages])


def _more(why: list[str]) -> str:
    return f"; and {len(why) - REASONS_SHOWN} more" if len(why) > REASONS_SHOWN else ""


def _distributions(studies: Mapping[str, StudyReading], failed: int, waiting: int) -> tuple[Page, float]:
    page = Page()
    said = [f"{len(studies)} studies with results", f"{failed} without", f"{waiting} not computed yet"]
    y = page.paragraph(LEFT_MM, 29, ", ".join(said[: 3 if waiting else 2]) + ".", width=WIDTH_MM, size=8.5) + 3
    page.heading(y, "Whole left ventricle", "a dot per study; bar: median")
    wide, high = 48.0, 44.0
    found = {
        name: np.array(list(collect_global_values(studies, value_of).values())) for name, value_of in GLOBAL.items()
    }
    for place, (name, known) in enumerate((name, known) for name, known in found.items() if known.size):
        middle = f"median {np.median(known):.2f}, {len(known)} studies"
        axes = page.axes(LEFT_MM + 9 + place * (wide + 13), y + 7, wide, high)
        label = f"{name}, {FLOW_UNIT}" if "MBF" in name else name
        draw_groups(axes, {middle: known}, label=label, paper=float("nan"), colors=[COLORS[name]])
        axes.set_ylim(bottom=0)
    y += high + 18
    page.heading(y, "Segments", "median over the studies; bar: from the 25th to the 75th percentile")
    axes = page.axes(LEFT_MM + 9, y + 6, WIDTH_MM - 9, 42)
    draw_segment_spread(axes, _by_segment(studies), colors=[COLORS["rest MBF"], COLORS["stress MBF"]])
    y += 64
    counts = count_flags(studies)
    page.heading(y, "Flags on whole studies", "number of studies" if counts else "none")
    y += 5.5
    for flag, count in counts[:FLAGS_SHOWN]:
        page.text(LEFT_MM + 6, y, str(count), size=7, ha="right")
        y = page.paragraph(LEFT_MM + 9, y, flag, width=WIDTH_MM - 9, size=7) + 0.6
    if len(counts) > FLAGS_SHOWN:
        y = page.paragraph(LEFT_MM + 9, y, f"and {len(counts) - FLAGS_SHOWN} more; see cohort.csv", width=100, size=7)
    return page, y + 6


def _by_segment(studies: Mapping[str, StudyReading]) -> dict[str, dict[int, np.ndarray]]:
    """Flow over the studies by condition and AHA segment."""
    found: dict[str, dict[int, np.ndarray]] = {}
    for condition in ("rest", "stress"):
        found[condition] = {}
        for segment in range(1, 17):
            flow = [
                getattr(row, condition).mbf_ml_min_g
                for one in studies.values()
                for row in one.table.segments
                if row.aha_segment == segment
            ]
            known = np.array(flow, dtype=float)
            found[condition][segment] = known[np.isfinite(known)]
    return found


def _listed(pages: list[tuple[Page, float]], title: str, note: str, entries: Iterable[tuple[str, str]]) -> None:
    """A heading and a list, over as many pages as it takes."""
    page, y = pages[-1]
    if y > LOWEST_MM - 25:
        page, y = Page(), 29.0
        pages.append((page, y))
    page.heading(y, title, note)
    y += 5.5
    for study, text in entries:
        if y > LOWEST_MM - 6:
            page, y = Page(), 29.0
            pages.append((page, y))
            page.heading(y, f"{title}, continued")
            y += 5.5
        page.text(LEFT_MM, y, study, size=6.5, family="DejaVu Sans Mono")
        y = page.paragraph(LEFT_MM + 30, y, text, width=WIDTH_MM - 30, size=6.5) + 0.8
    pages[-1] = (page, y + 6)
