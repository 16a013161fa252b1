"""From flow maps to the table of segments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data import aha
from ..data.contours import Origin
from ..data.errors import PerfusionError
from ..data.flag import Flag, FlagCode, Severity, Where, make_flag
from ..data.flow import FlowUncertainty, PerfusionMaps
from ..data.provenance import Provenance
from ..data.study import Condition
from ..data.table import RegionFlow, SegmentRow, SegmentTable
from .intervals import ratio_interval, reserve_interval
from .thresholds import Threshold

PLAUSIBLE_MBF_ML_MIN_G = {  # far outside of healthy means and their spread: Brown et al., JCMR 2018;20:48
    Condition.REST: (0.2, 2.5),
    Condition.STRESS: (0.4, 6.0),
}
MOST_MBF_ML_MIN_G = 7.0  # of a segment: mean and 8 standard deviations at stress, 2.89 (0.50), in PET of the same study
PLAUSIBLE_MPR = (0.5, 7.0)  # mean and 3.5 standard deviations, 4.17 (0.80): Sdringola et al., JACC Imaging 2011;4:402.
# Below 1 blood is stolen from a segment beyond an occluded artery; less than half is not (chosen).
UNCERTAIN_RESIDUAL = 0.15  # of the log of the arterial input, one standard deviation; chosen: above what repeats differ
BELIEVED_PROBABILITY = 0.75  # that stated values hold, below which absolute flow may not; chosen
KNOWN_RATIO = 1.5  # of the limits of a flow that is known for all that; chosen
MOVED_LOG = 0.15  # of the log of flow; chosen: above what repeats differ
HIDDEN_SHARE = 0.15  # of the posterior that sees the arterial input at its ceiling; chosen
MOST_BELOW_REST = 0.5  # share of the segments in which stress may lie below rest
PLAUSIBLE_RATE_PRESSURE = (2000.0, 40000.0)  # mmHg/min
REFERENCE_RATE_PRESSURE = 10000.0
FAILED_SHARE_FLAG = 0.2
FEWEST_PIXELS = 10


def summarize(
    rest: PerfusionMaps | None,
    stress: PerfusionMaps | None,
    *,
    rate_pressure_product: float | None = None,
    thresholds: Sequence[Threshold] = (),
) -> SegmentTable:
    """The table of a study: 16 AHA segments, three coronary territories, the whole left ventricle.

    Flow of a region is the mean of the pixel map, with the relative interval of the flow of its mean curve, which
    stands beside it. MPR is stress over rest, with the interval that the two leave it (`ratio_interval`). Regions that
    no slice shows are NaN.

    Parameters
    ----------
    rate_pressure_product : float, optional
        Heart rate times systolic pressure at rest, mmHg/min. Rest flow follows the work of the heart; it is then also
        given at a product of 10 000.
    thresholds : sequence of Threshold
        Values below are flagged.

    Raises
    ------
    PerfusionError
        If the rate-pressure product is implausible.

    References
    ----------
    Czernin J et al., Circulation 1993;88:62 (rate-pressure product).
    """
    if rate_pressure_product is not None:
        check_rate_pressure_product(rate_pressure_product)

    pixels = _pixels(rest), _pixels(stress)

    def row(members, segment, name):
        found = _flagged_by_scan(_row(*pixels, members, segment, name), rest, stress)
        return _flagged(_corrected(found, rate_pressure_product), thresholds)

    segments = tuple(row((segment,), segment, aha.SEGMENT_NAMES[segment]) for segment in aha.SEGMENT_NAMES)
    territories = tuple(row(members, None, name) for name, members in aha.TERRITORY_SEGMENTS.items())
    whole = row(tuple(aha.SEGMENT_NAMES), None, "global")
    there = {(flag.code, flag.where.condition) for flag in whole.flags}
    of_scans = tuple(
        flag
        for maps in (rest, stress)
        if maps
        for flag in _scan_flags(maps, whole)
        if (flag.code, flag.where.condition) not in there
    )
    whole = replace(whole, flags=of_scans + tuple(_study_flags(segments)) + whole.flags)
    study = {}
    if rate_pressure_product is not None:
        study["rate_pressure_product_mmhg_min"] = f"{rate_pressure_product:g}"
    if thresholds:
        study["thresholds"] = "; ".join(map(str, thresholds))
    provenance = Provenance(
        scans={maps.condition: dict(maps.provenance) for maps in (rest, stress) if maps}, study=study
    )
    return SegmentTable(segments=segments, territories=territories, whole=whole, provenance=provenance)


def check_rate_pressure_product(value: float) -> None:
    """Raise PerfusionError unless the product is plausible."""
    low, high = PLAUSIBLE_RATE_PRESSURE
    if not low <= value <= high:
        raise PerfusionError(
            f"The rate-pressure product is {value:g} mmHg/min; {low:g} to {high:g} is plausible.",
            "Enter heart rate (per minute) times systolic pressure (mmHg) at rest.",
        )


def _corrected(row: SegmentRow, rate_pressure_product: float | None) -> SegmentRow:
    if rate_pressure_product is None:
        return row
    rest = row.rest.mbf_ml_min_g * REFERENCE_RATE_PRESSURE / rate_pressure_product
    return replace(row, corrected_rest_ml_min_g=rest, corrected_mpr=_ratio(row.stress.mbf_ml_min_g, rest))


def _flagged(row: SegmentRow, thresholds: Sequence[Threshold]) -> SegmentRow:
    return replace(row, flags=row.flags + tuple(flag for each in thresholds if (flag := each.flag(row)) is not None))


def _flagged_by_scan(row: SegmentRow, rest: PerfusionMaps | None, stress: PerfusionMaps | None) -> SegmentRow:
    """The row with what makes every flow of a scan uncertain, as far as it has a flow of that scan."""
    found = [
        flag.located(condition=maps.condition, segment=row.aha_segment)
        for maps in (rest, stress)
        if maps and getattr(row, maps.condition).pixels
        for flag in (*maps.flags, *_unreliable_input(maps))
    ]
    return replace(row, flags=(*found, *row.flags))


def _unreliable_input(maps: PerfusionMaps) -> Iterator[Flag]:
    """What makes the arterial input, and with it every flow, unreliable."""
    return (flag for flag in maps.arterial_input.flags if flag.severity is Severity.UNRELIABLE)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")


@dataclass(frozen=True)
class _Pixels:
    """The myocardial pixels of a scan that are in a segment, all slices in a row.

    part (N,) : number of the slice; counted (N,) bool : for a region's mean, where enough pixels remain
    sizes (S, 17) : pixels of each segment in each slice
    """

    maps: PerfusionMaps
    part: np.ndarray
    segment: np.ndarray
    flow: np.ndarray
    depth: np.ndarray
    counted: np.ndarray
    sizes: np.ndarray


def _pixels(maps: PerfusionMaps | None) -> _Pixels | None:
    if maps is None:
        return None
    inside = [np.nonzero(part.segments) for part in maps.slices]

    def along(name):
        return np.concatenate([getattr(part, name)[mask] for part, mask in zip(maps.slices, inside, strict=True)])

    counted = [
        np.ones(len(mask[0]), bool) if part.counted is None else part.counted[mask]
        for part, mask in zip(maps.slices, inside, strict=True)
    ]
    numbers = np.repeat(np.arange(len(inside)), [len(mask[0]) for mask in inside])
    sizes = np.array([np.bincount(part.segments.ravel(), minlength=17) for part in maps.slices])
    return _Pixels(
        maps=maps,
        part=numbers,
        segment=along("segments"),
        flow=along("mbf_ml_min_g"),
        depth=along("depth"),
        counted=np.concatenate(counted),
        sizes=sizes,
    )


def _row(rest, stress, members: Sequence[int], segment: int | None, name: str) -> SegmentRow:
    flows = [RegionFlow() if pixels is None else _region_flow(pixels, members) for pixels in (rest, stress)]
    flags = [
        flag
        for condition, pixels, flow in zip(Condition, (rest, stress), flows, strict=True)
        if pixels is not None
        for flag in _region_flags(flow, Where(condition=condition, segment=segment))
    ]
    mpr = _ratio(flows[1].mbf_ml_min_g, flows[0].mbf_ml_min_g)
    rest_flow, stress_flow = ((flow.mbf_ml_min_g, flow.mbf_low_ml_min_g, flow.mbf_high_ml_min_g) for flow in flows)
    mpr_low, mpr_high = ratio_interval(stress_flow, rest_flow)
    uncertainties = [pixels.maps.uncertainty if pixels else None for pixels in (rest, stress)]
    if all(uncertainties):
        mpr_low, mpr_high = reserve_interval(stress_flow, rest_flow, uncertainties)
    if np.isfinite(mpr) and not PLAUSIBLE_MPR[0] <= mpr <= PLAUSIBLE_MPR[1]:
        where = Where(condition="stress", segment=segment)
        flags.append(make_flag(FlagCode.MPR_IMPLAUSIBLE, where, mpr=mpr, low=PLAUSIBLE_MPR[0], high=PLAUSIBLE_MPR[1]))
    return SegmentRow(
        aha_segment=segment,
        name=name,
        level=str(aha.level_of(segment)) if segment else "",
        territory=aha.territory(segment) if segment else name if name in aha.TERRITORY_SEGMENTS else "",
        rest=flows[0],
        stress=flows[1],
        mpr=mpr,
        mpr_low=mpr_low,
        mpr_high=mpr_high,
        mpri=_ratio(flows[1].upslope, flows[0].upslope),
        flags=tuple(flags),
    )


def _region_flow(pixels: _Pixels, members: Sequence[int]) -> RegionFlow:
    chosen = _counted(pixels, members)
    flow, depth = pixels.flow[chosen], pixels.depth[chosen]
    if not flow.size:
        return RegionFlow()
    good = np.isfinite(flow)
    endo, epi = _mean(flow[good & (depth < 0.5)]), _mean(flow[good & (depth >= 0.5)])
    mean = _mean(flow[good])
    curve, low, high, upslope = _curve_flow(pixels, members)
    below, above = low / curve, high / curve
    of_all = pixels.maps.uncertainty
    if of_all is not None and not np.isfinite(curve):  # no mean curve could be fitted; what the whole scan leaves open
        below, above = float(np.exp(-of_all.log_below)), float(np.exp(of_all.log_above))
    origins = {pixels.maps.slices[number].origin for number in np.unique(pixels.part[chosen])}
    return RegionFlow(
        mbf_ml_min_g=mean,
        mbf_low_ml_min_g=mean * below,
        mbf_high_ml_min_g=mean * above,
        curve_mbf_ml_min_g=curve,
        endo_ml_min_g=endo,
        epi_ml_min_g=epi,
        endo_epi_ratio=_ratio(endo, epi),
        upslope=upslope,
        failed_share=float(1 - good.mean()),
        pixels=int(flow.size),
        origin=str(origins.pop() if len(origins) == 1 else Origin.EDITED),
    )


def _counted(pixels: _Pixels, members: Sequence[int]) -> np.ndarray:
    """Pixels (N,) that count for these segments; all of a slice where few would remain in it."""
    inside = np.isin(pixels.segment, members)
    remaining = np.bincount(pixels.part[inside & pixels.counted], minlength=len(pixels.maps.slices))
    return inside & (pixels.counted | (remaining < FEWEST_PIXELS)[pixels.part])


def _curve_flow(pixels: _Pixels, members: Sequence[int]):
    """Flow of the mean curves, its interval and their upslope, averaged over the members by their pixels.

    Errors of segments share the arterial input, so the interval of an average is the average of the intervals.
    """
    rows = [
        (
            pixels.sizes[number, segment],
            fit.mbf_ml_min_g,
            fit.mbf_low_ml_min_g,
            fit.mbf_high_ml_min_g,
            fit.upslope,
        )
        for number, part in enumerate(pixels.maps.slices)
        for segment, fit in part.segment_fits.items()
        if segment in members and np.isfinite(fit.mbf_ml_min_g)
    ]
    if not rows:
        return (float("nan"),) * 4
    weights, *values = np.array(rows, dtype=float).T
    return tuple(float(np.average(value, weights=weights)) for value in values)


def _scan_flags(maps: PerfusionMaps, whole: SegmentRow) -> Iterator[Flag]:
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
    yield from _uncertainty_flags(maps.uncertainty, getattr(whole, maps.condition), Where(condition=maps.condition))
    flow = getattr(whole, maps.condition).mbf_ml_min_g
    low, high = PLAUSIBLE_MBF_ML_MIN_G[maps.condition]
    if np.isfinite(flow) and not low <= flow <= high:
        where = Where(condition=maps.condition)
        numbers = {"mbf_ml_min_g": flow, "low_ml_min_g": low, "high_ml_min_g": high}
        yield make_flag(FlagCode.GLOBAL_FLOW_IMPLAUSIBLE, where, **numbers)


def _uncertainty_flags(found: FlowUncertainty | None, flow: RegionFlow, where: Where) -> Iterator[Flag]:
    """What values that nobody knows make of all flow of a scan."""
    if found is None:
        return
    limits = flow.mbf_low_ml_min_g, flow.mbf_high_ml_min_g
    if found.as_stated_probability < BELIEVED_PROBABILITY and not limits[1] <= KNOWN_RATIO * limits[0]:
        numbers = dict(zip(("mbf_low_ml_min_g", "mbf_high_ml_min_g"), limits, strict=True))
        yield make_flag(FlagCode.ABSOLUTE_FLOW_UNKNOWN, where, **numbers)
    if abs(found.log_shift) > MOVED_LOG:
        yield make_flag(FlagCode.FLOW_SHIFTED, where, factor=float(np.exp(found.log_shift)))
    if found.hidden_share > HIDDEN_SHARE:
        yield make_flag(FlagCode.AIF_AT_CEILING, where)


def _study_flags(segments: Sequence[SegmentRow]) -> Iterator[Flag]:
    """What rest and stress say together."""
    known = [row.mpr for row in segments if np.isfinite(row.mpr)]
    below = sum(mpr < 1 for mpr in known)
    if known and below > MOST_BELOW_REST * len(known):
        yield make_flag(FlagCode.STRESS_BELOW_REST, Where(condition="stress"), segments=below, of=len(known))


def _region_flags(flow: RegionFlow, where: Where) -> Iterator[Flag]:
    if not flow.pixels:
        yield make_flag(FlagCode.NOT_COVERED, where)
        return
    if flow.failed_share > FAILED_SHARE_FLAG:
        yield make_flag(FlagCode.MANY_FAILED_PIXELS, where, failed_share=flow.failed_share)
    if flow.mbf_ml_min_g > MOST_MBF_ML_MIN_G:
        numbers = {"mbf_ml_min_g": flow.mbf_ml_min_g, "high_ml_min_g": MOST_MBF_ML_MIN_G}
        yield make_flag(FlagCode.FLOW_IMPLAUSIBLE, where, **numbers)
    if flow.pixels < FEWEST_PIXELS:
        yield make_flag(FlagCode.FEW_PIXELS, where, pixels=flow.pixels)


def _mean(values) -> float:
    return float(values.mean()) if values.size else float("nan")
