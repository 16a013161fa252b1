"""What the sections of the panel share: the choices, the slice at hand, the work in the background, the flow."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..session.tasks import Flow
from .acquisition import AcquisitionSection
from .advanced import AdvancedSection
from .archive import ArchiveSection
from .arrangement import PANEL_WIDTH_PX, chosenLayout, createViews, showDataProbe, tidyViews
from .carrying import CarryingSection
from .corrections import CorrectionsSection
from .drawing import Drawing
from .export import ExportSection
from .fitting import Fitting
from .hints import HintsSection
from .images import ImagesSection
from .in_step import InStep
from .patient import PatientSection
from .picking import Picking
from .reading import Reading
from .results import ResultsSection
from .shortcuts import Shortcuts
from .slices_to_check import SlicesToCheck
from .state import State
from .study import StudySection
from .updates import Updates


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
        self.updates = Updates(self)
        self.work = self.updates.work
        self._fitting = Fitting()
        self._inStep = InStep(logic)
        self._known: set = set()  # browsers of scans
        self._chosen: tuple = ()
        self._choices: tuple = ()
        self._views: set[str] = set()
        self._awaited: Iterator[None] = iter(())  # views that are being made
        self._drawing = Drawing()
        self.patient = PatientSection(self)
        self.archive = ArchiveSection(self)
        self.slicesToCheck = SlicesToCheck(self)
        self.reading = Reading(self)
        self.study = StudySection(self)
        self.images = ImagesSection(self)
        self.corrections = CorrectionsSection(self)
        self.hints = HintsSection(self)
        self.carrying = CarryingSection(self)
        self.results = ResultsSection(self)
        self.acquisition = AcquisitionSection(self)
        self.advanced = AdvancedSection(self)
        self.export = ExportSection(self)
        self.sections = (
            *(self.patient, self.archive, self.slicesToCheck, self.reading, self.study, self.images, self.corrections),
            *(self.hints, self.carrying, self.results, self.export, self.acquisition, self.advanced),
        )
        self.picking = Picking(self)
        self.shortcuts = Shortcuts(self)
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
        self.reading.stop()
        showDataProbe(True)

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
        self.updates.close()
        self.slicesToCheck.forgetAll()
        self.reading.close()
        self._awaited = iter(())
        self._fitting.stop()
        self._inStep.stop()
        self.corrections.letGo()
        self.logic.forget()
        self.slice = self.pick = None
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
        former, self._chosen = self._chosen, tuple(nodes.browser for nodes in scans)
        self.results.changeStudy(former, scans)
        self.updates.following.follow(scans)
        self.updates.recordPending()
        for nodes in scans:
            self.logic.history.start(self.logic.reader(nodes))
        self._followSteps()
        self.update()

    def _followSteps(self) -> None:
        """Keep rest and stress in step, where that is wanted."""
        parameters = self.parameters
        if parameters and parameters.inStep:
            self._inStep.follow(self.scans(), parameters.stepBy)
        else:
            self._inStep.stop()

    def findArrived(self) -> bool:
        """Whether scans came into the scene that the panel has not seen; what it loaded itself, it has."""
        browsers = {nodes.browser for nodes in mrml.findScans(slicer.mrmlScene)}
        arrived, self._known = browsers - self._known, browsers
        return bool(arrived)

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
        self.findArrived()
        self.picking.show("")
        self.showScans()
        mrml.showPeakFrames(self.scans())
        done = _("Loaded with the contours of the archive.") if archived else _("Loaded. Press Read this study.")
        self.showStatus(f"{done} {self.images.whatHasNoView}".strip())
        self.updateButtons()

    def onParametersModified(self, caller=None, event=None) -> None:
        """The user chose another scan, another display, another model or entered a value of the study."""
        if self._chosen != tuple(nodes.browser for nodes in self.scans()):
            self.followScans()
            if self.entered:
                self.showScans()
            self.updates.recomputeIfWanted()
        else:
            self._followSteps()
            self.update()
        choices = self.logic.choices(self.parameters)
        if self._choices != choices:
            self._choices = choices
            self.updates.recomputeIfWanted()

    def showScans(self) -> None:
        """Every slice in its view, centered on the heart, bullseyes and curves beside.

        Once more when the event loop has run: a view that the layout has just made sets its offset to 0 then.
        """
        self._placeScans()
        qt.QTimer.singleShot(0, self._placeAgain)

    def _placeAgain(self) -> None:
        self._placeScans()
        self._drawing.release()

    def prepareViews(self, onPrepared: Callable[[], None] | None = None, *, scans: int = 2) -> None:
        """Make the views of the chosen layout, one with each turn of the event loop, and the user is heard between."""
        self._awaited = createViews(scans)
        self._prepareNext(self._awaited, onPrepared)

    def _prepareNext(self, awaited: Iterator[None], onPrepared: Callable[[], None] | None) -> None:
        if awaited is not self._awaited:  # another layout was chosen, or the scene goes
            return
        for _made in awaited:
            qt.QTimer.singleShot(0, lambda: self._prepareNext(awaited, onPrepared))
            return
        if onPrepared is not None:
            onPrepared()

    def _placeScans(self) -> None:
        if self.scans():
            for _made in createViews(len(self.scans())):
                pass
            self._drawing.hold()  # else each is drawn at every change of its size and of what it shows
            for part in self.slices():
                if part.hasContours:
                    mrml.smoothOutlines(part.contours)  # those of a scene that was read are not made yet
            mrml.showScans(slicer.mrmlScene, self.scans(), layout=chosenLayout())
            shown = tidyViews()
            if shown - self._views:
                mrml.renewLegends(slicer.mrmlScene)  # a view draws only the legends that are added after it
            self._views = shown
            self.images.showLayout()
            self.images.updateDisplay()
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

    def showPick(self, pick: session.Pick) -> None:
        """Plot the curve of a pixel or segment; its slice gets the tools."""
        self.slice, self.pick = pick.part, pick
        self.study.updateSlicesList()
        self.updateDisplay()
        self.updateButtons()
        self.picking.show(session.readout(pick, self.logic.flow))
        session.showPick(slicer.mrmlScene, pick, self.logic.flow)
