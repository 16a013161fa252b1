"""Arterial input function: where in the blood pool it is measured, and what its curve looks like."""

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline

from ..data.errors import PerfusionError
from ..data.flag import FlagCode, make_flag
from ..data.flow import ArterialInput

SMALLEST_REGION_PX = 5
BRIGHT_SHARE = 0.93  # of the 90th percentile of the first-pass rise; a tenth of muscle would cost 10 % of the peak
FLAT_SHARE, LONG_FRAMES = 0.5, 20  # of the peak, long after it; with so many frames after it
FLAT_LOG_SD = 0.5  # what the scale of such a curve is worth
FEWEST_BRIGHT_PX = 20  # else the brightest so many
ARRIVAL_SHARE = 0.02  # of the peak rise: a blood baseline is as low as 6 % of the peak signal
UPSTROKE_SHARE = 0.1  # of the peak rise, which contrast agent passes one to three frames after its arrival
SHORT_LEAD = 7  # frames below that share; chosen: with fewer, half of the frames before the peak hold contrast agent
UPSTROKE_S = 2.5  # from the arrival to a tenth of the rise; simulated: 2 to 3 s in left-ventricular blood
SHORT_ARRIVAL_SHARE = 0.005  # of the peak rise: of few frames, one at 2 % of it costs 20 % of a rest input near noise
FIRST_PASS_END_RISE = 0.1  # of the peak rise
FIRST_PASS_END_SHARE = 0.3  # of the peak rise: the in-vivo median of the trough is 0.3 in signal


