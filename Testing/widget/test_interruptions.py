"""What may get in the way of the work: canceling, no PyTorch, renamed and deleted nodes, another study, a reload."""

import importlib.util
import sys

import numpy as np
import slicer
from panel_user import click, key, load, plotted, press, table, take_away_the_top_of_the_ring, up_to_date
from PerfusionDLLib import mrml
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.mrml.layouts import BULLSEYE_VIEWS
from PerfusionDLLib.session import isFrameExcluded, setFrameExcluded


def test_the_progress_says_slice_and_step_and_finding_contours_can_be_canceled(session, drawn):
    part, said, shares = drawn.slices()[0], [], []
    before = mrml.readSlice(part)

    def heard():
        said.append(drawn.ui.statusLabel.text)
        shares.append(drawn.ui.progressBar.value)
        return all(
            any(text.startswith(level) for text in said) for level in ("Stress basal: ", "Rest mid: ")
        )  # in any order

    press(drawn.ui.findContoursButton)
    assert not drawn.ui.findContoursButton.enabled
    assert drawn.ui.findContoursButton.toolTip == "Wait until the running work is done, or cancel it."
    session.wait(heard)
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


def test_a_reading_that_was_canceled_can_be_begun_again(session, panel, folder):
    load(session, panel, folder)
    for _ in range(2):
        panel.ui.readingButton.toggle()
        assert panel.work.name == "Find contours"
        press(panel.ui.cancelButton)
    assert panel.ui.statusLabel.text == "Canceled."


def test_a_study_without_a_heart_says_so_and_what_can_be_done(session, panel, folder):
    load(session, panel, folder)
    panel.study.onNotFound(PerfusionError("No left ventricle was found in this slice.", "Check the series."))
    assert session.dialogs.errors.pop().startswith("No left ventricle")
    assert panel.ui.statusLabel.text.startswith("No heart was found.")
    panel.ui.readingButton.toggle()
    assert not panel.work.busy  # it would find none again
    assert panel.ui.statusLabel.text.startswith("No heart was found.")
    assert panel.ui.drawButton.enabled
    assert panel.ui.seriesButton.enabled


def test_without_pytorch_all_but_the_networks_works_and_it_is_said(session, drawn, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find(name, *more))
    press(drawn.ui.findContoursButton)
    assert "press Draw by hand" in session.dialogs.errors.pop()
    part = drawn.slices()[0]
    take_away_the_top_of_the_ring(part)
    session.wait(lambda: np.isnan(slicer.util.arrayFromVolume(part.mbf)[0][12, 27]))
    up_to_date(session, drawn)
    assert table(drawn)["1"]["stress_origin"] == "edited"
    assert session.dialogs.errors == []


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
    setFrameExcluded(first[0].slices[0], 5, True)
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
    setFrameExcluded(drawn.slices()[0], 5, True)
    session.wait(lambda: drawn.work.busy or drawn.logic.history.canUndo)
    session.widget.onReload()
    again = session.widget.panel
    assert again is not drawn
    up_to_date(session, again)
    assert isFrameExcluded(again.slices()[0], 5)
    key(session, again, "Ctrl+Down")
    assert again.slice.key == again.slices()[1].key
    click(session, again, BULLSEYE_VIEWS[1], (0, 40, 0))
    assert plotted(session).GetTitle() == "Rest, basal anterior (1)"
    assert session.dialogs.errors == []
