"""How much there is to doubt in a study of a cohort, and why, so that the worst can be looked at first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..data.flag import Severity
from ..report.cohort import GLOBAL, StudyReading, collect_global_values, find_outliers

POINTS = {Severity.UNRELIABLE: 3.0, Severity.CHECK: 1.0, Severity.NOTE: 0.0}
"""Weight of a finding; chosen."""
SLICE_POINTS = 4.0
"""Weight of a contour that the image contradicts; chosen: more than of any one finding."""
OUTLIER_POINTS = 2.0
MOST_BLOOD_IN_WALL = 0.10
"""Share of the wall that enhances like blood; chosen on 24 phantoms (docs/review.md): at most 0.08 in right contours,
at least 0.32 in shifted ones. Pixels that hold both make some of it normal."""
MOST_AREA_RATIO = 1.6
"""Of the walls, and of the blood pools, of one level at rest and under stress; chosen: the phase may differ."""
MOST_TURN_DEG = 25.0
"""Between the septa at rest and under stress; chosen: half an AHA segment is 30 degrees."""


def rate_studies(
    readings: Mapping[str, StudyReading], sheets: Mapping[str, Mapping]
) -> dict[str, tuple[float, list[str]]]:
    """Points and reasons by study; no points where there is nothing to doubt."""
    rated: dict[str, tuple[float, list[str]]] = {}
    far = _far_from_others(readings)
    for study in readings:
        sheet = sheets.get(study, {"slices": (), "findings": ()})
        reasons = [f"{one.where}: {one.text}" for one in find_contradictions(sheet["slices"])]
        points = SLICE_POINTS * len(reasons) + OUTLIER_POINTS * len(far.get(study, ()))
        points += sum(POINTS[Severity(one["severity"])] for one in sheet["findings"])
        rated[study] = points, [*reasons, *far.get(study, ())]
    return rated


@dataclass(frozen=True)
class Contradiction:
    """Something about contours that cannot be right, by the image or by the other scan.

    where : what it is about, for people: ``stress mid``, or a level at rest and under stress
    """

    where: str
    condition: str | None
    level: str
    text: str


def find_contradictions(slices: Sequence[Mapping]) -> list[Contradiction]:
    """What is wrong with the contours of a study; each of its slices as the contact sheet describes it."""
    return [*_about_slices(slices), *_rest_beside_stress(slices)]


def _about_slices(slices: Sequence[Mapping]) -> Iterator[Contradiction]:
    for one in slices:
        place, found = (f"{one['condition']} {one['level']}", one["condition"], one["level"]), one["measures"]
        if (found["blood_in_wall"] or 0) > MOST_BLOOD_IN_WALL:
            yield Contradiction(*place, f"{100 * found['blood_in_wall']:.0f} % of the wall is as bright as blood")
        if (found.get("anterior_mm") or 0) < 0:
            yield Contradiction(
                *place, "the anterior insertion point lies behind the inferior one; they may be exchanged"
            )


def _rest_beside_stress(slices: Sequence[Mapping]) -> Iterator[Contradiction]:
    """Contours of one level that do not fit each other."""
    by_level = sorted(slices, key=lambda one: one["level"])
    for level, pair in groupby(by_level, key=lambda one: one["level"]):
        found = {one["condition"]: one["measures"] for one in pair}
        if set(found) != {"rest", "stress"}:
            continue
        for part, measure in (("wall", "wall_mm2"), ("blood pool", "cavity_mm2")):
            small, large = sorted(max(one[measure], 1.0) for one in found.values())
            if large > MOST_AREA_RATIO * small:
                text = f"the {part} is {large / small:.1f} times as large in one scan as in the other"
                yield Contradiction(level, None, level, text)
        rest, stress = found["rest"]["septum_deg"], found["stress"]["septum_deg"]
        if rest is not None and stress is not None:
            turn = abs((stress - rest + 180) % 360 - 180)
            if turn > MOST_TURN_DEG:
                text = f"the insertion points are turned by {turn:.0f} degrees between rest and stress"
                yield Contradiction(level, None, level, text)


def _far_from_others(readings: Mapping[str, StudyReading]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value_of in GLOBAL.items():
        for study, distance in find_outliers(collect_global_values(readings, value_of)).items():
            side = "above" if distance > 0 else "below"
            value = value_of(readings[study].table.whole)
            found.setdefault(study, []).append(f"{name} {value:.2f} is far {side} the cohort's")
    return found
