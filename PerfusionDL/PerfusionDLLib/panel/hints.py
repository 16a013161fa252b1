"""Hints: say what is under the mouse, and the contours follow; each click is a correction of its own."""

from typing import Any

import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..data.contours import Label
from ..preprocessing.hints import HintMemory
from .section import Section


class HintsSection(Section):
    """Three buttons, of which one at most is down; while it is, a click in a slice is a hint."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._memory = HintMemory()
        self._buttons: dict[Label, Any] = {
            Label.BLOOD_POOL: self.ui.hintBloodButton,
            Label.MYOCARDIUM: self.ui.hintWallButton,
            Label.BACKGROUND: self.ui.hintOutsideButton,
        }
        for label, button in self._buttons.items():
            button.connect("toggled(bool)", lambda down, label=label: self.onToggled(label, down))

    @property
    def label(self) -> Label | None:
        """What a click says, None where it is no hint."""
        return next((label for label, button in self._buttons.items() if button.checked), None)

    def putAway(self) -> None:
        """A click is no hint any more."""
        for button in self._buttons.values():
            button.checked = False

    def onToggled(self, label: Label, down: bool) -> None:
        """Take up one kind of hint; the tools of the Segment Editor are put away."""
        if down:
            for other, button in self._buttons.items():
                if other is not label:
                    button.checked = False
            self.panel.corrections.putAway()
            self.panel.images.showDrawn()
            self.panel.showStatus(_("Click in the middle of what is wrong. Escape ends it."))
        elif self.label is None:
            self.panel.showStatus("")

    def follow(self, sliceNode, ras_mm) -> None:
        """A click in a view: the contours of its slice follow."""
        part = session.sliceIn(self.panel.scans(), sliceNode)
        if part is None or not part.hasContours or self.label is None:
            return
        self.panel.updates.settle()
        reader = self.panel.logic.reader(mrml.ScanNodes(part.browser))
        with slicer.util.tryWithErrorDisplay(_("The contours could not follow."), waitCursor=False):
            session.giveHint(reader, part, ras_mm, self.label, self._memory)
        self.panel.updates.settle()
        self.panel.updateButtons()

    def buttons(self, state):
        does = {
            Label.BLOOD_POOL: _("Click on blood or papillary muscle that the cavity misses."),
            Label.MYOCARDIUM: _("Click on wall that lies in the cavity or outside the epicardium."),
            Label.BACKGROUND: _("Click beside the heart on what the epicardium holds wrongly."),
        }
        for label, button in self._buttons.items():
            yield button, state.noContours, does[label]
