"""Contrast agents on the market: names, concentration and how strongly they shorten T1, by field strength."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

FIELDS_T = (0.47, 1.5, 3.0, 7.0)
"""Field strengths of the relaxivities below, T."""


@dataclass(frozen=True)
class Agent:
    """A contrast agent.

    names : parts of generic and trade names, lower case
    relaxivity_l_mmol_s : at `FIELDS_T`, in plasma or blood at 37 degrees
    molarity_mmol_ml : of the solution as it is sold
    """

    names: tuple[str, ...]
    relaxivity_l_mmol_s: tuple[float, float, float, float]
    molarity_mmol_ml: float = 0.5


# 0.47, 1.5 and 3 T: Rohrer et al., Invest Radiol 2005;40:715 (plasma, 37 degrees). 7 T: Szomolanyi et al. 2019;54:559
# (plasma) for gadobutrol, gadoterate and gadoteridol, Shen et al. 2015;50:330 (whole blood) for the others.
# Gadopiclenol: Robic et al. 2019;54:475, human serum at 1.41 and 3 T; chosen: the same at lower and higher fields, for
# want of a measurement. Gadoxetate in blood at 1.5 and 3 T is 7.2 and 5.5 (Shen); it is no agent for perfusion.
AGENTS: Mapping[str, Agent] = {
    "gadobutrol": Agent(("gadobutrol", "gadovist", "gadavist", "do3a-butrol"), (6.1, 5.2, 5.0, 3.8), 1.0),
    "gadoterate": Agent(("gadoter", "dotarem", "clariscan", "artirem", "pixxoscan", "dota"), (4.3, 3.6, 3.5, 2.8)),
    "gadoteridol": Agent(("gadoteridol", "prohance", "hp-do3a"), (4.8, 4.1, 3.7, 3.2)),
    "gadopentetate": Agent(("gadopentet", "magnevist", "magnegita", "magnetolux", "dtpa"), (3.8, 4.1, 3.7, 3.1)),
    "gadobenate": Agent(("gadoben", "multihance", "bopta"), (9.2, 6.3, 5.5, 4.7)),
    "gadodiamide": Agent(("gadodiamid", "omniscan", "dtpa-bma"), (4.4, 4.3, 4.0, 3.7)),
    "gadoversetamide": Agent(("gadoverset", "optimark", "dtpa-bmea"), (5.7, 4.7, 4.5, 4.3)),
    "gadoxetate": Agent(("gadoxet", "primovist", "eovist", "eob-dtpa"), (8.7, 6.9, 6.2, 4.9), 0.25),
    "gadopiclenol": Agent(("gadopiclenol", "vueway", "elucirem"), (12.8, 12.8, 11.6, 11.6)),
}
OTHER_SCRIPTS = {  # generic and trade names as Japanese, Chinese and Russian sites write them
    "gadobutrol": ("ガドブトロール", "ガドビスト", "钆布醇", "加乐显", "гадобутрол", "гадовист"),
    "gadoterate": ("ガドテル", "マグネスコープ", "钆特酸", "多它灵", "гадотеров", "дотарем", "циклолюкс", "cyclolux"),
    "gadoteridol": ("ガドテリドール", "プロハンス", "钆特醇", "гадотеридол"),
    "gadopentetate": ("ガドペンテト", "マグネビスト", "钆喷", "马根维显", "гадопентет", "магневист"),
    "gadobenate": ("钆贝葡胺", "莫迪司", "гадобен"),
    "gadodiamide": ("ガドジアミド", "オムニスキャン", "钆双胺", "欧乃影", "гадодиамид", "омнискан"),
    "gadoxetate": ("ガドキセト", "プリモビスト", "钆塞酸", "普美显", "гадоксет", "примовист"),
}
INTRAVASCULAR = ("gadofosveset", "vasovist", "ablavar", "ferumoxytol", "feraheme", "rienso")
LONGEST_FIRST = sorted(
    (
        *((name, agent) for agent, about in AGENTS.items() for name in about.names),
        *((name, agent) for agent, names in OTHER_SCRIPTS.items() for name in names),
    ),
    key=lambda pair: -len(pair[0]),
)
SPELLED = {name: agent for name, agent in LONGEST_FIRST if name.isascii() and name.isalpha() and len(name) > 7}
MISSPELLED = 0.88  # chosen: likeness of a word to a name; the generic names are less alike
FIELD_TOLERANCE_T = 0.1  # nearer to the field of a measurement than that, it is that field


def find_agent(said: str) -> str:
    """Generic name of the agent that a text names, "" where it names none that is known.

    >>> find_agent("VUEWAY 0.5 mmol/mL"), find_agent("Gd-DTPA-BMA"), find_agent("saline")
    ('gadopiclenol', 'gadodiamide', '')
    >>> find_agent("Acide gadotérique"), find_agent("gadobuterol")
    ('gadoterate', 'gadobutrol')
    """
    text = remove_accents(said)
    if re.search(r"gadoter(ic|iq|at)|dotarem", text):
        return "gadoterate"
    named = next((agent for name, agent in LONGEST_FIRST if name in text), "")
    if named:
        return named
    likely = [
        near[0] for word in re.findall("[a-z]{8,}", text) if (near := get_close_matches(word, SPELLED, 1, MISSPELLED))
    ]
    return SPELLED[likely[0]] if likely else ""


def find_agents(said: str) -> list[str]:
    """Every agent that a text names, in the order of the alphabet."""
    return sorted({found for part in re.split(r"[/;+&]| or | and ", said) if (found := find_agent(part))})


def remove_accents(text: str) -> str:
    """A text in small Latin letters without accents; other scripts stay as they are."""
    parts = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", parts))


def relaxivity_l_mmol_s(agent: str, field_t: float) -> float:
    """Longitudinal relaxivity at a field strength, between those that were measured by the logarithm of the field.

    >>> relaxivity_l_mmol_s("gadobutrol", 1.5), relaxivity_l_mmol_s("gadobutrol", 3.0)
    (5.2, 5.0)
    """
    return interpolate_by_field(field_t, FIELDS_T, AGENTS[agent].relaxivity_l_mmol_s)


def interpolate_by_field(field_t: float, fields_t: tuple[float, ...], values: tuple[float, ...]) -> float:
    """A value between those at known field strengths, by the logarithm of the field; constant outside of them."""
    nearest = int(np.argmin(np.abs(np.array(fields_t) - field_t)))
    if abs(fields_t[nearest] - field_t) < FIELD_TOLERANCE_T:
        return values[nearest]
    return round(float(np.interp(np.log(field_t), np.log(fields_t), values)), 3)


def molarity_mmol_ml(agent: str, said: str = "") -> float:
    """Concentration of the solution: as the header's text says it, else as it is sold, else 0.5.

    >>> molarity_mmol_ml("gadobutrol"), molarity_mmol_ml("", "Newagent 0.25 mmol/mL")
    (1.0, 0.25)
    """
    found = re.search(r"(\d+(?:[.,]\d+)?)\s*(?:mmol\s*/\s*ml|M\b)", said, re.IGNORECASE)
    written = float(found[1].replace(",", ".")) if found else 0.0
    if 0.1 <= written <= 1.5:
        return written
    return AGENTS[agent].molarity_mmol_ml if agent in AGENTS else 0.5
