"""From the images of a preprocessed scan to concentration curves: arterial input, myocardium, blood in between."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from . import aha, aif, concentration, kinetics
from .contours import Label, PreprocessedScan, PreprocessedSlice
from .errors import PerfusionError
from .maps import ArterialInput
from .residual import Baseline, Residual
from .residual import residual_contrast as residual_of_baselines
from .series import Level

NO_RESIDUAL = Residual()
STATIC_PERCENTILE = 99.5  # of a baseline image: fat near the coil
MEASURED_INPUT_LOG_SD = 0.05  # scale of an arterial input measured in the images; repeatability of its peak
BASELINE_DOUBT, FLOOR_DOUBT = 0.005, 0.1  # relative error of the baseline: in any case, and where noise equals it
LEAST_BASELINE_SNR = 3.0
EDGE_PX = 1.5  # of a cavity: as far as the blur of an image reaches
TYPICAL_SPILL = 0.15  # of blood in such a pixel
FEWEST_PIXELS = 10  # of a segment, to leave its edges out


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


def residual_contrast(scans: Sequence[PreprocessedScan]) -> list[Residual]:
    """Contrast agent that an earlier injection left in the blood of each scan of a study."""
    baselines = [[_slice_baseline(part) for part in scan.slices] for scan in scans]
    common = [all(slices) for slices in zip(*baselines, strict=False)]
    return residual_of_baselines(
        [[one for one, kept in zip(slices, common, strict=False) if kept] for slices in baselines],
        concentration.recovered_share,
    )


def _slice_arterial_input(part: PreprocessedSlice, number: int, residual: Residual) -> ArterialInput:
    used, series = part.used_frames, part.series
    region = aif.blood_region(part.motion.corrected, part.contours.blood_pool, used_frames=used)
    curve, before = _blood_curve(part, region)
    baseline = curve[before].mean() if before.any() else np.nan

    def convert(baseline):
        return concentration.concentration(
            curve,
            series.acquisition,
            baseline=baseline,
            t10_s=series.acquisition.t10_blood_s,
            baseline_mmol_l=residual.blood_mmol_l,
        )

    blood = convert(baseline)
    noise = concentration.noise_level(part.motion.corrected[before][:, region].astype(float))
    doubt = np.hypot(BASELINE_DOUBT, FLOOR_DOUBT * (noise / baseline) ** 2)
    scale = np.nansum(convert(baseline * (1 + doubt))) / np.nansum(blood)
    blood[~used] = np.interp(series.times_s[~used], series.times_s[used], blood[used])
    name = series.level or f"slice {number + 1}"
    found = aif.arterial_input(series.times_s, blood, region=region, source=f"blood pool, {name}")
    flags = found.flags
    if baseline < LEAST_BASELINE_SNR * noise:
        flags = (*flags, "Blood is hardly brighter than noise before the contrast agent; flow is uncertain in scale.")
    log_sd = float(np.sqrt(MEASURED_INPUT_LOG_SD**2 + np.log(scale) ** 2 + found.log_sd**2))
    return replace(found, log_sd=log_sd, flags=flags)


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
        static=float(np.percentile(part.motion.corrected[before].mean(axis=0), STATIC_PERCENTILE)),
        acquisition=part.series.acquisition,
    )


def _blood_curve(part: PreprocessedSlice, region: np.ndarray):
    """Mean signal (T,) of a blood region without noise floor, NaN in unused frames, and which frames are baseline."""
    used, pixels = part.used_frames, part.motion.corrected[:, region].astype(float)
    curve = np.where(used, pixels.mean(axis=1), np.nan)
    before = used & (np.arange(len(used)) < aif.baseline_frame_count(curve))
    return concentration.without_noise_floor(curve, concentration.noise_level(pixels[before])), before


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
    return Tissue(curves, segments, saturated, outermost, flags)


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


def _tissue_concentration(part: PreprocessedSlice, aif_curve: ArterialInput, residual: Residual):
    """Concentration of the myocardial pixels (T, N), and which of them carry no information at some frame."""
    series, used = part.series, part.used_frames
    signal = part.motion.corrected[:, part.contours.myocardium].astype(float)
    arrival_s = aif_curve.times_s[min(aif_curve.baseline_frames, len(aif_curve.times_s) - 1)]
    before = used & (series.times_s < arrival_s)
    if not before.any():
        before = np.arange(len(signal)) == np.flatnonzero(used)[0]
    noise = concentration.noise_level(signal[before])
    signal = concentration.curves_without_noise_floor(signal, noise)
    tissue = concentration.concentration(
        signal,
        series.acquisition,
        baseline=concentration.steady_baseline(signal[before], part.contours.myocardium),
        t10_s=series.acquisition.t10_myocardium_s,
        baseline_mmol_l=residual.myocardium_mmol_l,
    )
    return tissue, ~np.isfinite(tissue[used]).all(axis=0)


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
