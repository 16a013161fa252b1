"""Cardiac Perfusion (MR): the panel in which a radiologist looks at a study, corrects it, and reads the flow."""

import csv
import importlib.util
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import qt
import slicer
import vtk
from PerfusionDLLib import mrml
from PerfusionDLLib.errors import PerfusionError
from PerfusionDLLib.maps import FlowModel
from PerfusionDLLib.mrml.tasks import Flow, Task, contoursTask, flowTask, loadTask, manualTask
from slicer import vtkMRMLSequenceBrowserNode, vtkMRMLTableNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

SETTLE_MS = 150
POLL_MS = 10
YIELD_S = 0.03
TORCH = ">=2.6"


class PerfusionDL(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Cardiac Perfusion (MR)")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.dependencies = [
            "Markups",
            "Plots",
            "Segmentations",
            "Sequences",
            "SubjectHierarchy",
            "Tables",
            "Volumes",
        ]
        parent.contributors = ["PerfusionDL contributors"]
        parent.helpText = _(
            "Myocardial blood flow from first-pass perfusion MRI at rest and stress. Load a study, press "
            "<i>Find contours</i>, correct what you do not like: maps, curves and the table of the 16 segments follow. "
            "Not approved for clinical use."
        )
        parent.acknowledgementText = _(
            "The order of the preprocessing follows Scannell CM et al., J Magn Reson Imaging 2020;51:1689."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """Offer the phantom in Sample Data: it is computed, not downloaded."""
    import SampleData

    icons = os.path.join(os.path.dirname(__file__), "Resources", "Icons")
    SampleData.SampleDataLogic.registerCustomSampleDataCategory("PerfusionDL", title=_("Cardiac Perfusion (MR)"))
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="PerfusionDL",
        sampleName="CardiacPerfusionPhantom",
        thumbnailFileName=os.path.join(icons, "PerfusionDL.png"),
        uris=[],  # a list, because Sample Data takes its length
        fileNames=[],
        customDownloader=lambda source: PerfusionDLLogic().loadPhantom(),
    )


@parameterNodeWrapper
class PerfusionDLParameterNode:
    """What the user chose; saved with the scene.

    restScan, stressScan - sequence browsers of the two scans; one may be missing
    segmentTable - result; replaced by every computation
    flowModel - how the residue function is constrained
    updateAutomatically - whether results follow every correction
    showOriginal - the images as acquired, instead of those in one pose
    mapOpacity - of the flow map over the images
    """

    restScan: vtkMRMLSequenceBrowserNode
    stressScan: vtkMRMLSequenceBrowserNode
    segmentTable: vtkMRMLTableNode
    flowModel: FlowModel = FlowModel.AVERAGED
    updateAutomatically: bool = True
    showOriginal: bool = False
    mapOpacity: Annotated[float, WithinRange(0, 1)] = mrml.MAP_OPACITY


class Canceled(Exception):  # noqa: N818
    """The user pressed Cancel."""


