"""The Results section: the table of segments."""

from slicer.i18n import tr as _

from .section import Section


class ResultsSection(Section):
    """Shows the numbers."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.onClick(self.ui.recomputeButton, panel.recompute)

    def updateDisplay(self) -> None:
        self.ui.tableView.setMRMLTableNode(self.panel.parameters.segmentTable)
        self.ui.tableView.resizeColumnsToContents()

    def buttons(self, state):
        does = _("Compute flow from the contours as they are now.")
        yield self.ui.recomputeButton, state.noContours or state.busy, does
