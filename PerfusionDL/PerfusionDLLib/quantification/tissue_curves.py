"""From the images of a preprocessed scan to the concentration curves of its myocardium, and of blood that mixes in."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from .. import kinetics
from ..aif import landmarks
from ..aif.region import blood_curve
from ..aif.residual_contrast import PARTITION_COEFFICIENT, Residual, log_shift_by_residual
from ..data import aha
from ..data.contours import Label
from ..data.flag import Flag, FlagCode, Where, make_flag
from ..data.flow import ArterialInput
from ..data.preprocessed import PreprocessedSlice
from ..data.study import Level
from ..signal import saturation_recovery

BASELINE_LOG_SD, FLOOR_LOG_SD = 0.01, 1.2  # relative error of the baseline: in any case, and where noise equals it
EDGE_PX = 1.5  # of a cavity: as far as the blur of an image reaches
TYPICAL_SPILLOVER = 0.15  # of blood in such a pixel
REGIONS = 6  # of a slice, whose mean curves tell the flow models about the tissue
FEWEST_PIXELS = 10  # of a segment, to leave its edges out


@dataclass(frozen=True)
class Tissue:
    """Concentration curves of a slice's myocardium, and what to know about them; insertion points do not matter."""

    curves: kinetics.CurveSet
    saturated: np.ndarray
    outermost: np.ndarray


def tissue_curves(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual) -> Tissue:
    tissue, saturated, log_sd = _tissue_concentration(part, aif_curve, residual)
    contours = part.contours
    near_blood, outermost = _borders(contours.labels)
    curves = kinetics.CurveSet(
        times_s=part.series.times_s,
        curves=tissue,
        groups=_regions(contours.myocardium, part.series.ijk_to_ras),
        used_frames=part.used_frames,
        edge=near_blood[contours.myocardium],
        inner=~(near_blood | outermost)[contours.myocardium],
        spillover=_spillover(part, aif_curve, residual),
        log_sd=log_sd,
    )
    return Tissue(curves, saturated, outermost)


def _regions(myocardium: np.ndarray, ijk_to_ras: np.ndarray) -> np.ndarray:
    """Sector of the wall (N,) of every myocardial pixel, by its angle in the patient about the middle of the ventricle.

    Not the AHA segments: a moved insertion point names pixels anew, it must not fit them anew.
    """
    if not myocardium.any():
        return np.zeros(0, int)
    within = aha.bounding_box(myocardium, margin=0)
    center = ndimage.center_of_mass(ndimage.binary_fill_holes(myocardium[within]))
    offsets_mm = (np.argwhere(myocardium[within]) - center)[:, ::-1] @ ijk_to_ras[:3, :2].T
    normal = np.cross(ijk_to_ras[:3, 0], ijk_to_ras[:3, 1])
    axis = np.eye(3)[np.argmin(np.abs(normal))]  # of the patient, the one that lies best in the plane
    across = np.cross(normal / np.linalg.norm(normal), axis)
    angle = np.arctan2(offsets_mm @ across, offsets_mm @ axis)
    return np.floor(angle / (2 * np.pi) * REGIONS).astype(int) % REGIONS


def _borders(labels: np.ndarray):
    """Pixels (Y, X) that a cavity's blood reaches, and the outermost row of the myocardium."""
    near_blood, outermost = np.zeros(labels.shape, bool), np.zeros(labels.shape, bool)
    within = aha.bounding_box(labels == Label.MYOCARDIUM, margin=int(EDGE_PX) + 1)
    labels = labels[within]
    myocardium, blood = labels == Label.MYOCARDIUM, np.isin(labels, (Label.BLOOD_POOL, Label.RV_BLOOD_POOL))
    if blood.any():
        near_blood[within] = ndimage.distance_transform_edt(~blood) <= EDGE_PX
    if myocardium.any():
        outermost[within] = myocardium & (ndimage.distance_transform_edt(myocardium | blood) <= 1)
    return near_blood, outermost


def _spillover(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual) -> np.ndarray:
    """What the blood of the two cavities adds to the concentration found in a pixel that holds it, per share (2, T).

    Signals mix, concentrations do not: a mixture is converted as if it were myocardium.
    """
    acquisition, times_s = part.series.acquisition, part.series.times_s
    before = {"t10_s": acquisition.t10_blood_s, "r2_star_l_mmol_s": acquisition.r2_star_blood_l_mmol_s}
    measured = aif_curve.concentration_mmol_l
    bridged = landmarks.bridge_frames(aif_curve.times_s, measured, np.isfinite(measured))
    left = np.interp(times_s, aif_curve.times_s, bridged)
    curves = [saturation_recovery.relative_signal(left + residual.blood_mmol_l, acquisition, **before)]
    empty = saturation_recovery.relative_signal(residual.blood_mmol_l, acquisition, **before)
    right = ndimage.binary_erosion(part.contours.rv_blood_pool)
    if right.any():
        curve, baseline = blood_curve(part.motion.corrected, part.used_frames, right)
        if baseline.any() and curve[baseline].mean() > 0:
            curves.append(np.nan_to_num(curve / curve[baseline].mean(), nan=1.0) * empty)
    tissue = saturation_recovery.relative_signal(
        residual.myocardium_mmol_l, acquisition, t10_s=acquisition.t10_myocardium_s
    )
    mixed = tissue + TYPICAL_SPILLOVER * (np.array(curves) - empty)
    found = saturation_recovery.concentration(
        mixed.T,
        acquisition,
        baseline=tissue,
        t10_s=acquisition.t10_myocardium_s,
        baseline_mmol_l=residual.myocardium_mmol_l,
    )
    return np.nan_to_num(found.T) / TYPICAL_SPILLOVER


