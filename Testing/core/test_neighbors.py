"""Insertion points beside those of the next slice."""

from dataclasses import replace

import numpy as np
import pytest
from known_heart import heart_slice
from PerfusionDLLib.data.contours import Origin, Part
from PerfusionDLLib.data.flag import FlagCode, codes_of
from PerfusionDLLib.data.study import Level
from PerfusionDLLib.preprocessing.neighbors import settle_insertion_points

MIDDLE_PX = np.array([32.0, 32.0])


def part_with(level, degrees, confidence, *, origin=Origin.AUTOMATIC):
    """A slice whose points are turned about the middle of its LV."""
    part = heart_slice(level, 1.0)
    turn = np.radians(degrees) + np.radians([240, 120])
    pixels = MIDDLE_PX + 17 * np.stack([np.sin(turn), np.cos(turn)], axis=1)
    anterior, inferior = part.series.ras_from_pixels(pixels)
    contours = replace(
        part.contours,
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
        confidences={Part.RV_INSERTION_POINTS: confidence},
        origins={Part.RV_INSERTION_POINTS: origin},
    )
    return replace(part, contours=contours, automatic=contours)


def points_px(part):
    return part.series.pixels_from_ras(np.stack([part.contours.anterior_rv_ras_mm, part.contours.inferior_rv_ras_mm]))


def test_points_that_a_surer_neighbor_contradicts_lie_where_its_own_do_and_are_flagged():
    mid, apex = part_with(Level.MID, 5, 0.95), part_with(Level.APICAL, 100, 0.5)
    kept, settled = settle_insertion_points([mid, apex])
    assert kept is mid
    np.testing.assert_allclose(points_px(settled), points_px(mid), atol=1.0)
    assert settled.automatic is settled.contours
    (code,) = codes_of(settled.flags)
    assert code is FlagCode.INSERTION_POINTS_FROM_NEIGHBOR
    assert "95 degrees from those of the mid slice" in settled.flags[0].text
    assert settled.flags[0].where.level == "apical"


@pytest.mark.parametrize(
    "apex",
    [
        part_with(Level.APICAL, 30, 0.5),
        part_with(Level.APICAL, 100, 0.97),
        part_with(Level.APICAL, 100, 0.5, origin=Origin.EDITED),
    ],
    ids=["near", "surer", "of a reader"],
)
def test_other_points_stay(apex):
    mid = part_with(Level.MID, 5, 0.95, origin=Origin.AUTOMATIC)
    assert settle_insertion_points([mid, apex])[1] is apex


def test_a_slice_alone_and_one_without_points_stay():
    alone = part_with(Level.APICAL, 100, 0.1)
    without = replace(alone, contours=replace(alone.contours, anterior_rv_ras_mm=None))
    assert settle_insertion_points([alone]) == (alone,)
    assert settle_insertion_points([alone, without]) == (alone, without)
