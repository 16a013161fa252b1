"""What the networks' certainty is worth: how often their answers were good on phantoms, written into their cards."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from ..networks import STEPS, Networks
from .cards import complete_card
from .cases import Case, coarser_case, noisy_case, shaded_case
from .network_scores import GOOD, Score, evaluate


def calibration_cases(cases: Iterable[Case], rng: np.random.Generator) -> Iterator[Case]:
    """Every case as it is, at half resolution, with much noise, or with strong shading."""
    for case in cases:
        kind = rng.integers(4)
        if kind == 1:
            case = coarser_case(case)
        elif kind == 2:
            case = noisy_case(case, rng, share=rng.uniform(0.05, 0.2))
        elif kind == 3:
            case = shaded_case(case, ratio=rng.uniform(3, 12))
        yield case


def remove_calibration(networks: Networks) -> Networks:
    """The same networks, telling their certainty in place of a confidence."""
    plain = {
        step: replace(network, card={key: value for key, value in network.card.items() if key != "calibration"})
        for step, network in ((step, getattr(networks, step)) for step in STEPS)
    }
    return replace(networks, **plain)


def calibrate(cases: Iterable[Case], networks: Networks, steps: Sequence[str] = STEPS) -> dict[str, dict]:
    """Slope and offset of the confidence of steps, and what they rest on: the entry ``calibration`` of their cards.

    A slice in which no left ventricle is found says nothing of the later steps and is left out.
    """
    scores = [scored for scored, _, _ in evaluate(cases, remove_calibration(networks)) if not scored.failure]
    return {step: _counted(step, scores) for step in steps}


def write_calibration(folder: Path, counted: dict[str, dict], command: str) -> None:
    """Put the calibration into the cards of a folder of networks."""
    for step, entry in counted.items():
        complete_card(folder, step, "calibration", {**entry, "command": command})


def fit_platt(certainty: np.ndarray, good: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the logistic curve from log-odds of certainty to the share of good answers.

    With Platt's soft targets (one success and one failure added), so that it exists where every answer was good; the
    slope is not negative, and near 1 where nothing speaks for another (log-normal prior, SD of the logarithm 1).
    Platt JC, Advances in Large Margin Classifiers 1999:61.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> certainty = rng.random(20000)
    >>> slope, offset = fit_platt(certainty, rng.random(20000) < certainty)
    >>> abs(slope - 1) < 0.05 and abs(offset) < 0.05
    True
    """
    certainty = np.clip(np.asarray(certainty, float), 1e-3, 1 - 1e-3)
    good = np.asarray(good, bool)
    odds = np.log(certainty / (1 - certainty))
    target = np.where(good, (good.sum() + 1) / (good.sum() + 2), 1 / ((~good).sum() + 2))

    def cost(parameters):
        log_odds = np.exp(parameters[0]) * odds + parameters[1]
        return float(np.sum(np.logaddexp(0, log_odds) - target * log_odds) + parameters[0] ** 2 / 2)

    log_slope, offset = minimize(cost, np.zeros(2), bounds=((-4, 3), (-20, 20))).x
    return float(np.exp(log_slope)), float(offset)


def _counted(step: str, scores: Sequence[Score]) -> dict:
    good = GOOD[step]
    certainty = np.array([getattr(one, good.confidence) for one in scores])
    held = np.array([good.holds(one) for one in scores])
    slope, offset = fit_platt(certainty, held)
    return {
        "slope": round(slope, 3),
        "offset": round(offset, 3),
        "good": good.meaning,
        "slices": len(scores),
        "good_slices": int(held.sum()),
    }
