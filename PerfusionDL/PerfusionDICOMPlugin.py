"""Loadables of the DICOM browser for myocardial perfusion: whole scans, with the contours that the archive holds."""

from collections.abc import Sequence
from pathlib import Path

import qt
import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from PerfusionDLLib import mrml, session
from PerfusionDLLib.dicom import MANUFACTURER, Candidate, StoredResults, find_candidates, find_stored
from PerfusionDLLib.panel.arrangement import chosenLayout
from slicer.i18n import tr as _

CONFIDENCE = 1.1
"""Above the 1.0 of MultiVolumeImporter, which takes any series with times for a movie: only the highest is loaded."""

FEWEST_FILES = 10
MANY_SERIES = 16  # a scan may have a series for each heartbeat
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
RESULT_MODALITIES = ("SR", "SEG", "OT")
MANUFACTURER_TAG, SERIES_DESCRIPTION_TAG = "0008,0070", "0008,103E"


class PerfusionDICOMPluginClass(DICOMPlugin):
    """Finds rest and stress scans among the selected series; loads each as sequences with every frame's own time."""

    def __init__(self):
        super().__init__()
        self.loadType = "Myocardial perfusion"
        self.waiting = None, {}

    def examineForImport(self, fileLists):
        """Loadables for the scans among all selected series together, because a scan may have a series for each slice.

        The browser lets loadables compete in the series of their first file only. A scan that has several series
        therefore claims each further one with a loadable of its own, which loads nothing.

        Where results of PerfusionDL were selected too, a scan comes with their contours: those of the current version
        are selected, those of former versions offered.
        """
        many = len(fileLists) >= MANY_SERIES
        images = [file for fileList in fileLists if self.mayBePerfusion(fileList, many) for file in fileList]
        results = [fileList for fileList in fileLists if self.isOurResult(fileList)]
        if not images:
            return []
        files = [*images, *(file for fileList in results for file in fileList)]
        loadables = self.getCachedLoadables(files)
        if loadables is None:
            candidates = find_candidates([Path(file) for file in images])
            stored = find_stored([Path(file) for fileList in results for file in fileList])
            loadables = [loadable for candidate in candidates for loadable in self.loadablesOf(candidate, stored)]
            if any(loadable.stored for loadable in loadables):
                loadables += [self.partOf(fileList, self.describeResult(fileList)) for fileList in results]
            self.cacheLoadables(files, loadables)
        return loadables

    def mayBePerfusion(self, files, many: bool = False) -> bool:
        """From what the database knows: many MR images, one file that holds many, or one of many series."""
        value = slicer.dicomDatabase.fileValue
        return value(files[0], self.tags["modality"]) == "MR" and (
            many or len(files) >= FEWEST_FILES or value(files[0], self.tags["sopClassUID"]) == ENHANCED_MR
        )

    def isOurResult(self, files) -> bool:
        """From what the database knows: a report, segmentation or flow map of ours."""
        value = slicer.dicomDatabase.fileValue
        return (
            value(files[0], self.tags["modality"]) in RESULT_MODALITIES
            and value(files[0], MANUFACTURER_TAG) == MANUFACTURER
        )

    def describeResult(self, files) -> str:
        """What the series of one of our results is called."""
        return slicer.dicomDatabase.fileValue(files[0], SERIES_DESCRIPTION_TAG)

    def loadablesOf(self, candidate: Candidate, stored: Sequence[StoredResults]) -> list:
        """One loadable that loads the scan, and one for each further series that it is part of.

        With results that were made from it, one for each version of these instead, the current one first.
        """
        versions = [one for one in stored if one.is_made_from(candidate.image_uids)]
        series = list(candidate.files_by_series.values())
        loadables = [self.scanWith(candidate, version) for version in versions or [None]]
        for former in loadables[1:]:
            former.selected = False
        for number, paths in enumerate(series[1:], start=2):
            name = _("{scan} (series {number} of {count})").format(
                scan=candidate.name, number=number, count=len(series)
            )
            loadables.append(self.partOf([str(path) for path in paths], name))
        return loadables

    def scanWith(self, candidate: Candidate, version: StoredResults | None):
        """A loadable for a scan, with the contours of a version of its results."""
        loadable = DICOMLoadable()
        loadable.files = [str(path) for paths in candidate.files_by_series.values() for path in paths]
        loadable.name = candidate.name
        loadable.tooltip = "\n".join((candidate.how, *candidate.found.notes))
        loadable.selected = True
        loadable.confidence = CONFIDENCE
        loadable.candidate, loadable.stored = candidate, version
        if version is not None:
            loadable.name = _("{scan}, with contours ({version})").format(scan=candidate.name, version=version.title)
        return loadable

    def partOf(self, files, name: str):
        """A loadable that keeps a series from the stock importers and loads nothing itself."""
        part = DICOMLoadable()
        part.files = files
        part.name = name
        part.tooltip = _("Loaded together with the first series of the scan.")
        part.selected = True
        part.confidence = CONFIDENCE
        part.candidate = part.stored = None
        return part

    def load(self, loadable):
        """Put the scan under its patient's study, with the contours of its results where there are any.

        Returns the volume of the basal slice.
        """
        if loadable.candidate is None:
            return True
        loaded = session.loadScan(self.readScan(loadable.candidate), loadable.stored)
        nodes = session.exhaust(session.loadedPieces(slicer.mrmlScene, loaded))
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        volume = nodes.slices[0].originalVolume
        folder = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume))
        self.addSeriesInSubjectHierarchy(loadable, volume)
        item = hierarchy.GetItemByDataNode(volume)
        study = hierarchy.GetItemParent(item)
        hierarchy.SetItemParent(item, folder)
        hierarchy.SetItemName(item, volume.GetName())
        mrml.moveScan(slicer.mrmlScene, nodes, study)
        self.show()
        return volume

    def readScan(self, candidate: Candidate):
        """The scan with its pixels, compared with the other scan of the visit, which is kept until it is loaded too."""
        visit, scans = self.waiting
        if visit is not candidate.visit or candidate.condition not in scans:
            scans = candidate.visit.read()
        scan = scans.pop(candidate.condition)
        self.waiting = candidate.visit, scans
        return scan

    def show(self):
        """Show the scans of the study that was loaded last, stress above rest, now and when new views have settled.

        A view that the layout has just made sets its offset to 0 once the event loop runs.
        """
        self.placeScans()
        qt.QTimer.singleShot(0, self.placeScans)

    def placeScans(self):
        """Every slice of the newest rest and stress scan in its view."""
        scans = mrml.findNewestStudy(slicer.mrmlScene)
        if scans:
            mrml.showScans(slicer.mrmlScene, scans, layout=chosenLayout())


class PerfusionDICOMPlugin:
    """The hook by which Slicer finds the plugin; it has no panel."""

    def __init__(self, parent):
        parent.title = "Myocardial perfusion DICOM import plugin"
        parent.categories = ["Developer Tools.DICOM Plugins"]
        parent.contributors = ["PerfusionDL contributors"]
        parent.helpText = "Loads myocardial perfusion MR from the DICOM module."
        parent.acknowledgementText = ""
        parent.hidden = True
        if not hasattr(slicer.modules, "dicomPlugins"):
            slicer.modules.dicomPlugins = {}
        slicer.modules.dicomPlugins["PerfusionDICOMPlugin"] = PerfusionDICOMPluginClass
