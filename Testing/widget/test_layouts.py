"""What a user sees at once: the layout they chose, a panel that keeps its width, colors and comment."""

from xml.etree import ElementTree

import pytest
import slicer
import vtk
from panel_user import click, load, press
from PerfusionDLLib import mrml
from PerfusionDLLib.mrml.layouts import LAYOUT_NUMBERS, OWN_ROWS, Layout, layoutDescription, sliceOf
from PySide6.QtWidgets import QWidget


def arrangement(session):
    return session.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").GetViewArrangement()


def choose(session, panel, layout):
    panel.ui.layoutSelector.setCurrentIndex(list(Layout).index(layout))
    session.wait(lambda: arrangement(session) == LAYOUT_NUMBERS[layout, 2])
    for _ in range(3):
        session.qt_application.processEvents()  # the views are placed again when they have set themselves


def views(session):
    return session.scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")


def smallest_width(description, bar_px):
    """Smallest width of a layout in which each view has such a bar above it."""
    kind, parts = description.get("type"), [item[0] for item in description]
    widths = [smallest_width(part, bar_px) if part.tag == "layout" else bar_px for part in parts]
    return sum(widths) if kind == "horizontal" else max(widths)


def test_all_layouts_fit_beside_the_panel_on_a_laptop(drawn):
    from PerfusionDLLib.panel.arrangement import PANEL_WIDTH_PX

    manager = slicer.app.layoutManager()
    bar_px = max(
        manager.sliceWidget(name).sliceController().qt_object.minimumWidth()
        for name in ("PerfusionBasal1", "PerfusionReserve")
    )
    for layout in Layout:
        wanted = smallest_width(ElementTree.fromstring(layoutDescription(layout, 2)), bar_px)
        assert PANEL_WIDTH_PX + wanted <= 1366


@pytest.mark.parametrize("layout", list(Layout))
def test_every_view_of_a_layout_has_a_group_of_its_own(layout):
    views = list(ElementTree.fromstring(layoutDescription(layout, 2)).iter("view"))
    groups = [one.text for view in views for one in view if one.get("name") == "viewgroup"]
    assert len(groups) == len(set(groups)) == len(views) - 1  # the curves have none


def test_the_layout_that_was_chosen_is_there_again(session, drawn):
    choose(session, drawn, Layout.ONE_SLICE)
    assert arrangement(session) == LAYOUT_NUMBERS[Layout.ONE_SLICE, 2]
    session.parent.reload()
    again = session.widget.panel
    again.showScans()
    assert again.ui.layoutSelector.currentText == "One slice large"
    assert arrangement(session) == LAYOUT_NUMBERS[Layout.ONE_SLICE, 2]


def test_the_views_of_a_new_layout_are_not_made_all_at_once(session, drawn):
    before = views(session)
    drawn.ui.layoutSelector.setCurrentIndex(list(Layout).index(Layout.MAPS_BESIDE))
    assert views(session) == before + 1
    assert arrangement(session) != LAYOUT_NUMBERS[Layout.MAPS_BESIDE, 2]  # opens when all are there
    session.wait(lambda: arrangement(session) == LAYOUT_NUMBERS[Layout.MAPS_BESIDE, 2])
    assert views(session) == before + 6


def test_a_layout_that_is_placed_while_its_views_come_is_placed_again_when_all_have_set_themselves(session, drawn):
    drawn.ui.layoutSelector.setCurrentIndex(list(Layout).index(Layout.MAPS_BESIDE))
    drawn._placeScans()
    node = session.scene.GetSingletonNode("PerfusionMidMap1", "vtkMRMLSliceNode")
    placed = node.GetSliceOffset()
    node.SetSliceOffset(0)  # as its controller does later
    for _ in range(3):
        session.qt_application.processEvents()
    assert node.GetSliceOffset() == pytest.approx(placed)
    assert abs(placed) > 1


def test_who_chooses_another_layout_meanwhile_gets_that_one(session, drawn):
    for layout in (Layout.MAPS_BESIDE, Layout.ONE_SLICE):
        drawn.ui.layoutSelector.setCurrentIndex(list(Layout).index(layout))
    session.wait(lambda: arrangement(session) == LAYOUT_NUMBERS[Layout.ONE_SLICE, 2])
    before = views(session)
    for _ in range(20):
        session.qt_application.processEvents()
    assert arrangement(session) == LAYOUT_NUMBERS[Layout.ONE_SLICE, 2]
    assert views(session) == before


def test_views_are_there_before_their_layout_opens_so_that_no_slider_widens_the_window(session, panel, folder):
    layout, seen = session.scene.GetFirstNodeByClass("vtkMRMLLayoutNode"), []

    def on_layout(caller, event):
        if caller.GetViewArrangement() in LAYOUT_NUMBERS.values():
            manager = slicer.app.layoutManager()
            seen.extend(manager.sliceWidget(name).sliceController().qt_object.minimumWidth() for name in OWN_ROWS[0])

    layout.AddObserver(vtk.vtkCommand.ModifiedEvent, on_layout)
    load(session, panel, folder)
    assert set(seen) == {130}


