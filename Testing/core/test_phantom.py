"""The phantom's truth agrees with its images and with itself."""

from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib import phantom
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.phantom.orientation import turn
from scipy.ndimage import map_coordinates


@pytest.fixture(scope="module")
def moving():
    return phantom.simulate_series(3, condition="stress", level="mid", size=112, snr=np.inf)


@pytest.fixture(scope="module")
def still():
    return phantom.simulate_series(3, condition="stress", level="mid", size=112, snr=np.inf, still=True)


def aligned(series, truth, frame):
    rows_mm, columns_mm = series.spacing_mm
    grid = np.mgrid[: series.signal.shape[1], : series.signal.shape[2]].astype(float)
    at = grid + truth.displacement_mm[frame] / np.array([rows_mm, columns_mm])[:, None, None]
    return map_coordinates(series.signal[frame], at, order=3, mode="nearest")


def test_the_same_seed_gives_the_same_patient():
    one, two = (phantom.simulate_series(5, condition="rest", level="basal", size=64) for _ in range(2))
    np.testing.assert_array_equal(one.series.signal, two.series.signal)
    np.testing.assert_array_equal(one.truth.displacement_mm, two.truth.displacement_mm)


@pytest.mark.parametrize(
    "field",
    [
        "pixel_mm",
        "epicardial_radius_mm",
        "cavity_share",
        "rv_depth_mm",
        "width_scale",
        "dose_mmol_kg",
        "snr",
        "breathing_mm",
    ],
)
def test_what_is_held_out_for_evaluation_is_outside_the_default_ranges(field):
    default, held_out = getattr(phantom.DEFAULT, field), getattr(phantom.HELD_OUT, field)
    for low, high in zip(held_out[::2], held_out[1::2], strict=True):
        assert high <= default[0] or low >= default[1]


def test_another_seed_gives_another_patient():
    one, two = (phantom.simulate_series(seed, size=64) for seed in (5, 6))
    assert one.truth.box_px != two.truth.box_px


def test_a_slice_on_its_own_is_the_slice_of_the_study():
    study = phantom.simulate_study(2, conditions=[Condition.REST], levels=[Level.BASAL, Level.APICAL], size=64)
    alone = phantom.simulate_series(2, condition="rest", level="apical", size=64)
    np.testing.assert_array_equal(study.study.rest.slices[1].signal, alone.series.signal)
    assert study.truth[Condition.REST][1].segment_mbf_ml_min_g == alone.truth.segment_mbf_ml_min_g


def test_the_box_touches_the_epicardium(still):
    ventricle = np.isin(still.truth.labels, (Label.MYOCARDIUM, Label.BLOOD_POOL))
    row0, column0, row1, column1 = (int(edge + 0.5) for edge in still.truth.box_px)
    assert ventricle[row0:row1, column0:column1].sum() == ventricle.sum()
    for edge in (ventricle[row0], ventricle[row1 - 1], ventricle[:, column0], ventricle[:, column1 - 1]):
        assert edge.any()


@pytest.mark.parametrize("level", list(Level))
def test_insertion_points_lie_where_rv_lv_and_outside_meet(level):
    truth = phantom.simulate_series(4, level=level, size=128).truth
    y, x = np.mgrid[:128, :128]
    for row, column in (truth.anterior_rv_px, truth.inferior_rv_px):
        near = np.hypot(y - row, x - column) < 4
        assert {0, Label.MYOCARDIUM, Label.RV_BLOOD_POOL} <= set(truth.labels[near])


def test_the_peak_frame_has_the_brightest_cavity(still):
    curve = still.series.signal[:, still.truth.labels == Label.BLOOD_POOL].mean(axis=1)
    assert abs(int(curve.argmax()) - still.truth.peak_frame) <= 1


def test_tissue_does_not_move_at_the_peak_frame(moving):
    assert not moving.truth.displacement_mm[moving.truth.peak_frame].any()
    assert np.abs(moving.truth.displacement_mm).max() > 3


