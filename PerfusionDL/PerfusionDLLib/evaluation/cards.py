"""What is measured, written into the cards of the networks beside the command that measures it again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..networks import STEPS
from .network_scores import Score

MEASURED: Mapping[str, tuple[str, ...]] = {
    "peak": ("peak_frame_error",),
    "box": ("box_dice",),
    "labels": ("myocardium_dice", "cavity_dice", "epicardium_dice", "rv_dice"),
    "points": ("insertion_points_mm",),
}
"""The measures that each network answers for, fields of `Score`."""


def complete_card(folder: Path, step: str, part: str, entry: Mapping[str, Any]) -> None:
    """Put entries into a part of the card of one network, in place of those of the same names."""
    path = folder / f"{step}.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card[part] = {**card.get(part, {}), **entry}
    path.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def write_scores(folder: Path, judged_on: str, scores: Sequence[Score], command: str) -> None:
    """Put what the four networks reached on slices into their cards."""
    for step in STEPS:
        complete_card(folder, step, "scores", {judged_on: {"command": command, **_summarize(scores, MEASURED[step])}})


def _summarize(scores: Sequence[Score], measures: Sequence[str]) -> dict[str, Any]:
    found = [one for one in scores if not one.failure]
    summary: dict[str, Any] = {"slices": len(scores), "not_found": len(scores) - len(found)}
    for measure in measures if found else ():
        values = np.array([getattr(one, measure) for one in found], float)
        worst = values.min() if measure.endswith("_dice") else values.max()
        figures = {"mean": values.mean(), "sd": values.std(), "median": np.median(values), "worst": worst}
        summary[measure] = {name: round(float(value), 3) for name, value in figures.items()}
    return summary
