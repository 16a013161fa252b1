"""From the images of a preprocessed scan to the arterial input, and to what an earlier injection left in the blood."""

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..cache import NO_CACHE, Cache
from ..data.errors import PerfusionError
from ..data.flag import Flag, FlagCode, make_flag
from ..data.flow import ArterialInput
from ..data.identity import NOT_IN_CURVES
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from ..data.study import PerfusionSeries
from ..signal import saturation_recovery
from . import landmarks
from .residual_contrast import Baseline, Residual, log_shift_by_residual
from .residual_contrast import residual_contrast as residual_of_baselines

NO_RESIDUAL = Residual()
STATIC_PERCENTILE = 99.5  # of a baseline image: fat near the coil
MEASURED_INPUT_LOG_SD = 0.05  # scale of an arterial input measured in the images; repeatability of its peak
BASELINE_LOG_SD, FLOOR_LOG_SD = 0.005, 0.1  # relative error of the baseline: in any case, and where noise equals it
LEAST_BASELINE_SNR = 3.0
LEAST_RESOLVED_SNR = 1.1  # of a baseline: noise alone, of 60 pixels in 8 frames, reads as 0 to 1.05 (simulated)
HIDDEN_LOG_SD = 0.7  # of the scale where the baseline is less than that; chosen: a factor of 2
FEWEST_CLEAN_FRAMES, SHORT_BASELINE_LOG_SD = 3, 0.15  # error with one or two: up to 15 % (phantom cut off in front)
LOST_BASELINE_LOG_SD = 0.7  # error where contrast agent was in the blood of all frames: factors of 1.2 to 4 (the same)
OWN_INJECTION_S = 2.0  # chosen: a blood baseline this short before the upstroke holds the scan's own injection
SEARCH_MM = 12.0  # around the blood pool, for the heart of another series that is not motion-compensated
LEAST_LIKENESS = 0.9  # correlation of such a pixel's curve with that of the blood pool
UNSATURATED_MMOL_L = 1.5  # below it no sequence is near saturation: a pre-bolus is aligned there
RELIABLE_BASELINE_SNR, FEWEST_LATE_FRAMES = 8.0, 8
UNCERTAIN_LOG_SD = 0.3  # of a clipped input
LEAST_OF_OTHERS = 0.7  # peak of a slice's input over the median of all slices'
LARGEST_SHIFT_S, SHIFT_STEP_S = 60.0, 0.05


def measure_arterial_input(
    scan: PreprocessedScan,
    *,
    aif_slice: int | None = None,
    region: np.ndarray | None = None,
    dose_ratio: float | None = None,
    residual: Residual = NO_RESIDUAL,
) -> ArterialInput:
    """The arterial input of a scan.

    From the series made for it where the study has one (short saturation time, or a pre-bolus with its dose ratio)
    and it gives a curve without flags; else from the left-ventricular blood pool of the most basal slice whose curve
    raises no flag (if every one does, of the most basal that has a curve) and peaks no more than 30 % below the median
    of the slices; one that does is named in a flag.

    Parameters
    ----------
    aif_slice : int, optional
        Measure in this slice (0-based, base first), and not in another series.
    region : (Y, X) bool, optional
        Pixels of ``aif_slice`` to take instead of those found in the blood pool.
    dose_ratio : float, optional
        Dose of the main bolus over that of the pre-bolus, injected at the same rate and volume; without it a pre-bolus
        cannot be used.

    Raises
    ------
    PerfusionError
        If no slice has a usable blood pool.
    """
    if region is not None and aif_slice is None:
        raise ValueError("a region needs the number of its slice in aif_slice, got None")
    inside = _in_slices(scan, aif_slice, region, residual)
    if scan.aif_series is None or aif_slice is not None:
        return inside
    if scan.aif_is_prebolus and dose_ratio is None:
        return replace(inside, flags=(*inside.flags, make_flag(FlagCode.AIF_PREBOLUS_WITHOUT_RATIO)))
    try:
        made = _in_series(scan, inside, residual, dose_ratio)
    except PerfusionError as error:
        unusable = make_flag(FlagCode.AIF_SERIES_UNUSABLE, problem=error.problem)
        return replace(inside, flags=(*inside.flags, unusable))
    if made.flags and not inside.flags:
        reason = made.flags[0]
        flag = make_flag(FlagCode.AIF_SERIES_FLAGGED, reason=reason.text, reason_code=str(reason.code))
        return replace(inside, flags=(flag,))
    return made


