"""How the views are arranged and what stands around them: the layout that the user chose last, and reading alone."""

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml
from ..mrml.layouts import BULLSEYE_VIEWS, LARGE_VIEWS, OWN_ROWS, RESERVE_VIEW

LAYOUT_SETTING = "PerfusionDL/Layout"
LAPTOP_WIDTH_PX = 1600
"""Screen width below which the layout for laptops is the first choice; chosen: the wide one needs four large views."""

PANEL_WIDTH_PX = 430
"""Of the panel, whatever tools are shown, so that the heart stays under the mouse; chosen: the table fits."""


def layoutNames() -> dict[mrml.Layout, str]:
    """What the layouts are called."""
    return {
        mrml.Layout.WIDE: _("All slices, curves below"),
        mrml.Layout.LAPTOP: _("All slices, for a small screen"),
        mrml.Layout.ONE_SLICE: _("One slice large"),
    }


def chosenLayout() -> mrml.Layout:
    """The layout that the user chose last, in this or a former session; by default one that fits the screen."""
    known = qt.QSettings().value(LAYOUT_SETTING)
    if known in set(mrml.Layout):
        return mrml.Layout(known)
    window = slicer.util.mainWindow()
    return mrml.Layout.LAPTOP if window and window.width < LAPTOP_WIDTH_PX else mrml.Layout.WIDE


def rememberLayout(layout: mrml.Layout) -> None:
    """Keep the choice for later sessions."""
    qt.QSettings().setValue(LAYOUT_SETTING, str(layout))


def tidyViews() -> set[str]:
    """Take the slider out of the bar above our views, and the name of the image out of the bullseyes.

    A slice has one plane, and the bar would ask for the width of the slider; the name would overprint the scale.
    Returns the names of the views that are there.
    """
    shown = set()
    manager = slicer.app.layoutManager()
    for name in (*sum(OWN_ROWS, ()), *LARGE_VIEWS, *BULLSEYE_VIEWS, RESERVE_VIEW):
        widget = manager.sliceWidget(name) if manager else None
        if widget:
            widget.sliceController().sliceOffsetSlider().setVisible(False)
            if name in (*BULLSEYE_VIEWS, RESERVE_VIEW):
                widget.sliceView().cornerAnnotation().SetVisibility(False)
            shown.add(name)
    return shown


def showDataProbe(visible: bool) -> None:
    """Hide Slicer's data probe while the module is open, or show it again.

    Its text makes the panel wider whenever the mouse passes a view, so that the heart moves away from under the mouse;
    the panel reads the flow itself.
    """
    slicer.util.setDataProbeVisible(visible)


class Reading:
    """Images and numbers over the whole screen, without tools; what stood around them comes back afterwards."""

    def __init__(self, ui) -> None:
        self._tools = [ui.scansWidget, ui.imagesSection, ui.correctionsSection, ui.exportSection]
        self._tools += [ui.acquisitionSection, ui.advancedSection]
        self._bars: list[Any] = []
        self._wasFullScreen = False
        self.active = False

    def start(self) -> None:
        """Hide everything but what is read."""
        window = slicer.util.mainWindow()
        if self.active or window is None:
            return
        self.active = True
        self._bars = [bar for bar in window.findChildren("QToolBar") if bar.visible]
        self._show(False)
        self._wasFullScreen = window.isFullScreen()
        window.showFullScreen()

    def stop(self) -> None:
        """Bring the tools and the window back as they were."""
        if not self.active:
            return
        self.active = False
        self._show(True)
        if not self._wasFullScreen:
            slicer.util.mainWindow().showMaximized()

    def _show(self, visible: bool) -> None:
        for widget in (*self._tools, *self._bars):
            widget.setVisible(visible)
        slicer.util.setMenuBarsVisible(visible)
        slicer.util.setStatusBarVisible(visible)
        slicer.util.setModuleHelpSectionVisible(visible)
        slicer.util.setApplicationLogoVisible(visible)
