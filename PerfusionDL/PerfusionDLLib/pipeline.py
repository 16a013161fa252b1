"""From preprocessed slices to flow maps, and from flow maps to the table of segments."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from . import __version__, aha, aif, concentration, kinetics
from .contours import Label, Origin, PreprocessedScan, PreprocessedSlice
from .errors import PerfusionError
from .maps import (
    ArterialInput,
    FitStatus,
    FlowModel,
    PerfusionMaps,
    RegionFlow,
    SegmentFit,
    SegmentRow,
    SegmentTable,
    SliceMaps,
)
from .residual import Baseline, Residual
from .residual import residual_contrast as residual_of_baselines
from .series import Level

NO_RESIDUAL = Residual()
MEASURED_INPUT_LOG_SD = 0.05  # scale of an arterial input measured in the images; repeatability of its peak
EDGE_PX = 1.5  # of a cavity: as far as the blur of an image reaches
TYPICAL_SPILL = 0.15  # of blood in such a pixel
FAILED_SHARE_FLAG = 0.2
FEWEST_PIXELS = 10


def quantify(
    scan: PreprocessedScan,
    *,
    model: FlowModel = FlowModel.AVERAGED,
    arterial_input: ArterialInput | None = None,
    aif_slice: int | None = None,
    residual: Residual = NO_RESIDUAL,
) -> PerfusionMaps:
    """Flow maps of a preprocessed scan.

    Parameters
    ----------
    scan : PreprocessedScan
    model : FlowModel
        How the residue function is constrained.
    arterial_input : ArterialInput, optional
        A curve to use instead of the one measured in the images.
    aif_slice : int, optional
        Slice (0-based, base first) to measure the arterial input in; by default the most basal one that has a usable
        blood pool.
    residual : Residual
        Contrast agent of an earlier injection (`residual_contrast`).

    Raises
    ------
    PerfusionError
        If no slice has a myocardium, or no arterial input can be measured.
    """
    if not any(part.contours.myocardium.any() for part in scan.slices):
        raise PerfusionError(
            f"No slice of the {scan.condition} scan has a myocardium contour.", "Draw the myocardium and recompute."
        )
    aif_curve = arterial_input or measure_arterial_input(scan, aif_slice=aif_slice, residual=residual)
    tissues = [_tissue_curves(part, aif_curve, number, residual) for number, part in enumerate(scan.slices)]
    drawn = [number for number, tissue in enumerate(tissues) if tissue.curves.curves.size]
    fitter = kinetics.prepare_fitter(
        model,
        [tissues[number].curves for number in drawn],
        aif_curve.times_s,
        aif_curve.concentration_mmol_l,
        hematocrit=scan.slices[0].series.acquisition.hematocrit,
        input_log_sd=MEASURED_INPUT_LOG_SD if aif_curve.region is not None else 0.0,
    )
    slices = tuple(
        _quantify_slice(part, tissues[number], fitter, drawn.index(number) if number in drawn else None)
        for number, part in enumerate(scan.slices)
    )
    return PerfusionMaps(
        condition=scan.condition,
        slices=slices,
        arterial_input=aif_curve,
        provenance=_provenance(scan, model, aif_curve, residual) | dict(fitter.learned),
    )


def residual_contrast(scans: Sequence[PreprocessedScan]) -> list[Residual]:
    """Contrast agent that an earlier injection left in the blood of each scan of a study."""
    baselines = [[_slice_baseline(part) for part in scan.slices] for scan in scans]
    common = [all(slices) for slices in zip(*baselines, strict=False)]
    return residual_of_baselines(
        [[one for one, kept in zip(slices, common, strict=False) if kept] for slices in baselines],
        concentration.recovered_share,
    )


def _slice_baseline(part: PreprocessedSlice) -> Baseline | None:
    try:
        region = aif.blood_region(part.motion.corrected, part.contours.blood_pool, used_frames=part.used_frames)
    except PerfusionError:
        return None
    curve, before = _blood_curve(part, region)
    if not before.any() or not part.contours.myocardium.any():
        return None
    myocardium = part.motion.corrected[before][:, part.contours.myocardium].astype(float)
    return Baseline(
        blood=float(curve[before].mean()),
        myocardium=float(concentration.without_noise_floor(myocardium.mean(), concentration.noise_level(myocardium))),
        acquisition=part.series.acquisition,
    )


def _blood_curve(part: PreprocessedSlice, region: np.ndarray):
    """Mean signal (T,) of a blood region without noise floor, NaN in unused frames, and which frames are baseline."""
    used, pixels = part.used_frames, part.motion.corrected[:, region].astype(float)
    curve = np.where(used, pixels.mean(axis=1), np.nan)
    before = used & (np.arange(len(used)) < aif.baseline_frame_count(curve))
    return concentration.without_noise_floor(curve, concentration.noise_level(pixels[before])), before


def measure_arterial_input(
    scan: PreprocessedScan, *, aif_slice: int | None = None, residual: Residual = NO_RESIDUAL
) -> ArterialInput:
    """The arterial input from the left-ventricular blood pool of one slice.

    By default the most basal slice whose curve raises no flag; if every one does, the most basal that has a curve.

    Raises
    ------
    PerfusionError
        If no slice has a usable blood pool.
    """
    candidates = range(len(scan.slices)) if aif_slice is None else (aif_slice,)
    found, problem = [], None
    for number in candidates:
        try:
            found.append(_slice_arterial_input(scan.slices[number], number, residual))
        except PerfusionError as error:
            problem = problem or error
            continue
        if not found[-1].flags:
            return found[-1]
    if found:
        return found[0]
    raise problem or PerfusionError("The scan has no slices.", "Load a perfusion series.")


def _slice_arterial_input(part: PreprocessedSlice, number: int, residual: Residual) -> ArterialInput:
    used, series = part.used_frames, part.series
    region = aif.blood_region(part.motion.corrected, part.contours.blood_pool, used_frames=used)
    curve, before = _blood_curve(part, region)
    blood = concentration.concentration(
        curve,
        series.acquisition,
        baseline=curve[before].mean() if before.any() else np.nan,
        t10_s=series.acquisition.t10_blood_s,
        baseline_mmol_l=residual.blood_mmol_l,
    )
    blood[~used] = np.interp(series.times_s[~used], series.times_s[used], blood[used])
    name = series.level or f"slice {number + 1}"
    return aif.arterial_input(series.times_s, blood, region=region, source=f"blood pool, {name}")


@dataclass(frozen=True)
class _Tissue:
    """Concentration curves of a slice's myocardium, grouped by segment, and what to know about them."""

    curves: kinetics.CurveSet
    segments: np.ndarray
    saturated: np.ndarray
    outermost: np.ndarray
    flags: tuple[str, ...]


