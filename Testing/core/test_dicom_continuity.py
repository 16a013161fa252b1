"""What changes in the middle of a scan is seen in the pixels: it is put back or left out, and said."""

from dataclasses import replace

import numpy as np
import pytest
from dicom_cases import FRAMES, SLICES
from dicom_checks import assert_same, doubted
from dicom_edits import beat_of, each, images, put
from dicom_studies import bolus_slice, small_study, written
from PerfusionDLLib import phantom
from PerfusionDLLib.data.flag import FlagCode
from PerfusionDLLib.data.identity import is_same
from PerfusionDLLib.dicom import find_candidates, read_study
from PerfusionDLLib.dicom.read.anatomy import flag_anatomy
from PerfusionDLLib.dicom.read.between_scans import find_strangers
from PerfusionDLLib.dicom.read.brightness import compute_logs, find_dips, find_flashes, find_gain_steps
from PerfusionDLLib.dicom.read.continuity import TURNS, find_exchanges, find_turns, normalize_pictures
from PerfusionDLLib.dicom.read.flagging import reduce_scans
from PerfusionDLLib.dicom.read.pixels import reduce_images
from PerfusionDLLib.dicom.read.repeats import find_repeats

MIDDLE = 9


@pytest.fixture(scope="module")
def breathing():
    """Signal of a difficult phantom's slices: breathing, irregular beats, noise, wash-in."""
    slices = phantom.simulate_study(
        790000, conditions=["stress"], config=phantom.DIFFICULT, size=96
    ).study.stress.slices
    return [one.signal for one in slices]


def test_nothing_is_said_of_breathing_beats_and_contrast(breathing):
    beats = [np.arange(len(signal)) for signal in breathing]
    assert not any(find_turns(normalize_pictures(signal)).any() for signal in breathing)
    assert (find_exchanges([normalize_pictures(signal) for signal in breathing], beats) == [0, 1, 2]).all()
    assert not any(find_gain_steps(compute_logs(signal)) or find_dips(signal) for signal in breathing)
    assert not find_repeats(breathing)


@pytest.mark.parametrize("turn", range(1, len(TURNS)))
def test_images_turned_over_are_known_among_breathing_and_contrast(turn, breathing):
    signal = breathing[1]
    if turn > 3:
        signal = signal[:, : min(signal.shape[1:]), : min(signal.shape[1:])]
    upright = normalize_pictures(signal)
    turned = np.concatenate([upright[:MIDDLE], TURNS[turn][1](upright[MIDDLE:])])
    found = find_turns(turned)
    assert not found[:MIDDLE].any()
    restored = np.stack([TURNS[which][1](one) for which, one in zip(found, turned, strict=True)])
    np.testing.assert_array_equal(restored, upright)


@pytest.mark.parametrize("factor", [0.8, 1.05, 1.5])
def test_a_step_of_the_gain_is_known_among_breathing_and_contrast(factor, breathing):
    signal = breathing[2].copy()
    signal[30:] *= factor
    ((at, found),) = find_gain_steps(compute_logs(signal))
    assert abs(at - 30) <= 1
    assert found == pytest.approx(factor, rel=0.05)


@pytest.mark.parametrize(("axis", "name"), [(1, "mirrored left to right"), (0, "upside down")])
@pytest.mark.parametrize("begin", [3, MIDDLE])
def test_images_that_are_turned_over_from_the_middle_on_are_turned_back(axis, name, begin, case):
    folder, expected = case()
    each(
        folder,
        lambda image, path: put(image, np.flip(image.pixel_array, axis)) if beat_of(image, SLICES) >= begin else None,
    )
    actual = read_study([folder])
    assert doubted(actual.rest, f"show the slice {name} against the")
    if begin > FRAMES // 2:
        assert_same(actual, expected)
    else:  # most images are turned over, and the others are made to fit them
        for one, other in zip(actual.rest.slices, expected.rest.slices, strict=True):
            np.testing.assert_array_equal(one.signal, np.flip(other.signal, axis + 1))


def test_slices_that_are_exchanged_from_the_middle_on_are_put_back(case):
    folder, expected = case()
    positions = {int(image.InstanceNumber) % 2: image.ImagePositionPatient for _, image in images(folder)}

    def exchange(image, path):
        if beat_of(image, SLICES) >= MIDDLE:
            image.ImagePositionPatient = positions[1 - int(image.InstanceNumber) % 2]

    each(folder, exchange)
    actual = read_study([folder])
    assert_same(actual, expected)
    assert doubted(actual.rest, "slices are exchanged in 7 of 16 heartbeats")


