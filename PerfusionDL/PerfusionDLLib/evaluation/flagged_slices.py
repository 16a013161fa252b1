"""Whether doubt lies where contours are wrong: what is flagged of the worst and of the good slices."""

from collections.abc import Sequence

import numpy as np

from ..data.flag import FlagCode
from ..data.flag_codes import Severity

WORST_SHARE = 0.1
"""Share of slices that are called the worst, those of least Dice of the myocardium; chosen."""
READ_SHARE = 0.15
"""Share of slices that a reader who trusts the confidence looks at; chosen."""
GOOD_DICE = 0.85
"""Dice of the myocardium from which contours need no correction; as in the calibration of the networks."""
_GRAVE = {str(code) for code in FlagCode if code.severity is not Severity.NOTE}


def tabulate_flagged(dice: np.ndarray, confidence: np.ndarray, flags: Sequence[str]) -> str:
    """Table of what each way to choose slices for a reader finds of the worst, and takes of the good ones.

    dice, confidence : (N,) of the myocardium, and in the contours; flags : codes of each slice, separated by spaces
    """
    dice, confidence = np.asarray(dice, float), np.asarray(confidence, float)
    worst = _first(dice, WORST_SHARE)
    grave = [_GRAVE & set(one.split()) for one in flags]
    ways = {
        f"the {READ_SHARE:.0%} of least confidence": _first(confidence, READ_SHARE),
        "contours are flagged as uncertain": np.array([str(FlagCode.CONTOURS_UNCERTAIN) in one for one in grave], bool),
        "anything is to be checked": np.array([bool(one) for one in grave], bool),
    }
    lines = [f"| slices where | share | of the worst tenth ({worst.sum()}) | of the good ones |", "|---|---|---|---|"]
    good = dice >= GOOD_DICE
    for name, chosen in ways.items():
        of_good = f"{chosen[good].mean():.0%}" if good.any() else "-"
        lines.append(f"| {name} | {chosen.mean():.0%} | {chosen[worst].mean():.0%} | {of_good} |")
    area = compute_area_under_curve(-confidence, worst)
    return "\n".join([*lines, "", f"Area under the ROC curve of the confidence for the worst tenth: {area:.2f}."])


def compute_area_under_curve(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive case has the larger score; ties count half, NaN where all cases are alike.

    Examples
    --------
    >>> compute_area_under_curve(np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, False, True, False]))
    0.75
    """
    ours, others = np.asarray(score)[positive], np.asarray(score)[~positive]
    if not (ours.size and others.size):
        return float("nan")
    return float(np.mean((ours[:, None] > others) + 0.5 * (ours[:, None] == others)))


def _first(values: np.ndarray, share: float) -> np.ndarray:
    """(N,) bool, the least of some values, one at least."""
    chosen = np.zeros(len(values), bool)
    chosen[np.argsort(values, kind="stable")[: max(round(share * len(values)), 1)]] = True
    return chosen
