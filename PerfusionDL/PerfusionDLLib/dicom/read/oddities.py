"""What stands in a header but cannot be used as it is, and what contradicts itself."""

import re
from collections.abc import Sequence

import numpy as np

from ...data.acquisition import Acquisition
from ...data.text import make_line
from .agents import AGENTS, INTRAVASCULAR, find_agents, molarity_mmol_ml
from .dose import find_dose, find_odd_dose, find_weights_that_differ
from .protocol import (
    DEFAULT,
    HIGHEST_T,
    LOWEST_T,
    Header,
    convert_frequency_to_t,
    read_contrast_agent,
    read_field_strength_t,
)

is_balanced = re.compile(r"true?fi|\btfi2?d|b-?ssfp|balanced|fiesta|\bb-?tfe", re.IGNORECASE).search
"""Names of balanced steady-state sequences, of the vendors."""
OF_BOTH = ("InversionTime", "FlipAngle", "EchoTime", "RepetitionTime", "Rows", "PixelSpacing", "PatientWeight")
SAME_VALUE = 0.02  # relative
SAME_FIELD = 0.08  # relative; a scanner of 3 T runs at 2.89 T
USED_AS = {
    "InversionTime": "saturation_time_s",
    "EchoTime": "echo_time_s",
    "FlipAngle": "flip_angle_deg",
    "MagneticFieldStrength": "field_strength_t",
}
"""Attributes and the field of `Acquisition` that they give."""


def find_oddities(header: Header, acquisition: Acquisition) -> list[str]:
    """Sentences on what stands in the header but cannot be used as it is."""
    said = []
    agent = acquisition.contrast_agent
    if agent not in AGENTS and not is_intravascular(agent):
        said.append(
            f"The header names the contrast agent '{agent}', which is not known here; the relaxivity of "
            f"{DEFAULT.contrast_agent} was taken, and {molarity_mmol_ml(agent, agent):g} mmol/mL."
        )
    named = find_agents(header.text("ContrastBolusAgent"))
    if len(named) > 1:
        said.append(f"The header names {' and '.join(named)} as contrast agent; {agent} was taken. Check it.")
    for keyword, field in USED_AS.items():
        if header.text(keyword) and field in acquisition.assumed:
            why = "implausible" if np.isfinite(header.number(keyword)) else "no number"
            said.append(f"{keyword} is '{make_line(header.text(keyword))[:24]}', which is {why} and was not used.")
    dose = find_dose(header, read_contrast_agent(header))
    said += dose.notes if np.isfinite(dose.mmol_kg) else find_odd_dose(header)
    said += find_odd_field(header, acquisition)
    field_t = acquisition.field_strength_t
    if "field_strength_t" not in acquisition.assumed and min(abs(field_t - one) for one in (1.5, 3.0)) > 0.1:
        said.append(
            f"The field strength is {field_t:g} T: native T1 and relaxivity are from publications at 0.47 to 7 T, "
            "between them by the logarithm of the field."
        )
    for source in sorted(set(header.borrowed.values())):
        names = [name for name, where in header.borrowed.items() if where == source]
        verb = "is" if len(names) == 1 else "are"
        said.append(f"{', '.join(names)} {verb} missing and taken from {source}.")
    return said


def find_odd_field(header: Header, acquisition: Acquisition) -> list[str]:
    """A sentence where the field strength that the header names cannot be, and another attribute was taken."""
    field = header.number("MagneticFieldStrength")
    possible = any(LOWEST_T <= field / scale <= HIGHEST_T for scale in (1, 1e3, 1e4))
    if possible or "field_strength_t" in acquisition.assumed or not header.text("MagneticFieldStrength"):
        return []
    named = make_line(header.text("MagneticFieldStrength"))[:24]
    return [f"MagneticFieldStrength is '{named}', which is implausible; ImagingFrequency was taken."]


