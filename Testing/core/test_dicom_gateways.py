"""What gateways, de-identifiers and technologists make of a visit: read as it was, or said in words."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from dicom_cases import FRAMES, SLICES, moved
from dicom_checks import assert_same, doubted, refusal, words
from dicom_edits import each, images, put, rename
from dicom_studies import small_study
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.dicom import read_study, write_study
from PerfusionDLLib.dicom.read.condition import read_condition


@dataclass(frozen=True)
class Recipe:
    """An edit of each image of a study as a vendor writes it, and what is said of the scans after it.

    edit : called with the image, whether it is one of rest, its slice and its heartbeat; False removes the image
    note, uncertainty : words; is_same : whether the numbers are those of the untouched study
    """

    vendor: str
    edit: object
    note: str = ""
    uncertainty: str = ""
    is_same: bool = True


RECIPES = []


def recipe(vendor="siemens", note="", *, uncertainty="", is_same=True):
    """Register an editor of each image."""

    def register(edit):
        RECIPES.append(Recipe(vendor, edit, note, uncertainty, is_same))
        return edit

    return register


@recipe(uncertainty="they begin their slice like proton-density images, and no other slice", is_same=False)
def proton_density_images_in_one_slice_alone(image, rest, place, beat):
    if place == 0 and beat < 2:
        put(image, np.minimum(image.pixel_array * 4.0, 4095))


@recipe("philips-enhanced", "TriggerTime (0.0) tells no delay of each after the R wave", is_same=False)
def trigger_delays_run_on_from_slice_to_slice(image, rest, place, beat):
    for index, groups in enumerate(image.PerFrameFunctionalGroupsSequence):
        groups.CardiacSynchronizationSequence[0].NominalCardiacTriggerDelayTime = 800.0 * index


@recipe(note="Times are from ContentTime.")
def two_heartbeats_share_an_acquisition_time(image, rest, place, beat, seen={}):  # noqa: B006, of the heartbeat before
    seen[rest, place, beat] = str(image.AcquisitionTime)
    image.AcquisitionTime = seen[rest, place, beat // 2 * 2]


@recipe(note="the bytes of the pixels were stored in the wrong order, and were exchanged")
def bytes_in_the_wrong_order(image, rest, place, beat):
    image.PixelData = image.pixel_array.astype("<u2").byteswap().tobytes()


@recipe(uncertainty="(the middle of LowRRValue and HighRRValue) in the order of InstanceNumber", is_same=False)
def no_interval_but_the_limits_of_heartbeats(image, rest, place, beat):
    interval = float(image.NominalInterval)
    del image.AcquisitionTime, image.ContentTime, image.NominalInterval
    image.LowRRValue, image.HighRRValue = round(0.9 * interval), round(1.1 * interval)


@recipe(uncertainty="The contrast agent Feraheme stays in the vessels", is_same=False)
def an_agent_that_stays_in_the_vessels(image, rest, place, beat):
    image.ContrastBolusAgent = "Feraheme"


@recipe(uncertainty="if it is in pounds; no height tells which", is_same=False)
def a_weight_in_pounds_without_a_height(image, rest, place, beat):
    image.PatientWeight = f"{float(image.PatientWeight) / 0.45359:.1f}"


@recipe(note="hours apart in one study, longer than a visit lasts: times were changed")
def times_shifted_by_hours_scan_by_scan(image, rest, place, beat):
    if rest:
        moved(image, timedelta(hours=5))
        image.SeriesTime = "151600"


@recipe(note="s between all frames, as no heart beats: it was computed", is_same=False)
def times_computed_from_an_interval(image, rest, place, beat):
    image.AcquisitionTime = image.ContentTime = f"1{rest:d}00{0.75 * beat + 0.1 * place:09.6f}"


@recipe("united-imaging", "The dates of the slices differ, not their times of day: they were acquired side by side.")
def the_date_of_one_slice_was_shifted(image, rest, place, beat):
    if str(image.SeriesNumber).endswith("1"):
        for keyword in ("SeriesDate", "AcquisitionDate", "ContentDate"):
            setattr(image, keyword, "20210304")
        image.AcquisitionDateTime = "20210304" + str(image.AcquisitionDateTime)[8:]


@recipe(note="was imaged 8 times while another was 16 times, evenly: not in every heartbeat", is_same=False)
def one_slice_in_every_second_heartbeat(image, rest, place, beat):
    image.InstanceNumber = 1 + place + beat // 2 * 3 + beat % 2 * 2
    return place == 0 or beat % 2 == 0


@recipe(is_same=False)
def two_slices_of_other_pixels(image, rest, place, beat):
    if place == 1:
        small = image.pixel_array.reshape(4, 2, 4, 2).mean(axis=(1, 3)).round()
        small[0] = 0
        image.Rows, image.Columns = small.shape
        image.PixelSpacing = [2 * float(one) for one in image.PixelSpacing]
        image.PixelData = small.astype("<u2").tobytes()


def edit(folder, change):
    """Apply an edit to every image; heartbeats and slices are counted as the Siemens writer numbers them."""

    def of_image(image, path):
        number = int(image.InstanceNumber) - 1
        return change(image, "scan2" in str(path), number % SLICES, number // SLICES)

    each(folder, of_image)


@pytest.fixture(scope="module")
def filed(tmp_path_factory):
    """A small study as a vendor writes it, written once, and what is read from it."""
    made = {}

    def make(vendor, folder):
        if vendor not in made:
            origin = tmp_path_factory.mktemp(vendor)
            write_study(small_study(slices=SLICES, frames=FRAMES), origin, vendor=vendor)
            made[vendor] = origin, read_study([origin])
        origin, expected = made[vendor]
        for path, image in images(origin):
            (folder / path.relative_to(origin)).parent.mkdir(exist_ok=True)
            image.save_as(folder / path.relative_to(origin))
        return expected

    return make


@pytest.mark.parametrize("made", RECIPES, ids=lambda one: one.edit.__name__)
def test_what_a_gateway_makes_of_a_visit_is_read_or_said(made, filed, tmp_path):
    expected = filed(made.vendor, tmp_path)
    edit(tmp_path, made.edit)
    actual = read_study([tmp_path])
    assert [len(scan.slices) for scan in actual.scans] == [SLICES, SLICES]
    if made.is_same:
        assert_same(actual, expected)
    new = words(actual, expected)
    assert not made.note or any(made.note in text for text in new), new
    assert doubted(actual.rest, made.uncertainty) or not made.uncertainty, new
    assert made.uncertainty or not actual.rest.slices[0].acquisition.findings
    begins_s = [one.times_s[0] for scan in actual.scans for one in scan.slices]
    assert max(begins_s) < 2.5  # no slice begins heartbeats after another


def test_a_slice_whose_clock_was_wrong_belongs_to_its_scan(filed, tmp_path):
    expected = filed("united-imaging", tmp_path)

    def late(image, rest, place, beat):
        if str(image.SeriesNumber).endswith("1"):
            moved(image, timedelta(seconds=9))
            image.AcquisitionDateTime = image.AcquisitionDate + image.AcquisitionTime

    edit(tmp_path, late)
    actual = read_study([tmp_path])
    assert doubted(actual.rest, "The times of the slices were shifted against each other; they were taken as the same")
    assert actual.rest.slices[1].times_s[-1] == pytest.approx(expected.rest.slices[1].times_s[-1], abs=0.2)


def test_a_scan_without_contrast_agent_beside_the_visit_is_left_out(filed, tmp_path):
    expected = filed("siemens", tmp_path)
    noise = np.random.default_rng(4)
    for path, image in list(images(tmp_path / "scan1")):
        rename(image, path, "dry")
        image.SeriesInstanceUID, image.SeriesNumber = "2.25.71", 8
        moved(image, timedelta(minutes=-4))
        put(image, np.full(image.pixel_array.shape, 200) + noise.integers(0, 9, image.pixel_array.shape))
        image.save_as(path.with_name(f"dry_{path.name}"))
    actual = read_study([tmp_path])
    assert_same(actual, expected)
    assert any("signal does not rise in it" in text for text in words(actual, expected))


def test_phase_images_that_nothing_names_are_not_taken_for_the_magnitude(filed, tmp_path):
    expected = filed("siemens", tmp_path)
    noise = np.random.default_rng(5)
    for path, image in list(images(tmp_path)):
        rename(image, path, "phase")
        image.SeriesInstanceUID, image.SeriesNumber = f"{image.SeriesInstanceUID[:50]}.7", int(image.SeriesNumber) - 5
        put(image, noise.integers(0, 4096, image.pixel_array.shape))
        image.save_as(path.with_name(f"phase_{path.name}"))
    assert_same(read_study([tmp_path]), expected)


def test_an_arterial_input_among_the_images_of_its_series_is_told_by_its_saturation_time(filed, tmp_path):
    expected = filed("siemens", tmp_path)
    for path, image in list(images(tmp_path)):
        if int(image.InstanceNumber) % SLICES:
            rename(image, path, "input")
            image.InversionTime, image.InstanceNumber = "30", int(image.InstanceNumber) + 900
            moved(image, timedelta(seconds=-0.05))
            put(image, image.pixel_array * 0.5)
            image.save_as(path.with_name(f"input_{path.name}"))
    actual = read_study([tmp_path])
    assert [len(scan.slices) for scan in actual.scans] == [SLICES, SLICES]
    assert all(len(scan.aif_series.times_s) == FRAMES for scan in actual.scans)
    np.testing.assert_allclose(actual.rest.slices[0].signal, expected.rest.slices[0].signal, rtol=1e-5)


def test_files_of_a_heartbeat_that_came_twice_are_copies(filed, tmp_path):
    expected = filed("siemens-xa", tmp_path)
    for path, image in list(images(tmp_path))[3::7]:
        rename(image, path, "again")
        image.InstanceNumber = int(image.InstanceNumber) + 500
        image.save_as(path.with_name(f"again_{path.name}"))
    actual = read_study([tmp_path])
    assert_same(actual, expected)
    assert all("has the same pixels" in text for text in words(actual, expected))


def test_positions_that_were_lost_are_named(filed, tmp_path):
    filed("siemens", tmp_path)

    def lose(image, rest, place, beat):
        image.ImagePositionPatient, image.SliceLocation = [0, 0, 0], 8 * place

    edit(tmp_path, lose)
    assert "is the same in all of them, although SliceLocation tells 2 slices" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("said", "condition"),
    [
        ("perfuze zátěž", Condition.STRESS),
        ("perfuze klid", Condition.REST),
        ("心筋血流 負荷", Condition.STRESS),
        ("心筋血流 安静", Condition.REST),
        ("перфузия нагрузка", Condition.STRESS),
        ("перфузия покой", Condition.REST),
        ("perfusão esforço", Condition.STRESS),
        ("obciążenie", Condition.STRESS),
    ],
)
def test_rest_and_stress_are_words_of_many_languages(said, condition):
    assert read_condition(said) is condition
