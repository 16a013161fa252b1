"""Preprocessing: what is guaranteed whatever the networks say, and the chain on a phantom slice."""

from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib import networks, preprocessing
from PerfusionDLLib.data.contours import Label, Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flag import FlagCode, codes_of
from PerfusionDLLib.data.study import TOWARD_APEX_RAS, Condition, Level, PerfusionSeries
from PerfusionDLLib.evaluation import network_scores
from PerfusionDLLib.evaluation.cases import closed_cavity_cases, phantom_case
from PerfusionDLLib.preprocessing import chain
from PerfusionDLLib.preprocessing.contour_uncertainty import compute_contour_uncertainty_mm
from PerfusionDLLib.preprocessing.insertion_points import order_insertion_points
from PerfusionDLLib.preprocessing.phases import average_phases, find_myocardium_frames, find_rv_frames
from PerfusionDLLib.preprocessing.plausibility import find_missed_lumen
from PerfusionDLLib.preprocessing.window import Window
from PerfusionDLLib.training.synthetic.other_series import draw_other_series
from scipy import ndimage, stats


@pytest.fixture(scope="module")
def nets():
    return networks.load_networks()


@pytest.fixture(scope="module")
def simulated():
    return phantom_case(9001, Condition.REST, Level.MID, held_out=False)


@pytest.fixture(scope="module")
def found(simulated, nets):
    return preprocessing.preprocess_slice(simulated.series, nets)


@pytest.mark.parametrize("seed", range(8))
def test_the_myocardium_is_a_closed_ring_around_one_cavity_however_ragged_the_probabilities(seed):
    rng = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(rng.random((4, 80, 80)), (0, 2, 2))
    labels = preprocessing.compute_ring_labels(np.exp(60 * rough) / np.exp(60 * rough).sum(axis=0), (1.5, 1.5))
    muscle, cavity = labels == Label.MYOCARDIUM, labels == Label.BLOOD_POOL
    assert ndimage.label(muscle)[1] == 1
    assert ndimage.label(cavity)[1] == 1
    np.testing.assert_array_equal(ndimage.binary_fill_holes(muscle), muscle | cavity)
    assert not (ndimage.binary_dilation(cavity, np.ones((3, 3))) & ~(muscle | cavity)).any()
    assert ndimage.label(labels == Label.RV_BLOOD_POOL)[1] <= 1


def test_without_a_heart_there_are_no_labels():
    nothing = np.zeros((4, 40, 40))
    nothing[0] = 1
    assert preprocessing.compute_ring_labels(nothing, (2.0, 2.0)) is None


def test_a_window_shows_a_linear_image_as_it_is():
    rows, columns = np.mgrid[:60, :80].astype(np.float32)
    window = Window(size=21, spacing_mm=3.0, center_px=(30.0, 41.0), image_spacing_mm=(1.4, 1.4))
    seen = window.sample((2 * rows + columns)[None])[0]
    place = window.to_image(np.stack(np.indices((21, 21)), axis=-1))
    np.testing.assert_allclose(seen, 2 * place[..., 0] + place[..., 1], atol=0.05)


def test_the_answer_lies_where_the_window_looked():
    window = Window(size=31, spacing_mm=2.0, center_px=(40.0, 25.0), image_spacing_mm=(1.0, 2.5))
    rows, columns = np.indices((31, 31))
    here = window.from_image(np.array([38.0, 27.0]))
    blob = np.exp(-((rows - here[0]) ** 2 + (columns - here[1]) ** 2) / 8)[None]
    seen = window.resample_to_image(blob, (80, 50))[0]
    assert np.unravel_index(seen.argmax(), seen.shape) == (38, 27)


def test_lead_frames_without_saturation_are_not_the_peak():
    images = np.full((30, 8, 8), 10.0)
    images[:3] = 80
    images[14:18, 3:5, 3:5] = 60
    assert preprocessing.count_lead_frames(images) == 3
    assert preprocessing.count_lead_frames(images[3:]) == 0


def test_a_second_pass_and_a_bright_late_frame_are_not_the_peak():
    curve = np.array([1, 1, 1, 4, 9, 10, 8, 5, 3, 3, 4, 5, 5, 4, 4, 10.5, 4, 4], float)
    assert preprocessing.find_first_pass_peak(curve) == 5


def test_a_first_pass_lower_than_what_follows_still_has_a_peak():
    curve = np.array([1, 1, 1, 2, 5, 9.5, 9.7, 9.8, 9.7, 9.5, 6, 7, 8, 9, 10, 10.5, 10.6, 10.6, 10.6], float)
    assert preprocessing.find_first_pass_peak(curve) in (6, 7, 8)


