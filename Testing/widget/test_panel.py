"""The radiologist's story in the real panel: load, look, correct, and the numbers follow."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
import small_study
from panel_user import lines, settled, take_away_the_top_of_the_ring
from PerfusionDLLib import mrml
from PerfusionDLLib.data.flag import FlagCode, make_flag
from PerfusionDLLib.data.study import Condition, Scan
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox
from pythonqt import Adapter


def flow_of(part):
    return slicer.util.arrayFromVolume(part.mbf)[0]


def test_an_empty_scene_offers_loading_and_says_why_nothing_else_can_be_done(panel):
    ui = panel.ui
    assert ui.loadStudyButton.enabled
    assert not ui.findContoursButton.enabled
    assert ui.findContoursButton.toolTip == "Load a study first."
    assert not ui.exportTableButton.enabled
    assert ui.disclaimerLabel.text == "Not approved for clinical use."


def test_scans_of_the_scene_are_chosen_and_their_flow_is_computed(session):
    flows = ((Condition.REST, 1.0), (Condition.STRESS, 2.0))
    scans = [small_study.enhancing_scan(condition, flow) for condition, flow in flows]
    stress, rest = mrml.writeStudy(session.scene, scans)
    panel = session.open()
    session.wait(lambda: panel.ui.statusLabel.text == "Up to date.")
    assert panel.ui.stressSelector.currentNode() is stress.browser
    assert panel.ui.restSelector.currentNode() is rest.browser
    assert lines(panel)[0].startswith("Stress basal: automatic")
    assert len(lines(panel)) == 4
    table = slicer.util.dataframeFromTable(panel.parameters.segmentTable)
    assert table["MPR"].iloc[-1] == pytest.approx(2.0, rel=0.2)
    assert panel.ui.exportTableButton.enabled
    shown = panel.ui.resultsTable.qt_object
    assert [shown.horizontalHeaderItem(column).text() for column in range(4)] == ["Segment", "Stress", "Rest", "MPR"]
    assert shown.rowCount() == 20
    whole = panel.logic.flow.table.whole
    low, high = whole.stress.mbf_low_ml_min_g, whole.stress.mbf_high_ml_min_g
    assert shown.item(19, 1).text() == f"{whole.stress.mbf_ml_min_g:.2f} [{low:.2f}, {high:.2f}]"
    assert shown.item(19, 3).text().startswith(f"{whole.mpr:.2f}")
    assert shown.item(0, 0).text().endswith("1 B anterior")
    assert shown.item(0, 1).background().color() != shown.item(0, 2).background().color()


def test_a_painted_contour_changes_flow_table_and_list_and_undo_takes_it_back(session, ready, study):
    part = study[0].slices[1]
    before = flow_of(part).copy()
    take_away_the_top_of_the_ring(part)
    settled(session, ready)
    assert np.isnan(flow_of(part)[12, 27])
    assert np.isfinite(before[12, 27])
    assert lines(ready)[1].startswith("Stress mid: edited")
    assert ready.ui.statusLabel.text == "Up to date."
    ready.ui.undoButton.qt_object.click()
    settled(session, ready)
    np.testing.assert_array_equal(flow_of(part), before)
    assert lines(ready)[1].startswith("Stress mid: automatic")
    assert not ready.ui.undoButton.enabled
    ready.ui.redoButton.qt_object.click()
    settled(session, ready)
    assert np.isnan(flow_of(part)[12, 27])


def test_results_that_are_out_of_date_may_not_be_exported(session, ready, study):
    ready.ui.updateCheckBox.checked = False
    take_away_the_top_of_the_ring(study[0].slices[0])
    session.wait(lambda: ready.ui.statusLabel.text.startswith("Out of date"))
    assert not ready.ui.exportTableButton.enabled
    assert ready.ui.exportTableButton.toolTip == "Flow is not up to date. Press Recompute."
    assert ready.ui.readoutLabel.text.startswith("Out of date: ")
    assert study[0].bullseyeValues.GetNthControlPointLabel(16).endswith(": out of date")
    ready.ui.recomputeButton.qt_object.click()
    session.wait(lambda: ready.ui.statusLabel.text == "Up to date.")
    assert ready.ui.exportTableButton.enabled
    assert not ready.ui.readoutLabel.text.startswith("Out of date")
    assert not study[0].bullseyeValues.GetNthControlPointLabel(16).endswith(": out of date")


def test_a_dragged_insertion_point_is_followed(session, ready, study):
    part = study[0].slices[0]
    before = slicer.util.arrayFromVolume(part.segments).copy()
    series = mrml.readSeries(part)
    part.rvInsertionPoints.SetNthControlPointPositionWorld(0, *series.ras_from_pixels((9.0, 27.0)))
    part.rvInsertionPoints.InvokeEvent(slicer.vtkMRMLMarkupsNode.PointEndInteractionEvent)
    bullseye = slicer.util.arrayFromVolume(study[0].bullseye).copy()
    settled(session, ready)
    assert (slicer.util.arrayFromVolume(part.segments) != before).any()
    assert not np.array_equal(slicer.util.arrayFromVolume(study[0].bullseye), bullseye, equal_nan=True)
    moved = part.rvInsertionPoints.GetNthControlPointPositionWorld(0)
    ready.ui.undoButton.qt_object.click()
    assert np.abs(np.subtract(part.rvInsertionPoints.GetNthControlPointPositionWorld(0), moved)).max() > 1
    settled(session, ready)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(part.segments), before)
    ready.ui.redoButton.qt_object.click()
    np.testing.assert_allclose(part.rvInsertionPoints.GetNthControlPointPositionWorld(0), moved)


def test_the_slice_that_is_clicked_gets_the_tools(session, ready, study):
    ready.ui.slicesList.setCurrentRow(1)
    part = study[0].slices[1]
    assert ready.ui.segmentEditorWidget.segmentationNode() is part.contours
    assert ready.ui.segmentEditorWidget.sourceVolumeNode() is part.correctedVolume
    plot = session.scene.GetSingletonNode("PerfusionCurves", "vtkMRMLPlotViewNode")
    assert plot.GetPlotChartNodeID() == part.chart.GetID()


def test_a_slice_that_the_networks_are_not_sure_of_is_flagged_and_a_click_leads_to_it(session):
    scan = small_study.enhancing_scan()
    uncertain = replace(scan.slices[1], flags=(make_flag(FlagCode.INSERTION_POINTS_UNCERTAIN, confidence=0.3),))
    (nodes,) = mrml.writeStudy(session.scene, [replace(scan, slices=(scan.slices[0], uncertain))])
    panel = session.open()
    session.wait(lambda: panel.ui.statusLabel.text == "Up to date.")
    assert lines(panel) == [
        "Stress basal: automatic",
        "Stress mid: automatic \u26a0 The RV insertion points are uncertain (confidence 0.30): please check.",
    ]
    panel.ui.slicesList.setCurrentRow(1)
    assert panel.slice.key == nodes.slices[1].key
    assert panel.ui.segmentEditorWidget.segmentationNode() is nodes.slices[1].contours


def test_everything_in_the_panel_says_what_it_is_for(ready):
    """Widgets of ours; those inside a widget of Slicer are its own."""
    kinds = QAbstractButton | QAbstractSpinBox | QComboBox | QAbstractItemView
    named = [adapter.qt_object for adapter in vars(ready.ui).values() if isinstance(adapter, Adapter)]
    asked = {
        one.objectName(): one for one in named if isinstance(one, kinds) and not one.objectName().startswith("qt_")
    }
    assert len(asked) > 30
    assert [name for name, one in asked.items() if not (one.toolTip() or name.endswith("Section"))] == []
    assert [name for name, one in asked.items() if not read_aloud(one)] == []


def read_aloud(widget):
    """What a screen reader calls a widget."""
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


def test_a_frame_can_be_left_out(session, ready, study):
    part = study[0].slices[0]
    before = flow_of(part).copy()
    part.browser.SetSelectedItemNumber(10)
    ready.ui.excludeFrameCheckBox.qt_object.click()
    settled(session, ready)
    assert mrml.readSlice(part).excluded_frames == {10}
    assert (flow_of(part) != before).any()


def test_restoring_brings_the_automatic_contours_back(session, ready, study):
    take_away_the_top_of_the_ring(study[0].slices[0])
    settled(session, ready)
    ready.ui.restoreButton.qt_object.click()
    settled(session, ready)
    assert lines(ready)[0].startswith("Stress basal: automatic")


def test_images_as_acquired_and_the_opacity_of_the_map_are_chosen_in_the_panel(session, ready, study):
    composite = session.scene.GetSingletonNode("PerfusionBasal1", "vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == study[0].slices[0].correctedVolume.GetID()
    assert composite.GetForegroundVolumeID() == study[0].slices[0].mbf.GetID()
    ready.ui.showOriginalCheckBox.checked = True
    assert composite.GetBackgroundVolumeID() == study[0].slices[0].originalVolume.GetID()
    ready.ui.mapOpacitySlider.value = 0.25
    assert composite.GetForegroundOpacity() == 0.25


def test_the_table_is_saved_and_copied(session, ready, tmp_path):
    session.dialogs.answers.append(str(tmp_path / "segments.csv"))
    ready.ui.exportTableButton.qt_object.click()
    text = (tmp_path / "segments.csv").read_text(encoding="utf-8")
    assert text.startswith("aha_segment,name,level,territory,rest_mbf_ml_min_g,stress_mbf_ml_min_g,mpr")
    ready.ui.copyTableButton.qt_object.click()
    assert session.qt_application.clipboard().text().startswith("aha_segment\tname\tlevel")


def test_slices_can_be_drawn_by_hand_without_networks(session, panel):
    scan = small_study.enhancing_scan()
    acquired = Scan(condition=scan.condition, slices=tuple(part.series for part in scan.slices))
    nodes = mrml.writeScan(session.scene, acquired)
    session.widget.initializeParameterNode()
    assert lines(panel) == ["Stress basal: no contours", "Stress mid: no contours"]
    panel.ui.drawButton.qt_object.click()
    session.wait(lambda: nodes.slices[1].hasContours and not panel.work.busy)
    assert lines(panel)[0].startswith("Stress basal: manual")
    session.dialogs.errors.clear()  # no flow without a contour
    for part in nodes.slices:
        mrml.writeLabels(part.contours, part.originalVolume, small_study.ring_labels())
    session.wait(lambda: panel.ui.statusLabel.text == "Up to date.")
    assert np.nanmedian(flow_of(nodes.slices[0])) == pytest.approx(2.0, rel=0.3)


def test_a_problem_of_the_study_is_shown_word_for_word(session, panel, tmp_path):
    session.dialogs.answers.append(str(tmp_path))
    panel.ui.loadStudyButton.qt_object.click()
    session.wait(lambda: session.dialogs.errors)
    assert "\n\n" in session.dialogs.errors[0]
    session.wait(lambda: panel.ui.statusLabel.text == "Stopped by a problem." and not panel.work.busy)
    assert len(session.dialogs.errors) == 1
    assert panel.ui.loadStudyButton.enabled


def test_work_can_be_canceled_and_leaves_the_scene_as_it_was(session, ready, study):
    before = flow_of(study[0].slices[0]).copy()
    take_away_the_top_of_the_ring(study[0].slices[0])
    session.wait(lambda: ready.work.busy)
    ready.ui.cancelButton.qt_object.click()
    assert not ready.work.busy
    np.testing.assert_array_equal(flow_of(study[0].slices[0]), before)
    assert not ready.ui.exportTableButton.enabled
    assert ready.ui.recomputeButton.enabled
