"""The page of a cohort: every slice of every study with its contours, the most doubtful first, and the decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .. import NOTICE, __version__
from ..data.flag import FlagCode
from ..report.cohort import StudyReading
from .decisions import Review, review_document
from .html import build_page
from .priority import rate_studies

STYLES = ("shared.css", "cohort.css")
SCRIPTS = ("shared.js", "contact_sheet.js", "distributions.js", "decisions.js", "cohort.js")
FRAMES = "'self' file:"
"""The page shows the pages of studies inside, which lie below its own folder."""


@dataclass(frozen=True)
class CohortStudy:
    """One study with results.

    page : of the study, relative to that of the cohort
    results : fingerprint, see `decisions.fingerprint_results`
    sheet : what `describe_contact_sheet` wrote, empty where an earlier version wrote none
    """

    reading: StudyReading
    page: str
    results: str
    sheet: Mapping = field(default_factory=dict)


def write_cohort_page(
    studies: Mapping[str, CohortStudy], failed: Mapping[str, str], waiting: int, reviews: Mapping[str, Review]
) -> str:
    """The page of a cohort as HTML; it names nobody, except where a reader did in a comment.

    failed : why there is no result, by study; waiting : how many were not computed yet
    """
    rated = rate_studies(
        {name: one.reading for name, one in studies.items()},
        {name: one.sheet for name, one in studies.items() if one.sheet},
    )
    described = [_describe(name, one, *rated[name]) for name, one in studies.items()]
    data = {
        "notice": NOTICE,
        "software": f"PerfusionDL {__version__}",
        "studies": sorted(described, key=lambda one: (-one["doubt"], one["study"])),
        "failed": dict(failed),
        "waiting": waiting,
        "meanings": {str(code): code.meaning for code in FlagCode},
        "review": review_document(reviews),
    }
    return build_page(f"Perfusion cohort. {NOTICE}", "cohort.html", STYLES, SCRIPTS, {"cohort": data}, frames=FRAMES)


def _describe(name: str, one: CohortStudy, doubt: float, reasons: Sequence[str]) -> dict:
    whole = one.reading.table.whole
    values = {"rest": whole.rest.mbf_ml_min_g, "stress": whole.stress.mbf_ml_min_g, "mpr": whole.mpr}
    return {
        "study": name,
        "page": one.page,
        "results": one.results,
        "doubt": doubt,
        "reasons": list(reasons),
        "values": {key: float(value) if np.isfinite(value) else None for key, value in values.items()},
        "findings": one.sheet.get("findings", []),
        "picture": one.sheet.get("picture"),
        "slices": [
            {key: part[key] for key in ("condition", "level", "size", "spacing_mm", "labels", "points_px")}
            for part in one.sheet.get("slices", [])
        ],
    }
