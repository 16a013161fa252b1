"""The Advanced section: an arterial input of the user, pre-bolus dose, work of the heart, thresholds, flow model."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..data.errors import PerfusionError
from .section import Section


class AdvancedSection(Section):
    """What is known beyond the images. The arterial input is that of the scan at hand; the rest is of the study."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.onClick(self.ui.inputFileButton, self.onInputFile)
        self.onClick(self.ui.inputImagesButton, self.onInputImages)
        for box, name in self._boxes():
            box.keyboardTracking = False
            box.connect("valueChanged(double)", lambda value, name=name: self.onValue(name, value))

    def _boxes(self):
        """Boxes with the parameter that each holds; 0 where it is not known."""
        return ((self.ui.rateProductSpinBox, "restRatePressureProduct"), (self.ui.doseRatioSpinBox, "doseRatio"))

    def onValue(self, name: str, value: float) -> None:
        """Keep a value of the study; the flow follows, because a parameter changed."""
        if self.panel.parameters is not None and getattr(self.panel.parameters, name) != value:
            setattr(self.panel.parameters, name, value)

    def onInputFile(self) -> None:
        """Use the arterial input in a CSV file for the scan at hand."""
        from ..aif.csv import arterial_input_from_csv

        chosen = qt.QFileDialog.getOpenFileName(
            self.panel.parent, _("Arterial input: times_s, concentration_mmol_l"), "", "CSV (*.csv)"
        )
        if not chosen:
            return
        path = Path(chosen)
        with slicer.util.tryWithErrorDisplay(_("The arterial input could not be used."), waitCursor=False):
            try:
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                problem = _("{name} cannot be read as text.").format(name=path.name)
                raise PerfusionError(problem, _("Choose a CSV file.")) from error
            self._give(arterial_input_from_csv(text, path.name))

    def onInputImages(self) -> None:
        """Measure the arterial input of the scan at hand in its images again."""
        self._give(None)

    def _give(self, curve) -> None:
        session.giveArterialInput(self._scan(), curve)
        self.panel.updates.onEntered()

    def _scan(self):
        part = self.panel.slice
        return mrml.ScanNodes(part.browser) if part is not None else None

    def updateDisplay(self) -> None:
        for box, name in self._boxes():
            wasBlocked = box.blockSignals(True)
            box.setValue(getattr(self.panel.parameters, name))
            box.blockSignals(wasBlocked)
        scan = self._scan()
        if scan is None:
            self.ui.inputSourceLabel.text = ""
            return
        given, flow = session.givenArterialInput(scan), self.panel.logic.flow
        measured = flow.ofScan(scan).arterial_input.source if flow and flow.ofScan(scan) else _("the images")
        self.ui.inputSourceLabel.text = _("{scan}, from {source}").format(
            scan=scan.condition.capitalize(), source=given.source if given else measured
        )

    def buttons(self, state):
        scan = self._scan()
        does = _("Use the curve in a CSV file, columns times_s and concentration_mmol_l, for the scan at hand.")
        yield self.ui.inputFileButton, state.noScan, does
        given = scan is not None and session.givenArterialInput(scan) is not None
        reason = state.noScan or ("" if given else _("It is measured in the images already."))
        yield self.ui.inputImagesButton, reason, _("Measure the arterial input of the scan at hand in its images.")

    def updateState(self, state) -> None:
        prebolus = any(session.hasPrebolus(nodes) for nodes in self.panel.scans())
        box = self.ui.doseRatioSpinBox
        box.enabled = prebolus
        does = _("Dose of the main bolus over that of the pre-bolus; without it the pre-bolus is not used.")
        box.toolTip = does if prebolus else _("This study has no pre-bolus.")
        self.ui.rateProductSpinBox.enabled = self.panel.parameters is not None