def _tissue_curves(part: PreprocessedSlice, aif_curve: ArterialInput, number: int, residual: Residual) -> _Tissue:
    segments, flags = _segments(part, number)
    tissue, saturated = _tissue_concentration(part, aif_curve, residual)
    contours = part.contours
    blood = np.isin(contours.labels, (Label.BLOOD_POOL, Label.RV_BLOOD_POOL))
    near_blood = ndimage.distance_transform_edt(~blood) <= EDGE_PX if blood.any() else blood
    outermost = contours.myocardium & (ndimage.distance_transform_edt(contours.myocardium | blood) <= 1)
    curves = kinetics.CurveSet(
        times_s=part.series.times_s,
        curves=tissue,
        groups=segments[contours.myocardium].astype(int),
        used_frames=part.used_frames,
        edge=near_blood[contours.myocardium],
        inner=~(near_blood | outermost)[contours.myocardium],
        spill=_spill(part, aif_curve, residual),
    )
    return _Tissue(curves, segments, saturated, outermost, flags)


def _spill(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual) -> np.ndarray:
    """What the blood of the two cavities adds to the concentration found in a pixel that holds it, per share (2, T).

    Signals mix, concentrations do not: a mixture is converted as if it were myocardium.
    """
    acquisition, times_s = part.series.acquisition, part.series.times_s
    before = {"t10_s": acquisition.t10_blood_s}
    left = np.interp(times_s, aif_curve.times_s, aif_curve.concentration_mmol_l)
    curves = [concentration.relative_signal(left + residual.blood_mmol_l, acquisition, **before)]
    empty = concentration.relative_signal(residual.blood_mmol_l, acquisition, **before)
    right = ndimage.binary_erosion(part.contours.rv_blood_pool)
    if right.any():
        curve, quiet = _blood_curve(part, right)
        if quiet.any() and curve[quiet].mean() > 0:
            curves.append(np.nan_to_num(curve / curve[quiet].mean(), nan=1.0) * empty)
    tissue = concentration.relative_signal(residual.myocardium_mmol_l, acquisition, t10_s=acquisition.t10_myocardium_s)
    mixed = tissue + TYPICAL_SPILL * (np.array(curves) - empty)
    found = concentration.concentration(
        mixed.T,
        acquisition,
        baseline=tissue,
        t10_s=acquisition.t10_myocardium_s,
        baseline_mmol_l=residual.myocardium_mmol_l,
    )
    return np.nan_to_num(found.T) / TYPICAL_SPILL


