"""Whether a network learned from corrections: old and new networks judged by the whole chain on slices left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.network_scores import MEASURES, Score, evaluate
from ..networks import Networks
from .correction_samples import select_usable
from .corrections import Correction

JUDGED_BY = {
    "peak": ("peak_frame_error", False),
    "box": ("epicardium_dice", True),
    "labels": ("myocardium_dice", True),
    "points": ("insertion_points_mm", False),
}
"""The measure that decides whether a network is kept, and whether more of it is better."""


@dataclass(frozen=True)
class Verdict:
    """Decision on one network: kept as it was, or trained further, and why."""

    step: str
    learned: bool
    reason: str


def judge(corrections: Sequence[Correction], networks: Networks) -> list[Score]:
    """How the whole chain does on corrected slices."""
    return [score for score, _, _ in evaluate([one.case for one in corrections], networks)]


def compare(step: str, corrections: Sequence[Correction], before: Sequence[Score], after: Sequence[Score]) -> Verdict:
    """Whether a network does at least as well after learning, on the slices that can judge it."""
    measure, more = JUDGED_BY[step]
    old, new = (_of_judges(step, corrections, scores) for scores in (before, after))
    lost = [sum(bool(score.failure) for score in scores) for scores in (old, new)]
    means = [float(np.nanmean([getattr(score, measure) for score in scores] or [np.nan])) for scores in (old, new)]
    better = means[1] >= means[0] if more else means[1] <= means[0]
    learned = lost[1] < lost[0] or (lost[1] == lost[0] and better)
    what = f"{_title(measure)} {means[0]:.3f} before, {means[1]:.3f} after"
    if lost[0] or lost[1]:
        what += f"; not found {lost[0]} before, {lost[1]} after"
    return Verdict(step, learned, f"{what} (n = {len(old)}): {'learned' if learned else 'left as it was'}")


def make_comparison(
    corrections: Sequence[Correction],
    before: Sequence[Score],
    after: Sequence[Score],
    verdicts: Sequence[Verdict],
    phantoms: Sequence[Sequence[Score]],
) -> str:
    """Old and new networks side by side: on the slices left out, and on phantoms."""
    blocks = [f"On {count_corrections(corrections)} that nothing was learned from:", _table(before, after)]
    blocks += ["\n".join(f"- {verdict.step}: {verdict.reason}" for verdict in verdicts)]
    blocks += [f"On {len(phantoms[0])} phantom slices, which show what was forgotten:", _table(*phantoms)]
    blocks += [
        "Corrected slices are those that the old networks did worst on, so the new ones have it easier here than on "
        "the next patients. A reading of slices that nobody chose is the fair test."
    ]
    return "\n\n".join(blocks)


def summarize(step: str, corrections: Sequence[Correction], scores: dict[str, list[Score]]) -> dict:
    """Slices, measure and its means before and after, as the card of a network tells them."""
    measure, _ = JUDGED_BY[step]
    values = {
        when: [getattr(score, measure) for score in _of_judges(step, corrections, found)]
        for when, found in scores.items()
    }
    return {"slices": len(values["before"]), "measure": _title(measure)} | {
        when: round(float(np.nanmean(found)), 4) for when, found in values.items()
    }


def count_corrections(corrections: Sequence[Correction]) -> str:
    """How many slices of how many studies were corrected, in words."""
    studies = len({one.study for one in corrections})
    return f"{len(corrections)} corrected slices of {studies} {'study' if studies == 1 else 'studies'}"


def _table(before: Sequence[Score], after: Sequence[Score]) -> str:
    lines = ["| measure | n | before | after | better in |", "|---|---|---|---|---|"]
    for title, field in MEASURES.items():
        pairs = np.array([[getattr(score, field) for score in pair] for pair in zip(before, after, strict=True)], float)
        pairs = pairs[np.isfinite(pairs).all(axis=1)]
        if len(pairs):
            gain = (pairs[:, 1] - pairs[:, 0]) * (1 if "Dice" in title else -1)
            cells = [f"{mean:.3f} ({sd:.3f})" for mean, sd in zip(pairs.mean(axis=0), pairs.std(axis=0), strict=True)]
            lines.append(f"| {title} | {len(pairs)} | {cells[0]} | {cells[1]} | {(gain > 0).sum()} |")
    lost = [sum(bool(score.failure) for score in scores) for scores in (before, after)]
    lines.append(f"| left ventricle not found | {len(before)} | {lost[0]} | {lost[1]} | |")
    return "\n".join(lines)


def _of_judges(step: str, corrections: Sequence[Correction], scores: Sequence[Score]) -> list[Score]:
    """The scores of those slices whose correction says something about a network."""
    judges = select_usable(corrections, step)
    return [score for one, score in zip(corrections, scores, strict=True) if one in judges]


def _title(field: str) -> str:
    return next(title for title, name in MEASURES.items() if name == field)
