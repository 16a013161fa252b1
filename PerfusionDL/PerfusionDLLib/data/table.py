"""What is reported: flow of regions, and the table of AHA segments, coronary territories and the left ventricle."""

from dataclasses import dataclass, field

import numpy as np

from .flag import Flag
from .flag_codes import FlagCode
from .precision import CLINICAL_MPR, INTERVAL_SD, probability_below
from .provenance import Provenance

NO_ABSOLUTE_FLOW = {FlagCode.ABSOLUTE_FLOW_UNKNOWN, FlagCode.FLOW_WITHOUT_INTERVAL}
BEST_SEGMENTS = 4  # a quarter of the ventricle, which flow of the others is seen beside where it is not known; chosen


@dataclass(frozen=True, kw_only=True)
class RegionFlow:
    """Flow of one region under one condition, mL/min/g; NaN where there is none.

    mbf_ml_min_g : mean of the pixel map; curve_mbf_ml_min_g : flow of the mean curve
    endo_ml_min_g, epi_ml_min_g, endo_epi_ratio : inner and outer half of the wall; ..._low, ..._high : 95 % intervals
    within_scan_log_sd : standard deviation of the logarithm of the flow beside that of other regions of the scan
    upslope : of the mean curve over that of the arterial input, semi-quantitative, with its 95 % interval
    failed_share : share of pixels without a trustworthy flow, 0 to 1
    """

    mbf_ml_min_g: float = float("nan")
    mbf_low_ml_min_g: float = float("nan")
    mbf_high_ml_min_g: float = float("nan")
    curve_mbf_ml_min_g: float = float("nan")
    endo_ml_min_g: float = float("nan")
    epi_ml_min_g: float = float("nan")
    endo_epi_ratio: float = float("nan")
    upslope: float = float("nan")
    failed_share: float = float("nan")
    pixels: int = 0
    origin: str = ""
    endo_low_ml_min_g: float = float("nan")
    endo_high_ml_min_g: float = float("nan")
    epi_low_ml_min_g: float = float("nan")
    epi_high_ml_min_g: float = float("nan")
    endo_epi_ratio_low: float = float("nan")
    endo_epi_ratio_high: float = float("nan")
    within_scan_log_sd: float = float("nan")
    upslope_low: float = float("nan")
    upslope_high: float = float("nan")

    @property
    def mbf_interval(self) -> tuple[float, float]:
        """Limits of the 95 % interval, mL/min/g."""
        return self.mbf_low_ml_min_g, self.mbf_high_ml_min_g

    @property
    def curve_interval(self) -> tuple[float, float]:
        """The same of the flow of the mean curve, which the interval of the mean of the map is taken from, mL/min/g."""
        scale = self.curve_mbf_ml_min_g / self.mbf_ml_min_g if self.mbf_ml_min_g > 0 else float("nan")
        return self.mbf_low_ml_min_g * scale, self.mbf_high_ml_min_g * scale


@dataclass(frozen=True, kw_only=True)
class SegmentRow:
    """One row of the table: an AHA segment, a coronary territory or the whole left ventricle.

    aha_segment : 1 to 16, None for territories and the global row
    mpr : myocardial perfusion reserve, stress over rest; mpr_low, mpr_high : its 95 % interval
    mpri : perfusion reserve index, stress over rest upslope; lower than the reserve; mpri_low, mpri_high : its 95 %
        interval
    flags : what the user should check
    corrected_rest_ml_min_g, corrected_mpr : rest flow at a rate-pressure product of 10 000, and the reserve with it
    """

    aha_segment: int | None
    name: str
    level: str
    territory: str
    rest: RegionFlow
    stress: RegionFlow
    mpr: float
    flags: tuple[Flag, ...] = ()
    mpri: float = float("nan")
    corrected_rest_ml_min_g: float = float("nan")
    corrected_mpr: float = float("nan")
    mpr_low: float = float("nan")
    mpr_high: float = float("nan")
    mpri_low: float = float("nan")
    mpri_high: float = float("nan")

    def flags_of(self, condition: str | None = None) -> tuple[Flag, ...]:
        """What to check about the numbers of one condition, each code once; without a condition, of both."""
        concerned = [flag for flag in self.flags if not condition or flag.where.condition in ("", condition)]
        return tuple({flag.code: flag for flag in reversed(concerned)}.values())[::-1]

    @property
    def corrected_rest_interval(self) -> tuple[float, float]:
        """Limits of the 95 % interval of rest flow at a rate-pressure product of 10 000, mL/min/g."""
        scale = self.corrected_rest_ml_min_g / self.rest.mbf_ml_min_g if self.rest.mbf_ml_min_g > 0 else float("nan")
        return self.rest.mbf_low_ml_min_g * scale, self.rest.mbf_high_ml_min_g * scale

    @property
    def corrected_mpr_interval(self) -> tuple[float, float]:
        """Limits of the 95 % interval of the reserve with that rest flow."""
        scale = self.corrected_mpr / self.mpr if self.mpr > 0 else float("nan")
        return self.mpr_low * scale, self.mpr_high * scale

    @property
    def mpr_below_2_probability(self) -> float:
        """How probable its interval makes it that the reserve lies below 2, the limit of raised risk; else NaN."""
        return probability_below(CLINICAL_MPR, self.mpr, self.mpr_low, self.mpr_high)


@dataclass(frozen=True, kw_only=True)
class SegmentTable:
    """What is reported: 16 AHA segments, three territories, global."""

    segments: tuple[SegmentRow, ...]
    territories: tuple[SegmentRow, ...]
    whole: SegmentRow
    provenance: Provenance = field(default=Provenance())

    @property
    def knows_absolute_flow(self) -> bool:
        """Whether flow holds as a number; where it does not, reserve and flow beside other segments do."""
        return not NO_ABSOLUTE_FLOW & {flag.code for flag in self.whole.flags}

    @property
    def best_condition(self) -> str:
        """Stress where it was measured, else rest."""
        return "stress" if any(np.isfinite(row.stress.mbf_ml_min_g) for row in self.segments) else "rest"

    def best_flow(self, condition: str) -> float:
        """Mean flow of the four segments of a scan that have most, mL/min/g, which others are seen beside; else NaN."""
        flows = np.array([getattr(row, condition).mbf_ml_min_g for row in self.segments])
        known = np.sort(flows[np.isfinite(flows)])
        return float(known[-BEST_SEGMENTS:].mean()) if known.size else float("nan")

    def relative_flow(self, row: SegmentRow, condition: str) -> tuple[float, float, float]:
        """Flow of a region over that of the four best segments of the scan, and its 95 % interval; NaN if unknown."""
        flow = getattr(row, condition)
        relative, distance = flow.mbf_ml_min_g / self.best_flow(condition), INTERVAL_SD * flow.within_scan_log_sd
        return relative, float(relative * np.exp(-distance)), float(relative * np.exp(distance))
