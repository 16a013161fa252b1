"""Findings on the flow of regions, scans and the study, as they stand in the table of segments."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ..data.flag import Flag, FlagCode, Severity, Where, make_flag
from ..data.flow import FlowUncertainty, PerfusionMaps
from ..data.precision import has_interval, probability_far
from ..data.study import Condition
from ..data.table import RegionFlow, SegmentRow

PLAUSIBLE_MBF_ML_MIN_G = {  # far outside of healthy means and their spread: Brown et al., JCMR 2018;20:48
    Condition.REST: (0.2, 2.5),
    Condition.STRESS: (0.4, 6.0),
}
MOST_MBF_ML_MIN_G = 7.0  # of a segment: mean and 8 standard deviations at stress, 2.89 (0.50), in PET of the same study
PLAUSIBLE_MPR = (0.5, 7.0)  # mean and 3.5 standard deviations, 4.17 (0.80): Sdringola et al., JACC Imaging 2011;4:402.
# Below 1 blood is stolen from a segment beyond an occluded artery; less than half is not (chosen).
UNCERTAIN_RESIDUAL = 0.15  # of the log of the arterial input, one standard deviation; chosen: above what repeats differ
UNCERTAIN_PROBABILITY, UNKNOWN_PROBABILITY = 0.05, 0.2  # that a number is off by more than 40 %; chosen
MOVED_LOG = 0.15  # of the log of flow; chosen: above what repeats differ
HIDDEN_SHARE = 0.15  # of the posterior that sees the arterial input at its ceiling; chosen
MOST_BELOW_REST = 0.5  # share of the segments in which stress may lie below rest
FAILED_SHARE_FLAG = 0.2  # of the pixels of a region
FEWEST_PIXELS = 10  # of a region


def find_flags_of_every_flow(row: SegmentRow, scans: Iterable[PerfusionMaps]) -> list[Flag]:
    """What makes every flow of a scan uncertain, as far as a row has a flow of that scan."""
    return [
        flag.located(condition=maps.condition, segment=row.aha_segment)
        for maps in scans
        if getattr(row, maps.condition).pixels
        for flag in (*maps.flags, *_unreliable_input(maps))
    ]


def _unreliable_input(maps: PerfusionMaps) -> Iterator[Flag]:
    """What makes the arterial input, and with it every flow, unreliable."""
    return (flag for flag in maps.arterial_input.flags if flag.severity is Severity.UNRELIABLE)


def find_scan_flags(maps: PerfusionMaps, whole: SegmentRow) -> Iterator[Flag]:
    """Findings that concern every flow of a scan."""
    measured = maps.arterial_input
    yield from (flag.located(condition=maps.condition) for flag in measured.flags)
    if abs(measured.residual_log_shift) > UNCERTAIN_RESIDUAL:
        yield make_flag(
            FlagCode.RESIDUAL_CONTRAST_UNCERTAIN,
            Where(condition=maps.condition),
            residual_mmol_l=measured.residual_mmol_l,
            residual_sd_mmol_l=measured.residual_sd_mmol_l,
            input_log_shift=measured.residual_log_shift,
        )
    yield from _uncertainty_flags(maps.uncertainty, Where(condition=maps.condition))
    yield from _precision_flags(getattr(whole, maps.condition), Where(condition=maps.condition))
    flow = getattr(whole, maps.condition).mbf_ml_min_g
    low, high = PLAUSIBLE_MBF_ML_MIN_G[maps.condition]
    if np.isfinite(flow) and not low <= flow <= high:
        where = Where(condition=maps.condition)
        numbers = {"mbf_ml_min_g": flow, "low_ml_min_g": low, "high_ml_min_g": high}
        yield make_flag(FlagCode.GLOBAL_FLOW_IMPLAUSIBLE, where, **numbers)


def _uncertainty_flags(found: FlowUncertainty | None, where: Where) -> Iterator[Flag]:
    """What moved all flow of a scan."""
    if found is None:
        return
    if abs(found.log_shift) > MOVED_LOG:
        yield make_flag(FlagCode.FLOW_SHIFTED, where, factor=float(np.exp(found.log_shift)))
    if found.hidden_share > HIDDEN_SHARE:
        yield make_flag(FlagCode.AIF_AT_CEILING, where)


def _precision_flags(flow: RegionFlow, where: Where) -> Iterator[Flag]:
    """How far the global flow of a scan can be trusted."""
    if not has_interval(flow.mbf_ml_min_g, *flow.mbf_interval):
        return
    far = probability_far(flow.mbf_ml_min_g, *flow.mbf_interval)
    numbers = {"far_probability": far}
    numbers |= dict(zip(("mbf_low_ml_min_g", "mbf_high_ml_min_g"), flow.mbf_interval, strict=True))
    if far > UNKNOWN_PROBABILITY:
        yield make_flag(FlagCode.ABSOLUTE_FLOW_UNKNOWN, where, **numbers)
    elif far > UNCERTAIN_PROBABILITY:
        yield make_flag(FlagCode.FLOW_UNCERTAIN, where, **numbers)


def find_reserve_precision(whole: SegmentRow) -> Iterator[Flag]:
    """How far the global reserve can be trusted."""
    if not has_interval(whole.mpr, whole.mpr_low, whole.mpr_high):
        return
    far = probability_far(whole.mpr, whole.mpr_low, whole.mpr_high)
    if far > UNCERTAIN_PROBABILITY:
        code = FlagCode.RESERVE_UNKNOWN if far > UNKNOWN_PROBABILITY else FlagCode.RESERVE_UNCERTAIN
        yield make_flag(code, mpr_low=whole.mpr_low, mpr_high=whole.mpr_high, far_probability=far)


def find_study_flags(segments: Sequence[SegmentRow]) -> Iterator[Flag]:
    """What rest and stress say together."""
    known = [row.mpr for row in segments if np.isfinite(row.mpr)]
    below = sum(mpr < 1 for mpr in known)
    if known and below > MOST_BELOW_REST * len(known):
        yield make_flag(FlagCode.STRESS_BELOW_REST, Where(condition="stress"), segments=below, of=len(known))


def find_region_flags(flow: RegionFlow, where: Where) -> Iterator[Flag]:
    """Findings on the flow of one region."""
    if not flow.pixels:
        yield make_flag(FlagCode.NOT_COVERED, where)
        return
    if np.isfinite(flow.mbf_ml_min_g) and not has_interval(flow.mbf_ml_min_g, *flow.mbf_interval):
        yield make_flag(FlagCode.FLOW_WITHOUT_INTERVAL, where)
    if flow.failed_share > FAILED_SHARE_FLAG:
        yield make_flag(FlagCode.MANY_FAILED_PIXELS, where, failed_share=flow.failed_share)
    if flow.mbf_ml_min_g > MOST_MBF_ML_MIN_G:
        numbers = {"mbf_ml_min_g": flow.mbf_ml_min_g, "high_ml_min_g": MOST_MBF_ML_MIN_G}
        yield make_flag(FlagCode.FLOW_IMPLAUSIBLE, where, **numbers)
    if flow.pixels < FEWEST_PIXELS:
        yield make_flag(FlagCode.FEW_PIXELS, where, pixels=flow.pixels)


def find_reserve_flags(mpr: float, interval: tuple[float, float], segment: int | None) -> Iterator[Flag]:
    """Findings on the reserve of one region."""
    if not np.isfinite(mpr):
        return
    low, high = PLAUSIBLE_MPR
    where = Where(condition="stress", segment=segment)
    if not has_interval(mpr, *interval):
        yield make_flag(FlagCode.RESERVE_WITHOUT_INTERVAL, where)
    if not low <= mpr <= high:
        yield make_flag(FlagCode.MPR_IMPLAUSIBLE, where, mpr=mpr, low=low, high=high)
