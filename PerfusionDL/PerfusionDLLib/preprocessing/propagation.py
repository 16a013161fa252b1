"""What the correction of one slice tells of the slices beside it and of the same slice in the other scan.

A reader who moves a border in one slice may do so because the network erred there, or because it draws otherwise than
the reader does. The second is so in every slice; the first hardly goes together between slices. So the mean move of a
border is carried over nearly whole, and what is special to a side of the heart only in a small part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..data.contours import Contours, Label, Origin, Part
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice, PreprocessedStudy
from .rays import ANGLES, LEAST_WALL_MM, STEP_MM, Rays, compose_labels
from .segmentation import compute_box

_SMOOTHING_RAD = 0.35
"""Standard deviation of the Gaussian that smooths a move around the heart; chosen: errors are alike over 20 degrees."""


@dataclass(frozen=True)
class _Carried:
    """Shares of the move of a border that are carried over: of its mean around the heart, of what differs from it."""

    inside: tuple[Label, ...]
    mean: float
    local: float


_BORDERS = (_Carried((Label.BLOOD_POOL,), 0.8, 0.1), _Carried((Label.BLOOD_POOL, Label.MYOCARDIUM), 0.4, 0.2))
"""Endocardium and epicardium; chosen near the slopes from the error of a slice to that of the same slice in the other
scan (0.79 and 0.12, 0.37 and 0.20), counted on 83 pairs of phantom slices (seeds 900000 to 900011, 902000 to 902015).
To slices beside they are 0.92 and 0.03, 0.50 and 0.12, and gain no more."""


def propagate_corrections(study: PreprocessedStudy, scan: int, number: int) -> PreprocessedStudy:
    """A study in which slices follow the correction of one: those beside it, and the same slice of the other scan.

    scan, number : which slice was corrected. Slices that somebody corrected or drew stay as they are.

    Raises ValueError where the contours of that slice are as they were found, or not in the pose they were found in.
    """
    source = study.scans[scan].slices[number]
    scans = list(study.scans)
    for where, target in find_followers(study.scans, scan, number):
        slices = list(scans[where].slices)
        labels = propagate_correction(source, slices[target])
        slices[target] = _with_labels(slices[target], labels)
        scans[where] = replace(scans[where], slices=tuple(slices))
    return replace(study, scans=tuple(scans))


def find_followers(scans: Sequence[PreprocessedScan], scan: int, number: int) -> Iterator[tuple[int, int]]:
    """Scan and number of the slices that may follow the correction of one."""
    corrected = scans[scan].slices[number]
    for where, other in enumerate(scans):
        for target, part in enumerate(other.slices):
            beside = where == scan and abs(target - number) == 1
            same = where != scan and part.series.level == corrected.series.level
            if (beside or same) and _is_automatic(part):
                yield where, target


def propagate_correction(source: PreprocessedSlice, target: PreprocessedSlice) -> np.ndarray:
    """Labels (Y, X) uint8 of a slice after the correction of another one, around the heart from its insertion points.

    Raises ValueError where the source is not corrected, not in the pose it was found in, or has no insertion points.
    """
    found, drawn = source.automatic, source.contours
    if found is None or found.reference_frame != drawn.reference_frame:
        raise ValueError("a correction is known only beside automatic contours in the same pose")
    if np.array_equal(found.labels, drawn.labels):
        raise ValueError("the contours of the slice are not corrected")
    labels = target.contours.labels
    there, here = _Turned.of(source, found), _Turned.of(target, target.contours)
    borders = []
    for border in _BORDERS:
        move_mm = there.around(drawn.labels, border.inside) - there.around(found.labels, border.inside)
        move_mm = ndimage.gaussian_filter1d(move_mm, _SMOOTHING_RAD * len(ANGLES) / (2 * np.pi), mode="wrap")
        carried_mm = border.mean * move_mm.mean() + border.local * (move_mm - move_mm.mean())
        before_mm = here.rays.reach(np.isin(labels, border.inside))
        borders.append((before_mm, np.maximum(before_mm + here.on_rays(carried_mm), STEP_MM)))
    (inner, new_inner), (outer, new_outer) = borders
    new_inner = np.minimum(new_inner, np.maximum(new_outer - LEAST_WALL_MM, STEP_MM))
    heart = here.rays.redrawn(np.isin(labels, (Label.BLOOD_POOL, Label.MYOCARDIUM)), outer, new_outer)
    cavity = here.rays.redrawn(labels == Label.BLOOD_POOL, inner, new_inner) & heart
    return compose_labels(labels, cavity, heart)


@dataclass(frozen=True)
class _Turned:
    """Rays of a slice, counted from its anterior insertion point over the septum.

    first : angle of that point; sense : 1 or -1
    """

    rays: Rays
    first: float
    sense: float

    @classmethod
    def of(cls, part: PreprocessedSlice, contours: Contours) -> "_Turned":
        anterior_mm, inferior_mm = contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm
        there = contours.blood_pool.any() and contours.myocardium.any()
        if anterior_mm is None or inferior_mm is None or not there:
            raise ValueError("both slices need a cavity, a myocardium and both insertion points")
        rays = Rays.about(contours.blood_pool, part.series.spacing_mm)
        places_px = part.series.pixels_from_ras(np.stack([anterior_mm, inferior_mm]))
        anterior, inferior = (rays.polar((float(row), float(column)))[1] for row, column in places_px)
        septum = (inferior - anterior + np.pi) % (2 * np.pi) - np.pi
        return cls(rays, anterior, 1.0 if septum >= 0 else -1.0)

    def around(self, labels: np.ndarray, inside: tuple[Label, ...]) -> np.ndarray:
        """(R,) radius of a border, mm, from the anterior insertion point over the septum."""
        radius = self.rays.reach(np.isin(labels, inside))
        return np.interp((self.first + self.sense * ANGLES) % (2 * np.pi), ANGLES, radius, period=2 * np.pi)

    def on_rays(self, around: np.ndarray) -> np.ndarray:
        """(R,) on the rays of the slice what is given around the heart."""
        return np.interp(self.sense * (ANGLES - self.first) % (2 * np.pi), ANGLES, around, period=2 * np.pi)


def _is_automatic(part: PreprocessedSlice) -> bool:
    return part.contours.origins.get(Part.LABELS, Origin.AUTOMATIC) is Origin.AUTOMATIC and part.automatic is not None


def _with_labels(part: PreprocessedSlice, labels: np.ndarray) -> PreprocessedSlice:
    """The slice with labels that a correction elsewhere has led to."""
    origins = {**part.contours.origins, Part.LABELS: Origin.EDITED}
    return replace(part, contours=replace(part.contours, labels=labels, box_px=compute_box(labels), origins=origins))
