"""What the scanner did: sequence, field, contrast agent."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .errors import PerfusionError
from .flag import Flag, FlagCode, make_flag

PLAUSIBLE: Mapping[str, tuple[float, float, str]] = {
    "saturation_time_s": (0.005, 0.5, "s"),
    "repetition_time_s": (0.0005, 0.05, "s"),
    "echo_time_s": (0.0001, 0.02, "s"),
    "flip_angle_deg": (1, 90, "degrees"),
    "field_strength_t": (0.1, 12, "T"),
    "relaxivity_l_mmol_s": (1, 15, "L/mmol/s"),
    "r2_star_blood_l_mmol_s": (0, 60, "L/mmol/s"),
    "t10_blood_s": (0.5, 3, "s"),
    "t10_myocardium_s": (0.3, 2.5, "s"),
    "hematocrit": (0.1, 0.7, ""),
}
"""Lowest and highest plausible value of an `Acquisition`'s fields, with their unit."""


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """What the scanner did, in the units of its name.

    saturation_time_s : from the saturation pulse to the center of k-space (TS)
    pulses_to_center : excitations before the center of k-space
    relaxivity_l_mmol_s : longitudinal relaxivity of the contrast agent (r1)
    r2_star_blood_l_mmol_s : how fast the contrast agent shortens T2* of blood (r2*); 0 leaves T2* out
    t10_blood_s, t10_myocardium_s : native T1
    assumed : names of the fields that no header gave, i.e. documented defaults
    entered : names of the fields that the user set
    findings : what makes every flow of the scan uncertain: times, lost frames, values of the pixels
    """

    saturation_time_s: float = 0.1
    repetition_time_s: float = 0.0025
    echo_time_s: float = 0.00125
    flip_angle_deg: float = 12.0
    pulses_to_center: int = 24
    field_strength_t: float = 3.0
    contrast_agent: str = "gadobutrol"
    dose_mmol_kg: float = 0.05
    relaxivity_l_mmol_s: float = 5.0
    r2_star_blood_l_mmol_s: float = 0.0
    t10_blood_s: float = 1.65
    t10_myocardium_s: float = 1.20
    hematocrit: float = 0.42
    vendor: str = ""
    assumed: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    findings: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high, unit) in PLAUSIBLE.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise PerfusionError(
                    f"{name} is {value:g} {unit}; {low:g} to {high:g} {unit} is plausible.".replace(" ;", ";"),
                    "DICOM gives times in milliseconds. Check the header; send the series again from the scanner.",
                )


def acquisition_document(acquisition: Acquisition) -> dict[str, Any]:
    """An acquisition as JSON holds it: findings by their texts, under the name that version 0.1 gave them, and codes.

    Examples
    --------
    >>> found = make_flag(FlagCode.ACQUISITION_UNCERTAIN, found="The clocks differ.")
    >>> document = acquisition_document(Acquisition(findings=(found,)))
    >>> document["doubts"], acquisition_from(document).findings == (found,)
    (['The clocks differ.'], True)
    """
    values = {field.name: getattr(acquisition, field.name) for field in fields(acquisition)}
    found = values.pop("findings")
    codes = [str(flag.code) for flag in found]
    kinds = {} if set(codes) <= {FlagCode.ACQUISITION_UNCERTAIN} else {"doubt_codes": codes}
    return values | {"doubts": [flag.text for flag in found]} | kinds


def acquisition_from(document: Mapping[str, Any]) -> Acquisition:
    """The acquisition that `acquisition_document` wrote."""
    values = dict(document)
    texts = values.pop("doubts", ())
    codes = values.pop("doubt_codes", ())
    if len(codes) != len(texts):  # of version 0.1, or without the texts of headers
        codes = [FlagCode.ACQUISITION_UNCERTAIN] * len(texts)
    lists = {name: tuple(values.get(name, ())) for name in ("assumed", "entered")}
    known = {str(code): code for code in FlagCode}
    found = tuple(
        make_flag(known.get(code, FlagCode.ACQUISITION_UNCERTAIN), found=text)
        for text, code in zip(texts, codes, strict=True)
    )
    return Acquisition(**values | lists, findings=found)
