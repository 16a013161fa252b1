"""Motion compensation against motion that is known exactly."""

from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib.data.preprocessed import MotionCompensation
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.motion import compensate, move_labels, move_points
from PerfusionDLLib.phantom import DEFAULT, HELD_OUT, TissueModel, simulate_series, simulate_study

SPACING_MM = (2.0, 2.0)
FRAMES, SIZE, PEAK = 40, 80, 14
BOX = (24.5, 26.5, 55.5, 57.5)
CENTER = (40.0, 42.0)


def contrast(frame, arrival, width, late):
    """First pass and what stays."""
    time = np.maximum(frame - arrival, 0) / width
    return time**2 * np.exp(2 * (1 - time)) + late * (1 - np.exp(-time))


def heart(frame, rows, columns):
    """Signal of a left ventricle with its wall, a right ventricle, lung and liver at material positions (pixels)."""

    def inside(distance):
        return 1 / (1 + np.exp(-distance / 0.5))

    radius = np.hypot(rows - CENTER[0], columns - CENTER[1])
    cavity, muscle = inside(9 - radius), inside(14.5 - radius)
    right = inside(15 - np.hypot(rows - CENTER[0] + 3, columns - CENTER[1] + 14)) * (1 - muscle)
    liver = inside(rows - CENTER[0] - 18 - 0.2 * (columns - CENTER[1])) * (1 - muscle)
    return (
        cavity * (0.12 + contrast(frame, 8, 6, 0.3))
        + (muscle - cavity) * (0.14 + 0.3 * contrast(frame, 11, 12, 0.5))
        + right * (0.12 + contrast(frame, 4, 5, 0.3))
        + liver * (0.25 + 0.1 * contrast(frame, 16, 20, 0.5))
    )


def series(shifts_mm, *, noise=0.02, seed=0, frames=range(FRAMES)):
    """(T, Y, X) of the heart shifted by (T, 2) mm."""
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(float)
    images = [
        heart(frame, rows - row / SPACING_MM[0], columns - column / SPACING_MM[1])
        for frame, (row, column) in zip(frames, shifts_mm, strict=True)
    ]
    generator = np.random.default_rng(seed)
    return (np.stack(images) + generator.normal(0, noise, (len(images), SIZE, SIZE))).astype(np.float32)


def breathing(amplitude_mm=10.0):
    """(T, 2) mm, mostly along the rows, zero at the peak frame."""
    frame = np.arange(FRAMES)
    depth = amplitude_mm * np.sin(np.pi * frame / 4.6) ** 2
    shifts = np.stack([depth, 0.3 * depth + 0.5 * np.sin(frame)], -1)
    return shifts - shifts[PEAK]


def compensated(signal, **changes):
    return compensate(signal, **{"spacing_mm": SPACING_MM, "reference_frame": PEAK, "region_px": BOX} | changes)


def wall():
    rows, columns = np.mgrid[:SIZE, :SIZE]
    radius = np.hypot(rows - CENTER[0], columns - CENTER[1])
    return (radius > 9) & (radius < 14.5)


@pytest.fixture(scope="module")
def breathing_motion():
    return compensated(series(breathing()))


def test_known_translations_are_found_to_a_fraction_of_a_millimeter(breathing_motion):
    moved = breathing()
    on_reference = wall()  # the reference frame is not shifted
    error = breathing_motion.displacement_mm[:, :, on_reference] - moved[:, :, None]
    assert np.hypot(*error.transpose(1, 0, 2)).mean() < 0.3
    assert np.hypot(*error.mean(2).T).max() < 0.5


def test_the_reference_frame_is_left_as_it_was(breathing_motion):
    assert np.all(breathing_motion.displacement_mm[PEAK] == 0)
    np.testing.assert_array_equal(breathing_motion.corrected[PEAK], series(breathing())[PEAK])


def test_the_corrected_series_looks_like_the_still_one(breathing_motion):
    still = series(np.zeros((FRAMES, 2)), noise=0)
    before = np.abs(series(breathing()) - still)[:, wall()].mean()
    after = np.abs(breathing_motion.corrected - still)[:, wall()].mean()
    assert after < 0.025  # noise alone gives 0.016
    assert after < before / 3


def test_enhancement_alone_is_not_motion():
    motion = compensated(series(np.zeros((FRAMES, 2))))
    assert np.hypot(*motion.displacement_mm[:, :, wall()].transpose(1, 0, 2)).mean() < 0.05


def test_a_mirrored_series_has_mirrored_motion(breathing_motion):
    row0, column0, row1, column1 = BOX
    mirrored = compensated(
        series(breathing())[:, :, ::-1], region_px=(row0, SIZE - 1 - column1, row1, SIZE - 1 - column0)
    )
    back = mirrored.displacement_mm[:, :, :, ::-1] * np.array([1, -1])[:, None, None]
    assert np.abs(back - breathing_motion.displacement_mm)[:, :, wall()].max() < 0.1


