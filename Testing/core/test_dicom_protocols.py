"""Protocols other than three slices per heartbeat: many slices, several at once, stacks, without gating; HTJ2K."""

import shutil

import numpy as np
import pydicom
import pytest
from dicom_studies import bolus_slice, edit, said, written
from PerfusionDLLib.data.study import Condition, Level, Scan, Study
from PerfusionDLLib.dicom import read_study


def stack(count, *, apart_mm=8.0, at_once=1, frames=14, rr_s=0.95):
    """A rest scan of slices from base to apex, of which some are acquired at once."""
    slices = tuple(
        bolus_slice(apart_mm * index, rr_s=rr_s, delay_s=0.05 * (index // at_once), frames=frames, seed=index)
        for index in range(count)
    )
    return Study(rest=Scan(condition=Condition.REST, slices=slices))


def assert_same_slices(actual, expected):
    assert len(actual.slices) == len(expected.slices)
    for got, wanted in zip(actual.slices, expected.slices, strict=True):
        np.testing.assert_allclose(got.signal, wanted.signal, atol=1)
        np.testing.assert_allclose(got.times_s, wanted.times_s, atol=2e-3)
        np.testing.assert_allclose(got.ijk_to_ras, wanted.ijk_to_ras, atol=1e-3)


@pytest.mark.parametrize(("vendor", "at_once"), [("siemens", 3), ("ge", 1), ("enhanced", 3)])
def test_twelve_slices_are_levels_by_their_places(vendor, at_once, tmp_path):
    """Also where three slices share every moment (simultaneous multi-slice)."""
    study = stack(12, at_once=at_once)
    actual = read_study([written(tmp_path, study, vendor)]).rest
    assert_same_slices(actual, study.rest)
    assert [one.level for one in actual.slices] == [Level.BASAL] * 4 + [Level.MID] * 4 + [Level.APICAL] * 4
    assert said(actual, "12 slices were taken as basal")


@pytest.mark.parametrize("vendor", ["philips", "enhanced"])
def test_a_stack_of_volumes_has_one_time_for_all_its_planes(vendor, tmp_path):
    """3D perfusion: ten planes of 5 mm per heartbeat, all of one moment."""
    study = stack(10, apart_mm=5.0, at_once=10)
    actual = read_study([written(tmp_path, study, vendor)]).rest
    assert_same_slices(actual, study.rest)
    assert np.ptp([one.times_s[0] for one in actual.slices]) < 2e-3
    levels = [one.level for one in actual.slices]
    assert levels == sorted(levels, key=list(Level).index)
    assert set(levels) == set(Level)


@pytest.mark.parametrize("vendor", ["ge", "enhanced", "philips-enhanced"])
def test_a_slice_alone_without_gating_keeps_three_hundred_frames(vendor, tmp_path):
    study = stack(1, frames=300, rr_s=0.31)
    actual = read_study([written(tmp_path, study, vendor)]).rest
    assert_same_slices(actual, study.rest)


def test_a_hundred_frames_a_quarter_of_a_second_apart_are_not_called_heartbeats(tmp_path):
    study = stack(2, frames=100, rr_s=0.25, at_once=2)
    actual = read_study([written(tmp_path, study)]).rest
    assert_same_slices(actual, study.rest)
    assert said(actual, "the scan is not gated")


HTJ2K = "1.2.840.10008.1.2.4.201"


def test_htj2k_goes_to_a_decoder_that_knows_it(tmp_path):
    """OpenJPEG 2.5 decodes it; no encoder is at hand, so that the stream is that of JPEG 2000 under the other label."""
    folder = written(tmp_path / "plain", stack(1))
    expected = read_study([folder]).rest
    shutil.copytree(folder, tmp_path / "packed")

    def compress(image, index):
        wide = np.kron(image.pixel_array, np.ones((8, 8), image.pixel_array.dtype))
        image.Rows, image.Columns = wide.shape
        image.PixelData = wide.tobytes()
        image.compress(pydicom.uid.JPEG2000Lossless)
        image.file_meta.TransferSyntaxUID = HTJ2K

    edit(tmp_path / "packed", compress)
    actual = read_study([tmp_path / "packed"]).rest.slices[0].signal
    np.testing.assert_array_equal(actual[:, ::8, ::8], expected.slices[0].signal)
