"""The dose of contrast agent: volume, molarity and weight, each of which headers give in several units."""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from ...data.text import make_line
from .agents import molarity_mmol_ml

WEIGHT_KG = (2.0, 350.0)  # chosen: from a newborn to what a table bears
POSSIBLE_MMOL_KG = (0.003, 0.3)
USUAL_MMOL_KG = (0.025, 0.05, 0.075, 0.1, 0.15)
"""Doses per kg that protocols of perfusion prescribe; 0.025 is half of the lowest, of an agent of high relaxivity."""
LOW_MMOL_KG, HIGH_MMOL_KG = 0.015, 0.2  # chosen: outside of them nobody images the first pass in the myocardium
NEAR = 0.04  # chosen: relative; volumes are rounded to tenths of a milliliter
SAME_AMOUNT = 0.05  # relative
POUND_KG = 0.45359
HEAVY_KG = 95.0  # chosen: half of adults weigh less in kg, and hardly one so little in pounds (43 kg)
LOWEST_USUAL_MMOL_KG = 0.03  # chosen: of an agent of usual relaxivity
IN_POUNDS = re.compile(r"(\d+(?:\.\d+)?)\s*(?:lbs?|pounds?|#)\.?\s*$", re.IGNORECASE)
HEAVIEST_KG_M2 = 50.0  # chosen: weight over height squared, above which pounds are more likely than kg
LEAN_KG_M2, HEAVY_KG_M2 = 16.0, 45.0  # chosen: what it must be in pounds then
PER_KG = re.compile(r"(\d+(?:[.,]\d+)?)\s*mmol\s*/\s*kg", re.IGNORECASE)


class Values(Protocol):
    """What a header says."""

    def number(self, keyword: str) -> float:
        """A number, NaN where there is none."""

    def text(self, keyword: str) -> str:
        """A text, "" where there is none."""


class Dose(NamedTuple):
    """A dose as headers give it.

    mmol_kg : NaN where they give none that is plausible
    notes, uncertainties : sentences on what was chosen between
    """

    mmol_kg: float
    notes: tuple[str, ...] = ()
    uncertainties: tuple[str, ...] = ()


def find_dose(header: Values, agent: str) -> Dose:
    """The dose of a scan by volume, molarity and weight, else by what the name of the agent says of it."""
    if not agent:
        return Dose(float("nan"))
    said = header.text("ContrastBolusAgent")
    molarity = molarity_mmol_ml(agent, said)
    volume_ml, notes = find_volume_ml(header, molarity)
    weight_kg, grams, uncertainties = find_weight_kg(header)
    notes += grams
    found = keep_plausible(volume_ml * molarity / weight_kg, *POSSIBLE_MMOL_KG)
    written = PER_KG.search(said)
    per_kg = keep_plausible(float(written[1].replace(",", ".")), *POSSIBLE_MMOL_KG) if written else float("nan")
    if np.isfinite(per_kg):
        if not np.isfinite(found):
            return Dose(per_kg, notes=(*notes, f"The dose of {per_kg:g} mmol/kg is that in the name of the agent."))
        if abs(found / per_kg - 1) > 2 * SAME_AMOUNT:
            uncertainties = (
                *uncertainties,
                f"Volume and weight give {found:.3f} mmol/kg, and the name of the agent says {per_kg:g} mmol/kg; "
                f"{found:.3f} was taken.",
            )
    if not np.isfinite(found):
        return Dose(found, notes=tuple(notes), uncertainties=uncertainties)
    if not LOW_MMOL_KG <= found <= HIGH_MMOL_KG:
        odd = f"The dose of {found:.3f} mmol/kg is not that of a perfusion scan; check volume and weight."
        return Dose(found, notes=tuple(notes), uncertainties=(*uncertainties, odd))
    if not uncertainties:
        uncertainties = find_pounds(found, weight_kg)
    if not uncertainties:
        notes += find_other_unit(found, molarity)
    return Dose(found, notes=tuple(notes), uncertainties=uncertainties)


def find_volume_ml(header: Values, molarity: float) -> tuple[float, list[str]]:
    """Volume of undiluted agent, mL, and sentences where two attributes give two of them."""
    total, volume = header.number("ContrastBolusTotalDose"), header.number("ContrastBolusVolume")
    if not (np.isfinite(total) and np.isfinite(volume) and total > 0 and volume > 0):
        return (total if np.isfinite(total) else volume), []
    if abs(total / volume - 1) < SAME_AMOUNT:
        return total, []
    both = f"ContrastBolusTotalDose is {total:g} and ContrastBolusVolume {volume:g} mL"
    if abs(total / (volume * molarity) - 1) < SAME_AMOUNT:
        return volume, [f"{both}: the total dose is in mmol where the standard has mL."]
    return total, [f"{both}; the total dose was taken, which is that of the undiluted agent."]


