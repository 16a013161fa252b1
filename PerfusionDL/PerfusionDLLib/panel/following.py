"""Hears of every correction, in whatever module or script it is made, and waits until it rests."""

from collections.abc import Callable, Sequence

import qt
import slicer
import vtk
from slicer.util import VTKObservationMixin

from .. import mrml

SETTLE_MS = 50
"""How long nothing must change until a correction is taken for finished; chosen: a stroke ends with several events."""


class Following(VTKObservationMixin):
    """Observes the contours of some scans; calls back once after the last of several quick changes.

    onFrame : called when another frame is shown
    """

    def __init__(self, onSettled: Callable[[], None], onFrame: Callable[[], None]) -> None:
        super().__init__()
        self._onFrame, self._onSettled = onFrame, onSettled
        self._dragging = False
        self._settle = qt.QTimer()
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.connect("timeout()", self._onRested)

    def follow(self, scans: Sequence[mrml.ScanNodes]) -> None:
        """Hear of corrections of these scans, and of no others; one that has not settled yet is still told."""
        self.removeObservers()
        self.addObserver(slicer.mrmlScene, slicer.vtkMRMLScene.NodeRemovedEvent, self._onRemoved)
        self._dragging = False
        for nodes in scans:
            self.addObserver(nodes.browser, vtk.vtkCommand.ModifiedEvent, self._onBrowser)
            for part in nodes.slices:
                if part.hasContours:
                    self._followSlice(part)

    def waitAgain(self) -> None:
        """Call back later once more."""
        self._settle.start()

    @property
    def dragging(self) -> bool:
        """Whether a point is in the hand of the user."""
        return self._dragging

    @property
    def waiting(self) -> bool:
        """Whether a correction has not rested yet."""
        return self._dragging or self._settle.isActive()

    def settleNow(self) -> None:
        """Whoever calls has looked at what changed: do not call back for it."""
        self._settle.stop()

    def stop(self) -> None:
        """Hear of nothing."""
        self._settle.stop()
        self.removeObservers()

    def _followSlice(self, part: mrml.SliceNodes) -> None:
        segmentation = part.contours.GetSegmentation()
        kinds = slicer.vtkSegmentation
        for event in (
            *(kinds.SourceRepresentationModified, kinds.SegmentAdded, kinds.SegmentRemoved, kinds.SegmentModified),
        ):
            self.addObserver(segmentation, event, self._onCorrection)
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        for node in (part.contours, part.originalVolume, part.correctedVolume):
            if node is not None and not self.hasObserver(node, moved, self._onCorrection):
                self.addObserver(node, moved, self._onCorrection)
        self.addObserver(part.contours, vtk.vtkCommand.ModifiedEvent, self._onCorrection)
        points = slicer.vtkMRMLMarkupsNode
        for node in (part.rvInsertionPoints, part.box):
            self.addObserver(node, points.PointStartInteractionEvent, self._onDrag)
            self.addObserver(node, points.PointEndInteractionEvent, self._onDropped)
            for event in (
                *(points.PointPositionDefinedEvent, points.PointPositionUndefinedEvent, points.PointModifiedEvent),
                *(points.PointAddedEvent, points.PointRemovedEvent, moved, vtk.vtkCommand.ModifiedEvent),
            ):
                self.addObserver(node, event, self._onCorrection)

    def _onRested(self) -> None:
        """Nothing changed for a while; a point in the hand is looked at when it is dropped."""
        if not self._dragging:
            self._onSettled()

    def _onRemoved(self, scene, event=None) -> None:
        """A node was deleted, perhaps one of these scans' contours or maps; a scene that closes is no correction."""
        if not scene.IsClosing():
            self._settle.start()

    def _onBrowser(self, caller=None, event=None) -> None:
        self._onFrame()

    def _onDrag(self, caller=None, event=None) -> None:
        """A point is in the hand of the user; where it passes is no correction."""
        self._dragging = True

    def _onDropped(self, caller=None, event=None) -> None:
        self._dragging = False
        self._onCorrection()

    def _onCorrection(self, caller=None, event=None) -> None:
        """Something moved; wait until it rests."""
        if not self._dragging:
            self._settle.start()
