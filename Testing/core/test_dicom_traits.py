"""Clinical DICOM with odd traits: the numbers of the untouched study, or words that say what is odd."""

import shutil
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pydicom
import pytest
from dicom_checks import assert_same, doubted, refusal, words
from dicom_edits import beat_of, begin_of, each, images, put, rename, set_time
from dicom_studies import said, small_scan, small_study
from dicom_traits import FRAMES, TRAITS
from PerfusionDLLib.data.flag import FlagCode, make_flag
from PerfusionDLLib.data.study import Condition, Study
from PerfusionDLLib.dicom import ReadChoices, read_study, write_study
from PerfusionDLLib.pipeline import summarize

UNSAID = {  # traits that change nothing and need no word
    *("a_series_for_each_heartbeat", "a_study_for_each_series", "cardiac_number_of_images_is_that_of_the_frames"),
    *("cosines_differ_in_the_sixth_digit", "private_positions_beside_the_public_ones", "flip_angle_in_two_spellings"),
    *("private_block_moved", "inversion_time_jitters", "a_file_for_each_heartbeat", "not_ascii"),
}


@pytest.mark.parametrize("name", TRAITS)
def test_the_numbers_are_those_of_the_untouched_study(name, originals, untouched, tmp_path):
    vendor, change = TRAITS[name]
    shutil.copytree(originals / vendor, tmp_path, dirs_exist_ok=True)
    change(tmp_path)
    actual = read_study([tmp_path])
    assert_same(actual, untouched[vendor], position_mm=4 if name == "slice_tracking" else 1e-3)
    if name not in UNSAID:
        assert words(actual, untouched[vendor])


def test_a_real_time_cine_is_named(folder):
    TRAITS["real_time_cine_beside"][1](folder)
    assert said(read_study([folder]).rest, "series 5, 150 images per slice position 45 ms apart, a cine")


def test_times_of_the_reconstruction_do_not_count(folder, untouched):
    def change(image, path):
        set_time(image, begin_of(path), "AcquisitionTime")
        set_time(image, begin_of(path) + timedelta(seconds=70 + 0.45 * beat_of(image)), "ContentTime")

    each(folder, change)
    actual = read_study([folder])
    for got, wanted in zip(actual.scans, untouched["siemens"].scans, strict=True):
        assert got.slices[0].times_s[-1] == pytest.approx(wanted.slices[0].times_s[-1], rel=0.03)
        assert doubted(got, "ContentTime has 0.450 s between frames, which contradicts NominalInterval")


def test_the_last_heartbeat_with_another_series_identifier_is_not_left_out_unsaid(folder):
    path = sorted(folder.rglob("*.dcm"))[-1]
    image = pydicom.dcmread(path)
    image.SeriesInstanceUID = "1.2.3"
    image.save_as(path)
    scans = read_study([folder]).scans
    assert any(doubted(scan, "Not used: 1 image with the number and description of series") for scan in scans)


def test_a_slow_heart_keeps_its_own_clock(tmp_path):
    study = Study(rest=small_scan(Condition.REST, slices=1, rr_s=3.2))
    write_study(study, tmp_path, vendor="siemens")
    each(tmp_path, lambda image, path: setattr(image, "NominalInterval", 1600))
    actual = read_study([tmp_path]).rest
    np.testing.assert_allclose(actual.slices[0].times_s, study.rest.slices[0].times_s, atol=1e-5)
    assert said(actual, "every second heartbeat")


def test_a_nominal_interval_far_from_the_clock_is_a_doubt(folder, untouched):
    each(folder, lambda image, path: setattr(image, "NominalInterval", 1500))
    actual = read_study([folder])
    assert_same(actual, untouched["siemens"])
    assert doubted(actual.rest, "NominalInterval says 1.500 s between heartbeats")


def test_deleted_heartbeats_are_gaps_in_time(folder, untouched):
    each(folder, lambda image, path: not ("scan2" in str(path) and beat_of(image) in (11, 13)))
    actual, expected = read_study([folder]), untouched["siemens"]
    for got, wanted in zip(actual.rest.slices, expected.rest.slices, strict=True):
        np.testing.assert_allclose(got.times_s, np.delete(wanted.times_s, (11, 13)), atol=1e-5)
    assert said(actual.rest, "Images 34, 40 are missing")


