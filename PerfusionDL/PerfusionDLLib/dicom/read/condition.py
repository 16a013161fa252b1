"""Rest or stress: what a scan says about itself, else what two scans say about each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...data.errors import PerfusionError
from ...data.study import Condition

STRESS_WORDS = (
    *("stress", "adeno", "regadenoson", "lexiscan", "rapiscan", "dipyridamol", "dobutamin", "persantin", "vasodil"),
    *("belastung", "effort", "esfuerzo", "estres", "sforzo", "inspanning"),
)
REST_WORDS = frozenset(("rest", "resting", "ruhe", "repos", "reposo", "riposo", "rust"))
SHORTER = 0.92  # a vasodilator shortens the R-R interval by 15 to 30 percent


@dataclass(frozen=True)
class Evidence:
    """What is known of one scan before it is called rest or stress.

    words : descriptions and names of drugs; name : how a user knows it
    rr_s : median interval between frames of a slice; start_s : when it began, NaN if unknown
    """

    name: str
    words: str
    rr_s: float
    start_s: float


def from_words(text: str) -> Condition | None:
    """What a description says; None if nothing or both.

    >>> from_words("SR_TFL_SAX_PERF_STRESS"), from_words("PerfRest"), from_words("first pass, restored")
    (<Condition.STRESS: 'stress'>, <Condition.REST: 'rest'>, None)
    """
    words = re.split(r"[\W\d_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())
    stress = any(part in word for word in words for part in STRESS_WORDS)
    rest = any(word.removeprefix("perf").removesuffix("perf") in REST_WORDS for word in words)
    if stress == rest:
        return None
    return Condition.STRESS if stress else Condition.REST


def decide(scans: Sequence[Evidence]) -> list[tuple[Condition, str]]:
    """The condition of one or two scans, and a sentence that says how it is known.

    Raises PerfusionError where two scans say the same, or there are more than two.
    """
    said = [from_words(scan.words) for scan in scans]
    if len(scans) > 2:
        raise PerfusionError(
            f"There are {len(scans)} perfusion scans: {', '.join(scan.name for scan in scans)}.",
            "Choose one as rest and one as stress (each in a folder of its own).",
        )
    if len(scans) == 1:
        if said[0]:
            return [(said[0], f"Taken as {said[0]} because the description of {scans[0].name} says so.")]
        return [
            (
                Condition.REST,
                f"Taken as rest: {scans[0].name} is the only scan and its description names neither rest nor stress.",
            )
        ]
    if said[0] and said[0] == said[1]:
        raise PerfusionError(
            f"Both {scans[0].name} and {scans[1].name} are described as {said[0]}.",
            "Choose one as rest and one as stress (each in a folder of its own).",
        )
    if any(said):
        first = said[0] or (other(said[1]) if said[1] else Condition.REST)
        return [
            (which, f"Taken as {which} because of the series descriptions ({scan.name}).")
            for which, scan in zip((first, other(first)), scans, strict=True)
        ]
    ratio = scans[0].rr_s / scans[1].rr_s
    if ratio < SHORTER or ratio > 1 / SHORTER:
        first = Condition.STRESS if ratio < 1 else Condition.REST
        pair = f"{min(scans[0].rr_s, scans[1].rr_s):.2f} s against {max(scans[0].rr_s, scans[1].rr_s):.2f} s"
        return [
            (which, f"Taken as {which} by heart rate: the scan with the shorter R-R interval ({pair}) is stress.")
            for which in (first, other(first))
        ]
    if np.isfinite(scans[0].start_s) and np.isfinite(scans[1].start_s) and scans[0].start_s != scans[1].start_s:
        first = Condition.STRESS if scans[0].start_s < scans[1].start_s else Condition.REST
        return [
            (
                which,
                f"Taken as {which} by time: descriptions and heart rates do not tell the scans apart, and stress is "
                "usually imaged first. Check this.",
            )
            for which in (first, other(first))
        ]
    raise PerfusionError(
        f"Nothing tells which of {scans[0].name} and {scans[1].name} is rest and which is stress.",
        "Choose one as rest and one as stress (each in a folder of its own).",
    )


def other(condition: Condition) -> Condition:
    """Rest for stress, stress for rest."""
    return Condition.REST if condition is Condition.STRESS else Condition.STRESS
