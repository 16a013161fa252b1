"""What is on screen: one patient, placed on the heart, at its peak, in step."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
import small_study
import vtk
from panel_user import key, lines, load, plotted, press, take_away_the_top_of_the_ring, up_to_date
from PerfusionDLLib import mrml
from PerfusionDLLib.data.flag import FlagCode, Where, make_flag
from PerfusionDLLib.data.study import Condition, Scan
from PerfusionDLLib.mrml.layouts import OWN_ROWS
from PySide6.QtCore import Qt

FLOWS = ((Condition.STRESS, 2.0), (Condition.REST, 1.0))


def sliceNode(session, name):
    return session.scene.GetSingletonNode(name, "vtkMRMLSliceNode")


def another_patient(session):
    return mrml.writeStudy(session.scene, [small_study.enhancing_scan(*one) for one in FLOWS])


def visible(nodes):
    return {
        bool(node.GetDisplayNode().GetVisibility())
        for part in nodes.slices
        for node in (part.contours, part.rvInsertionPoints)
    }


def test_a_second_patient_takes_the_place_of_the_first_in_all_views_and_tools(session, drawn):
    first = drawn.scans()
    second = another_patient(session)
    for nodes in second:
        setattr(drawn.parameters, f"{nodes.condition}Scan", nodes.browser)
    up_to_date(session, drawn)
    assert [visible(nodes) for nodes in first] == [{False}, {False}]
    assert [visible(nodes) for nodes in second] == [{True}, {True}]
    assert not first[0].bullseyeValues.GetDisplayNode().GetVisibility()
    assert second[0].bullseyeValues.GetDisplayNode().GetVisibility()
    for nodes, shown in ((first[0], False), (second[0], True)):
        for volume in (nodes.bullseye, nodes.reserve):
            assert slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume).GetVisibility() == shown
    assert drawn.ui.segmentEditorWidget.segmentationNode() is drawn.slice.contours
    for nodes in first:
        setattr(drawn.parameters, f"{nodes.condition}Scan", nodes.browser)
    up_to_date(session, drawn)
    assert [visible(nodes) for nodes in first] == [{True}, {True}]
    assert [visible(nodes) for nodes in second] == [{False}, {False}]


def test_the_panel_says_whose_study_is_on_show_and_no_node_does(session, panel, folder):
    load(session, panel, folder)
    assert panel.ui.patientLabel.text == "Doe, Jane (77)"
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(session.scene)
    assert "Doe" not in str(tree)
    session.scene.Clear()
    another_patient(session)
    assert "not named" in session.open().ui.patientLabel.text


def test_what_is_going_on_stays_in_sight_whatever_tool_is_scrolled_to(panel):
    scrolled = panel.ui.sectionsArea.qt_object
    for name in ("patientLabel", "statusLabel", "readingButton", "checkLabel", "readoutLabel", "disclaimerLabel"):
        assert not scrolled.isAncestorOf(getattr(panel.ui, name).qt_object), name
    for name in ("studySection", "correctionsSection", "exportSection"):
        assert scrolled.isAncestorOf(getattr(panel.ui, name).qt_object), name


def test_no_tool_keeps_hold_of_contours_that_are_not_on_show(session, drawn):
    drawn.parameters.stressScan = drawn.parameters.restScan = None
    assert drawn.ui.segmentEditorWidget.segmentationNode() is None
    assert drawn.ui.statusLabel.text == "Load a study."


def test_a_loaded_study_is_in_its_views_after_the_views_have_set_themselves(session, panel, folder):
    load(session, panel, folder)
    for _ in range(5):
        session.qt_application.processEvents()
    for row, nodes in zip((1, 2), panel.scans(), strict=True):
        node = sliceNode(session, f"PerfusionBasal{row}")
        series = mrml.readSeries(nodes.slices[0])
        plane = [node.GetSliceToRAS().GetElement(axis, 3) for axis in range(3)]
        normal = np.cross(series.ijk_to_ras[:3, 0], series.ijk_to_ras[:3, 1])
        offset_mm = (np.array(plane) - series.ijk_to_ras[:3, 3]) @ normal / np.linalg.norm(normal)
        assert abs(offset_mm) < 0.1


def test_all_slices_of_a_scan_share_one_window(drawn):
    for nodes in drawn.scans():
        displays = [
            volume.GetDisplayNode() for part in nodes.slices for volume in (part.originalVolume, part.correctedVolume)
        ]
        assert len({(one.GetWindowLevelMin(), one.GetWindowLevelMax()) for one in displays}) == 1


def test_a_map_that_was_deleted_is_written_again(session, drawn):
    part = drawn.slices()[0]
    session.scene.RemoveNode(part.mbf)
    assert not part.hasMaps
    session.wait(lambda: part.hasMaps and not drawn.work.busy)
    assert drawn.ui.statusLabel.text == "Up to date."


def test_a_scan_that_is_taken_away_is_computed_without(session, drawn):
    drawn.parameters.restScan = None
    session.wait(lambda: not drawn.work.busy and drawn.ui.statusLabel.text == "Up to date.")
    assert np.isnan(drawn.logic.flow.table.whole.mpr)


@pytest.mark.parametrize(("column", "condition"), [(1, "stress"), (2, "rest"), (3, "stress")])
def test_a_click_on_a_number_shows_its_curve(drawn, column, condition):
    drawn.ui.resultsTable.qt_object.cellClicked.emit(6, column)
    assert drawn.pick.segment == 7
    assert drawn.pick.scan.condition == condition


def test_slices_that_have_no_view_of_their_own_are_said(session, panel):
    series = small_study.enhancing_scan().slices[0].series
    panel.choose([mrml.writeScan(session.scene, Scan(condition=Condition.STRESS, slices=(series,) * 5))])
    assert "the first 3 of 5 slices" in panel.ui.statusLabel.text
    assert lines(panel)[:2] == ["Stress basal 1: no contours", "Stress basal 2: no contours"]


def test_the_comment_on_one_patient_does_not_go_to_another_and_comes_back_with_its_own(session, drawn, folder):
    first = {nodes.condition: nodes.browser for nodes in drawn.scans()}
    drawn.parameters.comment = "Defect of the septum."
    load(session, drawn, folder)
    assert (drawn.parameters.comment, drawn.ui.commentEdit.text) == ("", "")
    drawn.parameters.comment = "Normal."
    drawn.ui.restSelector.setCurrentNode(None)
    assert drawn.parameters.comment == "Normal."  # of the same patient
    drawn.choose([mrml.ScanNodes(browser) for browser in first.values()])
    assert drawn.ui.commentEdit.text == "Defect of the septum."


def test_the_curve_that_was_clicked_stays_until_another_slice_is_chosen(session, drawn):
    drawn.ui.resultsTable.qt_object.cellClicked.emit(6, 1)
    clicked = plotted(session)
    assert clicked is not drawn.slice.chart
    drawn.parameters.comment = "Defect of the septum."
    drawn.ui.mapOpacitySlider.value = 0.4
    assert plotted(session) is clicked
    drawn.ui.slicesList.setCurrentRow(0)
    assert plotted(session) is drawn.slice.chart


def test_studies_that_the_panel_loaded_do_not_arrive_later(session, panel, folder):
    session.widget._looks = True  # nobody looks for arrivals meanwhile, as while work goes on
    for _ in range(2):
        load(session, panel, folder)
    panel.showStatus("Up to date.")
    session.widget.onArrived()
    assert panel.ui.statusLabel.text == "Up to date."


def test_a_view_that_a_study_with_fewer_slices_leaves_empty_bears_no_name_of_a_slice(session, drawn):
    names = [sliceNode(session, name).GetLayoutLabel() for name in OWN_ROWS[0]]
    assert names == ["S-B", "S-M", "\u2013"]


def test_a_study_that_arrives_while_the_module_is_open_is_chosen(session, drawn):
    second = another_patient(session)
    session.wait(lambda: {nodes.browser for nodes in drawn.scans()} == {nodes.browser for nodes in second})


def test_the_line_below_the_table_forgets_the_patient_before(session, drawn):
    drawn.ui.resultsTable.qt_object.cellClicked.emit(6, 1)
    assert "anterior" in drawn.ui.readoutLabel.text
    drawn.choose(another_patient(session))
    assert "anterior" not in drawn.ui.readoutLabel.text


def test_legends_are_added_anew_when_views_come_after_them(session, drawn):
    mbf = drawn.scans()[0].bullseye
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(mbf)
    added = []
    session.scene.AddObserver(session.scene.NodeAddedEvent, lambda scene, event: added.append(event))
    drawn._views = set()  # as after a scene was read whose views were not there yet
    drawn.showScans()
    assert len(added) >= 3
    assert slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(mbf) is legend


def test_what_holds_leads_the_table_where_absolute_flow_is_not_known(drawn):
    flow, shown = drawn.logic.flow, drawn.ui.resultsTable.qt_object
    flag = make_flag(FlagCode.ABSOLUTE_FLOW_UNKNOWN, Where(), mbf_low_ml_min_g=0.9, mbf_high_ml_min_g=5.1)
    whole = replace(flow.table.whole, flags=(*flow.table.whole.flags, flag))
    drawn.updates.onFlow(replace(flow, result=replace(flow.result, table=replace(flow.table, whole=whole))))
    names = [shown.horizontalHeaderItem(column).text() for column in range(shown.columnCount())]
    assert names == ["Segment", "MPR", "Relative", "Stress", "Rest"]
    assert drawn.ui.statusLabel.text.startswith("Up to date. Absolute flow is not known")
    segments = flow.table.segments
    best = np.mean(np.sort([row.stress.mbf_ml_min_g for row in segments if np.isfinite(row.stress.mbf_ml_min_g)])[-4:])
    assert shown.item(6, 1).text().startswith(f"{segments[6].mpr:.2f} [")
    assert shown.item(6, 2).text().startswith(f"{100 * segments[6].stress.mbf_ml_min_g / best:.0f} % [")
    assert shown.item(6, 3).text().startswith(f"{segments[6].stress.mbf_ml_min_g:.2f} [")
    assert shown.item(6, 3).background().style() == Qt.BrushStyle.NoBrush
    shown.cellClicked.emit(6, 4)
    assert drawn.pick.scan.condition == "rest"
    drawn.updates.onFlow(flow)
    assert shown.columnCount() == 4
    assert drawn.ui.statusLabel.text == "Up to date."


def test_legends_of_a_scene_that_is_read_while_its_views_are_open_are_drawn(session, drawn):
    added = []

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def on_added(scene, event, node):
        if node.IsA("vtkMRMLColorLegendDisplayNode"):
            added.append(node)

    tag = session.scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, on_added)
    parameters = drawn.parameters
    drawn.showScans()
    assert added == []
    drawn.show(None)  # as when a scene begins to be read
    drawn.show(parameters)
    drawn.showScans()
    session.scene.RemoveObserver(tag)
    assert added


def test_the_panel_does_not_jump_when_work_begins(drawn):
    bar = drawn.ui.progressBar.qt_object
    assert not bar.isVisibleTo(drawn.ui.PerfusionDL.qt_object)
    assert bar.sizePolicy().retainSizeWhenHidden()


def test_numbers_before_a_correction_are_gray_until_those_after_it_are_there(session, drawn):
    shown, views = (
        drawn.ui.resultsTable.qt_object,
        [slicer.app.layoutManager().sliceWidget(name).sliceView() for name in sum(OWN_ROWS, ())],
    )
    text, color = shown.item(6, 1).text(), shown.item(6, 1).background().color().getRgb()
    take_away_the_top_of_the_ring(drawn.slices()[0])
    session.wait(lambda: drawn.work.busy)
    assert shown.item(6, 1).text() == text
    assert shown.item(6, 1).background().color().getRgb()[:3] == (178, 178, 178)
    session.wait(lambda: drawn.work.writing)
    assert all(view._paused == 1 for view in views)
    up_to_date(session, drawn)
    session.wait(lambda: not any(view._paused for view in views))
    assert shown.item(6, 1).background().color().getRgb()[:3] != (178, 178, 178)
    assert color[:3] != (178, 178, 178)


def test_a_single_scan_is_named_as_what_it_is_though_the_view_showed_another_before(session, drawn):
    def label(name):
        return sliceNode(session, name).GetLayoutLabel()

    assert label("PerfusionBasal1") == "S-B"
    drawn.parameters.stressScan = None
    drawn.showScans()
    assert label("PerfusionBasal1") == "R-B"
    assert label("PerfusionBullseye1") == "R-MBF"


def test_a_map_goes_with_its_contours_and_a_map_written_again_brings_no_second_legend(session, drawn):
    first, second = drawn.slices()[:2]
    session.scene.RemoveNode(first.mbf)
    session.scene.RemoveNode(second.contours)
    session.wait(lambda: first.hasMaps and not drawn.work.busy)
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(sliceNode(session, "PerfusionMid1"))
    assert composite.GetForegroundVolumeID() is None
    assert not slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(first.mbf).GetVisibility()


def test_images_can_be_seen_alone_until_a_tool_is_taken_up(session, drawn):
    def opacity():
        return slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(
            sliceNode(session, "PerfusionBasal1")
        ).GetForegroundOpacity()

    key(session, drawn, "M")
    assert visible(drawn.scans()[0]) == {False}
    assert opacity() == 0
    drawn.showScans()
    session.qt_application.processEvents()
    assert opacity() == 0
    press(drawn.ui.hintWallButton)
    assert visible(drawn.scans()[0]) == {True}
    assert opacity() == pytest.approx(drawn.parameters.mapOpacity)
