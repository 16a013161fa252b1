"""A scene at work: tasks that compute what the scene says, the history of corrections, picking, comparison, export."""

from .choices import FlowChoices, choicesOfScene, giveArterialInput, givenArterialInput, hasPrebolus
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
from .picking import Pick, isThere, pickAt, pickSegment, readout, showPick

__all__ = [
    "FlowChoices",
    "History",
    "Pick",
    "WrittenAgreement",
    "agreementTask",
    "choicesOfScene",
    "exportDicom",
    "exportReport",
    "exportResults",
    "exportTable",
    "forgetCorrections",
    "giveArterialInput",
    "giveHint",
    "givenArterialInput",
    "hasPrebolus",
    "imagesOfFlow",
    "isCorrected",
    "isDrawnByReader",
    "isFrameExcluded",
    "isThere",
    "modelOfScene",
    "pickAt",
    "pickSegment",
    "readout",
    "restoreAutomatic",
    "setFrameExcluded",
    "setPeakFrame",
    "showPick",
    "sliceIn",
    "whyNoAgreement",
]
