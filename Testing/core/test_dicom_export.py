"""Results leave as DICOM objects of the patient's study, and hold what the results hold."""

import json
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK
from dicom_studies import small_scan
from patience import PATIENCE_S
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.result import StudyResult
from PerfusionDLLib.data.study import Condition, Identity, Scan, Study
from PerfusionDLLib.dicom import export_results, read_study, write_study

MOMENT = datetime(2025, 1, 20, 14, 30)
PDF = b"%PDF-1.4 a report of odd length"


@pytest.fixture(scope="module")
def exported(finished_study, tmp_path_factory):
    """Folder of the source images, the scans read from them, and the folder of the results."""
    folder = tmp_path_factory.mktemp("exported")
    sources, results = folder / "sources", folder / "results"
    scans = from_dicom(finished_study.scans, sources, "siemens")
    read = replace(finished_study, preprocessed=PreprocessedStudy(scans=tuple(scans)))
    export_results(results, [sources], read, moment=MOMENT, report_pdf=PDF)
    return sources, scans, results


@pytest.fixture(scope="module")
def report(exported):
    """The segment table as highdicom reads it."""
    return hd.sr.srread(exported[2] / "segment_table.dcm")


@pytest.fixture(scope="module")
def small(exported, finished_study):
    """The first slice of the first scan with two rows of the table, for `export_results`, and its files."""
    sources, scans, results = exported
    scan, flow = scans[0], finished_study.maps[0]
    arguments = {
        "sources": [sources],
        "scans": [replace(scan, slices=scan.slices[:1])],
        "maps": [replace(flow, slices=flow.slices[:1])],
        "table": replace(finished_study.table, segments=finished_study.table.segments[:2], territories=()),
        "moment": MOMENT,
        "report_pdf": PDF,
    }
    export(results.with_name("small"), **arguments)
    return arguments, results.with_name("small")


def export(folder, *, sources, scans, maps, table, **how):
    """`export_results` of scans, maps and a table."""
    result = StudyResult(preprocessed=PreprocessedStudy(scans=tuple(scans)), maps=tuple(maps), table=table)
    return export_results(folder, sources, result, **how)


def from_dicom(preprocessed, folder, vendor):
    """The same scans as if their series had been read from DICOM, 20 mm apart."""
    by_condition = {}
    for scan in preprocessed:
        slices = []
        for index, part in enumerate(scan.slices):
            matrix = part.series.ijk_to_ras.copy()
            matrix[2, 3] -= 20 * index
            kept = slice(0, 16)
            slices.append(
                replace(
                    part.series,
                    signal=part.series.signal[kept],
                    times_s=part.series.times_s[kept] + 0.1 * index,
                    ijk_to_ras=matrix,
                )
            )
        by_condition[scan.condition] = Scan(condition=scan.condition, slices=tuple(slices))
    identity = Identity(patient_name="Made^Up", patient_id="X-17")
    study = Study(rest=by_condition[Condition.REST], stress=by_condition[Condition.STRESS], identity=identity)
    write_study(study, folder, vendor=vendor)
    read = {scan.condition: scan for scan in read_study([folder]).scans}
    return [
        replace(
            scan,
            slices=tuple(
                replace(part, series=series)
                for part, series in zip(scan.slices, read[scan.condition].slices, strict=True)
            ),
        )
        for scan in preprocessed
    ]


def objects(results, kind):
    """Files of one kind, by condition and slice."""
    return {path.name.split("_")[0] + path.name.split("_")[1]: path for path in sorted(results.glob(f"*_{kind}.dcm"))}


def test_there_is_a_file_for_every_result(exported):
    _, _, results = exported
    names = sorted(path.name for path in results.iterdir())
    kinds = ("AHA_segments", "MBF", "contours")
    slices = ("1_basal", "2_mid", "3_apical")
    expected = [f"{which}_{one}_{kind}.dcm" for which in ("rest", "stress") for one in slices for kind in kinds]
    assert names == sorted([*expected, "report.dcm", "segment_table.dcm"])


def test_contours_are_read_back_as_drawn(exported):
    _, scans, results = exported
    for scan in scans:
        for index, part in enumerate(scan.slices):
            segmentation = hd.seg.segread(objects(results, "contours")[f"{scan.condition}{index + 1}"])
            read = segmentation.get_volume(combine_segments=True)
            np.testing.assert_array_equal(read.array[0], part.contours.labels)
            matrix = np.diag([-1, -1, 1, 1]) @ part.series.ijk_to_ras
            np.testing.assert_allclose(read.affine[:3, [2, 1, 3]], matrix[:3, [0, 1, 3]], atol=1e-5)