def _quantify_slice(part: PreprocessedSlice, tissue: _Tissue, fitter: kinetics.Fitter, index: int | None) -> SliceMaps:
    contours, mask = part.contours, part.contours.myocardium
    mbf, se = np.full(mask.shape, np.nan, np.float32), np.full(mask.shape, np.nan, np.float32)
    status = np.zeros(mask.shape, np.uint8)
    segment_fits = {}
    if index is not None:
        pixels = fitter.fit(index, tissue.curves)
        status[mask] = pixels.status | np.where(tissue.saturated, FitStatus.SATURATED, 0).astype(np.uint8)
        mbf[mask], se[mask] = pixels.mbf_ml_min_g, pixels.mbf_se_ml_min_g
        mbf[status > 0], se[status > 0] = np.nan, np.nan
        segment_fits = _segment_fits(tissue, fitter, index)
    return SliceMaps(
        level=_level(part),
        mbf_ml_min_g=mbf,
        mbf_se_ml_min_g=se,
        status=status,
        segments=tissue.segments,
        depth=aha.transmural_depth(mask, contours.blood_pool),
        segment_fits=segment_fits,
        counted=mask & ~tissue.outermost,
        origin=contours.origin,
        flags=tissue.flags,
    )


def _segment_fits(tissue: _Tissue, fitter: kinetics.Fitter, index: int) -> dict[int, SegmentFit]:
    numbers = np.unique(tissue.segments[tissue.segments > 0])
    if not numbers.size:
        return {}
    means = _mean_curves(tissue.curves, numbers)
    fits = fitter.fit(index, replace(tissue.curves, curves=means, groups=numbers.astype(int), edge=None, inner=None))
    return {
        int(segment): SegmentFit(
            times_s=tissue.curves.times_s,
            concentration_mmol_l=means[:, i],
            fitted_mmol_l=fits.fitted_mmol_l[:, i],
            mbf_ml_min_g=float(fits.mbf_ml_min_g[i]),
            mbf_low_ml_min_g=float(fits.mbf_low_ml_min_g[i]),
            mbf_high_ml_min_g=float(fits.mbf_high_ml_min_g[i]),
            status=FitStatus(int(fits.status[i])),
        )
        for i, segment in enumerate(numbers)
    }


def _level(part: PreprocessedSlice) -> Level:
    return part.series.level or Level.MID


def _segments(part: PreprocessedSlice, number: int):
    contours, series = part.contours, part.series
    mask = contours.myocardium
    if not mask.any():
        return np.zeros(mask.shape, np.uint8), (f"Slice {number + 1} has no myocardium contour.",)
    if contours.anterior_rv_ras_mm is None or contours.inferior_rv_ras_mm is None:
        return np.zeros(mask.shape, np.uint8), (
            f"Slice {number + 1} has no RV insertion points, so its flow has no segments. Place the anterior and "
            "the inferior point.",
        )
    anterior, inferior = series.pixels_from_ras(np.stack((contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm)))
    return aha.aha_segments(mask, anterior_rv_yx=anterior, inferior_rv_yx=inferior, level=_level(part)), ()


