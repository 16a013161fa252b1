"""A scene without the application, for the command line and the tests: the logics that Slicer would have started."""

import shutil
import tempfile
import weakref
from pathlib import Path

import slicer
import vtk

from ..data.errors import PerfusionError
from .archive import REMEDY, extractScene

_MODULE_LOGICS = {
    "Markups": "vtkSlicerMarkupsLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Volumes": "vtkSlicerVolumesLogic",
}


class HeadlessScene:
    """A MRML scene with the logics that keep its nodes alive, for programs that are not Slicer.

    The scene lives as long as this object. Nothing is drawn and nothing is asked.

    Examples
    --------
    >>> headless = HeadlessScene()
    >>> headless.scene.GetNumberOfNodesByClass("vtkMRMLLayoutNode")
    1
    """

    def __init__(self) -> None:
        self.scene = slicer.vtkMRMLScene()
        self._connectFiles()
        self.applicationLogic = slicer.vtkSlicerApplicationLogic()
        self.applicationLogic.SetMRMLScene(self.scene)
        self.applicationLogic.GetColorLogic().SetMRMLScene(self.scene)
        self.applicationLogic.GetColorLogic().AddDefaultColorNodes()
        self.applicationLogic.SetSliceLogics(vtk.vtkCollection())
        self.applicationLogic.SetViewLogics(vtk.vtkCollection())
        self.scene.RegisterNodeClass(slicer.vtkMRMLColorLegendDisplayNode())
        self.logics = {name: self._startLogic(name, className) for name, className in _MODULE_LOGICS.items()}
        self.layoutLogic = slicer.vtkMRMLLayoutLogic()
        self.layoutLogic.SetMRMLScene(self.scene)

    def _connectFiles(self) -> None:
        """Without a cache and an input/output manager, a scene cannot read its .mrb files."""
        cacheFolder = tempfile.mkdtemp(prefix="perfusiondl-")
        weakref.finalize(self, shutil.rmtree, cacheFolder, ignore_errors=True)
        self._cacheManager = slicer.vtkCacheManager()
        self._cacheManager.SetRemoteCacheDirectory(cacheFolder)
        self._cacheManager.SetMRMLScene(self.scene)
        self._ioManager = slicer.vtkDataIOManager()
        self._ioManager.SetCacheManager(self._cacheManager)
        self.scene.SetCacheManager(self._cacheManager)
        self.scene.SetDataIOManager(self._ioManager)

    def _startLogic(self, name: str, className: str):
        logic = getattr(slicer, className)()
        logic.SetMRMLApplicationLogic(self.applicationLogic)
        logic.SetMRMLScene(self.scene)
        self.applicationLogic.SetModuleLogic(name, logic)
        return logic


def saveScene(scene: slicer.vtkMRMLScene, path: Path) -> None:
    """Write the whole scene into one .mrb file. Raises PerfusionError if that fails."""
    messages = slicer.vtkMRMLMessageCollection()
    if not scene.WriteToMRB(str(path.resolve()), None, messages):
        raise PerfusionError(
            f"The scene {path.name} could not be written.",
            "Check that the folder exists, is writable and has free space.",
        )


def openScene(path: Path) -> HeadlessScene:
    """Read a .mrb file into a scene of its own. Raises PerfusionError where it is damaged, or not a scene."""
    headless = HeadlessScene()
    messages = slicer.vtkMRMLMessageCollection()
    with tempfile.TemporaryDirectory(prefix="perfusiondl-") as folder:
        headless.scene.SetURL(str(extractScene(path, Path(folder))))
        if not headless.scene.Connect(messages):
            said = " ".join(messages.GetAllMessagesAsString().replace(folder, "").split())
            raise PerfusionError(f"The scene {path.name} could not be read. {said}".rstrip(), REMEDY)
    return headless
