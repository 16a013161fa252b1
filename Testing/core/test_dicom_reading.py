"""Perfusion is found among anything, decided from the data, and what was decided is said."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from dicom_edits import put
from dicom_studies import bolus_slice, edit, rest_only, said, slice_matrix, small_scan, small_study, written
from PerfusionDLLib.data.identity import is_same
from PerfusionDLLib.data.study import Condition, Level, Study
from PerfusionDLLib.dicom import find_candidates, read_study
from PerfusionDLLib.dicom.read.clock import read_date_time_s


def add_series(
    folder, name, *, count, number, seconds_apart=1.0, trigger_ms=None, places=1, time_of_day="095000", **more
):
    """Another series of the same patient beside the study, made from one of its images."""
    template = pydicom.dcmread(sorted(folder.rglob("*.dcm"))[0])
    (folder / "other").mkdir(exist_ok=True)
    begin_s = read_date_time_s("20250115" + time_of_day)
    for index in range(count):
        template.SeriesDescription = template.ProtocolName = name
        template.SeriesNumber, template.InstanceNumber = number, index + 1
        template.SeriesInstanceUID = f"2.25.{number}"
        template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number}.{index + 1}"
        moment = np.datetime64(int((begin_s + index * seconds_apart) * 1000), "ms").astype(object)
        template.AcquisitionTime = template.ContentTime = moment.strftime("%H%M%S.%f")
        template.TriggerTime = "10" if trigger_ms is None else str(index * trigger_ms)
        x, y, z = template.ImagePositionPatient
        template.ImagePositionPatient = [x, y, z + (7 if index and index % (count // places) == 0 else 0)]
        for keyword, value in more.items():
            setattr(template, keyword, value(index) if callable(value) else value)
        template.save_as(folder / "other" / f"{number}_{index}.dcm")


def test_scans_from_a_database_are_those_from_a_folder(tmp_path):
    """With the time between rest and stress, and with what is doubted: here an image that cannot be read."""
    folder = written(tmp_path, small_study(slices=1))
    files = sorted(folder.rglob("*.dcm"))
    files[3].write_bytes(files[3].read_bytes()[:700])
    read = read_study([folder]).scans
    found = sorted(find_candidates(files), key=lambda one: one.condition is not Condition.REST)
    assert np.isfinite(read[0].minutes_after_other)
    assert is_same([one.visit.read()[one.condition] for one in found], list(read))


def test_perfusion_is_found_among_everything_else(tmp_path):
    folder = written(tmp_path, small_study(slices=1))
    add_series(folder, "localizer", count=3, number=1, places=3)
    add_series(folder, "cine_sax", count=25, number=2, seconds_apart=0.0, trigger_ms=32)
    add_series(folder, "T1 MOLLI", count=11, number=3, InversionTime=lambda index: str(100 + 80 * index))
    add_series(folder, "TI scout", count=28, number=4, InversionTime=lambda index: str(100 + 20 * index))
    add_series(folder, "LGE stack", count=12, number=5, places=12)
    (folder / "notes.txt").write_text("not DICOM")
    (folder / "DICOMDIR").write_bytes(b"\0" * 200)
    study = read_study([folder])
    assert [len(scan.slices) for scan in study.scans] == [1, 1]
    assert {"rest", "stress"} == {scan.condition for scan in study.scans}


def test_a_volume_of_thin_planes_beside_a_scan_is_no_slice_of_it(tmp_path):
    folder = written(tmp_path, rest_only(slices=1))
    moments = [pydicom.dcmread(path).AcquisitionTime for path in sorted(folder.rglob("*.dcm"))]
    add_series(
        folder,
        "3D angiography",
        count=60,
        number=6,
        AcquisitionTime=lambda index: moments[index % len(moments)],
        ImagePositionPatient=lambda index: [0, 0, 0.8 * index],
    )
    assert [len(one.signal) for one in read_study([folder]).rest.slices] == [len(moments)]


@pytest.mark.parametrize(("slices", "levels"), [(1, ["mid"]), (2, ["basal", "mid"]), (3, ["basal", "mid", "apical"])])
def test_levels_follow_the_number_of_slices(slices, levels, tmp_path):
    study = read_study([written(tmp_path, rest_only(slices=slices))])
    assert [one.level for one in study.rest.slices] == levels


def test_slices_run_from_base_to_apex_however_they_are_stored(tmp_path):
    scan = small_scan(Condition.REST)
    backward = replace(scan, slices=scan.slices[::-1])
    actual = read_study([written(tmp_path, Study(rest=backward))]).rest
    for got, wanted in zip(actual.slices, scan.slices, strict=True):
        np.testing.assert_allclose(got.ijk_to_ras, wanted.ijk_to_ras, atol=1e-6)
        np.testing.assert_array_equal(got.signal, wanted.signal)


def test_a_scan_with_two_slices_takes_the_levels_of_the_three_beside_it(tmp_path):
    stress = small_scan(Condition.STRESS)
    study = Study(rest=small_scan(Condition.REST), stress=replace(stress, slices=stress.slices[1:]))
    actual = read_study([written(tmp_path, study)])
    assert [one.level for one in actual.stress.slices] == [Level.MID, Level.APICAL]
    assert said(actual.rest, "The scans differ in slices")


def test_a_long_axis_slice_is_left_out(tmp_path):
    scan = small_scan(Condition.REST)
    matrix = slice_matrix(9)
    matrix[:3, :3] = matrix[:3, [1, 2, 0]]
    matrix[:3, :3] *= np.array([2.1, 2.2, 8]) / np.linalg.norm(matrix[:3, :3], axis=0)
    long_axis = replace(bolus_slice(9, rr_s=0.95, delay_s=0.5), ijk_to_ras=matrix)
    actual = read_study([written(tmp_path, Study(rest=replace(scan, slices=(*scan.slices, long_axis))))])
    assert len(actual.rest.slices) == 3
    assert said(actual.rest, "long-axis")


def test_words_beat_heart_rate(tmp_path):
    folder = written(tmp_path, small_study(slices=1, rr_s=0.8))
    actual = read_study([folder])
    assert said(actual.stress, "series descriptions")


def test_without_words_the_faster_heart_is_stress(tmp_path):
    actual = read_study([written(tmp_path, small_study(slices=1), "philips")])
    assert np.diff(actual.stress.slices[0].times_s).mean() < np.diff(actual.rest.slices[0].times_s).mean()
    assert said(actual.stress, "shorter R-R interval (0.70 s against 0.95 s)")


def test_without_words_and_with_equal_heart_rates_the_first_is_stress(tmp_path):
    folder = written(tmp_path, small_study(slices=1, rr_s=0.9), "philips")
    first = {path.name for path in (folder / "scan1").iterdir()}
    actual = read_study([folder])
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in (folder / "scan1").iterdir()}
    assert first
    assert set(actual.stress.slices[0].instance_uids) <= uids
    assert said(actual.stress, "Check this")


def test_a_chosen_folder_overrules_everything(tmp_path):
    folder = written(tmp_path, small_study(slices=1))
    actual = read_study([folder], rest=folder / "scan1")
    assert "STRESS" in pydicom.dcmread(min((folder / "scan1").iterdir())).SeriesDescription
    uids = {pydicom.dcmread(path).SOPInstanceUID for path in (folder / "scan1").iterdir()}
    assert set(actual.rest.slices[0].instance_uids) <= uids
    assert said(actual.rest, "chosen as rest")
    assert said(actual.stress, "because the other scan was chosen")


def test_the_scanners_own_motion_correction_is_passed_over_for_the_original(tmp_path):
    folder = written(tmp_path, rest_only(slices=1))
    template = sorted(folder.rglob("*.dcm"))
    for index, path in enumerate(template):
        image = pydicom.dcmread(path)
        image.ImageType = ["DERIVED", "PRIMARY", "M", "MOCO"]
        image.SeriesDescription += "_MOCO"
        image.SeriesNumber, image.SeriesInstanceUID = 5, "2.25.5"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.5.{index}"
        image.save_as(folder / f"moco{index}.dcm")
    actual = read_study([folder]).rest
    assert len(actual.slices) == 1
    assert not any(uid.startswith("2.25.5.") for uid in actual.slices[0].instance_uids)
    assert said(actual, "Not used: series 5 shows the same slices in the same heartbeats again")


def test_the_same_file_twice_is_one_file(tmp_path):
    folder = written(tmp_path, rest_only(slices=1))
    for path in list(folder.rglob("*.dcm")):
        (folder / f"copy_of_{path.name}").write_bytes(path.read_bytes())
    assert len(read_study([folder]).rest.slices[0].signal) == 14


def test_a_low_resolution_series_is_the_arterial_input(tmp_path):
    scan = small_scan(Condition.REST)
    wide = slice_matrix(0, spacing_mm=4.5)
    aif = replace(bolus_slice(0, rr_s=0.95, delay_s=0.02), ijk_to_ras=wide)
    folder = written(tmp_path, Study(rest=replace(scan, slices=(aif, *scan.slices))))
    actual = read_study([folder]).rest
    assert len(actual.slices) == 3
    np.testing.assert_array_equal(actual.aif_series.signal, aif.signal)
    assert said(actual, "arterial input series")


def test_two_scans_in_one_series_are_told_apart_by_the_pause(tmp_path):
    folder = written(tmp_path, small_study(slices=1))

    def merge(image, index):
        image.SeriesInstanceUID, image.SeriesDescription, image.ProtocolName = "2.25.9", "perf", "perf"
        image.InstanceNumber = index + 1

    edit(folder, merge)
    actual = read_study([folder])
    assert [len(scan.slices) for scan in actual.scans] == [1, 1]


def test_a_pre_bolus_is_the_arterial_input_of_the_scan_that_follows(tmp_path):
    folder = written(tmp_path, small_study(slices=1))

    def rename(image, index):
        image.SeriesDescription = image.ProtocolName = "perf prebolus"

    edit(folder / "scan1", rename)
    actual = read_study([folder]).rest
    assert actual.aif_series is not None
    assert said(actual, "pre-bolus")


def test_a_test_bolus_is_no_scan(tmp_path):
    folder = written(tmp_path, small_study(slices=1))

    def rename(image, index):
        image.SeriesDescription = image.ProtocolName = "Testbolus axial"

    edit(folder / "scan1", rename)
    actual = read_study([folder])
    assert actual.stress is None
    assert said(actual.rest, "a test bolus")


def test_of_three_scans_those_that_say_rest_and_stress_are_taken(tmp_path):
    folder = written(tmp_path, small_study(slices=1))
    for path in list((folder / "scan1").iterdir()):
        image = pydicom.dcmread(path)
        image.SeriesDescription = image.ProtocolName = "perf dry run"
        put(image, image.pixel_array + 3)
        image.SeriesInstanceUID, image.SeriesNumber = "2.25.3", 3
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.3.{image.InstanceNumber}"
        image.AcquisitionTime = image.ContentTime = f"09{image.AcquisitionTime[2:]}"
        image.save_as(path.with_name(f"dry{path.name}"))
    actual = read_study([folder])
    assert said(actual.stress, "series 3, described as neither rest nor stress")
    assert not any(uid.startswith("2.25.3.") for uid in actual.stress.slices[0].instance_uids)


def test_phase_images_are_no_slices(tmp_path):
    folder = written(tmp_path, rest_only(slices=1))
    for path in list(folder.rglob("*.dcm")):
        image = pydicom.dcmread(path)
        image.ImageType = ["ORIGINAL", "PRIMARY", "P", "ND"]
        image.SeriesInstanceUID, image.SeriesNumber = "2.25.3", 3
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.3.{image.InstanceNumber}"
        image.save_as(path.with_name(f"phase{path.name}"))
    actual = read_study([folder]).rest
    assert len(actual.slices) == 1
    assert not any(uid.startswith("2.25.3.") for uid in actual.slices[0].instance_uids)


def test_scans_without_a_time_of_day_are_told_apart_by_their_places(tmp_path):
    folder = written(tmp_path, small_study(slices=2), "ge")

    def forget(image, index):
        for keyword in ("AcquisitionTime", "ContentTime", "SeriesTime"):
            delattr(image, keyword)

    edit(folder, forget)
    actual = read_study([folder])
    assert [len(scan.slices) for scan in actual.scans] == [2, 2]
    assert said(actual.stress, "by heart rate")


def add_copies(folder, number, change):
    """A further series that shows the images again, each changed."""
    for index, path in enumerate(sorted(folder.rglob("*.dcm"))):
        image = pydicom.dcmread(path)
        image.SeriesNumber, image.SeriesInstanceUID = number, f"2.25.{number}"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"2.25.{number}.{index + 1}"
        change(image)
        image.save_as(folder / f"series{number}_{index}.dcm")


def test_motion_correction_that_only_the_description_tells_is_passed_over(tmp_path):
    """Its number is the lower one, as some scanners give it, and its image type says nothing."""
    folder = written(tmp_path, rest_only(slices=1))
    add_copies(folder, 5, lambda image: setattr(image, "SeriesDescription", "perf_rest_MOCO"))
    actual = read_study([folder]).rest
    assert not any(uid.startswith("2.25.5.") for uid in actual.slices[0].instance_uids)
    assert said(
        actual, "Not used: series 5 shows the same slices in the same heartbeats again (the original was taken)"
    )


def test_an_arterial_input_that_only_the_description_tells_is_none_of_the_slices(tmp_path):
    folder = written(tmp_path, rest_only(slices=1))
    add_copies(folder, 5, lambda image: setattr(image, "SeriesDescription", "perf_rest_AIF"))
    actual = read_study([folder]).rest
    assert [uid for uid in actual.slices[0].instance_uids if uid.startswith("2.25.5.")] == []
    assert all(uid.startswith("2.25.5.") for uid in actual.aif_series.instance_uids)
    assert said(actual, "The arterial input series is series 5: its description says so")