def test_a_transposed_series_has_transposed_motion(breathing_motion):
    row0, column0, row1, column1 = BOX
    turned = compensated(series(breathing()).transpose(0, 2, 1), region_px=(column0, row0, column1, row1))
    back = turned.displacement_mm[:, ::-1].transpose(0, 1, 3, 2)
    assert np.abs(back - breathing_motion.displacement_mm)[:, :, wall()].max() < 0.1


def test_the_scale_of_the_signal_does_not_matter(breathing_motion):
    scaled = compensated(series(breathing()) * 1000)
    assert np.abs(scaled.displacement_mm - breathing_motion.displacement_mm).max() < 0.05


def test_without_a_box_the_heart_is_found_by_its_enhancement():
    motion = compensated(series(breathing()), region_px=None)
    error = motion.displacement_mm[:, :, wall()].mean(2) - breathing()
    assert np.hypot(*error.T).mean() < 0.3


def test_every_good_frame_of_a_breathing_series_is_trusted(breathing_motion):
    assert breathing_motion.aligned.all()
    assert breathing_motion.quality.min() > 0.7


@pytest.mark.parametrize("fault", ["another slice", "saturation failed", "no signal"])
def test_a_frame_that_cannot_be_aligned_is_flagged_and_left_where_it_was(fault):
    signal, bad = series(breathing()), 27
    signal[bad] = {
        "another slice": signal[bad, ::-1, ::-1],
        "saturation failed": 3 * signal[bad] + 0.5,
        "no signal": 0.02 * np.abs(np.random.default_rng(1).normal(size=(SIZE, SIZE))),
    }[fault]
    motion = compensated(signal)
    assert np.flatnonzero(~motion.aligned).tolist() == [bad]
    assert np.all(motion.displacement_mm[bad] == 0)
    error = np.delete(motion.displacement_mm[:, :, wall()].mean(2) - breathing(), bad, axis=0)
    assert np.hypot(*error.T).mean() < 0.3


def test_a_deep_breath_between_two_frames_is_followed():
    shifts = np.zeros((FRAMES, 2))
    shifts[25:28] = (17.0, 4.0)
    motion = compensated(series(shifts))
    error = motion.displacement_mm[:, :, wall()].mean(2) - shifts
    assert np.hypot(*error.T).max() < 0.5


def test_labels_follow_the_heart_and_come_back(breathing_motion):
    frame = int(np.argmax(np.hypot(*breathing().T)))
    labels = wall().astype(np.uint8)
    there = move_labels(labels, breathing_motion, frame, SPACING_MM)
    back = move_labels(there, breathing_motion, frame, SPACING_MM, to_reference=True)
    rows, columns = (np.mgrid[:SIZE, :SIZE] * 2.0 - breathing()[frame][:, None, None]) / 2
    radius = np.hypot(rows - CENTER[0], columns - CENTER[1])
    expected = (radius > 9) & (radius < 14.5)
    assert there.dtype == labels.dtype
    assert 2 * (there & expected).sum() / (there.sum() + expected.sum()) > 0.95
    assert 2 * (back & labels).sum() / (back.sum() + labels.sum()) > 0.95


def test_points_follow_the_heart_and_come_back(breathing_motion):
    frame = int(np.argmax(np.hypot(*breathing().T)))
    points = np.array([[40.0, 28.0], [27.5, 42.3], [49.0, 50.0]])
    there = move_points(points, breathing_motion, frame, SPACING_MM)
    np.testing.assert_allclose(there, points + breathing()[frame] / SPACING_MM, atol=0.3)
    back = move_points(there, breathing_motion, frame, SPACING_MM, to_reference=True)
    np.testing.assert_allclose(back, points, atol=1e-3)


