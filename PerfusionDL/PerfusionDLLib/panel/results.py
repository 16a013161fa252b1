"""The Results section: the table of segments, and what leaves the program."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .dependencies import ensureMatplotlib
from .section import Section


class ResultsSection(Section):
    """Shows the numbers and gives them away; only those that are up to date."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.onClick(self.ui.recomputeButton, panel.recompute)
        self.onClick(self.ui.exportTableButton, self.onExportTable)
        self.onClick(self.ui.copyTableButton, self.onCopyTable)
        self.onClick(self.ui.exportReportButton, self.onExportReport)

    def onExportTable(self) -> None:
        """Save the segment table as CSV."""
        path = qt.QFileDialog.getSaveFileName(self.panel.parent, _("Save table"), "segments.csv", "CSV (*.csv)")
        if path:
            with slicer.util.tryWithErrorDisplay(_("The table could not be saved."), waitCursor=True):
                Path(path).write_text(self.panel.logic.tableText(), encoding="utf-8")

    def onCopyTable(self) -> None:
        """Copy the segment table, to paste it into a report or a spreadsheet."""
        slicer.app.clipboard().setText(self.panel.logic.tableText(separator="\t"))

    def onExportReport(self) -> None:
        """Save the report as PDF."""
        path = qt.QFileDialog.getSaveFileName(self.panel.parent, _("Save report"), "report.pdf", "PDF (*.pdf)")
        if path:
            with slicer.util.tryWithErrorDisplay(_("The report could not be saved."), waitCursor=True):
                ensureMatplotlib(self.panel.resourcePath("requirements.txt"))
                self.panel.logic.writeReport(Path(path))

    def updateDisplay(self) -> None:
        self.ui.tableView.setMRMLTableNode(self.panel.parameters.segmentTable)

    def buttons(self, state):
        ui, noFlow = self.ui, state.noFlow
        recompute = _("Compute flow from the contours as they are now.")
        yield ui.recomputeButton, state.noContours or state.busy, recompute
        yield ui.exportTableButton, noFlow, _("Save the table of segments as CSV.")
        yield ui.copyTableButton, noFlow, _("Copy the table of segments.")
        yield ui.exportReportButton, noFlow, _("Save the report as PDF.")
