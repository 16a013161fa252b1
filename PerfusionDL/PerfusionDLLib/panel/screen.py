"""The screen without tools: images and numbers over all of it."""

import time
from typing import Any

import qt
import slicer

from .drawing import Drawing

WAIT_S = 0.2
"""How long the window may take to change its size until the views are shown all the same."""

LOOK_MS = 10


class ScreenWithoutTools:
    """Images and numbers over the whole screen; what stood around them comes back afterwards.

    The views are away until the window has its new size, and then drawn one after the other: each bar that comes or
    goes would give all of them another size, and they would be drawn for each.
    """

    def __init__(self, ui) -> None:
        self._tools = [ui.studySection, ui.imagesSection, ui.correctionsSection, ui.exportSection]
        self._tools += [ui.acquisitionSection, ui.advancedSection, ui.updateCheckBox, ui.recomputeButton]
        self._bars: list[Any] = []
        self._wasFullScreen = False
        self._drawing = Drawing()
        self._former, self._until = (0, 0), 0.0
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.connect("timeout()", self._showViewsWhenResized)
        self.active = False

    def start(self) -> None:
        """Hide everything but what is read."""
        window = slicer.util.mainWindow()
        if self.active or window is None:
            return
        self.active = True
        self._bars = [bar for bar in window.findChildren("QToolBar") if bar.visible]
        self._wasFullScreen = window.isFullScreen()
        state = window.windowState() | qt.Qt.WindowFullScreen  # a large window stays one below
        self._change(window, state, visible=False)

    def stop(self) -> None:
        """Bring the tools and the window back as they were."""
        if not self.active:
            return
        self.active = False
        window = slicer.util.mainWindow()
        state = window.windowState()
        self._change(window, state if self._wasFullScreen else state & ~qt.Qt.WindowFullScreen, visible=True)

    def _change(self, window, state, *, visible: bool) -> None:
        self._drawing.hold()
        window.centralWidget().setVisible(False)
        self._former, self._until = (window.width, window.height), time.monotonic() + WAIT_S
        self._show(visible)
        window.setWindowState(state)
        self._timer.start()

    def _showViewsWhenResized(self) -> None:
        window = slicer.util.mainWindow()
        if (window.width, window.height) == self._former and time.monotonic() < self._until:
            return
        self._timer.stop()
        window.centralWidget().setVisible(True)
        qt.QTimer.singleShot(0, self._drawing.release)

    def _show(self, visible: bool) -> None:
        for widget in (*self._tools, *self._bars):
            widget.setVisible(visible)
        slicer.util.setMenuBarsVisible(visible)
        slicer.util.setStatusBarVisible(visible)
        slicer.util.setModuleHelpSectionVisible(visible)
        slicer.util.setApplicationLogoVisible(visible)
