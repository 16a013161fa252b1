"""How the views are arranged and what stands around them: the layout that the user chose last."""

from collections.abc import Iterator

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml
from ..mrml.layouts import BULLSEYE_VIEWS, IMAGE_VIEWS, RESERVE_VIEW

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
        mrml.Layout.MAPS_BESIDE: _("Maps beside images"),
    }


def chosenLayout() -> mrml.Layout:
    """The layout that the user chose last, in this or a former session; by default one that fits the screen."""
    known = qt.QSettings().value(LAYOUT_SETTING)
    if known in set(mrml.Layout):
        return mrml.Layout(known)
    window = slicer.util.mainWindow()  # which may be wider than the screen, or be made larger later
    width_px = window.screen().availableGeometry.width() if window else LAPTOP_WIDTH_PX
    return mrml.Layout.LAPTOP if width_px < LAPTOP_WIDTH_PX else mrml.Layout.WIDE


def rememberLayout(layout: mrml.Layout) -> None:
    """Keep the choice for later sessions."""
    qt.QSettings().setValue(LAYOUT_SETTING, str(layout))


def createViews(scans: int) -> Iterator[None]:
    """Make the views of the chosen layout that are not there yet, one at a time.

    Each is tidy before the layout opens: with their sliders the views would make the window wider than a laptop.
    """
    for _name in mrml.createViews(slicer.mrmlScene, chosenLayout(), scans) if scans else ():
        tidyViews()
        yield


def tidyViews() -> set[str]:
    """Take the slider out of the bar above our views, and the names of the images out of their corners.

    A slice has one plane, and the bar would ask for the width of the slider. The bar says what a view shows; in small
    views the names are cut and lie over the heart or the scale.
    Returns the names of the views that are there.
    """
    shown = set()
    manager = slicer.app.layoutManager()
    for name in (*IMAGE_VIEWS, *BULLSEYE_VIEWS, RESERVE_VIEW):
        widget = manager.sliceWidget(name) if manager else None
        if widget:
            widget.sliceController().sliceOffsetSlider().setVisible(False)
            widget.sliceView().cornerAnnotation().SetVisibility(False)
            shown.add(name)
    return shown


def showDataProbe(visible: bool) -> None:
    """Hide Slicer's data probe while the module is open, or show it again.

    Its text makes the panel wider whenever the mouse passes a view, so that the heart moves away from under the mouse;
    the panel reads the flow itself.
    """
    slicer.util.setDataProbeVisible(visible)
