"""The frame of peak left-ventricular enhancement: first where the LV is, then when it is brightest."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..networks import Network
from .window import Window

_CANDIDATES = 3
"""Regions that are tried as the LV blood pool, at most; chosen."""
_APART_MM = 15.0
"""Distance below which two candidates are the same place, mm; chosen: less than the radius of the smallest heart."""
_FRAMES = 44
"""Frames that the network sees of a long series; chosen: a bolus whole, each of its frames resampled by at most 1.4."""
_BEFORE_PEAK = 18
"""Of these, frames before the peak; chosen: baseline and arrival."""
_REGION_SHARE = 0.5
"""Share of the largest probability in an image from which a pixel belongs to a region; chosen: half height."""
_NEAR_TOP, _AFTER_TOP, _BROAD_TOP, _FLAT_TOP = 0.9, 0.75, 0.7, 0.97
"""Height of a curve, as share of its rise: the first pass has arrived; it has ended; its top is broad where consecutive
frames exceed this; frames of equal height at the top. Chosen."""
_AT_PEAK = 0.95
"""Share of its rise from which a curve is at its peak as well as anyone can tell; chosen on 167 slices (seeds 901000 to
901017, 902000 to 902021): of the frames above it, 97 % of the runs hold the true peak, of those above 97 %, 90 %."""
_BRIGHT_SHARE = 0.4
"""Share of its enhancement from which the LV counts as bright; chosen."""
_BRIGHT_AFTER_PEAK = 2
"""Frames after the peak in which the myocardium has not caught up with the cavity, at most; chosen."""
_SEEN_SHARE = 0.02
"""Signal over the brightest of the series from which a pixel shows tissue; chosen."""
_LEAD_DROP = 1.5
"""Signal of a lead frame over the median of the four frames that follow; chosen."""
_MOST_LEAD_FRAMES = 12
"""Frames among which lead frames are searched, at most; chosen."""
_FULL_RISE = 0.4
"""Rise over maximum of the curve of a bolus in full; chosen: less lowers the certainty in proportion."""
_FULL_RISE_OVER_NOISE = 8.0
"""Rise over noise of the curve of a bolus in full; chosen: less lowers the certainty in proportion."""


@dataclass(frozen=True)
class Peak:
    """When the LV is brightest.

    frame : 0-based
    certainty : 0 to 1, of the network
    curve : (T,) mean signal of what the network takes for the LV blood pool
    rv_curve : (T,) the same of the RV; None where the network sees no RV
    center_px : row and column of the middle of the LV blood pool
    """

    frame: int
    certainty: float
    curve: np.ndarray
    rv_curve: np.ndarray | None
    center_px: tuple[float, float]


def find_peaks(signal: np.ndarray, spacing_mm: tuple[float, float], network: Network) -> tuple[Peak, ...]:
    """Where and when something enhances as an LV blood pool does, the likeliest first, up to three; () where nothing.

    The network sees the whole series (T, Y, X), coarse in space and time, and marks the pixels whose brightness rises
    as an LV blood pool's does (not the RV's, not a vessel's). The maximum of their curve is the peak. It then sees the
    frames about that peak alone, among which a short bolus is not lost, and at last each place closer, where a small
    cavity is more than a pixel.
    """
    middle = tuple((length - 1) / 2 for length in signal.shape[1:])
    window = Window(network.size, network.spacing_mm, middle, spacing_mm)
    coarse = window.sample(signal)
    frames = range(count_lead_frames(coarse), len(coarse))
    found = _find_candidates(coarse, window, frames, network)
    if found and len(frames) > _FRAMES:
        found = [*_find_candidates(coarse, window, _frames_about(found[0].frame, frames), network), *found]
    closer = [
        _refine(peak, signal, spacing_mm, frames, network) for peak in _drop_repeated(found, spacing_mm)[:_CANDIDATES]
    ]
    return tuple(_drop_repeated(sorted(closer, key=lambda peak: -peak.certainty), spacing_mm))


def _refine(peak, signal, spacing_mm, frames, network):
    """The same candidate seen closer; as it was where nothing is seen then."""
    window = Window(network.size, network.closer_spacing_mm, peak.center_px, spacing_mm)
    frames = _frames_about(peak.frame, frames)
    seen = _find_candidates(window.sample(signal), window, frames, network)
    return replace(seen[0], certainty=min(seen[0].certainty, peak.certainty)) if seen else peak


def _frames_about(frame, frames):
    """As many of ``frames`` about one as show a bolus whole and in detail."""
    first = max(min(frame - _BEFORE_PEAK, frames.stop - _FRAMES), frames.start)
    return range(first, min(first + _FRAMES, frames.stop))


def _drop_repeated(peaks, spacing_mm):
    """Those that are not at the place of one before them."""
    kept: list[Peak] = []
    for peak in peaks:
        away_mm = [np.linalg.norm(np.subtract(peak.center_px, one.center_px) * spacing_mm) for one in kept]
        if min(away_mm, default=np.inf) > _APART_MM:
            kept.append(peak)
    return kept


def _find_candidates(images, window, frames, network):
    """Candidates in what the network marks in images (T, size, size) of a window when it sees some of the frames."""
    _, lv, rv = network(_resample_time(images[frames.start : frames.stop], network.channels))
    seen = rv.max() > network.threshold("right_ventricle")
    rv_curve = _mean_curve(images, np.where(rv > _REGION_SHARE * rv.max(), rv, 0)) if seen else None
    regions, count = ndimage.label(lv > _REGION_SHARE * lv.max())
    mass = ndimage.sum_labels(lv, regions, np.arange(1, count + 1))
    least_mm2 = network.threshold("left_ventricle_mm2")
    peaks = []
    for region in np.argsort(-mass)[:_CANDIDATES]:
        if mass[region] * window.spacing_mm**2 < least_mm2:
            break
        weight = np.where(regions == region + 1, lv, 0)
        curve = _mean_curve(images, weight)
        rival = np.delete(mass, region).max() / mass[region] if count > 1 else 0.0
        passing = curve[frames.start : frames.stop]
        certainty = float(np.average(lv, weights=weight)) * max(1 - 0.5 * float(rival), 0) * _prominence(passing)
        row, column = window.to_image(np.array(ndimage.center_of_mass(weight)))
        frame = frames.start + find_first_pass_peak(passing)
        peaks.append(Peak(int(frame), certainty, curve, rv_curve, (float(row), float(column))))
    return peaks


def _mean_curve(images, weight):
    return np.einsum("tyx,yx->t", images, weight) / weight.sum()


def find_first_pass_peak(curve: np.ndarray) -> int:
    """Frame of the maximum of the first pass, whatever a later pass or a single noisy frame reaches.

    Where the top is broad, the frame within 3 % of it that is nearest to the maximum of a cubic through its frames: a
    saturated bolus has a flat top, on which noise would decide.

    Examples
    --------
    >>> find_first_pass_peak(np.array([1.0, 1.0, 3.0, 9.0, 8.0, 5.0, 4.0, 4.5, 4.0]))
    3
    """
    curve = np.asarray(curve, float)
    height = _heights(curve)
    top = _highest(curve, height)
    first, last = _run_around(top, height >= _BROAD_TOP)
    if last - first < 4:
        return top
    frames = np.arange(first, last + 1)
    fine = np.linspace(first, last, 20 * len(frames))
    cubic = np.polynomial.Polynomial.fit(frames, curve[frames], 3)
    near_top = frames[height[frames] >= _FLAT_TOP * height[top]]
    return int(near_top[np.argmin(np.abs(near_top - fine[np.argmax(cubic(fine))]))])


def find_peak_interval(curve: np.ndarray, peak_frame: int) -> tuple[int, int]:
    """First and last of the frames about a peak that hold 95 % of its rise; the true peak is most probably one of them.

    Examples
    --------
    >>> find_peak_interval(np.array([1.0, 1.0, 3.0, 9.0, 9.1, 9.2, 9.1, 9.0, 5.0, 4.0, 4.5, 4.0]), 5)
    (4, 6)
    """
    height = _heights(np.asarray(curve, float))
    return _run_around(peak_frame, height >= _AT_PEAK * height[peak_frame])


def find_first_pass_top(curve: np.ndarray) -> tuple[int, tuple[int, int]]:
    """Frame of the maximum of the first pass, and the first and last of the frames about it above 90 % of its rise.

    Examples
    --------
    >>> find_first_pass_top(np.array([1.0, 1.0, 3.0, 9.0, 9.1, 9.0, 5.0, 4.0, 4.5, 4.0]))
    (4, (3, 5))
    """
    curve = np.asarray(curve, float)
    top = _highest(curve, _heights(curve))
    return top, _run_around(top, curve >= curve.min() + _NEAR_TOP * (curve[top] - curve.min()))


def _heights(curve):
    """(T,) 0 to 1, a curve against single noisy frames; 0 where it does not change."""
    smooth = ndimage.convolve1d(curve, [0.25, 0.5, 0.25], mode="nearest")
    return (smooth - smooth.min()) / max(np.ptp(smooth), 1e-9)


def _highest(curve, height):
    """Frame of the maximum before the first pass has ended."""
    if not height.any():
        return int(np.argmax(curve))
    start = int(np.argmax(height >= _NEAR_TOP))
    below = np.flatnonzero(height[start:] < _AFTER_TOP)
    end = start + int(below[0]) if below.size else len(curve)
    return start + int(np.argmax(curve[start:end]))


def _run_around(frame, wanted):
    """First and last of the consecutive frames about one for which ``wanted`` holds."""
    first = last = frame
    while first > 0 and wanted[first - 1]:
        first -= 1
    while last < len(wanted) - 1 and wanted[last + 1]:
        last += 1
    return first, last


def find_bright_frames(curve: np.ndarray, peak_frame: int, *, count: int = 5) -> list[int]:
    """Up to ``count`` frames around the peak, itself among them, in which the LV holds 40 % of its enhancement.

    The muscle is dark in the first of them and brighter in the last, the RV often the other way round: what looks
    alike in one frame differs in another. More than two frames after the peak the muscle catches up with the cavity.

    Examples
    --------
    >>> find_bright_frames(np.array([1.0, 1.0, 1.0, 8.0, 9.0, 8.0, 3.0, 2.0]), 4)
    [3, 4, 5]
    """
    base = np.sort(curve)[: max(len(curve) // 5, 1)].mean()
    bright = curve >= base + _BRIGHT_SHARE * (curve[peak_frame] - base)
    first, last = _run_around(peak_frame, bright)
    last = min(last, peak_frame + _BRIGHT_AFTER_PEAK)
    chosen = np.rint(np.linspace(first, last, count)).astype(int)
    chosen[np.argmin(np.abs(chosen - peak_frame))] = peak_frame
    return sorted({int(frame) for frame in chosen})


def count_lead_frames(images: np.ndarray) -> int:
    """Leading frames without saturation (proton density): brighter everywhere than the frames that follow."""
    seen = images.max(axis=0) > _SEEN_SHARE * images.max()
    if not seen.any():
        return 0
    search = min(len(images) // 4, _MOST_LEAD_FRAMES)
    middle = np.median(images[: search + 5, seen], axis=1)
    drops = [i + 1 for i in range(search) if middle[i] > _LEAD_DROP * np.median(middle[i + 1 : i + 5])]
    return drops[-1] if drops else 0


def _resample_time(images, frames):
    place = np.linspace(0, len(images) - 1, frames)
    low = np.minimum(place.astype(int), max(len(images) - 2, 0))
    share = (place - low)[:, None, None].astype(np.float32)
    return images[low] * (1 - share) + images[np.minimum(low + 1, len(images) - 1)] * share


def _prominence(curve):
    """0 for a flat or a noisy curve, 1 for a bolus far above baseline."""
    rise = curve.max() - np.median(np.sort(curve)[: max(len(curve) // 4, 1)])
    jitter = np.median(np.abs(np.diff(curve, 2))) / 2
    return float(
        np.clip((rise / max(curve.max(), 1e-6)) / _FULL_RISE, 0, 1)
        * np.clip(rise / max(_FULL_RISE_OVER_NOISE * jitter, 1e-6), 0, 1)
    )