class BackgroundWork:
    """Computes the middle of a task on a worker thread, and its end on the main thread.

    The event loop of Slicer holds the lock of the Python interpreter while it waits, so a worker gets on only while
    the main thread waits inside Python: that is what the timer does, in slices short enough to keep the views alive.
    """

    def __init__(self, onStep: Callable[[str, int], None]) -> None:
        self._onStep = onStep
        self._messages: queue.SimpleQueue = queue.SimpleQueue()
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self._task: Task | None = None
        self._steps = 0
        self._timer = qt.QTimer()
        self._timer.setInterval(POLL_MS)
        self._timer.connect("timeout()", self.poll)

    @property
    def busy(self) -> bool:
        """Whether a task is running."""
        return self._task is not None

    @property
    def share(self) -> int:
        """How far the task is, percent."""
        return min(100 * self._steps // max(self._task.steps, 1), 100) if self._task else 100

    def start(self, task: Task, onDone: Callable[[Any], None], onError: Callable[[Exception], None]) -> None:
        """Begin a task; the one that is running is canceled."""
        self.stop()
        self._onDone, self._onError = onDone, onError
        self._task, self._steps, self._cancel, self._messages = task, 0, threading.Event(), queue.SimpleQueue()
        self._thread = threading.Thread(target=_compute, args=(task, self._cancel, self._messages), daemon=True)
        self._thread.start()
        self._timer.start()

    def stop(self) -> None:
        """Forget the running task; its thread ends at its next step and nothing of it is shown."""
        self._cancel.set()
        self._timer.stop()
        self._task = self._thread = None

    def poll(self) -> None:
        """Let the worker work, and pass on what it reports."""
        if self._thread is None:
            return
        self._thread.join(YIELD_S)
        while self._task is not None and not self._messages.empty():
            kind, value = self._messages.get()
            task = self._task
            if kind == "step":
                self._onStep(value, self.share)
                self._steps += 1
                continue
            self.stop()
            if kind == "error":
                self._onError(value)
                return
            try:
                result = task.apply(value)
            except PerfusionError as error:
                self._onError(error)
            else:
                self._onDone(result)


def _compute(task: Task, cancel: threading.Event, messages: queue.SimpleQueue) -> None:
    """What the worker thread does: everything it says goes through the queue."""

    def progress(step: str) -> None:
        if cancel.is_set():
            raise Canceled
        messages.put(("step", step))

    try:
        messages.put(("done", task.compute(progress)))
    except Canceled:
        pass
    except Exception as error:
        messages.put(("error", error))


class PerfusionDLWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: shows the scene, passes on what the user does."""

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: PerfusionDLLogic | None = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._currentSlice: mrml.SliceNodes | None = None

    def setup(self) -> None:
        """Build the panel when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/PerfusionDL.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        for selector, condition in ((self.ui.restSelector, "rest"), (self.ui.stressSelector, "stress")):
            selector.addAttribute("vtkMRMLSequenceBrowserNode", "PerfusionDL.condition", f'"{condition}"')
        self.ui.segmentEditorWidget.setMaximumNumberOfUndoStates(10)
        self.ui.segmentEditorWidget.setEffectNameOrder(["Paint", "Draw", "Erase", "Smoothing"])
        self.ui.segmentEditorWidget.unorderedEffectsVisible = False

        self.logic = PerfusionDLLogic()
        self.work = BackgroundWork(self.onStep)
        self._settle = qt.QTimer()
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.connect("timeout()", self.onSettled)

        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self.onSceneEndImport)
        for button, handler in (
            (self.ui.loadStudyButton, self.onLoadStudy),
            (self.ui.findContoursButton, self.onFindContours),
            (self.ui.drawButton, self.onDraw),
            (self.ui.cancelButton, self.onCancel),
            (self.ui.findAgainButton, self.onFindAgain),
            (self.ui.placePointsButton, self.onPlacePoints),
            (self.ui.usePeakButton, self.onUsePeak),
            (self.ui.restoreButton, self.onRestoreAutomatic),
            (self.ui.undoButton, self.onUndo),
            (self.ui.redoButton, self.onRedo),
            (self.ui.recomputeButton, self.onRecompute),
            (self.ui.exportTableButton, self.onExportTable),
            (self.ui.copyTableButton, self.onCopyTable),
            (self.ui.exportReportButton, self.onExportReport),
        ):
            button.connect("clicked(bool)", lambda checked=False, handler=handler: handler())
        self.ui.slicesList.connect("currentRowChanged(int)", self.onSliceSelected)
        self.ui.excludeFrameCheckBox.connect("clicked(bool)", self.onExcludeFrame)
        self.ui.showBoxCheckBox.connect("clicked(bool)", self.onShowBox)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Leave nothing behind when the module is reloaded or Slicer ends."""
        self.work.stop()
        self._settle.stop()
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """The user opens the module."""
        self.initializeParameterNode()
        self.ui.segmentEditorWidget.installKeyboardShortcuts()

    def exit(self) -> None:
        """The user opens another module; contours may be edited there, so corrections are still followed."""
        self.ui.segmentEditorWidget.setActiveEffect(None)
        self.ui.segmentEditorWidget.uninstallKeyboardShortcuts()
        self.ui.segmentEditorWidget.removeViewObservations()

    def onSceneStartClose(self, caller, event) -> None:
        """The nodes are about to go."""
        self.work.stop()
        self._settle.stop()
        self.ui.segmentEditorWidget.setSegmentationNode(None)
        self.setParameterNode(None)
        self.logic.forget()

    def onSceneEndClose(self, caller, event) -> None:
        """Begin anew if the user is looking."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, caller, event) -> None:
        """A scene was loaded: show what it holds."""
        if self.parent.isEntered:
            self.setParameterNode(None)
            self.initializeParameterNode()

    # Parameters

    def initializeParameterNode(self) -> None:
        """Use the choices saved in the scene; choose the first scans where nothing was chosen yet."""
        parameters = self.logic.getParameterNode()
        for nodes in mrml.findScans(slicer.mrmlScene):
            choice = f"{nodes.condition}Scan"
            if getattr(parameters, choice) is None:
                setattr(parameters, choice, nodes.browser)
        if parameters.segmentTable is None and mrml.findTable(slicer.mrmlScene):
            parameters.segmentTable = mrml.findTable(slicer.mrmlScene)
        self.setParameterNode(parameters)
        if self.logic.flow is None and not self.work.busy:
            self.recomputeIfWanted()

    def setParameterNode(self, parameters) -> None:
        """Show other choices, or none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self._parameterNode = parameters
        if parameters:
            self._parameterNodeGuiTag = parameters.connectGui(self.ui)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self.followScans()

    def onParametersModified(self, caller=None, event=None) -> None:
        """The user chose another scan, another display or another model."""
        self.followScans()

    # Following the scene

    def followScans(self) -> None:
        """Observe the contours of the chosen scans, and show them."""
        self.unfollow()
        for nodes in self.scans():
            self.logic.history.start(self.logic.reader(nodes))
            for part in nodes.slices:
                if part.hasContours:
                    self.follow(part)
        self.updateSlicesList()
        self.updateDisplay()
        self.updateButtons()

    def follow(self, part: mrml.SliceNodes) -> None:
        """Hear of every correction of a slice, in whatever module it is made."""
        segmentation = part.contours.GetSegmentation()
        self.addObserver(segmentation, slicer.vtkSegmentation.SourceRepresentationModified, self.onCorrection)
        self.addObserver(part.contours, vtk.vtkCommand.ModifiedEvent, self.onCorrection)
        points = slicer.vtkMRMLMarkupsNode
        for node in (part.rvInsertionPoints, part.box):
            for event in (
                points.PointEndInteractionEvent,
                points.PointPositionDefinedEvent,
                points.PointPositionUndefinedEvent,
            ):
                self.addObserver(node, event, self.onCorrection)

    def unfollow(self) -> None:
        """Stop hearing of corrections."""
        self.removeObservers(self.onCorrection)

    def scans(self) -> tuple[mrml.ScanNodes, ...]:
        """The chosen scans, stress first."""
        return self.logic.scans(self._parameterNode) if self._parameterNode else ()

    def onCorrection(self, caller=None, event=None) -> None:
        """Something moved; wait until it rests."""
        self._settle.start()

    def onSettled(self) -> None:
        """Keep what changed for Undo, and let the results follow."""
        changed = [part for nodes in self.scans() for part in self.logic.history.record(self.logic.reader(nodes))]
        if not changed:
            return
        self.updateSlicesList()
        self.updateButtons()
        self.recomputeIfWanted()

    # What the user does

    def onLoadStudy(self) -> None:
        """Ask for a folder and load the perfusion study in it."""
        folder = qt.QFileDialog.getExistingDirectory(self.parent, _("Folder with the DICOM files of one patient"))
        if folder:
            self.start(loadTask(slicer.mrmlScene, [Path(folder)]), self.onStudyLoaded)

    def onFindContours(self) -> None:
        """Find the contours of all slices of the chosen scans."""
        with slicer.util.tryWithErrorDisplay(_("The contours could not be found."), waitCursor=False):
            ensureTorch()
            slices = [part for nodes in self.scans() for part in nodes.slices]
            self.start(contoursTask(slicer.mrmlScene, slices, loadNetworks), self.onContours)

    def onDraw(self) -> None:
        """Prepare the slices that have no contours for drawing by hand."""
        slices = [part for nodes in self.scans() for part in nodes.slices if not part.hasContours]
        self.start(manualTask(slicer.mrmlScene, slices), self.onContours)

    def onFindAgain(self) -> None:
        """Find the contours of one slice anew from its box and its peak frame as they are now."""
        with slicer.util.tryWithErrorDisplay(_("The contours could not be found."), waitCursor=False):
            ensureTorch()
            self.start(contoursTask(slicer.mrmlScene, [self._currentSlice], loadNetworks), self.onContours)

    def onCancel(self) -> None:
        """Stop the running work; what was in the scene stays."""
        self.work.stop()
        self.showStatus(_("Canceled."))
        self.updateButtons()

    def onRecompute(self) -> None:
        """Compute flow from the contours as they are now."""
        with slicer.util.tryWithErrorDisplay(_("Blood flow could not be computed."), waitCursor=False):
            self.start(self.logic.flowTask(self._parameterNode), self.onFlow)

    def recomputeIfWanted(self) -> None:
        """Let the flow follow a correction; a problem is told in the status line, because nobody pressed a button."""
        if not any(self.logic.isDrawn(part) for nodes in self.scans() for part in nodes.slices):
            return
        if not self._parameterNode.updateAutomatically:
            self.showStatus(_("Out of date: contours changed. Press Recompute."))
            return
        try:
            self.start(self.logic.flowTask(self._parameterNode), self.onFlow, onError=self.onProblem)
        except PerfusionError as error:
            self.onProblem(error)

    def onProblem(self, error: Exception) -> None:
        """Tell a problem without asking for a click."""
        if not isinstance(error, PerfusionError):
            raise error
        self.showStatus(f"{error.problem} {error.remedy}")
        self.updateButtons()

    def onSliceSelected(self, row: int) -> None:
        """Show the slice that was clicked: its views, its tools, its curves."""
        slices = [part for nodes in self.scans() for part in nodes.slices]
        self._currentSlice = slices[row] if 0 <= row < len(slices) else None
        self.updateDisplay()
        self.updateButtons()

    def onPlacePoints(self) -> None:
        """Place the insertion points that are missing, or all of them anew."""
        points = self._currentSlice.rvInsertionPoints
        if points.GetNumberOfUndefinedControlPoints() == 0:
            points.UnsetAllControlPoints()
        markups = slicer.modules.markups.logic()
        markups.SetActiveList(points)
        markups.StartPlaceMode(True)

    def onUsePeak(self) -> None:
        """The frame on show is the one of peak enhancement."""
        mrml.setPeakFrame(self._currentSlice, self._currentSlice.browser.GetSelectedItemNumber())

    def onExcludeFrame(self, excluded: bool) -> None:
        """Take the frame on show out of the fit, or back into it."""
        mrml.setFrameExcluded(self._currentSlice, self._currentSlice.browser.GetSelectedItemNumber(), excluded)

    def onShowBox(self, visible: bool) -> None:
        """Show the box of the slice, so that it can be moved."""
        self._currentSlice.box.GetDisplayNode().SetVisibility(visible)

    def onRestoreAutomatic(self) -> None:
        """Bring back what the networks found in the slice."""
        reader = self.logic.reader(mrml.ScanNodes(self._currentSlice.browser))
        mrml.restoreAutomatic(slicer.mrmlScene, self._currentSlice, reader.readSlice(self._currentSlice))

    def onUndo(self) -> None:
        """Take the last correction back."""
        self.step(self.logic.history.undo)

    def onRedo(self) -> None:
        """Make the correction again that was taken back."""
        self.step(self.logic.history.redo)

    def step(self, move: Callable[[], Any]) -> None:
        """Undo or redo, and let the results follow."""
        moved = move()
        if moved is not None:
            self.updateSlicesList()
            self.updateButtons()
            self.recomputeIfWanted()

    def onExportTable(self) -> None:
        """Save the segment table as CSV."""
        path = qt.QFileDialog.getSaveFileName(self.parent, _("Save table"), "segments.csv", "CSV (*.csv)")
        if path:
            with slicer.util.tryWithErrorDisplay(_("The table could not be saved."), waitCursor=True):
                Path(path).write_text(self.logic.tableText(), encoding="utf-8")

    def onCopyTable(self) -> None:
        """Copy the segment table, to paste it into a report or a spreadsheet."""
        slicer.app.clipboard().setText(self.logic.tableText(separator="\t"))

    def onExportReport(self) -> None:
        """Save the report as PDF."""
        path = qt.QFileDialog.getSaveFileName(self.parent, _("Save report"), "report.pdf", "PDF (*.pdf)")
        if path:
            with slicer.util.tryWithErrorDisplay(_("The report could not be saved."), waitCursor=True):
                ensureMatplotlib(self.resourcePath("requirements.txt"))
                self.logic.writeReport(Path(path))

    # Work in the background

    def start(self, task: Task, onDone: Callable[[Any], None], onError: Callable[[Exception], None] | None = None):
        """Begin a task and show that it runs."""
        self.work.start(task, onDone, onError or self.onError)
        self.ui.progressBar.value = 0
        self.showStatus(_("Working: {task}").format(task=task.name))
        self.updateButtons()

    def onStep(self, step: str, share: int) -> None:
        """Show where the work is."""
        self.ui.progressBar.value = share
        self.showStatus(step)

    def onStudyLoaded(self, scans: tuple[mrml.ScanNodes, ...]) -> None:
        """Choose the scans that were loaded."""
        for nodes in scans:
            setattr(self._parameterNode, f"{nodes.condition}Scan", nodes.browser)
        self.showStatus(_("Loaded. Press Find contours."))
        mrml.showScans(slicer.mrmlScene, self.scans(), withCurves=True)
        self.updateButtons()

    def onContours(self, slices: tuple[mrml.SliceNodes, ...]) -> None:
        """Contours that are new want their flow."""
        self.followScans()
        mrml.showScans(slicer.mrmlScene, self.scans(), withCurves=True)
        self.recomputeIfWanted()

    def onFlow(self, flow: Flow | None) -> None:
        """Show the flow."""
        if flow is None:
            return
        first = self.logic.flow is None
        self.logic.flow = flow
        self._parameterNode.segmentTable = flow.tableNode
        if first:
            mrml.showScans(slicer.mrmlScene, self.scans(), withCurves=True)
        self.updateDisplay()
        self.showStatus(_("Up to date."))
        self.updateButtons()

    def onError(self, error: Exception) -> None:
        """Say what went wrong in the words of the error; what was in the scene stays."""
        self.showStatus(_("Stopped by a problem."))
        self.followScans()
        if isinstance(error, PerfusionError):
            slicer.util.errorDisplay(str(error), windowTitle=_("Cardiac Perfusion (MR)"))
        else:
            with slicer.util.tryWithErrorDisplay(_("Something unexpected happened."), waitCursor=False):
                raise error

    # What the panel shows

    def showStatus(self, text: str) -> None:
        """One line on what is going on."""
        self.ui.statusLabel.text = text

    def updateSlicesList(self) -> None:
        """A line for each slice: who made its contours, and what to check."""
        slices = [part for nodes in self.scans() for part in nodes.slices]
        chosen = self._currentSlice.key if self._currentSlice else None
        wasBlocked = self.ui.slicesList.blockSignals(True)
        self.ui.slicesList.clear()
        for part in slices:
            self.ui.slicesList.addItem(self.logic.describe(part))
        keys = [part.key for part in slices]
        row = keys.index(chosen) if chosen in keys else min(0, len(slices) - 1)
        self.ui.slicesList.setCurrentRow(row)
        self.ui.slicesList.blockSignals(wasBlocked)
        self._currentSlice = slices[row] if slices else None

    def updateDisplay(self) -> None:
        """Images and map in the views, tools and curves of the current slice."""
        parameters, part = self._parameterNode, self._currentSlice
        if parameters is None:
            return
        scans = self.scans()
        mrml.chooseImages(slicer.mrmlScene, scans, original=parameters.showOriginal, mapOpacity=parameters.mapOpacity)
        self.ui.tableView.setMRMLTableNode(parameters.segmentTable)
        if part is None:
            return
        self.ui.playWidget.setMRMLSequenceBrowserNode(part.browser)
        if part.hasContours:
            self.selectSegmentEditorNode()
            self.ui.segmentEditorWidget.setSegmentationNode(part.contours)
            self.ui.segmentEditorWidget.setSourceVolumeNode(part.correctedVolume)
        mrml.showCurves(slicer.mrmlScene, part)

    def selectSegmentEditorNode(self) -> None:
        """The embedded Segment Editor keeps its settings in the node that the Segment Editor module uses too."""
        node = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag("SegmentEditor")
            node = slicer.mrmlScene.AddNode(node)
        if self.ui.segmentEditorWidget.mrmlSegmentEditorNode() is not node:
            self.ui.segmentEditorWidget.setMRMLSegmentEditorNode(node)

    def updateButtons(self) -> None:
        """What can be done now; a button that cannot be pressed says why in its tooltip."""
        busy, scans, part = self.work.busy, self.scans(), self._currentSlice
        noScan = "" if scans else _("Load a study first.")
        working = _("Wait until the running work is done, or cancel it.") if busy else ""
        noContours = "" if part is not None and part.hasContours else _("Find contours first, or draw them by hand.")
        noFlow = "" if self.logic.flowIsCurrent(self._parameterNode) else _("Flow is not up to date. Press Recompute.")
        history = self.logic.history
        for button, reason, does in (
            (self.ui.loadStudyButton, working, _("Load the perfusion study in a folder of DICOM files.")),
            (self.ui.findContoursButton, noScan or working, _("Find the heart in every slice, then compute flow.")),
            (self.ui.drawButton, noScan or working, _("Prepare slices without contours for drawing by hand.")),
            (self.ui.cancelButton, "" if busy else _("Nothing is running."), _("Stop the running work.")),
            (self.ui.findAgainButton, noContours or working, _("Find this slice anew from its box and peak frame.")),
            (self.ui.placePointsButton, noContours, _("Click the anterior, then the inferior RV insertion point.")),
            (self.ui.usePeakButton, noContours, _("The frame on show is the one of peak enhancement.")),
            (self.ui.restoreButton, noContours, _("Bring back what was found automatically in this slice.")),
            (self.ui.undoButton, "" if history.canUndo else _("There is nothing to undo."), _("Undo a correction.")),
            (self.ui.redoButton, "" if history.canRedo else _("There is nothing to redo."), _("Redo a correction.")),
            (self.ui.recomputeButton, noContours or working, _("Compute flow from the contours as they are now.")),
            (self.ui.exportTableButton, noFlow, _("Save the table of segments as CSV.")),
            (self.ui.copyTableButton, noFlow, _("Copy the table of segments.")),
            (self.ui.exportReportButton, noFlow, _("Save the report as PDF.")),
        ):
            button.enabled = not reason
            button.toolTip = reason or does
        for box in (self.ui.excludeFrameCheckBox, self.ui.showBoxCheckBox):
            box.enabled = not noContours
        if not noContours:
            self.ui.excludeFrameCheckBox.checked = mrml.isFrameExcluded(part, part.browser.GetSelectedItemNumber())
            self.ui.showBoxCheckBox.checked = bool(part.box.GetDisplayNode().GetVisibility())
        self.ui.progressBar.visible = busy


class PerfusionDLLogic(ScriptedLoadableModuleLogic):
    """Scene in, scene out. Every number comes from PerfusionDLLib.

    history : undo and redo of corrections
    flow : what was computed last, or None
    """

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.history = mrml.History(slicer.mrmlScene)
        self.flow: Flow | None = None
        self._readers: dict[str, mrml.ScanReader] = {}

    def getParameterNode(self) -> PerfusionDLParameterNode:
        """The user's choices in this scene."""
        return PerfusionDLParameterNode(super().getParameterNode())

    def forget(self) -> None:
        """Let go of everything that belongs to a scene that is being closed."""
        self.history.clear()
        self.flow = None
        self._readers.clear()

    def scans(self, parameters: PerfusionDLParameterNode) -> tuple[mrml.ScanNodes, ...]:
        """The chosen scans, stress first."""
        browsers = (parameters.stressScan, parameters.restScan)
        return tuple(mrml.ScanNodes(browser) for browser in browsers if browser is not None)

    def reader(self, nodes: mrml.ScanNodes) -> mrml.ScanReader:
        """Reads a scan, the images only once."""
        return self._readers.setdefault(nodes.browser.GetID(), mrml.ScanReader(nodes))

    def flowTask(self, parameters: PerfusionDLParameterNode) -> Task:
        """Compute maps, curves and table from the contours as they are now.

        The first computation and every recomputation after a correction are this call.
        """
        readers = [self.reader(nodes) for nodes in self.scans(parameters)]
        return flowTask(
            slicer.mrmlScene, readers, parameters.segmentTable, model=parameters.flowModel, former=self.flow
        )

    def flowIsCurrent(self, parameters: PerfusionDLParameterNode | None) -> bool:
        """Whether the numbers were computed from the contours on screen; only then may they be exported."""
        if parameters is None or self.flow is None:
            return False
        return self.flow.isCurrent([self.reader(nodes) for nodes in self.scans(parameters)])

    def isDrawn(self, part: mrml.SliceNodes) -> bool:
        """Whether a slice has a myocardium to compute flow in."""
        if not part.hasContours:
            return False
        return bool(self.reader(mrml.ScanNodes(part.browser)).readSlice(part).contours.myocardium.any())

    def describe(self, part: mrml.SliceNodes) -> str:
        """One line on a slice for the list: what it is, who made its contours, what to check."""
        name = f"{mrml.ScanNodes(part.browser).condition} {part.name}".capitalize()
        if not part.hasContours:
            return _("{slice}: no contours").format(slice=name)
        found = self.reader(mrml.ScanNodes(part.browser)).readSlice(part)
        line = f"{name}: {found.contours.origin}"
        return line + (" \u26a0 " + " ".join(found.flags) if found.flags else "")

    def tableText(self, *, separator: str = ",") -> str:
        """The segment table as text."""
        from PerfusionDLLib import report

        text = report.segments_csv(self.flow.table)
        return text if separator == "," else "\n".join(separator.join(row) for row in csv.reader(text.splitlines()))

    def writeReport(self, path: Path) -> None:
        """The report as PDF."""
        from PerfusionDLLib import report

        with path.open("wb") as target:
            report.write_pdf(target, self.flow.scans, self.flow.maps, self.flow.table)

    def loadPhantom(self) -> list:
        """Compute the phantom patient and put its scans into the scene."""
        from PerfusionDLLib import phantom

        study = phantom.simulate_study(0).study
        return [mrml.writeScan(slicer.mrmlScene, scan).browser for scan in reversed(study.scans)]


