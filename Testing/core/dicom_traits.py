"""Traits of clinical DICOM, as archives, anonymizers and scanners leave them, put into small phantom studies."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pydicom
from dicom_edits import beat_of, each, images, put, rename, set_time
from pydicom.dataset import Dataset

FRAMES = 16
TRAITS: dict[str, tuple[str, Callable[[Path], None]]] = {}
"""By name: the vendor whose study it is put into, and what edits a folder of such a study."""


def trait(vendor: str):
    """Register an editor of a folder, or of each image (image, beat, slice index, path) with the vendor it is for."""

    def register(edit):
        TRAITS[edit.__name__] = vendor, edit
        return edit

    return register


@trait("philips")
def instance_numbers_in_no_order(folder):
    groups = {}
    for path, image in images(folder):
        groups.setdefault(image.SeriesInstanceUID, []).append((path, image))
    for members in groups.values():
        numbers = [int(image.InstanceNumber) for _, image in members]
        random.Random(3).shuffle(numbers)
        for (path, image), number in zip(members, numbers, strict=True):
            image.InstanceNumber = number
            image.save_as(path)


@trait("siemens")
def instance_numbers_in_no_order_beside_a_clock(folder):
    instance_numbers_in_no_order(folder)


@trait("siemens")
def instance_numbers_backwards(folder):
    each(folder, lambda image, path: setattr(image, "InstanceNumber", 1000 - int(image.InstanceNumber)))


@trait("siemens")
def a_series_for_each_heartbeat(folder):
    def change(image, path):
        image.SeriesInstanceUID = f"{image.SeriesInstanceUID}.{beat_of(image) + 1}"[-60:].lstrip(".0")

    each(folder, change)


@trait("ge")
def a_study_for_each_series(folder):
    def change(image, path):
        image.StudyInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[image.SeriesInstanceUID])

    each(folder, change)


@trait("ge")
def real_and_imaginary_images_in_the_series(folder):
    for path, image in list(images(folder)):
        magnitude, number = image.pixel_array.astype(float), int(image.InstanceNumber)
        block = image.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x2F, "SS", 0)
        image.InstanceNumber = 3 * number
        image.save_as(path)
        for kind, part in ((2, magnitude * 0.8), (3, magnitude * -0.6)):
            image[0x0043, 0x102F].value = kind
            image.InstanceNumber = 3 * number + kind - 1
            rename(image, path, kind)
            put(image, np.rint(part))
            image.save_as(path.with_name(f"{path.stem}_{kind}.dcm"))


@trait("philips")
def real_images_by_image_type(folder):
    for path, image in list(images(folder)):
        image.ImageType = ["ORIGINAL", "PRIMARY", "R_FFE", "R", "FFE"]
        rename(image, path, "real")
        put(image, image.pixel_array // 2)
        image.save_as(path.with_name(f"{path.stem}_r.dcm"))


@trait("philips")
def private_block_moved(folder):
    def change(image, path):
        moved = Dataset()
        for element in list(image):
            if element.tag.group == 0x2005:
                offset = element.tag.element
                offset = 0x37 if offset == 0x10 else offset - 0x1000 + 0x3700
                moved.add_new((0x2005, offset), element.VR, element.value)
                del image[element.tag]
        image.update(moved)

    each(folder, change)


@trait("siemens")
def one_identifier_for_all_images(folder):
    def change(image, path):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"

    each(folder, change)


@trait("siemens")
def no_identifiers(folder):
    def change(image, path):
        del image.SOPInstanceUID

    each(folder, change)


@trait("siemens")
def copies_under_new_identifiers(folder):
    for path, image in list(images(folder)):
        rename(image, path, "copy")
        image.save_as(path.with_name(f"copy_{path.name}"))


@trait("siemens")
def patient_missing_in_one_series(folder):
    each(folder, lambda image, path: setattr(image, "PatientID", "" if "scan2" in str(path) else image.PatientID))


@trait("siemens")
def screenshot_in_the_series(folder):
    path, image = list(images(folder))[-1]
    image.InstanceNumber = int(image.InstanceNumber) + 10
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    rename(image, "screenshot")
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "AcquisitionTime"):
        delattr(image, keyword)
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "RGB", 0
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit = 7
    image.PixelData = bytes(int(image.Rows) * int(image.Columns) * 3)
    image.save_as(path.with_name("screenshot.dcm"))


@trait("siemens")
def real_time_cine_beside(folder):
    template = next(image for _, image in images(folder))
    for keyword in ("InversionTime", "ContrastBolusAgent", "ContrastBolusVolume"):
        delattr(template, keyword)
    for frame in range(150):
        template.SeriesInstanceUID, template.SeriesNumber = "2.25.5", 5
        template.SeriesDescription = template.ProtocolName = "RT_CINE_SAX"
        template.InstanceNumber = frame + 1
        rename(template, "cine", frame)
        template.TriggerTime = str(45 * frame)
        set_time(template, datetime(2025, 1, 15, 9, 50) + timedelta(milliseconds=45 * frame), "AcquisitionTime")
        template.ContentTime = template.AcquisitionTime
        template.save_as(folder / f"cine{frame}.dcm")


@trait("ge")
def cardiac_number_of_images_is_that_of_the_frames(folder):
    each(folder, lambda image, path: setattr(image, "CardiacNumberOfImages", FRAMES))


@trait("siemens")
def slice_tracking(folder):
    def change(image, path):
        axes = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
        offset = 3.5 * np.sin(0.9 * beat_of(image)) * np.cross(*axes)
        image.ImagePositionPatient = [f"{v:.6f}" for v in np.array(image.ImagePositionPatient, float) + offset]

    each(folder, change)


@trait("siemens")
def cosines_differ_in_the_sixth_digit(folder):
    def change(image, path):
        noise = 1e-6 * np.sin(np.arange(6) + 7 * beat_of(image))
        cosines = np.array(image.ImageOrientationPatient, float) + noise
        image.ImageOrientationPatient = [f"{v:.9f}" for v in cosines]

    each(folder, change)


@trait("enhanced")
def private_positions_beside_the_public_ones(folder):
    def change(image, path):
        for index, groups in enumerate(image.PerFrameFunctionalGroupsSequence):
            item = Dataset()
            item.InstanceNumber = index + 1
            item.ImagePositionPatient = ["-100", "-120", "-40"]
            item.PixelSpacing = ["9", "9"]
            item.RescaleIntercept, item.RescaleSlope = "0", "7"
            groups.add_new((0x2005, 0x0014), "LO", "Philips MR Imaging DD 005")
            groups.add_new((0x2005, 0x140F), "SQ", [item])

    each(folder, change)


@trait("enhanced")
def frames_in_any_order(folder):
    def change(image, path):
        order = np.random.default_rng(1).permutation(int(image.NumberOfFrames))
        groups, pixels = list(image.PerFrameFunctionalGroupsSequence), image.pixel_array
        image.PerFrameFunctionalGroupsSequence = [groups[index] for index in order]
        put(image, pixels[order])

    each(folder, change)


@trait("enhanced")
def a_file_for_each_heartbeat(folder):
    for path, image in list(images(folder)):
        groups, pixels = list(image.PerFrameFunctionalGroupsSequence), image.pixel_array
        for beat in range(len(groups) // 3):
            image.PerFrameFunctionalGroupsSequence = groups[3 * beat : 3 * beat + 3]
            image.NumberOfFrames, image.InstanceNumber = 3, beat + 1
            rename(image, path, beat)
            image.PixelData = pixels[3 * beat : 3 * beat + 3].tobytes()
            image.save_as(path.with_name(f"{path.stem}_{beat}.dcm"))
        path.unlink()


@trait("siemens")
def spacing_under_another_name(folder):
    def change(image, path):
        image.NominalScannedPixelSpacing = image.PixelSpacing
        del image.PixelSpacing

    each(folder, change)


@trait("siemens")
def spacing_with_a_sign(folder):
    each(folder, lambda image, path: setattr(image, "PixelSpacing", [-float(one) for one in image.PixelSpacing]))


@trait("siemens")
def cosines_of_half_length(folder):
    def change(image, path):
        image.ImageOrientationPatient = [f"{0.5 * float(one):.10g}" for one in image.ImageOrientationPatient]

    each(folder, change)


@trait("siemens")
def flip_angle_in_two_spellings(folder):
    each(folder, lambda image, path: setattr(image, "FlipAngle", "10" if beat_of(image) < 4 else "10.0"))


@trait("siemens")
def inversion_time_jitters(folder):
    each(folder, lambda image, path: setattr(image, "InversionTime", "110" if beat_of(image) < 4 else "110.01"))


@trait("siemens")
def bits_stored_too_few(folder):
    def change(image, path):
        image.BitsStored, image.HighBit = 10, 9

    each(folder, change)


@trait("philips")
def nominal_trigger_times_beside_the_true_clock(folder):
    def change(image, path):
        image.TriggerTime = str(600 * (int(image.TemporalPositionIdentifier) - 1) + float(image.TriggerTime))

    each(folder, change)


@trait("siemens")
def both_protocols_called_stress(folder):
    def change(image, path):
        image.ProtocolName = "Cardiac Stress Perfusion"
        image.SeriesDescription = "perf_sax 1" if "scan1" in str(path) else "perf_sax 2"

    each(folder, change)


@trait("siemens")
def inversion_time_missing_in_one_slice(folder):
    def change(image, path):
        if int(image.InstanceNumber) % 3 == 2:
            del image.InversionTime

    each(folder, change)


@trait("siemens")
def agent_and_field_missing_in_one_slice(folder):
    def change(image, path):
        if int(image.InstanceNumber) % 3 == 2:
            del image.ContrastBolusAgent, image.MagneticFieldStrength, image.ImagingFrequency

    each(folder, change)


@trait("siemens")
def a_time_missing_on_one_image(folder):
    def change(image, path):
        if int(image.InstanceNumber) == 20:
            del image.AcquisitionTime

    each(folder, change)


@trait("siemens")
def not_ascii(folder):
    def change(image, path):
        image.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        image.PatientName, image.PatientID = "Yamada^Tarou=山田^太郎=やまだ^たろう", "病/00 17"
        image.SeriesDescription += " 心筋"

    each(folder, change)
