"""Slicer and CTK widgets that a user chooses and enters with, as far as our panel uses them."""

import types

import vtk
from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)


def kept(kind, name):
    """A property that only remembers what it was set to."""
    return Property(kind, lambda self: self._kept.get(name), lambda self, value: self._kept.update({name: value}))


class qMRMLWidget(QWidget):
    """A widget that knows the scene."""

    mrmlSceneChanged = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self):
        return self._scene

    def setMRMLScene(self, scene):
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)


class qMRMLNodeComboBox(QWidget):
    """Lists the nodes of the scene that have the type and the attribute asked for.

    Like the real one, it drops its choice when the node is about to go and when a scene was imported or closed, says
    so, and does not know the nodes of a scene while that is being imported.
    """

    currentNodeChanged = Signal(object)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._box = QComboBox(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self._box.currentIndexChanged.connect(lambda index: self.currentNodeChanged.emit(self.currentNode()))
        self._scene, self._attributes, self._tags = None, [], []
        self._kept = {"nodeTypes": []}

    nodeTypes = kept("QStringList", "nodeTypes")
    noneEnabled = kept(bool, "noneEnabled")
    addEnabled = kept(bool, "addEnabled")
    removeEnabled = kept(bool, "removeEnabled")

    def addAttribute(self, nodeType, name, value=None):
        self._attributes.append((nodeType, name, value))
        self._refill()

    def setMRMLScene(self, scene):
        self._scene = scene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self._tags.append(scene.AddObserver(event, lambda caller, event: self._refill()))
        for event in (scene.EndCloseEvent, scene.EndImportEvent):
            self._tags.append(scene.AddObserver(event, self._onRebuilt))

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def onLeaving(caller, event, node):
            if node is self.currentNode():
                self._box.setCurrentIndex(0)

        self._tags.append(scene.AddObserver(scene.NodeAboutToBeRemovedEvent, onLeaving))
        self._refill()

    def _onRebuilt(self, caller, event):
        self._box.setCurrentIndex(0)
        self._refill()

    def currentNode(self):
        identifier = self._box.currentData()
        return self._scene.GetNodeByID(identifier) if self._scene and identifier else None

    def setCurrentNode(self, node):
        self._refill()
        self._box.setCurrentIndex(max(self._box.findData(node.GetID() if node else ""), 0))

    def _refill(self):
        """Node attributes are often set right after a node was added, so the list is made anew whenever it is used."""
        if self._scene is not None and self._scene.IsImporting():
            return
        current = self._box.currentData()
        self._box.blockSignals(True)
        self._box.clear()
        self._box.addItem("None", "")
        for kind in self._kept["nodeTypes"]:
            for index in range(self._scene.GetNumberOfNodesByClass(kind) if self._scene else 0):
                node = self._scene.GetNthNodeByClass(index, kind)
                if all(node.GetAttribute(name) == value for of, name, value in self._attributes if of == kind):
                    self._box.addItem(node.GetName(), node.GetID())
        self._box.setCurrentIndex(max(self._box.findData(current), 0))
        self._box.blockSignals(False)


class ctkCollapsibleButton(QAbstractButton):
    """A titled section."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._collapsed = False

    def _setCollapsed(self, collapsed):
        self._collapsed = collapsed
        for child in self.findChildren(QWidget, options=Qt.FindDirectChildrenOnly):
            child.setVisible(not collapsed)
        self.setMaximumHeight(22 if collapsed else 16777215)
        self.contentsCollapsed.emit(collapsed)

    collapsed = Property(bool, lambda self: self._collapsed, _setCollapsed)

    def childEvent(self, event):
        super().childEvent(event)
        if self.layout():
            self.layout().setContentsMargins(6, 24, 6, 6)

    def sizeHint(self):
        return self.layout().sizeHint() if self.layout() else super().sizeHint()

    def paintEvent(self, event):
        from PySide6.QtGui import QPainter

        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), 20, self.palette().mid())
        painter.drawText(8, 15, ("+ " if self._collapsed else "\u2212 ") + self.text())


class ctkSliderWidget(QWidget):
    """A slider with a spin box."""

    valueChanged = Signal(float)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._slider, self._spin = QSlider(Qt.Horizontal, self), QDoubleSpinBox(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._spin)
        self._spin.valueChanged.connect(self._follow)

    def _follow(self, value):
        self._slider.setValue(
            round(99 * (value - self._spin.minimum()) / (self._spin.maximum() - self._spin.minimum()))
        )
        self.valueChanged.emit(value)

    def setValue(self, value):
        self._spin.setValue(value)

    minimum = Property(float, lambda self: self._spin.minimum(), lambda self, value: self._spin.setMinimum(value))
    maximum = Property(float, lambda self: self._spin.maximum(), lambda self, value: self._spin.setMaximum(value))
    singleStep = Property(
        float, lambda self: self._spin.singleStep(), lambda self, value: self._spin.setSingleStep(value)
    )
    value = Property(float, lambda self: self._spin.value(), setValue)


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """Keeps what it was told to edit; the tests paint through the segmentation itself."""

    def __init__(self, parent=None):
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("[Segment Editor]", self))
        self._editorNode = self._segmentation = self._source = self._effect = None
        self._kept = {}
        self._said = []  # what the real one writes into Slicer's log

    segmentationNodeSelectorVisible = kept(bool, "segmentationNodeSelectorVisible")
    sourceVolumeNodeSelectorVisible = kept(bool, "sourceVolumeNodeSelectorVisible")
    switchToSegmentationsButtonVisible = kept(bool, "switchToSegmentationsButtonVisible")
    addRemoveSegmentButtonsVisible = kept(bool, "addRemoveSegmentButtonsVisible")
    show3DButtonVisible = kept(bool, "show3DButtonVisible")

    def _setMasking(self, visible):
        """Like the real one, which brings its effects up to date and complains where it has no node yet."""
        if self._editorNode is None:
            self._said.append("Invalid segment editor parameter set node")
        self._kept["maskingSectionVisible"] = visible

    maskingSectionVisible = Property(bool, lambda self: self._kept.get("maskingSectionVisible", True), _setMasking)
    autoShowSourceVolumeNode = kept(bool, "autoShowSourceVolumeNode")
    undoEnabled = kept(bool, "undoEnabled")
    unorderedEffectsVisible = kept(bool, "unorderedEffectsVisible")

    def setMRMLSegmentEditorNode(self, node):
        self._editorNode = node

    def mrmlSegmentEditorNode(self):
        return self._editorNode

    def setSegmentationNode(self, node):
        """Like the real one, which keeps the choice in its parameter set node and ignores it without.

        Its effect is for one segmentation.
        """
        if node is not self._segmentation:
            self._effect = None
        self._segmentation = node if self._editorNode else None
        if self._segmentation is not None:
            self._segmentation.GetDisplayNode().SetPreferredDisplayRepresentationName2D("Binary labelmap")

    def segmentationNode(self):
        return self._segmentation

    def setSourceVolumeNode(self, node):
        self._source = node if self._segmentation else None

    def sourceVolumeNode(self):
        return self._source

    def setEffectNameOrder(self, names):
        self._effects = list(names)

    def effectNameOrder(self):
        return self._effects

    def setActiveEffect(self, effect):
        self._effect = effect

    def setActiveEffectByName(self, name):
        self._effect = types.SimpleNamespace(name=name) if name in self._effects else None

    def activeEffect(self):
        return self._effect

    def removeViewObservations(self):
        self._effect = None