def _in_slices(scan, aif_slice, region, residual):
    candidates = range(len(scan.slices)) if aif_slice is None else (aif_slice,)
    found, problem = [], None
    for number in candidates:
        try:
            found.append(slice_arterial_input(scan.slices[number], number, residual, region))
        except PerfusionError as error:
            problem = problem or error
    if found:
        return _of_slices(found)
    raise problem or PerfusionError("The scan has no slices.", "Load a perfusion series.")


def _of_slices(found: Sequence[ArterialInput]) -> ArterialInput:
    """The first input without flags whose peak is not much lower than those of the other slices.

    All slices see the same blood: one that shows much less contrast agent was measured beside it, or its frames before
    the contrast agent were.
    """
    good = [one for one in found if not one.flags] or found
    peaks = np.array([np.nanmax(one.concentration_mmol_l) for one in good])
    low = peaks < LEAST_OF_OTHERS * np.median(peaks)
    first = good[int(np.argmin(low))]
    if not low[0]:
        return first
    flag = make_flag(
        FlagCode.AIF_LOWER_THAN_OTHERS,
        source=good[0].source,
        peak_mmol_l=float(peaks[0]),
        others_mmol_l=float(np.median(peaks[~low])),
    )
    return replace(first, flags=(*first.flags, flag))


def _in_series(scan: PreprocessedScan, inside: ArterialInput, residual: Residual, dose_ratio: float | None):
    """The arterial input in a series of its own, found by the place and the time of the blood pool in the slices."""
    series, part = scan.aif_series, scan.slices[0]
    prebolus = scan.aif_is_prebolus
    if series is None:
        raise ValueError(f"the {scan.condition} scan has no series of its own for the arterial input")
    if prebolus and dose_ratio is None:
        raise ValueError("a pre-bolus needs the ratio of the doses, got none")
    search = _search_area(series, part)
    curves = series.signal[:, search].astype(float)
    if prebolus:
        region = landmarks.blood_region(series.signal, search)
    else:
        blood = np.interp(series.times_s, inside.times_s, at_least(inside))
        region = np.zeros_like(search)
        region[search] = _likeness(curves, blood) > LEAST_LIKENESS
        region = landmarks.blood_region(series.signal, region)
    used = np.ones(len(series.times_s), bool)
    before = NO_RESIDUAL if prebolus else residual  # of a study's first injection nothing is left
    scale = dose_ratio if prebolus and dose_ratio is not None else 1.0
    found = _arterial_input(
        series,
        series.signal,
        used,
        region,
        before,
        "arterial input series",
        scale=scale,
        late=None if prebolus or inside.log_sd > UNCERTAIN_LOG_SD else inside,
    )
    return _aligned(found, inside, scale) if prebolus else found


def _search_area(series: PerfusionSeries, part: PreprocessedSlice) -> np.ndarray:
    """Pixels (Y, X) of another series where the left-ventricular blood pool of a slice may be."""
    rows, columns = np.nonzero(part.contours.blood_pool)
    if not rows.size:
        raise PerfusionError("The basal slice has no blood pool.", "Draw the blood pool of the basal slice.")
    place = series.pixels_from_ras(part.series.ras_from_pixels(np.stack((rows, columns), axis=1).astype(float)))
    near = np.zeros(series.signal.shape[1:], bool)
    inside = np.round(place).astype(int)
    kept = ((inside >= 0) & (inside < near.shape)).all(axis=1)
    near[tuple(inside[kept].T)] = True
    if not near.any():
        raise PerfusionError("It does not show the left ventricle.", "Check that it belongs to this study.")
    return ndimage.distance_transform_edt(~near, sampling=series.spacing_mm) <= SEARCH_MM


