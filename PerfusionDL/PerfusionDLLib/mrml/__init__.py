"""The door to MRML: values into the nodes of a scene and back, in Slicer and without it.

Functions take the scene explicitly: `slicer.mrmlScene` in Slicer, `HeadlessScene().scene` elsewhere. No Qt.
"""

from .acquisition import Source, enterAcquisition, restoreAcquisition, sourceOf
from .bullseye import markOutOfDate
from .colors import flowScaleEnd, renewLegends
from .frames import peakFrame, playedTimes, showPeakFrames
from .headless import HeadlessScene, openScene, saveScene
from .hierarchy import moveScan, nameOfPatient
from .layouts import Layout, createViews, registerLayouts
from .nodes import ScanNodes, SliceNodes, findNewestStudy, findScans, findTable
from .plots import unnameFits
from .reading import readAcquisition, readAutomatic, readContours, readSeries
from .results import writeMaps, writeTable
from .scan_reader import ScanReader, readScan, readSlice
from .sequences import writeMotion, writeScan
from .study import saveStudy, writePreprocessed, writeStudy
from .views import (
    MAP_OPACITY,
    SHORT_AXIS,
    chooseImages,
    fitView,
    showBullseyes,
    showChart,
    showLargeSlice,
    showScans,
    showSlice,
)
from .visibility import showOnlyScans
from .writing import smoothOutlines, writeContours, writeLabels, writeSlice

__all__ = [
    "MAP_OPACITY",
    "SHORT_AXIS",
    "HeadlessScene",
    "Layout",
    "ScanNodes",
    "ScanReader",
    "SliceNodes",
    "Source",
    "chooseImages",
    "createViews",
    "enterAcquisition",
    "findNewestStudy",
    "findScans",
    "findTable",
    "fitView",
    "flowScaleEnd",
    "markOutOfDate",
    "moveScan",
    "nameOfPatient",
    "openScene",
    "peakFrame",
    "playedTimes",
    "readAcquisition",
    "readAutomatic",
    "readContours",
    "readScan",
    "readSeries",
    "readSlice",
    "registerLayouts",
    "renewLegends",
    "restoreAcquisition",
    "saveScene",
    "saveStudy",
    "showBullseyes",
    "showChart",
    "showLargeSlice",
    "showOnlyScans",
    "showPeakFrames",
    "showScans",
    "showSlice",
    "smoothOutlines",
    "sourceOf",
    "unnameFits",
    "writeContours",
    "writeLabels",
    "writeMaps",
    "writeMotion",
    "writePreprocessed",
    "writeScan",
    "writeSlice",
    "writeStudy",
    "writeTable",
]