def test_results_of_a_multi_frame_study_are_read_back_alike(finished_study, tmp_path):
    sources = [tmp_path / "sources"]
    scans = from_dicom(finished_study.scans, sources[0], "enhanced")[:1]
    table = replace(finished_study.table, segments=finished_study.table.segments[:1], territories=())
    export(
        tmp_path, sources=[tmp_path / "sources"], scans=scans, maps=finished_study.maps[:1], table=table, moment=MOMENT
    )
    for index, part in enumerate(scans[0].slices):
        segmentation = hd.seg.segread(objects(tmp_path, "contours")[f"rest{index + 1}"])
        read = segmentation.get_volume(combine_segments=True)
        np.testing.assert_array_equal(read.array[0], part.contours.labels)
        assert part.series.instance_uids[14] in str(segmentation.ReferencedSeriesSequence)


def test_contours_say_what_they_are_and_who_drew_them(exported):
    _, scans, results = exported
    for scan in scans:
        for index, part in enumerate(scan.slices):
            segmentation = hd.seg.segread(objects(results, "contours")[f"{scan.condition}{index + 1}"])
            myocardium = segmentation.get_segment_description(int(Label.MYOCARDIUM))
            assert myocardium.segmented_property_type.value == "49848007"
            edited = scan.condition is Condition.STRESS and index == 1
            assert myocardium.SegmentAlgorithmType == ("SEMIAUTOMATIC" if edited else "AUTOMATIC")
            assert "PerfusionDL" in str(myocardium.SegmentationAlgorithmIdentificationSequence[0].AlgorithmName)
            assert part.series.instance_uids[14] in str(segmentation.ReferencedSeriesSequence)


def test_flow_maps_are_read_back_bit_by_bit_with_their_unit(exported, finished_study):
    _, _, results = exported
    for flow in finished_study.maps:
        for index, expected in enumerate(flow.slices):
            image = pydicom.dcmread(objects(results, "MBF")[f"{flow.condition}{index + 1}"])
            values = np.frombuffer(image.FloatPixelData, np.float32).reshape(image.Rows, image.Columns)
            np.testing.assert_array_equal(values, expected.mbf_ml_min_g)
            mapping = image.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
            assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "mL/min/g"
            assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == "126390"


def measured(report):
    """Value by region, condition and concept of every measurement in a report."""
    found = {}
    groups = (
        *report.content.get_volumetric_roi_measurement_groups(),
        *report.content.get_image_measurement_groups(),
    )
    for group in groups:
        for measurement in group.get_measurements():
            found[group.tracking_identifier, measurement.name.value] = measurement.value
    return found


def test_every_number_of_the_report_is_the_tables(report, finished_study):
    found = measured(report)
    table = finished_study.table
    count = 0
    for row in (*table.segments, *table.territories, table.whole):
        for condition, flow in (("rest", row.rest), ("stress", row.stress)):
            for name, code in (
                ("mbf_ml_min_g", "126390"),
                ("mbf_low_ml_min_g", "MBF_LOW"),
                ("mbf_high_ml_min_g", "MBF_HIGH"),
                ("endo_ml_min_g", "MBF_ENDO"),
                ("epi_ml_min_g", "MBF_EPI"),
                ("endo_epi_ratio", "ENDO_EPI"),
                ("endo_low_ml_min_g", "MBF_ENDO_LOW"),
                ("endo_high_ml_min_g", "MBF_ENDO_HIGH"),
                ("epi_low_ml_min_g", "MBF_EPI_LOW"),
                ("epi_high_ml_min_g", "MBF_EPI_HIGH"),
                ("endo_epi_ratio_low", "ENDO_EPI_LOW"),
                ("endo_epi_ratio_high", "ENDO_EPI_HIGH"),
                ("failed_share", "FAILED"),
            ):
                value = found.pop((f"{row.name}, {condition}", code), float("nan"))
                assert value == pytest.approx(getattr(flow, name), nan_ok=True)
                count += np.isfinite(value)
        for name, code in (("mpr", "MPR"), ("mpr_low", "MPR_LOW"), ("mpr_high", "MPR_HIGH")):
            assert found.pop((f"{row.name}, reserve", code)) == pytest.approx(getattr(row, name))
    assert count > 16 * 2 * 7
    assert {code for _, code in found} == {"MBF_CURVE"}


def test_every_number_of_the_report_bears_the_flags_of_the_tables(report, finished_study):
    groups = {one.tracking_identifier: one for one in report.content.get_image_measurement_groups()}
    groups |= {one.tracking_identifier: one for one in report.content.get_volumetric_roi_measurement_groups()}
    table, flagged = finished_study.table, 0
    for row in (*table.segments, *table.territories, table.whole):
        for condition in ("rest", "stress", None):
            group = groups[f"{row.name}, {condition or 'reserve'}"]
            said = [one.value.value for one in group.get_qualitative_evaluations() if one.name.value == "FINDING"]
            assert said == [str(flag.code) for flag in row.flags_of(condition)]
            flagged += len(said)
    assert flagged


