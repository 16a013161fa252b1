"""The Export section: what leaves the program, and only when it is up to date."""

from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .. import session
from ..data.errors import PerfusionError
from ..session.tasks import Task
from .dependencies import ensureMatplotlib
from .section import Section

DICOM_FOLDER = "PerfusionDL_DICOM"
RESULTS_FOLDER = "PerfusionDL_results"
AGREEMENT_FOLDER = "PerfusionDL_agreement"
RESULTS_STEPS = 5
TABLE_KINDS = "Excel workbook (*.xlsx);;CSV (*.csv);;JSON (*.json)"


class ExportSection(Section):
    """Table, report, DICOM objects, the results folder, and how far automatic and corrected agree."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.onClick(self.ui.exportTableButton, self.onExportTable)
        self.onClick(self.ui.copyTableButton, self.onCopyTable)
        self.onClick(self.ui.exportReportButton, self.onExportReport)
        self.onClick(self.ui.exportDicomButton, self.onExportDicom)
        self.onClick(self.ui.exportResultsButton, self.onExportResults)
        self.onClick(self.ui.agreementButton, self.onAgreement)

    def onExportTable(self) -> None:
        """Save the segment table as a workbook, which Excel opens in any language, as CSV or as JSON."""
        path = self._fileName(_("Save table"), "table.xlsx", TABLE_KINDS)
        if path:
            with slicer.util.tryWithErrorDisplay(_("The table could not be saved."), waitCursor=True):
                session.exportTable(path, self.panel.logic.flow)
                self._saved(path)

    def onCopyTable(self) -> None:
        """Copy the segment table, to paste it into a report or a spreadsheet."""
        slicer.app.clipboard().setText(self.panel.logic.tableText(separator="\t"))
        self.panel.showStatus(_("The table is on the clipboard."))

    def onExportReport(self) -> None:
        """Save the report as PDF."""
        path = self._fileName(_("Save report"), "report.pdf", "PDF (*.pdf)")
        if path is None:
            return
        with slicer.util.tryWithErrorDisplay(_("The report could not be saved."), waitCursor=False):
            ensureMatplotlib(self.panel.resourcePath("requirements.txt"))
            flow, comment = self.panel.logic.flow, self.panel.parameters.comment

            def compute(progress):
                progress(_("report"))
                session.exportReport(path, flow, comment=comment)
                return path

            self.panel.updates.start(Task(_("Save report"), compute, lambda written: written, 1), self._onSaved)

    def onExportDicom(self) -> None:
        """Write contours, flow, table and report as DICOM objects of the patient's study into a new folder."""
        with slicer.util.tryWithErrorDisplay(_("The DICOM objects could not be written."), waitCursor=False):
            flow, deIdentify = self.panel.logic.flow, self.ui.deIdentifyCheckBox.checked
            comment = self.panel.parameters.comment
            sources = self._images(session.imagesOfFlow(flow))
            folder = self._newFolder(_("Folder to write the DICOM objects into"), DICOM_FOLDER) if sources else None
            if folder is None:
                return
            if not deIdentify:
                ensureMatplotlib(self.panel.resourcePath("requirements.txt"))

            former = session.archivedReport(flow)

            def compute(progress):
                return session.exportDicom(
                    folder, flow, sources, comment=comment, deIdentify=deIdentify, former=former, progress=progress
                )

            def write(files):
                if not deIdentify:
                    session.rememberReport(flow, files)
                return files

            self.panel.updates.start(Task(_("Write DICOM objects"), compute, write, 3), self._onWritten)

    def onExportResults(self) -> None:
        """Write the results folder that `perfusiondl export` writes, to go on with on the command line."""
        with slicer.util.tryWithErrorDisplay(_("The results could not be written."), waitCursor=False):
            ensureMatplotlib(self.panel.resourcePath("requirements.txt"))
            folder = self._newFolder(_("Folder to write the results into"), RESULTS_FOLDER)
            if folder is None:
                return
            flow = self.panel.logic.flow

            def compute(progress):
                session.exportResults(folder, flow, progress=progress)
                return folder

            task = Task(_("Write results"), compute, lambda written: written, RESULTS_STEPS)
            self.panel.updates.start(task, self._onSaved)

    def onAgreement(self) -> None:
        """Compare the automatic contours of the study and their flow with the corrected ones."""
        with slicer.util.tryWithErrorDisplay(_("The agreement could not be computed."), waitCursor=False):
            ensureMatplotlib(self.panel.resourcePath("requirements.txt"))
            folder = self._newFolder(_("Folder to write the agreement into"), AGREEMENT_FOLDER)
            if folder is not None:
                logic = self.panel.logic
                self.panel.updates.start(session.agreementTask(folder, logic.flow, logic.cache), self._onAgreement)

    def _onSaved(self, path: Path) -> None:
        self._saved(path)
        self.panel.updateButtons()

    def _onAgreement(self, written: session.WrittenAgreement) -> None:
        said = [
            _("Automatic against corrected: {figures}.").format(figures=written.figures),
            _("One patient has no intervals."),
            _("Saved: {path}").format(path=written.folder),
        ]
        if written.leftOut:
            said.insert(1, _("Drawn by hand and left out: {count} slices.").format(count=written.leftOut))
        self.panel.showStatus(" ".join(said))
        self.panel.updateButtons()

    def _newFolder(self, title: str, name: str) -> Path | None:
        """A folder that is not there yet, in one that the user chooses: what was written before is kept."""
        parent = qt.QFileDialog.getExistingDirectory(self.panel.parent, title)
        if not parent:
            return None
        names = chain([name], (f"{name}_{number}" for number in count(2)))
        return next(folder for folder in (Path(parent) / one for one in names) if not folder.exists())

    def _onWritten(self, files: Sequence[Path]) -> None:
        self._onSaved(files[0].parent)

    def _images(self, uids: Sequence[str]) -> list[Path]:
        """The images that the study came from: from the DICOM database, else from a folder that the user names."""
        if not uids:
            raise PerfusionError(
                _("This study did not come from DICOM."), _("Save the table or the report, which need no images.")
            )
        database = getattr(slicer, "dicomDatabase", None)
        files = [database.fileForInstance(uid) for uid in uids] if database and database.isOpen else []
        if files and all(files):
            return [Path(file) for file in files]
        known = self.panel.study.folder
        folder = known or qt.QFileDialog.getExistingDirectory(
            self.panel.parent, _("Folder with the DICOM images of this study")
        )
        return [Path(folder)] if folder else []

    def _fileName(self, title: str, name: str, kind: str) -> Path | None:
        chosen = qt.QFileDialog.getSaveFileName(self.panel.parent, title, name, kind)
        return Path(chosen) if chosen else None

    def _saved(self, path: Path) -> None:
        self.panel.showStatus(_("Saved: {path}").format(path=path))

    def buttons(self, state):
        ui, noFlow = self.ui, state.noFlow
        yield ui.exportTableButton, noFlow, _("Save the table of segments as Excel workbook, CSV or JSON.")
        yield ui.copyTableButton, noFlow, _("Copy the table of segments.")
        yield ui.exportReportButton, noFlow or state.busy, _("Save the report as PDF.")
        dicom = _("Write contours, flow maps, table and report as DICOM objects of the patient's study.")
        yield ui.exportDicomButton, noFlow or state.busy, dicom
        results = _("Write the folder of results that the command line writes, to go on with `perfusiondl agree`.")
        yield ui.exportResultsButton, noFlow or state.busy, results
        agreement = _("Compare the automatic contours and their flow with the corrected ones: tables and a report.")
        nothing = noFlow or state.busy or session.whyNoAgreement(self.panel.logic.flow)
        yield ui.agreementButton, nothing, agreement
