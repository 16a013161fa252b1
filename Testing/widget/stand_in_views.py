"""Slicer's slice views and its layout manager, as far as our panel uses them."""

import slicer
import vtk
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFrame, QWidget
from pythonqt import adapt


class qMRMLSliceView:
    """What the panel takes from a slice view: the interactor whose clicks it hears, and the names in its corner."""

    def __init__(self):
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._corner = vtk.vtkCornerAnnotation()
        self._paused = 0

    def pauseRender(self):
        self._paused += 1
        return self._paused

    def resumeRender(self):
        assert self._paused > 0, "Cannot resume rendering, pause render count is already 0!"
        self._paused -= 1
        return self._paused

    def cornerAnnotation(self):
        return self._corner

    def interactor(self):
        return self._interactor

    def _hear(self, interactor):
        """Take the mouse of a drawn view."""
        self._interactor = interactor


class qMRMLSliceControllerWidget(QFrame):
    """The bar above a slice view; its slider asks for much of the width of a view."""

    def __init__(self):
        super().__init__()
        self._slider = QWidget(self)

    def sliceOffsetSlider(self):
        return self._slider

    def minimumWidth(self):
        """Measured in Slicer 5.12.3: pin, label, two buttons; slider and offset."""
        return 130 if self._slider.isHidden() else 332


class qMRMLSliceWidget:
    """A slice view of the layout."""

    def __init__(self, node):
        self._node, self._view, self._bar = node, qMRMLSliceView(), qMRMLSliceControllerWidget()

    def sliceController(self):
        return adapt(self._bar)

    def mrmlSliceNode(self):
        return self._node

    def sliceView(self):
        return self._view

    def _resize(self, width, height):
        """As the real one does when its view gets another size."""
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLScene(self._node.GetScene())
        logic.SetSliceNode(self._node)
        logic.ResizeSliceNode(width, height)


class qMRMLLayoutManager:
    """Makes the widget of a slice view when its node is there.

    The controller of a new view sends its slider's 0 to the node by a queued connection: whoever places a view in the
    same turn of the event loop loses the place.
    """

    def __init__(self, scene):
        self._scene, self._widgets, self._placed = scene, {}, set()
        self._layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
        self._layout.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onLayout)

    def _onLayout(self, layout, event):
        for index in range(self._scene.GetNumberOfNodesByClass("vtkMRMLSliceNode")):
            node = self._scene.GetNthNodeByClass(index, "vtkMRMLSliceNode")
            if node.GetLayoutName() not in self._placed:
                self._placed.add(node.GetLayoutName())
                QTimer.singleShot(0, lambda node=node: node.SetSliceOffset(0))

    def sliceWidget(self, name):
        node = self._scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if node is not None and name not in self._widgets:
            self._widgets[name] = qMRMLSliceWidget(node)
        return self._widgets.get(name)