def test_segments_of_the_report_point_at_their_pixels(exported, report, finished_study):
    _, _, results = exported
    (group,) = [
        one
        for one in report.content.get_volumetric_roi_measurement_groups()
        if one.tracking_identifier == "mid inferior, stress"
    ]
    segmentation = hd.seg.segread(objects(results, "AHA_segments")["stress2"])
    (reference,) = [item for item in group[0].ContentSequence if item.name.value == "121191"]
    assert reference.referenced_sop_instance_uid == segmentation.SOPInstanceUID
    volume = segmentation.get_volume(segment_numbers=list(reference.referenced_segment_numbers))
    np.testing.assert_array_equal(volume.array[0, :, :, 0] > 0, finished_study.maps[1].slices[1].segments == 10)
    assert group.finding_sites[0].topographical_modifier is None
    assert group.finding_sites[0].value.value == "264847005"


def test_the_report_document_is_the_pdf(exported):
    _, _, results = exported
    document = pydicom.dcmread(results / "report.dcm")
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength] == PDF
    assert "Not approved for clinical use" in document.DocumentTitle


def test_everything_lies_in_the_patients_study(exported):
    sources, _, results = exported
    source = pydicom.dcmread(next(sources.rglob("*.dcm")), stop_before_pixels=True)
    series = set()
    for path in results.iterdir():
        made = pydicom.dcmread(path)
        assert (made.PatientName, made.PatientID) == ("Made^Up", "X-17")
        assert made.StudyInstanceUID == source.StudyInstanceUID
        assert made.get("FrameOfReferenceUID", source.FrameOfReferenceUID) == source.FrameOfReferenceUID
        assert made.ContentDate == "20250120"
        series.add(made.SeriesInstanceUID)
    assert source.SeriesInstanceUID not in series
    assert len(series) == 8


def test_the_same_result_exports_to_the_same_files(small, tmp_path):
    arguments, results = small
    export(tmp_path, **arguments)
    for path in results.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_the_same_result_keeps_its_identifiers_at_another_time(small, tmp_path):
    arguments, results = small
    export(tmp_path, **arguments | {"moment": datetime(2026, 2, 3, 4, 5)})
    for path in results.iterdir():
        before, after = pydicom.dcmread(path), pydicom.dcmread(tmp_path / path.name)
        assert after.ContentDate == "20260203" != before.ContentDate
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            assert after[keyword] == before[keyword]


def test_an_edited_result_gets_new_identifiers(small, tmp_path):
    arguments, results = small
    (scan,) = arguments["scans"]
    part = scan.slices[0]
    labels = part.contours.labels.copy()
    labels[0, 0] = 1
    edited = replace(scan, slices=(replace(part, contours=replace(part.contours, labels=labels)),))
    export(tmp_path, **arguments | {"scans": [edited]})
    uids = [{pydicom.dcmread(path).SOPInstanceUID for path in folder.iterdir()} for folder in (results, tmp_path)]
    assert len(uids[0]) == len(uids[1]) == 5
    assert not uids[0] & uids[1]


def test_a_de_identified_export_names_nobody(small, tmp_path):
    arguments, _ = small
    export(tmp_path, **arguments, de_identify=True)
    source = pydicom.dcmread(next(arguments["sources"][0].rglob("*.dcm")), stop_before_pixels=True)
    assert not (tmp_path / "report.dcm").exists()
    for path in tmp_path.iterdir():
        written = path.read_bytes()
        for secret in (b"Made^Up", b"X-17", source.StudyInstanceUID.encode(), source.FrameOfReferenceUID.encode()):
            assert secret not in written
        for uid in arguments["scans"][0].slices[0].series.instance_uids:
            assert uid.encode() not in written
        for keyword in ("StudyDate", "StudyTime", "SeriesInstanceUID", "AccessionNumber", "PatientBirthDate"):
            value = str(source.get(keyword, ""))
            assert not value or value.encode() not in written, keyword


@pytest.mark.parametrize(
    ("characters", "name", "patient"),
    [
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう", "病/00 17"),
        ("ISO_IR 100", "Müller^Jürgen", "Ö-17"),
        ("ISO_IR 192", "Иванов^Пётр", "И/17"),
    ],
)
def test_every_object_names_the_same_patient_in_any_script(characters, name, patient, small, tmp_path):
    arguments, _ = small
    shutil.copytree(arguments["sources"][0], tmp_path / "sources")
    for path in (tmp_path / "sources").rglob("*.dcm"):
        image = pydicom.dcmread(path)
        image.SpecificCharacterSet, image.PatientName, image.PatientID = characters, name, patient
        image.save_as(path)
    export(tmp_path / "results", **arguments | {"sources": [tmp_path / "sources"]})
    found = [pydicom.dcmread(path) for path in (tmp_path / "results").iterdir()]
    assert {one.Modality for one in found} == {"SEG", "OT", "SR", "DOC"}
    assert {(str(one.PatientName), one.PatientID) for one in found} == {(name, patient)}


