"""Where the heart is in a slice: candidates tried in turn, each with its own alignment and labels."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .. import motion
from ..data.box import Box
from ..data.contours import Label
from ..data.flag import Flag
from ..data.preprocessed import MotionCompensation
from ..data.study import PerfusionSeries
from ..networks import Network, Networks
from ..networks.joining import compute_expected_dice, join_answers, weigh_answers
from .bounding_box import FoundBox, find_box, place_usual_box
from .peak_frame import Peak, count_lead_frames, find_bright_frames
from .phases import average_phases
from .plausibility import find_contradictions
from .segmentation import compute_box, compute_ring_labels
from .window import Window

RECENTER_MM = 6.0
"""Distance of the contours' middle from the window's from which the window is centered anew, mm; chosen."""
_LV = (Label.MYOCARDIUM, Label.BLOOD_POOL)
_SURE_BOX = 0.8
"""Probability of a box from which a heart is looked for in it where no enhancing blood pool was seen; chosen."""
_ANOTHER_PLACE_MM = 15.0
"""Distance from which boxes are of different places, mm; chosen: as of the candidates of the peak network."""


@dataclass(frozen=True)
class FoundLabels:
    """What the labels network sees in a slice.

    labels : (Y, X) uint8, values of `Label`, from the frames weighed by how sure the network is of each
    probability : (4, Y, X) float32, where all frames count alike: where they disagree there is doubt
    myocardium_dice, cavity_dice : expected if these probabilities are right, 0 to 1
    """

    labels: np.ndarray
    probability: np.ndarray
    myocardium_dice: float
    cavity_dice: float

    @property
    def certainty(self) -> float:
        """0 to 1, of the network that this is a heart: the worse of both."""
        return min(self.myocardium_dice, self.cavity_dice)


@dataclass(frozen=True)
class View:
    """A place where the heart may be, what the labels network sees there when aligned, and what contradicts it."""

    peak: Peak | None
    box: FoundBox
    reference_frame: int
    motion: MotionCompensation
    images: np.ndarray
    found: FoundLabels
    contradictions: tuple[Flag, ...]


def find_candidate_boxes(
    series: PerfusionSeries, networks: Networks, candidates: Sequence[Peak], peak_frame: int | None
) -> Iterator[tuple[Peak | None, FoundBox]]:
    """Candidates for the LV about which the box network sees a heart too, with its box.

    Where it sees none about any, a box of usual size about the first, if the peak network is certain of it. At last a
    heart elsewhere of which the box network is sure, though nothing was seen to enhance there as an LV does; where
    there is nothing at all, the box of usual size in which nobody believes.
    """
    boxes: list[FoundBox] = []
    for peak in candidates:
        frame = peak.frame if peak_frame is None else peak_frame
        box = find_box(series.signal[frame], series.spacing_mm, networks.box, near_px=peak.center_px)
        if box is not None:
            boxes.append(box)
            yield peak, box
    usual = None if boxes or not candidates else _place_usual_box(series, candidates[0])
    if usual is not None and candidates[0].certainty > networks.peak.threshold("box_of_usual_size"):
        boxes.append(usual)
        yield candidates[0], usual
    if peak_frame is None and not candidates:
        return
    frame = candidates[0].frame if peak_frame is None else peak_frame
    box = find_box(series.signal[frame], series.spacing_mm, networks.box)
    sure = box is not None and (not candidates or box.probability >= _SURE_BOX)
    if box is not None and sure and all(_apart_mm(box, one, series) > _ANOTHER_PLACE_MM for one in boxes):
        yield None, box
    elif usual is not None and not boxes:
        yield candidates[0], usual


def _place_usual_box(series: PerfusionSeries, peak: Peak) -> FoundBox:
    return place_usual_box(peak.center_px, series.spacing_mm, series.signal.shape[1:])


def _apart_mm(one: FoundBox, other: FoundBox, series: PerfusionSeries) -> float:
    """Distance of the middles of two boxes."""
    away_px = np.subtract(one.box.center_px, other.box.center_px)
    return float(np.linalg.norm(away_px * series.spacing_mm))


def find_best_view(
    series: PerfusionSeries,
    networks: Networks,
    boxes: Iterable[tuple[Peak | None, FoundBox]],
    peak_frame: int | None,
    progress: Callable[[str], None],
) -> View | None:
    """The first place where the labels network is certain enough and nothing contradicts a first pass.

    Where there is none, the first where the network is certain enough; else the one where it is most certain. A place
    in which neither the box nor the peak network believes counts only if a myocardium is found there with certainty and
    nothing contradicts a first pass.
    """
    enough = networks.labels.threshold("next_candidate")
    least = networks.peak.threshold("box_of_usual_size")
    best = None
    for peak, box in boxes:
        view = compute_view(series, networks, peak, box, peak_frame, progress)
        if view is None:
            continue
        if view.found.certainty > enough and not view.contradictions:
            return view
        believed = not box.guessed or peak is None or peak.certainty > least
        ring = view.found.myocardium_dice > enough and not view.contradictions
        if (believed or ring) and (best is None or best.found.certainty < min(view.found.certainty, enough)):
            best = view
    return best


def compute_view(
    series: PerfusionSeries,
    networks: Networks,
    peak: Peak | None,
    box: FoundBox,
    peak_frame: int | None,
    progress: Callable[[str], None],
) -> View | None:
    """What the labels network sees at one place; None where the labels network sees no heart."""
    curve = peak.curve if peak is not None else compute_box_curve(series.signal, box.box)
    found_frame = peak.frame if peak is not None else int(np.argmax(curve))
    reference = found_frame if peak_frame is None else peak_frame
    progress("motion compensation")
    moved = motion.compensate(series.signal, spacing_mm=series.spacing_mm, reference_frame=reference, region_px=box.box)
    progress("labels")
    frames = [frame for frame in find_bright_frames(curve, reference) if moved.aligned[frame] or frame == reference]
    rv_curve = peak.rv_curve if peak is not None else None
    images = average_phases(moved.corrected, frames, usable=moved.aligned, lv=curve, rv=rv_curve)
    found = find_labels(images, series.spacing_mm, networks.labels, center_px=box.box.center_px)
    if found is None:
        return None
    passing = moved.corrected[count_lead_frames(moved.corrected) :]
    contradictions = find_contradictions(passing, found.labels, series.spacing_mm)
    return View(peak, box, int(reference), moved, images, found, contradictions)


def find_labels(
    images: np.ndarray, spacing_mm: tuple[float, float], network: Network, *, center_px: tuple[float, float]
) -> FoundLabels | None:
    """What the labels network sees; None where there is no heart.

    images : (frame, 3, Y, X) in one pose, as `average_phases` gives them
    center_px : where the heart is; the window is centered anew on what is found if that lies elsewhere
    """
    for attempt in range(2):
        window = Window(network.size, network.spacing_mm, center_px, spacing_mm)
        answers = network.answers(np.stack([window.sample(image) for image in images]))
        weighed = join_answers(answers, weigh_answers(answers, _LV))
        labels = compute_ring_labels(window.resample_to_image(weighed, images.shape[2:]), spacing_mm)
        if labels is None:
            return None
        middle = compute_box(labels).center_px
        if attempt or np.linalg.norm((np.array(middle) - center_px) * spacing_mm) < RECENTER_MM:
            alike = join_answers(answers)
            probability = window.resample_to_image(alike, images.shape[2:])
            return FoundLabels(labels, probability, *(compute_expected_dice(alike, label) for label in _LV))
        center_px = middle
    return None


def compute_box_curve(signal: np.ndarray, box_px: Box) -> np.ndarray:
    """Bright signal (T,) of a box in each frame."""
    rows, columns = (
        slice(max(int(low), 0), int(high) + 1)
        for low, high in ((box_px.row0, box_px.row1), (box_px.column0, box_px.column1))
    )
    return np.percentile(signal[:, rows, columns], 90, axis=(1, 2))
