"""A radiologist's day in the real panel: from a folder of DICOM files to the table, the report and the archive."""

import csv
import importlib.util
import io
import sys
from dataclasses import replace

import numpy as np
import pydicom
import pytest
import slicer
import small_study
import vtk
from PerfusionDLLib import mrml, phantom
from PerfusionDLLib.contours import Origin
from PerfusionDLLib.dicom import Vendor, write_study
from PerfusionDLLib.mrml.views import BULLSEYE_FIELD_MM, BULLSEYE_VIEWS, OWN_ROWS, RESERVE_VIEW
from PerfusionDLLib.series import Condition, Identity, Scan, Study
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from slice_views import SliceView
from slicer_session import Session

PIXEL = (23, 37)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Rest and stress of two slices as a scanner files them."""
    scans = {}
    for condition, flow in ((Condition.REST, 1.0), (Condition.STRESS, 2.0)):
        parts = small_study.enhancing_scan(condition, flow).slices
        series = tuple(replace(part.series, instance_uids=(), signal=in_a_chest(part.series.signal)) for part in parts)
        scans[condition.value] = Scan(condition=condition, slices=series)
    path = tmp_path_factory.mktemp("dicom")
    write_study(Study(**scans, identity=Identity(patient_name="Doe^Jane", patient_id="77")), path, vendor=Vendor.GE)
    return path


def in_a_chest(signal):
    """With a bright wall that does not enhance: frames without any contrast could not be aligned."""
    wall = np.zeros(signal.shape[1:], np.float32)
    wall[-6:], wall[:4, 10:40], wall[8:30, -5:] = 150, 100, 60
    return signal + wall


@pytest.fixture
def drawn(session):
    """The panel of a scene that holds rest and stress with contours and flow."""
    flows = ((Condition.STRESS, 2.0), (Condition.REST, 1.0))
    mrml.writeStudy(session.scene, [small_study.enhancing_scan(*one) for one in flows])
    panel = session.open()
    up_to_date(session, panel)
    return panel


def load(session, panel, folder):
    session.dialogs.answers.append(str(folder))
    press(panel.ui.loadStudyButton)
    session.wait(lambda: not panel.work.busy and panel.scans(), seconds=60)
    assert session.dialogs.errors == []


def enter_what_no_header_says(panel):
    """The small study was made without excitations before the center of k-space."""
    for row in (0, len(panel.slices()) // 2):
        panel.ui.slicesList.setCurrentRow(row)
        assert panel.ui.pulsesToCenterSourceLabel.text == "default"
        assert panel.ui.flipAngleSourceLabel.text == "from DICOM"
        assert "entered" not in mrml.readAcquisition(panel.slice).assumed
        panel.ui.pulsesToCenterSpinBox.setValue(0)
    panel.ui.slicesList.setCurrentRow(0)


def draw(session, panel):
    press(panel.ui.drawButton)
    session.wait(lambda: not panel.work.busy and all(part.hasContours for part in panel.slices()), seconds=120)
    for part in panel.slices():
        mrml.writeLabels(part.contours, part.originalVolume, small_study.ring_labels())
        series = mrml.readSeries(part)
        for index, pixel in enumerate(((13.25, 18.5), (33.125, 18.75))):
            part.rvInsertionPoints.SetNthControlPointPositionWorld(index, *series.ras_from_pixels(pixel))
    up_to_date(session, panel)


def press(button):
    assert button.enabled, button.toolTip
    button.qt_object.click()


def up_to_date(session, panel):
    session.wait(lambda: panel.logic.flowIsCurrent(panel.parameters) and not panel.work.busy, seconds=60)


def table(panel):
    return {row["aha_segment"]: row for row in csv.DictReader(io.StringIO(panel.logic.tableText()))}


def move_mouse(session, panel, view, position):
    """As the view does it: the place in the view, then its place in the world."""
    crosshair = session.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node = session.scene.GetSingletonNode(view, "vtkMRMLSliceNode")
    toView = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), toView)
    x, y, *_ = toView.MultiplyPoint((*position, 1.0))
    crosshair.SetCursorPositionXYZ([x, y, 0.0], node)
    return round(x), round(y)


def click(session, panel, view, position, *, drag=0):
    x, y = move_mouse(session, panel, view, position)
    interactor = slicer.app.layoutManager().sliceWidget(view).sliceView().interactor()
    interactor.SetEventPosition(x, y)
    interactor.InvokeEvent(vtk.vtkCommand.LeftButtonPressEvent)
    interactor.SetEventPosition(x + drag, y)
    interactor.InvokeEvent(vtk.vtkCommand.LeftButtonReleaseEvent)


def key(session, panel, keys):
    """Qt decides what the keys do, among all of the window: of two shortcuts that are the same it obeys neither."""
    session.window.show()
    session.window.activateWindow()
    session.window.setFocus()
    QTest.qWaitForWindowActive(session.window)
    QTest.keySequence(session.window, QKeySequence(keys))
    assert session.window.used == []


def plotted(session):
    return session.scene.GetSingletonNode("PerfusionCurves", "vtkMRMLPlotViewNode").GetPlotChartNode()


def test_from_dicom_to_the_table_and_on_the_next_day(session, panel, folder, tmp_path):
    load(session, panel, folder)
    assert [nodes.condition for nodes in panel.scans()] == ["stress", "rest"]
    assert panel.ui.statusLabel.text == "Loaded. Press Find contours."
    enter_what_no_header_says(panel)
    draw(session, panel)
    rows = table(panel)
    assert float(rows["1"]["mpr"]) == pytest.approx(2.0, rel=0.2)
    assert rows["1"]["stress_origin"] == "manual"

    part = panel.slices()[0]
    labels = small_study.ring_labels()
    labels[:14] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    session.wait(lambda: np.isnan(slicer.util.arrayFromVolume(part.mbf)[0][12, 27]))
    up_to_date(session, panel)
    painted = table(panel)
    assert painted["1"]["stress_mbf_ml_min_g"] != rows["1"]["stress_mbf_ml_min_g"]
    assert painted["7"] == rows["7"] or float(painted["7"]["stress_mbf_ml_min_g"]) > 0
    part.browser.SetSelectedItemNumber(20)
    assert not panel.ui.excludeFrameCheckBox.checked
    panel.ui.excludeFrameCheckBox.qt_object.click()
    session.wait(lambda: mrml.isFrameExcluded(part, 20) and panel.logic.history.canUndo)
    up_to_date(session, panel)

    session.dialogs.answers += [str(tmp_path / "segments.csv"), str(tmp_path / "report.pdf"), str(tmp_path)]
    press(panel.ui.exportTableButton)
    press(panel.ui.copyTableButton)
    press(panel.ui.exportReportButton)
    press(panel.ui.exportDicomButton)
    session.wait(lambda: not panel.work.busy, seconds=60)
    assert session.dialogs.errors == []
    exported = (tmp_path / "segments.csv").read_text(encoding="utf-8")
    assert exported == panel.logic.tableText()
    assert session.qt_application.clipboard().text() == panel.logic.tableText(separator="\t")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    kinds = {pydicom.dcmread(path).Modality for path in (tmp_path / "PerfusionDL_DICOM").iterdir()}
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
        assert mrml.isFrameExcluded(stress, 20)
        stress.browser.SetSelectedItemNumber(19)
        assert not again.ui.excludeFrameCheckBox.checked
        stress.browser.SetSelectedItemNumber(20)
        assert again.ui.excludeFrameCheckBox.checked
        mrml.setFrameExcluded(stress, 20, False)
        tomorrow.wait(lambda: again.logic.history.canUndo)
        up_to_date(tomorrow, again)
        assert table(again)["1"]["stress_mbf_ml_min_g"] == painted["1"]["stress_mbf_ml_min_g"]
    finally:
        tomorrow.stop()


def test_the_map_is_read_under_the_mouse_and_a_click_shows_the_curve(session, drawn):
    view, part = OWN_ROWS[0][1], drawn.slices()[1]
    position = mrml.readSeries(part).ras_from_pixels(PIXEL)
    shown = slicer.util.arrayFromVolume(part.mbf)[0][PIXEL]
    move_mouse(session, drawn, view, position)
    assert f"{shown:.2f} \u00b1" in drawn.ui.readoutLabel.text
    session.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode").SetCursorPositionInvalid()
    assert drawn.ui.readoutLabel.text.startswith("Point at a flow map")
    click(session, drawn, view, position)
    assert drawn.slice.key == part.key
    assert plotted(session) is mrml.ScanNodes(part.browser).pickedChart
    click(session, drawn, BULLSEYE_VIEWS[1], (0, 40, 0))
    assert plotted(session).GetTitle().startswith("Rest, basal anterior (1): ")
    before = plotted(session).GetTitle()
    click(session, drawn, BULLSEYE_VIEWS[1], (0, -40, 0), drag=20)
    drawn.ui.segmentEditorWidget.setActiveEffectByName("Paint")
    click(session, drawn, BULLSEYE_VIEWS[1], (0, -40, 0))
    assert plotted(session).GetTitle() == before
    drawn.corrections.toggleEffect("Paint")
    click(session, drawn, BULLSEYE_VIEWS[1], (0, -40, 0))
    assert plotted(session).GetTitle().startswith("Rest, basal inferior (4): ")
    assert session.dialogs.errors == []


def test_the_mouse_reads_picks_drags_and_places_in_a_view_of_slicers_own(session, drawn):
    view, part = view_of_slicers_own(session, drawn, OWN_ROWS[0][0]), drawn.slices()[0]
    pixel = np.array(mrml.readSeries(part).ras_from_pixels(PIXEL))
    view.moveTo(pixel)
    assert f"{slicer.util.arrayFromVolume(part.mbf)[0][PIXEL]:.2f} \u00b1" in drawn.ui.readoutLabel.text
    view.click(pixel)
    assert plotted(session) is mrml.ScanNodes(part.browser).pickedChart
    picked, points = drawn.pick, part.rvInsertionPoints
    start = np.array(points.GetNthControlPointPositionWorld(0))
    view.drag(start, (pixel + start) / 2)
    session.wait(lambda: lines(drawn)[0].startswith("Stress basal: edited"))
    up_to_date(session, drawn)
    press(drawn.ui.placePointsButton)
    view.click(pixel)
    view.click(start)
    up_to_date(session, drawn)
    np.testing.assert_allclose(points.GetNthControlPointPositionWorld(0), pixel, atol=1.5)
    assert drawn.pick is picked
    while mrml.readSlice(part).contours.origin is Origin.EDITED:
        press(drawn.ui.undoButton)
    np.testing.assert_allclose(points.GetNthControlPointPositionWorld(0), start, atol=1e-6)
    assert session.dialogs.errors == []


def view_of_slicers_own(session, panel, name):
    """A view in which Slicer's own interactor style and displayable managers hear the mouse before the panel does."""
    view = SliceView(session.headless, name)
    slicer.app.layoutManager().sliceWidget(name).sliceView()._hear(view.interactor)
    panel.updateDisplay()
    view.render()
    return view


