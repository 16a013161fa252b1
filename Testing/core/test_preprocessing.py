"""Preprocessing: what is guaranteed whatever the networks say, and the chain on a phantom slice."""

from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib import motion, networks, phantom, preprocessing
from PerfusionDLLib.contours import Label, Origin, Part
from PerfusionDLLib.errors import PerfusionError
from PerfusionDLLib.preprocessing.window import Window
from PerfusionDLLib.series import PerfusionSeries
from scipy import ndimage


@pytest.fixture(scope="module")
def nets():
    return networks.load_networks()


@pytest.fixture(scope="module")
def simulated():
    return phantom.simulate_series(9001, level="mid", condition="rest")


@pytest.fixture(scope="module")
def found(simulated, nets):
    return preprocessing.preprocess_slice(simulated.series, nets)


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("seed", range(8))
def test_the_myocardium_is_a_closed_ring_around_one_cavity_however_ragged_the_probabilities(seed):
    rng = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(rng.random((4, 80, 80)), (0, 2, 2))
    labels = preprocessing.ring_labels(np.exp(60 * rough) / np.exp(60 * rough).sum(axis=0), (1.5, 1.5))
    muscle, cavity = labels == Label.MYOCARDIUM, labels == Label.BLOOD_POOL
    assert ndimage.label(muscle)[1] == 1
    assert ndimage.label(cavity)[1] == 1
    np.testing.assert_array_equal(ndimage.binary_fill_holes(muscle), muscle | cavity)
    assert not (ndimage.binary_dilation(cavity, np.ones((3, 3))) & ~(muscle | cavity)).any()
    assert ndimage.label(labels == Label.RV_BLOOD_POOL)[1] <= 1


def test_without_a_heart_there_are_no_labels():
    nothing = np.zeros((4, 40, 40))
    nothing[0] = 1
    assert preprocessing.ring_labels(nothing, (2.0, 2.0)) is None


def test_a_window_shows_a_linear_image_as_it_is():
    rows, columns = np.mgrid[:60, :80].astype(np.float32)
    window = Window(size=21, spacing_mm=3.0, center_px=(30.0, 41.0), image_spacing_mm=(1.4, 1.4))
    seen = window.look((2 * rows + columns)[None])[0]
    place = window.to_image(np.stack(np.indices((21, 21)), axis=-1))
    np.testing.assert_allclose(seen, 2 * place[..., 0] + place[..., 1], atol=0.05)


def test_the_answer_lies_where_the_window_looked():
    window = Window(size=31, spacing_mm=2.0, center_px=(40.0, 25.0), image_spacing_mm=(1.0, 2.5))
    rows, columns = np.indices((31, 31))
    here = window.from_image(np.array([38.0, 27.0]))
    blob = np.exp(-((rows - here[0]) ** 2 + (columns - here[1]) ** 2) / 8)[None]
    seen = window.answer(blob, (80, 50))[0]
    assert np.unravel_index(seen.argmax(), seen.shape) == (38, 27)


def test_lead_frames_without_saturation_are_not_the_peak():
    images = np.full((30, 8, 8), 10.0)
    images[:3] = 80
    images[14:18, 3:5, 3:5] = 60
    assert preprocessing.lead_frames(images) == 3
    assert preprocessing.lead_frames(images[3:]) == 0


def test_a_second_pass_and_a_bright_late_frame_are_not_the_peak():
    curve = np.array([1, 1, 1, 4, 9, 10, 8, 5, 3, 3, 4, 5, 5, 4, 4, 10.5, 4, 4], float)
    assert preprocessing.first_pass_peak(curve) == 5


def test_a_phantom_slice_is_found(simulated, found):
    contours, truth = found.contours, simulated.truth
    assert abs(contours.peak_frame - truth.peak_frame) <= 1
    true_motion = replace(found.motion, displacement_mm=truth.displacement_mm, reference_frame=truth.peak_frame)
    spacing_mm, frame = simulated.series.spacing_mm, contours.reference_frame
    labels = motion.move_labels(truth.labels, true_motion, frame, spacing_mm)
    assert dice(contours.myocardium, labels == Label.MYOCARDIUM) > 0.8
    for ras_mm, true_px in (
        (contours.anterior_rv_ras_mm, truth.anterior_rv_px),
        (contours.inferior_rv_ras_mm, truth.inferior_rv_px),
    ):
        there_px = motion.move_points(np.array(true_px), true_motion, frame, spacing_mm)
        assert np.linalg.norm((simulated.series.pixels_from_ras(ras_mm) - there_px) * spacing_mm) < 8


def test_every_part_says_where_it_comes_from_and_how_sure_it_is(found):
    assert set(found.contours.origins.values()) == {Origin.AUTOMATIC}
    assert set(found.contours.confidences) == set(Part)
    assert all(0 <= value <= 1 for value in found.contours.confidences.values())
    assert found.automatic is found.contours


def test_what_the_user_has_set_is_kept_and_what_follows_is_found_anew(simulated, found, nets):
    row0, column0, row1, column1 = found.contours.box_px
    box_px = (row0 - 1, column0 - 2, row1 + 1, column1 + 2)
    frame = found.contours.peak_frame - 1
    again = preprocessing.preprocess_slice(simulated.series, nets, peak_frame=frame, box_px=box_px)
    assert again.contours.peak_frame == again.contours.reference_frame == frame
    assert again.contours.box_px == box_px
    assert again.contours.origins[Part.PEAK_FRAME] is Origin.EDITED
    assert again.contours.origins[Part.LABELS] is Origin.AUTOMATIC
    moved = motion.move_labels(found.contours.labels, found.motion, frame, simulated.series.spacing_mm)
    assert dice(again.contours.myocardium, moved == Label.MYOCARDIUM) > 0.85


def test_a_series_without_a_heart_is_refused_in_words(nets):
    noise = np.random.default_rng(3).random((20, 64, 64), np.float32)
    series = PerfusionSeries(signal=noise, times_s=np.arange(20.0), ijk_to_ras=np.diag([2.0, 2.0, 8.0, 1.0]))
    with pytest.raises(PerfusionError, match="No left ventricle was found in this slice"):
        preprocessing.preprocess_slice(series, nets)


def test_each_step_is_announced(simulated, nets):
    steps = []
    preprocessing.preprocess_slice(simulated.series, nets, progress=steps.append)
    assert steps == ["peak frame", "left-ventricular box", "motion compensation", "labels", "insertion points"]
