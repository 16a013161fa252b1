"""Is this a first pass of contrast through a heart in short axis? Physiology asks, whatever the networks believe."""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from ..data.contours import Label
from ..data.flag import Flag, FlagCode, make_flag

_LEAST_ENHANCEMENT = 1.35
"""Peak over baseline of the LV blood pool; chosen: patients reach 2.9 and more."""
_LEAST_DELAY_FRAMES = 0.7
"""Frames from the half rise of the RV to that of the LV; chosen: blood passes the lungs in several heartbeats."""
_MOST_MYOCARDIUM_SHARE = 0.95
"""Signal of the myocardium over that of the blood pool at its peak; chosen."""
_LEAST_ROUND = 0.6
"""Shortest over longest axis of the left ventricle; chosen: in a long-axis view it is long."""
_RADIUS_MM = (13.0, 55.0)
"""Epicardial radius, mm; chosen: 3 to 5 mm beyond the 16 to 50 mm that the networks were trained on."""

_BLOOD_LEVEL = 0.6
"""Signal from which a pixel counts as blood, between the median of the myocardium (0) and that of bright cavity (1);
chosen."""
_BLOOD_SMOOTHING_MM = 1.0
"""Standard deviation of the Gaussian against noise before pixels are counted, mm; chosen."""
_EPICARDIAL_RIM_MM = 3.0
"""Distance from the epicardium within which bright pixels may belong to the RV or the lung, mm; chosen."""
_MOST_LUMEN_OUTSIDE_SHARE = 0.15
"""Share of the pixels as bright as blood that may lie in the myocardium; chosen on 60 phantom slices: 0 of 36 held-out
slices with contours as found exceed it, and 3 of 24 with a nearly closed cavity; with the cavity moved by 7 mm 20 and
23 do."""


def compute_enhancement(curve: np.ndarray) -> float:
    """Peak over baseline of a curve; in patients 2.9 and more in the LV blood pool, also before a second bolus.

    Examples
    --------
    >>> compute_enhancement(np.array([1.0, 1.0, 1.0, 1.0, 6.0, 4.0, 3.0, 3.0, 3.0, 3.0]))
    6.0
    """
    curve = np.asarray(curve, float)
    peak = int(np.argmax(curve))
    before = curve[: peak + 1] if peak >= 3 else curve
    baseline = np.sort(before)[: max(len(before) // 3, 1)].mean()
    return float(curve[peak] / max(baseline, 1e-6))


def is_enhancing(corrected: np.ndarray, labels: np.ndarray) -> bool:
    """Whether the blood pool brightens as if contrast passed; a cine's or a still tissue's does not.

    corrected : (T, Y, X) in one pose, without lead frames; labels : (Y, X) uint8, values of `Label`
    """
    return compute_enhancement(corrected[:, labels == Label.BLOOD_POOL].mean(axis=1)) >= _LEAST_ENHANCEMENT


def find_contradictions(corrected: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float]) -> tuple[Flag, ...]:
    """What contradicts a short-axis first pass, texts being half-sentences; empty where nothing does.

    corrected : (T, Y, X) in one pose, without lead frames; labels : (Y, X) uint8, values of `Label`
    """
    reasons = []
    cavity = corrected[:, labels == Label.BLOOD_POOL].mean(axis=1)
    if not is_enhancing(corrected, labels):
        reasons.append(make_flag(FlagCode.WEAK_ENHANCEMENT, rise_percent=100 * (compute_enhancement(cavity) - 1)))
    peak = int(np.argmax(cavity))
    right = labels == Label.RV_BLOOD_POOL
    if not right.any():
        reasons.append(make_flag(FlagCode.NO_RIGHT_VENTRICLE))
    elif _half_rise(corrected[: peak + 1, right].mean(axis=1)) > _half_rise(cavity) - _LEAST_DELAY_FRAMES:
        reasons.append(make_flag(FlagCode.RIGHT_NOT_BEFORE_LEFT))
    myocardium = labels == Label.MYOCARDIUM
    muscle = corrected[:, myocardium].mean(axis=1)
    if muscle[peak] > _MOST_MYOCARDIUM_SHARE * cavity[peak]:
        reasons.append(make_flag(FlagCode.MYOCARDIUM_AS_BRIGHT_AS_BLOOD))
    reasons += _shape_contradictions((labels == Label.BLOOD_POOL) | myocardium, spacing_mm)
    return tuple(reasons)


def compute_lumen_outside_share(image: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float]) -> float:
    """Share of the pixels as bright as blood that lie in the myocardium instead of the cavity, 0 to 1.

    image : (Y, X) about the LV peak, in the pose of the labels; labels : (Y, X) uint8, values of `Label`

    Examples
    --------
    >>> rows, columns = np.mgrid[:64, :64] - 32.0
    >>> distance = np.hypot(rows, columns)
    >>> labels = np.where(distance < 8, Label.BLOOD_POOL, np.where(distance < 20, Label.MYOCARDIUM, 0)).astype(np.uint8)
    >>> image = np.where(distance < 8, 10.0, 1.0)
    >>> compute_lumen_outside_share(image, labels, (1.5, 1.5))
    0.0
    >>> compute_lumen_outside_share(np.roll(image, 8, axis=0), labels, (1.5, 1.5)) > 0.3
    True
    """
    smooth = ndimage.gaussian_filter(np.asarray(image, float), [_BLOOD_SMOOTHING_MM / mm for mm in spacing_mm])
    cavity = labels == Label.BLOOD_POOL
    heart = cavity | (labels == Label.MYOCARDIUM)
    muscle = np.median(smooth[heart & ~cavity])
    blood = smooth > muscle + _BLOOD_LEVEL * (np.percentile(smooth[cavity], 90) - muscle)
    inside = ndimage.distance_transform_edt(heart, sampling=spacing_mm) > _EPICARDIAL_RIM_MM
    outside = (blood & inside & ~cavity).sum()
    return float(outside / max(outside + (blood & cavity).sum(), 1))


