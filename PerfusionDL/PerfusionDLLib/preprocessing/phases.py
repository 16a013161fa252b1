"""Three average_phases of a first pass in one pose, which together show what no single frame does.

About the LV peak the cavity is bright; while the RV is full, its side of the septum is; when muscle is brightest, the
epicardium is. Frames of the same moment are averaged.
"""

from collections.abc import Sequence

import numpy as np

from .peak_frame import count_lead_frames

_MYOCARDIUM_FRAMES = 6
"""Frames in which the myocardium is bright that are averaged, at most; chosen."""
_RIGHT_FRAMES = 3
"""Frames in which the RV is full that are averaged, at most; chosen: before the LV is, for few heartbeats."""
_AFTER_PEAK = (4, 16)
"""Frames after the LV peak between which the myocardium is brightest; chosen: recirculation follows."""
_EMPTY_LV = 0.5
"""Share of its rise at which the LV still counts as rather empty, at most; chosen."""
_FULL_RV = 0.8
"""Share of its rise from which the RV counts as full; chosen."""


def average_phases(
    images: np.ndarray, frames: Sequence[int], *, usable: np.ndarray, lv: np.ndarray, rv: np.ndarray | None
) -> np.ndarray:
    """(frame, 3, Y, X) of each of ``frames`` about the LV peak: itself, while the RV is full, when muscle is brightest.

    images : (T, Y, X) in one pose; usable : (T,) whether a frame is in it
    lv, rv : (T,) mean signal of the ventricles, None where no RV is seen; a moment that is missing is replaced by the
        frame about the peak
    """
    usable = usable & (np.arange(len(images)) >= count_lead_frames(images))
    peak = max(frames, key=lambda frame: lv[frame])
    found = [images[list(frames)]]
    for chosen in (find_rv_frames(lv, rv, peak, usable), find_myocardium_frames(len(images), peak, usable)):
        found.append(np.broadcast_to(images[chosen].mean(axis=0), found[0].shape) if chosen else found[0])
    return np.stack(found, axis=1)


def find_rv_frames(lv: np.ndarray, rv: np.ndarray | None, peak: int, usable: np.ndarray) -> list[int]:
    """Up to three frames before the LV's peak in which the RV is full and the LV still rather empty.

    Examples
    --------
    >>> lv, rv = np.array([0, 0, 0, 1, 5, 9.0]), np.array([0, 5, 8, 8, 7, 3.0])
    >>> find_rv_frames(lv, rv, 5, np.ones(6, bool))
    [2, 3]
    """
    if rv is None:
        return []
    before = np.flatnonzero(usable[: peak + 1])
    if not before.size:
        return []
    filled, arrived = _share(rv[before]), _share(lv[before])
    fit = (filled >= _FULL_RV) & (arrived <= _EMPTY_LV)
    if not fit.any():
        return [int(before[np.argmax(filled - arrived)])]
    best = np.argsort(-(filled - arrived)[fit], kind="stable")[:_RIGHT_FRAMES]
    return sorted(before[fit][best].tolist())


def find_myocardium_frames(count: int, peak: int, usable: np.ndarray) -> list[int]:
    """Up to six frames from 4 to 16 after the LV's peak, when muscle has taken up contrast agent.

    Examples
    --------
    >>> find_myocardium_frames(30, 10, np.ones(30, bool))
    [14, 16, 19, 21, 24, 26]
    """
    low, high = (min(peak + after, count - 1) for after in _AFTER_PEAK)
    there = low + np.flatnonzero(usable[low : high + 1])
    if not there.size or low <= peak:
        return []
    return np.unique(there[np.rint(np.linspace(0, len(there) - 1, _MYOCARDIUM_FRAMES)).astype(int)]).tolist()


def _share(curve):
    """A curve between its least and its greatest value, 0 to 1."""
    return (curve - curve.min()) / max(np.ptp(curve), 1e-9)