def test_one_wrong_time_costs_one_frame_that_is_named(folder):
    def change(image, path):
        if "scan2" in str(path) and int(image.InstanceNumber) == 31:
            image.AcquisitionTime = image.ContentTime = "000000.0"

    each(folder, change)
    actual = read_study([folder]).rest
    assert sorted(len(one.times_s) for one in actual.slices) == [FRAMES - 1, FRAMES, FRAMES]
    assert said(actual, "Image 31 of series 20 is not used: AcquisitionTime is 000000.0")


def test_damaged_positions_are_named_and_doubted(folder):
    def change(image, path):
        if int(image.InstanceNumber) % 9 == 1:
            image.ImagePositionPatient = [str(100 + int(image.InstanceNumber)), "0", "0"]

    each(folder, change)
    actual = read_study([folder]).rest
    assert doubted(actual, "ImagePositionPatient differs from that of the other images of the series")


def test_per_frame_groups_must_be_as_many_as_frames(tmp_path):
    write_study(small_study(), tmp_path, vendor="enhanced")
    each(tmp_path, lambda image, path: image.PerFrameFunctionalGroupsSequence.pop(5) and None)
    assert "NumberOfFrames is 42, and PerFrameFunctionalGroupsSequence has 41 items" in refusal(tmp_path)


def test_a_new_agent_and_a_low_field_have_constants_of_their_own(folder):
    def change(image, path):
        image.ContrastBolusAgent = "VUEWAY 0.5 mmol/mL (gadopiclenol)"
        image.MagneticFieldStrength, image.ImagingFrequency = "0.55", "23.6"

    each(folder, change)
    actual = read_study([folder]).rest
    acquisition = actual.slices[0].acquisition
    assert (acquisition.contrast_agent, acquisition.relaxivity_l_mmol_s) == ("gadopiclenol", 12.8)
    assert (acquisition.t10_blood_s, acquisition.t10_myocardium_s) == (1.12, 0.70)
    assert said(actual, "The field strength is 0.55 T")


def test_an_agent_that_nobody_knows_is_named(folder):
    each(folder, lambda image, path: setattr(image, "ContrastBolusAgent", "Gadonovum"))
    actual = read_study([folder]).rest
    assert said(actual, "The header names the contrast agent 'Gadonovum', which is not known here")
    assert "contrast_agent" not in actual.slices[0].acquisition.assumed


@pytest.mark.parametrize("inversion_time", [None, "25"])
def test_a_dual_sequence_series_does_not_replace_the_basal_slice(inversion_time, folder, untouched):
    for path, image in list(images(folder)):
        if int(image.InstanceNumber) % 3 == 1:
            low = image.pixel_array.reshape(2, 4, 2, 4).mean((1, 3)).repeat(4, 0).repeat(4, 1)
            put(image, low * 0.35)
            image.SeriesNumber = int(image.SeriesNumber) - 1
            image.InstanceNumber = beat_of(image) + 1
            image.SeriesInstanceUID += ".9"
            rename(image, path, "aif")
            del image.InversionTime
            if inversion_time:
                image.InversionTime = inversion_time
            image.save_as(path.with_name(f"aif{path.name}"))
    actual = read_study([folder])
    assert_same(actual, untouched["siemens"])
    assert (actual.rest.aif_series is not None) == (inversion_time is not None)
    assert said(actual.rest, "arterial input series")


def test_two_rest_scans_ask_with_their_times_and_a_number_decides(folder):
    for path, image in list(images(folder / "scan2")):
        image.SeriesInstanceUID, image.SeriesNumber = "2.25.30", 30
        image.SeriesDescription += "_REPEAT"
        rename(image, path, "again")
        for keyword in ("AcquisitionTime", "ContentTime"):
            image[keyword].value = f"1031{image[keyword].value[4:]}"
        image.save_as(path.with_name(f"again{path.name}"))
    message = refusal(folder)
    assert "series 20 (10:16" in message
    assert "series 30 (10:31" in message
    assert "--rest-series" in message
    choices = ReadChoices(series={Condition.REST: "30", Condition.STRESS: "10"})
    actual = read_study([folder], choices=choices)
    assert said(actual.rest, "series 30 was chosen as rest")
    assert actual.stress is not None


def test_several_studies_are_named_with_their_dates(folder, untouched):
    for path, image in list(images(folder)):
        for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
            image[keyword].value = "20250720"
        image.StudyInstanceUID += ".1"
        image.SeriesInstanceUID += ".1"
        rename(image, path, "follow-up")
        image.save_as(path.with_name(f"later{path.name}"))
    message = refusal(folder)
    assert "20250115 with" in message
    assert "20250720 with" in message
    assert_same(read_study([folder], choices=ReadChoices(study="20250115")), untouched["siemens"])


