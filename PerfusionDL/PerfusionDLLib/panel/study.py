"""The Study section: load, choose scans, find contours, the list of slices."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..data.errors import PerfusionError
from ..dicom import NO_CHOICES, ReadChoices, SeriesList
from ..session.preparation import contoursTask, manualTask
from ..session.tasks import Task
from .dependencies import ensureTorch, loadNetworks
from .section import Section
from .series import SeriesDialog


class StudySection(Section):
    """From a folder to contours.

    folder : that was loaded last in this session, empty where there is none
    """

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.folder = ""
        self._lines: list[str] = []
        ui = self.ui
        policy = ui.progressBar.sizePolicy
        policy.setRetainSizeWhenHidden(True)  # else everything below moves away from the mouse when work begins
        ui.progressBar.setSizePolicy(policy)
        self.nameParts(ui.restSelector, _("Rest scan"))
        self.nameParts(ui.stressSelector, _("Stress scan"))
        for selector, condition in ((ui.restSelector, "rest"), (ui.stressSelector, "stress")):
            selector.addAttribute("vtkMRMLSequenceBrowserNode", "PerfusionDL.condition", f'"{condition}"')
        self.onClick(ui.loadStudyButton, self.onLoadStudy)
        self.onClick(ui.seriesButton, self.onSeries)
        self.onClick(ui.findContoursButton, self.onFindContours)
        self.onClick(ui.drawButton, self.onDraw)
        self.onClick(ui.cancelButton, panel.updates.cancel)
        ui.slicesList.connect("currentRowChanged(int)", self.onSliceSelected)

    def onLoadStudy(self) -> None:
        """Ask for a folder and load the perfusion study in it."""
        folder = qt.QFileDialog.getExistingDirectory(self.panel.parent, _("Folder with the DICOM files of one patient"))
        if folder:
            self.folder = folder
            self._read()

    def _read(self, choices: ReadChoices = NO_CHOICES) -> None:
        """Read the folder; where the reader is at a loss, the user is shown what there is."""
        identify = self.panel.patient.identify
        task = session.loadTask(slicer.mrmlScene, [Path(self.folder)], choices, identify)
        self.panel.updates.start(task, self.onStudyLoaded, self.onUnreadable)
        self.panel.prepareViews()

    def onUnreadable(self, error: Exception) -> None:
        """Say why the study cannot be read; where there are series to choose from, let the user choose."""
        self.panel.updates.onError(error)
        if isinstance(error, PerfusionError):
            self.panel.updates.start(session.listTask([Path(self.folder)]), self.onListedAtALoss, self.onUnlistable)

    def onListedAtALoss(self, found: SeriesList) -> None:
        """The reader did not know; perhaps the user does."""
        if any(one.scan is not None for one in found.series):
            self.onListed(found)
        else:
            self.onUnlistable()

    def onUnlistable(self, error: Exception | None = None) -> None:
        """There is nothing to choose from, and why was said already."""
        self.panel.showStatus(_("Stopped by a problem."))
        self.panel.updateButtons()

    def onSeries(self) -> None:
        """List all series of the folder that was loaded last."""
        self.panel.updates.start(session.listTask([Path(self.folder)]), self.onListed)

    def onListed(self, found: SeriesList) -> None:
        """Show the list; read the study again with what the user chose."""
        self.panel.updates.recomputeIfWanted()
        self.panel.updateButtons()
        choices = SeriesDialog(self.panel.parent, found).ask()
        if choices is not None:
            self._read(choices)

    def onStudyLoaded(self, scans: tuple[mrml.ScanNodes, ...]) -> None:
        """Choose the scans that were loaded."""
        self.panel.choose(scans)

    def onFindContours(self) -> None:
        """Find the contours of all slices of the chosen scans."""
        self.findContours(self.panel.slices())

    def findContours(self, slices) -> None:
        """Find the contours of some slices; asks first where the work of a reader would be replaced."""
        self.panel.updates.settle()
        drawn = [part for part in slices if self.panel.logic.isDrawnByReader(part)]
        if drawn and not slicer.util.confirmOkCancelDisplay(
            _("Contours that were corrected or drawn by hand are replaced in: {slices}. Undo brings them back.").format(
                slices=", ".join(self.panel.logic.nameOf(part) for part in drawn)
            ),
            windowTitle=_("Find contours"),
        ):
            return
        with slicer.util.tryWithErrorDisplay(_("The contours could not be found."), waitCursor=False):
            ensureTorch()
            task = contoursTask(slicer.mrmlScene, slices, loadNetworks)
            task = replace(task, write=self._readAfter(task))
            self.panel.updates.start(task, self.panel.updates.onContours, self.onNotFound)

    def onNotFound(self, error: Exception) -> None:
        """Say in which slice no heart was found; the flow of the others is computed all the same."""
        awaited = self.panel.reading.isAwaited
        self.panel.updates.onError(error)
        self.panel.reading.isAwaited = awaited
        if isinstance(error, PerfusionError):
            self.panel.reading.keepNotFound()
        self.panel.updates.onContours(())

    def _readAfter(self, task: Task) -> Callable[[Any], Generator[None, None, Any]]:
        """What a task writes, and what is read again then: a slice at a time, not all of them at the end."""

        def write(found: Any) -> Generator[None, None, Any]:
            written = yield from task.pieces(found)
            for part in written:
                self.panel.logic.reader(mrml.ScanNodes(part.browser)).readSlice(part)
                yield
            return written

        return write

    def onDraw(self) -> None:
        """Prepare the slices that have no contours for drawing by hand."""
        slices = [part for part in self.panel.slices() if not part.hasContours]
        self.panel.updates.start(manualTask(slicer.mrmlScene, slices), self.panel.updates.onContours)

    def onSliceSelected(self, row: int) -> None:
        """Show the slice that was clicked: its views, its tools, its curves."""
        slices = self.panel.slices()
        self.panel.slice = slices[row] if 0 <= row < len(slices) else None
        self.panel.pick = None
        self.panel.slicesToCheck.see(self.panel.slice)
        self.panel.updateDisplay()
        self.panel.updateButtons()

    def stepSlice(self, slices: int) -> None:
        """Go to an earlier or a later slice of the list."""
        row = self.ui.slicesList.currentRow + slices
        if 0 <= row < len(self.panel.slices()):
            self.ui.slicesList.setCurrentRow(row)

    def updateSlicesList(self) -> None:
        """A line for each slice: who made its contours, and what to check."""
        panel, slices = self.panel, self.panel.slices()
        chosen = panel.slice.key if panel.slice else None
        wasBlocked = self.ui.slicesList.blockSignals(True)
        lines = [panel.logic.describe(part) for part in slices]
        if lines != self._lines:
            self._lines = lines
            self.ui.slicesList.clear()
            self.ui.slicesList.addItems(lines)
        keys = [part.key for part in slices]
        row = keys.index(chosen) if chosen in keys else min(0, len(slices) - 1)
        self.ui.slicesList.setCurrentRow(row)
        self.ui.slicesList.blockSignals(wasBlocked)
        panel.slice = slices[row] if slices else None

    def buttons(self, state):
        ui, noScan, busy = self.ui, state.noScan, state.busy
        noFolder = "" if self.folder else _("Load a study from a folder first.")
        yield ui.seriesButton, noFolder or busy, _("List all series of the folder, and say which are rest and stress.")
        yield ui.loadStudyButton, busy, _("Load the perfusion study in a folder of DICOM files.")
        yield ui.findContoursButton, noScan or busy, _("Find the heart in every slice, then compute flow.")
        yield ui.drawButton, noScan or busy, _("Prepare slices without contours for drawing by hand.")
        yield ui.cancelButton, state.idle, _("Stop the running work.")

    def updateState(self, state) -> None:
        self.ui.progressBar.visible = bool(state.busy)
