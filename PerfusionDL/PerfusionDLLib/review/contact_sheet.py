"""What the page of a cohort needs of one study: a small picture of each slice with its contours, and what to doubt."""

from collections.abc import Sequence

import numpy as np

from .. import NOTICE
from ..data.contours import Contours
from ..data.flow import SliceMaps
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from ..data.result import StudyResult
from .field_of_view import crop_around_box, find_field_mm
from .findings import list_findings
from .packing import pack_array, pack_cines

MOST_BYTES = 16 << 10
"""JPEG of a study; chosen: the pages of 500 studies stay below 15 MB."""
FORWARD_AND_UP_RAS = np.array([0.0, 1.0, 1.0]) / np.sqrt(2)
"""From the diaphragm to the anterior chest wall: the right ventricle joins the septum there and here."""
MUSCLE_PERCENTILE = 25
"""Of the wall's enhancement, taken for that of muscle; chosen: holds where half of the contour is wrong."""


def describe_contact_sheet(result: StudyResult) -> dict:
    """A study as JSON holds it, a few kilobytes; it names nobody."""
    field = find_field_mm(result.scans)
    pairs = [
        (scan, part, part_flow)
        for scan, flow in zip(result.scans, result.maps, strict=True)
        for part, part_flow in zip(scan.slices, flow.slices, strict=True)
    ]
    crops = [crop_around_box(part, field) for _, part, _ in pairs]
    return {
        "notice": NOTICE,
        "study": result.preprocessed.label or "study",
        "picture": _pack_pictures([part for _, part, _ in pairs], crops),
        "slices": [
            _describe(scan, part, part_flow, crop) for (scan, part, part_flow), crop in zip(pairs, crops, strict=True)
        ],
        "findings": [
            {name: found[name] for name in ("code", "severity", "place", "text")} for found in list_findings(result)
        ],
    }


def measure_slices(result: StudyResult) -> list[dict]:
    """Condition, level and measures of every slice, as a contact sheet has them."""
    return [
        {"condition": str(scan.condition), "level": str(maps.level), "measures": measure_slice(part, maps)}
        for scan, flow in zip(result.scans, result.maps, strict=True)
        for part, maps in zip(scan.slices, flow.slices, strict=True)
    ]


def _pack_pictures(parts: Sequence[PreprocessedSlice], crops: Sequence[tuple[int, int, int, int]]) -> dict:
    """Every slice at its LV peak, all in one JPEG, each at the top left of a place as large as the largest."""
    high = max(bottom - top for top, _, bottom, _ in crops)
    wide = max(right - left for _, left, _, right in crops)
    sheet = np.zeros((len(parts), high, wide), np.uint8)
    for picture, part, (top, left, bottom, right) in zip(sheet, parts, crops, strict=True):
        image = part.motion.corrected[part.contours.peak_frame, top:bottom, left:right]
        dark, bright = np.nanpercentile(image, (1, 99.5))
        level = np.clip((np.nan_to_num(image, nan=dark) - dark) / max(bright - dark, 1e-6), 0, 1)
        picture[: bottom - top, : right - left] = 255 * level + 0.5
    return pack_cines([sheet], MOST_BYTES)[0]


def _describe(
    scan: PreprocessedScan, part: PreprocessedSlice, maps: SliceMaps, crop: tuple[int, int, int, int]
) -> dict:
    top, left, bottom, right = crop
    points = (part.contours.anterior_rv_ras_mm, part.contours.inferior_rv_ras_mm)
    offset = np.array([top, left])
    return {
        "condition": str(scan.condition),
        "level": str(maps.level),
        "size": [bottom - top, right - left],
        "spacing_mm": list(part.series.spacing_mm),
        "labels": pack_array(part.contours.labels[top:bottom, left:right]),
        "points_px": [
            None if point is None else (part.series.pixels_from_ras(point) - offset).round(1).tolist()
            for point in points
        ],
        "measures": measure_slice(part, maps),
    }


def measure_slice(part: PreprocessedSlice, maps: SliceMaps) -> dict[str, float | None]:
    """What tells a wrong contour from a right one, without knowing the heart.

    wall_mm2, cavity_mm2 : areas
    septum_deg : direction of the middle of the septum from the middle of the ventricle
    anterior_mm : how much further forward and up in the chest the anterior insertion point lies than the inferior one
    blood_in_wall : share of the wall that is as bright as blood at the LV peak
    failed_share : of the wall, without flow
    confidence : the lowest of the automatic parts
    """
    contours = part.contours
    pixel_mm2 = float(np.prod(part.series.spacing_mm))
    wall, cavity = contours.myocardium, contours.blood_pool
    bright = _as_bright_as_blood(part)
    values: dict[str, float | None] = {
        "wall_mm2": wall.sum() * pixel_mm2,
        "cavity_mm2": cavity.sum() * pixel_mm2,
        "septum_deg": find_septum_deg(contours, part),
        "anterior_mm": find_anterior_mm(contours),
        "blood_in_wall": float(bright[wall].mean()) if wall.any() else None,
        "failed_share": float(np.isnan(maps.mbf_ml_min_g[wall]).mean()) if wall.any() else None,
        "confidence": min((float(value) for value in contours.confidences.values()), default=None),
    }
    return {name: None if value is None else round(float(value), 3) for name, value in values.items()}


def _as_bright_as_blood(part: PreprocessedSlice) -> np.ndarray:
    """(Y, X) bool, pixels that enhance more like the blood pool than like muscle until the LV peak."""
    frames, peak = part.motion.corrected, part.contours.peak_frame
    before = np.median(frames[: max(1, min(4, peak))], axis=0)
    rise = frames[max(peak - 1, 0) : peak + 2].mean(axis=0) - before
    wall, cavity = part.contours.myocardium, part.contours.blood_pool
    if not wall.any() or not cavity.any():
        return np.zeros(rise.shape, bool)
    return rise > (np.percentile(rise[wall], MUSCLE_PERCENTILE) + np.median(rise[cavity])) / 2


def find_septum_deg(contours: Contours, part: PreprocessedSlice) -> float | None:
    """Direction of the middle between the insertion points, degrees in the image; None where one is missing."""
    anterior, inferior = contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm
    heart = contours.myocardium | contours.blood_pool
    if anterior is None or inferior is None or not heart.any():
        return None
    middle = np.argwhere(heart).mean(axis=0)
    arms = [(part.series.pixels_from_ras(point) - middle) * part.series.spacing_mm for point in (anterior, inferior)]
    down, right = sum(arm / max(float(np.linalg.norm(arm)), 1e-6) for arm in arms)
    return float(np.degrees(np.arctan2(down, right)) % 360)


def find_anterior_mm(contours: Contours) -> float | None:
    """From the inferior to the anterior insertion point, along the way forward and up; None where one is missing."""
    anterior, inferior = contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm
    return None if anterior is None or inferior is None else float((anterior - inferior) @ FORWARD_AND_UP_RAS)