def test_ungated_frames_are_read_and_said(folder):
    def change(image, path):
        moment = begin_of(path) + timedelta(
            seconds=0.4 * beat_of(image) * 0.67 + 0.09 * (int(image.InstanceNumber) % 3)
        )
        set_time(image, moment, "AcquisitionTime", "ContentTime")
        del image.TriggerTime, image.NominalInterval

    write_study(small_study(frames=40), folder, vendor="siemens")
    each(folder, change)
    assert said(read_study([folder]).rest, "the scan is not gated")


def test_what_the_user_enters_overrules_the_header(folder):
    entered = {"contrast_agent": "gadobutrol", "hematocrit": 0.38, "saturation_time_s": 0.12}
    choices = ReadChoices(acquisition=dict.fromkeys(Condition, entered))
    acquisition = read_study([folder], choices=choices).stress.slices[2].acquisition
    assert (acquisition.hematocrit, acquisition.saturation_time_s) == (0.38, 0.12)
    assert acquisition.relaxivity_l_mmol_s == 5.2
    assert acquisition.entered == ("contrast_agent", "hematocrit", "saturation_time_s")
    assert not set(acquisition.entered) & set(acquisition.assumed)


def test_an_entered_interval_counts_where_no_header_has_times(folder):
    def forget(image, path):
        for keyword in ("AcquisitionTime", "ContentTime", "TriggerTime", "NominalInterval"):
            delattr(image, keyword)

    each(folder, forget)
    assert "--rr-interval" in refusal(folder / "scan2")
    actual = read_study([folder / "scan2"], choices=ReadChoices(rr_interval_s=0.9)).rest
    np.testing.assert_allclose(np.diff(actual.slices[0].times_s), 0.9)


def test_identifiers_that_are_not_unique_are_not_kept(folder):
    TRAITS["one_identifier_for_all_images"][1](folder)
    assert read_study([folder]).rest.slices[0].instance_uids == ()


def test_an_image_of_one_series_alone_is_not_called_mr_less(tmp_path):
    write_study(small_study(slices=1), tmp_path, vendor="ge")
    path = min(tmp_path.rglob("*.dcm"))
    image = pydicom.dcmread(path)
    del image.SOPInstanceUID
    (tmp_path / "one").mkdir()
    image.save_as(tmp_path / "one" / "image.dcm", enforce_file_format=False)
    assert "one image per slice position, 1 in all" in refusal(tmp_path / "one")


def test_a_doubt_stands_on_every_segment_that_has_a_flow_of_the_scan(finished_study):
    rest, stress = finished_study.maps
    doubtful = replace(rest, flags=(make_flag(FlagCode.ACQUISITION_UNCERTAIN, found="The clocks differ."),))
    table = summarize(doubtful, stress)
    rows = [row for row in (*table.segments, *table.territories, table.whole) if row.rest.pixels]
    assert rows
    found = [[flag for flag in row.flags if flag.code is FlagCode.ACQUISITION_UNCERTAIN] for row in rows]
    assert all([flag.text_with_condition for flag in flags] == ["rest: The clocks differ."] for flags in found)


def test_a_third_scan_whose_words_contradict_each_other_is_asked_for(folder):
    """The repeated scan kept the protocol name of the scan before: its description counts, and two scans say rest."""
    for path, image in list(images(folder / "scan1")):
        image.SeriesInstanceUID, image.SeriesNumber = "2.25.30", 30
        image.SeriesDescription = "SR_TFL_SAX_PERF_REST_REPEAT"
        rename(image, path, "again")
        for keyword in ("AcquisitionTime", "ContentTime"):
            image[keyword].value = f"1031{image[keyword].value[4:]}"
        image.save_as(path.with_name(f"again{path.name}"))
    assert "stress" in image.ProtocolName.lower()
    assert "There are 3 perfusion scans" in refusal(folder)


def test_an_unreliable_arterial_input_stands_on_every_segment_and_in_the_headline(finished_study):
    rest, stress = finished_study.maps
    lost = make_flag(FlagCode.AIF_BASELINE_LOST)
    table = summarize(replace(rest, arterial_input=replace(rest.arterial_input, flags=(lost,))), stress)
    for row in (*table.segments, *table.territories, table.whole):
        found = [str(flag) for flag in row.flags if flag.code is FlagCode.AIF_BASELINE_LOST]
        assert found == [f"rest: {lost.text}"] * bool(row.rest.pixels)