def find_missed_lumen(image: np.ndarray, labels: np.ndarray, spacing_mm: tuple[float, float]) -> Iterator[Flag]:
    """A finding where much of the bright lumen lies outside the cavity; arguments as above."""
    share = compute_lumen_outside_share(image, labels, spacing_mm)
    if share > _MOST_LUMEN_OUTSIDE_SHARE:
        yield make_flag(FlagCode.LUMEN_OUTSIDE_CAVITY, percent=100 * share)


def _shape_contradictions(heart, spacing_mm):
    rows, columns = (np.indices(heart.shape)[:, heart].T * spacing_mm).T
    shortest, longest = np.sqrt(np.linalg.eigvalsh(np.cov(rows, columns)))
    radius_mm = float(np.sqrt(heart.sum() * np.prod(spacing_mm) / np.pi))
    if shortest < _LEAST_ROUND * longest:
        yield make_flag(FlagCode.HEART_NOT_ROUND, length_over_width=longest / shortest)
    if not _RADIUS_MM[0] <= radius_mm <= _RADIUS_MM[1]:
        yield make_flag(FlagCode.HEART_SIZE_IMPLAUSIBLE, diameter_mm=2 * radius_mm)


def _half_rise(curve):
    """Frame, with a fraction, at which a curve has last risen half way to its maximum."""
    smooth = ndimage.gaussian_filter1d(np.asarray(curve, float), 0.7)
    top = int(np.argmax(smooth))
    base = smooth[: top + 1].min()
    half = base + 0.5 * (smooth[top] - base)
    last_below = np.flatnonzero(smooth[: top + 1] < half)
    if not last_below.size:
        return 0.0
    low = int(last_below[-1])
    return low + float((half - smooth[low]) / max(smooth[low + 1] - smooth[low], 1e-9))
