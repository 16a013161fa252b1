"""The window around the panel: Slicer's keys and those of its play widget."""

from PySide6.QtCore import Property, Qt
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QPushButton,
)
from stand_in_inputs import qMRMLWidget


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
