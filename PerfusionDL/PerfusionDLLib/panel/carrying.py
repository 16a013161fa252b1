"""Carry over: slices that nobody has corrected follow the correction of the one at hand; a step of Undo."""

import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from .section import Section


class CarryingSection(Section):
    """One button."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.onClick(self.ui.carryOverButton, self.onCarryOver)

    def onCarryOver(self) -> None:
        """Let the slices beside this one and the same slice of the other scan follow its correction."""
        self.panel.updates.settle()
        readers = [self.panel.logic.reader(mrml.ScanNodes(scan.browser)) for scan in self.panel.scans()]
        followed = None
        with slicer.util.tryWithErrorDisplay(_("The correction could not be carried over."), waitCursor=False):
            followed = session.carryCorrectionOver(readers, self.panel.slice)
        self.panel.updates.settle()
        self.panel.updateButtons()
        if followed is not None:
            self.panel.updates.remark(_("Slices that followed: {count}.").format(count=len(followed)))

    def buttons(self, state):
        does = _("Slices beside this one, and the same slice of the other scan, follow its correction.")
        yield self.ui.carryOverButton, state.noContours, does
