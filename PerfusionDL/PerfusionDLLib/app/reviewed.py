"""Which results a reader decided about, in ``review.json``."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..data.errors import PerfusionError
from ..results.layout import TABLE, TIDY
from ..review.decisions import Decision, Review, find_current_decision, fingerprint_results


def find_reviewed(folders: Sequence[Path], reviews: Mapping[str, Review]) -> tuple[list[int], str]:
    """Which results a reader decided about, and a sentence on what was decided.

    Raises PerfusionError where none was reviewed.
    """
    decisions = [_decision(folder, reviews) for folder in folders]
    kept = [place for place, decision in enumerate(decisions) if decision is not Decision.NONE]
    if not kept:
        raise PerfusionError(
            "The review holds no decision about these results.",
            "Review them in cohort.html and save review.json, or leave out --review.",
        )
    counts = {decision: decisions.count(decision) for decision in Decision}
    return kept, (
        f"Review: {counts[Decision.ACCEPTED]} accepted, {counts[Decision.NEEDS_CORRECTION]} need correction, "
        f"{counts[Decision.NONE]} without a decision left out.\n\n"
    )


def _decision(folder: Path, reviews: Mapping[str, Review]) -> Decision:
    """What was decided about the results in a folder."""
    try:
        table = (folder / TABLE).read_text(encoding="utf-8")
        with (folder / TIDY).open(encoding="utf-8-sig", newline="") as tidy:
            study = next(csv.DictReader(tidy), {}).get("study", "")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PerfusionError(
            f"The folder {folder.name} holds no results.", "Name folders that `perfusiondl run` wrote."
        ) from error
    return find_current_decision(reviews.get(study), fingerprint_results(table))
