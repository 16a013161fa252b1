"""What a user does with the panel, and what they read from it."""

import csv
import io

import slicer
import small_study
import vtk
from PerfusionDLLib import mrml
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

PIXEL = (23, 37)


def load(session, panel, folder):
    session.dialogs.answers.append(str(folder))
    press(panel.ui.loadStudyButton)
    session.wait(lambda: not panel.work.busy and panel.scans())
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
    session.wait(lambda: not panel.work.busy and all(part.hasContours for part in panel.slices()))
    for part in panel.slices():
        mrml.writeLabels(part.contours, part.originalVolume, small_study.ring_labels())
        series = mrml.readSeries(part)
        for index, pixel in enumerate(((13.25, 18.5), (33.125, 18.75))):
            part.rvInsertionPoints.SetNthControlPointPositionWorld(index, *series.ras_from_pixels(pixel))
    up_to_date(session, panel)


def take_away_the_top_of_the_ring(part):
    """As the Segment Editor does: through the segmentation."""
    labels = small_study.ring_labels()
    labels[:14] = 0
    mrml.writeLabels(part.contours, part.originalVolume, labels)


def press(button):
    assert button.enabled, button.toolTip
    button.qt_object.click()


def up_to_date(session, panel):
    session.wait(lambda: panel.logic.flowIsCurrent(panel.parameters) and not panel.work.busy)


def settled(session, panel):
    """Wait until a correction was noticed and its flow is there."""
    before = panel.logic.flow
    session.wait(lambda: panel.logic.flow is not before and not panel.work.busy)


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


def lines(panel):
    return [panel.ui.slicesList.qt_object.item(row).text() for row in range(panel.ui.slicesList.qt_object.count())]
