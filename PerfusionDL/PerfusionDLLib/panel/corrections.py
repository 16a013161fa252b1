"""The Corrections section: contours, insertion points, frames and box of one slice, undo and redo of all."""

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from .placing import Placing
from .section import Section


class CorrectionsSection(Section):
    """What the user changes in the slice at hand.

    whatToClick : the point that is to be placed next, in words; empty where none is
    """

    def __init__(self, panel) -> None:
        super().__init__(panel)
        ui = self.ui
        self.whatToClick = ""
        self._placing = Placing(self.onPlacingStep)
        self._selectSegmentEditorNode()  # the widget knows no effect without its node
        ui.segmentEditorWidget.setEffectNameOrder(["Paint", "Draw", "Erase", "Smoothing"])
        ui.segmentEditorWidget.unorderedEffectsVisible = False
        ui.segmentEditorWidget.maskingSectionVisible = False
        self.onClick(ui.findAgainButton, self.onFindAgain)
        self.onClick(ui.placePointsButton, self.onPlacePoints)
        self.onClick(ui.usePeakButton, self.onUsePeak)
        self.onClick(ui.restoreButton, self.onRestoreAutomatic)
        self.onClick(ui.undoButton, self.onUndo)
        self.onClick(ui.redoButton, self.onRedo)
        ui.excludeFrameCheckBox.connect("clicked(bool)", self.onExcludeFrame)
        ui.showBoxCheckBox.connect("clicked(bool)", self.onShowBox)

    def exit(self) -> None:
        """The user opens another module; contours may be edited there, so corrections are still followed."""
        self._placing.end()
        self.ui.segmentEditorWidget.setActiveEffect(None)
        self.ui.segmentEditorWidget.removeViewObservations()

    def toggleEffect(self, name: str) -> None:
        """Take up a tool of the Segment Editor, or put it away."""
        self.panel.images.showDrawn()
        active = self.ui.segmentEditorWidget.activeEffect()
        self.ui.segmentEditorWidget.setActiveEffectByName("" if active and active.name == name else name)

    def putAway(self) -> None:
        """Put the tool away; points that are being placed are given back."""
        if self._placing.active:
            self._placing.cancel()
        else:
            self.ui.segmentEditorWidget.setActiveEffect(None)

    def onPlacingStep(self, text: str) -> None:
        """What to click next; nothing when the points are placed."""
        self.whatToClick = text
        self.panel.showStatus(text)
        if not text:
            self.panel.updates.recomputeIfWanted()

    def letGo(self) -> None:
        """The segmentation is about to go."""
        self._placing.end()
        self.ui.segmentEditorWidget.setSegmentationNode(None)

    def onFindAgain(self) -> None:
        """Find the contours of one slice anew from its box and its peak frame as they are now."""
        self.panel.study.findContours([self.panel.slice])

    def onPlacePoints(self) -> None:
        """Place the insertion points anew."""
        self.panel.images.showDrawn()
        self.ui.segmentEditorWidget.setActiveEffect(None)
        self._placing.start(self.panel.slice)

    def onUsePeak(self) -> None:
        """The frame on show is the one of peak enhancement."""
        part = self.panel.slice
        session.setPeakFrame(part, part.browser.GetSelectedItemNumber())

    def onExcludeFrame(self, excluded: bool) -> None:
        """Take the frame on show out of the fit, or back into it."""
        part = self.panel.slice
        session.setFrameExcluded(part, part.browser.GetSelectedItemNumber(), excluded)

    def onShowBox(self, visible: bool) -> None:
        """Show the box of the slice, so that it can be moved."""
        self.panel.slice.box.GetDisplayNode().SetVisibility(visible)

    def onRestoreAutomatic(self) -> None:
        """Bring back what the networks found in the slice."""
        self.panel.updates.settle()
        part = self.panel.slice
        reader = self.panel.logic.reader(mrml.ScanNodes(part.browser))
        session.restoreAutomatic(slicer.mrmlScene, part, reader.readSlice(part))
        self.panel.updates.settle()
        self.panel.updateButtons()

    def onUndo(self) -> None:
        """Take the last correction back."""
        self.step(self.panel.logic.history.undo)

    def onRedo(self) -> None:
        """Make the correction again that was taken back."""
        self.step(self.panel.logic.history.redo)

    def step(self, move: Callable[[], Any]) -> None:
        """Undo or redo, and let the results follow."""
        self.panel.updates.settle()
        if move():
            self.panel.acquisition.updateDisplay()
            self.panel.updates.onCorrected()

    def updateDisplay(self) -> None:
        part = self.panel.slice
        if part is not None and part.hasContours:
            self._selectSegmentEditorNode()
            self.ui.segmentEditorWidget.setSegmentationNode(part.contours)
            self.ui.segmentEditorWidget.setSourceVolumeNode(part.correctedVolume)
            mrml.smoothOutlines(part.contours)  # the Segment Editor shows labels as such
        elif self.ui.segmentEditorWidget.segmentationNode() is not None:
            self.letGo()  # else a stroke would go to a slice that is not on show, perhaps of another patient

    def _selectSegmentEditorNode(self) -> None:
        """The embedded Segment Editor keeps its settings in the node that the Segment Editor module uses too."""
        node = slicer.mrmlScene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag("SegmentEditor")
            node = slicer.mrmlScene.AddNode(node)
        if self.ui.segmentEditorWidget.mrmlSegmentEditorNode() is not node:
            self.ui.segmentEditorWidget.setMRMLSegmentEditorNode(node)

    def buttons(self, state):
        ui, history, noContours = self.ui, self.panel.logic.history, state.noContours
        again = _("Find this slice anew from its box and peak frame.")
        yield ui.findAgainButton, noContours or state.busy, again
        yield ui.placePointsButton, noContours, _("Click the anterior, then the inferior RV insertion point.")
        yield ui.usePeakButton, noContours, _("The frame on show is the one of peak enhancement.")
        yield ui.restoreButton, noContours, _("Bring back what was found automatically in this slice.")
        yield ui.undoButton, "" if history.canUndo else _("There is nothing to undo."), _("Undo a correction.")
        yield ui.redoButton, "" if history.canRedo else _("There is nothing to redo."), _("Redo a correction.")

    def updateFrame(self) -> None:
        """Another frame is shown: whether it is left out."""
        part = self.panel.slice
        if part is not None and part.hasContours:
            frame = part.browser.GetSelectedItemNumber()
            self.ui.excludeFrameCheckBox.checked = session.isFrameExcluded(part, frame)

    def updateState(self, state) -> None:
        ui, part = self.ui, state.part
        for box in (ui.excludeFrameCheckBox, ui.showBoxCheckBox):
            box.enabled = not state.noContours
        self.updateFrame()
        if not state.noContours:
            ui.showBoxCheckBox.checked = bool(part.box.GetDisplayNode().GetVisibility())
