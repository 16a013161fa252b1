"""From one slice to check to the next, each seen once, with a visible end."""

from collections.abc import Iterable

from slicer.i18n import tr as _

from .. import mrml
from .section import Section


class SlicesToCheck(Section):
    """Knows which slices to check were at hand, and says how many are left.

    A slice is to be checked where it has no contours, or contours with something to check.
    """

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._seen: set[tuple[str, int]] = set()
        self._isAtEnd = False  # the key was pressed after the last one

    def toNext(self) -> None:
        """Go to the next slice to check that was not seen; after the last one say so, then begin again."""
        toCheck = self._toCheck()
        if not toCheck:
            return
        unseen = [part for part in toCheck if part.key not in self._seen]
        if not unseen and not self._isAtEnd:
            self._isAtEnd = True
            self.updateDisplay()
            return
        rows = {part.key: row for row, part in enumerate(self.panel.slices())}
        row = self.ui.slicesList.currentRow
        if not unseen:
            self._seen.clear()
            unseen, row = toCheck, 0
        self._isAtEnd = False
        part = next((one for one in unseen if rows[one.key] >= row), unseen[0])
        self._seen.add(part.key)
        self.ui.slicesList.setCurrentRow(rows[part.key])
        self.updateDisplay()

    def see(self, part: mrml.SliceNodes | None) -> None:
        """The user chose a slice in the list."""
        if part is not None:
            self._isAtEnd = False
            self._seen.add(part.key)

    def forget(self, slices: Iterable[mrml.SliceNodes]) -> None:
        """These slices have new contours, which nobody has seen."""
        self._seen -= {part.key for part in slices}

    def forgetAll(self) -> None:
        """The scene is about to go."""
        self._seen.clear()

    def _toCheck(self) -> list[mrml.SliceNodes]:
        return [part for part in self.panel.slices() if self.panel.logic.needsCheck(part)]

    def updateDisplay(self) -> None:
        self.ui.checkLabel.text = self._said()

    def updateState(self, state) -> None:
        self.updateDisplay()

    def _said(self) -> str:
        if not any(part.hasContours for part in self.panel.slices()):
            return ""
        toCheck = self._toCheck()
        if not toCheck:
            return _("No slice to check.")
        left = [part for part in toCheck if part.key not in self._seen]
        if not left and self._isAtEnd:
            return _("All slices to check seen ({count}). N begins again.").format(count=len(toCheck))
        at = next((part for part in toCheck if self.panel.slice and part.key == self.panel.slice.key), None)
        if at is None or at.key not in self._seen:
            if not left:
                return _("All slices to check seen ({count}).").format(count=len(toCheck))
            return _("Slices to check: {left} of {count}. Press N.").format(left=len(left), count=len(toCheck))
        return _("To check, slice {number} of {count}. {slice}. {next}").format(
            number=len(toCheck) - len(left),
            count=len(toCheck),
            slice=self.panel.logic.describe(at).rstrip("."),
            next=_("N: next.") if left else _("It is the last one."),
        )