def find_weight_kg(header: Values) -> tuple[float, list[str], tuple[str, ...]]:
    """The patient's weight, NaN where it is missing or cannot be, and what is said where it is in another unit."""
    weight, height_m = header.number("PatientWeight"), header.number("PatientSize")
    named = IN_POUNDS.search(header.text("PatientWeight").replace(",", "."))
    if named:
        pounds_kg = float(named[1]) * POUND_KG
        return pounds_kg, [f"PatientWeight is in pounds ({named[1]}), {pounds_kg:.0f} kg."], ()
    if WEIGHT_KG[1] * 10 < weight and WEIGHT_KG[0] <= weight / 1000 <= WEIGHT_KG[1]:
        return weight / 1000, [f"PatientWeight is {weight:g}, and was taken as g ({weight / 1000:g} kg)."], ()
    height_m = height_m / 100 if 50 < height_m < 250 else height_m
    if 0.5 < height_m < 2.5:
        of_height = weight / height_m**2
        if of_height > HEAVIEST_KG_M2 and LEAN_KG_M2 < of_height * POUND_KG < HEAVY_KG_M2:
            pounds_kg = weight * POUND_KG
            uncertainty = (
                f"PatientWeight is {weight:g} at a height of {height_m:g} m; it was taken as pounds ({pounds_kg:.0f} "
                "kg)."
            )
            return pounds_kg, [], (uncertainty,)
    return keep_plausible(weight, *WEIGHT_KG), [], ()


def find_pounds(mmol_kg: float, weight: float) -> tuple[str, ...]:
    """An uncertainty where a dose is none that is prescribed, and weight and dose are usual ones if it is in pounds.

    In kg the patient would be heavy, and in pounds is not a child.
    """
    in_pounds = mmol_kg / POUND_KG
    low = mmol_kg < (1 - NEAR) * LOWEST_USUAL_MMOL_KG and in_pounds > LOWEST_USUAL_MMOL_KG
    if weight < HEAVY_KG or is_usual(mmol_kg) or not (low or is_usual(in_pounds)):
        return ()
    return (
        f"The dose is {mmol_kg:.3f} mmol/kg if PatientWeight ({weight:g}) is in kg, as it was taken, and "
        f"{in_pounds:.3f} mmol/kg, as protocols prescribe, if it is in pounds; no height tells which. Check it.",
    )


def find_other_unit(mmol_kg: float, molarity: float) -> list[str]:
    """A sentence where a dose is none that is prescribed, but would be one if the volume were in mmol."""
    if is_usual(mmol_kg) or molarity == 1 or not is_usual(mmol_kg / molarity):
        return []
    return [
        f"The dose is {mmol_kg:.3f} mmol/kg by volume and weight; it would be {mmol_kg / molarity:.3f} if the volume "
        "were in mmol. Check it."
    ]


def is_usual(mmol_kg: float) -> bool:
    """Whether a dose is one that protocols prescribe."""
    return any(abs(mmol_kg / usual - 1) < NEAR for usual in USUAL_MMOL_KG)


def find_weights_that_differ(headers: Sequence[Values]) -> list[str]:
    """An uncertainty where two scans of one patient have weights as far apart as pounds and kg, else nothing."""
    known = sorted(value for header in headers if np.isfinite(value := header.number("PatientWeight")))
    if len(known) < 2 or known[0] <= 0 or abs(known[1] * POUND_KG / known[0] - 1) > SAME_AMOUNT:
        return []
    return [
        f"PatientWeight is {known[0]:g} in one scan and {known[1]:g} in the other, as of kg and pounds; each dose was "
        "taken as it stands."
    ]


def find_odd_dose(header: Values) -> list[str]:
    """A sentence where the header speaks of a dose, and none came of it."""
    parts = [
        f"{keyword} {make_line(text)[:16]}"
        for keyword in ("ContrastBolusTotalDose", "ContrastBolusVolume", "PatientWeight")
        if (text := header.text(keyword))
    ]
    there = [part for part in parts if not part.startswith("PatientWeight")]
    if there and not header.text("PatientWeight"):
        return [f"PatientWeight is missing, so that {' and '.join(there)} gives no dose per weight."]
    verb = "gives" if len(parts) == 1 else "give"
    return [f"{' and '.join(parts)} {verb} no plausible dose; it was not used."] if there else []


def keep_plausible(value: float, low: float, high: float) -> float:
    """The value if it is plausible, else NaN."""
    return value if low <= value <= high else float("nan")