def loadNetworks():
    """The trained networks that come with the extension, on the graphics card where there is one."""
    from PerfusionDLLib.networks import choose_device, load_networks

    return load_networks(device=choose_device("auto"))


def ensureTorch() -> None:
    """Offer to install PyTorch where it is missing. Raises PerfusionError where it stays missing."""
    if importlib.util.find_spec("torch"):
        return
    try:
        import PyTorchUtils

        installed = PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=TORCH)
    except ModuleNotFoundError:
        installed = None
    if installed is None:
        raise PerfusionError(
            _("Automatic contours need PyTorch, which is not installed."),
            _("Install the PyTorch extension and try again, or press Draw by hand: all else works without PyTorch."),
        )


def ensureMatplotlib(requirements: str) -> None:
    """Offer to install what the report is drawn with, where it is missing."""
    if importlib.util.find_spec("matplotlib") is None:
        import slicer.packaging

        slicer.packaging.pip_ensure(slicer.packaging.load_requirements(requirements), requester="PerfusionDL")


class PerfusionDLTest(ScriptedLoadableModuleTest):
    """A radiologist's session on the digital phantom, without PyTorch: draw, correct, read."""

    def setUp(self) -> None:
        """Begin with an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """From Reload and Test, and from ctest."""
        self.setUp()
        self.test_correctingAContourCorrectsTheFlow()

    def test_correctingAContourCorrectsTheFlow(self) -> None:
        """A shifted contour gives a wrong flow; the right one gives the phantom's."""
        from PerfusionDLLib import phantom

        self.delayDisplay("Computing the phantom")
        patient = phantom.simulate_study(0)
        logic = PerfusionDLLogic()
        parameters = logic.getParameterNode()
        nodes = mrml.writeScan(slicer.mrmlScene, patient.study.stress)
        parameters.stressScan = nodes.browser
        manualTask(slicer.mrmlScene, nodes.slices).run()
        truth = patient.truth["stress"]
        self.drawTruth(nodes, truth, shift=4)
        wrong = logic.flowTask(parameters).run()
        self.drawTruth(nodes, truth, shift=0)
        right = logic.flowTask(parameters).run()
        errors = [self.meanError(flow, truth) for flow in (wrong, right)]
        self.delayDisplay(f"Mean error {errors[0]:.2f}, corrected {errors[1]:.2f} mL/min/g")
        self.assertGreater(errors[0], 1.5 * errors[1])
        self.assertLess(errors[1], 0.5)

    def drawTruth(self, nodes: mrml.ScanNodes, truth, *, shift: int) -> None:
        """Put the phantom's contours into the scene, shifted by some columns."""
        for part, where in zip(nodes.slices, truth, strict=True):
            labels = where.labels if shift == 0 else np.roll(where.labels, shift, axis=1)
            mrml.writeLabels(part.contours, part.originalVolume, labels)
            series = mrml.readSeries(part)
            for index, point in enumerate((where.anterior_rv_px, where.inferior_rv_px)):
                part.rvInsertionPoints.SetNthControlPointPositionWorld(index, *series.ras_from_pixels(point))

    def meanError(self, flow: Flow, truth) -> float:
        """Mean absolute error over the AHA segments, mL/min/g."""
        expected = {number: value for where in truth for number, value in where.segment_mbf_ml_min_g.items()}
        errors = [
            abs(row.stress.mbf_ml_min_g - expected[row.aha_segment])
            for row in flow.table.segments
            if row.aha_segment in expected
        ]
        return float(np.nanmean(errors))
