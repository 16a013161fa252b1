"""Draws each view once when a result was written, instead of several times meanwhile."""

import time
from typing import Any

import qt
import slicer

from ..mrml.layouts import BULLSEYE_VIEWS, IMAGE_VIEWS, RESERVE_VIEW

LONGEST_HOLD_S = 0.5
"""How long views stay as they are; chosen: a correction is written in less, and longer work must not freeze them."""


class Drawing:
    """Holds our slice views while nodes are written, and lets them be drawn one after the other.

    A view that has been asked to be drawn and has not had its turn draws itself at the next change of a node, at
    every one of them, before that change is done.
    """

    def __init__(self) -> None:
        self._held: list[Any] = []
        self._until = 0.0
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._releaseOne)

    def hold(self) -> None:
        """Nodes are about to be written."""
        self._until = time.monotonic() + LONGEST_HOLD_S
        self._timer.stop()
        manager = slicer.app.layoutManager()
        for name in (*BULLSEYE_VIEWS, RESERVE_VIEW, *IMAGE_VIEWS):
            widget = manager.sliceWidget(name) if manager else None
            view = widget.sliceView() if widget else None
            if view and view not in self._held:
                view.pauseRender()
                self._held.append(view)

    def releaseWhenLong(self) -> None:
        """A piece was written: views that were held for long get their turn."""
        if self._held and time.monotonic() > self._until:
            self.release()

    def release(self) -> None:
        """What was written is to be seen: one view with each turn of the event loop, and the user is heard between."""
        if self._held:
            self._timer.start()

    def _releaseOne(self) -> None:
        if self._held:
            self._held.pop(0).resumeRender()
        if not self._held:
            self._timer.stop()
