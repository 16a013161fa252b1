"""Pictures of slice views: the displayable managers that Slicer itself draws with, rendered off screen."""

import numpy as np
import slicer
import vtk
from PerfusionDLLib.mrml import HeadlessScene
from vtk.util.numpy_support import vtk_to_numpy

_MANAGERS = (
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
)


class SliceView:
    """One slice view. Make it before the nodes it shows: the legend's manager misses what was added before.

    Slicer's own view adds only a corner annotation and the slider above.
    """

    def __init__(self, headless: HeadlessScene, name: str, size: tuple[int, int] = (320, 320)) -> None:
        application, scene = headless.applicationLogic, headless.scene
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application)
        for manager in _MANAGERS:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        self.node = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
        self.node.SetDimensions(*size, 1)
        self.node.SetMappedInLayout(1)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application)
        self.logic.SetMRMLScene(scene)
        self.logic.SetSliceNode(self.node)
        application.GetSliceLogics().AddItem(self.logic)
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.SetSize(*size)
        renderer = vtk.vtkRenderer()
        self.window.AddRenderer(renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        renderer.AddViewProp(actor)
        self._managers = factory.InstantiateDisplayableManagers(renderer)
        self._managers.SetMRMLDisplayableNode(self.node)

    def render(self) -> np.ndarray:
        """(Y, X, 3) uint8, first row on top."""
        self.logic.UpdatePipeline()
        self._mapper.SetInputConnection(self.logic.GetImageDataConnection())
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        columns, rows, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars())
        return pixels.reshape(rows, columns, -1)[::-1, :, :3].copy()

    def pixelsFromRas(self, points_ras_mm: np.ndarray) -> np.ndarray:
        """(N, 2) row and column in the picture of world positions."""
        toView = np.linalg.inv(slicer.util.arrayFromVTKMatrix(self.node.GetXYToRAS()))
        points = np.column_stack([points_ras_mm, np.ones(len(points_ras_mm))]) @ toView.T
        return np.column_stack([self.node.GetDimensions()[1] - 1 - points[:, 1], points[:, 0]])
