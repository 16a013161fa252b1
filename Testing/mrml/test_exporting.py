"""What the panel exports is what the command line writes, whole or not at all."""

import io
import json
import logging
import shutil
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas
import pytest
import small_study
from PerfusionDLLib import mrml, session
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.study import Condition, Identity, Scan, Study
from PerfusionDLLib.dicom import read_study, write_study
from PerfusionDLLib.results.atomic import Kind, atomic_folder
from PerfusionDLLib.results.marker import MARKER
from PerfusionDLLib.results.reading import read_image
from PerfusionDLLib.session import tasks

MOMENT = datetime(2025, 1, 20, 14, 30)
FLOWS = {Condition.REST: 1.0, Condition.STRESS: 2.0}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A study that was read from DICOM, its flow as the panel holds it, and the DICOM folder."""
    folder = tmp_path_factory.mktemp("exporting") / "dicom"
    parts = {
        condition: replace(scan, slices=scan.slices[:1])
        for condition, scan in ((one, small_study.enhancing_scan(one, flow)) for one, flow in FLOWS.items())
    }
    scans = {
        condition: Scan(condition=condition, slices=tuple(part.series for part in scan.slices))
        for condition, scan in parts.items()
    }
    identity = Identity(patient_name="Made^Up", patient_id="X-17")
    write_study(
        Study(rest=scans[Condition.REST], stress=scans[Condition.STRESS], identity=identity), folder, vendor="siemens"
    )
    headless = mrml.HeadlessScene()
    readers = []
    for scan in reversed(read_study([folder]).scans):
        drawn = parts[scan.condition]
        slices = tuple(replace(part, series=series) for part, series in zip(drawn.slices, scan.slices, strict=True))
        readers.append(mrml.ScanReader(mrml.writePreprocessed(headless.scene, replace(drawn, slices=slices))))
    flow = tasks.flowTask(headless.scene, readers, None, model=FlowModel.FERMI).run()
    return flow, folder


@pytest.fixture(scope="module")
def archive(exported):
    """The DICOM results of the study, made from no more images than they lie on; not to be changed."""
    import pydicom

    flow, folder = exported
    files = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID: path for path in folder.rglob("*.dcm")}
    needed = session.imagesOfFlow(flow)
    assert len(set(needed)) == 2
    return session.exportDicom(folder.parent / "archive", flow, [files[uid] for uid in needed], moment=MOMENT)


def test_the_results_folder_holds_what_is_drawn(exported, tmp_path):
    flow, _ = exported
    session.exportResults(tmp_path / "results", flow)
    table = pandas.read_csv(tmp_path / "results" / "segments.csv", index_col="aha_segment")
    for row in flow.table.segments:
        assert table.stress_mbf_ml_min_g[row.aha_segment] == pytest.approx(
            row.stress.mbf_ml_min_g, abs=5e-5, nan_ok=True
        )
    labels = read_image(tmp_path / "results" / "rest_mid" / "labels.nrrd")
    np.testing.assert_array_equal(labels == Label.MYOCARDIUM, small_study.ring_labels() == Label.MYOCARDIUM)


def test_dicom_results_are_of_the_patients_study(exported, archive):
    import pydicom

    folder = exported[1].parent / "archive"
    assert sorted(archive) == sorted(folder.glob("*.dcm"))
    assert {pydicom.dcmread(path).Modality for path in archive} == {"SEG", "OT", "SR", "DOC"}
    assert {pydicom.dcmread(path).PatientID for path in archive} == {"X-17"}


def test_a_second_export_on_top_replaces_the_first_as_a_whole(exported, archive, tmp_path):
    flow, folder = exported
    copied = shutil.copytree(archive[0].parent, tmp_path / "archive")
    assert (copied / "report.dcm").exists()
    with pytest.raises(PerfusionError, match="not empty"):
        session.exportDicom(copied, flow, [folder], moment=MOMENT)
    second = session.exportDicom(copied, flow, [folder], moment=MOMENT, deIdentify=True, overwrite=True)
    assert sorted(copied.glob("*")) == sorted([*second, copied / MARKER])
    assert not any(b"Made^Up" in path.read_bytes() for path in second)


@pytest.mark.parametrize("step", ["DICOM", "tables", "images", "report"])
def test_an_export_that_is_canceled_leaves_what_was_there(exported, archive, tmp_path, step):
    flow, folder = exported
    copied = tmp_path / "archive"
    with atomic_folder(copied, Kind.DICOM if step == "DICOM" else Kind.RESULTS) as partial:
        for path in archive:
            shutil.copy(path, partial)
    before = {path.name: path.read_bytes() for path in copied.iterdir()}

    def cancel(began):
        if began == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        if step == "DICOM":
            session.exportDicom(copied, flow, [folder], deIdentify=True, overwrite=True, progress=cancel)
        else:
            session.exportResults(copied, flow, overwrite=True, progress=cancel)
    assert {path.name: path.read_bytes() for path in copied.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_results_without_their_images_are_refused_in_words(exported, tmp_path):
    flow, _ = exported
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(PerfusionError, match="2 of the images"):
        session.exportDicom(tmp_path / "archive", flow, [tmp_path / "elsewhere"], moment=MOMENT)
    assert not (tmp_path / "archive").exists()


def test_table_and_report_are_files(exported, tmp_path):
    flow, _ = exported
    session.exportTable(tmp_path / "segments.csv", flow)
    session.exportReport(tmp_path / "report.pdf", flow)
    assert len(pandas.read_csv(io.BytesIO((tmp_path / "segments.csv").read_bytes()))) == 16
    session.exportTable(tmp_path / "table.xlsx", flow)
    session.exportTable(tmp_path / "table.json", flow)
    workbook = pandas.read_excel(tmp_path / "table.xlsx").set_index("name").stress_mbf_ml_min_g
    document = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    for row in flow.table.segments:
        value = row.stress.mbf_ml_min_g
        assert workbook[row.name] == pytest.approx(value, rel=1e-15, nan_ok=True)
        (stored,) = (one for one in document["segments"] if one["name"] == row.name)
        assert stored["stress"]["mbf_ml_min_g"] == (value if np.isfinite(value) else None)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    (tmp_path / "a file").write_text("")
    for export in (session.exportTable, session.exportReport):
        with pytest.raises(PerfusionError, match="could not be written"):
            export(tmp_path / "a file" / "out", flow)
    assert len(list(tmp_path.iterdir())) == 5


def test_libraries_do_not_fill_the_log_of_slicer_which_shows_every_level(exported, tmp_path, caplog):
    flow, _ = exported
    chatty = logging.getLogger("fontTools")
    with caplog.at_level(logging.DEBUG):
        session.exportReport(tmp_path / "report.pdf", flow)
    assert not [record for record in caplog.records if record.levelno < logging.WARNING]
    assert chatty.level == logging.NOTSET
