"""Traits of neighboring tools' bug reports, two at once or in the middle of a scan: right numbers, or words."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pydicom
import pytest
from dicom_cases import FRAMES, SLICES, beat, moved
from dicom_checks import assert_same, doubted, words
from dicom_edits import each, images, put, rename
from dicom_studies import said, small_scan, small_study, with_proton_density, written
from PerfusionDLLib.data.study import Condition, Study
from PerfusionDLLib.dicom import read_study


def again(folder, change=lambda image: None, prefix="again_"):
    """Put a changed copy of every image beside it, with another identifier and a higher number."""
    for path, image in list(images(folder)):
        rename(image, path, prefix)
        image.InstanceNumber = int(image.InstanceNumber) + 1000
        change(image)
        image.save_as(path.with_name(prefix + path.name))


def fainter(image):
    put(image, np.rint(image.pixel_array * 0.9))


def motion_corrected(image):
    image.ImageType = ["DERIVED", "PRIMARY", "M", "MOCO"]
    fainter(image)


def second_echo(image):
    image.EchoTime = "3.2"
    fainter(image)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (motion_corrected, "shows the same slices in the same heartbeats again (the original was taken)"),
        (fainter, "(the steadier, sharper or first series was taken)"),
        (second_echo, "again, with an echo time of 3.2 ms in place of 1.15 ms"),
        (
            lambda image: setattr(image, "WindowCenter", "300"),
            "another image of the same place and moment has the same",
        ),
    ],
    ids=["motion-corrected", "other-pixels", "second-echo", "other-window"],
)
def test_images_that_show_the_same_moments_again_in_their_series(change, sentence, case):
    folder, expected = case()
    again(folder, change)
    actual = read_study([folder])
    assert_same(actual, expected)
    assert said(actual.rest, sentence)
    assert not actual.rest.slices[0].acquisition.findings


def test_proton_density_images_behind_the_first_pass_are_set_apart(tmp_path):
    scan = with_proton_density(small_scan(Condition.REST, slices=SLICES, frames=FRAMES), 3)
    folder = written(tmp_path, Study(rest=scan))
    expected = read_study([folder])
    last = max(int(image.InstanceNumber) for _, image in images(folder))

    def change(image, path):
        if beat(image) < 3:
            image.InstanceNumber = int(image.InstanceNumber) + last
            moved(image, timedelta(seconds=20))

    each(folder, change)
    actual = read_study([folder])
    assert_same(actual, expected)
    assert said(actual.rest, "are not used: FlipAngle is 5 there and 10 in the others")


def bright(image):
    put(image, np.full_like(image.pixel_array, 3000) + image.pixel_array // 8)


@pytest.mark.parametrize(
    ("beats", "change", "sentence"),
    [
        ((14, 15), bright, "more than 1.5 times as bright as the frames before them"),
        ((11,), bright, "signal is more than twice, or less than half, that of the frames before and after"),
        ((11,), lambda image: put(image, image.pixel_array // 9), "signal is more than twice, or less than half"),
    ],
    ids=["at-the-end", "one-bright", "one-dark"],
)
def test_frames_without_their_preparation_are_set_apart(beats, change, sentence, case):
    folder, expected = case()
    each(folder, lambda image, path: change(image) if beat(image) in beats else None)
    actual = read_study([folder])
    assert {len(one.times_s) for one in actual.rest.slices} == {FRAMES - len(beats)}
    assert any(sentence in text for text in words(actual, expected))
    assert doubted(actual.rest, sentence) == (len(beats) == 1)


@pytest.mark.parametrize(("scale", "unit"), [(1000, "microseconds"), (0.001, "seconds")])
def test_trigger_times_in_another_unit_are_known_by_the_heart_rate(scale, unit, case):
    folder, expected = case("ge")
    each(folder, lambda image, path: setattr(image, "TriggerTime", f"{float(image.TriggerTime) * scale:.10g}"))
    actual = read_study([folder])
    assert_same(actual, expected)
    assert said(actual.rest, f"TriggerTime is in {unit} where the standard has milliseconds, by HeartRate.")


def test_times_of_a_transfer_do_not_outdo_the_heart_rate(case):
    folder, expected = case("ge")
    each(folder, lambda image, path: delattr(image, "TriggerTime"))
    actual, wanted = read_study([folder]).rest, expected.rest
    assert actual.slices[0].times_s[-1] == pytest.approx(wanted.slices[0].times_s[-1], rel=0.03)
    assert doubted(actual, "(HeartRate) in the order of InstanceNumber")


def test_the_offset_of_temporal_positions_is_a_clock(case):
    folder, expected = case("enhanced")

    def change(image, path):
        for item in image.PerFrameFunctionalGroupsSequence:
            content = item.FrameContentSequence[0]
            moment = datetime.strptime(str(content.FrameAcquisitionDateTime)[:21], "%Y%m%d%H%M%S.%f")
            offset = type(content)()
            offset.TemporalPositionTimeOffset = (moment - datetime(2025, 1, 15)).total_seconds()
            item.TemporalPositionSequence = [offset]
            del content.FrameAcquisitionDateTime, content.FrameReferenceDateTime

    each(folder, change)
    assert_same(read_study([folder]), expected)


def test_a_clock_that_the_images_contradict_is_left_for_the_heart_rate(case):
    folder, expected = case()
    late_s = np.random.default_rng(3).uniform(0, 10, FRAMES)
    each(folder, lambda image, path: moved(image, timedelta(seconds=late_s[beat(image)])))
    actual = read_study([folder]).rest
    assert actual.slices[0].times_s[-1] == pytest.approx(expected.rest.slices[0].times_s[-1], rel=0.03)
    assert doubted(
        actual, "Not used as clock: AcquisitionTime and ContentTime, because signal runs smoothly in the order"
    )


def test_a_series_that_was_cut_in_two_is_one(case):
    folder, expected = case()

    def change(image, path):
        if beat(image) >= 11:
            image.SeriesInstanceUID += ".5"
            image.SeriesNumber = int(image.SeriesNumber) + 1

    each(folder, change)
    actual = read_study([folder])
    assert_same(actual, expected)
    assert said(actual.rest, "2 series that go on where the other ends were taken as one.")


def test_a_slice_that_moves_once_stays_one_slice(case):
    folder, expected = case()

    def change(image, path):
        if beat(image) >= FRAMES // 2:
            axes = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
            position = np.array(image.ImagePositionPatient, float) + 4 * np.cross(*axes)
            image.ImagePositionPatient = [f"{value:.6f}" for value in position]

    each(folder, change)
    actual = read_study([folder])
    assert_same(actual, expected, position_mm=5)
    assert said(actual.rest, "The position of the slices moves by up to 2.0 mm")


def test_a_scan_whose_images_have_no_place_is_named(tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=14))
    each(folder / "scan2", lambda image, path: delattr(image, "ImageOrientationPatient"))
    actual = read_study([folder])
    assert actual.rest is None
    assert said(actual.stress, "14 images without a place in the patient: ImageOrientationPatient is missing")


def test_bits_that_the_header_names_as_an_overlay_are_taken_out(case):
    folder, expected = case()

    def change(image, path):
        values = image.pixel_array.astype("<u2")
        values[2:4] |= 0x8000
        image.PixelData = values.tobytes()
        image.add_new((0x6000, 0x0102), "US", 15)

    each(folder, change)
    actual = read_study([folder])
    assert_same(actual, expected)
    assert said(actual.rest, "bit 15 of the pixels is an overlay and was taken out")


def test_values_that_begin_at_a_higher_bit_are_shifted(case):
    folder, expected = case()

    def change(image, path):
        image.HighBit = 15
        image.PixelData = (image.pixel_array.astype("<u2") << 4).tobytes()

    each(folder, change)
    assert_same(read_study([folder]), expected)


def test_scans_that_differ_in_their_protocol_say_so(tmp_path):
    study = small_study(slices=1, frames=14)
    slices = [replace(one, acquisition=replace(one.acquisition, saturation_time_s=0.16)) for one in study.stress.slices]
    folder = written(tmp_path, replace(study, stress=replace(study.stress, slices=tuple(slices))))
    assert said(read_study([folder]).rest, "The scans differ in InversionTime (110 and 160)")


def test_a_weight_that_nobody_has_gives_no_dose(case):
    folder, _ = case()
    each(folder, lambda image, path: setattr(image, "PatientWeight", "750"))
    actual = read_study([folder]).rest
    assert "dose_mmol_kg" in actual.slices[0].acquisition.assumed
    assert said(actual, "PatientWeight 750 give no plausible dose")


def test_numbers_with_their_unit_are_numbers(case):
    folder, expected = case()

    def change(image, path):
        for keyword, text in (("MagneticFieldStrength", b"1.5T"), ("FlipAngle", b"10 deg")):
            tag = pydicom.tag.Tag(keyword)
            image._dict[tag] = pydicom.dataelem.RawDataElement(tag, "DS", len(text), text, 0, False, True)

    each(folder, change)
    assert_same(read_study([folder]), expected)


@pytest.mark.parametrize(
    ("beats", "sentence"),
    [(8, "series 20, at most 8 images per slice position"), (12, "The scans differ in frames: stress 24, rest 12.")],
)
def test_a_scan_most_of_which_is_lost_is_named(beats, sentence, tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=24))
    each(folder / "scan2", lambda image, path: int(image.InstanceNumber) <= beats)
    assert said(read_study([folder]).stress, sentence)