def test_missing_source_images_are_said(small, tmp_path):
    arguments, _ = small
    write_study(Study(rest=small_scan(Condition.REST, slices=1)), tmp_path / "else", vendor="ge")
    with pytest.raises(PerfusionError, match="1 of the images that the result was made from"):
        export(tmp_path / "out", **arguments | {"sources": [tmp_path / "else"]})
    assert not (tmp_path / "out").exists()


def test_results_that_did_not_come_from_dicom_are_refused(small, finished_study, tmp_path):
    arguments, _ = small
    with pytest.raises(PerfusionError, match="was not read from DICOM"):
        export(tmp_path, **arguments | {"scans": finished_study.scans[:1]})


def test_a_full_disk_leaves_no_half_file_under_a_final_name(small, tmp_path, monkeypatch):
    arguments, _ = small
    unpatched = pydicom.Dataset.save_as

    def fill_up(self, path, *others, **options):
        if "MBF" in str(path):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        return unpatched(self, path, *others, **options)

    monkeypatch.setattr(pydicom.Dataset, "save_as", fill_up)
    with pytest.raises(PerfusionError, match="No space left on device"):
        export(tmp_path, **arguments)
    assert not list(tmp_path.glob("*MBF.dcm"))


def complaints(path):
    """Errors that dciodvfy finds in an object."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed; Debian has it in dicom3tools")
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, timeout=PATIENCE_S).stderr
    return [line for line in said.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("de_identify", [False, True])
def test_a_validator_finds_no_error(small, tmp_path, de_identify):
    arguments, _ = small
    export(tmp_path, **arguments, de_identify=de_identify)
    assert len(list(tmp_path.iterdir())) == 5 - de_identify
    assert [line for path in tmp_path.iterdir() for line in complaints(path)] == []


def test_a_validator_would_find_an_error(small, tmp_path):
    _, results = small
    made = pydicom.dcmread(results / "segment_table.dcm")
    del made.PatientID, made.CompletionFlag
    made.save_as(tmp_path / "broken.dcm")
    assert complaints(tmp_path / "broken.dcm")


def converted(tool, path, folder, *options):
    """What Slicer's own importer (dcmqi) makes of an object."""
    dcmqi = pytest.importorskip("dcmqi", reason="dcmqi is not installed; `pip install dcmqi` to read as Slicer does")
    program = Path(dcmqi.__file__).parent / "bin" / tool
    subprocess.run([program, "--inputDICOM", path, *options], check=True, capture_output=True, timeout=PATIENCE_S)
    return folder


def test_slicers_importer_reads_the_contours(exported, tmp_path):
    _, scans, results = exported
    path = objects(results, "contours")["stress2"]
    converted("segimage2itkimage", path, tmp_path, "--outputDirectory", tmp_path, "--prefix", "seg")
    labels = scans[1].slices[1].contours.labels
    for label in (1, 2, 3):
        image = SimpleITK.ReadImage(tmp_path / f"seg-{label}.nrrd")
        origin = np.diag([-1, -1, 1]) @ scans[1].slices[1].series.ijk_to_ras[:3, 3]
        np.testing.assert_allclose(image.GetOrigin(), origin, atol=1e-4)
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image)[0] > 0, labels == label)


def test_slicers_importer_reads_the_flow_map(exported, finished_study, tmp_path):
    _, _, results = exported
    path = objects(results, "MBF")["stress2"]
    converted("paramap2itkimage", path, tmp_path, "--outputDirectory", tmp_path, "--prefix", "mbf")
    values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(tmp_path / "mbf-pmap.nrrd"))[0]
    np.testing.assert_array_equal(values, finished_study.maps[1].slices[1].mbf_ml_min_g)
    described = json.loads((tmp_path / "mbf-meta.json").read_text())
    assert described["MeasurementUnitsCode"]["CodeValue"] == "mL/min/g"


def test_slicers_importer_reads_the_segment_table(exported, finished_study, tmp_path):
    _, _, results = exported
    converted("tid1500reader", results / "segment_table.dcm", tmp_path, "--outputMetadata", tmp_path / "table.json")
    groups = json.loads((tmp_path / "table.json").read_text())["Measurements"]
    by_name = {group["TrackingIdentifier"]: group for group in groups}
    for row in finished_study.table.segments:
        value = by_name[f"{row.name}, stress"]["measurementItems"][0]["value"]
        assert float(value) == pytest.approx(row.stress.mbf_ml_min_g)
