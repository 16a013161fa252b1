"""Training samples from slices that a reader corrected, at the spacing and size of each network's card."""

from collections.abc import Callable, Sequence

import numpy as np

from ..data.contours import Label, Part
from ..motion.field import resampled
from ..networks import Network
from ..preprocessing import average_phases, count_lead_frames, find_bright_frames
from ..preprocessing.segmentation import compute_box
from ..preprocessing.window import Window
from .corrections import Correction
from .synthetic.samples import Sample

TRAINED_BY = {
    "peak": {Part.PEAK_FRAME, Part.BOX, Part.LABELS},
    "box": {Part.BOX, Part.LABELS},
    "labels": {Part.LABELS},
    "points": {Part.RV_INSERTION_POINTS},
}
"""Corrected parts of a slice that a network can be trained on; one of them is enough."""

_OFF_CENTER_MM = {  # mm, largest shift of a sample; chosen
    "peak": 40.0,
    "box": 40.0,
    "labels": 12.0,
    "points": 12.0,
}
_ZOOM_SD = 0.08  # standard deviation of the log of its scale; chosen


def select_usable(corrections: Sequence[Correction], step: str) -> list[Correction]:
    """Corrections that a network can be trained on, or be judged on."""
    found = [one for one in corrections if one.parts & TRAINED_BY[step]]
    if step == "points":
        found = [one for one in found if np.isfinite(one.case.reference.rv_points_px).all()]
    return found


def make_sampler(correction: Correction, network: Network) -> Callable[[np.random.Generator], Sample]:
    """A function that draws samples of a corrected slice, each placed and scaled a little differently."""
    step, case = network.card["name"], correction.case
    spacing_mm, labels = case.series.spacing_mm, case.reference.labels
    masks = (labels == np.array(list(Label))[:, None, None]).astype(np.float32)
    heart = np.array(compute_box(labels).center_px)
    image = (np.array(labels.shape) - 1) / 2
    views = [(network.spacing_mm, image if step in ("peak", "box") else heart)]
    if step == "peak":
        views.append((network.closer_spacing_mm, heart))
    images = {"peak": _series, "box": _frames}.get(step, _phases)(correction, network)
    points = _clockwise(correction) if step == "points" else np.full((2, 2), np.nan)

    def draw(rng: np.random.Generator) -> Sample:
        seen_mm, middle = views[rng.integers(len(views))]
        off_px = rng.uniform(-1, 1, 2) * _OFF_CENTER_MM[step] / spacing_mm
        zoom = np.exp(rng.normal(0, _ZOOM_SD))
        window = Window(network.size, seen_mm * zoom, tuple(middle + off_px), spacing_mm)
        image = network.scaled(window.sample(images[rng.integers(len(images))]))
        seen = window.sample(masks)
        seen[Label.BACKGROUND] += 1 - seen.sum(axis=0)
        return Sample(image, seen.argmax(axis=0).astype(np.uint8), window.from_image(points))

    return draw


def _aligned(correction: Correction) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """The series in the pose of the contours, the curve of its cavity, and the frames around the LV peak."""
    series, reference = correction.case.series, correction.case.reference
    if reference.displacement_mm is None:
        raise ValueError("a corrected slice needs its motion, got none")
    images = resampled(series.signal, reference.displacement_mm, series.spacing_mm)
    curve = images[:, reference.labels == Label.BLOOD_POOL].mean(axis=1)
    return images, curve, find_bright_frames(curve, correction.reference_frame)


def _frames(correction: Correction, network: Network) -> np.ndarray:
    """(frame, 1, Y, X) the frames around the LV peak."""
    images, _, frames = _aligned(correction)
    return images[frames][:, None]


def _phases(correction: Correction, network: Network) -> np.ndarray:
    """(frame, 3, Y, X) average images of the phases of the first pass about each of these frames."""
    images, curve, frames = _aligned(correction)
    right = correction.case.reference.labels == Label.RV_BLOOD_POOL
    rv = images[:, right].mean(axis=1) if right.any() else None
    return average_phases(images, frames, usable=np.ones(len(images), bool), lv=curve, rv=rv)


def _series(correction: Correction, network: Network) -> np.ndarray:
    """(1, frame, Y, X) the whole series without lead frames, as many frames as the network takes."""
    signal = correction.case.series.signal
    used = signal[count_lead_frames(signal) :]
    place = np.linspace(0, len(used) - 1, network.channels)
    weight = np.maximum(1 - np.abs(place[:, None] - np.arange(len(used))), 0).astype(np.float32)
    return np.tensordot(weight, used, axes=1)[None]


def _clockwise(correction: Correction) -> np.ndarray:
    """(2, 2) insertion points in the order in which the septum runs clockwise on the screen."""
    labels, points = correction.case.reference.labels, correction.case.reference.rv_points_px
    heart = np.argwhere((labels == Label.MYOCARDIUM) | (labels == Label.BLOOD_POOL)).mean(axis=0)
    right = np.argwhere(labels == Label.RV_BLOOD_POOL)
    between = right.mean(axis=0) if len(right) else points.mean(axis=0)
    first, last, middle = (np.arctan2(*(point - heart)) for point in (*points, between))
    inside = (middle - first) % (2 * np.pi) < (last - first) % (2 * np.pi)
    return points if inside else points[::-1]
