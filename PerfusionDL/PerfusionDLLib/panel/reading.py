"""From a loaded study to its numbers: one button does what is missing, then shows images and numbers alone."""

from slicer.i18n import tr as _

from .screen import ScreenWithoutTools
from .section import Section


class Reading(Section):
    """The button *Read this study*, and the screen without tools.

    isAwaited : the button was pressed, and what is missing is being found and computed
    """

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.isAwaited = False
        self._searched: set[tuple[str, int]] = set()
        self._screen = ScreenWithoutTools(self.ui)
        self.ui.readingButton.connect("toggled(bool)", self.onToggled)

    def onToggled(self, down: bool) -> None:
        """Images and numbers alone, as soon as there are numbers; or the tools again."""
        if not down:
            self._screen.stop()
        elif not self.panel.scans():
            self._release()
            self.panel.study.onLoadStudy()
        elif self.panel.logic.flowIsCurrent(self.panel.parameters):
            self.panel.putAway()
            self._screen.start()
        else:
            self._begin()
        self.panel.updateButtons()

    def _begin(self) -> None:
        """Find the contours that nobody looked for yet, and compute the flow; `onFlow` shows the numbers then."""
        self._release()
        self.isAwaited = True
        panel = self.panel
        if panel.work.busy:
            return
        missing = [part for part in panel.slices() if not part.hasContours and part.key not in self._searched]
        if not missing:
            panel.updates.recomputeIfWanted()
            return
        panel.study.findContours(missing)
        if not panel.work.busy:  # there are no networks, or the user does not want them
            self.giveUp()

    def keepNotFound(self) -> None:
        """In slices that have no contours after a search there are none to be found: a reading goes on without them."""
        self._searched |= {part.key for part in self.panel.slices() if not part.hasContours}

    @property
    def isVain(self) -> bool:
        """Whether all slices were searched and no heart was found."""
        slices = self.panel.slices()
        return bool(slices) and all(part.key in self._searched for part in slices)

    def onFlow(self) -> None:
        """The numbers are there, and perhaps the user waits for them."""
        if self.isAwaited:
            self.isAwaited = False
            self.ui.readingButton.checked = True

    def giveUp(self) -> None:
        """The user canceled, or there was a problem: the tools stay."""
        self.isAwaited = False

    def stop(self) -> None:
        """Bring the tools back."""
        self.giveUp()
        self.ui.readingButton.checked = False

    def close(self) -> None:
        """The scene is about to go."""
        self.giveUp()
        self._searched.clear()

    def _release(self) -> None:
        """The button is down only while the tools are away."""
        wasBlocked = self.ui.readingButton.blockSignals(True)
        self.ui.readingButton.checked = False
        self.ui.readingButton.blockSignals(wasBlocked)

    def buttons(self, state):
        does = _("Find contours and compute flow where they are missing, then show images and numbers without tools.")
        if state.noScan:
            does = _("Load the perfusion study in a folder of DICOM files.")
        reason = state.busy if self.isAwaited or state.noScan else ""
        yield self.ui.readingButton, "" if self.ui.readingButton.checked else reason, does

    def updateState(self, state) -> None:
        if state.noScan:
            self.ui.readingButton.text = _("Load study...")
        elif self.ui.readingButton.checked:
            self.ui.readingButton.text = _("Back to the tools (T)")
        else:
            self.ui.readingButton.text = _("Read this study (T)")
