"""What the scanner did, from the header of a slice; what no header gave is a documented default and is named."""

import re
from dataclasses import fields
from typing import Any

import numpy as np

from ...data.acquisition import Acquisition
from .headers import Frame

DEFAULT = Acquisition()
PROTON_MHZ_T = 42.577
ECHO_SPACING_S = (0.0005, 0.02)  # a longer repetition time is that of the whole shot
LONGEST_SPACING = 3.2  # echo times; a delay to the first excitation would give more than 4
READY_S = 0.008  # spoiling between the saturation pulse and the first excitation
EPI_FACTOR = 8  # a longer echo train is the number of excitations of a shot
RELAXIVITY_L_MMOL_S = {  # at 1.5 and 3 T, Rohrer et al., Invest Radiol 2005;40:715; Szomolanyi et al. 2019;54:559
    "gadobutrol": (5.2, 5.0),
    "gadoterate": (3.6, 3.5),
    "gadoteridol": (4.1, 3.7),
    "gadopentetate": (4.1, 3.7),
    "gadobenate": (6.3, 5.5),
    "gadodiamide": (4.3, 4.0),
}
NAMES = {
    "gadobutrol": ("gadobutrol", "gadovist", "gadavist"),
    "gadoterate": ("gadoter", "dotarem", "clariscan", "dota"),
    "gadoteridol": ("gadoteridol", "prohance"),
    "gadopentetate": ("gadopentet", "magnevist", "dtpa"),
    "gadobenate": ("gadoben", "multihance"),
    "gadodiamide": ("gadodiamid", "omniscan"),
}
MOLARITY_MMOL_ML = {"gadobutrol": 1.0}  # the others 0.5
T1_S = {1.5: (1.44, 1.00), 3.0: (DEFAULT.t10_blood_s, DEFAULT.t10_myocardium_s)}  # blood, myocardium
SENTENCES = {
    "saturation_time_s": "saturation time {saturation_time_s:.3f} s",
    "repetition_time_s": "time between excitations {repetition_time_s:.4f} s",
    "echo_time_s": "echo time {echo_time_s:.4f} s",
    "flip_angle_deg": "flip angle {flip_angle_deg:g} degrees",
    "pulses_to_center": "{pulses_to_center} excitations before the center of k-space",
    "field_strength_t": "field strength {field_strength_t:g} T",
    "contrast_agent": "contrast agent {contrast_agent}",
    "dose_mmol_kg": "dose {dose_mmol_kg:g} mmol/kg",
    "relaxivity_l_mmol_s": "relaxivity {relaxivity_l_mmol_s:g} L/mmol/s",
    "r2_star_blood_l_mmol_s": "T2* relaxivity of blood {r2_star_blood_l_mmol_s:g} L/mmol/s",
    "t10_blood_s": "native T1 of blood {t10_blood_s:g} s",
    "t10_myocardium_s": "native T1 of myocardium {t10_myocardium_s:g} s",
    "hematocrit": "hematocrit {hematocrit:g}",
}


def read_acquisition(frame: Frame) -> Acquisition:
    """The acquisition of a slice, and in ``assumed`` the names of what the header did not give.

    T1, relaxivity and hematocrit are never in a header: they follow from field strength and contrast agent, or are
    the defaults of `Acquisition`.
    """
    found: dict[str, Any] = {"field_strength_t": field_strength_t(frame)}
    found["echo_time_s"] = within(frame.number("EchoTime") / 1000, 0.0001, 0.02)
    found["flip_angle_deg"] = within(frame.number("FlipAngle"), 1, 90)
    header_tr_s = frame.number("RepetitionTime") / 1000
    found["repetition_time_s"] = within(header_tr_s, *ECHO_SPACING_S)
    found["contrast_agent"] = contrast_agent(frame)
    found["dose_mmol_kg"] = dose_mmol_kg(frame, found["contrast_agent"])
    found["vendor"] = frame.text("Manufacturer")
    known = {name: value for name, value in found.items() if not isinstance(value, float) or np.isfinite(value)}
    known = {name: value for name, value in known.items() if value != "" or name == "vendor"}

    guessed: dict[str, Any] = {}
    tr_s = known.get("repetition_time_s")
    delay_s = within(frame.number("InversionTime") / 1000, 0.002, 0.5)
    if tr_s is None and "echo_time_s" in known:
        tr_s = guessed["repetition_time_s"] = echo_spacing_s(frame, known["echo_time_s"], delay_s, header_tr_s)
    tr_s = tr_s or DEFAULT.repetition_time_s
    guessed["pulses_to_center"] = pulses_to_center(frame, tr_s, delay_s)
    if np.isfinite(delay_s):
        to_center_s = guessed["pulses_to_center"] * tr_s
        known["saturation_time_s"] = delay_s if delay_s >= to_center_s else delay_s + to_center_s

    field_t = known.get("field_strength_t", DEFAULT.field_strength_t)
    nearest = min(T1_S, key=lambda tesla: abs(tesla - field_t))
    guessed["t10_blood_s"], guessed["t10_myocardium_s"] = T1_S[nearest]
    agent = known.get("contrast_agent", DEFAULT.contrast_agent)
    low, high = RELAXIVITY_L_MMOL_S.get(agent, RELAXIVITY_L_MMOL_S[DEFAULT.contrast_agent])
    guessed["relaxivity_l_mmol_s"] = low if nearest == 1.5 else high
    assumed = tuple(name for name in SENTENCES if name not in known)
    return Acquisition(**guessed, **known, assumed=assumed)


