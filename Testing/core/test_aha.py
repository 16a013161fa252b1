"""AHA segments: the figure of the paper, a partition, symmetries."""

import numpy as np
import pytest
from PerfusionDLLib.data.aha import LEVEL_SEGMENTS, SEGMENT_NAMES, TERRITORY_SEGMENTS, aha_segments, transmural_depth
from PerfusionDLLib.data.study import Level
from scipy import ndimage

HEART = {"center_yx": (50, 50), "anterior_rv_yx": (21, 29), "inferior_rv_yx": (80, 30)}
MIRRORED = {"center_yx": (50, 50), "anterior_rv_yx": (21, 71), "inferior_rv_yx": (80, 70)}


@pytest.fixture
def ring():
    radius = np.hypot(*(np.mgrid[:101, :101] - 50))
    return (radius > 20) & (radius < 35)


@pytest.mark.parametrize(
    ("level", "segment", "pixel"),
    [
        *((Level.BASAL, n, p) for n, p in enumerate([(22, 51), (40, 22), (60, 22), (78, 51), (65, 75), (35, 75)], 1)),
        *((Level.MID, n, p) for n, p in enumerate([(22, 51), (40, 22), (60, 22), (78, 51), (65, 75), (35, 75)], 7)),
        *((Level.APICAL, n, p) for n, p in enumerate([(22, 51), (51, 22), (78, 51), (51, 78)], 13)),
    ],
)
def test_segments_lie_where_the_aha_draws_them(ring, level, segment, pixel):
    assert aha_segments(ring, **HEART, level=level)[pixel] == segment


@pytest.mark.parametrize("level", Level)
def test_every_myocardial_pixel_and_no_other_has_a_segment(ring, level):
    segments = aha_segments(ring, **HEART, level=level)
    np.testing.assert_array_equal(segments > 0, ring)
    assert set(np.unique(segments[ring])) == set(LEVEL_SEGMENTS[level])


@pytest.mark.parametrize("level", Level)
def test_a_mirrored_image_gives_mirrored_segments(ring, level):
    straight = aha_segments(ring, **HEART, level=level)
    np.testing.assert_array_equal(aha_segments(ring[:, ::-1], **MIRRORED, level=level), straight[:, ::-1])


@pytest.mark.parametrize("level", Level)
def test_an_image_turned_by_a_quarter_gives_turned_segments(ring, level):
    turned = {name: (100 - yx[1], yx[0]) for name, yx in HEART.items()}
    straight = aha_segments(ring, **HEART, level=level)
    np.testing.assert_array_equal(aha_segments(np.rot90(ring), **turned, level=level), np.rot90(straight))


def test_apical_sectors_are_quarters_whatever_the_width_of_the_septum(ring):
    narrow = {**HEART, "anterior_rv_yx": (35, 25), "inferior_rv_yx": (66, 25)}
    counts = np.unique(aha_segments(ring, **narrow, level=Level.APICAL)[ring], return_counts=True)[1]
    np.testing.assert_allclose(counts, ring.sum() / 4, rtol=0.05)


def test_territories_share_the_segments_among_them():
    assert sorted(sum(TERRITORY_SEGMENTS.values(), ())) == list(SEGMENT_NAMES)


def test_depth_of_a_round_wall_is_its_radius(ring):
    radius = np.hypot(*(np.mgrid[:101, :101] - 50))
    depth = transmural_depth(ring)
    assert np.isnan(depth[~ring]).all()
    np.testing.assert_allclose(depth[ring], ((radius - 20) / 15)[ring], atol=0.06)


def test_layers_of_a_crescent_meet_in_the_middle_of_the_wall():
    """Off-center cavity: thick on one side, thin on the other; half the thickness is depth one half everywhere."""
    rows, columns = np.mgrid[:101, :101]
    cavity = np.hypot(rows - 50, columns - 44) < 15
    wall = (np.hypot(rows - 50, columns - 50) < 35) & ~cavity
    depth = transmural_depth(wall, cavity)
    middle_thick, middle_thin = (59 + 85) // 2, (29 + 15) // 2
    assert depth[50, middle_thick] == pytest.approx(0.5, abs=0.06)
    assert depth[50, middle_thin] == pytest.approx(0.5, abs=0.1)


def test_a_wall_without_a_cavity_has_no_depth():
    assert np.isnan(transmural_depth(ndimage.binary_dilation(np.eye(20, dtype=bool)))).all()


@pytest.mark.parametrize("erased", [10, 13, 15])
def test_the_depth_of_half_a_ring_divides_by_nothing(erased):
    """Rows of a small ring are erased, as with the eraser of the Segment Editor, its blood pool is left."""
    radius = np.hypot(*(np.mgrid[:24, :24] - 12.0))
    wall, pool = (radius > 2) & (radius < 4), radius <= 2
    wall[:erased] = False
    with np.errstate(all="raise"):
        depth = transmural_depth(wall, pool)
    assert ((depth[wall] > 0) & (depth[wall] < 1)).all()


def test_a_wall_that_fills_the_image_has_no_depth():
    wall = np.ones((9, 9), bool)
    wall[4, 4] = False
    assert np.isnan(transmural_depth(wall)).all()
