"""What is where in a slice, aligned in time: contours and the motion-compensated series they belong to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np

from .series import Condition, PerfusionSeries

Progress = Callable[[str], None]
"""Called with the name of each step as it begins; an exception that it raises cancels the work."""


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
    box_px : row0, column0, row1, column1; edges around the epicardium, pixel centers at integers
    labels : (Y, X) uint8, values of `Label`
    anterior_rv_ras_mm, inferior_rv_ras_mm : (3,) RV insertion points, or None where not found
    origins : who made each part; confidences : 0 to 1 for each automatic part
    weights_sha256 : of the networks that found the automatic parts
    """

    peak_frame: int
    reference_frame: int
    box_px: tuple[float, float, float, float]
    labels: np.ndarray
    anterior_rv_ras_mm: np.ndarray | None = None
    inferior_rv_ras_mm: np.ndarray | None = None
    origins: Mapping[Part, Origin] = field(default_factory=dict)
    confidences: Mapping[Part, float] = field(default_factory=dict)
    weights_sha256: str = ""

    def __post_init__(self) -> None:
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


@dataclass(frozen=True, kw_only=True)
class MotionCompensation:
    """A series in one pose.

    corrected : (T, Y, X) float32, every frame in the pose of the reference frame
    displacement_mm : (T, 2, Y, X) float32; where the tissue of a reference-pose pixel lies in frame t, rows then
        columns: ``corrected[t, y, x] = signal[t](y + displacement_mm[t, 0, y, x] / row spacing, ...)``
    reference_frame : frame whose displacement is zero
    quality : (T,) 0 to 1, how well each frame agrees with its neighbors in contrast after alignment
    aligned : (T,) bool, False for frames that could not be aligned and must not be fitted
    """

    corrected: np.ndarray
    displacement_mm: np.ndarray
    reference_frame: int
    quality: np.ndarray
    aligned: np.ndarray


@dataclass(frozen=True, kw_only=True)
class PreprocessedSlice:
    """One slice after preprocessing.

    automatic : the contours as the networks found them, kept beside the edited ones
    excluded_frames : frames the user took out of the fit, 0-based
    flags : sentences on what the user should check
    """

    series: PerfusionSeries
    motion: MotionCompensation
    contours: Contours
    automatic: Contours | None = None
    excluded_frames: frozenset[int] = frozenset()
    flags: tuple[str, ...] = ()

    @property
    def used_frames(self) -> np.ndarray:
        """(T,) bool, frames that take part in the fit."""
        used = self.motion.aligned.copy()
        used[list(self.excluded_frames)] = False
        return used

    def shows_same_pixels(self, other: "PreprocessedSlice") -> bool:
        """Whether it has the images, labels and frames of another state; insertion points and origins may differ."""
        return (
            self.motion.corrected is other.motion.corrected
            and self.series.acquisition == other.series.acquisition
            and self.series.level is other.series.level
            and np.array_equal(self.series.times_s, other.series.times_s)
            and np.array_equal(self.series.ijk_to_ras, other.series.ijk_to_ras)
            and np.array_equal(self.contours.labels, other.contours.labels)
            and np.array_equal(self.used_frames, other.used_frames)
        )


@dataclass(frozen=True, kw_only=True)
class PreprocessedScan:
    """The preprocessed slices of one condition, base to apex.

    aif_series, aif_is_prebolus : series made to measure the arterial input, as in `Scan`
    study : label of its study, as in `Scan`
    """

    condition: Condition
    slices: tuple[PreprocessedSlice, ...]
    assumptions: tuple[str, ...] = ()
    aif_series: PerfusionSeries | None = None
    aif_is_prebolus: bool = False
    study: str = ""
