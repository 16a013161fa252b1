"""Thresholds below which a flow is flagged: cited presets, and whatever the user enters.

None is applied unless asked for: laboratories differ (rest 0.65 to 1.2 mL/min/g in healthy volunteers), so that a
threshold belongs to a protocol.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isnan
from types import MappingProxyType

from ..data.errors import PerfusionError
from ..data.flag import Flag, FlagCode, Where, make_flag
from ..data.precision import CLINICAL_MPR, CLINICAL_MPR_SOURCE, probability_below
from ..data.table import SegmentRow

NEARLY_SURE = 0.99  # no interval says more
QUANTITIES = {
    "rest": ("rest MBF", "mL/min/g"),
    "stress": ("stress MBF", "mL/min/g"),
    "mpr": ("MPR", ""),
    "mpri": ("MPRI", ""),
}


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """A value below which a region is flagged.

    quantity : rest, stress (MBF, mL/min/g), mpr or mpri
    meaning, source : what it was found to tell, and where; empty for one that the user entered
    """

    quantity: str
    below: float
    meaning: str = ""
    source: str = ""

    def flag(self, row: SegmentRow) -> Flag | None:
        """The finding that a region lies below, and how probable its interval makes that; None where it does not."""
        value, low, high = {
            "rest": (row.rest.mbf_ml_min_g, row.rest.mbf_low_ml_min_g, row.rest.mbf_high_ml_min_g),
            "stress": (row.stress.mbf_ml_min_g, row.stress.mbf_low_ml_min_g, row.stress.mbf_high_ml_min_g),
            "mpr": (row.mpr, row.mpr_low, row.mpr_high),
            "mpri": (row.mpri, row.mpri_low, row.mpri_high),
        }[self.quantity]
        if not value < self.below:
            return None
        probability = probability_below(self.below, value, low, high)
        return make_flag(
            FlagCode.BELOW_THRESHOLD,
            Where(segment=row.aha_segment),
            quantity=self.quantity,
            quantity_name=QUANTITIES[self.quantity][0],
            threshold=str(self),
            value=value,
            below=self.below,
            sure="" if isnan(probability) else f", with a probability of {min(probability, NEARLY_SURE):.0%}",
        )

    def __str__(self) -> str:
        unit = QUANTITIES[self.quantity][1]
        said = f"{self.below:g} {unit}".rstrip()
        return f"{said} ({self.meaning}; {self.source})" if self.source else said


PRESETS: Mapping[str, Threshold] = MappingProxyType(
    {
        "anoca": Threshold(
            quantity="mpr",
            below=2.19,
            meaning="half of the patients with angina and open arteries, a fifth of controls",
            source="Vink, thesis, Amsterdam",
        ),
        "pet-risk": Threshold(
            quantity="mpr",
            below=CLINICAL_MPR,
            meaning="hazard ratio 2.1 in PET, not in MRI",
            source=CLINICAL_MPR_SOURCE,
        ),
    }
)


class ThresholdPreset(StrEnum):
    """A choice among the presets. Member names are saved in scenes and never renamed."""

    NONE = ""
    ANOCA = "anoca"
    PET_RISK = "pet-risk"

    def label(self) -> str:
        """Name for people; Slicer shows it in selectors."""
        if not self:
            return "None"
        preset = PRESETS[self.value]
        return f"{QUANTITIES[preset.quantity][0]} below {preset.below:g} ({preset.source})"


def thresholds_from(text: str) -> tuple[Threshold, ...]:
    """Thresholds from a preset's name or from values, separated by commas.

    Raises PerfusionError where a name or a number is not understood.

    Examples
    --------
    >>> [str(each) for each in thresholds_from("stress=1.8, mpr=2")]
    ['1.8 mL/min/g', '2']
    >>> thresholds_from("anoca")[0].below
    2.19
    """
    found = []
    for word in filter(None, (word.strip() for word in text.split(","))):
        name, _, value = (piece.strip() for piece in word.partition("="))
        if not value and name in PRESETS:
            found.append(PRESETS[name])
            continue
        try:
            below = float(value)
        except ValueError:
            below = float("nan")
        if name not in QUANTITIES or not 0 < below < 20:
            raise PerfusionError(
                f"The threshold {word} is not understood.",
                f"Write {', '.join(f'{known}=NUMBER' for known in QUANTITIES)}, or a preset: {', '.join(PRESETS)}.",
            )
        found.append(Threshold(quantity=name, below=below))
    return tuple(found)
