"""What Slicer knows of the module before it is opened: sample data, layouts, and the looks of scenes that are read."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml
from .arrangement import tidyViews

ICON = Path(__file__).parents[2] / "Resources" / "Icons" / "PerfusionDL.png"
SAMPLE_PATIENT = 14
"""Seed of the phantom in Sample Data; chosen: the first one with one defect of the LAD in all slices, under stress."""


def onStartup() -> None:
    """Make known what is wanted before the module is opened: sample data, layout and legends of a saved scene."""
    registerSampleData()
    mrml.registerLayouts(slicer.mrmlScene)
    scene = slicer.mrmlScene
    scene.AddObserver(scene.EndImportEvent, onSceneRead)


def onSceneRead(scene, event) -> None:
    """Have a scene look as it was saved, once the event loop has made the views of its layout."""
    qt.QTimer.singleShot(0, lambda: showAsSaved(scene))


def showAsSaved(scene) -> None:
    """Legends of maps, no name for the fits of curves, no sliders above our views."""
    mrml.renewLegends(scene)
    mrml.unnameFits(scene)
    tidyViews()


def registerSampleData() -> None:
    """Offer the phantom in Sample Data: it is computed, not downloaded."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataCategory("PerfusionDL", title=_("Cardiac Perfusion (MR)"))
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="PerfusionDL",
        sampleName="CardiacPerfusionPhantom",
        thumbnailFileName=str(ICON),
        uris=[],  # a list, because Sample Data takes its length
        fileNames=[],
        customDownloader=lambda source: loadPhantom(),
    )


def loadPhantom() -> list:
    """Compute the phantom patient and put its scans into the scene."""
    from .. import phantom

    study = phantom.simulate_study(SAMPLE_PATIENT).study
    return [mrml.writeScan(slicer.mrmlScene, scan).browser for scan in reversed(study.scans)]
