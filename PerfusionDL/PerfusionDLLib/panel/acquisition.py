"""The Acquisition section: what the scanner did, where each value comes from, and what the user knows better."""

import slicer
from slicer.i18n import tr as _

from .. import mrml
from ..data.acquisition import PLAUSIBLE
from .section import Section

FIELDS = {
    "saturation_time_s": ("saturationTime", 1000),
    "repetition_time_s": ("repetitionTime", 1000),
    "flip_angle_deg": ("flipAngle", 1),
    "pulses_to_center": ("pulsesToCenter", 1),
    "relaxivity_l_mmol_s": ("relaxivity", 1),
    "t10_blood_s": ("t1Blood", 1000),
    "t10_myocardium_s": ("t1Myocardium", 1000),
    "hematocrit": ("hematocrit", 1),
}
"""Field of `Acquisition`, the name of its widgets and how many of their units make one of its own."""

OF_THE_PATIENT = {"relaxivity_l_mmol_s", "contrast_agent", "t10_blood_s", "t10_myocardium_s", "hematocrit"}
"""Values that rest and stress share; the others are of one scan."""


class AcquisitionSection(Section):
    """Shows the values of the scan at hand; what is entered holds for all its slices."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        for field, (name, factor) in FIELDS.items():
            box = self._box(name)
            if field in PLAUSIBLE:
                low, high, _unit = PLAUSIBLE[field]
                box.setRange(low * factor, high * factor)
            box.keyboardTracking = False
            box.connect("valueChanged(double)", self._enter(field, factor))
        self.ui.agentSelector.connect("currentTextChanged(QString)", self.onAgent)
        self.onClick(self.ui.restoreAcquisitionButton, self.onRestore)

    def _enter(self, field: str, factor: float):
        """What to do with a new value of a box."""
        return lambda value: self.onEntered(**{field: value / factor})

    def onEntered(self, **values) -> None:
        """Keep what was entered and let the flow follow."""
        if self._known() is None:
            return
        shared = values.keys() <= OF_THE_PATIENT
        scans = self.panel.scans() if shared else (mrml.ScanNodes(self.panel.slice.browser),)
        rounded = {name: type(getattr(self._known(), name))(value) for name, value in values.items()}
        self.panel.updates.settle()
        with slicer.util.tryWithErrorDisplay(_("The value could not be used."), waitCursor=False):
            if any([mrml.enterAcquisition(nodes, **rounded) for nodes in scans]):
                self.panel.updates.onEntered()

    def onAgent(self, agent: str) -> None:
        """Another contrast agent has another relaxivity."""
        from ..dicom.read.agents import AGENTS, relaxivity_l_mmol_s

        known = self._known()
        if known is None or agent not in AGENTS:
            return
        relaxivity = relaxivity_l_mmol_s(agent, known.field_strength_t)
        self.onEntered(contrast_agent=agent, relaxivity_l_mmol_s=relaxivity)

    def onRestore(self) -> None:
        """Bring back what was read from the study."""
        self.panel.updates.settle()
        if any([mrml.restoreAcquisition(nodes) for nodes in self.panel.scans()]):
            self.panel.updates.onEntered()

    def updateDisplay(self) -> None:
        known = self._known()
        if known is None:
            return
        condition = mrml.ScanNodes(self.panel.slice.browser).condition
        self.ui.acquisitionScanLabel.text = _("Values of the {condition} scan").format(condition=condition)
        for field, (name, factor) in FIELDS.items():
            box = self._box(name)
            wasBlocked = box.blockSignals(True)
            box.setValue(getattr(known, field) * factor)
            box.blockSignals(wasBlocked)
            getattr(self.ui, f"{name}SourceLabel").text = self._source(known, field)
        selector = self.ui.agentSelector
        wasBlocked = selector.blockSignals(True)
        selector.setCurrentText(known.contrast_agent)
        selector.blockSignals(wasBlocked)
        self.ui.agentSourceLabel.text = self._source(known, "contrast_agent")

    def buttons(self, state):
        entered = self._known() is not None and self._known().entered
        reason = state.noScan or ("" if entered else _("Nothing was entered."))
        yield self.ui.restoreAcquisitionButton, reason, _("Bring back the values that were read from the study.")

    def updateState(self, state) -> None:
        for widget in (self.ui.agentSelector, *(self._box(name) for name, _factor in FIELDS.values())):
            widget.enabled = self._known() is not None

    def _known(self):
        part = self.panel.slice
        return mrml.readAcquisition(part) if part is not None and part.original else None

    def _box(self, name: str):
        return getattr(self.ui, f"{name}SpinBox")

    def _source(self, known, field: str) -> str:
        isDicom = self.panel.slice.original.GetAttribute("DICOM.instanceUIDs")
        words = {
            mrml.Source.HEADER: _("from DICOM") if isDicom else _("given"),
            mrml.Source.DEFAULT: _("default"),
            mrml.Source.ENTERED: _("entered"),
        }
        return words[mrml.sourceOf(known, field)]
