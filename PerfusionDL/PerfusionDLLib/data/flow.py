"""What it means: the arterial input, flow maps, and why a pixel has none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntFlag, StrEnum, auto

import numpy as np

from .acquisition import Acquisition
from .contours import Origin
from .flag import Flag
from .precision import INTERVAL_SD
from .study import Condition, Level


class FitStatus(IntFlag):
    """Why a pixel has no trustworthy flow. 0 is a good fit; reasons combine."""

    OK = 0
    LATE_ARRIVAL = auto()
    AT_BOUND = auto()
    NOT_CONVERGED = auto()
    SATURATED = auto()
    NO_SIGNAL = auto()
    PARTIAL_VOLUME = auto()


class FlowModel(StrEnum):
    """How the residue function is constrained. Member names are saved in scenes and never renamed.

    AVERAGED : exchange and Fermi models with priors learned from the scan, averaged; the default
    FERMI : Fermi function, each curve for itself; the tradition
    CAPILLARY, TWO_COMPARTMENT : one exchange model with priors learned from the scan
    SPLINE : model-free; PATLAK : initial uptake
    """

    AVERAGED = "averaged"
    FERMI = "fermi"
    CAPILLARY = "capillary"
    TWO_COMPARTMENT = "two_compartment"
    SPLINE = "spline"
    PATLAK = "patlak"

    def label(self) -> str:
        """Name for people; Slicer shows it in selectors."""
        return _MODEL_LABELS[self]


_MODEL_LABELS = {
    FlowModel.AVERAGED: "Exchange and Fermi, averaged (default)",
    FlowModel.FERMI: "Fermi",
    FlowModel.CAPILLARY: "Capillary with exchange",
    FlowModel.TWO_COMPARTMENT: "Two-compartment exchange",
    FlowModel.SPLINE: "Model-free (spline)",
    FlowModel.PATLAK: "Patlak",
}


@dataclass(frozen=True, kw_only=True)
class ArterialInput:
    """The arterial input function.

    times_s, concentration_mmol_l : (T,) of blood, NaN where the signal carries no information
    baseline_frames : frames before the contrast agent arrives
    peak_frame, first_pass_end_frame : 0-based
    region : (Y, X) bool, the pixels it was measured in
    source : slice level or series it was taken from
    log_sd : relative uncertainty of its scale; 0 for a curve that is given
    residual_mmol_l, residual_sd_mmol_l : concentration that an earlier injection left in it before, not part of it
    residual_log_shift : by how much the log of its height rises when so much more is left; not part of ``log_sd``
    acquisition : that it was measured with, None for a curve that is given
    dose_scale : the dose of the main bolus over that of a pre-bolus that it was measured in
    flags : what the user should check
    """

    times_s: np.ndarray
    concentration_mmol_l: np.ndarray
    baseline_frames: int
    peak_frame: int
    first_pass_end_frame: int
    region: np.ndarray | None = None
    source: str = ""
    log_sd: float = 0.0
    residual_mmol_l: float = 0.0
    residual_sd_mmol_l: float = 0.0
    residual_log_shift: float = 0.0
    acquisition: Acquisition | None = None
    dose_scale: float = 1.0
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SegmentFit:
    """The mean curve of one AHA segment and what the model makes of it.

    times_s, concentration_mmol_l, fitted_mmol_l : (T,)
    mbf_ml_min_g, mbf_low_ml_min_g, mbf_high_ml_min_g : flow of the mean curve with its 95 % interval
    upslope : steepest rise over that of the arterial input, semi-quantitative; upslope_log_sd : of its log, by noise
    """

    times_s: np.ndarray
    concentration_mmol_l: np.ndarray
    fitted_mmol_l: np.ndarray
    mbf_ml_min_g: float
    mbf_low_ml_min_g: float
    mbf_high_ml_min_g: float
    status: FitStatus = FitStatus.OK
    upslope: float = float("nan")
    upslope_log_sd: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class PixelFits:
    """The curve of every myocardial pixel of a slice and what the model makes of it.

    times_s : (T,)
    concentration_mmol_l, fitted_mmol_l : (T, N) float32; NaN where the signal carries no information
    index : (Y, X) int32, column of each pixel, -1 outside the myocardium
    """

    times_s: np.ndarray
    concentration_mmol_l: np.ndarray
    fitted_mmol_l: np.ndarray
    index: np.ndarray

    def at(self, row: int, column: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Measured and fitted curve (T,) of one pixel, None outside the myocardium."""
        rows, columns = self.index.shape
        if not (0 <= row < rows and 0 <= column < columns) or self.index[row, column] < 0:
            return None
        pixel = self.index[row, column]
        return self.concentration_mmol_l[:, pixel], self.fitted_mmol_l[:, pixel]


