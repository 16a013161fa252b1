"""The arterial input in a region of blood: from its mean signal to a concentration with its uncertainty."""

from dataclasses import replace

import numpy as np

from ..data.errors import PerfusionError
from ..data.flag import Flag, FlagCode, make_flag
from ..data.flow import ArterialInput
from ..data.preprocessed import PreprocessedSlice
from ..data.study import PerfusionSeries
from ..signal import saturation_recovery
from . import landmarks
from .residual_contrast import Residual, log_shift_by_residual

MEASURED_INPUT_LOG_SD = 0.05  # scale of an arterial input measured in the images; repeatability of its peak
BASELINE_LOG_SD, FLOOR_LOG_SD = 0.005, 0.1  # relative error of the baseline: in any case, and where noise equals it
LEAST_BASELINE_SNR = 3.0
LEAST_RESOLVED_SNR = 1.1  # of a baseline: noise alone, of 60 pixels in 8 frames, reads as 0 to 1.05 (simulated)
HIDDEN_LOG_SD = 0.7  # of the scale where the baseline is less than that; chosen: a factor of 2
FEWEST_CLEAN_FRAMES, SHORT_BASELINE_LOG_SD = 3, 0.15  # error with one or two: up to 15 % (phantom cut off in front)
LOST_BASELINE_LOG_SD = 0.7  # error where contrast agent was in the blood of all frames: factors of 1.2 to 4 (the same)
UNSATURATED_MMOL_L = 1.5  # below it no sequence is near saturation: a pre-bolus is aligned there
RELIABLE_BASELINE_SNR, FEWEST_LATE_FRAMES = 8.0, 8


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
    return measure_region(part.series, part.motion.corrected, part.used_frames, region, residual, f"{source}, {name}")


def measure_region(
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
    known = np.interp(times_s, late.times_s, bridge_saturated(late))
    chosen = (times_s > late.times_s[late.first_pass_end_frame]) & (known > 0) & (known < UNSATURATED_MMOL_L)
    if np.count_nonzero(chosen) < FEWEST_LATE_FRAMES:
        return baseline
    tried = baseline * np.geomspace(0.4, 2.5, 181)  # 1 % apart
    sums = np.array([np.nansum(convert(each)[chosen]) for each in tried])
    return float(tried[np.argmin(np.abs(sums - known[chosen].sum()))])


def bridge_saturated(found: ArterialInput) -> np.ndarray:
    """Concentration (T,) with its saturated frames bridged: they hold no less than the highest that could be read."""
    curve = found.concentration_mmol_l
    known = np.isfinite(curve)
    bridged = landmarks.bridge_frames(found.times_s, curve, known)
    return np.where(known, curve, np.maximum(bridged, curve[known].max()))


def blood_curve(images: np.ndarray, used: np.ndarray, region: np.ndarray):
    """Mean signal (T,) of a blood region without noise floor, NaN in unused frames, and which frames are baseline."""
    pixels = images[:, region].astype(float)
    curve = np.where(used, pixels.mean(axis=1), np.nan)
    before = used & (np.arange(len(used)) < landmarks.baseline_frame_count(curve))
    return saturation_recovery.without_noise_floor(curve, saturation_recovery.noise_level(pixels[before])), before