def at_least(found: ArterialInput) -> np.ndarray:
    """Concentration (T,) with its saturated frames bridged: they hold no less than the highest that could be read."""
    curve = found.concentration_mmol_l
    known = np.isfinite(curve)
    bridged = landmarks.bridge_frames(found.times_s, curve, known)
    return np.where(known, curve, np.maximum(bridged, curve[known].max()))


def _likeness(curves, blood):
    """Correlation (N,) of curves (T, N) with that of the blood (T,)."""
    blood = blood - blood.mean()
    curves = curves - curves.mean(axis=0)
    return blood @ curves / np.maximum(np.linalg.norm(blood) * np.linalg.norm(curves, axis=0), 1e-30)


def _aligned(prebolus: ArterialInput, inside: ArterialInput, dose_ratio: float) -> ArterialInput:
    """A scaled pre-bolus on the clock of the main bolus: moved to where the unsaturated rise of the two agrees."""
    curve = at_least(inside)
    rise = np.flatnonzero((curve < UNSATURATED_MMOL_L) & (np.arange(curve.size) <= inside.peak_frame))
    rise = rise[rise >= inside.baseline_frames - 2]
    if rise.size < 3:
        raise PerfusionError("It cannot be aligned with the main bolus.", "Use the arterial input of the slices.")
    shifts_s = np.arange(-LARGEST_SHIFT_S, LARGEST_SHIFT_S, SHIFT_STEP_S)
    moved = np.interp(inside.times_s[rise][None] - shifts_s[:, None], prebolus.times_s, at_least(prebolus))
    # The scale of the rise may differ a little; only its place in time counts.
    strength = np.maximum((moved**2).sum(axis=1), 1e-30)
    share = (moved @ curve[rise]) ** 2 / strength
    shift_s = shifts_s[np.argmax(share)]
    times_s = prebolus.times_s + shift_s
    return replace(prebolus, times_s=times_s, source=f"pre-bolus, dose ratio {dose_ratio:g}, moved by {shift_s:+.1f} s")


def slice_arterial_input(
    part: PreprocessedSlice, number: int, residual: Residual, region: np.ndarray | None = None
) -> ArterialInput:
    """The arterial input from the blood pool of one slice, or from a region that the user drew in it."""
    if region is None:
        region = landmarks.blood_region(part.motion.corrected, part.contours.blood_pool, used_frames=part.used_frames)
        source = "blood pool"
    elif region.sum() < landmarks.SMALLEST_REGION_PX:
        raise PerfusionError(
            f"The region for the arterial input has {int(region.sum())} pixels; "
            f"it needs {landmarks.SMALLEST_REGION_PX}.",
            "Draw a larger region inside the left ventricle.",
        )
    else:
        source = "region of the user"
    name = part.series.level or f"slice {number + 1}"
    return _arterial_input(part.series, part.motion.corrected, part.used_frames, region, residual, f"{source}, {name}")


