"""From flow maps to the table of segments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data import aha
from ..data.contours import Origin
from ..data.errors import PerfusionError
from ..data.flag import Where
from ..data.flow import PerfusionMaps
from ..data.precision import INTERVAL_SD, has_interval
from ..data.provenance import Provenance
from ..data.study import Condition
from ..data.table import RegionFlow, SegmentRow, SegmentTable
from .intervals import index_interval, ratio_interval, reserve_interval, upslope_limits
from .table_flags import (
    FEWEST_PIXELS,
    find_flags_of_every_flow,
    find_region_flags,
    find_reserve_flags,
    find_reserve_precision,
    find_scan_flags,
    find_study_flags,
)
from .thresholds import Threshold
from .within_scan import (
    THINNEST_PX,
    border_log_sd,
    compute_mean,
    compute_thickness_px,
    flow_log_sd,
    layer_limits,
    ratio_limits,
    wall_px,
)

PLAUSIBLE_RATE_PRESSURE = (2000.0, 40000.0)  # mmHg/min
REFERENCE_RATE_PRESSURE = 10000.0


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

    scans = [maps for maps in (rest, stress) if maps is not None]
    pixels = _pixels(rest), _pixels(stress)

    def row(members, segment, name):
        found = _row(*pixels, members, segment, name)
        of_scans = find_flags_of_every_flow(found, scans)
        found = replace(found, flags=(*of_scans, *found.flags))
        return _flagged(_corrected(found, rate_pressure_product), thresholds)

    segments = tuple(row((segment,), segment, aha.SEGMENT_NAMES[segment]) for segment in aha.SEGMENT_NAMES)
    territories = tuple(row(members, None, name) for name, members in aha.TERRITORY_SEGMENTS.items())
    whole = row(tuple(aha.SEGMENT_NAMES), None, "global")
    there = {(flag.code, flag.where.condition) for flag in whole.flags}
    of_scans = tuple(
        flag
        for maps in scans
        for flag in find_scan_flags(maps, whole)
        if (flag.code, flag.where.condition) not in there
    )
    of_study = (*find_study_flags(segments), *find_reserve_precision(whole))
    whole = replace(whole, flags=of_scans + of_study + whole.flags)
    study = {}
    if rate_pressure_product is not None:
        study["rate_pressure_product_mmhg_min"] = f"{rate_pressure_product:g}"
    if thresholds:
        study["thresholds"] = "; ".join(map(str, thresholds))
    provenance = Provenance(scans={maps.condition: dict(maps.provenance) for maps in scans}, study=study)
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


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else float("nan")


@dataclass(frozen=True)
class _Pixels:
    """The myocardial pixels of a scan that are in a segment, all slices in a row.

    part (N,) : number of the slice; wall (N,) : thickness of the wall in pixels
    counted (N,) bool : for a region's mean, where enough pixels remain
    sizes (S, 17) : pixels of each segment in each slice
    """

    maps: PerfusionMaps
    part: np.ndarray
    segment: np.ndarray
    flow: np.ndarray
    standard_error: np.ndarray
    depth: np.ndarray
    wall: np.ndarray
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
        standard_error=along("mbf_se_ml_min_g"),
        depth=along("depth"),
        wall=np.concatenate([wall_px(part.depth)[mask] for part, mask in zip(maps.slices, inside, strict=True)]),
        counted=np.concatenate(counted),
        sizes=sizes,
    )


def _row(rest, stress, members: Sequence[int], segment: int | None, name: str) -> SegmentRow:
    flows = [RegionFlow() if pixels is None else _region_flow(pixels, members) for pixels in (rest, stress)]
    flags = [
        flag
        for condition, pixels, flow in zip(Condition, (rest, stress), flows, strict=True)
        if pixels is not None
        for flag in find_region_flags(flow, Where(condition=condition, segment=segment))
    ]
    mpr = _ratio(flows[1].mbf_ml_min_g, flows[0].mbf_ml_min_g)
    rest_flow, stress_flow = ((flow.mbf_ml_min_g, flow.mbf_low_ml_min_g, flow.mbf_high_ml_min_g) for flow in flows)
    mpr_low, mpr_high = ratio_interval(stress_flow, rest_flow)
    uncertainties = [pixels.maps.uncertainty if pixels else None for pixels in (rest, stress)]
    if all(uncertainties):
        mpr_low, mpr_high = reserve_interval(stress_flow, rest_flow, uncertainties)
    flags += find_reserve_flags(mpr, (mpr_low, mpr_high), segment)
    mpri = _ratio(flows[1].upslope, flows[0].upslope)
    mpri_low, mpri_high = index_interval(mpri, flows, uncertainties)
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
        mpri=mpri,
        mpri_low=mpri_low,
        mpri_high=mpri_high,
        flags=tuple(flags),
    )


def _region_flow(pixels: _Pixels, members: Sequence[int]) -> RegionFlow:
    chosen = _counted(pixels, members)
    flow, error, depth = pixels.flow[chosen], pixels.standard_error[chosen], pixels.depth[chosen]
    if not flow.size:
        return RegionFlow()
    good = np.isfinite(flow)
    thickness_px = compute_thickness_px(pixels.wall[np.isin(pixels.segment, members)])
    halved = good & (thickness_px > THINNEST_PX)
    inner, outer = halved & (depth < 0.5), halved & (depth >= 0.5)
    whole, endo, epi = (compute_mean(flow[part], error[part]) for part in (good, inner, outer))
    border = border_log_sd(thickness_px)
    curve, below, above, upslope, upslope_log_sd = _curve_flow(pixels, members)
    upslope_low, upslope_high = upslope_limits(upslope, upslope_log_sd, pixels.maps)
    if not has_interval(1.0, below, above):
        below, above = _limits_without_curve(pixels, chosen)
    endo_low, endo_high = layer_limits(endo, border, (below, above))
    epi_low, epi_high = layer_limits(epi, border, (below, above))
    ratio_low, ratio_high = ratio_limits(endo, epi, border)
    origins = {pixels.maps.slices[number].origin for number in np.unique(pixels.part[chosen])}
    return RegionFlow(
        mbf_ml_min_g=whole.value,
        mbf_low_ml_min_g=whole.value * below,
        mbf_high_ml_min_g=whole.value * above,
        curve_mbf_ml_min_g=curve,
        endo_ml_min_g=endo.value,
        epi_ml_min_g=epi.value,
        endo_epi_ratio=_ratio(endo.value, epi.value),
        upslope=upslope,
        failed_share=float(1 - good.mean()),
        pixels=int(flow.size),
        origin=str(origins.pop() if len(origins) == 1 else Origin.EDITED),
        endo_low_ml_min_g=endo_low,
        endo_high_ml_min_g=endo_high,
        epi_low_ml_min_g=epi_low,
        epi_high_ml_min_g=epi_high,
        endo_epi_ratio_low=ratio_low,
        endo_epi_ratio_high=ratio_high,
        within_scan_log_sd=flow_log_sd(whole, border),
        upslope_low=upslope_low,
        upslope_high=upslope_high,
    )


def _limits_without_curve(pixels: _Pixels, chosen: np.ndarray) -> tuple[float, float]:
    """Limits over flow where no mean curve could be fitted: what its pixels and the whole scan leave open.

    Pixels count as one, because nothing tells how much of their errors is noise. NaN where neither tells anything.
    """
    log_sd = (pixels.standard_error / pixels.flow)[chosen]
    log_sd = log_sd[np.isfinite(log_sd)]
    if pixels.maps.uncertainty is None and not log_sd.size:
        return float("nan"), float("nan")
    own = INTERVAL_SD * float(np.median(log_sd)) if log_sd.size else 0.0
    below, above = np.hypot(own, pixels.maps.shared_log_distances)
    with np.errstate(over="ignore"):  # nothing bounds pixels of noise from above
        return float(np.exp(-below)), float(np.exp(above))


def _counted(pixels: _Pixels, members: Sequence[int]) -> np.ndarray:
    """Pixels (N,) that count for these segments; all of a slice where few would remain in it."""
    inside = np.isin(pixels.segment, members)
    remaining = np.bincount(pixels.part[inside & pixels.counted], minlength=len(pixels.maps.slices))
    return inside & (pixels.counted | (remaining < FEWEST_PIXELS)[pixels.part])


def _curve_flow(pixels: _Pixels, members: Sequence[int]) -> tuple[float, float, float, float, float]:
    """Flow of the mean curves, the limits of its interval over it, their upslope and its noise, averaged by pixels.

    Errors of segments share the arterial input, so the interval of an average is the average of the intervals. A mean
    curve that has none takes no part in them.
    """
    fits = [
        (pixels.sizes[number, segment], fit)
        for number, part in enumerate(pixels.maps.slices)
        for segment, fit in part.segment_fits.items()
        if segment in members and np.isfinite(fit.mbf_ml_min_g)
    ]
    known = [
        (size, fit) for size, fit in fits if has_interval(fit.mbf_ml_min_g, fit.mbf_low_ml_min_g, fit.mbf_high_ml_min_g)
    ]

    def average(of, name: str) -> float:
        values = [getattr(fit, name) for _, fit in of]
        return float(np.average(values, weights=[size for size, _ in of])) if values else float("nan")

    flow = average(known, "mbf_ml_min_g")
    return (
        average(fits, "mbf_ml_min_g"),
        average(known, "mbf_low_ml_min_g") / flow,
        average(known, "mbf_high_ml_min_g") / flow,
        average(fits, "upslope"),
        average(fits, "upslope_log_sd"),
    )
