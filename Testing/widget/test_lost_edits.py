"""No edit is lost: strokes that have not settled, contours found anew, coordinates typed or set by a script."""

from dataclasses import replace

import numpy as np
import slicer
import small_study
from panel_user import lines, load, press, take_away_the_top_of_the_ring, up_to_date
from PerfusionDLLib import mrml
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.session.tasks import Task


def labels(part):
    return mrml.readSlice(part).contours.labels


def stroke(part, rows):
    drawn = labels(part).copy()
    drawn[:rows] = 0
    mrml.writeLabels(part.contours, part.originalVolume, drawn)


def test_undo_right_after_a_stroke_takes_back_that_stroke_alone(session, drawn):
    part = drawn.slices()[0]
    stroke(part, 12)
    session.wait(lambda: drawn.logic.history.canUndo)
    up_to_date(session, drawn)
    first = labels(part)
    stroke(part, 14)
    press(drawn.ui.undoButton)
    np.testing.assert_array_equal(labels(part), first)
    up_to_date(session, drawn)
    press(drawn.ui.redoButton)
    assert not np.any(labels(part)[:14])
    up_to_date(session, drawn)


def test_a_stroke_right_before_restore_is_brought_back_by_undo(session, drawn):
    part = drawn.slices()[0]
    stroke(part, 14)
    press(drawn.ui.restoreButton)
    session.wait(lambda: np.any(labels(part)[:14]))
    up_to_date(session, drawn)
    press(drawn.ui.undoButton)
    assert not np.any(labels(part)[:14])
    up_to_date(session, drawn)


def found_anew(session, drawn):
    """The end of a search that found other contours in every slice, as it is in the panel."""
    parts = drawn.slices()
    found = []
    for part in parts:
        read = mrml.readSlice(part)
        other = np.roll(read.automatic.labels, 3, axis=1)
        contours = replace(read.automatic, labels=other)
        found.append(replace(read, contours=contours, automatic=contours, excluded_frames=frozenset()))

    def apply(_):
        for part, one in zip(parts, found, strict=True):
            mrml.writeSlice(session.scene, part, one)
        return parts

    return Task("Find contours", lambda progress: None, apply, 1)


def test_the_end_of_a_search_loses_neither_a_stroke_nor_what_it_replaces(session, drawn):
    part = drawn.slices()[0]
    task = found_anew(session, drawn)
    stroke(part, 14)
    drawn.updates.start(task, drawn.updates.onContours)
    session.wait(lambda: not np.array_equal(labels(drawn.slices()[1]), small_study.ring_labels()))
    up_to_date(session, drawn)
    press(drawn.ui.undoButton)
    assert not np.any(labels(part)[:14])
    np.testing.assert_array_equal(labels(drawn.slices()[1]), small_study.ring_labels())
    press(drawn.ui.undoButton)
    np.testing.assert_array_equal(labels(part), small_study.ring_labels())
    up_to_date(session, drawn)
    press(drawn.ui.redoButton)
    press(drawn.ui.redoButton)
    np.testing.assert_array_equal(labels(part), np.roll(small_study.ring_labels(), 3, axis=1))
    up_to_date(session, drawn)


def test_finding_contours_asks_before_it_replaces_a_drawing(session, drawn):
    take_away_the_top_of_the_ring(drawn.slices()[1])
    before = labels(drawn.slices()[1])
    for button in (drawn.ui.findContoursButton, drawn.ui.findAgainButton):
        if button is drawn.ui.findAgainButton:
            drawn.ui.slicesList.setCurrentRow(1)
            up_to_date(session, drawn)
        session.dialogs.answers.append(False)
        press(button)
        assert "Stress mid" in session.dialogs.asked[-1][0]
        assert drawn.work.name != "Find contours"
    np.testing.assert_array_equal(labels(drawn.slices()[1]), before)


def test_finding_contours_does_not_ask_where_nothing_was_drawn(session, drawn):
    press(drawn.ui.findContoursButton)
    assert session.dialogs.asked == []
    press(drawn.ui.cancelButton)


def follows(session, drawn, change):
    former = drawn.logic.flow
    change()
    session.wait(lambda: drawn.logic.flow is not former and drawn.logic.history.canUndo)
    up_to_date(session, drawn)


def set_from_an_array(part, drawn):
    slicer.util.updateSegmentBinaryLabelmapFromArray(drawn[None], part.contours, "myocardium", part.originalVolume)


def change_in_place(part, drawn):
    """As Slicer documents it for `arrayFromSegmentInternalBinaryLabelmap`; neither image nor array notices."""
    slicer.util.arrayFromSegmentInternalBinaryLabelmap(part.contours, "myocardium")[:, :3] = 0
    part.contours.GetSegmentation().GetSegment("myocardium").Modified()


