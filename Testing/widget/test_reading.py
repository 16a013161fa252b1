"""From a loaded study to its numbers: one button, a screen without tools, one key through the slices to check."""

from dataclasses import replace

import pytest
import slicer
import small_study
from panel_user import key, load, press, take_away_the_top_of_the_ring, up_to_date
from PerfusionDLLib import mrml
from PerfusionDLLib import session as at_work
from PerfusionDLLib.data.flag import FlagCode, Where, make_flag

TOOLS = ("studySection", "imagesSection", "correctionsSection", "exportSection", "acquisitionSection")


def shows(panel, name):
    return getattr(panel.ui, name).qt_object.isVisibleTo(panel.ui.PerfusionDL.qt_object)


@pytest.fixture
def uncertain(session):
    """The panel of a stress scan whose both slices have something to check."""
    scan = small_study.enhancing_scan()
    flag = make_flag(FlagCode.INSERTION_POINTS_UNCERTAIN, confidence=0.3)
    mrml.writeStudy(session.scene, [replace(scan, slices=tuple(replace(one, flags=(flag,)) for one in scan.slices))])
    panel = session.open()
    up_to_date(session, panel)
    return panel


def test_reading_hides_the_tools_and_gives_them_back(session, drawn):
    session.window.show()
    drawn.ui.readingButton.toggle()
    assert not any(shows(drawn, name) for name in TOOLS)
    assert set(session.shown.values()) == {False}
    assert all(shows(drawn, name) for name in ("resultsTable", "readoutLabel", "statusLabel", "checkLabel"))
    assert drawn.ui.readingButton.text == "Back to the tools (T)"
    drawn.ui.readingButton.toggle()
    assert all(shows(drawn, name) for name in TOOLS)
    assert {part for part, shown in session.shown.items() if not shown} == {"DataProbe"}


def test_views_are_away_until_the_window_has_its_size_and_are_then_drawn_in_turn(session, drawn):
    session.window.show()
    central = session.window.centralWidget()
    view = slicer.app.layoutManager().sliceWidget("PerfusionMid1").sliceView()
    for _ in ("read", "back to the tools"):
        drawn.ui.readingButton.toggle()
        assert central.isHidden()
        assert view._paused
        session.wait(lambda: not central.isHidden())
        assert view._paused
        session.wait(lambda: not view._paused)


def test_whoever_leaves_the_module_while_reading_has_the_window_back(session, drawn):
    drawn.ui.readingButton.toggle()
    session.widget.exit()
    assert set(session.shown.values()) == {True}
    assert not session.window.isFullScreen()


def test_numbers_that_are_out_of_date_are_computed_before_they_are_read(session, drawn):
    drawn.parameters.updateAutomatically = False
    take_away_the_top_of_the_ring(drawn.slices()[0])
    session.wait(lambda: drawn.ui.statusLabel.text == "Out of date. Press Recompute.")
    key(session, drawn, "T")
    assert shows(drawn, "studySection")  # nobody reads what is not there yet
    assert not drawn.ui.readingButton.enabled
    session.wait(lambda: not shows(drawn, "studySection"))
    assert drawn.logic.flowIsCurrent(drawn.parameters)
    key(session, drawn, "T")
    assert shows(drawn, "studySection")


def test_who_cancels_what_reading_needs_keeps_the_tools(session, drawn):
    drawn.parameters.updateAutomatically = False
    take_away_the_top_of_the_ring(drawn.slices()[0])
    session.wait(lambda: drawn.ui.statusLabel.text == "Out of date. Press Recompute.")
    drawn.ui.readingButton.toggle()
    drawn.updates.cancel()
    assert drawn.ui.readingButton.enabled
    drawn.updates.recompute()
    up_to_date(session, drawn)
    assert shows(drawn, "studySection")


def test_without_a_study_the_large_button_loads_one(session, panel, folder):
    assert panel.ui.readingButton.text == "Load study..."
    session.dialogs.answers.append(str(folder))
    panel.ui.readingButton.toggle()
    assert not panel.ui.readingButton.checked
    session.wait(lambda: not panel.work.busy and panel.scans())
    assert panel.ui.readingButton.text == "Read this study (T)"


def test_a_loaded_study_says_which_button_is_next(session, panel, folder):
    load(session, panel, folder)
    assert panel.ui.readingButton.enabled
    assert panel.ui.readingButton.text in panel.ui.statusLabel.text.replace(".", " (T)")


