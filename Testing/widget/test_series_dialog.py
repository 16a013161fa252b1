"""The list of series with pictures: what the user chooses in it is read."""

import numpy as np
import pytest
from panel_user import load, press
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.dicom import ListedSeries, SeriesList
from PySide6.QtCore import QTimer

PICTURE = np.arange(48, dtype=np.uint8).reshape(6, 8)


def listed(uid, scan, condition):
    about = {"number": uid, "description": "perf", "images": 20, "frames": 10, "slices": 2}
    return ListedSeries(uid=uid, **about, scan=scan, condition=condition, reason="Taken so.", picture=PICTURE)


@pytest.fixture
def dialog(panel):
    from PerfusionDLLib.panel.series import SeriesDialog

    rest, stress = Condition.REST, Condition.STRESS
    series = (listed("1", 0, rest), listed("2", 0, rest), listed("3", 1, stress), listed("4", None, None))
    return SeriesDialog(panel.parent, SeriesList(series, ""))


def choose(dialog, row, index):
    dialog.roles[row].qt_object.setCurrentIndex(index)
    dialog.roles[row].qt_object.activated.emit(index)


def test_series_of_one_scan_change_together_and_no_two_scans_are_stress(dialog):
    choose(dialog, 0, 2)
    assert [role.currentIndex for role in dialog.roles] == [2, 2, 0, 0]
    assert dialog.choices().series == {Condition.STRESS: "1"}
    assert dialog.table.item(2, 5).text() == "Chosen here."
    choose(dialog, 2, 1)
    assert dialog.choices().series == {Condition.STRESS: "1", Condition.REST: "3"}
    choose(dialog, 0, 0)
    choose(dialog, 2, 0)
    assert not dialog.readButton.enabled
    assert not dialog.roles[3].enabled


def test_a_picture_is_shown_as_it_is(dialog):
    shown = dialog.table.cellWidget(0, 0).pixmap.toImage()
    assert (shown.width(), shown.height()) == (8, 6)
    assert [shown.pixelColor(column, 2).red() for column in range(8)] == list(PICTURE[2])


def test_the_study_is_read_again_with_what_was_chosen(session, panel, folder):
    load(session, panel, folder)
    first = {nodes.condition: nodes for nodes in panel.scans()}
    uids = {which: nodes.slices[0].original.GetAttribute("DICOM.instanceUIDs") for which, nodes in first.items()}

    def swap():
        dialog = session.qt_application.activeModalWidget()
        roles = dialog.findChildren(type(panel.ui.layoutSelector.qt_object))
        roles[0].setCurrentIndex(2)
        roles[0].activated.emit(2)
        roles[1].setCurrentIndex(1)
        roles[1].activated.emit(1)
        dialog.accept()

    def wait_for_the_list():
        if session.qt_application.activeModalWidget() is None:
            QTimer.singleShot(50, wait_for_the_list)
        else:
            swap()

    press(panel.ui.seriesButton)
    QTimer.singleShot(50, wait_for_the_list)
    session.wait(lambda: {nodes.browser for nodes in panel.scans()}.isdisjoint({n.browser for n in first.values()}))
    now = {nodes.condition: nodes for nodes in panel.scans()}
    for which in Condition:
        other = next(one for one in Condition if one is not which)
        assert now[which].slices[0].original.GetAttribute("DICOM.instanceUIDs") == uids[other]
