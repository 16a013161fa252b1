"""Studies as archives, anonymizers and scanners file them: the same numbers, or words that say what is odd."""

import copy
import shutil
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pydicom
import pytest
from dicom_checks import assert_same, doubted, refusal, words
from dicom_edits import each, images, put, rename
from dicom_studies import small_study
from PerfusionDLLib.dicom import read_study, write_study

SLICES, FRAMES = 2, 16
RECIPES = []


@dataclass(frozen=True)
class Recipe:
    """An edit of the study of a vendor, and what is said of rest after it.

    note, uncertainty : words; is_same : whether the numbers are those of the untouched study
    """

    vendor: str
    edit: object
    note: str = ""
    uncertainty: str = ""
    is_same: bool = True


def recipe(vendor, note="", *, uncertainty="", is_same=True):
    """Register an editor of a folder."""

    def register(edit):
        RECIPES.append(Recipe(vendor, edit, note, uncertainty, is_same))
        return edit

    return register


def each_recipe(vendor, note="", *, uncertainty="", is_same=True):
    """Register an editor of each image, which gets the image and whether it is one of rest."""

    def register(edit):
        def of_folder(folder):
            each(folder, lambda image, path: edit(image, "scan2" in str(path)))

        of_folder.__name__ = edit.__name__
        return recipe(vendor, note, uncertainty=uncertainty, is_same=is_same)(of_folder)

    return register


def beat(image):
    return (int(image.InstanceNumber) - 1) // SLICES


def place(image):
    return (int(image.InstanceNumber) - 1) % SLICES


@each_recipe("siemens", "SliceThickness is 0.8, and was taken as cm (8 mm).")
def slice_thickness_in_cm(image, rest):
    image.SliceThickness = "0.8"


@each_recipe("siemens", "FlipAngle, InversionTime are missing and taken from the other scan.")
def flip_angle_and_inversion_time_missing_in_rest(image, rest):
    if rest:
        del image.FlipAngle, image.InversionTime


@each_recipe("siemens", "have no patient ID; they were taken as those of the same patient")
def a_placeholder_for_the_patient_of_rest(image, rest):
    image.PatientID = "Unknown" if rest else image.PatientID


@each_recipe("siemens", uncertainty="The patient has names without a part in common, with one ID in one study")
def rest_has_the_name_of_somebody_else(image, rest):
    image.PatientName = "Else^Somebody" if rest else "Doe^Jane"


@each_recipe(
    "siemens", uncertainty="ImagePositionPatient and ImageOrientationPatient contradict each other", is_same=False
)
def positions_to_the_right_and_front(image, rest):
    x, y, z = (float(one) for one in image.ImagePositionPatient)
    image.ImagePositionPatient = [-x, -y, z]


@each_recipe("siemens", uncertainty="The slices are axial by ImageOrientationPatient", is_same=False)
def the_orientation_was_lost(image, rest):
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.ImagePositionPatient = [0, 0, 8 * place(image)]


@each_recipe("siemens", "days apart in one study: dates were changed, and the time between the scans is not known")
def dates_shifted_series_by_series(image, rest):
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(image, keyword, "20190307" if rest else "20230211")


@each_recipe("siemens", "The scans name different time zones (UTC+1 h and UTC+2 h); the time between them, 50 minutes")
def time_zones_that_differ(image, rest):
    image.TimezoneOffsetFromUTC = "+0200" if rest else "+0100"


@each_recipe("siemens", "2 series that go on where the other ends were taken as one")
def a_series_split_by_time_and_described_as_parts(image, rest):
    if rest and beat(image) >= 8:
        image.SeriesInstanceUID, image.SeriesNumber = "2.25.99", 21
        image.InstanceNumber = int(image.InstanceNumber) - 8 * SLICES
        image.SeriesDescription += " part 2"


@each_recipe("siemens-interoperable")
def a_protocol_is_renamed_in_the_middle(image, rest):
    if rest and beat(image) >= 8:
        image.SeriesDescription = image.ProtocolName = "PERF REST 2"


@each_recipe("siemens-interoperable", "Taken as rest by heart rate")
def identifiers_numbers_and_words_are_lost(image, rest):
    image.SeriesNumber = int(image.InstanceNumber) + 1000 * rest
    image.SeriesDescription = image.ProtocolName = "perf"
    image.StudyInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[image.SOPInstanceUID])


@each_recipe("siemens", "Taken as rest by heart rate", uncertainty="(NominalInterval) in the order of", is_same=False)
def rest_and_stress_in_one_series_without_a_clock(image, rest):
    image.SeriesInstanceUID, image.SeriesNumber = "2.25.5", 10
    image.SeriesDescription = image.ProtocolName = "perf"
    image.InstanceNumber = int(image.InstanceNumber) + FRAMES * SLICES * rest
    image.AcquisitionTime = image.ContentTime = "100000.000000"


