"""The figures show what the values say, where the AHA draws it and where the pixels are."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from PerfusionDLLib.data.bullseye import polar_image, sector, segment_at
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.evaluation.agreement import limits_of_agreement
from PerfusionDLLib.report import figures
from PerfusionDLLib.report.figures.agreement import draw_bland_altman
from PerfusionDLLib.report.figures.bullseye import table_values
from PerfusionDLLib.report.figures.curves import fits_by_segment
from PerfusionDLLib.report.figures.slices import draw_contours, time_position
from PerfusionDLLib.report.figures.style import colormap, ink_on


def luminance(name):
    """Relative luminance along a colormap, from dark to bright if it prints well in gray."""
    colors = colormap(name)(np.linspace(0, 1, 64))[:, :3]
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


@pytest.mark.parametrize(
    ("segment", "x", "y"),
    [
        *((1, 0, 0.85), (2, -0.6, 0.6), (3, -0.6, -0.6), (4, 0, -0.85), (5, 0.6, -0.6), (6, 0.6, 0.6)),
        *((7, 0, 0.55), (10, 0, -0.55), (13, 0, 0.25), (14, -0.25, 0), (15, 0, -0.25), (16, 0.25, 0)),
    ],
)
def test_segments_lie_where_the_aha_draws_them(segment, x, y):
    assert segment_at(np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360) == segment


def test_the_sectors_of_a_level_close_the_ring():
    for level, numbers in ((Level.BASAL, range(1, 7)), (Level.MID, range(7, 13)), (Level.APICAL, range(13, 17))):
        assert {sector(number)[0] for number in numbers} == {level}
        assert sum(sector(number)[2] - sector(number)[1] for number in numbers) == 360


def test_every_pixel_of_the_bullseye_shows_its_own_segment(finished_study):
    """With the segment number in place of the flow, the picture is the AHA's own drawing."""
    slices = [replace(part, mbf_ml_min_g=part.segments.astype(np.float32)) for part in finished_study.maps[0].slices]
    image = polar_image(slices, size=200)
    position = (np.arange(200) + 0.5) / 100 - 1
    x, y = np.meshgrid(position, -position)
    expected = segment_at(np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360)
    np.testing.assert_array_equal(np.nan_to_num(image), expected)


@pytest.mark.parametrize("turn", [lambda image: image[:, ::-1], np.rot90, np.transpose], ids=["flip", "turn", "both"])
def test_the_bullseye_does_not_depend_on_how_the_image_lies(finished_study, turn):
    straight = finished_study.maps[1].slices
    turned = [
        replace(part, **{name: turn(getattr(part, name)) for name in ("mbf_ml_min_g", "segments", "depth")})
        for part in straight
    ]
    expected, actual = polar_image(straight, size=100), polar_image(turned, size=100)
    same = np.isclose(expected, actual, equal_nan=True, rtol=0.25)
    assert same.mean() > 0.97


def test_a_thin_subendocardial_defect_is_seen_in_the_inner_half_of_its_segment(finished_study):
    image = polar_image(finished_study.maps[1].slices, size=200)
    below = image[:, 100]
    inner, outer = below[173], below[197]
    assert inner == pytest.approx(0.8, abs=0.2)
    assert outer == pytest.approx(2.6, abs=0.6)


def test_rest_and_stress_share_one_scale_with_a_round_end(finished_study):
    scale = figures.flow_scale(finished_study.maps)
    assert (scale.vmin, scale.vmax) == (0, 3)
    assert figures.flow_scale([]).vmax == 2


@pytest.mark.parametrize("name", [figures.FLOW_COLORS, "cividis"])
def test_our_colors_stay_in_order_in_gray_print(name):
    assert (np.diff(luminance(name)) > 0).all()


def test_ink_is_readable_on_every_color():
    assert ink_on((0, 0, 0.3)) == "white"
    assert ink_on((1, 1, 0)) == "black"


def test_the_bullseye_prints_every_value_and_hatches_the_missing_one(finished_study):
    values = {**table_values(finished_study.table, "mpr"), 7: float("nan")}
    axes = Figure().add_subplot()
    figures.draw_bullseye(axes, values, scale=Normalize(0, 4))
    printed = [text.get_text() for text in axes.texts]
    assert [f"{values[number]:.2f}" in printed for number in range(1, 17) if number != 7] == [True] * 15
    assert "–" in printed
    assert sum(bool(patch.get_hatch()) for patch in axes.patches) == 1


def test_outlines_run_along_the_pixel_edges(finished_study):
    """Half-way between the last pixel inside and the first outside, so no outline is more than half a pixel off."""
    part = finished_study.scans[0].slices[0]
    axes = Figure().add_subplot()
    draw_contours(axes, part, field=90)
    outlines = [np.concatenate([path.vertices for path in drawn.get_paths()]) for drawn in axes.collections]
    radii = [np.hypot(line[:, 0] - 38, line[:, 1] - 35) for line in outlines]
    assert [radius.mean() for radius in radii] == pytest.approx([16.5, 11.0], abs=0.5)
    on_edge = [np.isclose(line % 1, 0.5).any(axis=1).mean() for line in outlines]
    assert on_edge == [1.0, 1.0]


def test_motion_compensation_straightens_the_time_position_strip(finished_study):
    part = finished_study.scans[0].slices[1]
    before, after = (time_position(frames, part, field=90) for frames in (part.series.signal, part.motion.corrected))
    assert before.shape == after.shape
    roughness = [np.abs(np.diff(strip[:, 30:], axis=1)).mean() for strip in (before, after)]
    assert roughness[1] < 0.5 * roughness[0]


def test_every_segment_has_its_two_fits(finished_study):
    fits = fits_by_segment(finished_study.maps)
    assert sorted(fits) == list(range(1, 17))
    assert all(set(by_condition) == set(Condition) for by_condition in fits.values())


@pytest.mark.parametrize("study", ["finished_study", "stress_only_study"])
def test_every_figure_can_be_saved_as_a_picture(study, request):
    study = request.getfixturevalue(study)
    for figure in (
        figures.bullseyes(study.maps, study.table),
        figures.flow_maps(study.scans, study.maps),
        figures.segment_curves(study.maps),
    ):
        target = io.BytesIO()
        figure.savefig(target, format="png", dpi=60)
        assert target.getvalue().startswith(b"\x89PNG")


@pytest.mark.parametrize(("spread", "labels"), [(0.0, 1), (0.001, 1), (0.5, 3)])
def test_labels_of_a_bland_altman_plot_do_not_lie_on_each_other(spread, labels):
    random = np.random.default_rng(2)
    second = random.uniform(1, 3, 32)
    first = second + spread * random.normal(size=32)
    axes = Figure().subplots()
    draw_bland_altman(axes, first, second, limits_of_agreement(first, second), unit="", color="k")
    assert len(axes.texts) == labels
    assert axes.get_ylim()[1] >= 0.1
    assert "-0.00" not in "".join(text.get_text() for text in axes.texts)
