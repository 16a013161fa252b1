"""From the images of a preprocessed scan to the concentration curves of its myocardium, and of blood that mixes in."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import aha, concentration, kinetics
from .blood import blood_curve
from .contours import Label, PreprocessedSlice
from .maps import ArterialInput
from .residual import Residual
from .series import Level

BASELINE_DOUBT, FLOOR_DOUBT = 0.01, 1.2  # relative error of the baseline: in any case, and where noise equals it
EDGE_PX = 1.5  # of a cavity: as far as the blur of an image reaches
TYPICAL_SPILL = 0.15  # of blood in such a pixel
FEWEST_PIXELS = 10  # of a segment, to leave its edges out


@dataclass(frozen=True)
class Tissue:
    """Concentration curves of a slice's myocardium, grouped by segment, and what to know about them."""

    curves: kinetics.CurveSet
    segments: np.ndarray
    saturated: np.ndarray
    outermost: np.ndarray
    flags: tuple[str, ...]


def tissue_curves(part: PreprocessedSlice, aif_curve: ArterialInput, number: int, residual: Residual) -> Tissue:
    segments, flags = _segments(part, number)
    tissue, saturated, log_sd = _tissue_concentration(part, aif_curve, residual)
    contours = part.contours
    near_blood, outermost = _borders(contours.labels)
    curves = kinetics.CurveSet(
        times_s=part.series.times_s,
        curves=tissue,
        groups=segments[contours.myocardium].astype(int),
        used_frames=part.used_frames,
        edge=near_blood[contours.myocardium],
        inner=~(near_blood | outermost)[contours.myocardium],
        spill=_spill(part, aif_curve, residual),
        log_sd=log_sd,
    )
    return Tissue(curves, segments, saturated, outermost, flags)


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


def _spill(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual) -> np.ndarray:
    """What the blood of the two cavities adds to the concentration found in a pixel that holds it, per share (2, T).

    Signals mix, concentrations do not: a mixture is converted as if it were myocardium.
    """
    acquisition, times_s = part.series.acquisition, part.series.times_s
    before = {"t10_s": acquisition.t10_blood_s, "r2_star_l_mmol_s": acquisition.r2_star_blood_l_mmol_s}
    left = np.interp(times_s, aif_curve.times_s, aif_curve.concentration_mmol_l)
    curves = [concentration.relative_signal(left + residual.blood_mmol_l, acquisition, **before)]
    empty = concentration.relative_signal(residual.blood_mmol_l, acquisition, **before)
    right = ndimage.binary_erosion(part.contours.rv_blood_pool)
    if right.any():
        curve, quiet = blood_curve(part.motion.corrected, part.used_frames, right)
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


def _tissue_concentration(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual):
    """Concentration of the myocardial pixels (T, N), which carry no information at some frame, doubt of the scale."""
    series, used = part.series, part.used_frames
    signal = part.motion.corrected[:, part.contours.myocardium].astype(float)
    arrival_s = aif_curve.times_s[min(aif_curve.baseline_frames, len(aif_curve.times_s) - 1)]
    before = used & (series.times_s < arrival_s)
    if not before.any():
        before = np.arange(len(signal)) == np.flatnonzero(used)[0]
    noise = concentration.noise_level(signal[before])
    signal = concentration.curves_without_noise_floor(signal, noise)
    level = max(float(signal[before].mean()), noise, 1e-30)
    doubt = float(np.hypot(BASELINE_DOUBT, FLOOR_DOUBT * (noise / level) ** 2))
    tissue = concentration.concentration(
        signal,
        series.acquisition,
        baseline=concentration.steady_baseline(signal[before], part.contours.myocardium),
        t10_s=series.acquisition.t10_myocardium_s,
        baseline_mmol_l=residual.myocardium_mmol_l,
    )
    return tissue, ~np.isfinite(tissue[used]).all(axis=0), doubt


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
    return aha.aha_segments(mask, anterior_rv_yx=anterior, inferior_rv_yx=inferior, level=slice_level(part)), ()


def slice_level(part: PreprocessedSlice) -> Level:
    return part.series.level or Level.MID


def mean_curves(curves: kinetics.CurveSet, numbers):
    """Mean curve of each segment (T, S), pixels with partial volume and pixels without information left out."""
    member = curves.groups[:, None] == numbers
    inner = member & curves.inner[:, None]
    member = np.where(inner.sum(axis=0) >= FEWEST_PIXELS, inner, member).astype(float)
    known = np.isfinite(curves.curves)
    with np.errstate(invalid="ignore"):
        return (np.where(known, curves.curves, 0) @ member) / (known @ member)
