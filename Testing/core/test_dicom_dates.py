"""Dates and times of day that anonymizers shifted, and what passed between the scans."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from dicom_cases import FRAMES, moved
from dicom_checks import assert_same, doubted
from dicom_edits import each, images
from dicom_studies import said, small_study, written
from PerfusionDLLib.dicom import read_study


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


def test_scans_with_the_same_times_of_day_are_told_apart_by_their_heartbeats(tmp_path):
    """An anonymizer made the scans begin at one moment; their clocks run on."""
    folder = written(tmp_path, small_study(slices=1, frames=14))
    expected = read_study([folder])
    each(folder / "scan2", lambda image, path: moved(image, timedelta(minutes=-10)))
    assert_same(read_study([folder]), expected)


def test_an_unknown_time_between_the_scans_is_said(tmp_path):
    folder = written(tmp_path, small_study(slices=1, frames=14), "ge")
    dates = ("AcquisitionTime", "ContentTime", "SeriesTime")
    each(folder, lambda image, path: [setattr(image, name, "000000") for name in dates] and None)
    assert said(read_study([folder]).rest, "No header says how much time passed between the scans.")
