"""Times and values of a scan, whichever way a header writes them."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_studies import edit, rest_only, said, small_study, written
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.dicom import read_study, write_study
from PerfusionDLLib.dicom.read.clock import read_date_time_s, unwrap_midnight
from PerfusionDLLib.dicom.read.timing_attributes import is_usable

REAL = Path(__file__).parents[3] / "shared" / "real" / "ge15t_one_slice" / "dicom"


def test_times_cross_midnight(tmp_path):
    folder = written(tmp_path, rest_only())

    def shift(image, index):
        begin = read_date_time_s("20250115" + image.AcquisitionTime) + 13.9 * 3600 - 10
        moment = np.datetime64(round(begin * 1e6), "us").astype(object)
        image.AcquisitionTime = image.ContentTime = moment.strftime("%H%M%S.%f")
        del image.AcquisitionDate, image.ContentDate

    before = read_study([folder]).rest.slices[0].times_s
    edit(folder, shift)
    assert {pydicom.dcmread(path).AcquisitionTime[:2] for path in folder.rglob("*.dcm")} == {"23", "00"}
    np.testing.assert_allclose(read_study([folder]).rest.slices[0].times_s, before, atol=1e-5)


def test_a_clock_in_whole_seconds_only_gives_the_mean_interval(tmp_path):
    folder = written(tmp_path, rest_only())

    def coarsen(image, index):
        image.AcquisitionTime = image.ContentTime = image.AcquisitionTime[:6]
        del image.NominalInterval

    edit(folder, coarsen)
    actual = read_study([folder]).rest
    assert np.diff(actual.slices[0].times_s) == pytest.approx(0.95, abs=0.06)
    assert said(actual, "first to last AcquisitionTime")


def test_without_any_clock_the_interval_is_counted_and_said(tmp_path):
    folder = written(tmp_path, rest_only())

    def stop(image, index):
        del image.AcquisitionTime, image.ContentTime

    edit(folder, stop)
    actual = read_study([folder]).rest
    np.testing.assert_allclose(np.diff(actual.slices[2].times_s), 0.95, atol=0.03)
    assert actual.slices[2].times_s[0] - actual.slices[0].times_s[0] == pytest.approx(0.3, abs=1e-3)
    assert said(actual, "NominalInterval")


def test_field_strength_is_understood_in_gauss_and_from_the_frequency(tmp_path):
    folder = written(tmp_path, rest_only(slices=1), "ge")
    assert read_study([folder]).rest.slices[0].acquisition.field_strength_t == 1.5

    def forget(image, index):
        del image.MagneticFieldStrength

    edit(folder, forget)
    acquisition = read_study([folder]).rest.slices[0].acquisition
    assert acquisition.field_strength_t == 1.5
    assert "field_strength_t" not in acquisition.assumed


def test_a_clock_has_a_time_for_each_frame_at_a_plausible_distance():
    assert is_usable([np.arange(10) * 0.9])
    assert is_usable([np.arange(10) * 5.0])
    assert not is_usable([np.zeros(10)])
    assert not is_usable([np.arange(10) * 50.0])
    assert unwrap_midnight(np.array([86399.0, 1.0])).tolist() == [86399.0, 86401.0]


def test_files_without_a_preamble_are_read(tmp_path):
    folder = written(tmp_path, rest_only(slices=1), "ge")
    expected = read_study([folder]).rest.slices[0]
    for path in folder.rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
        image.save_as(path)
        bare = path.read_bytes()
        path.write_bytes(bare[bare.index(b"\x08\x00\x05\x00") :])
    np.testing.assert_array_equal(read_study([folder]).rest.slices[0].signal, expected.signal)


def test_negative_stored_values_and_an_intercept_are_understood(tmp_path):
    folder = written(tmp_path, rest_only(slices=1), "ge")
    expected = read_study([folder]).rest.slices[0].signal

    def shift(image, index):
        image.PixelData = (image.pixel_array - 500).astype("<i2").tobytes()
        image.RescaleSlope, image.RescaleIntercept = "2", "1000"

    edit(folder, shift)
    np.testing.assert_array_equal(read_study([folder]).rest.slices[0].signal, 2 * expected)


def test_a_short_delay_is_that_before_the_readout(tmp_path):
    """A saturation time shorter than the readout up to the center of k-space cannot be the time to that center."""
    folder = written(tmp_path, rest_only(slices=1), "ge")
    edit(folder, lambda image, _: setattr(image, "InversionTime", "10"))
    acquisition = read_study([folder]).rest.slices[0].acquisition
    assert acquisition.saturation_time_s == pytest.approx(0.010 + 22 * 0.0023)


@pytest.mark.parametrize(("shot_ms", "spacing_s"), [("", 0.0025), ("400", 0.0025), (None, 0.0023)])
def test_the_duration_of_the_shot_tells_the_time_between_excitations(tmp_path, shot_ms, spacing_s):
    """Siemens: from the center of k-space to the end of the shot; twice the echo time where that cannot be."""
    folder = written(tmp_path, rest_only(slices=1), "siemens")
    edit(folder, lambda image, _: setattr(image, "EchoTime", "1.25"))
    if shot_ms is not None:
        edit(folder, lambda image, _: setattr(image, "RepetitionTime", shot_ms))
    acquisition = read_study([folder]).rest.slices[0].acquisition
    assert acquisition.repetition_time_s == pytest.approx(spacing_s)
    assert "repetition_time_s" in acquisition.assumed


def test_a_malformed_value_counts_as_missing(tmp_path):
    folder = written(tmp_path, rest_only(slices=1))
    for path in folder.rglob("*.dcm"):
        path.write_bytes(path.read_bytes().replace(b"DS\x04\x001.5 ", b"DS\x04\x00x.y "))
    acquisition = read_study([folder]).rest.slices[0].acquisition
    assert acquisition.field_strength_t == 1.5  # from the imaging frequency


def test_an_echo_planar_train_shortens_the_way_to_the_center(tmp_path):
    folder = written(tmp_path, rest_only(slices=1), "ge")
    edit(folder, lambda image, _: setattr(image, "EchoTrainLength", "2"))
    assert read_study([folder]).rest.slices[0].acquisition.pulses_to_center == 11


@pytest.mark.skipif(not REAL.is_dir(), reason="the in-vivo series is not part of the repository")
def test_the_real_ge_series_reads_with_its_odd_header():
    study = read_study([REAL])
    (series,) = study.rest.slices
    assert series.signal.shape == (79, 256, 256)
    assert np.median(np.diff(series.times_s)) == pytest.approx(60 / 86, abs=0.005)
    assert series.acquisition.field_strength_t == 1.5
    assert series.acquisition.saturation_time_s == pytest.approx(0.1308, abs=1e-4)
    assert series.spacing_mm == pytest.approx((1.406, 1.406), abs=1e-3)
    assert {"contrast_agent", "dose_mmol_kg", "hematocrit"} <= set(series.acquisition.assumed)
    assert said(study.rest, "Taken as rest")


@pytest.mark.parametrize("first", Condition)
def test_the_pause_between_the_scans_is_read_from_their_clocks(first, tmp_path):
    write_study(small_study(slices=1), tmp_path, vendor="ge", first=first)
    minutes = {scan.condition: scan.minutes_after_other for scan in read_study([tmp_path]).scans}
    assert minutes.pop(first) == pytest.approx(-10, abs=0.1)
    assert list(minutes.values()) == pytest.approx([10], abs=0.1)


def test_a_scan_alone_follows_no_other(tmp_path):
    (scan,) = read_study([written(tmp_path, rest_only(slices=1))]).scans
    assert np.isnan(scan.minutes_after_other)
