"""The tables and the page of a cohort, from the results of its studies and its journal."""

import csv
import io
from collections.abc import Mapping, Sequence

from ..data.text import make_cell
from ..dicom import FoundStudy
from ..report import cohort
from ..report.cohort_pages import write_cohort_pdf
from ..results.reading import read_table
from ..review import CohortStudy, write_cohort_page
from ..review.decisions import Review, find_current_decision, fingerprint_results
from .folder import STUDIES as STUDIES_FOLDER
from .folder import CohortFolder
from .outcome import DONE, ERROR, LIMITS, LOST, REFUSED

GB = 2**30
NO_REVIEWS: Mapping[str, Review] = {}
IN_WORDS = {
    REFUSED: "refused",
    LIMITS: "ran into the limit of time or memory",
    LOST: "lost with the process that computed it",
    ERROR: "stopped by a mistake of the program or of a worker",
}
PROBLEMS = ["study", "folder", "kind", "step", "problem", "remedy", "attempts", "worker"]
STUDIES = ["study", "folder", "files", "state", "seconds", "memory_gb", "attempts", "review", "comment"]


def make_cohort_tables(
    folder: CohortFolder, studies: Sequence[FoundStudy], reviews: Mapping[str, Review] = NO_REVIEWS
) -> dict[str, bytes]:
    """Content of every table by file name; the same results give the same ``cohort.csv``, in whatever order they came.

    ``problems.csv`` and ``studies.csv`` hold folder names, which may be names of patients; the others hold labels only.

    Studies that are not in the tree any more keep their place as long as their results are there.

    reviews : what readers decided, see `review.decisions`
    """
    places = folder.folders | {study.label: study.folder.as_posix() for study in studies}
    counts = {study.label: len(study.files) for study in studies}
    read = {
        label: cohort.StudyReading(read_table(folder.table(label)), folder.confidences(label))
        for label in folder.done()
    }
    results = {label: fingerprint_results(folder.table(label)) for label in read}
    decided = {label: str(find_current_decision(reviews.get(label), results[label])) for label in read}
    failed = {label: one for label, one in sorted(folder.ended.items()) if one.kind != DONE}
    problems = [
        [label, places[label], one.kind, one.step, one.problem, one.remedy, one.attempts, one.worker]
        for label, one in failed.items()
    ]
    rows = []
    for label in sorted(places):
        one = folder.ended.get(label)
        cells = [label, places[label], counts.get(label, ""), one.kind if one else "waiting"]
        cells += [f"{one.seconds:.1f}", f"{one.peak_bytes / GB:.2f}", one.attempts] if one else [""] * 3
        rows.append([*cells, decided.get(label, ""), reviews[label].comment if label in reviews else ""])
    page = io.BytesIO()
    waiting = len(set(places) - set(folder.ended))
    said = {label: f"{IN_WORDS[one.kind]}{f', at {one.step}' if one.step else ''}" for label, one in failed.items()}
    write_cohort_pdf(page, read, said, waiting)
    shown = {
        label: CohortStudy(one, f"{STUDIES_FOLDER}/{label}/report.html", results[label], folder.contact_sheet(label))
        for label, one in read.items()
    }
    return {
        "cohort.csv": cohort.cohort_csv({label: one.table for label, one in read.items()}, decided).encode(),
        "problems.csv": write_table(PROBLEMS, problems),
        "studies.csv": write_table(STUDIES, rows),
        "cohort.pdf": page.getvalue(),
        "cohort.html": write_cohort_page(shown, said, waiting, reviews).encode(),
    }


def write_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """A table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([make_cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue().encode()