def _tissue_concentration(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual):
    """Concentration of the myocardial pixels (T, N), which carry no information at some frame, log sd of the scale."""
    series, used = part.series, part.used_frames
    signal = part.motion.corrected[:, part.contours.myocardium].astype(float)
    if not signal.shape[1]:
        return signal, np.zeros(0, bool), 0.0
    before = _frames_before(part, aif_curve)
    noise = saturation_recovery.noise_level(signal[before])
    signal = saturation_recovery.curves_without_noise_floor(signal, noise, used_frames=used)
    baseline_log_sd = np.hypot(BASELINE_LOG_SD, _floor_log_sd(signal[before], noise))
    by_residual = _log_shift_by_residual(signal, before, part, residual) - aif_curve.residual_log_shift
    scale_log_sd = float(np.hypot(baseline_log_sd, by_residual))
    tissue = saturation_recovery.concentration(
        signal,
        series.acquisition,
        baseline=saturation_recovery.steady_baseline(signal[before], part.contours.myocardium),
        t10_s=series.acquisition.t10_myocardium_s,
        baseline_mmol_l=residual.myocardium_mmol_l,
    )
    return tissue, ~np.isfinite(tissue[used]).all(axis=0), scale_log_sd


def floor_log_sd(part: PreprocessedSlice, aif_curve: ArterialInput) -> float:
    """Relative error of the scale of a slice's tissue by what is left of the noise floor in its baseline."""
    before = _frames_before(part, aif_curve)
    signal = part.motion.corrected[before][:, part.contours.myocardium].astype(float)
    return _floor_log_sd(signal, saturation_recovery.noise_level(signal)) if signal.size else 0.0


def _frames_before(part: PreprocessedSlice, aif_curve: ArterialInput) -> np.ndarray:
    """Used frames (T,) before the contrast agent arrives, or the first one."""
    arrival_s = aif_curve.times_s[min(aif_curve.baseline_frames, len(aif_curve.times_s) - 1)]
    before = part.used_frames & (part.series.times_s < arrival_s)
    if not before.any():
        before = np.arange(before.size) == np.flatnonzero(part.used_frames)[0]
    return before


def _floor_log_sd(baseline: np.ndarray, noise: float) -> float:
    level = max(float(baseline.mean()), noise, 1e-30)
    return FLOOR_LOG_SD * (noise / level) ** 2


def _log_shift_by_residual(signal, before, part: PreprocessedSlice, residual: Residual) -> float:
    """What one standard deviation more of residual contrast does to the log of the mean tissue curve.

    It does much the same to the arterial input, so that flow changes by the difference.
    """
    mean = signal.mean(axis=1)
    acquisition = part.series.acquisition

    def converted(blood_mmol_l):
        return saturation_recovery.concentration(
            np.where(part.used_frames, mean, np.nan),
            acquisition,
            baseline=mean[before].mean(),
            t10_s=acquisition.t10_myocardium_s,
            baseline_mmol_l=PARTITION_COEFFICIENT * blood_mmol_l,
        )

    return log_shift_by_residual(converted, residual)


def find_segments(part: PreprocessedSlice, number: int) -> tuple[np.ndarray, tuple[Flag, ...]]:
    """AHA segment of every pixel (Y, X), 0 where there is none, and what is missing for it."""
    contours, series = part.contours, part.series
    mask = contours.myocardium
    if not mask.any():
        return np.zeros(mask.shape, np.uint8), (_missing(FlagCode.NO_MYOCARDIUM, part, number),)
    if contours.anterior_rv_ras_mm is None or contours.inferior_rv_ras_mm is None:
        return np.zeros(mask.shape, np.uint8), (_missing(FlagCode.NO_INSERTION_POINTS, part, number),)
    anterior, inferior = series.pixels_from_ras(np.stack((contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm)))
    return aha.aha_segments(mask, anterior_rv_yx=anterior, inferior_rv_yx=inferior, level=slice_level(part)), ()


def _missing(code: FlagCode, part: PreprocessedSlice, number: int) -> Flag:
    return make_flag(code, Where(level=part.series.level or "", slice_index=number), slice_number=number + 1)


def slice_level(part: PreprocessedSlice) -> Level:
    return part.series.level or Level.MID


def segment_curves(curves: kinetics.CurveSet, segments: np.ndarray) -> tuple[np.ndarray, kinetics.CurveSet]:
    """Numbers of the segments (S,) that the pixels (N,) belong to, and their mean curves.

    Pixels with partial volume and pixels without information are left out. A mean curve belongs to the region that
    most of its pixels are in.
    """
    groups = curves.groups
    if groups is None:
        raise ValueError("curves need the region of each pixel, got none")
    numbers = np.unique(segments[segments > 0])
    member = segments[:, None] == numbers
    shares = np.array([np.bincount(groups[inside], minlength=REGIONS) for inside in member.T])
    inner = member if curves.inner is None else member & curves.inner[:, None]
    member = np.where(inner.sum(axis=0) >= FEWEST_PIXELS, inner, member).astype(float)
    known = np.isfinite(curves.curves)
    with np.errstate(invalid="ignore"):
        means = (np.where(known, curves.curves, 0) @ member) / (known @ member)
    regions = shares.argmax(axis=1) if numbers.size else np.zeros(0, int)
    return numbers, replace(curves, curves=means, groups=regions, edge=None, inner=None)