def _arterial_input(
    series: PerfusionSeries,
    images: np.ndarray,
    used: np.ndarray,
    region: np.ndarray,
    residual: Residual,
    source: str,
    *,
    scale: float = 1.0,
    late: ArterialInput | None = None,
) -> ArterialInput:
    """The arterial input in a region of a series, times the dose ratio ``scale``.

    Soon after saturation, blood without contrast agent is hardly brighter than noise. The baseline is then that with
    which low concentrations after the first pass are those of ``late``, measured far from saturation.
    """
    acquisition = series.acquisition
    curve, before = blood_curve(images, used, region)
    baseline = curve[before].mean() if before.any() else np.nan

    def convert(baseline, left_mmol_l=residual.blood_mmol_l):
        return saturation_recovery.concentration(
            curve,
            acquisition,
            baseline=baseline,
            t10_s=acquisition.t10_blood_s,
            baseline_mmol_l=left_mmol_l,
            r2_star_l_mmol_s=acquisition.r2_star_blood_l_mmol_s,
        )

    noise = saturation_recovery.noise_level(images[before][:, region].astype(float))
    source_of_scale = None
    if late is not None and baseline < RELIABLE_BASELINE_SNR * noise:
        source_of_scale = late
        baseline = _agreeing_baseline(convert, baseline, series.times_s, late)
    hidden = HIDDEN_LOG_SD * float(baseline < LEAST_RESOLVED_SNR * noise)
    baseline = max(baseline, LEAST_RESOLVED_SNR * noise)
    if not baseline > 0:
        raise PerfusionError(
            f"The {source} has no signal before the contrast agent arrives, so that its concentration has no scale.",
            "Check that the images are magnitude images whose background was not subtracted; or give the arterial "
            "input as a curve.",
        )
    blood = convert(baseline)
    baseline_log_sd = np.hypot(BASELINE_LOG_SD, FLOOR_LOG_SD * (noise / baseline) ** 2)
    held = np.nansum(blood), np.nansum(convert(baseline * (1 + baseline_log_sd)))
    if not min(held) > 0:
        raise PerfusionError(
            f"The {source} holds no contrast agent: on the whole it is not brighter than in its frames of baseline.",
            "Check that the blood-pool contour lies inside the left ventricle, and that the series begins before the "
            "contrast agent arrives; or choose another slice for the input.",
        )
    shift = np.log(held[1] / held[0])
    by_residual = log_shift_by_residual(lambda left_mmol_l: convert(baseline, left_mmol_l), residual)
    left_out = _log_sd_of_bridging(series.times_s, blood, used)
    blood[~used] = landmarks.bridge_frames(series.times_s, blood, used & np.isfinite(blood))[~used]
    found = landmarks.arterial_input(series.times_s, scale * blood, region=region, source=source)
    flags = found.flags
    log_sd = float(np.sqrt(MEASURED_INPUT_LOG_SD**2 + shift**2 + hidden**2 + left_out**2 + found.log_sd**2))
    clean = FEWEST_CLEAN_FRAMES if source_of_scale is not None else landmarks.clean_frame_count(series.times_s, curve)
    if clean < FEWEST_CLEAN_FRAMES:
        flags = (_baseline_flag(clean), *(one for one in flags if one.code is not FlagCode.AIF_SHORT_BASELINE))
        log_sd = float(np.hypot(log_sd, SHORT_BASELINE_LOG_SD if clean else LOST_BASELINE_LOG_SD))
    if source_of_scale is not None:
        log_sd = float(np.hypot(source_of_scale.log_sd, found.log_sd))
        by_residual = source_of_scale.residual_log_shift
        found = replace(found, source=f"{source}, scaled by the late blood of {source_of_scale.source}")
    elif baseline < LEAST_BASELINE_SNR * noise:
        flags = (*flags, make_flag(FlagCode.AIF_BLOOD_NEAR_NOISE, baseline_snr=float(baseline / noise)))
    return replace(
        found,
        log_sd=log_sd,
        flags=flags,
        residual_mmol_l=residual.blood_mmol_l,
        residual_sd_mmol_l=residual.sd_mmol_l,
        residual_log_shift=by_residual,
        acquisition=acquisition,
        dose_scale=scale,
    )


def _baseline_flag(clean: int) -> Flag:
    """What there is to say of a scan that begins shortly before the contrast agent arrives, or after it."""
    return make_flag(FlagCode.AIF_SHORT_BASELINE, frames=clean) if clean else make_flag(FlagCode.AIF_BASELINE_LOST)


