"""The box around the left ventricle, found in the whole field of view of the peak frame."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..data.box import Box
from ..data.contours import Label
from ..networks import Network
from .window import Window

_USUAL_RADIUS_MM = 33.0
"""Epicardial radius of a heart of usual size, mm; chosen: the middle of the 16 to 50 mm that the networks know."""
_USUAL_BOX_PROBABILITY = 0.1
"""Probability of a box of usual size (0 to 1); chosen: low, because no network saw the heart in it."""
_TRUSTED_MM, _FADING_MM, _FARTHEST_MM = 5.0, 20.0, 30.0
"""Distance from where the blood pool enhanced, mm: a candidate counts in full, falls off as a Gaussian of this width,
and does not count; chosen."""


@dataclass(frozen=True)
class FoundBox:
    """Edges around the epicardium, and how probable it is that they are (0 to 1, of the network).

    guessed : whether no network saw the heart in it
    """

    box: Box
    probability: float
    guessed: bool = False


def find_box(
    image: np.ndarray, spacing_mm: tuple[float, float], network: Network, *, near_px: tuple[float, float] | None = None
) -> FoundBox | None:
    """Box of the LV in the peak frame (Y, X); None where the network sees no heart.

    near_px : where the blood pool enhanced in time (`find_peaks`); decides where the frame alone shows several
        candidates, and none counts that lies more than 30 mm from there
    """
    middle = tuple((length - 1) / 2 for length in image.shape)
    window = Window(network.size, network.spacing_mm, middle, spacing_mm)
    probability = network(window.sample(image[None]))
    heart = probability[Label.MYOCARDIUM] + probability[Label.BLOOD_POOL]
    pieces, count = ndimage.label(heart > 0.5)
    if not count:
        return None
    score = ndimage.sum_labels(heart, pieces, np.arange(1, count + 1))
    if near_px is not None:
        place = np.indices(heart.shape).transpose(1, 2, 0) - window.from_image(np.array(near_px))
        away_mm = np.linalg.norm(place, axis=-1) * network.spacing_mm
        closest = ndimage.minimum(away_mm, pieces, np.arange(1, count + 1))
        score = score * np.exp(-((np.maximum(closest - _TRUSTED_MM, 0) / _FADING_MM) ** 2)) * (closest < _FARTHEST_MM)
    best = int(np.argmax(score)) + 1
    if not score[best - 1]:
        return None
    own = np.where((pieces == best) | (pieces == 0), heart, 0)
    own = np.where(ndimage.binary_dilation(pieces == best, iterations=2), own, 0)
    first, last = zip(*(_crossings(own.max(axis=1 - axis)) for axis in range(2)), strict=True)
    box = _inside(window.to_image(np.array([first, last])), image.shape)
    if box is None:
        return None
    return FoundBox(box, float(heart[pieces == best].mean()) * float(score[best - 1] / score.sum()))


def place_usual_box(
    center_px: tuple[float, float], spacing_mm: tuple[float, float], shape: tuple[int, int]
) -> FoundBox:
    """A box as large as most hearts about where the blood pool enhanced, for want of a better one; inside the image.

    Examples
    --------
    >>> place_usual_box((10.0, 60.0), (2.0, 2.0), (128, 64)).box.column1
    63.0
    """
    half_px = _USUAL_RADIUS_MM / np.asarray(spacing_mm)
    box = _inside(np.array([center_px - half_px, center_px + half_px]), shape)
    if box is None:
        raise ValueError(f"center_px must lie in the image {shape}, got {center_px}")
    return FoundBox(box, _USUAL_BOX_PROBABILITY, guessed=True)


def _inside(corners, shape) -> Box | None:
    """Edges of what lies inside the image of two corners (2, 2); None where nothing does."""
    low, high = np.clip(corners, 0, np.asarray(shape) - 1.0)
    if not (low < high).all():
        return None
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _crossings(profile):
    """Where a profile first rises through one half and last falls through it, between pixel centers."""
    inside = np.flatnonzero(profile > 0.5)
    first, last = inside[0], inside[-1]
    if first > 0:
        first -= (profile[first] - 0.5) / (profile[first] - profile[first - 1])
    if last < len(profile) - 1:
        last += (profile[last] - 0.5) / (profile[last] - profile[last + 1])
    return first, last
