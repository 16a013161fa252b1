"""Placing the RV insertion points anew: one after the other, the old ones stay until the new ones are there."""

from collections.abc import Callable
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .. import mrml


class Placing(VTKObservationMixin):
    """A list of points of its own takes the clicks; each replaces the point of the slice as soon as it is set.

    onStep : called with what to click next, and with nothing when placing has ended
    """

    def __init__(self, onStep: Callable[[str], None]) -> None:
        super().__init__()
        self._onStep = onStep
        self._points: Any = None
        self._clicked: Any = None
        self._former: list[np.ndarray | None] = []

    @property
    def active(self) -> bool:
        """Whether a click sets a point."""
        return self._clicked is not None

    def start(self, part: mrml.SliceNodes) -> None:
        """Let the next two clicks set the anterior and the inferior point of a slice."""
        self.end()
        self._points = part.rvInsertionPoints
        self._former = [_position(self._points, index) for index in range(2)]
        clicked = slicer.vtkMRMLMarkupsFiducialNode()
        clicked.SetName(_("RV insertion points to be clicked"))
        clicked.SetHideFromEditors(True)
        clicked.SetSaveWithScene(False)
        self._clicked = slicer.mrmlScene.AddNode(clicked)
        clicked.CreateDefaultDisplayNodes()
        clicked.GetDisplayNode().SetSaveWithScene(False)
        clicked.GetDisplayNode().CopyContent(self._points.GetDisplayNode())
        clicked.GetDisplayNode().SetViewNodeIDs(self._points.GetDisplayNode().GetViewNodeIDs())
        for label in (_("anterior"), _("inferior")):
            clicked.AddControlPoint(vtk.vtkVector3d(0, 0, 0), label)
        clicked.UnsetAllControlPoints()
        clicked.SetMaximumNumberOfControlPoints(2)
        self.addObserver(clicked, clicked.PointPositionDefinedEvent, self._onClicked)
        markups = slicer.modules.markups.logic()
        markups.SetActiveList(clicked)
        markups.StartPlaceMode(True)
        self._onStep(_("Click the anterior RV insertion point. Escape gives the points back."))

    def cancel(self) -> None:
        """Give the points back as they were."""
        if self.active:
            for index, position in enumerate(self._former):
                if position is None:
                    self._points.UnsetNthControlPointPosition(index)
                elif not np.array_equal(position, self._points.GetNthControlPointPositionWorld(index)):
                    self._points.SetNthControlPointPositionWorld(index, *position)
            self.end()

    def end(self) -> None:
        """Take no more clicks."""
        if not self.active:
            return
        self.removeObservers()
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        if interaction.GetCurrentInteractionMode() == interaction.Place:
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        slicer.mrmlScene.RemoveNode(self._clicked)
        self._points = self._clicked = None
        self._onStep("")

    def _onClicked(self, clicked, event=None) -> None:
        """A point was set: it replaces that of the slice; after the second one placing ends."""
        if self._points.GetScene() is None:  # the contours were deleted meanwhile
            qt.QTimer.singleShot(0, self.end)
            return
        for index in range(2):
            position, present = _position(clicked, index), _position(self._points, index)
            if position is not None and (present is None or not np.array_equal(position, present)):
                self._points.SetNthControlPointPositionWorld(index, *position)
        if _position(clicked, 1) is None:
            self._onStep(_("Click the inferior RV insertion point. Escape gives the points back."))
        else:
            qt.QTimer.singleShot(0, self.end)  # not within the event of the node that goes


def _position(points, index: int) -> np.ndarray | None:
    """World position (3,) of a control point, mm; None where it is not defined."""
    if points.GetNthControlPointPositionStatus(index) != points.PositionDefined:
        return None
    return np.array(points.GetNthControlPointPositionWorld(index))