def lines(panel):
    return [panel.ui.slicesList.qt_object.item(row).text() for row in range(panel.ui.slicesList.qt_object.count())]


def test_what_a_view_shows_stays_in_sight_when_its_size_changes(session, drawn):
    """Of a slice what the shorter edge shows, of a bullseye its title and legend too."""
    for view in (OWN_ROWS[0][0], *BULLSEYE_VIEWS, RESERVE_VIEW):
        widget = slicer.app.layoutManager().sliceWidget(view)
        node = widget.mrmlSliceNode()
        sides = np.full(2, min(node.GetFieldOfView()[:2])) if view in OWN_ROWS[0] else np.array(BULLSEYE_FIELD_MM)
        for size in ((200, 400), (400, 200), (100, 300)):
            widget._resize(*size)
            assert shown_sides(node, sides) == pytest.approx(1)
            field = node.GetFieldOfView()
            assert field[0] / field[1] == pytest.approx(size[0] / size[1])
        mrml.fitView(node, tuple(sides / 2))
        widget._resize(500, 600)
        assert shown_sides(node, sides) == pytest.approx(0.5)
        press(drawn.ui.arrangeViewsButton)
        assert shown_sides(node, sides) == pytest.approx(1)


def shown_sides(node, sides):
    """The part of some sides, across and down, that a view shows whole."""
    return min(np.array(node.GetFieldOfView()[:2]) / sides)


