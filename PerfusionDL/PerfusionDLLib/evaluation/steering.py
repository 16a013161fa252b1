"""How much a reader has to do until every border is right: with hints, and with strokes of a brush."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..data.contours import Label
from ..preprocessing.hints import Hint, follow_hints
from .agreement.shape import contour_distance_mm, dice

MOST_STEPS = 20
"""Corrections after which a reader gives up; chosen."""
STROKE_MM = 30.0
"""Length of a stroke of the brush that redraws a border perfectly, mm; chosen: a sixth of an epicardium."""
_LV = (Label.BLOOD_POOL, Label.MYOCARDIUM)


@dataclass(frozen=True, kw_only=True)
class Steered:
    """What it took to correct a slice.

    hints, strokes : clicks that the contours follow, or strokes that each redraw one wrong place perfectly, until
        both borders are within a pixel (95th percentile); `MOST_STEPS` where they never are
    by_hints, by_strokes : Dice of the myocardium before the first and after each of them
    """

    hints: int
    strokes: int
    by_hints: tuple[float, ...]
    by_strokes: tuple[float, ...]


def is_within_a_pixel(labels: np.ndarray, truth: np.ndarray, spacing_mm: tuple[float, float]) -> bool:
    """Whether 95 % of both contours of the LV lie within a pixel of the true ones."""
    return all(
        contour_distance_mm(mine, theirs, spacing_mm=spacing_mm).hausdorff_95_mm <= max(spacing_mm)
        for mine, theirs in zip(_borders(labels), _borders(truth), strict=True)
    )


def _borders(labels):
    return labels == Label.BLOOD_POOL, np.isin(labels, _LV)


def find_worst_place(labels: np.ndarray, truth: np.ndarray, spacing_mm: tuple[float, float]) -> tuple[Hint, np.ndarray]:
    """Where a reader points first: half way across the widest gap between a border and the true one.

    Returns the hint there, and the wrong pixels (Y, X) that a stroke about it redraws.
    """
    widest, worst = 0.0, None
    for mine, theirs in zip(_borders(labels), _borders(truth), strict=True):
        for wrong, inner in ((mine & ~theirs, theirs), (theirs & ~mine, mine)):
            beyond_mm, nearest = ndimage.distance_transform_edt(~inner, sampling=spacing_mm, return_indices=True)
            gap = np.where(wrong, beyond_mm, 0.0)
            if gap.max() > widest:
                widest, worst = float(gap.max()), (wrong, gap, nearest)
    if worst is None:
        raise ValueError("there is nothing to correct")
    wrong, gap, nearest = worst
    end = np.unravel_index(int(np.argmax(gap)), gap.shape)
    middle = (np.array(end) + nearest[(slice(None), *end)]) / 2
    places = np.argwhere(wrong)
    row, column = places[np.argmin(np.linalg.norm((places - middle) * spacing_mm, axis=1))]
    pieces, _ = ndimage.label(wrong, np.ones((3, 3)))
    piece = ndimage.binary_dilation(pieces == pieces[end]) & _near(end, labels.shape, spacing_mm)
    true = Label(int(truth[row, column]))
    return Hint((float(row), float(column)), true if true in _LV else Label.BACKGROUND), piece


def _near(place, shape, spacing_mm):
    away = (np.indices(shape) - np.reshape(place, (2, 1, 1))) * np.reshape(spacing_mm, (2, 1, 1))
    return np.hypot(*away) <= STROKE_MM / 2


def steer(labels: np.ndarray, truth: np.ndarray, spacing_mm: tuple[float, float]) -> Steered:
    """Correct labels (Y, X) towards the truth, once by hints and once by strokes."""

    hints: list[Hint] = []

    def by_hint(now: np.ndarray) -> np.ndarray:
        hints.append(find_worst_place(now, truth, spacing_mm)[0])
        return follow_hints(labels, hints, spacing_mm)

    def by_stroke(now: np.ndarray) -> np.ndarray:
        _, piece = find_worst_place(now, truth, spacing_mm)
        return np.where(piece, truth, now)

    hinted, stroked = (_repeat(one, labels, truth, spacing_mm) for one in (by_hint, by_stroke))
    return Steered(hints=len(hinted) - 1, strokes=len(stroked) - 1, by_hints=hinted, by_strokes=stroked)


def _repeat(
    correct: Callable[[np.ndarray], np.ndarray],
    labels: np.ndarray,
    truth: np.ndarray,
    spacing_mm: tuple[float, float],
) -> tuple[float, ...]:
    """Dice of the myocardium before the first correction and after each."""
    scores = [dice(labels == Label.MYOCARDIUM, truth == Label.MYOCARDIUM)]
    while len(scores) <= MOST_STEPS and not is_within_a_pixel(labels, truth, spacing_mm):
        labels = correct(labels)
        scores.append(dice(labels == Label.MYOCARDIUM, truth == Label.MYOCARDIUM))
    return tuple(scores)