@pytest.mark.parametrize("which", ["both slices", "one slice"])
def test_a_step_of_the_gain_is_a_doubt_that_says_how_large_it_is(which, case):
    folder, _ = case()

    def amplify(image, path):
        if beat_of(image, SLICES) >= MIDDLE and (which == "both slices" or int(image.InstanceNumber) % 2):
            put(image, np.rint(image.pixel_array * 0.7))

    each(folder, amplify)
    assert doubted(read_study([folder]).rest, "signal is 0.69 times that before")


def test_an_image_that_is_shown_again_in_place_of_another_is_left_out(case):
    folder, _ = case()
    first = next(image.pixel_array for _, image in images(folder) if int(image.InstanceNumber) == 3)
    each(folder, lambda image, path: put(image, first) if int(image.InstanceNumber) == 15 else None)
    actual = read_study([folder]).rest
    assert doubted(
        actual, "Image 15 of series 10 is not used: the pixels are those of image 3 of series 10, bit by bit"
    )
    assert sorted(len(one.signal) for one in actual.slices) == [FRAMES - 1, FRAMES]


def test_images_of_rest_among_those_of_stress_are_left_out_of_stress(tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=FRAMES))
    rests = [image.pixel_array for path, image in images(folder / "scan2")]
    stress = read_study([folder]).stress
    each(folder / "scan1", lambda image, path: put(image, rests[2]) if int(image.InstanceNumber) == 8 else None)
    actual = read_study([folder])
    assert doubted(actual.stress, "they hold the pixels of images of rest, bit by bit")
    np.testing.assert_array_equal(actual.stress.slices[0].signal, np.delete(stress.slices[0].signal, 7, axis=0))
    assert len(actual.rest.slices[0].signal) == FRAMES


def test_slices_that_are_exchanged_in_the_whole_of_one_scan_are_a_doubt(tmp_path):
    folder = written(tmp_path, small_study(slices=2, frames=FRAMES))
    positions = {int(image.InstanceNumber) % 2: image.ImagePositionPatient for _, image in images(folder / "scan2")}

    def exchange(image, path):
        image.ImagePositionPatient = positions[1 - int(image.InstanceNumber) % 2]

    each(folder / "scan2", exchange)
    scans = read_study([folder]).scans
    assert all(doubted(scan, "Slices 1 and 2, from the base, show each other's part") for scan in scans)
    assert {flag.code for scan in scans for flag in scan.slices[0].acquisition.findings} == {
        FlagCode.GEOMETRY_UNCERTAIN
    }
    (visit,) = {one.visit for one in find_candidates(sorted(folder.rglob("*.dcm")))}
    loaded = visit.read()  # as the DICOM browser does
    assert is_same([loaded[scan.condition] for scan in scans], list(scans))


def test_brightness_that_falls_and_is_back_is_said():
    signal = bolus_slice(0, rr_s=0.9, delay_s=0, frames=24).signal.copy()
    assert not find_dips(signal)
    signal[14:17] = signal[:3]
    assert find_dips(signal) == [14, 15, 16]


@pytest.mark.parametrize("factor", [0.7, 0.9, 1.1, 1.3])
def test_a_single_image_with_another_gain_is_found_among_breathing_and_contrast(factor, breathing):
    for signal in breathing:
        assert not find_flashes(compute_logs(signal))
        changed = signal.copy()
        changed[MIDDLE] *= factor
        ((index, found),) = find_flashes(compute_logs(changed))
        assert index == MIDDLE
        assert found == pytest.approx(factor, rel=0.04)


def test_images_that_resemble_those_of_the_other_scan_more_than_their_own_are_found(breathing):
    own = [reduce_images(signal) for signal in breathing]
    other = [np.roll(images, (2, -2), axis=(1, 2)) for images in own]
    assert find_strangers(own, other) == ([], [])
    mixed = [images.copy() for images in own]
    for mine, foreign in zip(mixed, other, strict=True):
        mine[20:22] = foreign[22:24]
    left = [np.delete(foreign, [22, 23], axis=0) for foreign in other]
    assert find_strangers(mixed, left) == ([20, 21], [])


def test_a_heart_whose_blood_comes_from_the_left_is_mirrored_or_turned():
    study = phantom.simulate_study(790002, size=96).study
    scans = {scan.condition: scan for scan in study.scans}
    assert flag_anatomy(scans, reduce_scans(scans)) == scans
    for turn in (1, 3):
        turned = {
            which: replace(scan, slices=tuple(replace(one, signal=TURNS[turn][1](one.signal)) for one in scan.slices))
            for which, scan in scans.items()
        }
        for scan in flag_anatomy(turned, reduce_scans(turned)).values():
            assert doubted(scan, "Contrast agent arrives first on the left of the heart or behind it")
