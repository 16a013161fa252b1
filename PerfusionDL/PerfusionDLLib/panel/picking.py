"""Reads the flow under the mouse, and plots the curve of what is clicked."""

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .. import session
from ..mrml.layouts import BULLSEYE_VIEWS, IMAGE_VIEWS, RESERVE_VIEW, VIEW_ROWS

ABOVE_THE_VIEW = 0.5  # priority: a view may keep an event to itself, a Segment Editor effect (1.0) comes first
CLICK_PX = 3


class Picking(VTKObservationMixin):
    """Observes the views while the module is open."""

    def __init__(self, panel) -> None:
        super().__init__()
        self.panel = panel
        self._views: dict = {}
        self._pressed: tuple[int, int] | None = None

    def start(self) -> None:
        """Follow the mouse; called again, it also follows in views that were made since."""
        crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        moved = slicer.vtkMRMLCrosshairNode.CursorPositionModifiedEvent
        if crosshair and not self.hasObserver(crosshair, moved, self.onMoved):
            self.addObserver(crosshair, moved, self.onMoved)
        layoutManager = slicer.app.layoutManager()
        for name in (*sum(VIEW_ROWS, ()), *IMAGE_VIEWS, *BULLSEYE_VIEWS, RESERVE_VIEW):
            widget = layoutManager.sliceWidget(name) if layoutManager else None
            if not widget:
                continue
            interactor = widget.sliceView().interactor()
            if interactor and interactor not in self._views:
                self._views[interactor] = widget.mrmlSliceNode()
                for event, method in (
                    (vtk.vtkCommand.LeftButtonPressEvent, self.onPressed),
                    (vtk.vtkCommand.LeftButtonReleaseEvent, self.onReleased),
                ):
                    self.addObserver(interactor, event, method, priority=ABOVE_THE_VIEW)

    def stop(self) -> None:
        """Leave the mouse alone."""
        self.removeObservers()
        self._views.clear()

    def onMoved(self, crosshair, event=None) -> None:
        """Show the value under the mouse."""
        position = [0.0, 0.0, 0.0]
        sliceNode = crosshair.GetCursorPositionXYZ(position)
        if sliceNode is None or not crosshair.GetCursorPositionRAS(position):
            self.show("")
            return
        pick = self.pickAt(sliceNode, position)
        self.show(session.readout(pick, self.panel.logic.flow) if pick else "")

    def onPressed(self, interactor, event=None) -> None:
        """A click begins where the button goes down."""
        self._pressed = interactor.GetEventPosition()

    def onReleased(self, interactor, event=None) -> None:
        """A click ends where it began; what was dragged is not one."""
        released, pressed = interactor.GetEventPosition(), self._pressed
        self._pressed = None
        if pressed is None or max(abs(a - b) for a, b in zip(released, pressed, strict=True)) > CLICK_PX:
            return
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        placing = interaction.GetCurrentInteractionMode() != slicer.vtkMRMLInteractionNode.ViewTransform
        if placing or self.panel.ui.segmentEditorWidget.activeEffect():
            return
        sliceNode = self._views[interactor]
        position = sliceNode.GetXYToRAS().MultiplyPoint((*released, 0.0, 1.0))
        if self.panel.hints.label is not None:
            self.panel.hints.follow(sliceNode, position[:3])
            return
        pick = self.pickAt(sliceNode, position[:3])
        if pick:
            self.panel.showPick(pick)

    def pickAt(self, sliceNode, ras_mm) -> session.Pick | None:
        """What lies at a world position in a view, None where there is no flow."""
        flow = self.panel.flow
        if flow is None or self.panel.parameters is None:
            return None
        return session.pickAt(self.panel.scans(), flow, sliceNode, ras_mm)

    def show(self, text: str) -> None:
        """What is under the mouse, else what was clicked, else the whole ventricle; below the table."""
        text = text or self._atRest()
        if self.panel.flow is not None and not self.panel.results.isShownCurrent:
            text = _("Out of date: {text}").format(text=text)
        self.panel.ui.readoutLabel.text = text
        self.panel.ui.readoutLabel.toolTip = text  # whatever the label has no room for

    def _atRest(self) -> str:
        """What is said while the mouse is over nothing that can be read."""
        pick, flow = self.panel.pick, self.panel.flow
        if flow is None:
            return ""
        if pick is not None and session.isThere(pick, flow):
            return session.readout(pick, flow)
        return session.describeRow(flow.table.whole, flow.table)
