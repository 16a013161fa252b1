"""What makes flow uncertain is an uncertainty, with the code of its kind."""

import numpy as np
import pytest
from dicom_cases import FRAMES, SLICES, beat
from dicom_checks import doubted
from dicom_edits import each, put
from PerfusionDLLib.data.acquisition import acquisition_document, acquisition_from
from PerfusionDLLib.data.flag import FlagCode
from PerfusionDLLib.dicom import read_study


def scaled_alone(image, path):
    put(image, np.rint(image.pixel_array * (4095 / image.pixel_array.max())))


def numbers_in_no_order(image, path):
    image.InstanceNumber = 1 + (7 * (int(image.InstanceNumber) - 1)) % (SLICES * FRAMES)
    del image.AcquisitionTime, image.ContentTime, image.AcquisitionNumber


def content_time_alone(image, path):
    del image.AcquisitionTime, image.NominalInterval


def no_clock(image, path):
    del image.AcquisitionTime, image.ContentTime


def other_angle_in_one_slice(image, path):
    if int(image.InstanceNumber) % SLICES:
        image.FlipAngle = "20"


def other_inversion_time_from_the_middle_on(image, path):
    if beat(image) >= FRAMES // 2:
        image.InversionTime = "160"


def one_large_negative_value(image, path):
    image.PixelRepresentation, image.BitsStored, image.HighBit = 1, 16, 15
    if beat(image) == 9:
        values = image.pixel_array.astype("<i2")
        values[0, 0] = -3000
        image.PixelData = values.tobytes()


def the_frame_before_again(image, path, before={}):  # noqa: B006, what was seen of the same slice
    where = path.parent, int(image.InstanceNumber) % SLICES
    if beat(image) == 6:
        put(image, before[where])
    before[where] = image.pixel_array


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (scaled_alone, "each frame seems to be scaled for itself"),
        (numbers_in_no_order, "jumps from frame to frame as it would in a random order"),
        (content_time_alone, "Times are from ContentTime alone"),
        (lambda image, path: put(image, np.zeros_like(image.pixel_array)), "hold the same value (0)"),
        (no_clock, "No attribute gives each frame's own time"),
        (lambda image, path: put(image, image.pixel_array + 600), "an offset may have been added"),
        (other_angle_in_one_slice, "FlipAngle differs between slices (20, 10)."),
        (other_inversion_time_from_the_middle_on, "InversionTime is 160 in images"),
        (one_large_negative_value, "have negative values (down to -3000)"),
        (the_frame_before_again, "the pixels are those of the frame before, bit by bit"),
    ],
)
def test_what_makes_flow_doubtful_is_a_doubt(change, sentence, case):
    folder, _ = case()
    each(folder, change)
    assert doubted(read_study([folder]).rest, sentence)


def a_slope_that_varies(image, path):
    image.RescaleSlope, image.RescaleIntercept = f"{1 + 0.1 * (beat(image) % 3):g}", "0"


def without_two_early_beats(image, path):
    return beat(image) not in (4, 5)


def one_slice_half(image, path):
    return int(image.InstanceNumber) % SLICES == 1 or beat(image) % 2 == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (no_clock, FlagCode.CLOCK_UNCERTAIN),
        (without_two_early_beats, FlagCode.IMAGES_MISSING),
        (one_slice_half, FlagCode.SERIES_LEFT_OUT),
        (a_slope_that_varies, FlagCode.STORED_VALUES_UNCERTAIN),
        (other_angle_in_one_slice, FlagCode.SEQUENCE_UNCERTAIN),
        (lambda image, path: setattr(image, "ImagingFrequency", "123.2"), FlagCode.ACQUISITION_UNCERTAIN),
    ],
    ids=lambda value: getattr(value, "value", None),
)
def test_a_doubt_has_the_code_of_its_kind_and_keeps_it(change, code, case):
    folder, _ = case()
    each(folder, change)
    acquisition = read_study([folder]).rest.slices[0].acquisition
    assert code in [flag.code for flag in acquisition.findings]
    assert acquisition_from(acquisition_document(acquisition)) == acquisition
