"""The Images section: cine, images as acquired or in one pose, the map over them, the views."""

import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..mrml.layouts import OWN_ROWS
from .arrangement import chosenLayout, layoutNames, rememberLayout
from .section import Section
from .shortcuts import NEXT_FRAME, PLAY, PREVIOUS_FRAME

VIEWS_OF_A_SCAN = len(OWN_ROWS[0])


class ImagesSection(Section):
    """What the views show."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.ui.imagesAloneCheckBox.connect("toggled(bool)", lambda checked: self.updateDisplay())
        self.onClick(self.ui.arrangeViewsButton, self.onArrangeViews)
        selector = self.ui.layoutSelector
        selector.addItems(list(layoutNames().values()))
        self.showLayout()
        selector.connect("currentIndexChanged(int)", self.onLayout)
        self._nameKeys()
        self.nameParts(self.ui.mapOpacitySlider, _("Opacity of the flow map"))

    @property
    def whatHasNoView(self) -> str:
        """That a study has more slices than a layout of all slices has views, and where they are seen; else nothing."""
        count = max((len(nodes.slices) for nodes in self.panel.scans()), default=0)
        if count <= VIEWS_OF_A_SCAN:
            return ""
        return _("Views show the first {views} of {count} slices; One slice large shows each.").format(
            views=VIEWS_OF_A_SCAN, count=count
        )

    def showLayout(self) -> None:
        """Name the layout that the views are arranged in; without a choice it depends on the size of the window."""
        selector = self.ui.layoutSelector
        wasBlocked = selector.blockSignals(True)
        selector.setCurrentText(layoutNames()[chosenLayout()])
        selector.blockSignals(wasBlocked)

    def onLayout(self, index: int) -> None:
        """Arrange the views another way, and remember it."""
        rememberLayout(list(layoutNames())[index])
        self.panel.prepareViews(self.onArrangeViews, scans=len(self.panel.scans()))

    def _nameKeys(self) -> None:
        """Name the keys of the module on the buttons of the cine, and leave its own to the Sequences toolbar."""
        play = self.ui.playWidget
        play.PreviousFrameShortcut, play.NextFrameShortcut, play.PlayPauseShortcut = PREVIOUS_FRAME, NEXT_FRAME, PLAY
        for child in play.children():
            if child.className() == "QShortcut":
                child.enabled = False

    def onArrangeViews(self) -> None:
        """Every slice in its view again, centered on the heart."""
        self.panel.showScans()
        self.panel.updateDisplay()

    def showDrawn(self) -> None:
        """Show the contours again: the user takes up a tool for them."""
        self.ui.imagesAloneCheckBox.checked = False

    def stepFrame(self, frames: int) -> None:
        """Show an earlier or a later frame."""
        if self.panel.slice is not None:
            self.panel.slice.browser.SelectNextItem(frames)

    def updateDisplay(self) -> None:
        panel, parameters = self.panel, self.panel.parameters
        if parameters is None:
            return
        drawn = not self.ui.imagesAloneCheckBox.checked
        mrml.showOnlyScans(slicer.mrmlScene, panel.scans(), drawn=drawn)
        opacity = parameters.mapOpacity if drawn else 0.0
        mrml.chooseImages(slicer.mrmlScene, panel.scans(), original=parameters.showOriginal, mapOpacity=opacity)
        if panel.slice is not None:
            mrml.showLargeSlice(slicer.mrmlScene, panel.scans(), panel.slice.number)
            self.ui.playWidget.setMRMLSequenceBrowserNode(panel.slice.browser)
            isPicked = panel.pick is not None and panel.flow is not None and session.isThere(panel.pick, panel.flow)
            if not isPicked:  # else the curve that was clicked stays
                mrml.showChart(slicer.mrmlScene, panel.slice.chart)

    def buttons(self, state):
        does = _("Show every slice, the bullseyes and the curves again, each centered on the heart.")
        yield self.ui.arrangeViewsButton, state.noScan, does
