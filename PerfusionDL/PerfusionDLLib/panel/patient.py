"""Whose study is on show: what the data tree says, else what the files said that were loaded in this session."""

from slicer.i18n import tr as _

from .. import mrml
from ..data.study import Identity
from .section import Section


class PatientSection(Section):
    """One label on top of everything.

    Whose study was read from a folder is kept here and nowhere else: a scene that is saved names nobody.
    """

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._identities: dict[str, Identity] = {}

    def identify(self, label: str, identity: Identity) -> None:
        """A study was read: remember whose it is as long as Slicer runs."""
        self._identities[label] = identity

    def updateDisplay(self) -> None:
        names = dict.fromkeys(self._nameOf(nodes) for nodes in self.panel.scans())
        text = "  |  ".join(names)
        if self.ui.patientLabel.text != text:
            self.ui.patientLabel.text = text

    def updateState(self, state) -> None:
        self.updateDisplay()

    def _nameOf(self, nodes: mrml.ScanNodes) -> str:
        known = mrml.nameOfPatient(nodes.browser.GetScene(), nodes)
        identity = self._identities.get(nodes.study)
        if not known and identity is not None:
            known = f"{identity.patient_name} ({identity.patient_id})" if identity.patient_id else identity.patient_name
        return _inWords(known) or _("Patient not named: {study}").format(
            study=nodes.study or _("study without a label")
        )


def _inWords(name: str) -> str:
    """The name of a patient as people write it, not as DICOM does."""
    return " ".join(name.replace("^", ", ", 1).replace("^", " ").split())
