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
    """Where a reader points first: deepest in the wrong pixels of one kind, and all of these pixels (Y, X)."""
    kinds = [wrong for pair in zip(_borders(labels), _borders(truth), strict=True) for wrong in _differences(*pair)]
    depths = [ndimage.distance_transform_edt(np.pad(one, 1), sampling=spacing_mm)[1:-1, 1:-1] for one in kinds]
    worst = int(np.argmax([depth.max() for depth in depths]))
    if not kinds[worst].any():
        raise ValueError("there is nothing to correct")
    row, column = np.unravel_index(int(np.argmax(depths[worst])), labels.shape)
    pieces, _ = ndimage.label(kinds[worst], np.ones((3, 3)))
    piece = ndimage.binary_dilation(pieces == pieces[row, column]) & _near((row, column), labels.shape, spacing_mm)
    true = Label(int(truth[row, column]))
    return Hint((float(row), float(column)), true if true in _LV else Label.BACKGROUND), piece


def _differences(mine, theirs):
    return mine & ~theirs, theirs & ~mine


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
