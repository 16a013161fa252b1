"""Traits of neighboring tools' bug reports, two at once or in the middle of a scan: right numbers, or words."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pydicom
import pytest
from dicom_checks import assert_same, doubted, words
from dicom_studies import rest_only, said, small_scan, small_study, with_proton_density, written
from dicom_traits import beat_of, each, images, put, rename
from PerfusionDLLib.data.acquisition import acquisition_document, acquisition_from
from PerfusionDLLib.data.flag import FlagCode
from PerfusionDLLib.data.study import Condition, Study
from PerfusionDLLib.dicom import read_study

SLICES, FRAMES = 2, 16


@pytest.fixture(scope="module")
def rests(tmp_path_factory):
    """A rest scan of two slices in the way of each vendor that is asked for, written once."""
    made = {}

    def make(vendor="siemens"):
        if vendor not in made:
            folder = tmp_path_factory.mktemp(vendor)
            written(folder, rest_only(slices=SLICES, frames=FRAMES), vendor)
            made[vendor] = folder, read_study([folder])
        return made[vendor]

    return make


@pytest.fixture
def case(rests, tmp_path):
    """A copy of a rest scan to edit, and what the untouched one reads as."""

    def make(vendor="siemens"):
        folder, expected = rests(vendor)
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
        return tmp_path, expected

    return make


def beat(image):
    return beat_of(image, SLICES)


def again(folder, change=lambda image: None, prefix="again_"):
    """Put a changed copy of every image beside it, with another identifier and a higher number."""
    for path, image in list(images(folder)):
        rename(image, path, prefix)
        image.InstanceNumber = int(image.InstanceNumber) + 1000
        change(image)
        image.save_as(path.with_name(prefix + path.name))


def moved(image, shift):
    """Shift the times of an image."""
    moment = datetime.strptime(f"{image.AcquisitionDate}{image.AcquisitionTime}", "%Y%m%d%H%M%S.%f") + shift
    image.AcquisitionDate = image.ContentDate = moment.strftime("%Y%m%d")
    image.AcquisitionTime = image.ContentTime = moment.strftime("%H%M%S.%f")


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
        (fainter, "(the sharper or first series was taken)"),
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


def shift_dates(image, place):
    moved(image, timedelta(days=-400 * place))


def shift_times(image, place):
    moved(image, timedelta(minutes=37 * place))


@pytest.mark.parametrize("change", [shift_dates, shift_times])
def test_dates_and_times_that_were_shifted_series_by_series(change, tmp_path):
    """An anonymizer draws a new offset for each series; one series per slice."""
    folder = written(tmp_path, small_study(slices=2, frames=FRAMES), "united-imaging")
    expected = read_study([folder])
    series = {}

    def edit(image, path):
        del image.AcquisitionDateTime
        change(image, series.setdefault(image.SeriesInstanceUID, len(series)))

    each(folder, edit)
    actual = read_study([folder])
    assert [scan.condition for scan in actual.scans] == [scan.condition for scan in expected.scans]
    for got, wanted in zip(actual.scans, expected.scans, strict=True):
        for one, other in zip(got.slices, wanted.slices, strict=True):
            np.testing.assert_allclose(np.diff(one.times_s), np.diff(other.times_s), atol=1e-3)
        assert said(got, "of the series were shifted against each other")
    if change is shift_dates:
        assert actual.rest.minutes_after_other == pytest.approx(expected.rest.minutes_after_other, abs=0.01)
    else:
        assert np.isnan(actual.rest.minutes_after_other)
        assert doubted(actual.rest, "The times of the slices were shifted against each other")


def test_a_scan_begins_within_a_heartbeat_of_midnight_and_the_date_stays(case):
    folder, expected = case("united-imaging")
    first = min(image.AcquisitionTime for _, image in images(folder))
    shift = datetime(1900, 1, 1, 23, 59, 59, 900000) - datetime.strptime(first, "%H%M%S.%f")

    def change(image, path):
        date = image.AcquisitionDate
        del image.AcquisitionDateTime
        moved(image, shift)
        image.AcquisitionDate = image.ContentDate = date

    each(folder, change)
    assert_same(read_study([folder]), expected)


@pytest.mark.parametrize("zone", ["+0000", "-0330"])
def test_the_pause_between_scans_is_that_of_universal_time(zone, tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=14), "enhanced")
    expected = read_study([folder])
    hours = int(zone[0] + zone[1:3]) + int(zone[0] + zone[3:]) / 60

    def change(image, path):
        there = "scan2" in str(path)
        for item in image.PerFrameFunctionalGroupsSequence:
            content = item.FrameContentSequence[0]
            for name in ("FrameAcquisitionDateTime", "FrameReferenceDateTime"):
                moment = datetime.strptime(str(content[name].value)[:21], "%Y%m%d%H%M%S.%f")
                moment += timedelta(hours=hours) if there else timedelta(0)
                setattr(content, name, moment.strftime("%Y%m%d%H%M%S.%f") + (zone if there else "+0000"))

    each(folder, change)
    assert read_study([folder]).rest.minutes_after_other == pytest.approx(expected.rest.minutes_after_other, abs=0.01)


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


def scaled_alone(image, path):
    put(image, np.rint(image.pixel_array * (4095 / image.pixel_array.max())))


def numbers_in_no_order(image, path):
    image.InstanceNumber = 1 + (7 * (int(image.InstanceNumber) - 1)) % (SLICES * FRAMES)
    del image.AcquisitionTime, image.ContentTime, image.AcquisitionNumber


def content_time_alone(image, path):
    del image.AcquisitionTime, image.NominalInterval


def no_clock(image, path):
    del image.AcquisitionTime, image.ContentTime


def other_angle_in_one_slice(image, path):
    if int(image.InstanceNumber) % SLICES:
        image.FlipAngle = "20"


def other_inversion_time_from_the_middle_on(image, path):
    if beat(image) >= FRAMES // 2:
        image.InversionTime = "160"


def one_large_negative_value(image, path):
    image.PixelRepresentation, image.BitsStored, image.HighBit = 1, 16, 15
    if beat(image) == 9:
        values = image.pixel_array.astype("<i2")
        values[0, 0] = -3000
        image.PixelData = values.tobytes()


def the_frame_before_again(image, path, before={}):  # noqa: B006, what was seen of the same slice
    where = path.parent, int(image.InstanceNumber) % SLICES
    if beat(image) == 6:
        put(image, before[where])
    before[where] = image.pixel_array


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (scaled_alone, "each frame seems to be scaled for itself"),
        (numbers_in_no_order, "jumps from frame to frame as it would in a random order"),
        (content_time_alone, "Times are from ContentTime alone"),
        (lambda image, path: put(image, np.zeros_like(image.pixel_array)), "hold the same value (0)"),
        (no_clock, "No attribute gives each frame's own time"),
        (lambda image, path: put(image, image.pixel_array + 600), "an offset may have been added"),
        (other_angle_in_one_slice, "FlipAngle differs between slices (20, 10)."),
        (other_inversion_time_from_the_middle_on, "InversionTime is 160 in images"),
        (one_large_negative_value, "have negative values (down to -3000)"),
        (the_frame_before_again, "the pixels are those of the frame before, bit by bit"),
    ],
)
def test_what_makes_flow_doubtful_is_a_doubt(change, sentence, case):
    folder, _ = case()
    each(folder, change)
    assert doubted(read_study([folder]).rest, sentence)


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


def test_a_scan_without_dates_beside_one_with_dates(tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=14))
    expected = read_study([folder])
    dates = ("AcquisitionDate", "ContentDate", "SeriesDate")
    each(folder / "scan2", lambda image, path: [delattr(image, name) for name in dates] and None)
    assert read_study([folder]).rest.minutes_after_other == pytest.approx(expected.rest.minutes_after_other)


def test_scans_whose_times_an_anonymizer_emptied_are_an_unknown_time_apart(tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=14))
    each(folder, lambda image, path: image.update({"AcquisitionTime": "000000.00", "ContentTime": "000000.00"}))
    assert np.isnan(read_study([folder]).rest.minutes_after_other)


def a_slope_that_varies(image, path):
    image.RescaleSlope, image.RescaleIntercept = f"{1 + 0.1 * (beat(image) % 3):g}", "0"


def without_two_early_beats(image, path):
    return beat(image) not in (4, 5)


def one_slice_half(image, path):
    return int(image.InstanceNumber) % SLICES == 1 or beat(image) % 2 == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (no_clock, FlagCode.CLOCK_UNCERTAIN),
        (without_two_early_beats, FlagCode.IMAGES_MISSING),
        (one_slice_half, FlagCode.SERIES_LEFT_OUT),
        (a_slope_that_varies, FlagCode.STORED_VALUES_UNCERTAIN),
        (other_angle_in_one_slice, FlagCode.SEQUENCE_UNCERTAIN),
        (lambda image, path: setattr(image, "ImagingFrequency", "123.2"), FlagCode.ACQUISITION_UNCERTAIN),
    ],
    ids=lambda value: getattr(value, "value", None),
)
def test_a_doubt_has_the_code_of_its_kind_and_keeps_it(change, code, case):
    folder, _ = case()
    each(folder, change)
    acquisition = read_study([folder]).rest.slices[0].acquisition
    assert code in [flag.code for flag in acquisition.findings]
    assert acquisition_from(acquisition_document(acquisition)) == acquisition


def test_scans_with_the_same_times_of_day_are_told_apart_by_their_heartbeats(tmp_path):
    """An anonymizer made the scans begin at one moment; their clocks run on."""
    folder = written(tmp_path, small_study(slices=1, frames=14))
    expected = read_study([folder])
    each(folder / "scan2", lambda image, path: moved(image, timedelta(minutes=-10)))
    assert_same(read_study([folder]), expected)


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


def test_an_unknown_time_between_the_scans_is_said(tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=14), "ge")
    dates = ("AcquisitionTime", "ContentTime", "SeriesTime")
    each(folder, lambda image, path: [setattr(image, name, "000000") for name in dates] and None)
    assert said(read_study([folder]).rest, "No header says how much time passed between the scans.")
