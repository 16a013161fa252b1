"""The page of a study: its images in motion, contours, flow, curves, table, findings, and what was assumed."""

from collections.abc import Sequence

import numpy as np

from .. import NOTICE
from ..data.aha import SEGMENT_NAMES, territory
from ..data.bullseye import RINGS, SIXTEEN, sector
from ..data.flow import ArterialInput, FitStatus, PerfusionMaps, PixelFits, SegmentFit, SliceMaps
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from ..data.table import RegionFlow, SegmentRow, SegmentTable
from .findings import list_findings
from .html import build_page
from .packing import code_grays, pack_array, pack_cines, pack_curves, shrink

FIELD_OF_BOX = 2.2
"""Side of the pictures over that of the largest box; chosen: the RV and the chest wall beside it are seen."""
LEAST_FIELD_MM = 80.0
CONTEXT_PX = 128
"""Pixels across the picture of the whole field, at most; chosen: it shows where the heart is, no detail."""
MOST_CINE_BYTES = 3 << 20
"""JPEG of all cines of a study; chosen: a page stays below 6 MB, with a third more for base64, and curves."""
MOTION_GRID = 24
"""Points across the field at which displacement is kept; it is smooth."""
MOTION_UNIT_PX = 1 / 64
STATUS_WORDS = {
    FitStatus.LATE_ARRIVAL: "contrast agent arrives late",
    FitStatus.AT_BOUND: "fit at a bound",
    FitStatus.NOT_CONVERGED: "fit did not converge",
    FitStatus.SATURATED: "signal saturated",
    FitStatus.NO_SIGNAL: "no enhancement",
    FitStatus.PARTIAL_VOLUME: "blood mixes in",
}
STYLES = ("shared.css", "study.css")
SCRIPTS = ("shared.js", "motion.js", "slice_view.js", "plots.js", "bullseye.js", "tables.js", "study.js")


def write_study_page(
    preprocessed: Sequence[PreprocessedScan],
    maps: Sequence[PerfusionMaps],
    table: SegmentTable,
) -> str:
    """The page of a study as HTML, the same bytes for the same values; it names nobody."""
    study = next((scan.study for scan in preprocessed if scan.study), "study")
    return build_page(
        f"Perfusion study {study}. {NOTICE}",
        "study.html",
        STYLES,
        SCRIPTS,
        {"study": describe_study(study, preprocessed, maps, table)},
    )


def describe_study(
    study: str, preprocessed: Sequence[PreprocessedScan], maps: Sequence[PerfusionMaps], table: SegmentTable
) -> dict:
    """Everything that the page shows, as JSON holds it."""
    from ..report.figures import FLOW_UNIT
    from ..report.findings import summary
    from ..report.quality import notes

    field = find_field_mm(preprocessed)
    scans = [_describe_scan(*both, field) for both in zip(preprocessed, maps, strict=True)]
    _pack_pictures(scans)
    said = dict(notes(preprocessed, maps, table))
    return {
        "notice": NOTICE,
        "study": study,
        "unit": FLOW_UNIT,
        "summary": summary(table),
        "scans": scans,
        "rows": [_describe_row(row, table) for row in _rows(table)],
        "findings": list_findings(preprocessed, maps, table),
        "assumptions": said["Assumptions"],
        "provenance": said["How it was computed"],
        "versions": dict(table.provenance),
        "statuses": {int(status): words for status, words in STATUS_WORDS.items()},
        "segments": {number: {"name": SEGMENT_NAMES[number], **_sector(number)} for number in SIXTEEN},
        **_colors(maps, table),
    }


def find_field_mm(scans: Sequence[PreprocessedScan]) -> float:
    """Side of the square around the heart that all pictures of a study share."""
    sides = []
    for part in (part for scan in scans for part in scan.slices):
        row0, column0, row1, column1 = part.contours.box_px
        rows_mm, columns_mm = part.series.spacing_mm
        sides += [(row1 - row0) * rows_mm, (column1 - column0) * columns_mm]
    return max(FIELD_OF_BOX * max(sides, default=0.0), LEAST_FIELD_MM)


def crop_around_box(part: PreprocessedSlice, field: float) -> tuple[int, int, int, int]:
    """First row, first column, and those after the last, of the field of a slice inside its image."""
    row0, column0, row1, column1 = part.contours.box_px
    edges = []
    for first, last, size, step in zip(
        (row0, column0), (row1, column1), part.series.signal.shape[1:], part.series.spacing_mm, strict=True
    ):
        middle, half = (first + last) / 2, field / 2 / step
        begin = int(np.clip(round(middle - half), 0, size - 1))
        edges.append((begin, int(np.clip(round(middle + half) + 1, begin + 1, size))))
    (top, bottom), (left, right) = edges
    return top, left, bottom, right