def test_keys_step_through_slices_and_frames_and_undo(session, drawn):
    key(session, drawn, "Ctrl+Down")
    assert drawn.slice.key == drawn.slices()[1].key
    key(session, drawn, "Ctrl+Up")
    key(session, drawn, "Ctrl+Up")
    assert drawn.slice.key == drawn.slices()[0].key
    drawn.slice.browser.SetSelectedItemNumber(3)
    key(session, drawn, ".")
    assert drawn.slice.browser.GetSelectedItemNumber() == 4
    key(session, drawn, ",")
    assert drawn.slice.browser.GetSelectedItemNumber() == 3
    key(session, drawn, "P")
    assert drawn.slice.browser.GetPlaybackActive()
    key(session, drawn, "P")
    assert not drawn.slice.browser.GetPlaybackActive()
    mrml.setPeakFrame(drawn.slice, 9)
    session.wait(lambda: drawn.logic.history.canUndo and mrml.readSlice(drawn.slice).contours.peak_frame == 9)
    session.wait(lambda: not drawn.work.busy)
    key(session, drawn, "Ctrl+Z")
    assert mrml.readSlice(drawn.slice).contours.peak_frame != 9
    key(session, drawn, "Ctrl+Y")
    assert mrml.readSlice(drawn.slice).contours.peak_frame == 9
    key(session, drawn, "2")
    assert drawn.ui.segmentEditorWidget.activeEffect().name == "Draw"
    key(session, drawn, "Esc")
    assert drawn.ui.segmentEditorWidget.activeEffect() is None
    session.widget.exit()
    assert not any(shortcut.enabled for shortcut in drawn.shortcuts._shortcuts)


