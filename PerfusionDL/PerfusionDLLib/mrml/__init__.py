"""The door to MRML: values into the nodes of a scene and back, in Slicer and without it.

Functions take the scene explicitly: `slicer.mrmlScene` in Slicer, `HeadlessScene().scene` elsewhere. No Qt.
"""

from .colors import flowScaleEnd
from .corrections import History, isFrameExcluded, restoreAutomatic, setFrameExcluded, setPeakFrame
from .exporting import exportDicom, exportReport, exportResults, exportTable, imagesOfFlow, modelOfScene
from .headless import HeadlessScene, openScene, saveScene
from .hierarchy import moveScan
from .nodes import ScanNodes, SliceNodes, findScans, findTable
from .reading import ScanReader, readAutomatic, readContours, readScan, readSeries, readSlice
from .results import writeMaps, writeSliceMaps, writeTable
from .sequences import writeMotion, writeScan
from .study import saveStudy, writePreprocessed, writeSequence, writeStudy
from .views import MAP_OPACITY, chooseImages, showCurves, showScans, showSlice
from .writing import writeContours, writeLabels, writeSlice

__all__ = [
    "MAP_OPACITY",
    "HeadlessScene",
    "History",
    "ScanNodes",
    "ScanReader",
    "SliceNodes",
    "chooseImages",
    "exportDicom",
    "exportReport",
    "exportResults",
    "exportTable",
    "findScans",
    "findTable",
    "flowScaleEnd",
    "imagesOfFlow",
    "isFrameExcluded",
    "modelOfScene",
    "moveScan",
    "openScene",
    "readAutomatic",
    "readContours",
    "readScan",
    "readSeries",
    "readSlice",
    "restoreAutomatic",
    "saveScene",
    "saveStudy",
    "setFrameExcluded",
    "setPeakFrame",
    "showCurves",
    "showScans",
    "showSlice",
    "writeContours",
    "writeLabels",
    "writeMaps",
    "writeMotion",
    "writePreprocessed",
    "writeScan",
    "writeSequence",
    "writeSlice",
    "writeSliceMaps",
    "writeStudy",
    "writeTable",
]
