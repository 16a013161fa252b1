"""A radiologist's day in the real panel: from a folder of DICOM files to the table, the report and the archive."""

import shutil

import numpy as np
import pydicom
import pytest
import slicer
from panel_user import draw, enter_what_no_header_says, load, press, table, take_away_the_top_of_the_ring, up_to_date
from PerfusionDLLib import mrml, phantom
from PerfusionDLLib.dicom import Vendor, name_report, write_study
from PerfusionDLLib.session import isFrameExcluded, setFrameExcluded
from slicer_session import Session


def test_from_dicom_to_the_table_and_on_the_next_day(session, panel, folder, tmp_path):
    load(session, panel, folder)
    assert [nodes.condition for nodes in panel.scans()] == ["stress", "rest"]
    assert panel.ui.statusLabel.text == "Loaded. Press Read this study."
    enter_what_no_header_says(panel)
    draw(session, panel)
    rows = table(panel)
    assert float(rows["1"]["mpr_low"]) < 2.0 < float(rows["1"]["mpr_high"])
    assert rows["1"]["stress_origin"] == "manual"

    part = panel.slices()[0]
    take_away_the_top_of_the_ring(part)
    session.wait(lambda: np.isnan(slicer.util.arrayFromVolume(part.mbf)[0][12, 27]))
    up_to_date(session, panel)
    painted = table(panel)
    assert painted["1"]["stress_mbf_ml_min_g"] != rows["1"]["stress_mbf_ml_min_g"]
    assert painted["7"] == rows["7"] or float(painted["7"]["stress_mbf_ml_min_g"]) > 0
    part.browser.SetSelectedItemNumber(20)
    assert not panel.ui.excludeFrameCheckBox.checked
    panel.ui.excludeFrameCheckBox.qt_object.click()
    session.wait(lambda: isFrameExcluded(part, 20) and panel.logic.history.canUndo)
    up_to_date(session, panel)

    session.dialogs.answers += [str(tmp_path / "segments.csv"), str(tmp_path / "report.pdf"), str(tmp_path)]
    press(panel.ui.exportTableButton)
    press(panel.ui.copyTableButton)
    press(panel.ui.exportReportButton)
    session.wait(lambda: not panel.work.busy)
    press(panel.ui.exportDicomButton)
    session.wait(lambda: not panel.work.busy)
    assert session.dialogs.errors == []
    exported = (tmp_path / "segments.csv").read_text(encoding="utf-8")
    assert exported == panel.logic.tableText()
    assert session.qt_application.clipboard().text() == panel.logic.tableText(separator="\t")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    kinds = {pydicom.dcmread(path).Modality for path in (tmp_path / "PerfusionDL_DICOM").glob("*.dcm")}
    assert kinds == {"SEG", "MR", "SR", "DOC"} or {"SEG", "SR"} <= kinds

    mrml.saveScene(session.scene, tmp_path / "scene.mrb")
    session.stop()
    tomorrow = Session()
    try:
        mrml.registerLayouts(tomorrow.scene)  # as the module does when Slicer starts
        assert tomorrow.scene.ReadFromMRB(str(tmp_path / "scene.mrb"), True, slicer.vtkMRMLMessageCollection())
        again = tomorrow.open()
        up_to_date(tomorrow, again)
        assert again.logic.tableText() == exported
        stress = again.slices()[0]
        assert isFrameExcluded(stress, 20)
        stress.browser.SetSelectedItemNumber(19)
        assert not again.ui.excludeFrameCheckBox.checked
        stress.browser.SetSelectedItemNumber(20)
        assert again.ui.excludeFrameCheckBox.checked
        setFrameExcluded(stress, 20, False)
        tomorrow.wait(lambda: again.logic.history.canUndo)
        up_to_date(tomorrow, again)
        assert table(again)["1"]["stress_mbf_ml_min_g"] == painted["1"]["stress_mbf_ml_min_g"]
    finally:
        tomorrow.stop()
    shutil.copytree(folder, tmp_path / "archive")
    shutil.copytree(tmp_path / "PerfusionDL_DICOM", tmp_path / "archive" / "results")
    go_on_from_the_archive(tmp_path / "archive", exported)


def go_on_from_the_archive(archive, exported):
    """Another reader, who has no scene: the same table to the last digit."""
    elsewhere = Session()
    try:
        panel = elsewhere.open()
        load(elsewhere, panel, archive)
        up_to_date(elsewhere, panel)
        assert panel.logic.tableText() == exported
        assert isFrameExcluded(panel.slices()[0], 20)
        assert panel.ui.pulsesToCenterSourceLabel.text == "entered"
    finally:
        elsewhere.stop()


@pytest.mark.slow
def test_a_correction_of_an_archived_study_is_a_new_version(session, panel, folder, tmp_path):
    load(session, panel, folder)
    draw(session, panel)
    first = write_dicom_objects(session, panel, tmp_path / "first")
    shutil.copytree(folder, tmp_path / "archive")
    shutil.copytree(first.parent, tmp_path / "archive" / "results")
    session.stop()
    elsewhere = Session()
    try:
        again = elsewhere.open()
        load(elsewhere, again, tmp_path / "archive")
        up_to_date(elsewhere, again)
        setFrameExcluded(again.slices()[0], 20, True)
        elsewhere.wait(lambda: again.logic.history.canUndo)
        up_to_date(elsewhere, again)
        written = [write_dicom_objects(elsewhere, again, tmp_path / name) for name in ("second", "again")]
        known, *versions = (name_report([path]) for path in (first, *written))
        for report in versions:  # the same results once more are the same version
            assert report["replaces"]["sop"] == known["sop"]
            assert (known["version"], report["version"]) == ("1", "2")
    finally:
        elsewhere.stop()


def write_dicom_objects(session, panel, folder):
    """Press the button; the report that was written."""
    folder.mkdir()
    session.dialogs.answers.append(str(folder))
    press(panel.ui.exportDicomButton)
    session.wait(lambda: not panel.work.busy)
    assert session.dialogs.errors == []
    return folder / "PerfusionDL_DICOM" / "segment_table.dcm"


@pytest.mark.slow
def test_the_networks_find_the_phantom_and_the_numbers_follow_a_painted_contour(session, panel, tmp_path):
    """The story with automatic contours, on a patient with known flow."""
    patient = phantom.simulate_study(3)
    write_study(patient.study, tmp_path, vendor=Vendor.SIEMENS)
    load(session, panel, tmp_path)
    press(panel.ui.readingButton)
    session.wait(lambda: panel.ui.readingButton.checked)
    up_to_date(session, panel)
    assert session.dialogs.errors == []
    rows = table(panel)
    assert rows["1"]["stress_origin"] == "automatic"
    expected = {n: v for where in patient.truth["stress"] for n, v in where.segment_mbf_ml_min_g.items()}
    errors = [abs(float(rows[str(n)]["stress_mbf_ml_min_g"]) - value) for n, value in expected.items()]
    assert np.median(errors) < 0.5
    part = panel.slices()[1]
    labels = mrml.readSlice(part).contours.labels.copy()
    rim = np.argwhere(labels == 1)[:12]
    labels[tuple(rim.T)] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    session.wait(lambda: panel.logic.history.canUndo)
    up_to_date(session, panel)
    assert table(panel)["7"]["stress_origin"] == "edited"
    press(panel.ui.restoreButton)