def test_keys_of_slicer_are_left_to_slicer(session, drawn):
    ours = {shortcut.qt_object.key() for shortcut in drawn.shortcuts._shortcuts}
    cine = {QKeySequence(keys) for keys in ("Ctrl+Shift+Left", "Ctrl+Shift+Right", "Ctrl+Shift+Down")}
    taken = {keys for action in session.window.findChildren(QAction) for keys in action.shortcuts()}
    assert not ours & (taken | cine)
    shortcuts = [child for child in drawn.ui.playWidget.children() if child.className() == "QShortcut"]
    assert len(shortcuts) == 6
    assert not any(shortcut.enabled for shortcut in shortcuts)
    assert drawn.ui.playWidget.NextFrameShortcut == "."
    assert not drawn.ui.playWidget.RecordingControlsVisible


def test_values_of_the_acquisition_are_shown_with_their_source_and_the_flow_follows(session, drawn):
    ui, before = drawn.ui, table(drawn)
    assert ui.hematocritSourceLabel.text == "from DICOM"
    assert ui.saturationTimeSpinBox.value == pytest.approx(100)
    ui.hematocritSpinBox.setValue(0.30)
    assert ui.hematocritSourceLabel.text == "entered"
    up_to_date(session, drawn)
    assert {mrml.readAcquisition(part).hematocrit for part in drawn.slices()} == {0.30}
    ui.saturationTimeSpinBox.setValue(120)
    up_to_date(session, drawn)
    times = [mrml.readAcquisition(nodes.slices[1]).saturation_time_s for nodes in drawn.scans()]
    assert times == pytest.approx([0.12, 0.1])
    ui.agentSelector.setCurrentText("gadoterate")
    assert ui.relaxivitySpinBox.value == pytest.approx(3.5)
    up_to_date(session, drawn)
    assert table(drawn)["1"]["stress_mbf_ml_min_g"] != before["1"]["stress_mbf_ml_min_g"]
    press(ui.undoButton)
    assert ui.relaxivitySpinBox.value == pytest.approx(mrml.readAcquisition(drawn.slices()[0]).relaxivity_l_mmol_s)
    assert ui.relaxivitySpinBox.value != pytest.approx(3.5)
    press(ui.redoButton)
    assert ui.relaxivitySpinBox.value == pytest.approx(3.5)
    press(ui.restoreAcquisitionButton)
    assert ui.hematocritSourceLabel.text == "from DICOM"
    assert not ui.restoreAcquisitionButton.enabled
    up_to_date(session, drawn)
    assert table(drawn) == before