@each_recipe(
    "siemens", uncertainty="The axes of ImageOrientationPatient have the opposite sign in images 25, 27, 29, 31"
)
def the_sign_of_the_axes_changes_within_the_scan(image, rest):
    if rest and beat(image) >= 12:
        image.ImageOrientationPatient = [-float(one) for one in image.ImageOrientationPatient]


@each_recipe("siemens", uncertainty="show the heart mirrored left to right against those of", is_same=False)
def all_of_rest_is_mirrored(image, rest):
    if rest:
        put(image, image.pixel_array[:, ::-1])


@each_recipe("siemens", uncertainty="show the heart turned or mirrored against those of", is_same=False)
def the_row_axis_of_rest_has_the_opposite_sign(image, rest):
    if rest:
        axes = [float(one) for one in image.ImageOrientationPatient]
        image.ImageOrientationPatient = [-axes[0], -axes[1], -axes[2], *axes[3:]]


@recipe(
    "siemens", uncertainty="16 of 16 images of slice 2 hold the same pixels at rest and under stress", is_same=False
)
def one_slice_of_stress_has_the_pixels_of_rest(folder):
    rests = {int(image.InstanceNumber): image.pixel_array for _, image in images(folder / "scan2")}
    each(
        folder / "scan1",
        lambda image, path: put(image, rests[int(image.InstanceNumber)]) if beat_place(image) else None,
    )


def beat_place(image):
    return (int(image.InstanceNumber) - 1) % SLICES


@each_recipe("siemens", "s apart (first to last AcquisitionTime)", is_same=False)
def times_in_whole_seconds(image, rest):
    image.AcquisitionTime = image.ContentTime = image.AcquisitionTime.split(".")[0]


@each_recipe("ge", uncertainty="(HeartRate) in the order of InstanceNumber", is_same=False)
def trigger_times_within_a_heartbeat_are_no_cine(image, rest):
    image.TriggerTime = str(round(float(image.TriggerTime)) % 700)


