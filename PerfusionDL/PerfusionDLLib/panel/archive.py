"""What of the archived results is not as on show, said as long as it is so."""

from collections.abc import Sequence

from .. import mrml, session
from .section import Section


class ArchiveSection(Section):
    """One label below the button, which is not there while there is nothing to say."""

    def updateDisplay(self) -> None:
        scans = self.panel.scans()
        text = "\n".join(self._lines(scans)) if session.isFromArchive(scans) else ""
        if self.ui.archiveLabel.text != text:
            self.ui.archiveLabel.text = text
        self.ui.archiveLabel.visible = bool(text)

    def updateState(self, state) -> None:
        self.updateDisplay()

    def _lines(self, scans: Sequence[mrml.ScanNodes]) -> tuple[str, ...]:
        logic, parameters = self.panel.logic, self.panel.parameters
        archived = session.archivedChoices(scans)
        asArchived = archived is None or archived == logic.choices(parameters)
        flow = self.panel.flow if logic.flowIsCurrent(parameters) else None
        return session.describeArchive(scans, flow, isAsArchived=asArchived)
