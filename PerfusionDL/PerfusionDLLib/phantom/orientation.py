"""The eight ways an image of the same slice can be turned and mirrored; the world stays where it is."""

from dataclasses import replace

import numpy as np

from ..data.box import Box
from .truth import PhantomSlice


def turn(phantom: PhantomSlice, *, transposed: bool, rows_reversed: bool, columns_reversed: bool) -> PhantomSlice:
    """The same slice with its image axes exchanged and reversed; square images only."""
    series, truth = phantom.series, phantom.truth
    last = series.signal.shape[-1] - 1
    flips = tuple(axis for axis, reverse in ((-2, rows_reversed), (-1, columns_reversed)) if reverse)

    def image(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.flip(array.swapaxes(-2, -1) if transposed else array, tuple(flips)))

    def point(position: tuple[float, float]) -> tuple[float, float]:
        row, column = position[::-1] if transposed else position
        return (last - row if rows_reversed else row), (last - column if columns_reversed else column)

    row0, column0 = point(truth.box_px[:2])
    row1, column1 = point(truth.box_px[2:])
    displacement = image(truth.displacement_mm[:, ::-1] if transposed else truth.displacement_mm)
    signs = np.array([-1 if rows_reversed else 1, -1 if columns_reversed else 1], np.float32)
    matrix = series.ijk_to_ras.copy()
    for axis, reverse in ((1, rows_reversed), (0, columns_reversed)):
        source = 1 - axis if transposed else axis
        matrix[:3, axis] = series.ijk_to_ras[:3, source] * (-1 if reverse else 1)
        matrix[:3, 3] += series.ijk_to_ras[:3, source] * (last if reverse else 0)
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    matrix[:3, 2] = normal / np.linalg.norm(normal) * np.linalg.norm(series.ijk_to_ras[:3, 2])
    return PhantomSlice(
        series=replace(series, signal=image(series.signal), ijk_to_ras=matrix),
        truth=replace(
            truth,
            labels=image(truth.labels),
            segments=image(truth.segments),
            mbf_ml_min_g=image(truth.mbf_ml_min_g),
            displacement_mm=displacement * signs[:, None, None],
            box_px=Box(min(row0, row1), min(column0, column1), max(row0, row1), max(column0, column1)),
            anterior_rv_px=point(truth.anterior_rv_px),
            inferior_rv_px=point(truth.inferior_rv_px),
        ),
    )
