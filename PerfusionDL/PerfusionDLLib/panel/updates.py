"""Work in the background, and numbers that follow every correction."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..data.errors import PerfusionError
from ..session.tasks import Flow, Task
from .background import BackgroundWork
from .following import Following


class Updates:
    """Starts tasks, keeps what was corrected for Undo, and computes the flow anew when the contours are other ones.

    work : what runs in the background; following : notices corrections
    """

    def __init__(self, panel) -> None:
        self.panel = panel
        self.work = BackgroundWork(self._onStep)
        self.following = Following(self._onSettled, lambda: panel.corrections.updateFrame())
        self._recorded = False  # a correction that the results do not follow yet
        self._displaced = ""  # work that a correction canceled, to be told when the flow is there
        self._remark = ""  # on a correction, to be told again when the flow is there
        self._saved: session.SavedNumbers | None = None  # numbers that a scene came with

    def close(self) -> None:
        """Let go of a scene."""
        self.work.stop()
        self.following.stop()
        self._displaced = self._remark = ""

    # Work in the background

    def start(self, task: Task, onDone: Callable[[Any], None], onError: Callable[[Exception], None] | None = None):
        """Begin a task and show that it runs.

        A correction that has not settled is recorded and does not displace the task, which was asked for after it.
        """
        if not self.work.writing and not self.following.dragging:
            self.recordPending()
            self.following.settleNow()
        if self.work.busy and self.work.name != task.name:
            self._displaced = self.work.name
        self.work.start(replace(task, write=self._afterPending(task.write)), onDone, onError or self.onError)
        self.panel.ui.progressBar.value = 0
        self.panel.showStatus(_("Working: {task}").format(task=task.name))
        self.panel.updateButtons()

    def cancel(self) -> None:
        """Stop the running work; what was in the scene stays. A result that is being written is there at once."""
        self.work.finish()
        self.work.stop()
        self._displaced = ""
        self.panel.reading.giveUp()
        self.panel.showStatus(_("Canceled."))
        self.following.waitAgain()
        self.panel.updateButtons()

    def _onStep(self, step: str, share: int) -> None:
        self.panel.ui.progressBar.value = share
        self.panel.showStatus(step[:1].upper() + step[1:])

    def onError(self, error: Exception) -> None:
        """Say what went wrong in the words of the error; what was in the scene stays."""
        self.panel.reading.giveUp()
        self.panel.showStatus(_("Stopped by a problem."))
        self.panel.followScans()
        self.following.waitAgain()
        if isinstance(error, PerfusionError):
            slicer.util.errorDisplay(str(error), windowTitle=_("Cardiac Perfusion (MR)"))
        else:
            with slicer.util.tryWithErrorDisplay(_("Something unexpected happened."), waitCursor=False):
                raise error

    # What changed

    def _onSettled(self) -> None:
        """Keep what changed for Undo, and let the results follow; what was deleted of them is written again."""
        if self.work.writing:  # what is being written is no correction, and what is one is looked at after it
            self.following.waitAgain()
            return
        self.recordPending()
        missing = self._missesResults() and not self.work.busy
        if missing:
            self.panel.followScans()
        if self._recorded or missing:
            self._recorded = False
            self.onCorrected()

    def _missesResults(self) -> bool:
        """Whether contours or maps were deleted since the flow was computed."""
        flow = self.panel.logic.flow
        return flow is not None and any(
            part.hasContours != (flow.ofSlice(part) is not None) or (part.hasContours and not part.hasMaps)
            for part in self.panel.slices()
        )

    def recordPending(self) -> None:
        """Keep a correction that has not settled yet as a step of its own, before anything else changes contours."""
        self._recorded = bool(self.record()) or self._recorded

    def settle(self) -> None:
        """Before a click corrects something: what is being written is whole, what was drawn is a step of its own."""
        self.work.finish()
        self.recordPending()

    def _afterPending(self, write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """What a task does at its end, after pending corrections were recorded."""

        def written(result: Any) -> Any:
            self.recordPending()
            return write(result)

        return written

    def record(self) -> tuple[mrml.SliceNodes, ...]:
        """Keep what changed for Undo; returns the slices that did."""
        logic, scans = self.panel.logic, self.panel.scans()
        changed = logic.history.record(*(logic.reader(nodes) for nodes in scans))
        if changed:
            session.forgetArchivedFlow(scans)
        for part in changed:
            if part.hasContours:
                mrml.smoothOutlines(part.contours)  # what a script writes has none
        return changed

    def onCorrected(self) -> None:
        """Contours changed: show it, and let the results follow."""
        self.panel.study.updateSlicesList()
        self._follow()

    def onEntered(self) -> None:
        """A value of the acquisition changed: keep it for Undo, show it, and let the results follow."""
        self.record()
        self.panel.updateDisplay()
        self._follow()

    def remark(self, text: str) -> None:
        """Say something about a correction, now and when the flow is there."""
        self._remark = text
        self.panel.showStatus(text)

    def _follow(self) -> None:
        """Let the results follow, and show what can be done meanwhile."""
        self.recomputeIfWanted()
        if not self.work.busy:  # else it was shown when the work began
            self.panel.updateButtons()

    def onContours(self, slices: tuple[mrml.SliceNodes, ...]) -> None:
        """Contours that are new want their flow; one Undo brings back those that were there before."""
        self._recorded = False
        self.record()
        self.panel.slicesToCheck.forget(slices)
        self.panel.followScans()
        self.panel.showScans()
        mrml.showPeakFrames(self.panel.scans())
        self.recomputeIfWanted()

    # The numbers follow

    def recompute(self) -> None:
        """Compute flow from the contours as they are now."""
        with slicer.util.tryWithErrorDisplay(_("Blood flow could not be computed."), waitCursor=False):
            self.start(self._flowTask(), self.onFlow)

    def recomputeIfWanted(self) -> None:
        """Let the flow follow a correction; a problem is told in the status line, because nobody pressed a button."""
        panel = self.panel
        if not any(panel.logic.isDrawn(part) for part in panel.slices()):
            panel.reading.giveUp()
            if not panel.scans():
                panel.showStatus(_("Load a study."))
            elif panel.reading.isVain:
                panel.showStatus(_("No heart was found. Press Series... for other series, or Draw by hand."))
            elif panel.flow is None:
                panel.showStatus(_("No contours yet. Press Read this study."))
            else:
                panel.showStatus(_("Out of date. No slice has a myocardium."))
            return
        if self.isCurrent:
            panel.showStatus(panel.corrections.whatToClick or self._upToDate(panel.logic.flow))
            panel.reading.onFlow()
            return
        if not (panel.parameters.updateAutomatically or panel.reading.isAwaited):
            panel.showStatus(_("Out of date. Press Recompute."))
            return
        try:
            self.start(self._flowTask(), self.onFlow, onError=self._onProblem)
        except PerfusionError as error:
            self._onProblem(error)

    def _flowTask(self) -> Task:
        """The computation of the flow; before the first one what the scene came with is kept."""
        logic, parameters = self.panel.logic, self.panel.parameters
        self._saved = session.readNumbers(parameters.segmentTable) if logic.flow is None else None
        return logic.flowTask(parameters)

    @property
    def isCurrent(self) -> bool:
        """Whether the numbers and maps on show belong to the contours, and nothing runs that changes them."""
        current = not self.work.busy and self.panel.logic.flowIsCurrent(self.panel.parameters)
        return current and not self._missesResults()

    def _upToDate(self, flow: Flow | None) -> str:
        """That the numbers are of what is on screen, and which of them hold."""
        if flow is None or flow.table.knows_absolute_flow:
            return _("Up to date.")
        return _("Up to date. Absolute flow is not known: read MPR and flow relative to the best segments.")

    def _describeMoved(self, flow: Flow) -> str:
        """Where flow is not what the scene was saved with; nothing where it is, and for a scene without numbers."""
        saved, self._saved = self._saved, None
        return session.describeMoved(saved, session.readNumbers(flow.tableNode)) if saved else ""

    def _onProblem(self, error: Exception) -> None:
        """Tell a problem without asking for a click."""
        self.panel.reading.giveUp()
        if not isinstance(error, PerfusionError):
            raise error
        self.panel.showStatus(f"{error.problem} {error.remedy}")
        self.panel.updateButtons()

    def onFlow(self, flow: Flow | None) -> None:
        """Show the flow."""
        if flow is None:
            return
        panel = self.panel
        first = panel.flow is None
        panel.logic.flow = flow
        panel.parameters.segmentTable = flow.tableNode
        if first:
            panel.showScans()
        else:
            mrml.showBullseyes(slicer.mrmlScene, panel.scans())
        panel.updateDisplay()
        if panel.pick and session.isThere(panel.pick, flow):
            session.showPick(slicer.mrmlScene, panel.pick, flow)
        panel.picking.show("")
        said = " ".join(filter(None, [self._upToDate(flow), self._describeMoved(flow)]))
        if self._displaced:
            said += " " + _("Canceled by the correction: {task}.").format(task=self._displaced)
        if self._remark:
            said += f" {self._remark}"
        panel.showStatus(panel.corrections.whatToClick or said)
        self._displaced = self._remark = ""
        panel.updateButtons()
        panel.reading.onFlow()
