"""Keeps in sight what a view shows when its size changes."""

import slicer
import vtk
from slicer.util import VTKObservationMixin

from .. import mrml
from ..mrml.layouts import BULLSEYE_VIEWS, IMAGE_VIEWS, RESERVE_VIEW
from ..mrml.views import BULLSEYE_FIELD_MM


class Fitting(VTKObservationMixin):
    """Observes the views of our layouts.

    Slicer gives a view its size only after it was arranged, and keeps the height of what it shows: in a view higher
    than wide, the sides of a bullseye would be cut off. What the shorter edge shows is kept here, also after zooming;
    of a bullseye, its title and legend too.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict = {}

    def start(self) -> None:
        """Follow the views that are there; called again, it also follows those that were made since."""
        for name in (*IMAGE_VIEWS, *BULLSEYE_VIEWS, RESERVE_VIEW):
            node = slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceNode")
            if node is not None and not self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self.onModified):
                self._seen[node] = _sizeAndField(node)
                self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onModified)

    def stop(self) -> None:
        """Leave the views alone."""
        self.removeObservers()
        self._seen.clear()

    def onModified(self, node, event=None) -> None:
        """Something of a view changed, perhaps its size."""
        formerSize, formerField_mm = self._seen[node]
        self._seen[node] = _sizeAndField(node)
        if self._seen[node][0] != formerSize:
            bullseye = node.GetLayoutName() in (*BULLSEYE_VIEWS, RESERVE_VIEW)
            sides_mm = BULLSEYE_FIELD_MM if bullseye else (1.0, 1.0)
            zoom = min(shown / side for shown, side in zip(formerField_mm, sides_mm, strict=True))
            mrml.fitView(node, (zoom * sides_mm[0], zoom * sides_mm[1]))


def _sizeAndField(node) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Width and height of a view in pixels, and of what it shows in mm."""
    return tuple(node.GetDimensions()[:2]), tuple(node.GetFieldOfView()[:2])
