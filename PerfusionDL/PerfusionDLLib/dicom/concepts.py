"""Concepts that no public scheme names, and what our series are called: what is written so is found again by it."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

PRIVATE_SCHEME = "99PERFUSIONDL"
MANUFACTURER = "PerfusionDL"
REPORT_SERIES = "PerfusionDL segment table"
"""How the description of the series of our report begins."""


class Concept(NamedTuple):
    """A code, its scheme, and its meaning."""

    value: str
    meaning: str
    scheme: str = PRIVATE_SCHEME

    def coded(self) -> "CodedConcept":
        """As highdicom takes it."""
        from highdicom.sr import CodedConcept

        return CodedConcept(self.value, self.scheme, self.meaning)


CONTENT = Concept("PREPROCESSING", "What the measurements were made from")
SLICE = Concept("SLICE", "Slice")
ANTERIOR_POINT = Concept("RV_ANTERIOR", "Anterior right ventricular insertion point")
INFERIOR_POINT = Concept("RV_INFERIOR", "Inferior right ventricular insertion point")
BOX = Concept("LV_BOX", "Box around the left ventricle")
FRAMES_LEFT_OUT = Concept("FRAMES_LEFT_OUT", "Heartbeats left out, counted from 1")
SEGMENTS = Concept("CONTOURS", "Contours that were used")
AUTOMATIC_SEGMENTS = Concept("AUTO_CONTOURS", "Contours that the networks found")
SLICE_STATE = Concept("SLICE_STATE", "State of the slice, JSON")
OPTIONS = Concept("OPTIONS", "Choices of the user, JSON")
REFERENCE_IMAGE = Concept("121233", "Source image for segmentation", "DCM")
ALGORITHM_VERSION = Concept("111003", "Algorithm Version", "DCM")
BLOOD_FLOW = Concept("126390", "Absolute Regional Blood Flow", "DCM")
TRACKING_IDENTIFIER = Concept("112039", "Tracking Identifier", "DCM")


def group_name(region: str, condition: str | None) -> str:
    """Identifier of the measurement group of a region under one condition, or of its reserve.

    >>> group_name("basal anterior", "rest")
    'basal anterior, rest'
    """
    return f"{region}, {condition or 'reserve'}"