def test_a_key_leads_through_the_slices_to_check_to_a_visible_end(session, uncertain):
    said = []
    for _ in range(5):
        said.append(uncertain.ui.checkLabel.text)
        key(session, uncertain, "N")
    assert said[0] == "Slices to check: 2 of 2. Press N."
    assert said[1].startswith(
        "To check, slice 1 of 2. Stress basal: automatic \u26a0 The RV insertion points are uncertain"
    )
    assert said[1].endswith("N: next.")
    assert said[2].startswith("To check, slice 2 of 2. Stress mid: ")
    assert said[2].endswith("It is the last one.")
    assert said[3] == "All slices to check seen (2). N begins again."
    assert said[4].startswith("To check, slice 1 of 2. Stress basal: ")


def test_a_slice_whose_contours_went_is_to_check_and_others_are_not(session, drawn):
    assert drawn.ui.checkLabel.text == "No slice to check."
    session.scene.RemoveNode(drawn.slices()[2].contours)
    session.wait(lambda: "1 of 1" in drawn.ui.checkLabel.text)
    key(session, drawn, "N")
    assert drawn.ui.slicesList.currentRow == 2
    assert "no contours" in drawn.ui.checkLabel.text


def test_a_segment_is_read_with_its_interval_and_what_to_check(drawn):
    flow = drawn.logic.flow
    flag = make_flag(
        FlagCode.FLOW_UNCERTAIN,
        Where(condition="stress", segment=7),
        mbf_low_ml_min_g=1.0,
        mbf_high_ml_min_g=3.0,
        far_probability=0.1,
    )
    rows = tuple(replace(row, flags=(flag,)) if row.aha_segment == 7 else row for row in flow.table.segments)
    drawn.updates.onFlow(replace(flow, result=replace(flow.result, table=replace(flow.table, segments=rows))))
    drawn.ui.resultsTable.qt_object.cellClicked.emit(6, 1)
    row = rows[6].stress
    assert f"{row.mbf_ml_min_g:.2f} [{row.mbf_low_ml_min_g:.2f}, " in drawn.ui.readoutLabel.text
    assert drawn.ui.readoutLabel.text.endswith(f"\u26a0 {flag}")
    assert drawn.slice.chart is not None
    drawn.picking.show("")  # the mouse left the map
    assert f"\u26a0 {flag}" in drawn.ui.readoutLabel.text
    drawn.ui.resultsTable.qt_object.cellClicked.emit(16, 1)
    row = flow.table.territories[0]
    assert drawn.ui.readoutLabel.text.startswith(f"Stress, LAD: {row.stress.mbf_ml_min_g:.2f} [")


def test_what_holds_is_read_first_where_absolute_flow_is_not_known(drawn):
    flow = drawn.logic.flow
    flag = make_flag(FlagCode.ABSOLUTE_FLOW_UNKNOWN, Where(), mbf_low_ml_min_g=0.9, mbf_high_ml_min_g=5.1)
    whole = replace(flow.table.whole, flags=(flag,))
    unknown = replace(flow, result=replace(flow.result, table=replace(flow.table, whole=whole)))
    pick = at_work.pickSegment(drawn.scans()[0], unknown, 7)
    row = flow.table.segments[6]
    share, *limits = flow.table.relative_flow(row, "stress")
    assert at_work.readout(pick, unknown) == (
        f"Stress, mid anterior (7): MPR {row.mpr:.2f} [{row.mpr_low:.2f}, {row.mpr_high:.2f}], "
        f"{at_work.percentText(share, *limits)} of the best segments, flow itself is not known "
        f"({at_work.numberText(row.stress.mbf_ml_min_g, row.stress.mbf_interval)} mL/min/g)"
    )


def test_a_share_is_shown_in_percent_with_its_interval():
    assert at_work.percentText(0.834, 0.77, 0.901) == "83 % [77, 90]"
    assert at_work.percentText(0.834, float("nan"), 0.9) == "83 % [\u2013]"


def test_a_number_without_an_interval_shows_that_it_has_none():
    assert at_work.numberText(2.134, (float("nan"), 3.2)) == "2.13 [\u2013]"
    assert at_work.numberText(float("nan"), (1.0, 2.0)) == "\u2013"


def test_a_second_study_that_was_read_is_not_taken_for_one_that_just_arrived(session, drawn, folder):
    load(session, drawn, folder)
    press(drawn.ui.drawButton)
    session.wait(lambda: not drawn.work.busy and all(part.hasContours for part in drawn.slices()))
    session.scene.AddNewNodeByClass("vtkMRMLTextNode")
    for _ in range(3):
        session.qt_application.processEvents()
    assert not drawn.ui.statusLabel.text.startswith("Loaded")
