"""The parts of Slicer's DICOM module that a plugin needs: a database over real files, and the base classes.

Ours, not Slicer's: no prefetching, no patient attributes beyond name and study description.
"""

import sys
import types

import pydicom
import slicer


class Database:
    """Answers like ``slicer.dicomDatabase``, from the files themselves."""

    def __init__(self):
        self._headers = {}

    def fileValue(self, file, tag):
        if file not in self._headers:
            self._headers[file] = pydicom.dcmread(file, stop_before_pixels=True)
        element = self._headers[file].get(tuple(int(part, 16) for part in tag.split(",")))
        return "" if element is None else str(element.value)

    def seriesIn(self, folder):
        """File lists as the browser hands them to the plugins: one for each series."""
        series = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix == ".dcm":
                series.setdefault(self.fileValue(str(path), "0020,000E"), []).append(str(path))
        return list(series.values())


class DICOMLoadable:
    def __init__(self):
        self.files, self.name, self.tooltip, self.warning = [], "Unknown", "", ""
        self.selected, self.confidence = False, 0.5


class DICOMPlugin:
    def __init__(self):
        self.loadableCache = {}
        self.tags = {
            "seriesInstanceUID": "0020,000E",
            "modality": "0008,0060",
            "instanceUID": "0008,0018",
            "sopClassUID": "0008,0016",
        }

    def getCachedLoadables(self, files):
        return self.loadableCache.get(tuple(files))

    def cacheLoadables(self, files, loadables):
        self.loadableCache[tuple(files)] = loadables

    def addSeriesInSubjectHierarchy(self, loadable, dataNode):
        """As in Slicer: the node's item becomes a series under its study and patient."""
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        value = slicer.dicomDatabase.fileValue
        first, uid = loadable.files[0], slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName()
        item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), dataNode)
        series = value(first, "0020,000E")
        hierarchy.SetItemUID(item, uid, series)
        study, patient = value(first, "0020,000D"), value(first, "0010,0020")
        slicer.vtkSlicerSubjectHierarchyModuleLogic.InsertDicomSeriesInHierarchy(hierarchy, patient, study, series)
        hierarchy.SetItemName(hierarchy.GetItemByUID(uid, patient), value(first, "0010,0010"))
        hierarchy.SetItemName(hierarchy.GetItemByUID(uid, study), value(first, "0008,1030") or "No study description")


def install():
    """Make ``import DICOMLib`` and ``slicer.dicomDatabase`` work; returns the database."""
    library = types.ModuleType("DICOMLib")
    library.DICOMLoadable, library.DICOMPlugin = DICOMLoadable, DICOMPlugin
    sys.modules["DICOMLib"] = library
    slicer.dicomDatabase = Database()
    return slicer.dicomDatabase


def selected(loadables, stock_confidence):
    """What the browser loads: in the series of its first file, a loadable wins if it beats what stock plugins offer."""
    return [loadable for loadable in loadables if loadable.selected and loadable.confidence > stock_confidence]
