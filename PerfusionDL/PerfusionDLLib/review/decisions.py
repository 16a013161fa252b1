"""What readers decided about the studies of a cohort: ``review.json``, saved by the page and read by the commands."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..data.errors import PerfusionError

REVIEW = "review.json"
"""Name of the file beside the tables of a cohort."""
KIND = "PerfusionDL review"
MOST_BYTES = 64 << 20
MOST_COMMENT = 10_000


class Decision(StrEnum):
    """What a reader decided; written to files and never renamed."""

    ACCEPTED = "accepted"
    NEEDS_CORRECTION = "needs correction"
    NONE = ""


@dataclass(frozen=True, kw_only=True)
class Review:
    """The review of one study.

    results : fingerprint of the results that were looked at, see `fingerprint_results`
    """

    decision: Decision = Decision.NONE
    comment: str = ""
    results: str = ""


def fingerprint_results(table_json: str) -> str:
    """What tells the results of a study from those of another computation: a hash of ``table.json``."""
    return hashlib.sha256(table_json.encode("utf-8")).hexdigest()[:16]


def read_review(path: Path) -> dict[str, Review]:
    """Reviews by study. Raises PerfusionError where the file is none."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("the file is too large")
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        if document["kind"] != KIND:
            raise ValueError(f"{KIND} was expected, got {document['kind']}")
        return {str(study): _review(kept) for study, kept in document["studies"].items()}
    except OSError as error:
        raise PerfusionError(
            f"The review {path.name} cannot be read.", "Check its name and that you may read it."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PerfusionError(
            f"The file {path.name} is no review of a cohort, or is damaged.",
            "Save it again from cohort.html, or put it elsewhere.",
        ) from error


def _review(kept: Mapping) -> Review:
    return Review(
        decision=Decision(kept["decision"]),
        comment=str(kept.get("comment", ""))[:MOST_COMMENT],
        results=str(kept.get("results", "")),
    )


def review_document(reviews: Mapping[str, Review]) -> dict:
    """Reviews as the page and the file hold them."""
    return {
        "kind": KIND,
        "studies": {
            study: {"decision": str(one.decision), "comment": one.comment, "results": one.results}
            for study, one in sorted(reviews.items())
        },
    }


def count_decisions(studies: Mapping[str, str], reviews: Mapping[str, Review]) -> dict[Decision, int]:
    """How many studies have each decision; one that was computed anew since counts as not reviewed.

    studies : fingerprint of the results by study

    >>> accepted = Review(decision=Decision.ACCEPTED, results="1")
    >>> count_decisions({"a": "1", "b": "2", "c": "3"}, {"a": accepted, "b": accepted})[Decision.ACCEPTED]
    1
    """
    counts = dict.fromkeys(Decision, 0)
    for study, results in studies.items():
        counts[find_current_decision(reviews.get(study), results)] += 1
    return counts


def find_current_decision(review: Review | None, results: str) -> Decision:
    """The decision about results; none where it was about others."""
    return review.decision if review is not None and review.results in ("", results) else Decision.NONE
