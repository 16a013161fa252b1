"""From a measured slice to a slice whose anatomy is known and aligned in time.

In the order of Scannell et al. (J Magn Reson Imaging 2020;51:1689): frame of peak LV enhancement, box of the LV, motion
compensation, labels, RV insertion points. Each step is a function of its own; `preprocess_slice` is their chain, also
after a correction: what a user has set is taken as it is, and only what lies downstream of it is found anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .. import motion
from ..contours import Contours, Label, Origin, Part, PreprocessedSlice
from ..errors import PerfusionError
from ..networks import Network, Networks
from ..series import PerfusionSeries
from .box import Box, Edges, box_about, find_box
from .peak import Peak, bright_frames, find_peaks, first_pass_peak, lead_frames
from .plausibility import doubts, enhances
from .points import find_points
from .ring import box_around, ring_labels
from .walls import contour_doubt_mm
from .window import Window

__all__ = [
    "Box",
    "Peak",
    "bright_frames",
    "find_box",
    "find_labels",
    "find_peaks",
    "find_points",
    "first_pass_peak",
    "lead_frames",
    "preprocess_slice",
    "ring_labels",
]

DOUBTFUL = 0.8
DOUBTFUL_WALL_MM = 2.6
_SURE_OF_PEAK = 0.5
_RECENTER_MM = 6.0


def preprocess_slice(
    series: PerfusionSeries,
    networks: Networks,
    *,
    peak_frame: int | None = None,
    box_px: Edges | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> PreprocessedSlice:
    """Find everything in one slice.

    Parameters
    ----------
    series : PerfusionSeries
    networks : Networks
    peak_frame, box_px : int, edges
        What a user has set; then it is not searched for, and what lies downstream of it follows.
    progress : callable
        Told the name of each step as it begins.

    Raises
    ------
    PerfusionError
        If no left ventricle is found, or one whose blood does not brighten as contrast passes (unless the user has
        set the box).
    """
    origins = dict.fromkeys(Part, Origin.AUTOMATIC)
    confidences: dict[Part, float] = {}
    spacing_mm = series.spacing_mm

    progress("peak frame")
    candidates = find_peaks(series.signal, spacing_mm, networks.peak)

    progress("left-ventricular box")
    if box_px is not None:
        peak, box, origins[Part.BOX] = next(iter(candidates), None), Box(box_px, 1.0), Origin.EDITED
    else:
        peak, box = _locate(series, networks.box, candidates, peak_frame)
        if box is None:
            raise _no_heart(series)
        confidences[Part.BOX] = networks.box.confidence(box.sureness)
    if peak_frame is not None:
        reference, origins[Part.PEAK_FRAME] = peak_frame, Origin.EDITED
    elif peak is not None:
        reference, confidences[Part.PEAK_FRAME] = peak.frame, networks.peak.confidence(peak.sureness)
    else:
        reference = int(np.argmax(_curve_in_box(series.signal, box.edges_px)))
        confidences[Part.PEAK_FRAME] = 0.0

    progress("motion compensation")
    moved = motion.compensate(series.signal, spacing_mm=spacing_mm, reference_frame=reference, region_px=box.edges_px)

    progress("labels")
    curve = peak.curve if peak is not None else _curve_in_box(series.signal, box.edges_px)
    frames = [frame for frame in bright_frames(curve, reference) if moved.aligned[frame] or frame == reference]
    images = moved.corrected[frames]
    found = find_labels(images, spacing_mm, networks.labels, center_px=box.center_px)
    if found is None:
        raise _no_heart(series)
    labels = found.labels
    confidences[Part.LABELS] = networks.labels.confidence(found.sureness)
    passing = moved.corrected[lead_frames(moved.corrected) :]
    if box_px is None and not enhances(passing, labels):
        raise _no_first_pass(series)
    if origins[Part.PEAK_FRAME] is Origin.AUTOMATIC:
        cavity = passing[:, labels == Label.BLOOD_POOL].mean(axis=1)
        peak_frame = len(moved.corrected) - len(passing) + first_pass_peak(cavity)

    progress("insertion points")
    anterior, inferior, sureness = find_points(images, series, networks.points, labels=labels)
    confidences[Part.RV_INSERTION_POINTS] = networks.points.confidence(sureness)
    doubt_mm = contour_doubt_mm(
        found.probability, labels, series.pixels_from_ras(np.stack([anterior, inferior])), spacing_mm
    )
    contours = Contours(
        peak_frame=int(peak_frame),
        reference_frame=int(reference),
        box_px=box_px if box_px is not None else box_around(labels),
        labels=labels,
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
        origins=origins,
        confidences=confidences,
        weights_sha256=networks.weights_sha256,
    )
    return PreprocessedSlice(
        series=series,
        motion=moved,
        contours=contours,
        automatic=contours,
        flags=(*_flags(contours, peak, moved, doubts(passing, labels, spacing_mm)), *_wall_flags(doubt_mm)),
    )


def _locate(
    series: PerfusionSeries, network: Network, candidates: Sequence[Peak], peak_frame: int | None
) -> tuple[Peak | None, Box | None]:
    """The first candidate for the LV about which the box network sees a heart too, with its box.

    Where it sees none about any, a box of usual size about the first, if that is sure of itself.
    """
    for peak in candidates:
        frame = peak.frame if peak_frame is None else peak_frame
        box = find_box(series.signal[frame], series.spacing_mm, network, near_px=peak.center_px)
        if box is not None:
            return peak, box
    if candidates and candidates[0].sureness > _SURE_OF_PEAK:
        return candidates[0], box_about(candidates[0].center_px, series.spacing_mm)
    if not candidates and peak_frame is not None:
        return None, find_box(series.signal[peak_frame], series.spacing_mm, network)
    return None, None


@dataclass(frozen=True)
class FoundLabels:
    """What the labels network sees in a slice.

    labels : (Y, X) uint8, values of `Label`; probability : (4, Y, X) float32; sureness : 0 to 1, of the network
    """

    labels: np.ndarray
    probability: np.ndarray
    sureness: float


def find_labels(
    images: np.ndarray, spacing_mm: tuple[float, float], network: Network, *, center_px: tuple[float, float]
) -> FoundLabels | None:
    """What the labels network sees; None where there is no heart.

    images : (frame, Y, X) in one pose, around the LV peak
    center_px : where the heart is; looked at again from its own middle if that lies elsewhere
    """
    for _ in range(2):
        window = Window(network.size, network.spacing_mm, center_px, spacing_mm)
        probability = network(window.look(images)[:, None])
        answer = window.answer(probability, images.shape[1:])
        labels = ring_labels(answer, spacing_mm)
        if labels is None:
            return None
        middle = _middle(box_around(labels))
        if np.linalg.norm((np.array(middle) - center_px) * spacing_mm) < _RECENTER_MM:
            break
        center_px = middle
    return FoundLabels(labels, answer, _certainty(probability))


def _middle(box_px):
    row0, column0, row1, column1 = box_px
    return (row0 + row1) / 2, (column0 + column1) / 2


def _certainty(probability):
    """Expected overlap (soft Dice) of the labels with the truth, if the probabilities are right: the worse of both."""
    best = probability.argmax(axis=0)
    overlaps = []
    for label in (1, 2):
        chosen = best == label
        overlaps.append(2 * probability[label][chosen].sum() / max(chosen.sum() + probability[label].sum(), 1e-6))
    return float(min(overlaps))


def _curve_in_box(signal, box_px):
    rows, columns = (slice(max(int(low), 0), int(high) + 1) for low, high in zip(box_px[:2], box_px[2:], strict=True))
    return np.percentile(signal[:, rows, columns], 90, axis=(1, 2))


def _no_first_pass(series):
    return PerfusionError(
        f"No contrast agent passes through what may be the left ventricle in {_which(series)}.",
        "Check that this is a first-pass perfusion series, not a cine or another series. If it is, draw a box around "
        "the left ventricle and press Recompute.",
    )


def _which(series):
    return f"the {series.level} slice" if series.level else "this slice"


def _no_heart(series):
    return PerfusionError(
        f"No left ventricle was found in {_which(series)}.",
        "Check that the series is a short-axis first-pass perfusion series. If it is, draw a box around the left "
        "ventricle and press Recompute.",
    )


def _wall_flags(doubt_mm):
    """Where on the ring the contours are doubtful."""
    for wall, width_mm in doubt_mm.items():
        if width_mm > DOUBTFUL_WALL_MM:
            yield f"The contours of the {wall} wall may be {width_mm:.0f} mm off: please check."


def _flags(contours, peak, moved, reasons):
    """Sentences on what the user should check."""
    names = {
        Part.PEAK_FRAME: "The frame of peak enhancement is uncertain",
        Part.BOX: "The position of the left ventricle is uncertain",
        Part.LABELS: "The contours are uncertain",
        Part.RV_INSERTION_POINTS: "The RV insertion points are uncertain",
    }
    flags = [
        f"{names[part]} (confidence {value:.2f}): please check."
        for part, value in contours.confidences.items()
        if value < DOUBTFUL
    ]
    if reasons:
        flags.append(f"This may not be a first pass through a short-axis slice: {'; '.join(reasons)}.")
    if peak is not None and abs(contours.peak_frame - peak.frame) > 3:
        flags.append(
            f"The blood pool is brightest in frame {contours.peak_frame + 1}, but the whole series suggested frame "
            f"{peak.frame + 1}: please check the peak frame."
        )
    lost = int((~moved.aligned).sum())
    if lost > 0.15 * len(moved.aligned):
        flags.append(f"{lost} of {len(moved.aligned)} frames could not be aligned and are not used.")
    return tuple(flags)
