"""What is where, aligned in time: a study after preprocessing, with the motion-compensated images of its slices."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .box import Box, find_area
from .contours import Contours
from .flag import Flag
from .study import Condition, PerfusionSeries

Progress = Callable[[str], None]
"""Called with the name of each step as it begins; an exception that it raises cancels the work."""


@dataclass(frozen=True, kw_only=True)
class MotionCompensation:
    """A series in one pose.

    corrected : (T, Y, X) float32, every frame in the pose of the reference frame
    displacement_mm : (T, 2, Y, X) float32; where the tissue of a reference-pose pixel lies in frame t, rows then
        columns: ``corrected[t, y, x] = signal[t](y + displacement_mm[t, 0, y, x] / row spacing, ...)``
    reference_frame : frame whose displacement is zero
    quality : (T,) 0 to 1, how well each frame agrees with its neighbors in contrast after alignment
    aligned : (T,) bool, False for frames that could not be aligned and must not be fitted
    region_px : box around the left ventricle in the reference frame that the alignment was asked for, None without one;
        the same images, frame and region give the same alignment
    """

    corrected: np.ndarray
    displacement_mm: np.ndarray
    reference_frame: int
    quality: np.ndarray
    aligned: np.ndarray
    region_px: Box | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For another process: of the displacements only the rectangle in which they are not zero, to the last bit."""
        field_mm = self.displacement_mm
        bits = field_mm.view(f"u{field_mm.itemsize}")  # as whole numbers, among which there is one zero only
        area = find_area(np.any(bits, axis=(0, 1)).astype(bool))
        return self.__dict__ | {"displacement_mm": (field_mm.shape, area, field_mm[:, :, *area].copy())}

    def __setstate__(self, state: dict[str, Any]) -> None:
        shape, area, values = state["displacement_mm"]
        field_mm = np.zeros(shape, values.dtype)
        field_mm[:, :, *area] = values
        self.__dict__.update(state | {"displacement_mm": field_mm})


@dataclass(frozen=True, kw_only=True)
class PreprocessedSlice:
    """One slice after preprocessing.

    automatic : the contours as the networks found them, kept beside the edited ones
    excluded_frames : frames the user took out of the fit, 0-based
    flags : what the user should check
    """

    series: PerfusionSeries
    motion: MotionCompensation
    contours: Contours
    automatic: Contours | None = None
    excluded_frames: frozenset[int] = frozenset()
    flags: tuple[Flag, ...] = ()

    @property
    def used_frames(self) -> np.ndarray:
        """(T,) bool, frames that take part in the fit."""
        used = self.motion.aligned.copy()
        used[list(self.excluded_frames)] = False
        return used


@dataclass(frozen=True, kw_only=True)
class PreprocessedScan:
    """The preprocessed slices of one condition, base to apex.

    aif_series, aif_is_prebolus : series made to measure the arterial input, as in `Scan`
    minutes_after_other, study : as in `Scan`
    """

    condition: Condition
    slices: tuple[PreprocessedSlice, ...]
    assumptions: tuple[Flag, ...] = ()
    aif_series: PerfusionSeries | None = None
    aif_is_prebolus: bool = False
    minutes_after_other: float = float("nan")
    study: str = ""


@dataclass(frozen=True, kw_only=True)
class PreprocessedStudy:
    """The preprocessed scans of one study: a rest and/or a stress scan, rest first."""

    scans: tuple[PreprocessedScan, ...]

    def __post_init__(self) -> None:
        conditions = [scan.condition for scan in self.scans]
        if not conditions or conditions != [each for each in Condition if each in conditions]:
            raise ValueError(f"a rest and/or a stress scan were expected, rest first, got {list(map(str, conditions))}")

    @property
    def label(self) -> str:
        """Label of the study that says nothing of the patient; empty where nobody gave one."""
        return next((scan.study for scan in self.scans if scan.study), "")
