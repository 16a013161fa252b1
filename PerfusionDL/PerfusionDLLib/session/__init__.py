"""A scene at work: tasks that compute what the scene says, the history of corrections, picking, comparison, export."""

from .archive_differences import describeArchive, forgetArchivedFlow, isFromArchive
from .archived import archivedChoices, archivedReport, listTask, loadedPieces, loadScan, loadTask, rememberReport
from .arrival import arrivalFrame
from .carrying import carryCorrectionOver
from .choices import (
    FlowChoices,
    choicesOfScene,
    giveArterialInput,
    givenArterialInput,
    hasPrebolus,
    keepComment,
    keptComment,
)
from .comparison import WrittenAgreement, agreementTask, whyNoAgreement
from .exporting import exportDicom, exportReport, exportResults, exportTable, imagesOfFlow, modelOfScene
from .hinting import giveHint, sliceIn
from .history import (
    History,
    forgetCorrections,
    isCorrected,
    isDrawnByReader,
    isFrameExcluded,
    restoreAutomatic,
    setFrameExcluded,
    setPeakFrame,
)
from .picked_curve import showPick
from .picking import Pick, isThere, pickAt, pickSegment
from .readout import CHECK, describeRow, numberText, percentText, readout
from .saved_numbers import SavedNumbers, describeMoved, readNumbers
from .tasks import exhaust

__all__ = [
    "CHECK",
    "FlowChoices",
    "History",
    "Pick",
    "SavedNumbers",
    "WrittenAgreement",
    "agreementTask",
    "archivedChoices",
    "archivedReport",
    "arrivalFrame",
    "carryCorrectionOver",
    "choicesOfScene",
    "describeArchive",
    "describeMoved",
    "describeRow",
    "exhaust",
    "exportDicom",
    "exportReport",
    "exportResults",
    "exportTable",
    "forgetArchivedFlow",
    "forgetCorrections",
    "giveArterialInput",
    "giveHint",
    "givenArterialInput",
    "hasPrebolus",
    "imagesOfFlow",
    "isCorrected",
    "isDrawnByReader",
    "isFrameExcluded",
    "isFromArchive",
    "isThere",
    "keepComment",
    "keptComment",
    "listTask",
    "loadScan",
    "loadTask",
    "loadedPieces",
    "modelOfScene",
    "numberText",
    "percentText",
    "pickAt",
    "pickSegment",
    "readNumbers",
    "readout",
    "rememberReport",
    "restoreAutomatic",
    "setFrameExcluded",
    "setPeakFrame",
    "showPick",
    "sliceIn",
    "whyNoAgreement",
]
