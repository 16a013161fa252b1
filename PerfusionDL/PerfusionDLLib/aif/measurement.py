"""The arterial input of a scan, and the contrast agent that an earlier injection left in the blood of each scan."""

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..cache import NO_CACHE, Cache
from ..data.errors import PerfusionError
from ..data.flag import FlagCode, make_flag
from ..data.flow import ArterialInput
from ..data.identity import NOT_IN_CURVES
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from ..signal import saturation_recovery
from . import landmarks
from .dedicated_series import measure_dedicated_series
from .region import LEAST_RESOLVED_SNR, blood_curve, slice_arterial_input
from .residual_contrast import NO_RESIDUAL, Baseline, Residual
from .residual_contrast import residual_contrast as residual_of_baselines

STATIC_PERCENTILE = 99.5  # of a baseline image: fat near the coil
OWN_INJECTION_S = 2.0  # chosen: a blood baseline this short before the upstroke holds the scan's own injection
LEAST_OF_OTHERS = 0.7  # peak of a slice's input over the median of all slices'


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
        made = measure_dedicated_series(scan, inside, residual, dose_ratio)
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
