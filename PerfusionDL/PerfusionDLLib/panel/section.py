"""What all sections of the panel have in common."""

from collections.abc import Callable, Iterator
from typing import Any

from .state import State


class Section:
    """Looks after the widgets of one section; everything shared is the panel's."""

    def __init__(self, panel) -> None:
        self.panel, self.ui = panel, panel.ui

    def onClick(self, button: Any, handler: Callable[[], None]) -> None:
        """Call a function without arguments when a button is pressed."""
        button.connect("clicked(bool)", lambda checked=False: handler())

    def nameParts(self, widget: Any, name: str) -> None:
        """Give a widget that is made of others a name for screen readers: it is its parts that have the focus."""
        for kind in ("QComboBox", "QAbstractSlider", "QAbstractSpinBox"):
            for part in widget.findChildren(kind):
                part.setAccessibleName(name)

    def buttons(self, state: State) -> Iterator[tuple[Any, str, str]]:
        """Each button with the reason why it cannot be pressed, empty where it can, and what it does."""
        return iter(())

    def updateState(self, state: State) -> None:
        """Show what is so now, besides the buttons."""

    def updateDisplay(self) -> None:
        """Show the chosen scans and the slice at hand."""
