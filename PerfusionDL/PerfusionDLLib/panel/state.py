"""What can be done now, and why something else cannot."""

from slicer.i18n import tr as _


class State:
    """Reasons that forbid something, empty where nothing does; made anew whenever the buttons are brought up to date.

    noScan, busy, idle, noContours, noFlow : reasons
    part : the slice at hand
    """

    def __init__(self, panel) -> None:
        self.part = panel.slice
        self.noScan = "" if panel.scans() else _("Load a study first.")
        self.busy = _("Wait until the running work is done, or cancel it.") if panel.work.busy else ""
        self.idle = "" if panel.work.busy else _("Nothing is running.")
        drawn = self.part is not None and self.part.hasContours
        self.noContours = "" if drawn else _("Find contours first, or draw them by hand.")
        current = panel.logic.flowIsCurrent(panel.parameters)
        self.noFlow = "" if current else _("Flow is not up to date. Press Recompute.")