def test_the_layout_follows_the_screen_and_not_a_window_that_is_larger(session, drawn):
    from PerfusionDLLib.panel.arrangement import chosenLayout

    assert drawn.parent.qt_object.screen().availableGeometry().width() < 1600
    session.window.resize(1900, 700)
    assert chosenLayout() is Layout.LAPTOP


def test_one_slice_is_large_with_its_rest_beside(session, drawn):
    choose(session, drawn, Layout.ONE_SLICE)
    drawn.ui.slicesList.setCurrentRow(1)
    large = [session.scene.GetSingletonNode(f"PerfusionLarge{row}", "vtkMRMLSliceNode") for row in (1, 2)]
    assert [sliceOf(node) for node in large] == [(0, 1), (1, 1)]
    for node, nodes in zip(large, drawn.scans(), strict=True):
        shown = {part.number: part.contours.GetDisplayNode().IsDisplayableInView(node.GetID()) for part in nodes.slices}
        assert shown == {0: False, 1: True}
        composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node)
        assert composite.GetForegroundVolumeID() == nodes.slices[1].mbf.GetID()
    part = drawn.slices()[1]
    series = mrml.readSeries(part)
    click(session, drawn, "PerfusionLarge1", series.ras_from_pixels((23, 37)))
    assert drawn.pick.part.key == part.key


def test_maps_are_beside_the_images_and_are_read_there(session, drawn):
    def opacity(name):
        node = session.scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        return slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(node).GetForegroundOpacity()

    assert opacity("PerfusionMid1") == pytest.approx(0.7)
    choose(session, drawn, Layout.MAPS_BESIDE)
    assert (opacity("PerfusionMid1"), opacity("PerfusionMidMap1")) == (0, pytest.approx(0.7))
    part = drawn.slices()[1]
    click(session, drawn, "PerfusionMidMap1", mrml.readSeries(part).ras_from_pixels((23, 37)))
    assert drawn.pick.part.key == part.key
    drawn.ui.mapOpacitySlider.value = 1.0
    assert (opacity("PerfusionMid1"), opacity("PerfusionMidMap1")) == (0, 1)
    choose(session, drawn, Layout.WIDE)
    assert opacity("PerfusionMid1") == 1


def test_the_panel_keeps_its_width_whatever_tool_is_taken_up(drawn):
    from PerfusionDLLib.panel.arrangement import PANEL_WIDTH_PX

    panel = drawn.ui.PerfusionDL.qt_object
    before = panel.minimumWidth(), panel.maximumWidth()
    drawn.ui.segmentEditorWidget.qt_object.setMinimumWidth(588)
    assert (panel.minimumWidth(), panel.maximumWidth()) == before
    assert before[0] == PANEL_WIDTH_PX


def test_a_tool_with_wide_options_does_not_push_the_images_aside(drawn):
    section = drawn.ui.correctionsSection.qt_object
    options, before = QWidget(), section.minimumSizeHint().width()
    options.setMinimumWidth(before + 200)
    drawn.ui.segmentEditorWidget.qt_object.layout().addWidget(options)
    options.show()
    section.layout().invalidate()
    assert drawn.ui.segmentEditorWidget.qt_object.minimumSizeHint().width() > before + 200
    assert section.minimumSizeHint().width() == before


def test_a_comment_is_kept_with_the_scene(session, drawn):
    edit = drawn.ui.commentEdit.qt_object
    edit.setText("Defect of the septum.")
    edit.editingFinished.emit()
    assert drawn.logic.getParameterNode().comment == "Defect of the septum."
    drawn.updateDisplay()
    assert edit.text() == "Defect of the septum."


def test_a_threshold_colors_the_values_below_it(session, drawn):
    table = drawn.ui.resultsTable.qt_object
    colors = {table.item(0, column).background().color().name() for column in (1, 2, 3)}
    press(drawn.ui.updateCheckBox) if not drawn.parameters.updateAutomatically else None
    drawn.ui.thresholdsSelector.setCurrentIndex(1)
    session.wait(lambda: not drawn.work.busy and drawn.logic.flowIsCurrent(drawn.parameters))
    low = [row for row in drawn.logic.flow.table.segments if row.mpr < 2.19]
    expected = {row.aha_segment: row in low for row in drawn.logic.flow.table.segments}
    found = {
        row.aha_segment: table.item(index, 3).background().color().name() == "#d65e00"
        for index, row in enumerate(drawn.logic.flow.table.segments)
    }
    assert found == expected
    assert any(expected.values())
    assert "#d65e00" not in colors


def test_the_segment_editor_is_set_up_without_a_complaint_and_outlines_stay_smooth(drawn):
    assert drawn.ui.segmentEditorWidget.qt_object._said == []
    assert drawn.slice.contours.GetDisplayNode().GetPreferredDisplayRepresentationName2D() == "Closed surface"