def test_the_frames_that_may_be_the_peak_of_a_saturated_bolus_are_named(simulated, found):
    labels, truth = found.contours.labels, simulated.reference.peak_frame
    assert FlagCode.PEAK_FRAME_AMBIGUOUS not in codes_of(found.flags)

    def saturated(signal):
        return 1 - np.exp(-4 * signal / signal.max())

    moved = replace(found.motion, corrected=saturated(found.motion.corrected))
    frame, flags = chain._find_cavity_peak(moved, labels, saturated(simulated.series.signal))
    (flag,) = flags
    assert flag.code is FlagCode.PEAK_FRAME_AMBIGUOUS
    assert flag.values["first"] <= min(frame, truth) + 1 <= max(frame, truth) + 1 <= flag.values["last"]


def test_a_phantom_slice_is_found(simulated, found):
    scored = network_scores.score(found, simulated)
    assert scored.peak_frame_error <= 1
    assert scored.box_dice > 0.93
    assert scored.myocardium_dice > 0.85
    assert scored.cavity_dice > 0.9
    assert scored.insertion_points_mm < 6


def test_every_part_says_where_it_comes_from_and_how_sure_it_is(found):
    assert set(found.contours.origins.values()) == {Origin.AUTOMATIC}
    assert set(found.contours.confidences) == set(Part)
    assert all(0 <= value <= 1 for value in found.contours.confidences.values())
    assert found.automatic is found.contours


def test_what_the_user_has_set_is_kept_and_what_follows_is_found_anew(simulated, found, nets):
    row0, column0, row1, column1 = found.contours.box_px
    box_px = (row0 - 1, column0 - 2, row1 + 1, column1 + 2)
    frame = found.contours.reference_frame
    again = preprocessing.preprocess_slice(simulated.series, nets, peak_frame=frame, box_px=box_px)
    assert again.contours.peak_frame == again.contours.reference_frame == frame
    assert again.contours.box_px == box_px
    assert again.contours.origins[Part.PEAK_FRAME] is Origin.EDITED
    assert again.contours.origins[Part.LABELS] is Origin.AUTOMATIC
    assert network_scores.dice(again.contours.myocardium, found.contours.myocardium) > 0.9


def test_a_series_without_a_heart_is_refused_in_words(nets):
    noise = np.random.default_rng(3).random((20, 64, 64), np.float32)
    series = PerfusionSeries(signal=noise, times_s=np.arange(20.0), ijk_to_ras=np.diag([2.0, 2.0, 8.0, 1.0]))
    with pytest.raises(PerfusionError, match="No left ventricle was found in this slice"):
        preprocessing.preprocess_slice(series, nets)


def no_heart(signal):
    plane = np.diag([2.0, 2.0, 8.0, 1.0])
    return PerfusionSeries(signal=signal, times_s=np.arange(len(signal)) * 1.0, ijk_to_ras=plane)


@pytest.mark.parametrize(
    ("shape", "words"),
    [((50, 16, 16), "No left ventricle was found"), ((8, 96, 96), "No left"), ((2, 96, 96), "only 2 frames")],
)
def test_noise_of_any_shape_is_refused_in_words(nets, shape, words):
    with pytest.raises(PerfusionError, match=words):
        preprocessing.preprocess_slice(no_heart(np.random.default_rng(0).random(shape, np.float32)), nets)


def test_images_of_nothing_are_refused_in_words_and_flagged_where_the_user_insists_on_a_box(nets):
    nothing = no_heart(np.zeros((40, 96, 96), np.float32))
    with pytest.raises(PerfusionError, match="No left ventricle was found"):
        preprocessing.preprocess_slice(nothing, nets)
    box_px = (20.0, 20.0, 60.0, 60.0)
    with pytest.raises(PerfusionError, match="no left ventricle in the box of this slice"):
        preprocessing.preprocess_slice(nothing, nets, box_px=box_px)
    noise = no_heart(np.random.default_rng(1).random((40, 96, 96), np.float32))
    found = preprocessing.preprocess_slice(noise, nets, box_px=box_px)
    assert FlagCode.CONTOURS_UNCERTAIN in codes_of(found.flags)


def test_a_curve_that_does_not_change_has_its_peak_at_the_first_frame():
    assert preprocessing.find_first_pass_peak(np.full(12, 3.0)) == 0


@pytest.mark.parametrize("kind", ["cine", "knee", "brain", "still"])
def test_what_no_contrast_passes_through_is_refused(nets, kind):
    series = draw_other_series(kind, np.random.default_rng(5))
    with pytest.raises(PerfusionError, match=r"No (left ventricle|contrast agent)"):
        preprocessing.preprocess_slice(series, nets)


