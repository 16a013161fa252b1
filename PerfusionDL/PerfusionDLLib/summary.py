"""From flow maps to the table of segments."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from . import aha
from .contours import Origin
from .maps import PerfusionMaps, RegionFlow, SegmentRow, SegmentTable, SliceMaps
from .series import Condition

PLAUSIBLE_MBF_ML_MIN_G = {  # far outside of healthy means and their spread: Brown et al., JCMR 2018;20:48
    Condition.REST: (0.2, 2.5),
    Condition.STRESS: (0.4, 6.0),
}
FAILED_SHARE_FLAG = 0.2
FEWEST_PIXELS = 10


def summarize(rest: PerfusionMaps | None, stress: PerfusionMaps | None) -> SegmentTable:
    """The table of a study: 16 AHA segments, three coronary territories, the whole left ventricle.

    Flow of a region is the mean of the pixel map, with the relative interval of the flow of its mean curve, which
    stands beside it. MPR is stress over rest. Regions that no slice shows are NaN.
    """
    segments = tuple(
        _row(rest, stress, (segment,), segment, aha.SEGMENT_NAMES[segment]) for segment in aha.SEGMENT_NAMES
    )
    territories = tuple(_row(rest, stress, members, None, name) for name, members in aha.TERRITORY_SEGMENTS.items())
    whole = _row(rest, stress, tuple(aha.SEGMENT_NAMES), None, "global")
    doubts = tuple(f"{maps.condition}: {flag}" for maps in (rest, stress) if maps for flag in _scan_flags(maps))
    whole = replace(whole, flags=doubts + whole.flags)
    provenance = {
        f"{maps.condition}_{key}": value for maps in (rest, stress) if maps for key, value in maps.provenance.items()
    }
    return SegmentTable(segments=segments, territories=territories, whole=whole, provenance=provenance)


def _row(rest, stress, members: Sequence[int], segment: int | None, name: str) -> SegmentRow:
    flows = [RegionFlow() if maps is None else _region_flow(maps, members) for maps in (rest, stress)]
    flags = [
        f"{condition}: {text}"
        for condition, maps, flow in zip(("rest", "stress"), (rest, stress), flows, strict=True)
        if maps is not None
        for text in _region_flags(flow)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        mpr = float(np.float64(flows[1].mbf_ml_min_g) / np.float64(flows[0].mbf_ml_min_g))
    return SegmentRow(
        aha_segment=segment,
        name=name,
        level=str(aha.level_of(segment)) if segment else "",
        territory=aha.territory(segment) if segment else name if name in aha.TERRITORY_SEGMENTS else "",
        rest=flows[0],
        stress=flows[1],
        mpr=mpr if np.isfinite(mpr) else float("nan"),
        flags=tuple(flags),
    )


def _region_flow(maps: PerfusionMaps, members: Sequence[int]) -> RegionFlow:
    inside = [_counted(part, members) for part in maps.slices]
    flow = np.concatenate([part.mbf_ml_min_g[mask] for part, mask in zip(maps.slices, inside, strict=True)])
    if not flow.size:
        return RegionFlow()
    depth = np.concatenate([part.depth[mask] for part, mask in zip(maps.slices, inside, strict=True)])
    good = np.isfinite(flow)
    endo, epi = _mean(flow[good & (depth < 0.5)]), _mean(flow[good & (depth >= 0.5)])
    mean = _mean(flow[good])
    curve, low, high = _curve_flow(maps, members)
    origins = {part.origin for part, mask in zip(maps.slices, inside, strict=True) if mask.any()}
    return RegionFlow(
        mbf_ml_min_g=mean,
        mbf_low_ml_min_g=mean * low / curve,
        mbf_high_ml_min_g=mean * high / curve,
        curve_mbf_ml_min_g=curve,
        endo_ml_min_g=endo,
        epi_ml_min_g=epi,
        endo_epi_ratio=endo / epi if epi > 0 else float("nan"),
        failed_share=float(1 - good.mean()),
        pixels=int(flow.size),
        origin=str(origins.pop() if len(origins) == 1 else Origin.EDITED),
    )


def _counted(part: SliceMaps, members: Sequence[int]) -> np.ndarray:
    """Pixels of the slice (Y, X) that count for these segments; all where few would remain."""
    inside = np.isin(part.segments, members)
    if part.counted is None or np.count_nonzero(inside & part.counted) < FEWEST_PIXELS:
        return inside
    return inside & part.counted


def _curve_flow(maps: PerfusionMaps, members: Sequence[int]):
    """Flow of the mean curves and its interval, averaged over the members by their pixels.

    Errors of segments share the arterial input, so the interval of an average is the average of the intervals.
    """
    rows = [
        (np.count_nonzero(part.segments == segment), fit.mbf_ml_min_g, fit.mbf_low_ml_min_g, fit.mbf_high_ml_min_g)
        for part in maps.slices
        for segment, fit in part.segment_fits.items()
        if segment in members and np.isfinite(fit.mbf_ml_min_g)
    ]
    if not rows:
        return (float("nan"),) * 3
    weights, *values = np.array(rows, dtype=float).T
    return tuple(float(np.average(value, weights=weights)) for value in values)


def _scan_flags(maps: PerfusionMaps):
    """What casts doubt on every flow of a scan."""
    yield from maps.arterial_input.flags
    flow = _region_flow(maps, tuple(aha.SEGMENT_NAMES)).mbf_ml_min_g
    low, high = PLAUSIBLE_MBF_ML_MIN_G[maps.condition]
    if np.isfinite(flow) and not low <= flow <= high:
        yield (
            f"a global flow of {flow:.1f} mL/min/g is implausible; {low:g} to {high:g} is expected. Check the arterial "
            "input and the sequence values."
        )


def _region_flags(flow: RegionFlow):
    if not flow.pixels:
        yield "not covered by any slice."
        return
    if flow.failed_share > FAILED_SHARE_FLAG:
        yield f"{flow.failed_share:.0%} of the pixels have no trustworthy flow."
    if flow.pixels < FEWEST_PIXELS:
        yield f"only {flow.pixels} pixels."


def _mean(values) -> float:
    return float(values.mean()) if values.size else float("nan")
