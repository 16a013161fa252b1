"""What the scanner did, from the header of a slice; what no header gave is a documented default and is named."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from ...data.acquisition import Acquisition
from ...data.text import make_line
from .agents import AGENTS, find_agent, interpolate_by_field, relaxivity_l_mmol_s
from .consistency import find_typical_number, find_typical_text
from .dose import find_dose, keep_plausible
from .frame import Frame

DEFAULT = Acquisition()
PROTON_MHZ_T = 42.577
ECHO_SPACING_S = (0.0005, 0.02)  # a longer repetition time is that of the whole shot
LONGEST_SPACING = 3.2  # echo times; a delay to the first excitation would give more than 4
READY_S = 0.008  # spoiling between the saturation pulse and the first excitation
EPI_FACTOR = 8  # a longer echo train is the number of excitations of a shot
T1_FIELDS_T = (0.55, 1.5, 3.0, 7.0)
# 0.55 T: Campbell-Washburn et al., Radiology 2019;293:384 (Look-Locker at 0.55 T gives 0.68 s of myocardium, NMR Biomed
# 2026;39:e70195). 7 T: blood Zhang et al., Magn Reson Med 2013;70:1082; myocardium chosen as in Rodgers et al.
# 2013;70:1038, although Look-Locker gave them 1.41 s (ISMRM 2011:615), and 1.51 s at 5 T (28 volunteers, 2025). Between
# the fields by their logarithm.
T1_BLOOD_S = (1.12, 1.44, DEFAULT.t10_blood_s, 2.09)
T1_MYOCARDIUM_S = (0.70, 1.00, DEFAULT.t10_myocardium_s, 1.93)
POSSIBLE = {  # chosen: what scanners can do, in the unit of the standard
    "InversionTime": (2.0, 500.0),
    "EchoTime": (0.1, 20.0),
    "RepetitionTime": (0.5, 10000.0),
    "FlipAngle": (1.0, 90.0),
}
USUAL = {  # chosen: what they do; a value in another unit must be that
    "InversionTime": (40.0, 400.0),
    "EchoTime": (0.5, 5.0),
    "RepetitionTime": (1.5, 500.0),
    "FlipAngle": (5.0, 60.0),
}
STANDARD = dict.fromkeys(USUAL, "ms") | {"FlipAngle": "degrees"}
UNITS = {keyword: {"s": 1000.0, "µs": 0.001} for keyword in USUAL} | {"FlipAngle": {"radians": 180 / np.pi}}
LOWEST_T, HIGHEST_T = 0.1, 11.8
SENTENCES = {
    "saturation_time_s": "saturation time {saturation_time_s:.3f} s",
    "repetition_time_s": "time between excitations {repetition_time_s:.4f} s",
    "echo_time_s": "echo time {echo_time_s:.4f} s",
    "flip_angle_deg": "flip angle {flip_angle_deg:g} degrees",
    "pulses_to_center": "{pulses_to_center} excitations before the center of k-space",
    "field_strength_t": "field strength {field_strength_t:g} T",
    "contrast_agent": "contrast agent {contrast_agent}",
    "dose_mmol_kg": "dose {dose_mmol_kg:g} mmol/kg",
    "relaxivity_l_mmol_s": "relaxivity {relaxivity_l_mmol_s:g} L/mmol/s of {known_agent}",
    "r2_star_blood_l_mmol_s": "T2* relaxivity of blood {r2_star_blood_l_mmol_s:g} L/mmol/s",
    "t10_blood_s": "native T1 of blood {t10_blood_s:g} s",
    "t10_myocardium_s": "native T1 of myocardium {t10_myocardium_s:g} s",
    "hematocrit": "hematocrit {hematocrit:g}",
}


OF_THE_VISIT = ("MagneticFieldStrength", "ImagingFrequency", "ContrastBolusAgent", "PatientWeight", "Manufacturer")
"""What rest and stress share: one patient, one scanner, one contrast agent."""
OF_THE_PROTOCOL = ("InversionTime", "FlipAngle", "EchoTime", "RepetitionTime", "NumberOfPhaseEncodingSteps")
"""What they share where they have one protocol."""
SAME_PROTOCOL = 0.02  # relative
FEWEST_SHARED = 2  # chosen: values of the protocol that must be known of both scans, and be the same


class Header:
    """What most of the frames of a slice say; where they say nothing, what the other slices of the scan say.

    beside : frames of the other scan, asked last, only for what a visit has in common, and for what scans of one
        protocol have
    """

    def __init__(self, frames: Sequence[Frame], others: Sequence[Frame] = (), beside: Sequence[Frame] = ()) -> None:
        self._sources = (("", frames), ("the other slices", others), ("the other scan", beside))
        self.borrowed: dict[str, str] = {}

    def number(self, keyword: str) -> float:
        """A number, NaN where no frame has one."""
        return self._ask(keyword, find_typical_number, float("nan"), np.isfinite)

    def text(self, keyword: str) -> str:
        """A text, "" where no frame has one."""
        return self._ask(keyword, find_typical_text, "", bool)

    def _ask(self, keyword, ask, nothing, is_something):
        for source, frames in self._sources:
            if not frames or (source == "the other scan" and not self._shares(keyword)):
                continue
            value = ask(frames, keyword)
            if is_something(value):
                if source:
                    self.borrowed[keyword] = source
                return value
        return nothing

    def _shares(self, keyword: str) -> bool:
        """Whether a value of the other scan is that of this one."""
        if keyword in OF_THE_VISIT:
            return True
        if keyword not in OF_THE_PROTOCOL:
            return False
        (_, frames), (_, others), (_, beside) = self._sources
        pairs = [
            (find_typical_number([*frames, *others], each), find_typical_number(beside, each))
            for each in OF_THE_PROTOCOL
            if each != keyword
        ]
        known = [(mine, theirs) for mine, theirs in pairs if np.isfinite(mine) and np.isfinite(theirs)]
        same = [abs(mine - theirs) <= SAME_PROTOCOL * abs(theirs) for mine, theirs in known]
        return len(same) >= FEWEST_SHARED and all(same)


VENDORS = ("Siemens", "Philips", "GE", "Canon", "Toshiba", "United Imaging", "Bruker", "Hitachi", "Esaote", "Neusoft")
"""Names of vendors as `Acquisition.vendor` gives them."""


def find_vendor(manufacturer: str) -> str:
    """Which vendor the free text of a header names; empty for every other text, which may be anything.

    >>> find_vendor("SIEMENS Healthineers"), find_vendor("GE MEDICAL SYSTEMS"), find_vendor("scanner of Dr. Doe")
    ('Siemens', 'GE', '')
    """
    words = f" {' '.join(manufacturer.casefold().replace('_', ' ').split())} "
    return next((name for name in VENDORS if f" {name.casefold()} " in words), "")


def read_acquisition(header: Header) -> Acquisition:
    """The acquisition of a slice, and in ``assumed`` the names of what the header did not give.

    T1, relaxivity and hematocrit are never in a header: they follow from field strength and contrast agent, or are
    the defaults of `Acquisition`.
    """
    found: dict[str, Any] = {"field_strength_t": read_field_strength_t(header)}
    found["echo_time_s"] = convert_to_standard_unit(header, "EchoTime")[0] / 1000
    found["flip_angle_deg"] = convert_to_standard_unit(header, "FlipAngle")[0]
    header_tr_s = convert_to_standard_unit(header, "RepetitionTime")[0] / 1000
    found["repetition_time_s"] = keep_plausible(header_tr_s, *ECHO_SPACING_S)
    found["contrast_agent"] = read_contrast_agent(header)
    found["dose_mmol_kg"] = find_dose(header, found["contrast_agent"]).mmol_kg
    found["vendor"] = find_vendor(header.text("Manufacturer"))
    known = {name: value for name, value in found.items() if not isinstance(value, float) or np.isfinite(value)}
    known = {name: value for name, value in known.items() if value != "" or name == "vendor"}
    guessed = add_timing(header, known, header_tr_s)
    guessed |= choose_constants(
        known.get("contrast_agent", DEFAULT.contrast_agent), known.get("field_strength_t", DEFAULT.field_strength_t)
    )
    assumed = tuple(name for name in SENTENCES if name not in known)
    return Acquisition(**guessed, **known, assumed=assumed)


def add_timing(header: Header, known: dict[str, Any], header_tr_s: float) -> dict[str, Any]:
    """Put the saturation time into ``known``; returns what was guessed about the excitations."""
    guessed: dict[str, Any] = {}
    tr_s = known.get("repetition_time_s")
    delay_s = convert_to_standard_unit(header, "InversionTime")[0] / 1000
    if tr_s is None and "echo_time_s" in known:
        tr_s = guessed["repetition_time_s"] = read_echo_spacing_s(header, known["echo_time_s"], delay_s, header_tr_s)
    tr_s = tr_s or DEFAULT.repetition_time_s
    guessed["pulses_to_center"] = count_pulses_to_center(header, tr_s, delay_s)
    if np.isfinite(delay_s):
        to_center_s = guessed["pulses_to_center"] * tr_s
        known["saturation_time_s"] = delay_s if delay_s >= to_center_s else delay_s + to_center_s
    return guessed


def choose_constants(agent: str, field_t: float) -> dict[str, float]:
    """Native T1 of blood and myocardium, and the relaxivity of the agent, at a field strength.

    >>> choose_constants("gadobutrol", 3.0)
    {'t10_blood_s': 1.65, 't10_myocardium_s': 1.2, 'relaxivity_l_mmol_s': 5.0}
    """
    known = agent if agent in AGENTS else DEFAULT.contrast_agent
    return {
        "t10_blood_s": interpolate_by_field(field_t, T1_FIELDS_T, T1_BLOOD_S),
        "t10_myocardium_s": interpolate_by_field(field_t, T1_FIELDS_T, T1_MYOCARDIUM_S),
        "relaxivity_l_mmol_s": relaxivity_l_mmol_s(known, field_t),
    }


def describe_assumption(acquisition: Acquisition) -> str:
    """A sentence that names what the header did not give and what was taken instead."""
    values = {one.name: getattr(acquisition, one.name) for one in fields(Acquisition)}
    agent = acquisition.contrast_agent
    values["known_agent"] = agent if agent in AGENTS else DEFAULT.contrast_agent
    named = [SENTENCES[name].format(**values) for name in acquisition.assumed if name in SENTENCES]
    return f"Not in the header, assumed: {', '.join(named)}." if named else ""


def convert_to_standard_unit(header: Header, keyword: str) -> tuple[float, str]:
    """A value of the sequence in the unit of the standard, and another unit if it can only have been in that.

    NaN where it is missing, or plausible in none.
    """
    value = header.number(keyword)
    if keep_plausible(value, *POSSIBLE[keyword]) == value:
        return value, ""
    low, high = USUAL[keyword]
    found = ((float(f"{value * scale:.6g}"), unit) for unit, scale in UNITS[keyword].items())
    return next((one for one in found if low <= one[0] <= high), (float("nan"), ""))


def find_other_units(header: Header) -> list[str]:
    """Sentences on values of the sequence that can only be in another unit than that of the standard."""
    said = []
    for keyword in USUAL:
        value, unit = convert_to_standard_unit(header, keyword)
        if unit:
            standard = STANDARD[keyword]
            said.append(
                f"{keyword} is {header.number(keyword):g}, which no scanner does in {standard}; it was taken as {unit} "
                f"({value:g} {standard})."
            )
    return said


def find_acquisition_uncertainties(header: Header) -> list[str]:
    """Sentences on the dose that make flow uncertain, because it leans on it where the arterial input is uncertain."""
    return list(find_dose(header, read_contrast_agent(header)).uncertainties)


def read_field_strength_t(header: Header) -> float:
    """Field strength in T from T, mT or gauss, else from the proton frequency in any power of ten of Hz."""
    field = header.number("MagneticFieldStrength")
    for scale in (1, 1e3, 1e4):
        if LOWEST_T <= field / scale <= HIGHEST_T:
            return round(field / scale, 3)
    return convert_frequency_to_t(header)


def convert_frequency_to_t(header: Header) -> float:
    """Field strength in T from the proton frequency in any power of ten of Hz."""
    frequency_mhz = header.number("ImagingFrequency")
    if np.isfinite(frequency_mhz) and frequency_mhz > 0:
        frequency_mhz /= 10 ** max(0, np.ceil(np.log10(frequency_mhz / 400)))
        exact = frequency_mhz / PROTON_MHZ_T
        nearest = min((0.55, 1.5, 3.0, 7.0), key=lambda tesla: abs(tesla - exact))
        return keep_plausible(nearest if abs(exact / nearest - 1) < 0.05 else round(exact, 2), LOWEST_T, HIGHEST_T)
    return float("nan")


def read_contrast_agent(header: Header) -> str:
    """Generic name of the contrast agent, what stands there if it is not known, "" if nothing does."""
    said = make_line(header.text("ContrastBolusAgent"))
    return find_agent(said) or said


def read_echo_spacing_s(header: Header, echo_time_s: float, delay_s: float, shot_s: float) -> float:
    """Time between excitations where the header gives the duration of the shot, as Siemens does.

    From the center of k-space, ``delay_s`` after the saturation, to the end of the shot it takes half of the
    excitations. The echo lies within the spacing, not far from its middle; where that does not come out, the delay is
    to something else, and the spacing is taken as twice the echo time.
    """
    spacing_s = (shot_s - delay_s) / count_pulses_to_center(header, 2 * echo_time_s, delay_s)
    return spacing_s if echo_time_s < spacing_s < LONGEST_SPACING * echo_time_s else 2 * echo_time_s


def count_pulses_to_center(header: Header, tr_s: float, delay_s: float) -> int:
    """Excitations before the center of k-space: half of the shot, as far as it fits into the saturation time.

    The acceleration factor is often missing from the header, so the acquired lines are an upper bound.
    """
    train = header.number("EchoTrainLength")
    sequence = header.text("ScanningSequence") + header.text("EchoPulseSequence")
    if train > EPI_FACTOR and "EP" not in sequence.upper().split("\\"):
        pulses = train / 2
    else:
        lines = header.number("NumberOfPhaseEncodingSteps")
        if not np.isfinite(lines):
            matrix = [int(size) for size in re.findall(r"\d+", header.text("AcquisitionMatrix"))]
            lines = max(matrix[2:4], default=2 * DEFAULT.pulses_to_center) / max(
                1.0, np.nan_to_num(header.number("ParallelReductionFactorInPlane"), nan=1.0)
            )
        pulses = lines / 2 / (train if 1 < train <= EPI_FACTOR else 1)
    if np.isfinite(delay_s) and delay_s > 2 * READY_S:
        pulses = min(pulses, (delay_s - READY_S) / tr_s)
    return max(1, round(pulses))
