"""From a measured slice to a slice whose anatomy is known and aligned in time.

In the order of Scannell et al. (J Magn Reson Imaging 2020;51:1689): frame of peak LV enhancement, box of the LV, motion
compensation, labels, RV insertion points. Each step is a function of its own; `preprocess_slice` is their chain, also
after a correction: what a user has set is taken as it is, and only what lies downstream of it is found anew.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from ..data.box import Box
from ..data.contours import Contours, Label, Origin, Part
from ..data.errors import PerfusionError
from ..data.flag import Flag, FlagCode, make_flag
from ..data.preprocessed import MotionCompensation, PreprocessedSlice
from ..data.study import PerfusionSeries
from ..networks import Network, Networks
from .bounding_box import FoundBox
from .candidates import find_best_view, find_candidate_boxes
from .clipped_peak import find_clipped_peak, is_peak_clipped
from .contour_uncertainty import compute_contour_uncertainty_mm
from .insertion_points import find_insertion_points
from .peak_frame import Peak, count_lead_frames, find_first_pass_peak, find_peak_interval, find_peaks
from .plausibility import find_missed_lumen, is_enhancing
from .segmentation import compute_box

FEWEST_FRAMES = 8
"""Frames below which a series is refused; chosen: baseline, first pass and washout need as many."""
MOST_PEAK_DISAGREEMENT_FRAMES = 3
"""Frames between the peak of the blood pool and that of the network from which the user is asked; chosen."""
FLAT_TOP_FRAMES = 8
"""Frames as bright as the peak from which its place is said to be ambiguous; chosen on 167 slices (seeds 901000 to
901017, 902000 to 902021): in a fifth of them; of these 27 % are two or more frames off, of the others 4 %."""
MOST_UNALIGNED_SHARE = 0.15
"""Share of frames that may stay unaligned without a flag; chosen."""


def preprocess_slice(
    series: PerfusionSeries,
    networks: Networks,
    *,
    peak_frame: int | None = None,
    box_px: Box | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> PreprocessedSlice:
    """Find everything in one slice.

    Parameters
    ----------
    series : PerfusionSeries
    networks : Networks
    peak_frame, box_px : int, Box
        What a user has set; then it is not searched for, and what lies downstream of it follows.
    progress : callable
        Told the name of each step as it begins.

    Raises
    ------
    PerfusionError
        If there are fewer than eight frames, no left ventricle is found, or one whose blood does not brighten as
        contrast passes (unless the user has set the box).
    """
    if len(series.signal) < FEWEST_FRAMES:
        raise _too_short(series)
    origins = dict.fromkeys(Part, Origin.AUTOMATIC)
    confidences: dict[Part, float] = {}
    spacing_mm = series.spacing_mm

    progress("peak frame")
    candidates = find_peaks(series.signal, spacing_mm, networks.peak)

    progress("left-ventricular box")
    tried: Iterable[tuple[Peak | None, FoundBox]]
    if box_px is not None:
        tried = [(next(iter(candidates), None), FoundBox(Box(*box_px), 1.0))]
        origins[Part.BOX] = Origin.EDITED
    else:
        tried = find_candidate_boxes(series, networks, candidates, peak_frame)
    view = find_best_view(series, networks, tried, peak_frame, progress)
    if view is None and box_px is not None:
        raise _nothing_in_the_box(series)
    if view is None or (box_px is None and view.found.certainty < networks.labels.threshold("no_heart")):
        raise _no_heart(series)
    peak, box, moved, found = view.peak, view.box, view.motion, view.found
    if box_px is None:
        confidences[Part.BOX] = networks.box.confidence(box.probability)
    if peak_frame is not None:
        origins[Part.PEAK_FRAME] = Origin.EDITED
    else:
        confidences[Part.PEAK_FRAME] = networks.peak.confidence(peak.certainty) if peak is not None else 0.0

    labels = found.labels
    confidences[Part.LABELS] = networks.labels.confidence(found.myocardium_dice)
    passing = moved.corrected[count_lead_frames(moved.corrected) :]
    if box_px is None and not is_enhancing(passing, labels):
        raise _no_first_pass(series)
    peak_flags: tuple[Flag, ...] = ()
    if peak_frame is None:
        peak_frame, peak_flags = _find_cavity_peak(moved, labels, series.signal)

    progress("insertion points")
    anterior, inferior, certainty = find_insertion_points(view.images, series, networks.points, labels=labels)
    confidences[Part.RV_INSERTION_POINTS] = networks.points.confidence(certainty)
    if found.certainty < networks.labels.threshold("next_candidate"):  # points lie on contours
        confidences[Part.RV_INSERTION_POINTS] = min(confidences[Part.RV_INSERTION_POINTS], confidences[Part.LABELS])
    uncertainty_mm = compute_contour_uncertainty_mm(
        found.probability, labels, series.pixels_from_ras(np.stack([anterior, inferior])), spacing_mm
    )
    contours = Contours(
        peak_frame=int(peak_frame),
        reference_frame=view.reference_frame,
        box_px=box_px if box_px is not None else compute_box(labels),
        labels=labels,
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
        origins=origins,
        confidences=confidences,
        weights_sha256=networks.weights_sha256,
    )
    reasons = view.contradictions
    if confidences[Part.LABELS] < networks.labels.threshold("unfamiliar"):
        reasons = (*reasons, make_flag(FlagCode.UNFAMILIAR_CONTOURS, confidence=confidences[Part.LABELS]))
    flags = (
        *peak_flags,
        *_flags(contours, networks, peak, moved, reasons),
        *_cavity_flags(found.cavity_dice, networks.labels),
        *find_missed_lumen(view.images[:, 0].mean(axis=0), labels, spacing_mm),
        *_wall_flags(uncertainty_mm, networks.labels),
    )
    return PreprocessedSlice(
        series=series,
        motion=moved,
        contours=contours,
        automatic=contours,
        flags=tuple(flag.located(level=series.level or "") for flag in flags),
    )


def _find_cavity_peak(moved, labels, signal):
    """Frame of the peak in the found cavity, and what is to be said of it; signal : as stored."""
    lead = count_lead_frames(moved.corrected)
    passing = moved.corrected[lead:]
    if is_peak_clipped(signal, labels):
        return lead + find_clipped_peak(passing, labels), ()
    curve = passing[:, labels == Label.BLOOD_POOL].mean(axis=1)
    peak = find_first_pass_peak(curve)
    first, last = find_peak_interval(curve, peak)
    if last - first + 1 < FLAT_TOP_FRAMES:
        return lead + peak, ()
    flag = make_flag(FlagCode.PEAK_FRAME_AMBIGUOUS, first=lead + first + 1, last=lead + last + 1)
    return lead + peak, (flag,)


def _too_short(series):
    return PerfusionError(
        f"There are only {len(series.signal)} frames of {_which(series)}; a first pass takes at least {FEWEST_FRAMES}.",
        "Check that the whole series was loaded, and that it is a first-pass perfusion series.",
    )


def _no_first_pass(series):
    return PerfusionError(
        f"No contrast agent passes through what may be the left ventricle in {_which(series)}.",
        "Check that this is a first-pass perfusion series, not a cine or another series. If it is, press Draw by "
        "hand in Slicer, move the box over the left ventricle and press Find this slice again.",
    )


def _which(series):
    return f"the {series.level} slice" if series.level else "this slice"


def _no_heart(series):
    return PerfusionError(
        f"No left ventricle was found in {_which(series)}.",
        "Check that the series is a short-axis first-pass perfusion series. If it is, press Draw by hand in "
        "Slicer, move the box over the left ventricle and press Find this slice again.",
    )


def _nothing_in_the_box(series):
    return PerfusionError(
        f"The network sees no left ventricle in the box of {_which(series)}.",
        "Move the box, or draw the contours by hand.",
    )


def _cavity_flags(expected_dice: float, network: Network) -> Iterator[Flag]:
    """A cavity of which the network is unsure, however sure it is of the much larger myocardium."""
    if expected_dice < network.threshold("cavity_dice"):
        yield make_flag(FlagCode.CAVITY_UNCERTAIN, expected_dice=expected_dice)


def _wall_flags(uncertainty_mm: Mapping[str, float], network: Network) -> Iterator[Flag]:
    """Walls whose contours are uncertain."""
    for wall, width_mm in uncertainty_mm.items():
        if width_mm > network.threshold("wall_mm"):
            yield make_flag(FlagCode.WALL_UNCERTAIN, wall=wall, uncertainty_mm=width_mm)


def _flags(
    contours: Contours, networks: Networks, peak: Peak | None, moved: MotionCompensation, contradictions: Sequence[Flag]
) -> Iterator[Flag]:
    """What the user should check in a slice."""
    judged = {
        Part.PEAK_FRAME: (networks.peak, FlagCode.PEAK_FRAME_UNCERTAIN),
        Part.BOX: (networks.box, FlagCode.BOX_UNCERTAIN),
        Part.LABELS: (networks.labels, FlagCode.CONTOURS_UNCERTAIN),
        Part.RV_INSERTION_POINTS: (networks.points, FlagCode.INSERTION_POINTS_UNCERTAIN),
    }
    for part, value in contours.confidences.items():
        network, code = judged[part]
        if value < network.threshold("check"):
            yield make_flag(code, confidence=value)
    if contradictions:
        yield make_flag(
            FlagCode.NOT_A_FIRST_PASS,
            reasons="; ".join(flag.text for flag in contradictions),
            reason_codes=tuple(str(flag.code) for flag in contradictions),
        )
    if peak is not None and abs(contours.peak_frame - peak.frame) > MOST_PEAK_DISAGREEMENT_FRAMES:
        yield make_flag(
            FlagCode.PEAK_FRAME_DISAGREES,
            blood_pool_frame=contours.peak_frame + 1,
            suggested_frame=peak.frame + 1,
        )
    lost = int((~moved.aligned).sum())
    if lost > MOST_UNALIGNED_SHARE * len(moved.aligned):
        yield make_flag(FlagCode.FRAMES_NOT_ALIGNED, count=lost, of=len(moved.aligned))
