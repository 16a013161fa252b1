"""Values in another unit than that of the standard are known by what a scanner can do and how large a heart is."""

import shutil

import numpy as np
import pydicom
import pytest
from dicom_checks import assert_same, doubted
from dicom_edits import each
from dicom_studies import rest_only, said, written
from PerfusionDLLib.dicom import read_study


@pytest.fixture(scope="module")
def rests(tmp_path_factory):
    """A rest scan in the way of a vendor on disk, and what it reads as."""
    made = {}
    for vendor in ("siemens", "ge"):
        folder = written(tmp_path_factory.mktemp(vendor), rest_only(slices=2, frames=24), vendor)
        made[vendor] = folder, read_study([folder])
    return made


def scaled(folder, keyword, scale):
    """Multiply a value in all headers."""

    def change(image, path):
        values = np.atleast_1d(image[keyword].value).astype(float)
        text = "\\".join(f"{value * scale:.10g}" for value in values).encode()
        tag = pydicom.tag.Tag(keyword)
        image._dict[tag] = pydicom.dataelem.RawDataElement(tag, "DS", len(text), text, 0, False, True)

    each(folder, change)


@pytest.mark.parametrize(
    ("keyword", "scale", "sentence"),
    [
        ("PixelSpacing", 0.1, "It was taken as cm in place of mm"),
        ("PixelSpacing", 0.001, "It was taken as m in place of mm"),
        ("PixelSpacing", 1000, "It was taken as µm in place of mm"),
        ("InversionTime", 0.001, "InversionTime is 0.11, which no scanner does in ms; it was taken as s (110 ms)."),
        ("EchoTime", 1000, "EchoTime is 1150, which no scanner does in ms; it was taken as µs (1.15 ms)."),
        ("RepetitionTime", 0.001, "which no scanner does in ms; it was taken as s"),
        ("FlipAngle", np.pi / 180, "which no scanner does in degrees; it was taken as radians (10 degrees)."),
    ],
)
def test_a_value_in_another_unit_is_read_and_a_doubt(keyword, scale, sentence, rests, tmp_path):
    folder, expected = rests["siemens"]
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    scaled(tmp_path, keyword, scale)
    actual = read_study([tmp_path])
    assert_same(actual, expected)
    assert doubted(actual.rest, sentence)


def test_a_heart_rate_in_hertz_is_an_interval_where_no_clock_is(rests, tmp_path):
    folder, expected = rests["ge"]
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    scaled(tmp_path, "HeartRate", 1 / 60)
    each(tmp_path, lambda image, path: delattr(image, "TriggerTime"))
    actual = read_study([tmp_path]).rest
    assert actual.slices[0].times_s[-1] == pytest.approx(expected.rest.slices[0].times_s[-1], rel=0.03)
    assert doubted(actual, "(HeartRate (in Hz)) in the order of InstanceNumber")


def test_a_saturation_time_beyond_the_next_frame_is_a_doubt(rests, tmp_path):
    shutil.copytree(rests["siemens"][0], tmp_path, dirs_exist_ok=True)

    def change(image, path):
        image.InversionTime = "450"
        seconds = 0.4 * ((int(image.InstanceNumber) - 1) // 2)
        image.AcquisitionTime = image.ContentTime = f"1000{seconds:09.6f}"
        del image.NominalInterval

    each(tmp_path, change)
    assert doubted(read_study([tmp_path]).rest, "is longer than the time between frames (0.40 s)")


def test_slices_that_lie_nearer_than_any_are_planned_are_a_doubt(rests, tmp_path):
    shutil.copytree(rests["siemens"][0], tmp_path, dirs_exist_ok=True)
    scaled(tmp_path, "ImagePositionPatient", 0.1)
    actual = read_study([tmp_path]).rest
    assert said(actual, "lie 1.8 mm from each other, and only one of them is used")
    assert doubted(actual, "ImagePositionPatient may be in another unit than mm")
