"""Loadables of the DICOM browser for myocardial perfusion: whole scans, however many series they are filed in."""

from pathlib import Path

import qt
import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from PerfusionDLLib import mrml
from PerfusionDLLib.dicom import Candidate, find_candidates
from PerfusionDLLib.panel.arrangement import chosenLayout
from slicer.i18n import tr as _

CONFIDENCE = 1.1
"""Above the 1.0 of MultiVolumeImporter, which takes any series with times for a movie: only the highest is loaded."""

FEWEST_FILES = 10
MANY_SERIES = 16  # a scan may have a series for each heartbeat
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


class PerfusionDICOMPluginClass(DICOMPlugin):
    """Finds rest and stress scans among the selected series; loads each as sequences with every frame's own time."""

    def __init__(self):
        super().__init__()
        self.loadType = "Myocardial perfusion"

    def examineForImport(self, fileLists):
        """Loadables for the scans among all selected series together, because a scan may have a series for each slice.

        The browser lets loadables compete in the series of their first file only. A scan that has several series
        therefore claims each further one with a loadable of its own, which loads nothing.
        """
        many = len(fileLists) >= MANY_SERIES
        files = [file for fileList in fileLists if self.mayBePerfusion(fileList, many) for file in fileList]
        if not files:
            return []
        loadables = self.getCachedLoadables(files)
        if loadables is None:
            candidates = find_candidates([Path(file) for file in files])
            loadables = [loadable for candidate in candidates for loadable in self.loadablesOf(candidate)]
            self.cacheLoadables(files, loadables)
        return loadables

    def mayBePerfusion(self, files, many: bool = False) -> bool:
        """From what the database knows: many MR images, one file that holds many, or one of many series."""
        value = slicer.dicomDatabase.fileValue
        return value(files[0], self.tags["modality"]) == "MR" and (
            many or len(files) >= FEWEST_FILES or value(files[0], self.tags["sopClassUID"]) == ENHANCED_MR
        )

    def loadablesOf(self, candidate: Candidate) -> list:
        """One loadable that loads the scan, and one for each further series that it is part of."""
        series = list(candidate.files_by_series.values())
        scan = DICOMLoadable()
        scan.files = [str(path) for paths in series for path in paths]
        scan.name = candidate.name
        scan.tooltip = "\n".join((candidate.how, *candidate.found.notes))
        scan.selected = True
        scan.confidence = CONFIDENCE
        scan.candidate = candidate
        loadables = [scan]
        for number, paths in enumerate(series[1:], start=2):
            part = DICOMLoadable()
            part.files = [str(path) for path in paths]
            part.name = _("{scan} (series {number} of {count})").format(
                scan=candidate.name, number=number, count=len(series)
            )
            part.tooltip = _("Loaded together with the first series of the scan.")
            part.selected = True
            part.confidence = CONFIDENCE
            part.candidate = None
            loadables.append(part)
        return loadables

    def load(self, loadable):
        """Put the scan under its patient's study; returns the volume of the basal slice."""
        if loadable.candidate is None:
            return True
        nodes = mrml.writeScan(slicer.mrmlScene, loadable.candidate.read())
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
