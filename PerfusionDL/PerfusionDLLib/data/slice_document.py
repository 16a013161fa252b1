"""What a preprocessed slice holds besides its pixels, as JSON keeps it beside label images in an archive."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .acquisition import Acquisition, acquisition_document, acquisition_from
from .box import Box
from .contours import Contours, Origin, Part
from .flag import flag_document, flags_from
from .preprocessed import MotionCompensation, PreprocessedSlice
from .study import PerfusionSeries


def slice_document(part: PreprocessedSlice) -> dict[str, Any]:
    """Everything that images and labels do not say: floats keep every bit.

    The way between the frames is not kept: the same images, reference frame and region give the same alignment.
    """
    motion = part.motion
    return {
        "frames": len(part.series.signal),
        "excluded_frames": sorted(part.excluded_frames),
        "acquisition": acquisition_document(part.series.acquisition),
        "motion": {"reference_frame": int(motion.reference_frame), "region_px": _numbers(motion.region_px)},
        "contours": contours_document(part.contours),
        "automatic": None if part.automatic is None else contours_document(part.automatic),
        "flags": [flag.text_with_condition for flag in part.flags],
        "findings": [flag_document(flag) for flag in part.flags],
    }


def slice_from(
    document: Mapping[str, Any],
    series: PerfusionSeries,
    motion: MotionCompensation,
    labels: np.ndarray,
    automatic_labels: np.ndarray,
) -> PreprocessedSlice:
    """The slice that `slice_document` wrote, from its series, its alignment and its label images.

    Raises KeyError, TypeError or ValueError where the document does not say what it should.
    """
    automatic = document["automatic"]
    return PreprocessedSlice(
        series=replace(series, acquisition=with_entered(series.acquisition, document["acquisition"])),
        motion=motion,
        contours=contours_from(document["contours"], labels),
        automatic=None if automatic is None else contours_from(automatic, automatic_labels),
        excluded_frames=frozenset(map(int, document["excluded_frames"])),
        flags=flags_from(document["flags"], document["findings"]),
    )


def check_document(document: Mapping[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError unless a document says what tells slices apart, and in which frames."""
    frames = int(document["frames"])
    used = [int(frame) for frame in document["excluded_frames"]]
    for contours in filter(None, (document["contours"], document["automatic"])):
        made = contours_from(contours, np.zeros((1, 1), np.uint8))
        used += [made.peak_frame, made.reference_frame]
    if not all(0 <= frame < frames for frame in used):
        raise ValueError(f"a frame of {frames} was expected, got {used}")


def with_entered(acquisition: Acquisition, document: Mapping[str, Any]) -> Acquisition:
    """What the scanner did as it was read now, with the values of a document in which a user entered some.

    Values that follow from an entered one, such as the relaxivity at another field strength, come with it.
    """
    if not document.get("entered"):
        return acquisition
    kept = acquisition_from(document)
    return replace(kept, vendor=acquisition.vendor, findings=acquisition.findings)


def contours_document(contours: Contours) -> dict[str, Any]:
    """Contours without their labels."""
    return {
        "peak_frame": int(contours.peak_frame),
        "reference_frame": int(contours.reference_frame),
        "box_px": _numbers(contours.box_px),
        "anterior_rv_ras_mm": _numbers(contours.anterior_rv_ras_mm),
        "inferior_rv_ras_mm": _numbers(contours.inferior_rv_ras_mm),
        "origins": {str(part): str(origin) for part, origin in contours.origins.items()},
        "confidences": {str(part): float(value) for part, value in contours.confidences.items()},
        "weights_sha256": contours.weights_sha256,
    }


def contours_from(document: Mapping[str, Any], labels: np.ndarray) -> Contours:
    """The contours that `contours_document` wrote, with their labels."""
    anterior, inferior = (document[f"{which}_rv_ras_mm"] for which in ("anterior", "inferior"))
    return Contours(
        peak_frame=int(document["peak_frame"]),
        reference_frame=int(document["reference_frame"]),
        box_px=Box(*document["box_px"]),
        labels=labels,
        anterior_rv_ras_mm=None if anterior is None else np.array(anterior, dtype=float),
        inferior_rv_ras_mm=None if inferior is None else np.array(inferior, dtype=float),
        origins={Part(part): Origin(origin) for part, origin in document["origins"].items()},
        confidences={Part(part): float(value) for part, value in document["confidences"].items()},
        weights_sha256=str(document["weights_sha256"]),
    )


def _numbers(values: Any) -> list[float] | None:
    return None if values is None else [float(value) for value in values]
