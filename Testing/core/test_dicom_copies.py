"""A study that lies beside its copy, with other identifiers and shifted times, is read once."""

from datetime import datetime, timedelta

import pydicom
import pytest
from dicom_checks import assert_same, doubted, refusal
from dicom_edits import images, rename
from dicom_studies import said, small_study, written
from PerfusionDLLib.dicom import read_study


@pytest.fixture
def study(tmp_path):
    """The folder of a study."""
    return written(tmp_path, small_study(slices=1, frames=14))


def copied(folder, change):
    """Put a copy of every image beside it that a change was applied to."""
    for path, image in list(images(folder)):
        image.SeriesInstanceUID += ".9"
        rename(image, path, "copy")
        change(image, path)
        image.save_as(path.with_name(f"a_copy_{path.name}"))


def shifted(image, path):
    days = 40 if "scan1" in str(path) else 80
    moment = datetime.strptime(f"{image.AcquisitionDate}{image.AcquisitionTime}", "%Y%m%d%H%M%S.%f")
    moment -= timedelta(days=days, hours=3)
    image.AcquisitionDate, image.AcquisitionTime = f"{moment:%Y%m%d}", f"{moment:%H%M%S.%f}"
    image.StudyInstanceUID += ".9"
    image.PatientID, image.PatientName = "ANON7", "Anon"


def compressed(image, path):
    image.StudyInstanceUID += ".9"
    image.compress(pydicom.uid.RLELossless, generate_instance_uid=False)


@pytest.mark.parametrize("change", [shifted, compressed])
def test_a_copy_is_left_out_and_said(change, study):
    expected = read_study([study])
    copied(study, change)
    actual = read_study([study])
    assert_same(actual, expected)
    assert actual.rest.minutes_after_other == pytest.approx(expected.rest.minutes_after_other)
    assert said(actual.rest, "Not used: 14 images that are another copy of series 20, pixel by pixel")


def test_a_stress_scan_with_the_pixels_of_rest_is_a_doubt(study):
    for path, image in list(images(study / "scan2")):
        image.SeriesInstanceUID += ".9"
        image.SeriesDescription = image.ProtocolName = "PERF STRESS"
        image.AcquisitionTime = image.ContentTime = f"09{image.AcquisitionTime[2:]}"
        rename(image, path, "copy")
        image.save_as(study / "scan1" / f"copy_{path.name}")
    for path in (study / "scan1").glob("S*.dcm"):
        path.unlink()
    actual = read_study([study])
    assert all(doubted(scan, "hold the same pixels at rest and under stress, bit by bit") for scan in actual.scans)


def test_studies_of_two_dates_are_named_although_their_pixels_are_the_same(study):
    def of_another_date(image, path):
        image.StudyDate = image.AcquisitionDate = image.ContentDate = "20250720"
        image.StudyInstanceUID += ".9"

    copied(study, of_another_date)
    assert "20250115 with" in refusal(study)
