"""What a user enters beyond the headers, as a document: a file, options of a command, or a part of a cohort's job."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ...data.acquisition import PLAUSIBLE, Acquisition
from ...data.errors import PerfusionError
from ...data.study import Condition
from .agents import AGENTS, find_agent
from .choices import ReadChoices

VALUES = {one.name for one in fields(Acquisition)} - {"vendor", "assumed", "entered", "findings"}
OF_THE_STUDY = {"rr_interval_s", "study", "rest_series", "stress_series"}
LIMITS = {"dose_mmol_kg": (0.003, 0.3, "mmol/kg"), "pulses_to_center": (1, 200, ""), **PLAUSIBLE}
RR_INTERVAL_S = (0.25, 5.0)
REMEDY = (
    "A file has lines such as hematocrit = 0.40, contrast_agent = 'gadobutrol' or rr_interval_s = 0.9, and tables "
    "[rest], [stress] and [studies.LABEL] for what holds only there. The documentation lists all names."
)


def read_choices(document: Mapping[str, Any], study: str = "") -> ReadChoices:
    """The choices of a document, checked.

    document : names and values; those in ``rest`` and ``stress`` hold for one scan, those in ``studies`` by label for
        one study of a cohort
    study : label of the study, where it is one of a cohort

    Raises PerfusionError for names that nobody knows and values that are implausible.

    Examples
    --------
    >>> choices = read_choices({"hematocrit": 0.4, "stress": {"dose_mmol_kg": 0.1}})
    >>> choices.acquisition[Condition.REST], choices.acquisition[Condition.STRESS]
    ({'hematocrit': 0.4}, {'hematocrit': 0.4, 'dose_mmol_kg': 0.1})
    """
    merged = dict(document)
    own = merged.pop("studies", {})
    if not isinstance(own, Mapping):
        raise make_unknown_name_error("studies")
    for name, value in (own.get(study) or {}).items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = {**merged[name], **value} if both else value
    parts = {which: merged.pop(str(which), {}) for which in Condition}
    shared = {name: check_value(name, value) for name, value in merged.items() if name not in OF_THE_STUDY}
    acquisition = {}
    for which, part in parts.items():
        if not isinstance(part, Mapping):
            raise make_unknown_name_error(str(which))
        acquisition[which] = shared | {name: check_value(name, value) for name, value in part.items()}
    series = {which: str(merged[f"{which}_series"]) for which in Condition if f"{which}_series" in merged}
    return ReadChoices(
        series=series,
        study=str(merged.get("study", "")),
        rr_interval_s=check_interval(merged.get("rr_interval_s")),
        acquisition=acquisition if any(acquisition.values()) else {},
    )


def check_value(name: str, value: Any) -> float | int | str:
    """A value of an acquisition. Raises PerfusionError where it is none."""
    if name not in VALUES:
        raise make_unknown_name_error(name)
    if name == "contrast_agent":
        agent = find_agent(str(value))
        if not agent:
            raise PerfusionError(f"The contrast agent {value} is not known.", f"Known are {', '.join(AGENTS)}.")
        return agent
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PerfusionError(f"{name} is {value!r}, which is no number.", REMEDY)
    low, high, unit = LIMITS[name]
    in_unit = value / 100 if name == "hematocrit" and 1 < value <= 100 else value  # laboratories give percent
    if not low <= in_unit <= high:
        raise PerfusionError(f"{name} is {value:g} {unit}.".replace(" .", "."), f"{low:g} to {high:g} is plausible.")
    return int(value) if name == "pulses_to_center" else float(in_unit)


def check_interval(value: Any) -> float | None:
    """An R-R interval in seconds. Raises PerfusionError where it is none."""
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not (RR_INTERVAL_S[0] <= value <= RR_INTERVAL_S[1])
    ):
        raise PerfusionError(
            f"The R-R interval is {value!r}.", f"Give it in seconds, {RR_INTERVAL_S[0]:g} to {RR_INTERVAL_S[1]:g}."
        )
    return float(value)


def make_unknown_name_error(name: str) -> PerfusionError:
    """The error for a name that means nothing."""
    return PerfusionError(f"'{name}' is not a value of an acquisition.", REMEDY)
