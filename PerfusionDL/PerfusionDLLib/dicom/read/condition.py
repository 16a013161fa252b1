"""Rest or stress: what a scan says about itself, else what two scans say about each other."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from ...data.errors import PerfusionError
from ...data.study import Condition
from .agents import remove_accents
from .consistency import capitalize

STRESS_WORDS = (
    *("stress", "adeno", "regadenoson", "lexiscan", "rapiscan", "dipyridamol", "dobutamin", "persantin", "vasodil"),
    *("belastung", "effort", "esfuerzo", "estres", "sforzo", "inspanning", "esforco", "obciaz", "wysił", "zatez"),
    *("нагруз", "стресс", "аденозин", "負荷", "负荷", "腺苷", "부하", "스트레스", "アデノシン", "ストレス"),
)
REST_WORDS = frozenset(
    (
        *("rest", "resting", "ruhe", "repos", "reposo", "riposo", "rust", "repouso", "klid", "spoczynek", "spoczynku"),
        *("hvile", "vila", "lepo", "istirahat", "dinlenme", "покой", "покое", "покоя"),
    )
)
PLAIN_REST_WORDS = frozenset(map(remove_accents, REST_WORDS))
REST_SIGNS = ("安静", "静息", "靜息", "휴식", "안정")  # words of scripts without spaces
CHOOSE = (
    "Choose the series by number (--rest-series NUMBER, --stress-series NUMBER), or put each scan into a folder of its "
    "own and choose the folders (--rest FOLDER, --stress FOLDER)."
)
SHORTER = 0.92  # a vasodilator shortens the R-R interval by 15 to 30 percent


@dataclass(frozen=True)
class Evidence:
    """What is known of one scan before it is called rest or stress.

    words : by attribute, descriptions and names of drugs; name : how a user knows it
    rr_s : median interval between frames of a slice; start_s : when it began, NaN if unknown; frames : how many
    """

    name: str
    words: Mapping[str, str]
    rr_s: float
    start_s: float
    frames: int = 0

    @property
    def said(self) -> str:
        """All its words."""
        return " ".join(self.words.values())

    @property
    def condition(self) -> Condition | None:
        """What its words say; where they contradict each other, what the description of the series says."""
        return read_condition(self.said) or read_condition(self.words.get("SeriesDescription", ""))

    @property
    def contradicts_itself(self) -> bool:
        """Whether its words say both, and the description of the series does not decide."""
        return all(find_mentions(self.said)) and self.condition is None

    @property
    def described(self) -> str:
        """Name, time of day and size, so that a user can tell it from others."""
        parts = [f"{self.frames} frames {self.rr_s:.2f} s apart"]
        if np.isfinite(self.start_s):
            parts.insert(0, f"{datetime.fromtimestamp(self.start_s, UTC):%H:%M}")
        return f"{self.name} ({', '.join(parts)})"


def read_condition(text: str) -> Condition | None:
    """What a description says; None if nothing or both.

    >>> read_condition("SR_TFL_SAX_PERF_STRESS"), read_condition("PerfRest"), read_condition("first pass, restored")
    (<Condition.STRESS: 'stress'>, <Condition.REST: 'rest'>, None)
    """
    stress, rest = find_mentions(text)
    if stress == rest:
        return None
    return Condition.STRESS if stress else Condition.REST


def find_mentions(text: str) -> tuple[bool, bool]:
    """Whether a text speaks of stress, and whether it speaks of rest.

    >>> find_mentions("Stress/Rest Perfusion")
    (True, True)
    """
    words = re.split(r"[\W\d_]+", remove_accents(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)))
    stress = any(part in word for word in words for part in STRESS_WORDS)
    rest = any(word.removeprefix("perf").removesuffix("perf") in PLAIN_REST_WORDS for word in words)
    rest |= any(sign in text for sign in REST_SIGNS)
    return stress, rest


def decide(scans: Sequence[Evidence]) -> list[tuple[Condition, str, str]]:
    """The condition of one or two scans, a sentence that says how it is known, and an uncertainty or "".

    Raises PerfusionError where nothing tells two scans apart, or there are more than two.
    """
    if len(scans) > 2:
        raise PerfusionError(
            f"There are {len(scans)} perfusion scans: {', '.join(scan.described for scan in scans)}.", CHOOSE
        )
    if len(scans) == 1:
        return [decide_alone(scans[0])]
    said = [scan.condition for scan in scans]
    shared = ""
    if (said[0] and said[0] == said[1]) or not any(said):
        own = [read_condition(" ".join(find_own_words(scan, scans[1 - index]))) for index, scan in enumerate(scans)]
        if said[0]:
            shared = f"Both scans are described as {said[0]}. "
        said = own if own[0] != own[1] else [None, None]
    if any(said):
        first = said[0] or (swap_condition(said[1]) if said[1] else Condition.REST)
        return [
            (
                which,
                f"Taken as {which} because of the series descriptions ({scan.name}).",
                compare_heart_rates(scans, first),
            )
            for which, scan in zip((first, swap_condition(first)), scans, strict=True)
        ]
    return decide_without_words(scans, shared)


def decide_alone(scan: Evidence) -> tuple[Condition, str, str]:
    """The condition of the only scan."""
    said = scan.condition
    if said:
        return said, f"Taken as {said} because the description of {scan.name} says so.", ""
    sentence = f"Taken as rest: {scan.name} is the only scan and its description names neither rest nor stress."
    return Condition.REST, sentence, ""


def find_own_words(scan: Evidence, beside: Evidence) -> list[str]:
    """What a scan says of itself in attributes that do not say the same of the other scan."""
    return [text for keyword, text in scan.words.items() if text != beside.words.get(keyword)]


def compare_heart_rates(scans: Sequence[Evidence], first: Condition) -> str:
    """An uncertainty where heart rates contradict the words, else ""."""
    stress, rest = scans if first is Condition.STRESS else scans[::-1]
    if stress.rr_s * SHORTER > rest.rr_s:
        return (
            f"The heart was slower in the scan that is described as stress ({stress.rr_s:.2f} s between frames) than "
            f"in the one described as rest ({rest.rr_s:.2f} s). Check which is which."
        )
    return ""


def decide_without_words(scans: Sequence[Evidence], shared: str) -> list[tuple[Condition, str, str]]:
    """The condition of two scans whose words do not tell them apart: by heart rate, then by time."""
    ratio = scans[0].rr_s / scans[1].rr_s
    if ratio < SHORTER or ratio > 1 / SHORTER:
        first = Condition.STRESS if ratio < 1 else Condition.REST
        pair = f"{min(scans[0].rr_s, scans[1].rr_s):.2f} s against {max(scans[0].rr_s, scans[1].rr_s):.2f} s"
        how = f"by heart rate: the scan with the shorter R-R interval ({pair}) is stress."
        return [(which, f"{shared}Taken as {which} {how}", "") for which in (first, swap_condition(first))]
    if shared:
        raise PerfusionError(
            f"{shared}Their heart rates do not differ either: {' and '.join(scan.described for scan in scans)}.", CHOOSE
        )
    if np.isfinite(scans[0].start_s) and np.isfinite(scans[1].start_s) and scans[0].start_s != scans[1].start_s:
        first = Condition.STRESS if scans[0].start_s < scans[1].start_s else Condition.REST
        how = (
            "by time: descriptions and heart rates do not tell the scans apart, and stress is usually imaged first. "
            "Check this."
        )
        return [(which, f"Taken as {which} {how}", capitalize(how)) for which in (first, swap_condition(first))]
    raise PerfusionError(
        f"Nothing tells which of {scans[0].name} and {scans[1].name} is rest and which is stress.", CHOOSE
    )


def swap_condition(condition: Condition) -> Condition:
    """Rest for stress, stress for rest."""
    return Condition.REST if condition is Condition.STRESS else Condition.STRESS
