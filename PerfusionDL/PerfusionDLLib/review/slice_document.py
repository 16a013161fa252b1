"""One slice, and one arterial input, as the page of a study holds them."""

from collections.abc import Sequence

import numpy as np

from ..data.flow import ArterialInput, PixelFits, SegmentFit, SliceMaps
from ..data.preprocessed import PreprocessedSlice
from .field_of_view import crop_around_box
from .packing import code_grays, pack_array, pack_cines, pack_curves, shrink

CONTEXT_PX = 128
"""Pixels across the picture of the whole field, at most; chosen: it shows where the heart is, no detail."""
MOST_CINE_BYTES = 3 << 20
"""JPEG of all cines of a study; chosen: a page stays below 6 MB, with a third more for base64, and curves."""
MOTION_GRID = 24
"""Points across the field at which displacement is kept; it is smooth."""
MOTION_UNIT_PX = 1 / 64


def describe_input(measured: ArterialInput) -> dict:
    from ..report.quality import arterial_checks

    return {
        "times_s": list_numbers(measured.times_s),
        "concentration_mmol_l": list_numbers(measured.concentration_mmol_l),
        "baseline_frames": int(measured.baseline_frames),
        "peak_frame": int(measured.peak_frame),
        "first_pass_end_frame": int(measured.first_pass_end_frame),
        "checks": arterial_checks(measured),
    }


def describe_slice(part: PreprocessedSlice, maps: SliceMaps, field: float) -> dict:
    contours, series = part.contours, part.series
    points = {"anterior": contours.anterior_rv_ras_mm, "inferior": contours.inferior_rv_ras_mm}
    top, left, bottom, right = crop = crop_around_box(part, field)
    within = (slice(None), slice(top, bottom), slice(left, right))
    return {
        "level": str(maps.level),
        "shape": list(series.signal.shape),
        "spacing_mm": list(series.spacing_mm),
        "crop": list(crop),
        "times_s": list_numbers(series.times_s, 4),
        "peak_frame": int(contours.peak_frame),
        "reference_frame": int(part.motion.reference_frame),
        "used": [bool(used) for used in part.used_frames],
        "box_px": [float(edge) for edge in contours.box_px],
        "points_px": {
            name: None if point is None else [float(one) for one in series.pixels_from_ras(point)]
            for name, point in points.items()
        },
        "made": {str(which): _made(part, str(which)) for which in contours.origins},
        "pictures": _pictures(part, within),
        "motion": _pack_motion(part, crop),
        "labels": pack_array(contours.labels),
        "mbf": pack_array(maps.mbf_ml_min_g.astype(np.float32)),
        "se": pack_array(maps.mbf_se_ml_min_g.astype(np.float32)),
        "status": pack_array(maps.status.astype(np.uint8)),
        "aha": pack_array(maps.segments.astype(np.uint8)),
        "pixel_fits": None if maps.pixel_fits is None else _pack_fits(maps.pixel_fits),
        "segment_fits": {int(number): _describe_fit(fit) for number, fit in maps.segment_fits.items()},
    }


def _made(part: PreprocessedSlice, which: str) -> dict:
    """Who made a part of the contours and how sure the network was, 0 to 1."""
    origins = {str(key): str(value) for key, value in part.contours.origins.items()}
    confidences = {str(key): float(value) for key, value in part.contours.confidences.items()}
    return {"origin": origins[which], "confidence": confidences.get(which)}


def _pictures(part: PreprocessedSlice, within: tuple[slice, ...]) -> dict:
    """Gray codes of the heart aligned and as acquired and of the whole field, with their window as shares of it."""
    acquired, aligned = part.series.signal[within], part.motion.corrected[within]
    low, high = (float(value) for value in np.nanpercentile(acquired, (0.1, 99.9)))
    high = max(high, low + 1e-6)
    near = np.nanpercentile(aligned[part.contours.peak_frame], (1, 99.5))
    step = max(1, -(-max(part.series.signal.shape[1:]) // CONTEXT_PX))
    grays = {"aligned": aligned, "acquired": acquired, "context": shrink(part.series.signal, step)}
    return {
        "window": [float(np.clip((value - low) / (high - low), 0, 1)) for value in near],
        "step": step,
        **{name: code_grays(np.nan_to_num(frames, nan=low), low, high) for name, frames in grays.items()},
    }


def pack_pictures(scans: Sequence[dict]) -> None:
    """Replace the gray codes of a described study by what a page holds of them; all share one limit of size."""
    places = [
        (one["pictures"], name)
        for scan in scans
        for one in scan["slices"]
        for name in ("aligned", "acquired", "context")
    ]
    packed = pack_cines([pictures[name] for pictures, name in places], MOST_CINE_BYTES)
    for (pictures, name), cine in zip(places, packed, strict=True):
        pictures[name] = cine


def _pack_motion(part: PreprocessedSlice, crop: tuple[int, int, int, int]) -> dict:
    """Displacement in pixels on a coarse grid over the field: (T, 2, rows, columns) in `MOTION_UNIT_PX`."""
    top, left, bottom, right = crop
    step = max(1, -(-max(bottom - top, right - left) // MOTION_GRID))
    field_mm = part.motion.displacement_mm[:, :, top:bottom:step, left:right:step]
    pixels = field_mm / np.array(part.series.spacing_mm, dtype=np.float32)[None, :, None, None]
    coded = np.clip(np.round(np.nan_to_num(pixels) / MOTION_UNIT_PX), -32767, 32767).astype(np.int16)
    return {"step": step, "unit_px": MOTION_UNIT_PX, "values": pack_array(coded)}


def _pack_fits(fits: PixelFits) -> dict:
    return {
        "times_s": list_numbers(fits.times_s, 4),
        "index": pack_array(fits.index),
        "measured": pack_curves(fits.concentration_mmol_l),
        "fitted": pack_curves(fits.fitted_mmol_l),
    }


def _describe_fit(fit: SegmentFit) -> dict:
    return {
        "times_s": list_numbers(fit.times_s, 4),
        "measured": list_numbers(fit.concentration_mmol_l, 5),
        "fitted": list_numbers(fit.fitted_mmol_l, 5),
        "mbf": plain_number(fit.mbf_ml_min_g),
        "low": plain_number(fit.mbf_low_ml_min_g),
        "high": plain_number(fit.mbf_high_ml_min_g),
    }


def list_numbers(values: np.ndarray, digits: int = 5) -> list[float | None]:
    """Numbers as JSON holds them; null where there is none."""
    return [plain_number(round(float(value), digits)) for value in values]


def plain_number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
