"""The order of frames by the numbers that headers give them."""

from collections.abc import Sequence

import numpy as np

from .frame import Frame


def rank_by_number(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) instance number of each frame, or its place in its file; None where these do not differ."""
    numbers = np.array([frame.number("InstanceNumber") for frame in frames])
    if not np.isfinite(numbers).all():
        return None
    if len(np.unique(numbers)) == len(frames):
        return numbers
    if len({frame.path for frame in frames}) == 1:  # one multi-frame file: the order in it
        return np.array([float(frame.index) for frame in frames])
    return None


def rank_by_acquisition(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) acquisition number of each frame; None where these do not differ."""
    numbers = np.array([frame.number("AcquisitionNumber") for frame in frames])
    return numbers if np.isfinite(numbers).all() and len(np.unique(numbers)) == len(frames) else None


def rank_by_position(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) temporal position of each frame; None where these do not differ."""
    positions = np.array([frame.number("TemporalPositionIdentifier") for frame in frames])
    if not np.isfinite(positions).all() or len(np.unique(positions)) < len(frames):
        return None
    return positions


def find_longest_rising(values: np.ndarray) -> np.ndarray:
    """(T,) bool, the longest part of a row of numbers that strictly rises.

    >>> find_longest_rising(np.array([1.0, 2.0, 0.0, 3.0])).tolist()
    [True, True, False, True]
    """
    best = np.ones(len(values), int)
    before = np.full(len(values), -1)
    for index in range(1, len(values)):
        lower = np.flatnonzero(values[:index] < values[index])
        if lower.size:
            before[index] = lower[np.argmax(best[lower])]
            best[index] = best[before[index]] + 1
    chosen = np.zeros(len(values), bool)
    index = int(np.argmax(best)) if len(values) else -1
    while index >= 0:
        chosen[index] = True
        index = before[index]
    return chosen


def order_of(frames: Sequence[Frame]) -> np.ndarray | None:
    """(T,) indices of the frames in the order that positions or numbers give; None where nothing does."""
    rank = rank_by_position(frames)
    rank = rank_by_number(frames) if rank is None else rank
    return None if rank is None else np.argsort(rank, kind="stable")