def _describe_scan(scan: PreprocessedScan, maps: PerfusionMaps, field: float) -> dict:
    peaks = sorted(part.contours.peak_frame for part in scan.slices)
    return {
        "condition": str(scan.condition),
        "peak_frame": int(peaks[len(peaks) // 2]),
        "arterial_input": _describe_input(maps.arterial_input),
        "slices": [_describe_slice(*both, field) for both in zip(scan.slices, maps.slices, strict=True)],
    }


def _describe_input(measured: ArterialInput) -> dict:
    from ..report.quality import arterial_checks

    return {
        "times_s": _numbers(measured.times_s),
        "concentration_mmol_l": _numbers(measured.concentration_mmol_l),
        "baseline_frames": int(measured.baseline_frames),
        "peak_frame": int(measured.peak_frame),
        "first_pass_end_frame": int(measured.first_pass_end_frame),
        "checks": arterial_checks(measured),
    }


def _describe_slice(part: PreprocessedSlice, maps: SliceMaps, field: float) -> dict:
    contours, series = part.contours, part.series
    points = {"anterior": contours.anterior_rv_ras_mm, "inferior": contours.inferior_rv_ras_mm}
    top, left, bottom, right = crop = crop_around_box(part, field)
    within = (slice(None), slice(top, bottom), slice(left, right))
    return {
        "level": str(maps.level),
        "shape": list(series.signal.shape),
        "spacing_mm": list(series.spacing_mm),
        "crop": list(crop),
        "times_s": _numbers(series.times_s, 4),
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


def _pack_pictures(scans: Sequence[dict]) -> None:
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
        "times_s": _numbers(fits.times_s, 4),
        "index": pack_array(fits.index),
        "measured": pack_curves(fits.concentration_mmol_l),
        "fitted": pack_curves(fits.fitted_mmol_l),
    }


def _describe_fit(fit: SegmentFit) -> dict:
    return {
        "times_s": _numbers(fit.times_s, 4),
        "measured": _numbers(fit.concentration_mmol_l, 5),
        "fitted": _numbers(fit.fitted_mmol_l, 5),
        "mbf": _number(fit.mbf_ml_min_g),
        "low": _number(fit.mbf_low_ml_min_g),
        "high": _number(fit.mbf_high_ml_min_g),
    }


def _rows(table: SegmentTable) -> Sequence[SegmentRow]:
    from ..report.tables import rows_of

    return rows_of(table)


def _describe_row(row: SegmentRow, table: SegmentTable) -> dict:
    """A row of the table: the words of the report and the values of ``segments.csv``."""
    from ..report.tables import interval, measured, number

    return {
        "segment": row.aha_segment,
        "name": row.name,
        "level": str(row.level),
        "territory": row.territory,
        "flows": {condition: _describe_flow(getattr(row, condition)) for condition in measured(table)},
        "mpr": {
            "value": _number(row.mpr),
            "text": number(row.mpr),
            "interval": interval(row.mpr_low, row.mpr_high, 1),
        },
        "flags": len(row.flags),
    }


def _describe_flow(flow: RegionFlow) -> dict:
    from ..report.tables import flow_interval, number, percent

    return {
        "value": _number(flow.mbf_ml_min_g),
        "text": number(flow.mbf_ml_min_g),
        "interval": flow_interval(flow),
        "endo": number(flow.endo_ml_min_g),
        "epi": number(flow.epi_ml_min_g),
        "ratio": number(flow.endo_epi_ratio),
        "failed": percent(flow.failed_share),
        "origin": flow.origin,
    }


def _sector(number: int) -> dict:
    """Where a segment lies on the bullseye of radius 1, and in which territory."""
    level, begin, end = sector(number)
    inner, outer = RINGS[level]
    return {"inner": inner, "outer": outer, "begin": begin, "end": end, "territory": territory(number)}


def _colors(maps: Sequence[PerfusionMaps], table: SegmentTable) -> dict:
    """The scales of the report and the color maps to choose from, 256 colors each, in order of lightness."""
    from matplotlib import colormaps

    from ..report.figures import flow_scale
    from ..report.figures.style import round_scale

    reserve = np.array([row.mpr for row in table.segments], dtype=float)
    steps = np.linspace(0, 1, 256)
    return {
        "flow_end": float(flow_scale(maps).vmax or 1.0),
        "reserve_end": float(round_scale(reserve, percent=100, ends=(4, 5, 6, 8)).vmax or 1.0),
        "colors": {
            name: pack_array((colormaps[name](steps)[:, :3] * 255 + 0.5).astype(np.uint8))
            for name in ("viridis", "cividis", "gray")
        },
    }


def _numbers(values: np.ndarray, digits: int = 5) -> list[float | None]:
    """Numbers as JSON holds them; null where there is none."""
    return [_number(round(float(value), digits)) for value in values]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
