"""The part of an image that is shown: a square around the heart, of one size for all slices of a study."""

from collections.abc import Sequence

import numpy as np

from ..data.preprocessed import PreprocessedScan, PreprocessedSlice

FIELD_OF_BOX = 2.2
"""Side of the pictures over that of the largest box; chosen: the RV and the chest wall beside it are seen."""
LEAST_FIELD_MM = 80.0


def find_field_mm(scans: Sequence[PreprocessedScan]) -> float:
    """Side of the square around the heart that all pictures of a study share."""
    sides: list[float] = []
    for part in (part for scan in scans for part in scan.slices):
        sides += part.contours.box_px.size_mm(part.series.spacing_mm)
    return max(FIELD_OF_BOX * max(sides, default=0.0), LEAST_FIELD_MM)


def crop_around_box(part: PreprocessedSlice, field: float) -> tuple[int, int, int, int]:
    """First row, first column, and those after the last, of the field of a slice inside its image."""
    edges = []
    for middle, size, step in zip(
        part.contours.box_px.center_px, part.series.signal.shape[1:], part.series.spacing_mm, strict=True
    ):
        half = field / 2 / step
        begin = int(np.clip(round(middle - half), 0, size - 1))
        edges.append((begin, int(np.clip(round(middle + half) + 1, begin + 1, size))))
    (top, bottom), (left, right) = edges
    return top, left, bottom, right
