"""The mouse reads, picks, drags and places in the views; keys step and undo, and leave Slicer its own."""

import numpy as np
import pytest
import slicer
from panel_user import PIXEL, click, key, lines, move_mouse, plotted, press, up_to_date
from PerfusionDLLib import mrml
from PerfusionDLLib.data.contours import Origin
from PerfusionDLLib.mrml.layouts import BULLSEYE_VIEWS, OWN_ROWS, RESERVE_VIEW
from PerfusionDLLib.mrml.views import BULLSEYE_FIELD_MM
from PerfusionDLLib.session import setPeakFrame
from PySide6.QtGui import QAction, QKeySequence
from slice_views import SliceView


def test_the_map_is_read_under_the_mouse_and_a_click_shows_the_curve(session, drawn):
    view, part = OWN_ROWS[0][1], drawn.slices()[1]
    position = mrml.readSeries(part).ras_from_pixels(PIXEL)
    shown = slicer.util.arrayFromVolume(part.mbf)[0][PIXEL]
    move_mouse(session, drawn, view, position)
    assert f": {shown:.2f} [" in drawn.ui.readoutLabel.text
    session.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode").SetCursorPositionInvalid()
    assert drawn.ui.readoutLabel.text.startswith("Stress, global: ")
    click(session, drawn, view, position)
    assert drawn.slice.key == part.key
    assert plotted(session) is mrml.ScanNodes(part.browser).pickedChart
    click(session, drawn, BULLSEYE_VIEWS[1], (0, 40, 0))
    assert plotted(session).GetTitle() == "Rest, basal anterior (1)"
    before = plotted(session).GetTitle()
    click(session, drawn, BULLSEYE_VIEWS[1], (0, -40, 0), drag=20)
    drawn.ui.segmentEditorWidget.setActiveEffectByName("Paint")
    click(session, drawn, BULLSEYE_VIEWS[1], (0, -40, 0))
    assert plotted(session).GetTitle() == before
    drawn.corrections.toggleEffect("Paint")
    click(session, drawn, BULLSEYE_VIEWS[1], (0, -40, 0))
    assert plotted(session).GetTitle() == "Rest, basal inferior (4)"
    assert session.dialogs.errors == []


def test_the_mouse_reads_picks_drags_and_places_in_a_view_of_slicers_own(session, drawn):
    view, part = view_of_slicers_own(session, drawn, OWN_ROWS[0][0]), drawn.slices()[0]
    pixel = np.array(mrml.readSeries(part).ras_from_pixels(PIXEL))
    view.moveTo(pixel)
    assert f"{slicer.util.arrayFromVolume(part.mbf)[0][PIXEL]:.2f} [" in drawn.ui.readoutLabel.text
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


def test_a_click_is_a_hint_that_the_contours_follow_and_undo_takes_back(session, drawn):
    part = drawn.slices()[1]
    before = mrml.readSlice(part).contours
    row, column = np.argwhere(before.blood_pool).max(axis=0)[0] + 2, 32
    assert before.myocardium[row, column]
    position = mrml.readSeries(part).ras_from_pixels((row, column))
    press(drawn.ui.hintWallButton)
    press(drawn.ui.hintBloodButton)
    assert not drawn.ui.hintWallButton.checked
    click(session, drawn, OWN_ROWS[0][1], position)
    after = mrml.readSlice(part).contours
    assert after.blood_pool[row, column]
    assert after.origin is Origin.EDITED
    assert not before.blood_pool[after.myocardium].any()
    up_to_date(session, drawn)
    others = [one for one in drawn.slices() if one.key != part.key]
    former = labels_of(others)
    key(session, drawn, "Ctrl+Down")
    assert drawn.slice.key == part.key
    press(drawn.ui.carryOverButton)
    followed = [not np.array_equal(one, labels) for one, labels in zip(labels_of(others), former, strict=True)]
    assert drawn.ui.statusLabel.text.startswith(f"Slices that followed: {sum(followed)}")
    assert 0 < sum(followed) <= 3
    up_to_date(session, drawn)
    assert drawn.ui.statusLabel.text.endswith(f"Slices that followed: {sum(followed)}.")
    press(drawn.ui.undoButton)
    np.testing.assert_array_equal(labels_of(others), former)
    np.testing.assert_array_equal(mrml.readSlice(part).contours.labels, after.labels)
    press(drawn.ui.undoButton)
    np.testing.assert_array_equal(mrml.readSlice(part).contours.labels, before.labels)
    key(session, drawn, "Escape")
    assert drawn.hints.label is None
    click(session, drawn, OWN_ROWS[0][1], position)
    np.testing.assert_array_equal(mrml.readSlice(part).contours.labels, before.labels)
    assert session.dialogs.errors == []


def labels_of(slices):
    return [mrml.readSlice(one).contours.labels for one in slices]


def view_of_slicers_own(session, panel, name):
    """A view in which Slicer's own interactor style and displayable managers hear the mouse before the panel does."""
    view = SliceView(session.headless, name)
    slicer.app.layoutManager().sliceWidget(name).sliceView()._hear(view.interactor)
    panel.updateDisplay()
    view.render()
    return view


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
    setPeakFrame(drawn.slice, 9)
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
