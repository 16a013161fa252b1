"""Clocks that leap or run back in the middle of a scan, and times of day that are written in other ways."""

from datetime import datetime, timedelta

import numpy as np
import pydicom
import pytest
from dicom_cases import SLICES
from dicom_checks import assert_same, doubted
from dicom_edits import beat_of, each, images
from dicom_studies import said, small_study, written
from PerfusionDLLib.dicom import read_study

MIDDLE = 9


def moment_of(image):
    return datetime.strptime(f"{image.AcquisitionDate}{image.AcquisitionTime}", "%Y%m%d%H%M%S.%f")


def moved(image, shift):
    moment = moment_of(image) + shift
    image.AcquisitionDate = image.ContentDate = moment.strftime("%Y%m%d")
    image.AcquisitionTime = image.ContentTime = moment.strftime("%H%M%S.%f")


def later(shift):
    """A change that sets the clock from the middle of the scan on."""
    return lambda image, path: moved(image, shift) if beat_of(image, SLICES) >= MIDDLE else None


@pytest.mark.parametrize("hours", [1, -1])
def test_an_hour_of_daylight_saving_is_taken_out_and_said(hours, case):
    folder, expected = case()
    each(folder, later(timedelta(hours=hours)))
    actual = read_study([folder])
    assert_same(actual, expected)
    assert said(actual.rest, f"AcquisitionTime was set {'forward' if hours > 0 else 'back'} by an hour at image")
    assert not actual.rest.slices[0].acquisition.findings


@pytest.mark.parametrize("seconds", [2, 30])
def test_a_clock_that_was_set_back_runs_on_and_is_a_doubt(seconds, case):
    folder, expected = case()
    each(folder, later(timedelta(seconds=-seconds)))
    actual = read_study([folder])
    for one, other in zip(actual.rest.slices, expected.rest.slices, strict=True):
        np.testing.assert_array_equal(one.signal, other.signal)
        np.testing.assert_allclose(one.times_s, other.times_s, atol=0.05)
    assert doubted(actual.rest, f"it was taken as set back by {seconds}.")


def test_a_clock_that_was_set_forward_is_a_doubt(case):
    folder, _ = case()
    each(folder, later(timedelta(seconds=7)))
    assert doubted(read_study([folder]).rest, "images are missing, or the clock was set forward")


def test_a_clock_that_runs_backwards_in_part_is_a_doubt(case):
    folder, _ = case()
    times = {int(image.InstanceNumber): moment_of(image) for _, image in images(folder)}

    def change(image, path):
        if 10 <= beat_of(image, SLICES) < 14:
            number = int(image.InstanceNumber)
            moved(image, times[2 * (23 - beat_of(image, SLICES)) + 1 + (number - 1) % 2] - times[number])

    each(folder, change)
    assert doubted(read_study([folder]).rest, "is out of order; the time was believed")


@pytest.mark.parametrize(
    "written_as",
    [
        lambda moment: moment.strftime("%H%M%S.%f")[1:],
        lambda moment: moment.strftime("%H%M%S,%f"),
        lambda moment: moment.strftime("%H%M%S%f"),
        lambda moment: f"{moment:%H%M}.{round((moment.second + moment.microsecond / 1e6) / 60 * 1e8):08d}",
        lambda moment: (
            f"{(moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(days=1):.10f}"
        ),
    ],
    ids=["leading-zero-lost", "comma", "no-point", "part-of-the-minute", "part-of-the-day"],
)
def test_times_of_day_that_other_programs_write_are_read(written_as, case):
    folder, expected = case()

    def change(image, path):
        text = written_as(moment_of(image) - timedelta(hours=2)).encode()
        for keyword in ("AcquisitionTime", "ContentTime"):
            tag = pydicom.tag.Tag(keyword)
            image._dict[tag] = pydicom.dataelem.RawDataElement(tag, "TM", len(text), text, 0, False, True)

    each(folder, change)
    assert_same(read_study([folder]), expected)


def test_scans_whose_clocks_differ_are_an_unknown_time_apart(tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=14))
    each(folder / "scan2", lambda image, path: moved(image, timedelta(hours=-1)))
    actual = read_study([folder])
    assert np.isnan(actual.rest.minutes_after_other)
    assert said(actual.rest, "lie 60 minutes nearer to or farther from each other than by SeriesTime")