def test_a_long_axis_plane_is_flagged_as_such(nets):
    series = draw_other_series("long axis", np.random.default_rng(5))
    found = preprocessing.preprocess_slice(series, nets)
    assert FlagCode.NOT_A_FIRST_PASS in codes_of(found.flags)


def test_a_cine_with_a_box_of_the_users_is_not_refused_but_flagged(nets):
    series = draw_other_series("cine", np.random.default_rng(5))
    found = preprocessing.preprocess_slice(series, nets, box_px=(40.0, 40.0, 72.0, 72.0))
    (flag,) = (flag for flag in found.flags if flag.code is FlagCode.NOT_A_FIRST_PASS)
    assert FlagCode.WEAK_ENHANCEMENT in flag.values["reason_codes"]
    assert flag.where.level == (series.level or "")


def test_nothing_speaks_against_a_phantom_slice(found):
    assert FlagCode.NOT_A_FIRST_PASS not in codes_of(found.flags)


@pytest.mark.parametrize("sd_mm", [1.0, 2.0, 3.0])
def test_the_uncertainty_of_a_wall_is_the_standard_deviation_of_its_border(sd_mm):
    rows, columns = np.indices((120, 140))
    distance = np.hypot((rows - 60) * 1.2, (columns - 70) * 1.0)
    epicardium = stats.norm.sf(distance, 40, np.where(columns > 70, sd_mm, 0.5))
    cavity = stats.norm.sf(distance, 22, 0.5)
    probability = np.stack([1 - epicardium, epicardium - cavity, cavity, np.zeros_like(cavity)])
    labels = np.where(distance < 22, 2, np.where(distance < 40, 1, 0)).astype(np.uint8)
    points_px = np.array([[60 - 24, 70 - 28.0], [60 + 24, 70 - 28.0]])
    uncertainty_mm = compute_contour_uncertainty_mm(probability, labels, points_px, (1.2, 1.0))
    assert uncertainty_mm["lateral"] == pytest.approx(sd_mm, rel=0.08)
    assert uncertainty_mm["septal"] == pytest.approx(0.5, rel=0.1)
    flipped = compute_contour_uncertainty_mm(
        probability[:, ::-1], labels[::-1], [119, 0] + points_px * [-1, 1], (1.2, 1.0)
    )
    assert flipped == uncertainty_mm


def test_where_the_box_network_sees_nothing_the_enhancing_blood_pool_decides(simulated, found, nets):
    seen = simulated.series.signal[found.contours.reference_frame]
    row, column = (sum(found.contours.box_px[i::2]) / 2 for i in range(2))
    far_px = (row + 90 / simulated.series.spacing_mm[0], column)
    assert preprocessing.find_box(seen, simulated.series.spacing_mm, nets.box, near_px=(row, column)) is not None
    assert preprocessing.find_box(seen, simulated.series.spacing_mm, nets.box, near_px=far_px) is None


@pytest.mark.parametrize(
    ("seed", "condition", "level"),
    [
        pytest.param(40036, Condition.REST, Level.APICAL, id="a liver that enhances beside a small apex"),
        pytest.param(45000, Condition.STRESS, Level.APICAL, id="an RV far brighter than a nearly closed cavity"),
        pytest.param(45028, Condition.REST, Level.MID, id="a bolus short beside a long series"),
    ],
)
def test_the_heart_is_found_where_networks_before_took_something_else_for_it(nets, seed, condition, level):
    case = phantom_case(seed, condition, level, held_out=True)
    spacing_mm, labels = case.series.spacing_mm, case.reference.labels
    first, *_ = preprocessing.find_peaks(case.series.signal, spacing_mm, nets.peak)
    away_mm = (np.array(first.center_px) - ndimage.center_of_mass(labels == Label.BLOOD_POOL)) * spacing_mm
    assert np.linalg.norm(away_mm) < 15
    assert first.rv_curve is not None
    scored, _, _ = next(network_scores.evaluate([case], nets))
    assert scored.peak_frame_error <= 1
    assert scored.myocardium_dice > 0.8
    assert scored.rv_dice > 0.6


def first_pass(*, lead=0):
    """Three pixels of a series: LV, RV and muscle; proton-density frames before."""
    frames = np.arange(50)
    lv, rv, muscle = (
        1 + 8 * np.exp(-(((frames - place) / width) ** 2)) for place, width in ((20, 5), (10, 4), (32, 9))
    )
    images = np.stack([lv, rv, muscle / 2], axis=1)[:, None]
    return np.concatenate([np.full((lead, 1, 3), 30.0), images]).astype(np.float32)