def put_another_segment_in_its_place(part, drawn):
    segments, another = part.contours.GetSegmentation(), slicer.vtkSegment()
    another.DeepCopy(segments.GetSegment("myocardium"))
    segments.RemoveSegment("myocardium")
    segments.AddSegment(another, "myocardium")
    set_from_an_array(part, drawn)


def test_contours_that_a_script_writes_are_corrections_too(session, drawn):
    ways = (set_from_an_array, change_in_place, put_another_segment_in_its_place)
    for part, write in zip(drawn.slices(), ways, strict=False):
        smaller = (mrml.readSlice(part).contours.labels == Label.MYOCARDIUM).astype(np.uint8)
        smaller[:14] = 0
        write(part, smaller)
    session.wait(lambda: sum("edited" in line for line in lines(drawn)) == len(ways))
    up_to_date(session, drawn)
    assert [row.stress.origin for row in drawn.logic.flow.table.segments[:1]] == ["edited"]
    while drawn.logic.history.canUndo:
        press(drawn.ui.undoButton)
    assert not any("edited" in line for line in lines(drawn))


def test_coordinates_typed_in_markups_or_set_by_a_script_are_followed(session, drawn):
    part = drawn.slices()[0]
    points = part.rvInsertionPoints
    position = np.add(points.GetNthControlPointPositionWorld(0), (3, 3, 0))
    follows(session, drawn, lambda: points.SetNthControlPointPositionWorld(0, *position))
    position[2] += 4
    follows(session, drawn, lambda: points.SetNthControlPointPosition(0, *position))


def test_a_point_in_the_hand_is_no_correction_until_it_is_dropped(session, drawn):
    points = drawn.slices()[0].rvInsertionPoints
    points.InvokeEvent(points.PointStartInteractionEvent)
    points.SetNthControlPointPositionWorld(0, *np.add(points.GetNthControlPointPositionWorld(0), (4, 0, 0)))
    for _ in range(40):
        session.qt_application.processEvents()
    assert not drawn.logic.history.canUndo
    follows(session, drawn, lambda: points.InvokeEvent(points.PointEndInteractionEvent))


def test_a_transform_and_another_segment_are_followed(session, drawn):
    part = drawn.slices()[0]
    transform = session.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    part.contours.SetAndObserveTransformNodeID(transform.GetID())
    follows(session, drawn, lambda: shift(transform))
    moved = labels(part)
    assert not np.array_equal(moved, small_study.ring_labels())
    segments = part.contours.GetSegmentation()
    session.wait(lambda: not drawn.work.busy)
    former = drawn.logic.flow
    segments.RemoveSegment("myocardium")
    session.wait(lambda: drawn.logic.flow is not former or not np.any(labels(part) == Label.MYOCARDIUM))
    session.wait(lambda: not drawn.work.busy)
    press(drawn.ui.undoButton)
    np.testing.assert_array_equal(labels(part), moved)


def shift(transform):
    matrix = np.eye(4)
    matrix[:3, 3] = 3 * small_study.geometry()[:3, 0]
    transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))


def test_nothing_of_the_first_patient_stays_beside_the_second(session, drawn, folder):
    table = drawn.ui.resultsTable.qt_object
    chart = session.scene.GetSingletonNode("PerfusionCurves", "vtkMRMLPlotViewNode")
    assert table.rowCount() == 20
    assert chart.GetPlotChartNodeID()
    first = drawn.scans()
    load(session, drawn, folder)
    assert table.rowCount() == 0
    assert not chart.GetPlotChartNodeID()
    drawn.choose(first)
    up_to_date(session, drawn)
    assert table.rowCount() == 20
    assert chart.GetPlotChartNodeID()


def test_a_second_patient_is_not_put_together_with_the_first(session, drawn, folder):
    first = drawn.scans()
    load(session, drawn, folder)
    second = drawn.scans()
    assert {nodes.study for nodes in first}.isdisjoint(nodes.study for nodes in second)
    for nodes in second:
        assert nodes.study in nodes.browser.GetName()
    drawn.parameters.restScan = first[1].browser
    drawn.parameters.stressScan = first[0].browser
    up_to_date(session, drawn)
    drawn.parameters.restScan = second[1].browser
    session.wait(lambda: not drawn.work.busy)
    exported = drawn.logic.tableText()
    press(drawn.ui.drawButton)
    session.wait(lambda: not drawn.work.busy)
    for part in second[1].slices:
        mrml.writeLabels(part.contours, part.originalVolume, small_study.ring_labels())
    session.wait(lambda: "different studies" in drawn.ui.statusLabel.text)
    assert not drawn.ui.exportTableButton.enabled
    assert drawn.logic.tableText() == exported
