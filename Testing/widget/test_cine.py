"""Which frame is on show: at the peak, and rest and stress in step."""

import numpy as np
from panel_user import load, press
from PerfusionDLLib import mrml
from PerfusionDLLib.session import arrivalFrame


def test_a_scan_comes_up_enhanced_and_after_the_contours_at_the_peak(session, panel, folder):
    load(session, panel, folder)
    for nodes in panel.scans():
        series = mrml.readSeries(nodes.slices[0])
        shown = series.signal[nodes.browser.GetSelectedItemNumber()]
        assert shown.mean() > series.signal[0].mean()
    press(panel.ui.drawButton)
    session.wait(lambda: not panel.work.busy and all(part.hasContours for part in panel.slices()))
    assert all(nodes.browser.GetSelectedItemNumber() == mrml.peakFrame(nodes) for nodes in panel.scans())


def test_rest_and_stress_show_as_many_heartbeats_after_their_peak(session, drawn):
    stress, rest = drawn.scans()
    stress.browser.SetSelectedItemNumber(mrml.peakFrame(stress) + 3)
    assert rest.browser.GetSelectedItemNumber() == mrml.peakFrame(rest) + 3
    rest.browser.SetSelectedItemNumber(0)
    assert stress.browser.GetSelectedItemNumber() == max(mrml.peakFrame(stress) - mrml.peakFrame(rest), 0)
    drawn.ui.inStepCheckBox.qt_object.setChecked(False)
    stress.browser.SetSelectedItemNumber(7)
    assert rest.browser.GetSelectedItemNumber() == 0


def test_rest_and_stress_meet_where_contrast_arrives_or_at_the_same_frame(session, drawn):
    stress, rest = drawn.scans()
    arrivals = [arrivalFrame(drawn.logic.reader(nodes)) for nodes in (stress, rest)]
    drawn.ui.stepSelector.setCurrentText("seconds after contrast arrives")
    stress.browser.SetSelectedItemNumber(arrivals[0] + 4)
    seconds = mrml.playedTimes(stress)[arrivals[0] + 4] - mrml.playedTimes(stress)[arrivals[0]]
    there = mrml.playedTimes(rest) - mrml.playedTimes(rest)[arrivals[1]]
    assert rest.browser.GetSelectedItemNumber() == np.argmin(np.abs(there - seconds))
    drawn.ui.stepSelector.setCurrentText("number of the frame")
    rest.browser.SetSelectedItemNumber(2)
    assert stress.browser.GetSelectedItemNumber() == 2
