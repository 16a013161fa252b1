"""A study that cannot be read says what is wrong and what to do, and names nobody."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_checks import doubted
from dicom_studies import small_scan, small_study
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import Condition, Identity, Study
from PerfusionDLLib.dicom import read_study, write_study

NAME = "Doe^Jane"


@pytest.fixture
def folder(tmp_path):
    """One rest scan of one slice, as Siemens writes it."""
    return write_rest(tmp_path, slices=1)


@pytest.fixture
def three_slices(tmp_path):
    """The same with three slices."""
    return write_rest(tmp_path, slices=3)


def write_rest(tmp_path, *, slices):
    scan = small_scan(Condition.REST, slices=slices)
    study = Study(rest=scan, identity=Identity(patient_name=NAME, patient_id="4711"))
    write_study(study, tmp_path / "study", vendor="siemens")
    return tmp_path / "study"


def files(folder):
    return sorted(folder.rglob("*.dcm"))


def edit(folder, change):
    for index, path in enumerate(files(folder)):
        image = pydicom.dcmread(path)
        change(image, index)
        image.save_as(path)


def refusal(folder, **options):
    """What the user is told."""
    with pytest.raises(PerfusionError) as caught:
        read_study([folder], **options)
    message = str(caught.value)
    assert "Doe" not in message
    assert "4711" not in message
    assert str(folder) not in message
    assert caught.value.problem.endswith(".")
    assert caught.value.remedy.endswith(".")
    return message


def test_a_missing_folder(tmp_path):
    assert "does not exist" in refusal(tmp_path / "nowhere")


def test_an_empty_folder(tmp_path):
    assert "The folder is empty" in refusal(tmp_path)


def test_files_that_are_not_dicom(tmp_path):
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4" + bytes(500))
    (tmp_path / "image.png").write_bytes(b"\x89PNG" + bytes(500))
    assert "2 files, but none is a DICOM file" in refusal(tmp_path)


def test_no_perfusion_series_lists_what_there_is(three_slices):
    def make_localizer(image, index):
        image.SeriesDescription = "localizer"
        image.ImagePositionPatient = [0, 0, 10 * index]

    edit(three_slices, make_localizer)
    message = refusal(three_slices)
    assert "No first-pass perfusion series was found" in message
    assert "series 10: one image per slice position, 42 in all" in message


def test_one_frame_per_slice(three_slices):
    for path in files(three_slices)[3:]:
        path.unlink()
    assert "one image per slice position, 3 in all" in refusal(three_slices)


def test_times_missing_everywhere(folder):
    def forget(image, index):
        for keyword in ("AcquisitionTime", "ContentTime", "TriggerTime", "NominalInterval"):
            delattr(image, keyword)

    edit(folder, forget)
    message = refusal(folder)
    assert "do not say when each frame was acquired" in message
    assert "R-R interval" in message


def test_times_shuffled_against_the_numbers(folder):
    times = [pydicom.dcmread(path).AcquisitionTime for path in files(folder)]
    shuffled = np.random.default_rng(0).permutation(len(times))

    def shuffle(image, index):
        image.AcquisitionTime = image.ContentTime = times[shuffled[index]]

    edit(folder, shuffle)
    assert doubted(read_study([folder]).rest, "signal runs smoothly in the order of InstanceNumber")
    edit(folder, lambda image, index: delattr(image, "NominalInterval"))
    assert "shuffled" in refusal(folder)


def said(scan, words):
    return any(words in flag.text for flag in scan.assumptions)


def test_images_missing_from_the_middle_are_named_and_leave_gaps(three_slices):
    before = read_study([three_slices]).rest
    for index in (20, 31):
        files(three_slices)[index].unlink()
    after = read_study([three_slices]).rest
    assert doubted(after, "Images 21, 33 are missing from series 10")
    assert sum(len(one.times_s) for one in after.slices) == 40
    for one, whole in zip(after.slices, before.slices, strict=True):
        assert set(one.times_s) <= set(whole.times_s)


def test_two_of_three_slices_are_read(three_slices):
    for path in files(three_slices):
        if int(pydicom.dcmread(path).InstanceNumber) % 3 == 2:
            path.unlink()
    assert [len(one.times_s) for one in read_study([three_slices]).rest.slices] == [14, 14]


def test_a_slice_series_that_ends_early_is_read_and_doubted(tmp_path):
    write_study(small_study(), tmp_path, vendor="ge")
    for path in files(tmp_path / "scan2")[-4:]:
        path.unlink()
    actual = read_study([tmp_path]).rest
    assert sorted(len(one.times_s) for one in actual.slices) == [10, 14, 14]
    assert doubted(actual, "lacks 4 of the frames at the beginning or the end")


def test_a_slice_that_ends_early_in_a_series_of_all_slices(tmp_path):
    write_study(small_study(), tmp_path, vendor="philips")
    for path in files(tmp_path / "scan2")[-9:]:
        path.unlink()
    assert doubted(read_study([tmp_path]).rest, "is not used: it has 5 frames where another has 14")


def test_missing_time_points_are_counted(tmp_path):
    write_study(small_study(slices=1), tmp_path, vendor="philips")
    files(tmp_path / "scan1")[-1].unlink()
    assert said(read_study([tmp_path]).stress, "13 of 14 time points are there")


def test_one_image_whose_pixels_are_cut_off_is_set_aside(folder):
    path = files(folder)[7]
    path.write_bytes(path.read_bytes()[:-100])
    actual = read_study([folder]).rest
    assert len(actual.slices[0].times_s) == 13
    assert doubted(actual, "Image 8 of series 10 is not used: the pixels of image 8")


def test_pixels_cut_off_in_many_images(folder):
    for path in files(folder)[5:]:
        path.write_bytes(path.read_bytes()[:-100])
    assert "The pixels of image 6 of series 10" in refusal(folder)


def test_one_image_without_pixels_is_set_aside(folder):
    def strip(image, index):
        if index == 7:
            del image.PixelData

    edit(folder, strip)
    assert doubted(read_study([folder]).rest, "Image 8 of series 10")


def test_a_file_whose_header_is_cut_off_is_named(folder):
    path = files(folder)[7]
    path.write_bytes(path.read_bytes()[:700])
    actual = read_study([folder]).rest
    assert len(actual.slices[0].times_s) == 13
    assert doubted(actual, "Image 8 is missing") or doubted(actual, f"The file {path.name} is damaged")


@pytest.mark.parametrize("share", [0.05, 0.2, 0.4, 0.6, 0.8, 0.95])
def test_a_multi_frame_file_cut_off_anywhere(share, tmp_path):
    write_study(Study(rest=small_scan(Condition.REST, slices=1)), tmp_path, vendor="enhanced")
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refusal(tmp_path)


def test_two_patients(folder):
    def rename(image, index):
        if index > 7:
            image.PatientID = "4712"

    edit(folder, rename)
    assert "2 patients" in refusal(folder)


def test_a_missing_decoder_is_named(folder, monkeypatch):
    def pretend(image, index):
        image.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
        image.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
        image["PixelData"].VR = "OB"

    edit(folder, pretend)
    decoder = pydicom.pixels.get_decoder(pydicom.uid.JPEGLSLossless)
    monkeypatch.setattr(type(decoder), "is_available", property(lambda self: False))
    message = refusal(folder)
    assert "JPEG-LS Lossless" in message
    assert "pylibjpeg" in message


def test_a_compression_nobody_knows(folder):
    def pretend(image, index):
        image.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
        image.PixelData = pydicom.encaps.encapsulate([b"\0\0"])
        image["PixelData"].VR = "OB"

    edit(folder, pretend)
    assert "MPEG2" in refusal(folder)


def test_an_unreadable_file(folder, monkeypatch):
    name, unpatched = files(folder)[4].name, Path.open

    def refuse(path, *arguments, **options):
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return unpatched(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", refuse)
    assert f"The file {name} cannot be read (Permission denied)" in refusal(folder)


def test_color_images(folder):
    def invert(image, index):
        image.PhotometricInterpretation = "MONOCHROME1"

    edit(folder, invert)
    assert "not plain grayscale" in refusal(folder)


def test_a_mosaic(folder):
    def join(image, index):
        image.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]

    edit(folder, join)
    assert "mosaic" in refusal(folder)


def test_three_scans_ask_for_a_choice(tmp_path):
    for index in range(3):
        rr_s = 0.7 + 0.1 * index
        scan = small_scan(Condition.REST, slices=1, rr_s=rr_s)
        write_study(Study(rest=scan), tmp_path / str(index), vendor="philips", seed=index)

    for index in range(3):

        def unite(image, _, hour=index):
            image.PatientID, image.StudyInstanceUID = "1", "2.25.1"
            image.AcquisitionTime = image.ContentTime = f"1{hour}0000"

        edit(tmp_path / str(index), unite)
    message = refusal(tmp_path)
    assert "There are 3 perfusion scans" in message
    assert "rest" in message


def test_a_chosen_folder_with_two_scans(tmp_path):
    write_study(small_study(slices=1), tmp_path, vendor="siemens")
    assert "The rest folder holds 2 perfusion scans" in refusal(tmp_path, rest=tmp_path)


def test_two_scans_that_both_say_stress(tmp_path):
    write_study(small_study(slices=1, rr_s=0.8), tmp_path, vendor="siemens")
    edit(tmp_path, lambda image, _: setattr(image, "SeriesDescription", "stress"))
    edit(tmp_path, lambda image, _: setattr(image, "ProtocolName", "stress"))
    message = refusal(tmp_path)
    assert "Both scans are described as stress" in message
    assert "--rest-series" in message


@pytest.mark.parametrize(
    ("keyword", "value", "named"),
    [
        ("SequenceName", "*tfi2d1_17", "bSSFP"),
        ("ProtocolName", "Perf SAX TrueFISP", "bSSFP"),
        ("ScanningSequence", ["GR", "EP"], "EPI"),
        ("GeometryOfKSpaceTraversal", "SPIRAL", "spiral"),
        ("RectilinearPhaseEncodeReordering", "CENTRIC", "centric"),
    ],
)
def test_a_sequence_that_the_signal_model_does_not_hold_for_is_a_grave_finding(folder, keyword, value, named):
    assert not read_study([folder]).rest.slices[0].acquisition.findings
    edit(folder, lambda image, _: setattr(image, keyword, value))
    (finding,) = read_study([folder]).rest.slices[0].acquisition.findings
    assert named in finding.text
