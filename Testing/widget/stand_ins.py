"""The Slicer and CTK widgets that our panel uses, as far as it uses them.

Each does what its test needs on the real scene. They cannot show how the real ones draw, ask or place things: the
Segment Editor's effects, the play widget's buttons, the combo box's menu.
"""

import types

import slicer
import vtk
from PySide6.QtCore import Property, QAbstractTableModel, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QComboBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QPushButton,
    QSlider,
    QTableView,
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

    segmentationNodeSelectorVisible = kept(bool, "segmentationNodeSelectorVisible")
    sourceVolumeNodeSelectorVisible = kept(bool, "sourceVolumeNodeSelectorVisible")
    switchToSegmentationsButtonVisible = kept(bool, "switchToSegmentationsButtonVisible")
    addRemoveSegmentButtonsVisible = kept(bool, "addRemoveSegmentButtonsVisible")
    show3DButtonVisible = kept(bool, "show3DButtonVisible")
    maskingSectionVisible = kept(bool, "maskingSectionVisible")
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


class qMRMLSequenceBrowserPlayWidget(qMRMLWidget):
    """Steps through a browser, by buttons and by keys of its own; keys that are set come on top of the former ones."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._browser = None
        self._kept = {"RecordingControlsVisible": True}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._buttons = {}
        for text, slot in (
            ("|<", self.onVcrFirst),
            ("<", self.onVcrPrevious),
            ("=", self.onVcrPlayPause),
            (">", self.onVcrNext),
            (">|", self.onVcrLast),
            ("o", self.onRecordSnapshot),
        ):
            button = self._buttons[slot.__name__] = QPushButton(text, self)
            button.clicked.connect(slot)
            layout.addWidget(button)
        self.setPlayPauseShortcut("Ctrl+Shift+Down")
        self.setPreviousFrameShortcut("Ctrl+Shift+Left")
        self.setNextFrameShortcut("Ctrl+Shift+Right")

    def _addKey(self, name, keys, slot):
        self._kept[name] = keys
        QShortcut(QKeySequence(keys), self).activated.connect(slot)
        self._buttons[slot.__name__].setToolTip(keys)

    def setPlayPauseShortcut(self, keys):
        self._addKey("PlayPauseShortcut", keys, self.onVcrPlayPause)

    def setPreviousFrameShortcut(self, keys):
        self._addKey("PreviousFrameShortcut", keys, self.onVcrPrevious)

    def setNextFrameShortcut(self, keys):
        self._addKey("NextFrameShortcut", keys, self.onVcrNext)

    def setRecordingControlsVisible(self, visible):
        self._kept["RecordingControlsVisible"] = visible
        self._buttons["onRecordSnapshot"].setVisible(visible)

    PlayPauseShortcut = Property(str, lambda self: self._kept["PlayPauseShortcut"], setPlayPauseShortcut)
    PreviousFrameShortcut = Property(str, lambda self: self._kept["PreviousFrameShortcut"], setPreviousFrameShortcut)
    NextFrameShortcut = Property(str, lambda self: self._kept["NextFrameShortcut"], setNextFrameShortcut)
    RecordingControlsVisible = Property(
        bool, lambda self: self._kept["RecordingControlsVisible"], setRecordingControlsVisible
    )

    def setMRMLSequenceBrowserNode(self, browser):
        self._browser = browser

    def onVcrPlayPause(self):
        self._browser.SetPlaybackActive(not self._browser.GetPlaybackActive())

    def onRecordSnapshot(self):
        raise AssertionError("nobody records into a study")

    def onVcrFirst(self):
        self._browser.SelectFirstItem()

    def onVcrPrevious(self):
        self._browser.SelectNextItem(-1)

    def onVcrNext(self):
        self._browser.SelectNextItem(1)

    def onVcrLast(self):
        self._browser.SelectLastItem()


class qSlicerMainWindow(QMainWindow):
    """The keys that Slicer keeps for itself wherever the user is, and the Sequences toolbar with keys of its own."""

    KEYS = (
        ("Previous module", ["Ctrl+Left", QKeySequence.Back]),
        ("Next module", ["Ctrl+Right", QKeySequence.Forward]),
        ("Find module", ["Ctrl+F"]),
        *((name, [keys]) for name, keys in {"Home": "Ctrl+H", "Load": "Ctrl+O", "Save": "Ctrl+S"}.items()),
        ("Close scene", ["Ctrl+W"]),
        *((f"Window {number}", [f"Ctrl+{number}"]) for number in range(7)),
    )

    def __init__(self):
        super().__init__()
        self.used = []
        toolbar = self.addToolBar("Modules")
        for name, keys in self.KEYS:
            action = QAction(name, self)
            action.setShortcuts([QKeySequence(one) for one in keys])
            action.setShortcutContext(Qt.ApplicationShortcut if name.endswith(" module") else Qt.WindowShortcut)
            action.triggered.connect(lambda checked, name=name: self.used.append(name))
            toolbar.addAction(action)
        self.addToolBar("Sequence browser").addWidget(qMRMLSequenceBrowserPlayWidget())

    def setModule(self, widget):
        """Show the panel of a module."""
        self.setCentralWidget(widget)


class _TableModel(QAbstractTableModel):
    """Headers and cells as qMRMLTableModel makes them: names are the first row, or headers where the node says so."""

    def __init__(self, table):
        super().__init__()
        self._table = table
        self._firstRow = 0 if table.GetUseColumnTitleAsColumnHeader() else -1
        self._firstColumn = 1 if table.GetUseFirstColumnAsRowHeader() else 0

    def rowCount(self, parent=None):
        return self._table.GetNumberOfRows() - self._firstRow

    def columnCount(self, parent=None):
        return self._table.GetNumberOfColumns() - self._firstColumn

    def _text(self, row, column):
        if row < 0:
            return self._table.GetColumnName(column)
        return self._table.GetTable().GetColumn(column).GetVariantValue(row).ToString()

    def data(self, index, role=Qt.DisplayRole):
        if role != Qt.DisplayRole:
            return None
        return self._text(index.row() + self._firstRow, index.column() + self._firstColumn)

    def headerData(self, section, orientation, role=Qt.DisplayRole):
        if role != Qt.DisplayRole:
            return None
        if orientation == Qt.Vertical:
            return self._text(section + self._firstRow, 0) if self._firstColumn else str(section + 1)
        if self._firstRow < 0:
            return chr(ord("A") + section)
        name = self._table.GetColumnName(section + self._firstColumn)
        unit = self._table.GetColumnUnitLabel(name)
        return (self._table.GetColumnTitle(name) or name) + (f" [{unit}]" if unit else "")


class qMRMLTableView(QTableView):
    """Shows a table node."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._table = self._scene = self._tag = None

    def setMRMLScene(self, scene):
        self._scene = scene

    def mrmlTableNode(self):
        return self._table

    def setMRMLTableNode(self, table):
        if self._table is not None:
            self._table.RemoveObserver(self._tag)
        self._table = table
        self._show()
        if table is not None:
            self._tag = table.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._show())

    def _show(self):
        self._model = _TableModel(self._table) if self._table else None
        self.setModel(self._model)


class qMRMLSliceView:
    """What the panel takes from a slice view: the interactor whose clicks it hears."""

    def __init__(self):
        self._interactor = vtk.vtkRenderWindowInteractor()

    def interactor(self):
        return self._interactor

    def _hear(self, interactor):
        """Take the mouse of a drawn view."""
        self._interactor = interactor


class qMRMLSliceWidget:
    """A slice view of the layout."""

    def __init__(self, node):
        self._node, self._view = node, qMRMLSliceView()

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
    """Makes the widget of a slice view when its node is there."""

    def __init__(self, scene):
        self._scene, self._widgets = scene, {}

    def sliceWidget(self, name):
        node = self._scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        if node is not None and name not in self._widgets:
            self._widgets[name] = qMRMLSliceWidget(node)
        return self._widgets.get(name)


VIEW_STAND_INS = (qMRMLSliceView, qMRMLSliceWidget, qMRMLLayoutManager)

STAND_INS = {
    widget.__name__: widget
    for widget in (
        qMRMLWidget,
        qMRMLNodeComboBox,
        ctkCollapsibleButton,
        ctkSliderWidget,
        qMRMLSegmentEditorWidget,
        qMRMLSequenceBrowserPlayWidget,
        qMRMLTableView,
    )
}