def test_the_true_displacement_brings_every_frame_home(moving, still):
    """Warping by the truth leaves a small part of the error that motion makes, in and around the heart."""
    row0, column0, row1, column1 = (round(edge) for edge in moving.truth.box_px)
    heart = np.s_[row0 - 6 : row1 + 6, column0 - 6 : column1 + 6]
    far = np.argsort(np.abs(moving.truth.displacement_mm).max(axis=(1, 2, 3)))[-8:]
    before = after = 0.0
    for frame in far:
        expected = still.series.signal[frame][heart]
        before += np.abs(moving.series.signal[frame][heart] - expected).mean()
        after += np.abs(aligned(moving.series, moving.truth, frame)[heart] - expected).mean()
    assert after < 0.3 * before


def test_segments_tile_the_myocardium_and_carry_its_mean_flow(still):
    truth = still.truth
    np.testing.assert_array_equal(truth.segments > 0, truth.labels == Label.MYOCARDIUM)
    assert sorted(truth.segment_mbf_ml_min_g) == [7, 8, 9, 10, 11, 12]
    for number, flow in truth.segment_mbf_ml_min_g.items():
        assert flow == pytest.approx(truth.mbf_ml_min_g[truth.segments == number].mean())


def test_defects_have_less_flow_at_stress_than_their_neighbors():
    for seed in range(8):
        truth = phantom.simulate_series(seed, condition="stress", level="mid", size=64, still=True).truth
        if 0 < len(truth.defect_segments) < 4:
            healthy = [flow for n, flow in truth.segment_mbf_ml_min_g.items() if n not in truth.defect_segments]
            low = [truth.segment_mbf_ml_min_g[number] for number in truth.defect_segments]
            assert np.mean(low) < 0.9 * np.mean(healthy)
            return
    pytest.fail("no seed had a defect")


def test_noise_has_the_level_that_was_asked_for(still):
    noisy = phantom.simulate_series(3, condition="stress", level="mid", size=112, snr=20, still=True)
    cavity = still.truth.labels == Label.BLOOD_POOL
    difference = (noisy.series.signal - still.series.signal)[still.truth.peak_frame][cavity]
    peak = still.series.signal[still.truth.peak_frame][cavity].max()
    assert difference.std() == pytest.approx(peak / 20, rel=0.3)


def test_the_image_plane_is_right_handed_and_stacks_toward_the_apex():
    study = phantom.simulate_study(2, conditions=[Condition.REST], size=64)
    slices = study.study.rest.slices
    assert np.linalg.det(slices[0].ijk_to_ras[:3, :3]) > 0
    step = slices[2].ijk_to_ras[:3, 3] - slices[0].ijk_to_ras[:3, 3]
    assert step[0] < 0 < step[1]  # left and anterior
    assert step[2] < 0  # inferior


EIGHT_WAYS = [dict(transposed=bool(n & 4), rows_reversed=bool(n & 2), columns_reversed=bool(n & 1)) for n in range(8)]


@pytest.mark.parametrize("way", EIGHT_WAYS, ids=str)
def test_a_turned_image_shows_the_same_world(still, way):
    turned = turn(still, **way)
    for point in ("anterior_rv_px", "inferior_rv_px"):
        before = still.series.ras_from_pixels(getattr(still.truth, point))
        np.testing.assert_allclose(turned.series.ras_from_pixels(getattr(turned.truth, point)), before, atol=1e-9)
    label_ras = turned.series.ras_from_pixels(np.argwhere(turned.truth.labels == Label.MYOCARDIUM)).mean(axis=0)
    expected = still.series.ras_from_pixels(np.argwhere(still.truth.labels == Label.MYOCARDIUM)).mean(axis=0)
    np.testing.assert_allclose(label_ras, expected, atol=1e-9)
    assert np.linalg.det(turned.series.ijk_to_ras[:3, :3]) > 0
    row0, column0, row1, column1 = (int(edge + 0.5) for edge in turned.truth.box_px)
    assert (turned.truth.labels[row0:row1, column0:column1] > 0).sum() >= (still.truth.segments > 0).sum()


@pytest.mark.parametrize("way", EIGHT_WAYS[1::3], ids=str)
def test_the_true_displacement_turns_with_the_image(moving, way):
    frame = int(np.abs(moving.truth.displacement_mm).max(axis=(1, 2, 3)).argmax())
    turned = turn(moving, **way)
    inside = np.s_[20:90, 20:90]
    straight = aligned(moving.series, moving.truth, frame)
    expected = np.flip(
        straight.T if way["transposed"] else straight,
        [axis for axis, key in enumerate(("rows_reversed", "columns_reversed")) if way[key]],
    )
    np.testing.assert_allclose(aligned(turned.series, turned.truth, frame)[inside], expected[inside], atol=0.05)