@recipe("ge")
def real_and_imaginary_images_do_not_hide_the_first_heartbeat(folder):
    for path, image in list(images(folder)):
        number, magnitude = int(image.InstanceNumber), image.pixel_array
        image.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", 0)
        image.InstanceNumber = 3 * number - 2
        image.save_as(path)
        image[0x0043, 0x102F].value, image.InstanceNumber = 2, 3 * number - 1
        rename(image, path, "real")
        put(image, magnitude // 2)
        image.save_as(path.with_name(f"{path.stem}_real.dcm"))


def in_parts(folder, count=3):
    """Spread every multi-frame file over several, as a concatenation."""
    for path, image in list(images(folder)):
        pixels, groups = image.pixel_array, list(image.PerFrameFunctionalGroupsSequence)
        cuts = np.linspace(0, len(groups), count + 1).astype(int)
        for part, (begin, end) in enumerate(pairwise(cuts.tolist()), start=1):
            image.PerFrameFunctionalGroupsSequence = groups[begin:end]
            image.NumberOfFrames = end - begin
            image.ConcatenationUID = f"2.25.7{image.SeriesNumber}"
            image.InConcatenationNumber, image.InConcatenationTotalNumber = part, count
            rename(image, path, part)
            image.PixelData = pixels[begin:end].tobytes()
            image.save_as(path.with_name(f"{path.stem}_{part}.dcm"))
        path.unlink()


@recipe("enhanced")
def a_concatenation(folder):
    in_parts(folder)


@recipe("enhanced", uncertainty="Part 8 of 8 of the multi-frame image of series 20 is missing", is_same=False)
def a_concatenation_without_its_end(folder):
    in_parts(folder, 8)
    for path, image in images(folder):
        if "scan2" in str(path) and image.InConcatenationNumber == 8:
            path.unlink()


@each_recipe("enhanced", uncertainty="differ in FlipAngle, PixelSpacing; those of the frame were taken")
def groups_of_all_frames_contradict_those_of_single_frames(image, rest):
    shared, first = image.SharedFunctionalGroupsSequence[0], image.PerFrameFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence = copy.deepcopy(first.PixelMeasuresSequence)
    shared.PixelMeasuresSequence[0].PixelSpacing = [9, 9]
    shared.MRTimingAndRelatedParametersSequence = copy.deepcopy(first.MRTimingAndRelatedParametersSequence)
    shared.MRTimingAndRelatedParametersSequence[0].FlipAngle = "50"


@each_recipe("enhanced", "TriggerTime has 0.600 s between frames where FrameAcquisitionDateTime has")
def nominal_trigger_delays_that_run_on(image, rest):
    for index, groups in enumerate(image.PerFrameFunctionalGroupsSequence):
        timing = groups.CardiacSynchronizationSequence[0]
        timing.NominalCardiacTriggerDelayTime = timing.NominalCardiacTriggerDelayTime + 600.0 * (index // SLICES)


@each_recipe("enhanced", "Times are from FrameReferenceDateTime.")
def only_the_reference_time_of_a_frame(image, rest):
    for groups in image.PerFrameFunctionalGroupsSequence:
        content = groups.FrameContentSequence[0]
        content.FrameReferenceDateTime = content.FrameAcquisitionDateTime
        del content.FrameAcquisitionDateTime


@each_recipe("enhanced", "TemporalPositionIdentifier runs backwards in time")
def temporal_positions_backwards(image, rest):
    contents = [groups.FrameContentSequence[0] for groups in image.PerFrameFunctionalGroupsSequence]
    positions = [content.TemporalPositionIndex for content in contents]
    for content, position in zip(contents, reversed(positions), strict=True):
        content.TemporalPositionIndex = position


@each_recipe("philips", uncertainty="varies between frames", is_same=False)
def the_private_scale_changes_in_the_middle(image, rest):
    if int(image.TemporalPositionIdentifier) > 8:
        image[0x2005, 0x100E].value = 1.5 * image[0x2005, 0x100E].value


@each_recipe("philips")
def a_series_for_each_dynamic(image, rest):
    image.SeriesInstanceUID = pydicom.uid.generate_uid(
        entropy_srcs=[str(image.TemporalPositionIdentifier), image.SeriesInstanceUID]
    )


@pytest.fixture(scope="module")
def filed(tmp_path_factory):
    """A small study as each vendor writes it that a recipe asks for, and what is read from it."""
    made = {}

    def make(vendor):
        if vendor not in made:
            folder = tmp_path_factory.mktemp(vendor)
            write_study(small_study(slices=SLICES, frames=FRAMES), folder, vendor=vendor)
            made[vendor] = folder, read_study([folder])
        return made[vendor]

    return make


@pytest.mark.parametrize("made", RECIPES, ids=lambda one: one.edit.__name__)
def test_what_an_archive_changes_is_read_or_said(made, filed, tmp_path):
    folder, expected = filed(made.vendor)
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    made.edit(tmp_path)
    actual = read_study([tmp_path])
    assert [len(scan.slices) for scan in actual.scans] == [SLICES, SLICES]
    if made.is_same:
        assert_same(actual, expected)
    new = words(actual, expected)
    assert any(made.note in text for text in new) or not made.note, new
    if made.uncertainty:
        assert doubted(actual.rest, made.uncertainty), new
        return
    assert bool(new) == bool(made.note) or all("is shown" in text for text in new)  # the part of the signal
    assert not actual.rest.slices[0].acquisition.findings
    last_s, expected_s = (study.rest.slices[0].times_s[-1] for study in (actual, expected))
    assert last_s == pytest.approx(expected_s, rel=0.02)


def test_most_slices_are_no_arterial_input_although_their_pixels_are_larger(folder, untouched):
    def finer(image, path):
        if int(image.InstanceNumber) % 3 == 0:
            pixels = np.kron(image.pixel_array, np.ones((2, 2), int))
            image.Rows = image.Columns = 16
            image.PixelSpacing = [float(one) / 2 for one in image.PixelSpacing]
            image.PixelData = pixels.astype("<u2").tobytes()

    each(folder / "scan2", finer)
    actual = read_study([folder])
    assert [one.signal.shape[1] for one in actual.rest.slices] == [8, 8, 16]
    assert actual.rest.aif_series is None
    assert [one.level for one in actual.rest.slices] == [one.level for one in untouched["siemens"].rest.slices]


def test_studies_of_two_names_under_one_id_are_not_one_patient(folder):
    def change(image, path):
        rest = "scan2" in str(path)
        image.PatientName = "Else^Somebody" if rest else "Doe^Jane"
        image.StudyInstanceUID = "2.25.8" if rest else "2.25.9"

    each(folder, change)
    assert "Images of different studies have one patient ID, but other names." in refusal(folder)


def test_a_subtraction_is_no_perfusion(folder):
    def change(image, path):
        image.ImageType = ["DERIVED", "PRIMARY", "SUBTRACTION"]
        put(image, np.clip(image.pixel_array.astype(int) - 100, 0, None))

    each(folder, change)
    assert "16 images per slice position that show no magnitude (subtraction)" in refusal(folder)