def true_curve(path):
    """The blood of the small study, as a file."""
    times_s = np.arange(0, 32, 0.5)
    since = np.clip(times_s - 6, 0, None)
    curve = 4 * ((since / 3) ** 3 * np.exp(3 - since) + 0.15 * (since > 6))
    rows = [f"{t},{c:.4f}" for t, c in zip(times_s, curve, strict=True)]
    path.write_text("\n".join(["times_s,concentration_mmol_l", *rows]))
    return str(path)


def test_an_arterial_input_from_a_file_takes_the_place_of_the_measured_one(session, drawn, tmp_path):
    ui, before = drawn.ui, table(drawn)
    assert ui.inputSourceLabel.text == "Stress, from blood pool, basal"
    assert not ui.inputImagesButton.enabled
    session.dialogs.answers.append(true_curve(tmp_path / "truth.csv"))
    press(ui.inputFileButton)
    assert not ui.exportTableButton.enabled
    up_to_date(session, drawn)
    assert ui.inputSourceLabel.text == "Stress, from file truth.csv"
    given = table(drawn)
    low, flow, high = (float(given["1"][f"stress_mbf_{what}ml_min_g"]) for what in ("low_", "", "high_"))
    assert low < 2.0 < high
    assert flow == pytest.approx(2.0, rel=0.15)
    assert given["1"]["stress_mbf_ml_min_g"] != before["1"]["stress_mbf_ml_min_g"]
    assert given["1"]["rest_mbf_ml_min_g"] == before["1"]["rest_mbf_ml_min_g"]
    mrml.saveScene(session.scene, tmp_path / "scene.mrb")
    again = mrml.openScene(tmp_path / "scene.mrb")
    curves = {nodes.condition: mrml.givenArterialInput(nodes) for nodes in mrml.findScans(again.scene)}
    assert curves["stress"].source == "file truth.csv"
    assert curves["rest"] is None
    press(ui.inputImagesButton)
    up_to_date(session, drawn)
    assert table(drawn) == before
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n")
    session.dialogs.answers.append(str(tmp_path / "wrong.csv"))
    press(ui.inputFileButton)
    assert "wrong.csv has no column times_s" in session.dialogs.errors.pop()


def test_the_work_of_the_heart_and_thresholds_are_entered_and_kept_with_the_table(session, drawn):
    ui, before = drawn.ui, table(drawn)
    assert not ui.doseRatioSpinBox.enabled
    assert ui.doseRatioSpinBox.toolTip == "This study has no pre-bolus."
    ui.rateProductSpinBox.setValue(12500)
    up_to_date(session, drawn)
    row = table(drawn)["1"]
    assert float(row["mpr_rpp"]) == pytest.approx(float(row["mpr"]) * 1.25, rel=1e-3)
    assert row["mpr"] == before["1"]["mpr"]
    columns = slicer.util.dataframeFromTable(drawn.parameters.segmentTable).columns
    assert "MPR at RPP 10 000" in columns
    ui.thresholdsSelector.qt_object.setCurrentText("MPR below 2.19 (Vink, thesis, Amsterdam)")
    up_to_date(session, drawn)
    assert "is below 2.19" in table(drawn)["1"]["flags"]
    assert mrml.choicesOfScene(session.scene) == drawn.logic.choices(drawn.parameters)[1]
    ui.rateProductSpinBox.setValue(70)
    session.wait(lambda: "rate-pressure product is 70" in ui.statusLabel.text)
    assert not ui.exportTableButton.enabled
    ui.rateProductSpinBox.setValue(0)
    ui.thresholdsSelector.qt_object.setCurrentText("None")
    up_to_date(session, drawn)
    assert table(drawn) == before


