"""What is known about a simulated slice and study."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..data.box import Box
from ..data.study import Condition, Level, PerfusionSeries, Study


@dataclass(frozen=True, kw_only=True)
class SliceTruth:
    """The truth of one slice, in the pose of its peak frame.

    box_px : edges around the epicardium
    labels : (Y, X) uint8, values of `Label`
    anterior_rv_px, inferior_rv_px : (row, column) of the RV insertion points, on the epicardium
    displacement_mm : (T, 2, Y, X) float32, as in `MotionCompensation`; zero at the peak frame and in the chest wall
    mbf_ml_min_g : (Y, X) float32, NaN outside the myocardium
    segments : (Y, X) uint8, AHA segment, 0 outside
    segment_mbf_ml_min_g : mean of the map by AHA segment
    arterial_times_s, arterial_mmol_l : (N,) whole-blood concentration in the LV on a fine grid, on the clock of the
        series; begins before the first frame
    residual_mmol_l : contrast agent that was in the blood before, in addition
    tissue_delay_s : from the LV to the myocardium
    defect_segments : AHA segments whose flow a defect lowers by more than 15 %
    mistriggered : (T,) bool
    """

    condition: Condition
    level: Level
    peak_frame: int
    box_px: Box
    labels: np.ndarray
    anterior_rv_px: tuple[float, float]
    inferior_rv_px: tuple[float, float]
    displacement_mm: np.ndarray
    mbf_ml_min_g: np.ndarray
    segments: np.ndarray
    segment_mbf_ml_min_g: Mapping[int, float]
    arterial_times_s: np.ndarray
    arterial_mmol_l: np.ndarray
    residual_mmol_l: float
    tissue_delay_s: float
    defect_segments: tuple[int, ...]
    mistriggered: np.ndarray


@dataclass(frozen=True, kw_only=True)
class PhantomSlice:
    """One simulated slice and its truth."""

    series: PerfusionSeries
    truth: SliceTruth


@dataclass(frozen=True, kw_only=True)
class PhantomStudy:
    """A simulated study and the truth of its slices, base to apex, by condition."""

    study: Study
    truth: Mapping[Condition, tuple[SliceTruth, ...]]
