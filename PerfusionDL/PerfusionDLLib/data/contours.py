"""What is where in a slice: contours, insertion points and who made them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np

from .box import Box


class Origin(StrEnum):
    """Who made a contour."""

    AUTOMATIC = "automatic"
    EDITED = "edited"
    MANUAL = "manual"


class Label(IntEnum):
    """Values of a label image."""

    BACKGROUND = 0
    MYOCARDIUM = 1
    BLOOD_POOL = 2
    RV_BLOOD_POOL = 3


class Part(StrEnum):
    """The parts of `Contours` that have an origin and a confidence of their own."""

    PEAK_FRAME = "peak_frame"
    BOX = "box"
    LABELS = "labels"
    RV_INSERTION_POINTS = "rv_insertion_points"


@dataclass(frozen=True, kw_only=True)
class Contours:
    """The anatomy of one slice, in the pose of its reference frame.

    peak_frame : frame of peak left-ventricular enhancement, 0-based
    reference_frame : frame whose pose the motion compensation aligned all others to, 0-based
    box_px : edges around the epicardium
    labels : (Y, X) uint8, values of `Label`
    anterior_rv_ras_mm, inferior_rv_ras_mm : (3,) RV insertion points, or None where not found
    origins : who made each part; confidences : 0 to 1 for each automatic part
    weights_sha256 : of the networks that found the automatic parts
    """

    peak_frame: int
    reference_frame: int
    box_px: Box
    labels: np.ndarray
    anterior_rv_ras_mm: np.ndarray | None = None
    inferior_rv_ras_mm: np.ndarray | None = None
    origins: Mapping[Part, Origin] = field(default_factory=dict)
    confidences: Mapping[Part, float] = field(default_factory=dict)
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "box_px", Box(*self.box_px))  # however four numbers were given
        if self.labels.ndim != 2 or self.labels.dtype != np.uint8:
            raise ValueError(f"labels must be (row, column) uint8, got {self.labels.shape} {self.labels.dtype}")

    @property
    def myocardium(self) -> np.ndarray:
        """(Y, X) bool."""
        return self.labels == Label.MYOCARDIUM

    @property
    def blood_pool(self) -> np.ndarray:
        """(Y, X) bool, left ventricle with its papillary muscles."""
        return self.labels == Label.BLOOD_POOL

    @property
    def rv_blood_pool(self) -> np.ndarray:
        """(Y, X) bool, right ventricle."""
        return self.labels == Label.RV_BLOOD_POOL

    @property
    def origin(self) -> Origin:
        """Edited or manual as soon as one part is."""
        made = set(self.origins.values())
        if made <= {Origin.AUTOMATIC}:
            return Origin.AUTOMATIC
        return Origin.MANUAL if made == {Origin.MANUAL} else Origin.EDITED