@pytest.mark.parametrize("lead", [0, 3])
def test_the_moments_show_the_right_ventricle_full_and_the_muscle_bright(lead):
    images = first_pass(lead=lead)
    lv, rv = images[:, 0, 0], images[:, 0, 1]
    seen = average_phases(images, [lead + 19, lead + 20], usable=np.ones(len(images), bool), lv=lv, rv=rv)
    np.testing.assert_array_equal(seen[:, 0], images[lead + 19 : lead + 21])
    _, (full, late) = seen[1, 0, 0], seen[1, 1:, 0]
    assert full[1] > 0.8 * rv[lead:].max()
    assert full[0] < 0.3 * lv[lead:].max()
    assert late[2] > 0.6 * images[lead:, 0, 2].max()


def test_a_moment_that_is_missing_is_replaced_by_the_frame_about_the_peak():
    images = first_pass()
    seen = average_phases(images[:21], [20], usable=np.ones(21, bool), lv=images[:21, 0, 0], rv=None)
    np.testing.assert_array_equal(seen[0], np.repeat(images[20:21], 3, axis=0))


def test_frames_that_are_not_aligned_are_no_part_of_a_moment():
    images, usable = first_pass(), np.arange(50) % 2 == 0
    assert all(usable[find_rv_frames(images[:, 0, 0], images[:, 0, 1], 20, usable)])
    assert all(usable[find_myocardium_frames(50, 20, usable)])


@pytest.mark.parametrize("degrees", range(0, 360, 45))
@pytest.mark.parametrize("mirrored", [1, -1])
def test_insertion_points_keep_their_names_however_the_heart_is_turned_about_its_axis(degrees, mirrored):
    to_apex = TOWARD_APEX_RAS
    right = np.cross(to_apex, [0, 0, 1.0]) / np.linalg.norm(np.cross(to_apex, [0, 0, 1.0]))
    plane = np.eye(4)
    plane[:3, :3] = np.stack([right, mirrored * np.cross(to_apex, right), to_apex], axis=1)
    usual = np.deg2rad([120, 235]) + np.deg2rad(degrees)  # seen from the apex, counterclockwise
    up = np.cross(to_apex, right)
    anterior, inferior = 30 * (np.cos(usual)[:, None] * right + np.sin(usual)[:, None] * up)
    for given in ([anterior, inferior], [inferior, anterior]):
        found = order_insertion_points(np.stack(given), np.zeros(3), plane)
        np.testing.assert_array_equal(found[0], anterior)
        np.testing.assert_array_equal(found[1], inferior)


def test_insertion_points_of_a_heart_turned_far_are_named_right(nets):
    """The inferior point of this apex lies further to the front and above than the anterior one."""
    case = phantom_case(5002, Condition.REST, Level.APICAL, held_out=True)
    scored, _, _ = next(network_scores.evaluate([case], nets))
    assert scored.insertion_points_mm < 6


def test_each_step_is_announced(simulated, nets):
    steps = []
    preprocessing.preprocess_slice(simulated.series, nets, progress=steps.append)
    assert steps == ["peak frame", "left-ventricular box", "motion compensation", "labels", "insertion points"]


def test_doubt_in_a_nearly_closed_cavity_is_none_in_its_myocardium(nets):
    case = next(closed_cavity_cases([700200]))
    strict = {**nets.labels.card["thresholds"], "cavity_dice": {"value": 0.999}}
    doubtful = replace(nets, labels=replace(nets.labels, card={**nets.labels.card, "thresholds": strict}))
    scored, _, found = next(network_scores.evaluate([case], doubtful))
    assert scored.cavity_dice > 0.8
    assert scored.labels_confidence > 0.9
    assert FlagCode.CAVITY_UNCERTAIN in codes_of(found.flags)
    assert not {FlagCode.LUMEN_OUTSIDE_CAVITY, FlagCode.CONTOURS_UNCERTAIN} & set(codes_of(found.flags))


def test_a_cavity_drawn_beside_the_bright_lumen_is_noticed(simulated, found):
    labels, spacing_mm = found.contours.labels, simulated.series.spacing_mm
    image = found.motion.corrected[found.contours.peak_frame]
    assert not list(find_missed_lumen(image, labels, spacing_mm))
    heart, cavity = labels != Label.BACKGROUND, labels == Label.BLOOD_POOL
    heart &= labels != Label.RV_BLOOD_POOL
    shifted = np.roll(cavity, round(9 / spacing_mm[0]), axis=0) & ndimage.binary_erosion(heart)
    wrong = np.where(shifted, Label.BLOOD_POOL, np.where(heart, Label.MYOCARDIUM, Label.BACKGROUND)).astype(np.uint8)
    (flag,) = find_missed_lumen(image, wrong, spacing_mm)
    assert flag.code is FlagCode.LUMEN_OUTSIDE_CAVITY
    assert 15 < flag.values["percent"] < 80
