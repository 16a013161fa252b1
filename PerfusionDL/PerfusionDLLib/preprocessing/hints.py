"""Contours that follow hints: clicks on blood, on the wall or outside move the borders that they contradict.

A border moves along rays from the middle of the cavity. A reader clicks in the middle of what is wrong: there the
border moves past the click. Elsewhere it moves by what that tells of its error there: small errors of a contour are
alike nearby, large ones all around the heart (a Gaussian process). Neither images nor networks are asked, so that a
hint also mends what a reader has drawn, at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.contours import Label
from .rays import ANGLES, FARTHEST_MM, LEAST_WALL_MM, STEP_MM, Rays, compose_labels

_MARGIN_MM = 1.0
"""Distance from a hint that a border keeps, mm; chosen: half a pixel."""
_PAST_CLICK = 1.25
"""Move of a border over its distance from the click that contradicts it; chosen on 36 slices of `phantom.DIFFICULT`
(seeds 902000 to 902015) among 1.25, 1.5 and 2: the middle of a thin error is seldom hit to a pixel."""
_OFF_MIDDLE_MM = 2.5
"""Distance of a click from the middle of a wide error, mm, at most, so that a border moves nearly twice as far as the
click lies from it; chosen on the same slices and on cavities that are too small all around."""
_CLICK_MM = 0.8
"""Standard deviation of what a click says of a border, mm; chosen on the same slices: less than half a pixel."""
_USUAL_MM = 1.4
"""Standard deviation of the error of a border that needs a hint, mm; counted on the same slices."""
_SMALL_MM = 4.0
"""Move up to which an error is a small one, mm; chosen on the same slices: two pixels."""
_NEAR_RAD, _WIDE_RAD = 0.35, 0.9
"""Angles over which small errors go together, chosen on the same slices."""
_REPLACED_RAD = 0.2
"""Angle within which a hint takes the place of an earlier one, which told of the same place; chosen: 12 degrees."""


@dataclass(frozen=True)
class Hint:
    """What a reader says of a place in a slice.

    position_px : row and column
    label : `Label.BLOOD_POOL` (papillary muscles are part of it), `Label.MYOCARDIUM`, or `Label.BACKGROUND`: not the LV
    """

    position_px: tuple[float, float]
    label: Label


@dataclass(frozen=True)
class _Border:
    """How the errors of a border go together.

    inside : labels within it
    small_everywhere, small_wide : of the variance of small errors, the shares that are the same all around, and alike
        over the wider angle; the rest is alike over the narrower
    large_everywhere, large_rad : of the variance of large errors, the share that is the same all around, and the angle
        over which the rest goes together
    """

    inside: tuple[Label, ...]
    small_everywhere: float
    small_wide: float
    large_everywhere: float
    large_rad: float

    def covariance(self, angle: np.ndarray, largest_mm: float) -> np.ndarray:
        """Of two errors that lie an angle apart, mm2, where the largest of some moves is known."""
        small_mm2 = max(_USUAL_MM, min(largest_mm, _SMALL_MM)) ** 2
        large_mm2 = max(largest_mm**2 - _SMALL_MM**2, 0.0)
        near, wide, far = (np.exp((np.cos(angle) - 1) / rad**2) for rad in (_NEAR_RAD, _WIDE_RAD, self.large_rad))
        small = self.small_everywhere + self.small_wide * wide + (1 - self.small_everywhere - self.small_wide) * near
        large = self.large_everywhere + (1 - self.large_everywhere) * far
        return small_mm2 * small + large_mm2 * large


_ENDOCARDIUM = _Border((Label.BLOOD_POOL,), 0.1, 0.3, 0.7, 0.5)
_EPICARDIUM = _Border((Label.BLOOD_POOL, Label.MYOCARDIUM), 0.0, 0.3, 0.25, 0.8)
"""Small errors: chosen on the same slices; large ones: counted on 16 phantom slices with noise, flat peaks or a closed
cavity, whose contours were far off."""


class HintMemory:
    """Which hints led to some labels, so that later ones agree with them; undo and strokes need not be told.

    A hint on labels that no hint led to is the first one on these.
    """

    def __init__(self) -> None:
        self._led: list[tuple[np.ndarray, np.ndarray, tuple[Hint, ...]]] = []

    def follow(self, labels: np.ndarray, hint: Hint, spacing_mm: tuple[float, float]) -> np.ndarray:
        """Labels (Y, X) after a further hint; ValueError where there is no cavity or no myocardium."""
        first, hints = labels, (hint,)
        for led, before, given in reversed(self._led):
            if np.array_equal(led, labels):
                first, hints = before, (*given, hint)
                break
        new = follow_hints(first, hints, spacing_mm)
        self._led = [*self._led[1 - _MOST_KEPT :], (new, first, hints)]
        return new


_MOST_KEPT = 100
"""Labels of which it is known which hints led to them; chosen: as many as steps of undo."""


def follow_hints(labels: np.ndarray, hints: Sequence[Hint], spacing_mm: tuple[float, float]) -> np.ndarray:
    """Labels (Y, X) uint8 after hints in the order in which they were given.

    labels : before the first of them; with a cavity and a myocardium, else ValueError

    Examples
    --------
    >>> distance = np.hypot(*(np.mgrid[:64, :64] - 32.0))
    >>> labels = np.where(distance < 6, 2, np.where(distance < 15, 1, 0)).astype(np.uint8)
    >>> cavity = follow_hints(labels, [Hint((32, 40), Label.BLOOD_POOL)], (2.0, 2.0)) == Label.BLOOD_POOL
    >>> bool(cavity[32, 40]), int((labels == 2).sum()) < int(cavity.sum())
    (True, True)
    """
    cavity = labels == Label.BLOOD_POOL
    heart = cavity | (labels == Label.MYOCARDIUM)
    if not cavity.any() or (cavity == heart).all():
        raise ValueError("hints need a cavity and a myocardium to move")
    rays = Rays.about(cavity, spacing_mm)
    borders = {one: _FollowedBorder(rays.reach(np.isin(labels, one.inside))) for one in (_ENDOCARDIUM, _EPICARDIUM)}
    for hint in hints:
        place = rays.polar(hint.position_px)
        for one, followed in borders.items():
            followed.follow(place, inside=hint.label in one.inside, about=one)
    inner, outer = (borders[one].now_mm for one in (_ENDOCARDIUM, _EPICARDIUM))
    if hints and hints[-1].label == Label.BLOOD_POOL:
        outer = np.maximum(outer, inner + LEAST_WALL_MM)
    inner = np.minimum(inner, np.maximum(outer - LEAST_WALL_MM, STEP_MM))
    new_heart = rays.redrawn(heart, borders[_EPICARDIUM].first_mm, outer)
    new_cavity = rays.redrawn(cavity, borders[_ENDOCARDIUM].first_mm, inner) & new_heart
    return compose_labels(labels, new_cavity, new_heart)


class _FollowedBorder:
    """Radius of a border on every ray, before the first hint and now."""

    def __init__(self, radius_mm: np.ndarray) -> None:
        self.first_mm = self.now_mm = radius_mm
        self._angles: list[float] = []
        self._moves_mm: list[float] = []
        self._given: list[tuple[float, float, bool]] = []

    def follow(self, place: tuple[float, float], *, inside: bool, about: _Border) -> None:
        """Move if a hint at a place (radius in mm, angle) lies on the wrong side."""
        radius, angle = place
        ray = int(np.rint(angle / (2 * np.pi) * len(ANGLES))) % len(ANGLES)
        self._given.append((radius, angle, inside))
        away = radius - self.now_mm[ray] if inside else self.now_mm[ray] - radius
        if away < -_MARGIN_MM:
            return
        move = max(_PAST_CLICK * away, 2 * away - _OFF_MIDDLE_MM, away + _MARGIN_MM)
        aim = self._between_hints(self.now_mm[ray] + (move if inside else -move), angle)
        kept = [i for i, other in enumerate(self._angles) if not _is_near(other, angle)]
        self._angles = [*(self._angles[i] for i in kept), angle]
        self._moves_mm = [*(self._moves_mm[i] for i in kept), float(aim - self.first_mm[ray])]
        self.now_mm = np.maximum(self.first_mm + self._expected_mm(about), STEP_MM)

    def _between_hints(self, aim_mm: float, angle: float) -> float:
        """The radius next to an aim that no hint nearby contradicts."""
        near = [(radius, inside) for radius, other, inside in self._given if _is_near(other, angle)]
        lowest = max((radius for radius, inside in near if inside), default=0.0)
        highest = min((radius for radius, inside in near if not inside), default=FARTHEST_MM)
        if highest < lowest:
            return max(aim_mm, STEP_MM)
        margin = min(_MARGIN_MM / 2, (highest - lowest) / 2)
        return max(min(max(aim_mm, lowest + margin), highest - margin), STEP_MM)

    def _expected_mm(self, about: _Border) -> np.ndarray:
        """(R,) mean of a Gaussian process that the moves at the hints were drawn from."""
        at, moves = np.array(self._angles), np.array(self._moves_mm)
        largest = float(np.abs(moves).max())
        among = about.covariance(at[:, None] - at, largest) + _CLICK_MM**2 * np.eye(len(at))
        return about.covariance(ANGLES[:, None] - at, largest) @ np.linalg.solve(among, moves)


def _is_near(one: float, other: float) -> bool:
    return np.cos(one - other) > np.cos(_REPLACED_RAD)