def baseline_frame_count(curve, *, most=None):
    """Number of leading frames before the contrast agent arrives, at least 1.

    Searched backwards from the peak: the last frame that lies within the scatter of the early frames, or within 2 %
    of the rise. The frame after it may hold the first contrast agent, and so may its own end: it is left out where
    more than three remain. Where the scan begins shortly before the contrast agent arrives, only the very first frames
    tell what is quiet.

    curve : (T,) any linear scale, NaN ignored; most : upper limit

    Examples
    --------
    >>> baseline_frame_count([1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 8.0, 5.0])
    4

    Frames that could not be aligned are NaN, also where they are the first:

    >>> baseline_frame_count([np.nan, np.nan, np.nan, np.nan, 1.0, 1.0, 1.0, 2.0, 8.0, 5.0])
    6
    """
    curve = np.asarray(curve, dtype=float)
    peak = int(np.nanargmax(curve))
    before = curve[:peak]
    if not np.isfinite(before).any():
        return 1
    early = before[np.isfinite(before)][: max(3, peak // 2)]
    middle = np.median(early)
    scatter = 1.4826 * np.median(np.abs(early - middle))
    share = ARRIVAL_SHARE
    lead = lead_frame_count(curve)
    if lead <= SHORT_LEAD:
        early = before[np.isfinite(before)][: max(2, lead - 3)]
        middle = np.median(early)
        scatter, share = 1.4826 * np.median(np.abs(early - middle)), SHORT_ARRIVAL_SHARE
        before = before[:lead]
    quiet = np.flatnonzero(before <= middle + max(3 * scatter, share * (curve[peak] - middle)))
    count = int(quiet[-1]) + 1 if quiet.size else 1
    count -= count > 3
    return max(1, min(count, most) if most else count)


def lead_frame_count(curve):
    """Number of frames before the upstroke of a bolus, by a tenth of its rise: one to three of them hold it already.

    Examples
    --------
    >>> lead_frame_count([1.0, 1.0, 1.0, 1.0, 1.2, 3.0, 8.0, 5.0]), lead_frame_count([3.0, 8.0, 5.0])
    (5, 1)
    """
    curve = np.asarray(curve, dtype=float)
    peak = int(np.nanargmax(curve))
    before = curve[:peak]
    if not np.isfinite(before).any():
        return 0
    low = np.nanmin(before)
    return int(np.flatnonzero(before <= low + UPSTROKE_SHARE * (curve[peak] - low))[-1]) + 1


def clean_frame_count(times_s, curve):
    """Number of frames before the upstroke that are sure to hold no contrast agent, from 0.

    Examples
    --------
    >>> clean_frame_count(0.9 * np.arange(8), [1.0, 1.0, 1.0, 1.0, 1.2, 3.0, 8.0, 5.0])
    2
    """
    steps_s = np.diff(np.asarray(times_s, dtype=float))
    return max(0, lead_frame_count(curve) - int(np.ceil(UPSTROKE_S / np.median(steps_s))))


def bridge_frames(times_s, curve, known):
    """A curve (T,) with the frames that are not ``known`` (T,) filled in by a cubic spline through the others.

    At one frame per 0.9 s a bolus keeps its area within 1 % when the two highest frames are missing; a straight line
    loses 4 %, and 13 % of three. Before the first and after the last known frame the curve is constant.

    Examples
    --------
    >>> t = np.arange(6.0)
    >>> bridge_frames(t, np.array([0, 1, 4, np.nan, 16, 25]), t != 3).round(6).tolist()
    [0.0, 1.0, 4.0, 9.0, 16.0, 25.0]
    """
    curve, known = np.asarray(curve, dtype=float), np.asarray(known)
    if known.all() or not known.any():
        return curve
    x, y = np.asarray(times_s, dtype=float)[known], curve[known]
    at_s = np.clip(np.asarray(times_s, dtype=float)[~known], x[0], x[-1])
    filled = curve.copy()
    filled[~known] = CubicSpline(x, y)(at_s) if x.size > 3 else np.interp(at_s, x, y)
    return filled


def blood_region(signal, blood_pool, *, used_frames=None):
    """Pixels of the blood pool that a reader would pick: inside, bright through the first pass.

    The pool is eroded by a pixel while enough remains, against partial volume and the Gibbs rim; of the rest those
    are kept whose mean rise during the first pass comes near the highest, which leaves papillary muscles out.
    Largest connected piece.

    Parameters
    ----------
    signal : (T, Y, X) array, a.u.
        Motion-compensated.
    blood_pool : (Y, X) bool
    used_frames : (T,) bool, optional
        Frames to trust.

    Returns
    -------
    (Y, X) bool

    Raises
    ------
    PerfusionError
        If the blood pool has too few pixels or never enhances.
    """
    count = int(blood_pool.sum())
    if count < SMALLEST_REGION_PX:
        raise PerfusionError(
            f"The blood pool has {count} pixels; an arterial input needs at least {SMALLEST_REGION_PX}.",
            "Correct the blood-pool contour, or choose another slice for the arterial input.",
        )
    eroded = ndimage.binary_erosion(blood_pool)
    inside = eroded if eroded.sum() >= max(SMALLEST_REGION_PX, count // 5) else blood_pool
    used = np.ones(len(signal), bool) if used_frames is None else used_frames
    curves = np.asarray(signal)[:, inside][used].astype(float)
    mean = curves.mean(axis=1)
    before = curves[: baseline_frame_count(mean)].mean(axis=0)
    rise = mean - mean[: baseline_frame_count(mean)].mean()
    if not rise.max() > 0:
        raise PerfusionError(
            "No contrast arrival was found in the blood pool.",
            "Check that the blood-pool contour lies inside the left ventricle in the frame shown.",
        )
    first_pass = rise > 0.5 * rise.max()
    enhancement = (curves[first_pass] - before).mean(axis=0)
    chosen = np.zeros_like(inside)
    brightest = np.sort(enhancement)[-min(FEWEST_BRIGHT_PX, enhancement.size)]
    chosen[inside] = enhancement >= min(BRIGHT_SHARE * np.quantile(enhancement, 0.9), brightest)
    pieces, number = ndimage.label(chosen)
    if number > 1:
        largest = pieces == 1 + int(np.argmax(ndimage.sum_labels(chosen, pieces, np.arange(1, number + 1))))
        chosen = largest if largest.sum() >= SMALLEST_REGION_PX else chosen
    return chosen


def arterial_input(times_s, concentration_mmol_l, *, region=None, source="", noise_mmol_l=None):
    """The arterial input with its landmarks and what there is to say about its quality.

    Parameters
    ----------
    times_s, concentration_mmol_l : (T,) array
        Of blood; NaN where the signal carries no information.
    region : (Y, X) bool, optional
        Pixels it was measured in.
    source : str
        Slice or series it was taken from.
    noise_mmol_l : float, optional
        Standard deviation of a frame; by default the scatter of the baseline.

    Raises
    ------
    PerfusionError
        If no contrast agent arrives.

    Examples
    --------
    >>> t = np.arange(40.0)
    >>> curve = 4 * np.exp(-((t - 12) / 3) ** 2) + 0.4 * (t > 20)
    >>> aif = arterial_input(t, curve)
    >>> aif.baseline_frames, aif.peak_frame
    (6, 12)
    """
    times_s = np.asarray(times_s, dtype=float)
    curve = np.asarray(concentration_mmol_l, dtype=float)
    known = np.isfinite(curve)
    if known.sum() < 5 or not np.nanmax(curve) > 0:
        raise PerfusionError(
            "No contrast arrival was found in the blood pool.",
            "Check that the blood-pool contour lies inside the left ventricle in the frame shown.",
        )
    filled = np.interp(times_s, times_s[known], curve[known])
    peak = int(np.argmax(filled))
    baseline = baseline_frame_count(filled)
    after = filled[peak:]
    trough = np.flatnonzero((after[1:-1] <= after[:-2]) & (after[1:-1] <= after[2:])) + 1
    trough = trough[after[trough] < FIRST_PASS_END_SHARE * after[0]]
    below = np.flatnonzero(after < FIRST_PASS_END_RISE * after[0])
    ends = [int(found[0]) for found in (trough, below) if found.size]
    end = peak + (min(ends) if ends else int(np.argmin(after)))
    scatter = float(np.std(filled[:baseline])) if noise_mmol_l is None else noise_mmol_l

    flags = []
    if not known.all():
        flags.append(make_flag(FlagCode.AIF_SATURATED, frames=int((~known).sum())))
    if baseline < 3:
        flags.append(make_flag(FlagCode.AIF_SHORT_BASELINE, frames=baseline))
    if filled[peak] < 0.8:
        flags.append(make_flag(FlagCode.AIF_PEAK_LOW, peak_mmol_l=float(filled[peak])))
    if filled[peak] > 12:
        flags.append(make_flag(FlagCode.AIF_PEAK_HIGH, peak_mmol_l=float(filled[peak])))
    if scatter > 0.1 * filled[peak]:
        flags.append(make_flag(FlagCode.AIF_NOISY_BASELINE, scatter_mmol_l=scatter))
    late = float(np.median(after[len(after) // 2 :]))
    flat = len(after) >= LONG_FRAMES and late > FLAT_SHARE * after[0]
    if flat:
        flags.append(make_flag(FlagCode.AIF_FLAT_PEAK, late_share=float(late / after[0])))
    elif peak >= len(filled) - 5 or after[-1] > 0.6 * after[0]:
        flags.append(make_flag(FlagCode.AIF_FIRST_PASS_INCOMPLETE))
    return ArterialInput(
        times_s=times_s,
        concentration_mmol_l=curve,
        baseline_frames=baseline,
        peak_frame=peak,
        first_pass_end_frame=end,
        region=region,
        source=source,
        log_sd=FLAT_LOG_SD if flat else 0.0,
        flags=tuple(flags),
    )