def is_intravascular(agent: str) -> bool:
    """Whether an agent stays in the vessels."""
    return any(name in agent.lower() for name in INTRAVASCULAR)


def find_contradictions(scans: Sequence[Header]) -> list[str]:
    """Sentences on what headers say of field strength and contrast agent and cannot all be right."""
    said = [
        f"The contrast agent {agent} stays in the vessels; the flow models do not hold for it."
        for header in scans
        if is_intravascular(agent := read_contrast_agent(header))
    ]
    for header in scans:
        field_t, frequency_t = header.number("MagneticFieldStrength"), convert_frequency_to_t(header)
        field_t = next((field_t / scale for scale in (1, 1e3, 1e4) if LOWEST_T <= field_t / scale <= HIGHEST_T), np.nan)
        if abs(field_t / frequency_t - 1) > SAME_FIELD:
            said.append(
                f"MagneticFieldStrength is {field_t:g} T, and ImagingFrequency is that of {frequency_t:g} T; "
                f"{field_t:g} T was taken, with the native T1 and relaxivity there."
            )
    fields_t = {read_field_strength_t(header) for header in scans}
    if len(fields_t) > 1 and np.isfinite(list(fields_t)).all() and max(fields_t) / min(fields_t) - 1 > SAME_FIELD:
        values = " and ".join(f"{one:g}" for one in sorted(fields_t))
        said.append(f"The scans of one visit name different field strengths ({values} T); each was taken as it stands.")
    agents = {read_contrast_agent(header) for header in scans} - {""}
    if len(agents) > 1:
        said.append(
            f"The scans of one visit name different contrast agents ({' and '.join(sorted(agents))}); each was taken "
            "as it stands."
        )
    said += find_weights_that_differ(scans)
    return list(dict.fromkeys(said))


def find_differences(scans: Sequence[Header]) -> list[str]:
    """Sentences on values of the sequence in which rest and stress differ; each scan is computed with its own."""
    said = []
    for keyword in (
        "InversionTime",
        "FlipAngle",
        "EchoTime",
        "RepetitionTime",
        "Rows",
        "PixelSpacing",
        "PatientWeight",
    ):
        texts = {header.text(keyword) for header in scans} - {""}
        numbers = [header.number(keyword) for header in scans]
        known = [number for number in numbers if np.isfinite(number)]
        if len(texts) > 1 and len(known) > 1 and max(known) - min(known) > SAME_VALUE * abs(min(known)):
            said.append(f"The scans differ in {keyword} ({' and '.join(sorted(texts))}); each was taken as it stands.")
    return said


def find_other_sequence(header: Header) -> str:
    """A sentence where the header names a sequence that the signal model does not hold for, else nothing.

    The model is that of a spoiled gradient echo whose lines are taken in order, with one excitation each.
    """

    def says(keyword: str, *values: str) -> bool:
        return header.text(keyword).upper().strip() in values

    named = " ".join(map(header.text, ("SequenceName", "PulseSequenceName", "ProtocolName", "SeriesDescription")))
    found = [
        name
        for name, is_named in (
            (
                "balanced steady state (bSSFP)",
                says("SteadyStatePulseSequence", "FREE_PRECESSION") or is_balanced(named),
            ),
            (
                "echo-planar readout (EPI)",
                says("EchoPlanarPulseSequence", "YES") or "EP" in header.text("ScanningSequence").upper().split("\\"),
            ),
            ("a radial or spiral readout", says("GeometryOfKSpaceTraversal", "RADIAL", "SPIRAL")),
            ("a centric order of lines", says("RectilinearPhaseEncodeReordering", "CENTRIC", "REVERSE_CENTRIC")),
        )
        if is_named
    ]
    if not found:
        return ""
    return (
        f"The header names {' and '.join(found)}. Flow was computed as for a spoiled gradient echo with its lines in "
        "order, and may be wrong by more than a factor of two; the reserve is less wrong."
    )