def test_the_progress_says_slice_and_step_and_finding_contours_can_be_canceled(session, drawn):
    part, said, shares = drawn.slices()[0], [], []
    before = mrml.readSlice(part)

    def heard():
        said.append(drawn.ui.statusLabel.text)
        shares.append(drawn.ui.progressBar.value)
        return said[-1].startswith("mid: ")

    press(drawn.ui.findContoursButton)
    assert not drawn.ui.findContoursButton.enabled
    assert drawn.ui.findContoursButton.toolTip == "Wait until the running work is done, or cancel it."
    session.wait(heard, seconds=120)
    assert any(text.startswith("basal: ") for text in said)
    assert shares == sorted(shares)
    assert shares[-1] > 0
    press(drawn.ui.cancelButton)
    assert drawn.ui.statusLabel.text == "Canceled."
    for _ in range(60):
        session.qt_application.processEvents()
    now = mrml.readSlice(part)
    np.testing.assert_array_equal(now.contours.labels, before.contours.labels)
    assert drawn.ui.findContoursButton.enabled
    assert session.dialogs.errors == []


def test_without_pytorch_all_but_the_networks_works_and_it_is_said(session, drawn, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find(name, *more))
    press(drawn.ui.findContoursButton)
    assert "press Draw by hand" in session.dialogs.errors.pop()
    part = drawn.slices()[0]
    labels = small_study.ring_labels()
    labels[:14] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)
    session.wait(lambda: np.isnan(slicer.util.arrayFromVolume(part.mbf)[0][12, 27]))
    up_to_date(session, drawn)
    assert table(drawn)["1"]["stress_origin"] == "edited"
    assert session.dialogs.errors == []


def test_another_model_is_followed(session, drawn):
    before = table(drawn)
    drawn.ui.modelSelector.qt_object.setCurrentText("Fermi")
    up_to_date(session, drawn)
    assert table(drawn) != before


def test_nodes_may_be_renamed_and_deleted_and_a_second_study_loaded(session, drawn, folder):
    first = drawn.scans()
    for nodes in first:
        nodes.browser.SetName("my scan")
        for part in nodes.slices:
            part.contours.SetName("drawing")
            part.original.SetName("images")
    session.scene.RemoveNode(first[0].slices[0].mbf)
    session.scene.RemoveNode(first[0].slices[1].chart)
    session.scene.RemoveNode(first[0].bullseye)
    session.scene.RemoveNode(drawn.parameters.segmentTable)
    mrml.setFrameExcluded(first[0].slices[0], 5, True)
    session.wait(lambda: drawn.logic.history.canUndo)
    up_to_date(session, drawn)
    assert np.isfinite(slicer.util.arrayFromVolume(first[0].slices[0].mbf)).any()
    assert first[0].bullseye is not None
    load(session, drawn, folder)
    assert [nodes.browser for nodes in drawn.scans()] != [nodes.browser for nodes in first]
    drawn.parameters.stressScan = first[0].browser
    drawn.parameters.restScan = first[1].browser
    session.wait(lambda: not drawn.work.busy)
    session.scene.RemoveNode(first[0].slices[0].contours)
    session.scene.RemoveNode(first[1].browser)
    for _ in range(60):
        session.qt_application.processEvents()
    assert session.dialogs.errors == []


def test_the_module_may_be_reloaded_at_any_moment(session, drawn):
    mrml.setFrameExcluded(drawn.slices()[0], 5, True)
    session.wait(lambda: drawn.work.busy or drawn.logic.history.canUndo)
    session.widget.onReload()
    again = session.widget.panel
    assert again is not drawn
    up_to_date(session, again)
    assert mrml.isFrameExcluded(again.slices()[0], 5)
    key(session, again, "Ctrl+Down")
    assert again.slice.key == again.slices()[1].key
    click(session, again, BULLSEYE_VIEWS[1], (0, 40, 0))
    assert plotted(session).GetTitle().startswith("Rest, basal anterior (1): ")
    assert session.dialogs.errors == []


@pytest.mark.slow
def test_the_networks_find_the_phantom_and_the_numbers_follow_a_painted_contour(session, panel, tmp_path):
    """The story with automatic contours, on a patient with known flow."""
    patient = phantom.simulate_study(3)
    write_study(patient.study, tmp_path, vendor=Vendor.SIEMENS)
    load(session, panel, tmp_path)
    press(panel.ui.findContoursButton)
    session.wait(lambda: panel.logic.flow is not None and not panel.work.busy, seconds=900)
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
