"""Stored values that were scaled, cut off or exchanged: what can be used is, and words say what is not."""

import numpy as np
import pydicom
import pytest
from dicom_checks import doubted, refusal
from dicom_edits import each, images, put
from PerfusionDLLib.dicom import read_study


@pytest.mark.parametrize("slope", [None, "-1", "nan", "0.5"])
def test_a_slope_that_differs_on_few_images_sets_them_aside(slope, folder):
    def change(image, path):
        image.RescaleSlope, image.RescaleIntercept = "2", "0"
        if int(image.InstanceNumber) in (13, 16, 19):
            del image.RescaleSlope
            if slope is not None:
                with pydicom.config.disable_value_validation():
                    image.RescaleSlope = slope

    each(folder, change)
    actual = read_study([folder]).rest
    assert doubted(actual, f"not used: RescaleSlope is {slope or 'missing'} there, while it is 2 in the others")


def test_a_negative_slope_is_refused(folder):
    each(folder, lambda image, path: setattr(image, "RescaleSlope", "-1"))
    assert "RescaleSlope of series 10 is -1" in refusal(folder)


def test_the_same_header_with_other_pixels_is_not_used(folder):
    path, image = list(images(folder / "scan2"))[30]
    put(image, image.pixel_array + 100)
    image.save_as(path.with_name("a_other_pixels.dcm"))
    assert doubted(read_study([folder]).rest, "have the same header but other pixels")


def test_cut_off_blood_is_a_doubt(folder):
    def change(image, path):
        put(image, np.clip(image.pixel_array.astype(int) * 6, 0, 4095))

    each(folder, change)
    assert doubted(read_study([folder]).rest, "are cut off at 4095")


def test_a_burnt_in_window_is_refused(folder):
    def change(image, path):
        values = np.clip(image.pixel_array.astype(float) / 500 * 255, 0, 255).astype(np.uint8)
        image.BitsAllocated = image.BitsStored = 8
        image.HighBit = 7
        image.PixelData = values.tobytes()
        image["PixelData"].VR = "OB"

    each(folder, change)
    assert "copies of 8 bits with the display window burnt in" in refusal(folder)
