"""Attributes of one study that contradict each other, or say what cannot be: named, and never taken unasked."""

import shutil
from datetime import datetime, timedelta

import numpy as np
import pytest
from dicom_checks import assert_same, doubted, refusal
from dicom_edits import each, images, put, rename, set_time
from dicom_studies import said, small_study
from dicom_traits import FRAMES
from PerfusionDLLib.dicom import read_study, write_study


def test_reconstruction_dates_of_a_whole_visit_do_not_join_its_scans(tmp_path, untouched):
    """The time of each frame is right in another attribute; one that is the same everywhere is that of the visit."""
    write_study(small_study(frames=FRAMES), tmp_path, vendor="enhanced")

    def change(image, path):
        for groups in image.PerFrameFunctionalGroupsSequence:
            content = groups.FrameContentSequence[0]
            content.FrameReferenceDateTime = content.FrameAcquisitionDateTime
            content.FrameAcquisitionDateTime = "20250115100000"

    each(tmp_path, change)
    assert_same(read_study([tmp_path]), untouched["enhanced"])


@pytest.mark.parametrize("vendor", ["siemens", "ge", "philips"])
def test_times_of_day_that_an_anonymizer_made_equal_do_not_join_the_scans(vendor, originals, untouched, tmp_path):
    shutil.copytree(originals / vendor, tmp_path, dirs_exist_ok=True)

    def change(image, path):
        for keyword in ("AcquisitionTime", "ContentTime", "SeriesTime", "StudyTime"):
            if keyword in image:
                setattr(image, keyword, "000000")
        for keyword in ("AcquisitionDate", "ContentDate", "SeriesDate", "StudyDate"):
            if keyword in image:
                setattr(image, keyword, "19000101")

    each(tmp_path, change)
    actual = read_study([tmp_path])
    for got, wanted in zip(actual.scans, untouched[vendor].scans, strict=True):
        assert len(got.slices) == len(wanted.slices)
        assert got.slices[0].times_s[-1] == pytest.approx(wanted.slices[0].times_s[-1], rel=0.03)


def test_a_clock_that_jumps_is_a_doubt(folder):
    def change(image, path):
        if int(image.InstanceNumber) > 24:
            moment = datetime.strptime(image.AcquisitionTime, "%H%M%S.%f") + timedelta(seconds=11)
            set_time(image, moment, "AcquisitionTime")

    each(folder, change)
    assert doubted(read_study([folder]).rest, "one of them jumps: they last 14.3 and 25.3 s")


@pytest.mark.parametrize("vendor", ["siemens", "ge"])
def test_a_scan_without_its_first_heartbeats_says_so(vendor, originals, tmp_path):
    shutil.copytree(originals / vendor, tmp_path, dirs_exist_ok=True)
    for path, image in images(tmp_path / "scan2"):
        first = 3 if vendor == "ge" else 9
        if int(image.InstanceNumber) <= first:
            path.unlink()
    actual = read_study([tmp_path])
    assert said(actual.rest, "earlier images may be missing")
    assert not said(actual.stress, "earlier images may be missing")


def test_an_image_that_came_as_one_value_is_not_used(folder):
    def change(image, path):
        if int(image.InstanceNumber) == 25:
            values = image.pixel_array.copy()
            values[4:] = 0
            put(image, values)

    each(folder, change)
    assert doubted(read_study([folder]).rest, "Image 25 of series 20 is not used: a large part of the image holds one")


def test_images_without_an_echo_number_belong_to_the_others(folder, untouched):
    each(folder, lambda image, path: setattr(image, "EchoNumbers", "1" if int(image.InstanceNumber) % 2 else None))
    assert_same(read_study([folder]), untouched["siemens"])


def test_a_copy_with_the_same_series_number_is_named(folder, untouched):
    for path, image in list(images(folder / "scan1")):
        image.SeriesInstanceUID += ".7"
        rename(image, path, "again")
        image.save_as(path.with_name(f"again{path.name}"))
    actual = read_study([folder])
    assert_same(actual, untouched["siemens"])
    assert said(actual.stress, "Not used: another series 10 shows the same slices")


def test_field_and_frequency_that_contradict_each_other_are_a_doubt(folder):
    each(folder, lambda image, path: setattr(image, "MagneticFieldStrength", "3"))
    actual = read_study([folder]).rest
    assert doubted(actual, "MagneticFieldStrength is 3 T, and ImagingFrequency is that of 1.5 T")


def test_scans_of_one_visit_with_two_agents_are_a_doubt(folder):
    each(folder / "scan1", lambda image, path: setattr(image, "ContrastBolusAgent", "Gadovist"))
    actual = read_study([folder])
    assert doubted(actual.rest, "different contrast agents (gadobutrol and gadoterate)")
    assert doubted(actual.stress, "different contrast agents (gadobutrol and gadoterate)")


def test_a_scan_takes_field_and_agent_from_the_other_scan_of_the_visit(folder, untouched):
    def change(image, path):
        del image.MagneticFieldStrength, image.ImagingFrequency, image.ContrastBolusAgent

    each(folder / "scan2", change)
    actual = read_study([folder])
    assert_same(actual, untouched["siemens"])
    assert said(actual.rest, "missing and taken from the other scan")


@pytest.mark.parametrize(("volume", "weight"), [("150", "75"), ("11.25", "0")])
def test_a_dose_that_cannot_be_is_said(volume, weight, folder):
    def change(image, path):
        image.ContrastBolusVolume, image.PatientWeight = volume, weight

    each(folder, change)
    actual = read_study([folder]).rest
    assert said(actual, f"ContrastBolusVolume {volume} and PatientWeight {weight} give no plausible dose")


@pytest.mark.parametrize(("one", "other"), [("00123", "123"), ("ab 12", "AB-12")])
def test_one_patient_in_two_spellings_is_one(one, other, folder, untouched):
    each(folder, lambda image, path: setattr(image, "PatientID", one if "scan1" in str(path) else other))
    actual = read_study([folder])
    assert_same(actual, untouched["siemens"])
    assert said(actual.rest, "The patient ID is written in 2 ways")


def test_two_patients_with_like_identifiers_stay_two(folder):
    def change(image, path):
        if "scan1" in str(path):
            image.PatientID, image.PatientName = f"0{image.PatientID}", "Somebody^Else"

    each(folder, change)
    assert "belong to 2 patients" in refusal(folder)


def test_a_field_of_view_that_contradicts_the_spacing_is_said(folder):
    each(folder, lambda image, path: setattr(image, "ReconstructionDiameter", "300"))
    assert said(read_study([folder]).rest, "ReconstructionDiameter is 300 mm; PixelSpacing was taken")


def test_bright_padding_that_the_header_names_is_dark(folder, untouched):
    def change(image, path):
        values = image.pixel_array.copy()
        values[:2, :2] = 32767
        put(image, values)
        image.add_new(0x00280120, "US", 32767)

    each(folder, change)
    actual = read_study([folder]).rest
    for got, wanted in zip(actual.slices, untouched["siemens"].rest.slices, strict=True):
        assert got.signal[:, :2, :2].max() <= wanted.signal.min()
        np.testing.assert_array_equal(got.signal[:, 2:], wanted.signal[:, 2:])
    assert said(actual, "hold PixelPaddingValue (32767); they were taken as dark")


def test_the_clock_stands_beside_its_witnesses(folder):
    rest = read_study([folder]).rest
    assert said(rest, "; ContentTime tells the same; NominalInterval: ")
    assert said(rest, "; InstanceNumber runs with it.")