@dataclass(frozen=True, kw_only=True)
class SliceMaps:
    """Flow of one slice, in the pose of its reference frame.

    mbf_ml_min_g, mbf_se_ml_min_g : (Y, X) float32, NaN where not fitted
    status : (Y, X) uint8, values of `FitStatus`; 0 outside the myocardium
    segments : (Y, X) uint8, AHA segment number, 0 outside
    depth : (Y, X) float32, 0 at the endocardium to 1 at the epicardium, NaN outside
    segment_fits : by AHA segment number; pixel_fits : of every pixel, None where they were not kept
    sector_fits : of fixed sectors of the wall, which no insertion point moves, as the flow model alone gives them
    counted : (Y, X) bool, pixels that count for a region's mean; None for all. The outermost row does not: fat and
        lung mix in
    origin : who made the contours
    flags : what the user should check
    """

    level: Level
    mbf_ml_min_g: np.ndarray
    mbf_se_ml_min_g: np.ndarray
    status: np.ndarray
    segments: np.ndarray
    depth: np.ndarray
    segment_fits: Mapping[int, SegmentFit]
    pixel_fits: PixelFits | None = None
    sector_fits: tuple[SegmentFit, ...] = ()
    counted: np.ndarray | None = None
    origin: Origin = Origin.AUTOMATIC
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UpslopeUncertainty:
    """What the same values make of all upslopes of a scan.

    log_shift : of the upslope; the fits hold it already
    log_below, log_above : to the limits of its 95 % interval; index_log_below, index_log_above : of stress over rest
    """

    log_shift: float
    log_below: float
    log_above: float
    index_log_below: float
    index_log_above: float


@dataclass(frozen=True, kw_only=True)
class FlowUncertainty:
    """What values that no header gave, or that the curves contradict, make of all flow of a scan.

    log_shift : of flow; the maps hold it already
    log_below, log_above : of the global flow, from its value to the limits of its 95 % interval
    reserve_log_below, reserve_log_above : the same of stress over rest; NaN for a scan alone
    fit_log_below, fit_log_above : the same of the fit alone, which the limits hold
    as_stated_probability : that what was stated and assumed holds
    hidden_share : of the posterior that sees the top of the arterial input at the ceiling of the signal
    residual_mmol_l : of an earlier injection in blood, lower limit, median and upper limit
    upslope : of the upslopes; None where everything is stated
    """

    log_shift: float
    log_below: float
    log_above: float
    reserve_log_below: float
    reserve_log_above: float
    fit_log_below: float
    fit_log_above: float
    as_stated_probability: float
    hidden_share: float
    residual_mmol_l: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    upslope: UpslopeUncertainty | None = None


@dataclass(frozen=True, kw_only=True)
class PerfusionMaps:
    """Flow of one scan, base to apex, and where it came from.

    provenance : version, weights hash, model and parameters, as they are written into every export
    uncertainty : of all its flow together; None where everything is stated and the arterial input is not saturated
    flags : what makes every flow of the scan uncertain
    """

    condition: Condition
    slices: tuple[SliceMaps, ...]
    arterial_input: ArterialInput
    provenance: Mapping[str, str] = field(default_factory=dict)
    uncertainty: FlowUncertainty | None = None
    flags: tuple[Flag, ...] = ()

    @property
    def shared_log_distances(self) -> tuple[float, float]:
        """From a flow to the limits of its 95 % interval, of what all flow of the scan shares, on a log scale."""
        return (0.0, 0.0) if self.uncertainty is None else (self.uncertainty.log_below, self.uncertainty.log_above)

    def pixel_interval(self, mbf_ml_min_g: float, se_ml_min_g: float) -> tuple[float, float]:
        """95 % interval of the flow of a pixel, mL/min/g: its noise, and what all flow of the scan shares."""
        noise = INTERVAL_SD * se_ml_min_g / mbf_ml_min_g if mbf_ml_min_g > 0 else math.nan
        below, above = (math.hypot(noise, shared) for shared in self.shared_log_distances)
        return mbf_ml_min_g * math.exp(-below), mbf_ml_min_g * math.exp(above)