def test_a_dual_sequence_scan_has_an_arterial_input_that_is_not_clipped():
    """Signal over baseline follows the true concentration at a short saturation time, and lags it at a long one."""
    config = replace(phantom.DEFAULT, dual_sequence=True, turned_probability=0, mirrored_probability=0)
    options = dict(conditions=["rest"], levels=["basal"], size=128, still=True, snr=np.inf, config=config)
    patient = phantom.simulate_study(3, **options)
    scan, truth = patient.study.rest, patient.truth[Condition.REST][0]
    blood = np.interp(scan.slices[0].times_s, truth.arterial_times_s, truth.arterial_mmol_l)
    high, half = int(blood.argmax()), int(np.abs(blood[: blood.argmax()] - blood.max() / 2).argmin())
    center = np.argwhere(truth.labels == Label.BLOOD_POOL).mean(axis=0)

    def rise(series):
        row, column = np.round(center * series.signal.shape[1] / 128).astype(int)
        curve = series.signal[:, row, column] - series.signal[0, row, column]
        return curve[half] / curve[high]

    true_share = blood[half] / blood[high]
    assert rise(scan.aif_series) == pytest.approx(true_share, abs=0.1)
    assert rise(scan.slices[0]) > true_share + 0.15


def test_proton_density_frames_lead_and_change_nothing_else(still):
    config = replace(phantom.DEFAULT, proton_density_frames=2)
    options = dict(condition="stress", level="mid", size=112, snr=np.inf, still=True)
    series = phantom.simulate_series(3, config=config, **options).series
    np.testing.assert_array_equal(series.signal, still.series.signal)
    assert series.proton_density.shape == (2, 112, 112)
    labels = still.truth.labels
    muscle, blood = (series.proton_density[0][labels == label].mean() for label in (Label.MYOCARDIUM, Label.BLOOD_POOL))
    assert 0.7 < muscle / blood < 1.1


def test_the_chest_wall_makes_room_for_the_heart():
    """Seed 19 has a wide right ventricle under a leaning chest wall; what does not move must not cover it."""
    truth = phantom.simulate_series(19, condition="stress", level="basal", size=72).truth
    moved_mm = np.abs(truth.displacement_mm).max(axis=(0, 1))[truth.labels > 0]
    assert moved_mm.min() > 0.3 * np.median(moved_mm)


def test_patients_do_not_lie_still_between_rest_and_stress():
    patient = phantom.simulate_study(2, levels=["mid"], size=96)
    rest, stress = (patient.truth[condition][0] for condition in Condition)
    assert 0 < np.hypot(*np.subtract(rest.anterior_rv_px, stress.anterior_rv_px)) < 4


def test_a_closed_cavity_is_small_inside_a_thick_wall_and_mostly_muscle():
    open_, closed = (
        phantom.simulate_series(5, condition="stress", level="mid", config=config).truth
        for config in (phantom.HELD_OUT, phantom.CLOSED_CAVITIES)
    )
    case = phantom.simulate_series(5, condition="stress", level="mid", config=phantom.CLOSED_CAVITIES, snr=np.inf)
    area_mm2 = np.prod(case.series.spacing_mm)
    cavity, heart = closed.labels == Label.BLOOD_POOL, np.isin(closed.labels, (Label.MYOCARDIUM, Label.BLOOD_POOL))
    radius_mm, outer_mm = (np.sqrt(mask.sum() * area_mm2 / np.pi) for mask in (cavity, heart))
    assert 4 < radius_mm < 11
    assert 11 < outer_mm - radius_mm < 20
    peak = case.series.signal[closed.peak_frame]
    assert np.median(peak[cavity]) < 0.8 * peak[cavity].max()
    assert (open_.labels == Label.BLOOD_POOL).sum() > 1.5 * cavity.sum()


def test_rest_and_base_stay_open_where_stress_closes_the_cavity():
    for options in ({"condition": "rest", "level": "mid"}, {"condition": "stress", "level": "basal"}):
        pair = [phantom.simulate_series(5, config=c, **options) for c in (phantom.HELD_OUT, phantom.CLOSED_CAVITIES)]
        np.testing.assert_array_equal(pair[0].series.signal, pair[1].series.signal)