def _tissue_concentration(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual):
    """Concentration of the myocardial pixels (T, N), and which of them carry no information at some frame."""
    series, used = part.series, part.used_frames
    signal = part.motion.corrected[:, part.contours.myocardium].astype(float)
    arrival_s = aif_curve.times_s[min(aif_curve.baseline_frames, len(aif_curve.times_s) - 1)]
    before = used & (series.times_s < arrival_s)
    if not before.any():
        before = np.arange(len(signal)) == np.flatnonzero(used)[0]
    signal = concentration.without_noise_floor(signal, concentration.noise_level(signal[before]))
    tissue = concentration.concentration(
        signal,
        series.acquisition,
        baseline=concentration.steady_baseline(signal[before], part.contours.myocardium),
        t10_s=series.acquisition.t10_myocardium_s,
        baseline_mmol_l=residual.myocardium_mmol_l,
    )
    return tissue, ~np.isfinite(tissue[used]).all(axis=0)


def _mean_curves(curves: kinetics.CurveSet, numbers):
    """Mean curve of each segment (T, S), pixels with partial volume and pixels without information left out."""
    member = curves.groups[:, None] == numbers
    inner = member & curves.inner[:, None]
    member = np.where(inner.sum(axis=0) >= FEWEST_PIXELS, inner, member).astype(float)
    known = np.isfinite(curves.curves)
    with np.errstate(invalid="ignore"):
        return (np.where(known, curves.curves, 0) @ member) / (known @ member)


def fingerprint(scan: PreprocessedScan) -> str:
    """Short hash of everything in a preprocessed scan that the user can edit and that flow depends on."""
    digest = hashlib.sha256()
    for part in scan.slices:
        contours = part.contours
        digest.update(np.ascontiguousarray(contours.labels).tobytes())
        for point in (contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm):
            digest.update(b"-" if point is None else np.round(np.asarray(point, float), 3).tobytes())
        digest.update(np.packbits(part.used_frames).tobytes())
    return digest.hexdigest()[:16]


def _provenance(scan: PreprocessedScan, model: FlowModel, aif_curve: ArterialInput, residual: Residual):
    acquisition = scan.slices[0].series.acquisition
    return {
        "software": f"PerfusionDL {__version__}",
        "flow_model": str(model),
        "arterial_input": aif_curve.source or "given",
        "arterial_input_flags": " ".join(aif_curve.flags),
        "saturation_time_s": f"{acquisition.saturation_time_s:g}",
        "repetition_time_s": f"{acquisition.repetition_time_s:g}",
        "flip_angle_deg": f"{acquisition.flip_angle_deg:g}",
        "pulses_to_center": f"{acquisition.pulses_to_center}",
        "t10_blood_s": f"{acquisition.t10_blood_s:g}",
        "t10_myocardium_s": f"{acquisition.t10_myocardium_s:g}",
        "relaxivity_l_mmol_s": f"{acquisition.relaxivity_l_mmol_s:g}",
        "residual_contrast": residual.how,
        "hematocrit": f"{acquisition.hematocrit:g}",
        "tissue_density_g_ml": f"{kinetics.MYOCARDIAL_DENSITY_G_ML:g}",
        "assumed": ", ".join(acquisition.assumed),
        "contours": ", ".join(str(part.contours.origin) for part in scan.slices),
        "contours_fingerprint": fingerprint(scan),
    }


def summarize(rest: PerfusionMaps | None, stress: PerfusionMaps | None) -> SegmentTable:
    """The table of a study: 16 AHA segments, three coronary territories, the whole left ventricle.

    Flow of a region is the mean of the pixel map; the flow of its mean curve stands beside it. MPR is stress over
    rest. Regions that no slice shows are NaN.
    """
    segments = tuple(
        _row(rest, stress, (segment,), segment, aha.SEGMENT_NAMES[segment]) for segment in aha.SEGMENT_NAMES
    )
    territories = tuple(_row(rest, stress, members, None, name) for name, members in aha.TERRITORY_SEGMENTS.items())
    whole = _row(rest, stress, tuple(aha.SEGMENT_NAMES), None, "global")
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
    curve, low, high = _curve_flow(maps, members)
    origins = {part.origin for part, mask in zip(maps.slices, inside, strict=True) if mask.any()}
    return RegionFlow(
        mbf_ml_min_g=_mean(flow[good]),
        mbf_low_ml_min_g=low,
        mbf_high_ml_min_g=high,
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
