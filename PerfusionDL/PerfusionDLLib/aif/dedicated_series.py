"""The arterial input in a series made for it: of short saturation time (dual sequence), or of a pre-bolus."""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from ..data.errors import PerfusionError
from ..data.flow import ArterialInput
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from ..data.study import PerfusionSeries
from . import landmarks
from .region import UNSATURATED_MMOL_L, bridge_saturated, measure_region
from .residual_contrast import NO_RESIDUAL, Residual

SEARCH_MM = 12.0  # around the blood pool, for the heart of another series that is not motion-compensated
LEAST_LIKENESS = 0.9  # correlation of such a pixel's curve with that of the blood pool
UNCERTAIN_LOG_SD = 0.3  # of a clipped input
LARGEST_SHIFT_S, SHIFT_STEP_S = 60.0, 0.05


def measure_dedicated_series(
    scan: PreprocessedScan, inside: ArterialInput, residual: Residual, dose_ratio: float | None
) -> ArterialInput:
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
        blood = np.interp(series.times_s, inside.times_s, bridge_saturated(inside))
        region = np.zeros_like(search)
        region[search] = _likeness(curves, blood) > LEAST_LIKENESS
        region = landmarks.blood_region(series.signal, region)
    used = np.ones(len(series.times_s), bool)
    before = NO_RESIDUAL if prebolus else residual  # of a study's first injection nothing is left
    scale = dose_ratio if prebolus and dose_ratio is not None else 1.0
    found = measure_region(
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


def _likeness(curves, blood):
    """Correlation (N,) of curves (T, N) with that of the blood (T,)."""
    blood = blood - blood.mean()
    curves = curves - curves.mean(axis=0)
    return blood @ curves / np.maximum(np.linalg.norm(blood) * np.linalg.norm(curves, axis=0), 1e-30)


def _aligned(prebolus: ArterialInput, inside: ArterialInput, dose_ratio: float) -> ArterialInput:
    """A scaled pre-bolus on the clock of the main bolus: moved to where the unsaturated rise of the two agrees."""
    curve = bridge_saturated(inside)
    rise = np.flatnonzero((curve < UNSATURATED_MMOL_L) & (np.arange(curve.size) <= inside.peak_frame))
    rise = rise[rise >= inside.baseline_frames - 2]
    if rise.size < 3:
        raise PerfusionError("It cannot be aligned with the main bolus.", "Use the arterial input of the slices.")
    shifts_s = np.arange(-LARGEST_SHIFT_S, LARGEST_SHIFT_S, SHIFT_STEP_S)
    moved = np.interp(inside.times_s[rise][None] - shifts_s[:, None], prebolus.times_s, bridge_saturated(prebolus))
    # The scale of the rise may differ a little; only its place in time counts.
    strength = np.maximum((moved**2).sum(axis=1), 1e-30)
    share = (moved @ curve[rise]) ** 2 / strength
    shift_s = shifts_s[np.argmax(share)]
    times_s = prebolus.times_s + shift_s
    return replace(prebolus, times_s=times_s, source=f"pre-bolus, dose ratio {dose_ratio:g}, moved by {shift_s:+.1f} s")
