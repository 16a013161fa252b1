"""What the sections of the panel share: the choices, the slice at hand, the work in the background, the flow."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..data.errors import PerfusionError
from ..session.tasks import Flow, Task
from .acquisition import AcquisitionSection
from .advanced import AdvancedSection
from .arrangement import PANEL_WIDTH_PX, Reading, chosenLayout, showDataProbe, tidyViews
from .background import BackgroundWork
from .corrections import CorrectionsSection
from .export import ExportSection
from .fitting import Fitting
from .following import Following
from .hints import HintsSection
from .images import ImagesSection
from .in_step import InStep
from .picking import Picking
from .results import ResultsSection
from .shortcuts import Shortcuts
from .state import State
from .study import StudySection


class Panel:
    """Passes on what the user does, and shows what comes of it.

    parent : the module's widget; ui : its children by name; logic : `PerfusionDLLogic`
    parameters : the user's choices, None while there is no scene
    slice : the slice whose tools and curves are shown, None where there is none
    pick : the pixel or segment whose curve is shown, None where it is those of the slice
    """

    def __init__(self, parent, ui, logic, resourcePath: Callable[[str], str]) -> None:
        self.parent, self.ui, self.logic, self.resourcePath = parent, ui, logic, resourcePath
        self.parameters: Any = None
        self.slice: mrml.SliceNodes | None = None
        self.pick: session.Pick | None = None
        self.entered = False
        self.work = BackgroundWork(self._onStep)
        self._following = Following(self._onSettled, lambda: self.corrections.updateFrame())
        self._fitting = Fitting()
        self._inStep = InStep()
        self._chosen: tuple = ()
        self._recorded = False  # a correction that the results do not follow yet
        self._displaced = ""  # work that a correction canceled, to be told when the flow is there
        self._choices: tuple = ()
        self._views: set[str] = set()
        self.study = StudySection(self)
        self.images = ImagesSection(self)
        self.corrections = CorrectionsSection(self)
        self.hints = HintsSection(self)
        self.results = ResultsSection(self)
        self.acquisition = AcquisitionSection(self)
        self.advanced = AdvancedSection(self)
        self.export = ExportSection(self)
        self.sections = (
            *(self.study, self.images, self.corrections, self.hints, self.results, self.export),
            *(self.acquisition, self.advanced),
        )
        self.picking = Picking(self)
        self.shortcuts = Shortcuts(self)
        self.reading = Reading(ui)
        ui.readingButton.connect("toggled(bool)", self.onReading)
        ui.PerfusionDL.setMinimumWidth(PANEL_WIDTH_PX)  # instead of what its contents ask for

    def enter(self) -> None:
        """The user opens the module."""
        self.entered = True
        showDataProbe(False)
        self.picking.start()
        self.shortcuts.enable(True)

    def exit(self) -> None:
        """The user opens another module."""
        self.entered = False
        self.picking.stop()
        self.shortcuts.enable(False)
        self.corrections.exit()
        self.hints.putAway()
        self.ui.readingButton.checked = False
        showDataProbe(True)

    def onReading(self, alone: bool) -> None:
        """Images and numbers only, or the tools again."""
        if alone:
            self.putAway()
            self.reading.start()
        else:
            self.reading.stop()

    def putAway(self) -> None:
        """Put every tool away."""
        self.corrections.putAway()
        self.hints.putAway()

    def show(self, parameters) -> None:
        """Show other choices, or none."""
        self.parameters = parameters
        if parameters is None:
            self._views = set()  # no view draws the legends of a scene that is read
        self._choices = self.logic.choices(parameters) if parameters else ()
        self.followScans()

    def close(self) -> None:
        """Let go of a scene."""
        self.work.stop()
        self._following.stop()
        self._fitting.stop()
        self._inStep.stop()
        self.corrections.letGo()
        self.logic.forget()
        self.slice = self.pick = None
        self._displaced = ""
        self.showStatus("")

    def remove(self) -> None:
        """Let go of everything: the module is reloaded or Slicer ends."""
        self.close()
        self.picking.stop()
        self.shortcuts.remove()
        self.reading.stop()

    # What is shown

    def scans(self) -> tuple[mrml.ScanNodes, ...]:
        """The chosen scans, stress first."""
        return self.logic.scans(self.parameters) if self.parameters else ()

    def slices(self) -> tuple[mrml.SliceNodes, ...]:
        """All slices of the chosen scans, in the order of the list."""
        return tuple(part for nodes in self.scans() for part in nodes.slices)

    @property
    def flow(self) -> Flow | None:
        """What was computed last, None where it is of scans that are not chosen: perhaps of another patient."""
        flow = self.logic.flow
        return flow if flow and any(flow.ofScan(nodes) is not None for nodes in self.scans()) else None

    def followScans(self) -> None:
        """Observe the contours of the chosen scans, and show them."""
        scans = self.scans()
        self._chosen = tuple(nodes.browser for nodes in scans)
        self._following.follow(scans)
        self.recordPending()
        for nodes in scans:
            self.logic.history.start(self.logic.reader(nodes))
        self._followSteps()
        self.update()

    def _followSteps(self) -> None:
        """Keep rest and stress in step, where that is wanted."""
        self._inStep.follow(self.scans() if self.parameters and self.parameters.inStep else ())

    def choose(self, scans: Sequence[mrml.ScanNodes]) -> None:
        """Show a study that is new in the scene, in place of what was shown; of one scan, no other stays beside it."""
        wasModifying = self.parameters.StartModify()
        for condition in ("stress", "rest"):
            browser = next((nodes.browser for nodes in scans if nodes.condition == condition), None)
            setattr(self.parameters, f"{condition}Scan", browser)
        archived = session.archivedChoices(scans)
        if archived is not None:
            self.logic.take(self.parameters, *archived)
        self.parameters.EndModify(wasModifying)
        self.pick = None
        self.picking.show("")
        self.showScans()
        mrml.showPeakFrames(self.scans())
        if archived is None:
            self.showStatus(_("Loaded. Press Find contours."))
        else:
            self.showStatus(_("Loaded with the contours of the archive."))
        self.updateButtons()

    def onParametersModified(self, caller=None, event=None) -> None:
        """The user chose another scan, another display, another model or entered a value of the study."""
        if self._chosen != tuple(nodes.browser for nodes in self.scans()):
            self.followScans()
            if self.entered:
                self.showScans()
            self.recomputeIfWanted()
        else:
            self._followSteps()
            self.update()
        choices = self.logic.choices(self.parameters)
        if self._choices != choices:
            self._choices = choices
            self.recomputeIfWanted()

    def showScans(self) -> None:
        """Every slice in its view, centered on the heart, bullseyes and curves beside.

        Once more when the event loop has run: a view that the layout has just made sets its offset to 0 then.
        """
        self._placeScans()
        qt.QTimer.singleShot(0, self._placeScans)

    def _placeScans(self) -> None:
        if self.scans():
            for part in self.slices():
                if part.hasContours:
                    mrml.smoothOutlines(part.contours)  # those of a scene that was read are not made yet
            mrml.showScans(slicer.mrmlScene, self.scans(), layout=chosenLayout())
            shown = tidyViews()
            if shown - self._views:
                mrml.renewLegends(slicer.mrmlScene)  # a view draws only the legends that are added after it
            self._views = shown
            self.images.showLayout()
            self._fitting.start()

    def update(self) -> None:
        """Bring all sections up to date."""
        self.study.updateSlicesList()
        self.updateDisplay()
        self.updateButtons()

    def updateDisplay(self) -> None:
        """Images and map in the views, tools and curves of the current slice."""
        if self.parameters is None:
            return
        for section in self.sections:
            section.updateDisplay()
        if self.entered:
            self.picking.start()

    def updateButtons(self) -> None:
        """What can be done now; a button that cannot be pressed says why in its tooltip."""
        state = State(self)
        for section in self.sections:
            for button, reason, does in section.buttons(state):
                button.enabled = not reason
                button.toolTip = reason or does
            section.updateState(state)

    def showStatus(self, text: str) -> None:
        """One line on what is going on."""
        self.ui.statusLabel.text = text

    # Work in the background

    def start(self, task: Task, onDone: Callable[[Any], None], onError: Callable[[Exception], None] | None = None):
        """Begin a task and show that it runs.

        A correction that has not settled is recorded and does not displace the task, which was asked for after it.
        """
        if not self.work.writing and not self._following.dragging:
            self.recordPending()
            self._following.settleNow()
        if self.work.busy and self.work.name != task.name:
            self._displaced = self.work.name
        self.work.start(replace(task, write=self._afterPending(task.write)), onDone, onError or self.onError)
        self.ui.progressBar.value = 0
        self.showStatus(_("Working: {task}").format(task=task.name))
        self.updateButtons()

    def cancel(self) -> None:
        """Stop the running work; what was in the scene stays. A result that is being written is there at once."""
        self.work.finish()
        self.work.stop()
        self._displaced = ""
        self.showStatus(_("Canceled."))
        self._following.waitAgain()
        self.updateButtons()

    def _onStep(self, step: str, share: int) -> None:
        self.ui.progressBar.value = share
        self.showStatus(step)

    def onError(self, error: Exception) -> None:
        """Say what went wrong in the words of the error; what was in the scene stays."""
        self.showStatus(_("Stopped by a problem."))
        self.followScans()
        self._following.waitAgain()
        if isinstance(error, PerfusionError):
            slicer.util.errorDisplay(str(error), windowTitle=_("Cardiac Perfusion (MR)"))
        else:
            with slicer.util.tryWithErrorDisplay(_("Something unexpected happened."), waitCursor=False):
                raise error

    # The numbers follow

    def _onSettled(self) -> None:
        """Keep what changed for Undo, and let the results follow; what was deleted of them is written again."""
        if self.work.writing:  # what is being written is no correction, and what is one is looked at after it
            self._following.waitAgain()
            return
        self.recordPending()
        missing = self._missesResults() and not self.work.busy
        if missing:
            self.followScans()
        if self._recorded or missing:
            self._recorded = False
            self.onCorrected()

    def _missesResults(self) -> bool:
        """Whether contours or maps were deleted since the flow was computed."""
        flow = self.logic.flow
        return flow is not None and any(
            part.hasContours != (flow.ofSlice(part) is not None) or (part.hasContours and not part.hasMaps)
            for part in self.slices()
        )

    def recordPending(self) -> None:
        """Keep a correction that has not settled yet as a step of its own, before anything else changes contours."""
        self._recorded = bool(self.record()) or self._recorded

    def _afterPending(self, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """What a task does at its end, after pending corrections were recorded."""

        def written(result: Any) -> Any:
            self.recordPending()
            return write(result)

        return written

    def record(self) -> tuple[mrml.SliceNodes, ...]:
        """Keep what changed for Undo; returns the slices that did."""
        return self.logic.history.record(*(self.logic.reader(nodes) for nodes in self.scans()))

    def onCorrected(self) -> None:
        """Contours changed: show it, and let the results follow."""
        self.study.updateSlicesList()
        self.updateButtons()
        self.recomputeIfWanted()

    def onEntered(self) -> None:
        """A value of the acquisition changed: keep it for Undo, show it, and let the results follow."""
        self.record()
        self.updateDisplay()
        self.updateButtons()
        self.recomputeIfWanted()

    def showPick(self, pick: session.Pick) -> None:
        """Plot the curve of a pixel or segment; its slice gets the tools."""
        self.slice, self.pick = pick.part, pick
        self.study.updateSlicesList()
        self.updateDisplay()
        self.updateButtons()
        self.picking.show(session.readout(pick, self.logic.flow))
        session.showPick(slicer.mrmlScene, pick, self.logic.flow)

    def onContours(self, slices: tuple[mrml.SliceNodes, ...]) -> None:
        """Contours that are new want their flow; one Undo brings back those that were there before."""
        self._recorded = False
        self.record()
        self.followScans()
        self.showScans()
        mrml.showPeakFrames(self.scans())
        self.recomputeIfWanted()

    def recompute(self) -> None:
        """Compute flow from the contours as they are now."""
        with slicer.util.tryWithErrorDisplay(_("Blood flow could not be computed."), waitCursor=False):
            self.start(self.logic.flowTask(self.parameters), self._onFlow)

    def recomputeIfWanted(self) -> None:
        """Let the flow follow a correction; a problem is told in the status line, because nobody pressed a button."""
        if not any(self.logic.isDrawn(part) for part in self.slices()):
            if not self.scans():
                self.showStatus(_("Load a study."))
            elif self.flow is None:
                self.showStatus(_("No contours yet. Press Find contours."))
            else:
                self.showStatus(_("Out of date. No slice has a myocardium."))
            return
        if not self.work.busy and self.logic.flowIsCurrent(self.parameters) and not self._missesResults():
            self.showStatus(self.corrections.whatToClick or self._upToDate(self.logic.flow))
            return
        if not self.parameters.updateAutomatically:
            self.showStatus(_("Out of date. Press Recompute."))
            return
        try:
            self.start(self.logic.flowTask(self.parameters), self._onFlow, onError=self._onProblem)
        except PerfusionError as error:
            self._onProblem(error)

    def _upToDate(self, flow: Flow | None) -> str:
        """That the numbers are of what is on screen, and which of them hold."""
        if flow is None or flow.table.knows_absolute_flow:
            return _("Up to date.")
        return _("Up to date. Absolute flow is not known: read MPR and flow relative to the best segments.")

    def _onProblem(self, error: Exception) -> None:
        """Tell a problem without asking for a click."""
        if not isinstance(error, PerfusionError):
            raise error
        self.showStatus(f"{error.problem} {error.remedy}")
        self.updateButtons()

    def _onFlow(self, flow: Flow | None) -> None:
        """Show the flow."""
        if flow is None:
            return
        first = self.flow is None
        self.logic.flow = flow
        self.parameters.segmentTable = flow.tableNode
        if first:
            self.showScans()
        else:
            mrml.showBullseyes(slicer.mrmlScene, self.scans())
        self.updateDisplay()
        if self.pick and session.isThere(self.pick, flow):
            session.showPick(slicer.mrmlScene, self.pick, flow)
        said = self._upToDate(flow)
        if self._displaced:
            said += " " + _("Canceled by the correction: {task}.").format(task=self._displaced)
        self.showStatus(self.corrections.whatToClick or said)
        self._displaced = ""
        self.updateButtons()
