"""Keys of the module, active while it is open."""

from collections.abc import Callable
from functools import partial

import qt
import slicer

EFFECTS = {"1": "Paint", "2": "Draw", "3": "Erase", "4": "Smoothing"}
PREVIOUS_FRAME, NEXT_FRAME, PLAY = ",", ".", "P"
NEXT_TO_CHECK, READ, IMAGES_ALONE = "N", "T", "M"


class Shortcuts:
    """Keys in the main window, none of which Slicer uses: of two that are the same, Qt obeys neither.

    The Segment Editor's own are not installed, because its Undo knows only its own strokes.

    Ctrl+Up, Ctrl+Down : previous and next slice; N : next slice to check; T : read the study, without tools
    M : images alone, without map and contours
    comma, full stop : previous and next frame; P : play and pause
    Ctrl+Z, Ctrl+Y : undo and redo; 1 to 4 : effects of the Segment Editor, Escape puts them away and ends placing
    """

    def __init__(self, panel) -> None:
        self.panel = panel
        self._shortcuts: list = []
        window = slicer.util.mainWindow()
        if window is None:
            return
        self._add(window, "Ctrl+Up", lambda: panel.study.stepSlice(-1))
        self._add(window, "Ctrl+Down", lambda: panel.study.stepSlice(1))
        self._add(window, NEXT_TO_CHECK, panel.slicesToCheck.toNext)
        self._add(window, READ, lambda: panel.ui.readingButton.toggle())
        self._add(window, IMAGES_ALONE, lambda: panel.ui.imagesAloneCheckBox.toggle())
        self._add(window, PREVIOUS_FRAME, lambda: panel.images.stepFrame(-1))
        self._add(window, NEXT_FRAME, lambda: panel.images.stepFrame(1))
        self._add(window, PLAY, lambda: panel.ui.playWidget.onVcrPlayPause())
        self._add(window, "Ctrl+Z", panel.corrections.onUndo)
        self._add(window, "Ctrl+Y", panel.corrections.onRedo)
        for key, effect in EFFECTS.items():
            self._add(window, key, partial(panel.corrections.toggleEffect, effect))
        self._add(window, "Escape", panel.putAway)

    def enable(self, on: bool) -> None:
        """The keys work only while the module is open."""
        for shortcut in self._shortcuts:
            shortcut.enabled = on

    def remove(self) -> None:
        """Give the keys back for good."""
        for shortcut in self._shortcuts:
            shortcut.enabled = False
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts.clear()

    def _add(self, window, keys: str, handler: Callable[[], None]) -> None:
        shortcut = qt.QShortcut(qt.QKeySequence(keys), window)
        shortcut.enabled = False
        shortcut.connect("activated()", handler)
        self._shortcuts.append(shortcut)
