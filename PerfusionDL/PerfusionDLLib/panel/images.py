"""The Images section: cine, images as acquired or in one pose, the map over them."""

import slicer

from .. import mrml
from .section import Section


class ImagesSection(Section):
    """What the views show."""

    def updateDisplay(self) -> None:
        panel, parameters = self.panel, self.panel.parameters
        mrml.chooseImages(
            slicer.mrmlScene, panel.scans(), original=parameters.showOriginal, mapOpacity=parameters.mapOpacity
        )
        if panel.slice is not None:
            self.ui.playWidget.setMRMLSequenceBrowserNode(panel.slice.browser)
            mrml.showChart(slicer.mrmlScene, panel.slice.chart)
