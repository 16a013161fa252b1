"""The list of series: what each is taken for, and that another choice is read."""

import numpy as np
import pydicom
import pytest
from dicom_studies import small_study
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.dicom import ReadChoices, list_series, read_study, write_study


@pytest.fixture
def folder(tmp_path):
    write_study(small_study(slices=2), tmp_path / "study", vendor="siemens")
    return tmp_path / "study"


def test_every_series_is_listed_with_its_role_and_a_picture(folder):
    found = list_series([folder])
    used = [one for one in found.series if one.condition]
    assert found.problem == ""
    assert {one.condition for one in used} == set(Condition)
    assert len({one.scan for one in used}) == 2
    for one in used:
        assert one.frames == 14
        assert one.reason.startswith(f"Taken as {one.condition}")
        assert one.picture.dtype == np.uint8
        assert one.picture.max() > one.picture.min()


def test_the_picture_is_the_brightest_frame(folder):
    one = list_series([folder]).series[0]
    scan = next(scan for scan in read_study([folder]).scans if scan.condition is one.condition)
    signal = scan.slices[one.slices // 2].signal
    assert one.picture.shape == signal.shape[1:]
    middle = signal[:, 2:6, 2:6]
    brightest = signal[np.argmax(np.percentile(middle.reshape(len(middle), -1), 95, axis=1))]
    assert np.corrcoef(one.picture.ravel(), np.clip(brightest, *np.percentile(brightest, (1, 99))).ravel())[0, 1] > 0.9


def test_what_the_user_chooses_from_the_list_is_read(folder):
    found = list_series([folder])
    scans = {one.scan: one.uid for one in found.series}
    assert set(scans) == {0, 1}
    for stress in (0, 1):
        choices = ReadChoices(series={Condition.STRESS: scans[stress], Condition.REST: scans[1 - stress]})
        study = read_study([folder], choices=choices)
        files = {pydicom.dcmread(path).SOPInstanceUID for path in folder.rglob("*.dcm") if is_of(path, scans[stress])}
        assert set(study.stress.slices[0].instance_uids) <= files
        listed = list_series([folder], choices=choices)
        assert {one.uid: one.condition for one in listed.series}[scans[stress]] is Condition.STRESS


def is_of(path, uid):
    return pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID == uid


def test_a_series_that_is_no_perfusion_says_why_and_cannot_be_chosen(folder, tmp_path):
    path = next(folder.rglob("*.dcm"))
    image = pydicom.dcmread(path)
    image.SeriesInstanceUID, image.SOPInstanceUID = pydicom.uid.generate_uid(), pydicom.uid.generate_uid()
    image.SeriesNumber, image.SeriesDescription = 99, "localizer"
    image.save_as(folder / "localizer.dcm")
    last = list_series([folder]).series[-1]
    assert (last.number, last.description, last.images) == ("99", "localizer", 1)
    assert last.scan is None
    assert "one image per slice position" in last.reason


def test_where_the_reader_is_at_a_loss_every_scan_can_be_chosen(folder):
    uid = pydicom.uid.generate_uid()
    rest = {one.uid for one in list_series([folder]).series if one.condition is Condition.REST}
    for path in list(folder.rglob("*.dcm")):
        image = pydicom.dcmread(path)
        if image.SeriesInstanceUID in rest:
            image.SeriesInstanceUID, image.SeriesNumber = uid, 77
            image.PixelData = (image.pixel_array + 1).tobytes()
            image.SOPInstanceUID = pydicom.uid.generate_uid()
            for keyword in ("AcquisitionTime", "ContentTime"):
                if keyword in image:
                    hours = int(str(image[keyword].value)[:2])
                    image[keyword].value = f"{(hours + 1) % 24:02d}{str(image[keyword].value)[2:]}"
            image.save_as(path.with_name(f"again_{path.name}"))
    found = list_series([folder])
    assert "3 perfusion scans" in found.problem
    assert {one.scan for one in found.series} == {0, 1, 2}
    assert all(one.condition is None and "nothing tells" in one.reason for one in found.series)