def test_a_pure_translation_moves_points_by_exactly_that():
    field = np.zeros((2, 2, 20, 20), np.float32)
    field[1, 0] = 3.0
    motion = MotionCompensation(
        corrected=np.zeros((2, 20, 20), np.float32),
        displacement_mm=field,
        reference_frame=0,
        quality=np.ones(2),
        aligned=np.ones(2, bool),
    )
    np.testing.assert_allclose(move_points([[8.0, 9.0]], motion, 1, (2.0, 1.0)), [[9.5, 9.0]])
    np.testing.assert_allclose(move_points([[9.5, 9.0]], motion, 1, (2.0, 1.0), to_reference=True), [[8.0, 9.0]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signal": np.zeros((20, 20), np.float32)}, "frame, row, column"),
        ({"signal": np.full((3, 20, 20), np.nan, np.float32)}, "finite"),
        ({"reference_frame": 40}, "reference_frame must be 0 to 39"),
        ({"spacing_mm": (0.0, 2.0)}, "two positive distances"),
        ({"region_px": (30, 30, 20, 40)}, "box inside the image"),
        ({"region_px": (30, 30, 50, 400)}, "box inside the image"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        compensated(changes.pop("signal", np.zeros((FRAMES, SIZE, SIZE), np.float32)), **changes)


def test_a_series_without_signal_is_left_alone():
    motion = compensated(np.zeros((FRAMES, SIZE, SIZE), np.float32))
    assert np.all(motion.displacement_mm == 0)


@pytest.mark.parametrize("region_px", [None, (14, 14, 34, 34)])
def test_a_still_series_without_any_noise_is_left_still(region_px):
    rows, columns = np.mgrid[:48, :48]
    blood = np.exp(-(((rows - 24) / 6) ** 2 + ((columns - 24) / 6) ** 2))
    signal = np.stack([(1 + frame) * blood for frame in range(20)]).astype(np.float32)
    moved = compensate(signal, spacing_mm=(2, 2), reference_frame=9, region_px=region_px)
    assert np.abs(moved.displacement_mm).max() < 0.1
    assert moved.aligned.all()  # stillness is found, not the refuge of frames that cannot be aligned


def test_motion_is_found_without_any_noise():
    motion = compensated(series(breathing(), noise=0))
    error = motion.displacement_mm[:, :, wall()].mean(2) - breathing()
    assert np.hypot(*error.T).max() < 0.3
    assert motion.aligned.all()


def test_rounding_of_the_signal_does_not_grow():
    """Single precision rounds to 6e-8; what comes out must not hang on it, whichever processor rounds."""
    drawn = simulate_series(
        905,
        condition=Condition.REST,
        level=Level.BASAL,
        snr=20,
        config=replace(HELD_OUT, sizes=(144,), frames_rest=(40, 40)),
    )
    signal, truth = drawn.series.signal, drawn.truth
    rounded = signal * (1 + 1e-7 * np.random.default_rng(0).standard_normal(signal.shape)).astype(np.float32)
    once, again = (
        compensate(
            images, spacing_mm=drawn.series.spacing_mm, reference_frame=truth.peak_frame, region_px=truth.box_px
        ).displacement_mm[:, :, truth.labels == 1]
        for images in (signal, rounded)
    )
    assert np.abs(again - once).max() < 1e-3  # mm


def test_dark_frames_are_not_laid_beside_the_heart():
    """In this patient the surroundings of the heart look more like it, before the bolus, than the heart itself."""
    config = replace(DEFAULT, dual_sequence=True)
    patient = simulate_study(
        88002, conditions=[Condition.REST], levels=[Level.BASAL], model=TissueModel.CAPILLARY, snr=80, config=config
    )
    (part,), (truth,) = patient.study.rest.slices, patient.truth[Condition.REST]
    found = compensate(
        part.signal, spacing_mm=part.spacing_mm, reference_frame=truth.peak_frame, region_px=truth.box_px
    )
    row, column = (int(place.mean()) for place in np.nonzero(truth.labels))
    found_mm, true_mm = (
        field[:, :, row, column] - field[truth.peak_frame, :, row, column]
        for field in (found.displacement_mm, truth.displacement_mm)
    )
    assert np.linalg.norm(found_mm - true_mm, axis=1).max() < 3


@pytest.mark.parametrize("seed", [1007, 1010])
def test_dark_frames_do_not_fit_better_beside_the_heart(seed):
    """Principal components explained them 16 and 13 mm off: bright fat near a small heart; only two dark frames."""
    config = replace(
        HELD_OUT,
        sizes=(144,),
        pixel_mm=(1.9, 1.9),
        frames_rest=(60, 60),
        breathing_mm=(15.0, 15.0),
        free_breathing_probability=1.0,
    )
    drawn = simulate_series(
        seed, condition=Condition.REST, level=Level.MID if seed % 2 else Level.BASAL, snr=20, config=config
    )
    found = compensate(
        drawn.series.signal,
        spacing_mm=drawn.series.spacing_mm,
        reference_frame=drawn.truth.peak_frame,
        region_px=drawn.truth.box_px,
    )
    error = (found.displacement_mm - drawn.truth.displacement_mm)[:, :, drawn.truth.labels == 1]
    assert np.hypot(error[:, 0], error[:, 1]).mean(1).max() < 3
    assert found.aligned.all()


@pytest.mark.parametrize("frames", [2, 3, 5, 8, 13])
def test_noise_of_few_frames_moves_nothing_farther_than_is_searched(frames):
    rows, columns = np.mgrid[:64, :64]
    brighter = (np.hypot(rows - 32, columns - 32) < 10) * np.linspace(0, 3, frames)[:, None, None]
    signal = np.random.default_rng(0).random((frames, 64, 64)) + brighter
    motion = compensate(signal, spacing_mm=(2.0, 2.0), reference_frame=frames // 2, region_px=(20, 20, 44, 44))
    assert np.isfinite(motion.corrected).all()
    assert np.abs(motion.displacement_mm).max() < 40


def test_a_single_frame_is_no_series():
    with pytest.raises(ValueError, match="at least two frames"):
        compensate(np.ones((1, 64, 64)), spacing_mm=(2.0, 2.0), reference_frame=0)
