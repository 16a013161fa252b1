"""The peak of blood that the stored images cut off at a ceiling: between its flanks, not where the cut top is highest.

Above a ceiling blood shows nothing; what still rises there are muscle and partial pixels, which peak later. The middle
of the bolus at a height moves evenly with the square of its width there, so that the middles below the ceiling tell
where the width would be zero.
"""

import numpy as np
from scipy import ndimage

from ..data.contours import Label
from .peak_frame import find_first_pass_top

_AT_CEILING = 0.999
"""Share of the brightest value of a series from which a pixel is at the ceiling; chosen: the rounding of 10 bits."""
_CLIPPED_SHARE = 0.3
"""Share of the cavity at the ceiling in one frame from which its peak is cut off; chosen on 109 slices (seeds 900000 to
900011, 902000 to 902006): below it the peak of the mean curve was 0.4 frames off, above it 2.2."""
_ARRIVED = 0.7
"""Share of its rise at which blood has arrived and muscle has not begun to enhance; chosen."""
_BEFORE_ARRIVAL = 6
"""Frames before arrival in which contrast agent begins to enter, at most; chosen."""
_CHORDS = np.linspace(0.6, 0.98, 12)
"""Heights of the chords from rise to fall, as share of the rise of the cut curve; chosen on the same slices."""
_FEWEST_CHORDS = 4
"""Chords below which nothing can be extrapolated; chosen."""


def is_peak_clipped(signal: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the stored values of the blood pool are cut off at a ceiling, the brightest value of a series (T, Y, X).

    Examples
    --------
    >>> bolus = 100 * np.exp(-(((np.arange(30) - 12) / 4.0) ** 2))[:, None, None] * np.linspace(0.8, 1, 9)
    >>> cavity = np.full((1, 9), Label.BLOOD_POOL, np.uint8)
    >>> is_peak_clipped(bolus, cavity), is_peak_clipped(np.minimum(bolus, 70), cavity)
    (False, True)
    """
    cavity = signal[:, labels == Label.BLOOD_POOL]
    return bool((cavity >= _AT_CEILING * signal.max()).mean(axis=1).max() >= _CLIPPED_SHARE)


def find_clipped_peak(corrected: np.ndarray, labels: np.ndarray) -> int:
    """Frame of the peak of the first pass of a cavity whose values are cut off.

    corrected : (T, Y, X) in one pose, without lead frames; labels : (Y, X) uint8, values of `Label`
    """
    curve = _blood_curve(corrected, labels)
    top, (first, last) = find_first_pass_top(curve)
    middles, widths = _chords(curve, first, last)
    if len(middles) < _FEWEST_CHORDS:
        return top
    _, peak = np.polyfit(np.square(widths), middles, 1)
    return int(np.rint(np.clip(peak, first, last)))


def _blood_curve(corrected, labels):
    """(T,) signal of blood: pixels of the cavity count by the square of how much blood and how little muscle they hold.

    How much that is, their first rise tells, when muscle is still dark.
    """
    cavity = corrected[:, labels == Label.BLOOD_POOL]
    mean = ndimage.gaussian_filter1d(cavity.mean(axis=1), 0.7)
    base = np.sort(mean)[: max(len(mean) // 5, 1)].mean()
    arrived = int(np.argmax(mean >= base + _ARRIVED * (np.percentile(mean, 98) - base)))
    rise = corrected[arrived] - np.median(corrected[: max(arrived - _BEFORE_ARRIVAL, 3)], axis=0)
    muscle = np.median(rise[labels == Label.MYOCARDIUM])
    blood = np.percentile(rise[labels == Label.BLOOD_POOL], 90)
    weight = np.clip((rise[labels == Label.BLOOD_POOL] - muscle) / max(blood - muscle, 1e-6), 0, 1) ** 2
    return cavity @ weight / max(weight.sum(), 1e-6)


def _chords(curve, first, last):
    """Middles and widths, frames, of the chords of a curve whose top lies between two frames; those that it crosses."""
    smooth = ndimage.convolve1d(curve, [0.25, 0.5, 0.25], mode="nearest")
    before = np.sort(smooth[: max(first, 4)])
    base = before[: max(len(before) // 2, 2)].mean()
    top = np.sort(smooth[first : last + 1])[(last - first + 1) // 2 :].mean()
    height = (smooth - base) / max(top - base, 1e-9)
    ends = []
    for level in _CHORDS:
        low_before = np.flatnonzero(height[: first + 1] < level)
        low_after = last + np.flatnonzero(height[last:] < level)
        if low_before.size and low_after.size:
            rise, fall = int(low_before[-1]), int(low_after[0])
            ends.append((_crossing(height, rise, rise + 1, level), _crossing(height, fall, fall - 1, level)))
    crossed = np.reshape(ends, (-1, 2))
    return crossed.mean(axis=1), np.ptp(crossed, axis=1)


def _crossing(height, low, high, level):
    """Where, between a frame below a level and the next one above it, it is crossed."""
    return low + (high - low) * (level - height[low]) / max(height[high] - height[low], 1e-9)
