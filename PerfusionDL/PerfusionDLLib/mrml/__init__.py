"""The door to MRML: values into the nodes of a scene and back, in Slicer and without it.

Functions take the scene explicitly: `slicer.mrmlScene` in Slicer, `HeadlessScene().scene` elsewhere. No Qt.
"""

from .acquisition import Source, enterAcquisition, restoreAcquisition, sourceOf
from .agreeing import WrittenAgreement, agreementTask, whyNoAgreement
from .choices import FlowChoices, choicesOfScene, giveArterialInput, givenArterialInput, hasPrebolus
from .colors import flowScaleEnd
from .corrections import (
    History,
    forgetCorrections,
    isCorrected,
    isFrameExcluded,
    restoreAutomatic,
    setFrameExcluded,
    setPeakFrame,
)
from .exporting import exportDicom, exportReport, exportResults, exportTable, imagesOfFlow, modelOfScene
from .headless import HeadlessScene, openScene, saveScene
from .hierarchy import moveScan
from .nodes import ScanNodes, SliceNodes, findScans, findTable
from .picking import Pick, isThere, pickAt, pickSegment, readout, showPick
from .reading import ScanReader, readAcquisition, readAutomatic, readContours, readScan, readSeries, readSlice
from .results import writeMaps, writeSliceMaps, writeTable
from .sequences import writeMotion, writeScan
from .study import saveStudy, writePreprocessed, writeSequence, writeStudy
from .views import MAP_OPACITY, chooseImages, fitView, registerLayouts, showBullseyes, showChart, showScans, showSlice
from .writing import writeContours, writeLabels, writeSlice

__all__ = [
    "MAP_OPACITY",
    "FlowChoices",
    "HeadlessScene",
    "History",
    "Pick",
    "ScanNodes",
    "ScanReader",
    "SliceNodes",
    "Source",
    "WrittenAgreement",
    "agreementTask",
    "choicesOfScene",
    "chooseImages",
    "enterAcquisition",
    "exportDicom",
    "exportReport",
    "exportResults",
    "exportTable",
    "findScans",
    "findTable",
    "fitView",
    "flowScaleEnd",
    "forgetCorrections",
    "giveArterialInput",
    "givenArterialInput",
    "hasPrebolus",
    "imagesOfFlow",
    "isCorrected",
    "isFrameExcluded",
    "isThere",
    "modelOfScene",
    "moveScan",
    "openScene",
    "pickAt",
    "pickSegment",
    "readAcquisition",
    "readAutomatic",
    "readContours",
    "readScan",
    "readSeries",
    "readSlice",
    "readout",
    "registerLayouts",
    "restoreAcquisition",
    "restoreAutomatic",
    "saveScene",
    "saveStudy",
    "setFrameExcluded",
    "setPeakFrame",
    "showBullseyes",
    "showChart",
    "showPick",
    "showScans",
    "showSlice",
    "sourceOf",
    "whyNoAgreement",
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