def _log_sd_of_bridging(times_s, blood, used) -> float:
    """Relative uncertainty of the area of a curve by its frames that took no part.

    The area by a cubic spline beside that by straight lines: 1 % where one frame at the peak is missing, 9 % of three.
    """
    known = used & np.isfinite(blood)
    if known.sum() < 2 or not blood[known].max() > 0:
        return 0.0
    straight = np.where(known, blood, np.interp(times_s, times_s[known], blood[known]))
    areas = [np.trapezoid(curve, times_s) for curve in (straight, landmarks.bridge_frames(times_s, blood, known))]
    return abs(float(np.log(areas[1] / areas[0]))) if min(areas) > 0 else 0.0


def _agreeing_baseline(convert, baseline, times_s, late: ArterialInput) -> float:
    """Baseline signal with which late low concentrations are those of another arterial input."""
    known = np.interp(times_s, late.times_s, at_least(late))
    chosen = (times_s > late.times_s[late.first_pass_end_frame]) & (known > 0) & (known < UNSATURATED_MMOL_L)
    if np.count_nonzero(chosen) < FEWEST_LATE_FRAMES:
        return baseline
    tried = baseline * np.geomspace(0.4, 2.5, 181)  # 1 % apart
    sums = np.array([np.nansum(convert(each)[chosen]) for each in tried])
    return float(tried[np.argmin(np.abs(sums - known[chosen].sum()))])


def residual_contrast(scans: Sequence[PreprocessedScan], *, cache: Cache = NO_CACHE) -> list[Residual]:
    """Contrast agent that an earlier injection left in the blood of each scan of a study."""
    baselines = [
        [
            cache.recall("baseline", cache.key(part, without=NOT_IN_CURVES), functools.partial(measure_baseline, part))
            for part in scan.slices
        ]
        for scan in scans
    ]
    common = [all(slices) for slices in zip(*filter(any, baselines), strict=False)]  # a scan may have none at all
    return residual_of_baselines(
        [[one for one, kept in zip(slices, common, strict=False) if kept and one] for slices in baselines],
        saturation_recovery.recovered_share,
        scans[1].minutes_after_other if len(scans) == 2 else float("nan"),
    )


def measure_baseline(part: PreprocessedSlice) -> Baseline | None:
    """Signal of a slice before the contrast agent; None where there is none, or noise hides it."""
    try:
        region = landmarks.blood_region(part.motion.corrected, part.contours.blood_pool, used_frames=part.used_frames)
    except PerfusionError:
        return None
    curve, before = blood_curve(part.motion.corrected, part.used_frames, region)
    if not before.any() or not part.contours.myocardium.any():
        return None
    lead_s = landmarks.lead_frame_count(curve) * float(np.median(np.diff(part.series.times_s)))
    if lead_s <= OWN_INJECTION_S:
        return None
    images = part.motion.corrected[before]
    myocardium = images[:, part.contours.myocardium].astype(float)
    noise = saturation_recovery.noise_level(myocardium)
    found = Baseline(
        blood=float(curve[before].mean()),
        myocardium=float(saturation_recovery.without_noise_floor(myocardium.mean(), noise)),
        static=float(np.percentile(images.mean(axis=0), STATIC_PERCENTILE)),
        acquisition=part.series.acquisition,
    )
    noise = max(noise, saturation_recovery.noise_level(images[:, region].astype(float)))
    # A signal that noise hides tells nothing of contrast agent.
    return found if min(found.blood, found.myocardium) > LEAST_RESOLVED_SNR * noise else None


def blood_curve(images: np.ndarray, used: np.ndarray, region: np.ndarray):
    """Mean signal (T,) of a blood region without noise floor, NaN in unused frames, and which frames are baseline."""
    pixels = images[:, region].astype(float)
    curve = np.where(used, pixels.mean(axis=1), np.nan)
    before = used & (np.arange(len(used)) < landmarks.baseline_frame_count(curve))
    return saturation_recovery.without_noise_floor(curve, saturation_recovery.noise_level(pixels[before])), before
