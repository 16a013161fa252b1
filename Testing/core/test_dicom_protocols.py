"""Protocols other than three slices per heartbeat: many slices, several at once, stacks, without gating; HTJ2K."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_studies import bolus_slice, said, written
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import Condition, Level, Scan, Study
from PerfusionDLLib.dicom import read_study
from PerfusionDLLib.dicom.read.headers import read_frames
from PerfusionDLLib.dicom.read.pixels import PixelReader
from pydicom.encaps import encapsulate


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


ENCODED = Path(__file__).parent / "data" / "htj2k_24x32.j2c"
HTJ2K = ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203")
"""High-Throughput JPEG 2000: lossless, lossless with RPCL, and any."""


def htj2k_image(folder, syntax, rows=24):
    """An image whose pixels are a true HTJ2K codestream."""
    path = sorted(written(folder, stack(1)).rglob("*.dcm"))[0]
    image = pydicom.dcmread(path)
    image.Rows, image.Columns = rows, 32
    image.PixelData = encapsulate([ENCODED.read_bytes()])
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    image.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    image.save_as(path)
    return read_frames(path)


@pytest.mark.parametrize("syntax", HTJ2K)
def test_htj2k_is_decoded_bit_by_bit(syntax, tmp_path):
    row, column = np.mgrid[:24, :32]
    signal = PixelReader().read(htj2k_image(tmp_path, syntax))
    np.testing.assert_array_equal(signal[0], (5 * row * row + 3 * column * column) % 4096)


def test_an_htj2k_stream_of_another_size_than_its_header_is_refused(tmp_path):
    with pytest.raises(PerfusionError, match="are compressed as 24 by 32, while the header says 25 by 32"):
        PixelReader().read(htj2k_image(tmp_path, HTJ2K[0], rows=25))