def assumption(acquisition: Acquisition) -> str:
    """A sentence that names what the header did not give and what was taken instead."""
    values = {one.name: getattr(acquisition, one.name) for one in fields(Acquisition)}
    named = [SENTENCES[name].format(**values) for name in acquisition.assumed if name in SENTENCES]
    return f"Not in the header, assumed: {', '.join(named)}." if named else ""


def within(value: float, low: float, high: float) -> float:
    """The value if it is plausible, else NaN."""
    return value if low <= value <= high else float("nan")


def field_strength_t(frame: Frame) -> float:
    """Field strength in T from T, mT or gauss, else from the proton frequency in any power of ten of Hz."""
    field = frame.number("MagneticFieldStrength")
    for scale in (1, 1e3, 1e4):
        if 0.2 <= field / scale <= 11.8:
            return round(field / scale, 3)
    frequency_mhz = frame.number("ImagingFrequency")
    if np.isfinite(frequency_mhz) and frequency_mhz > 0:
        frequency_mhz /= 10 ** max(0, np.ceil(np.log10(frequency_mhz / 400)))
        return within(round(2 * frequency_mhz / PROTON_MHZ_T, 0) / 2, 0.2, 11.8)
    return float("nan")


def contrast_agent(frame: Frame) -> str:
    """Generic name of the contrast agent, "" if the header names none that is known."""
    said = frame.text("ContrastBolusAgent").lower()
    return next((agent for agent, names in NAMES.items() if any(name in said for name in names)), "")


def dose_mmol_kg(frame: Frame, agent: str) -> float:
    """Dose from the injected volume (mL) and the patient's weight, NaN where one of them is missing or implausible."""
    volume_ml = frame.number("ContrastBolusTotalDose")
    if not np.isfinite(volume_ml):
        volume_ml = frame.number("ContrastBolusVolume")
    if not agent:
        return float("nan")
    molarity = MOLARITY_MMOL_ML.get(agent, 0.5)
    weight_kg = frame.number("PatientWeight")
    return within(volume_ml * molarity / weight_kg, 0.003, 0.3) if weight_kg > 0 else float("nan")


def echo_spacing_s(frame: Frame, echo_time_s: float, delay_s: float, shot_s: float) -> float:
    """Time between excitations where the header gives the duration of the shot, as Siemens does.

    From the center of k-space, ``delay_s`` after the saturation, to the end of the shot it takes half of the
    excitations. The echo lies within the spacing, not far from its middle; where that does not come out, the delay is
    to something else, and the spacing is taken as twice the echo time.
    """
    spacing_s = (shot_s - delay_s) / pulses_to_center(frame, 2 * echo_time_s, delay_s)
    return spacing_s if echo_time_s < spacing_s < LONGEST_SPACING * echo_time_s else 2 * echo_time_s


def pulses_to_center(frame: Frame, tr_s: float, delay_s: float) -> int:
    """Excitations before the center of k-space: half of the shot, as far as it fits into the saturation time.

    The acceleration factor is often missing from the header, so the acquired lines are an upper bound.
    """
    train = frame.number("EchoTrainLength")
    sequence = frame.text("ScanningSequence") + frame.text("EchoPulseSequence")
    if train > EPI_FACTOR and "EP" not in sequence.upper().split("\\"):
        pulses = train / 2
    else:
        lines = frame.number("NumberOfPhaseEncodingSteps")
        if not np.isfinite(lines):
            matrix = [int(size) for size in re.findall(r"\d+", frame.text("AcquisitionMatrix"))]
            lines = max(matrix[2:4], default=2 * DEFAULT.pulses_to_center) / max(
                1.0, np.nan_to_num(frame.number("ParallelReductionFactorInPlane"), nan=1.0)
            )
        pulses = lines / 2 / (train if 1 < train <= EPI_FACTOR else 1)
    if np.isfinite(delay_s) and delay_s > 2 * READY_S:
        pulses = min(pulses, (delay_s - READY_S) / tr_s)
    return max(1, round(pulses))
