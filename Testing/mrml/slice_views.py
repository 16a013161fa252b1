"""Slice views without a screen: the displayable managers that Slicer itself draws with and that follow the mouse."""

import numpy as np
import slicer
import vtk
from PerfusionDLLib.mrml import HeadlessScene
from vtk.util.numpy_support import vtk_to_numpy

_MANAGERS = (
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
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
        self.interactor = vtk.vtkRenderWindowInteractor()
        self.interactor.SetRenderWindow(self.window)
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        actor = vtk.vtkActor2D()
        actor.SetMapper(self._mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        renderer.AddViewProp(actor)
        self._managers = factory.InstantiateDisplayableManagers(renderer)
        self._managers.SetMRMLDisplayableNode(self.node)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetSliceLogic(self.logic)
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetInteractor(self.interactor)
        self.interactor.Initialize()

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

    def moveTo(self, position_ras_mm: np.ndarray) -> None:
        """The mouse comes to a world position."""
        self._mouse(vtk.vtkCommand.MouseMoveEvent, self._place(position_ras_mm) - (9, 0))
        self._mouse(vtk.vtkCommand.MouseMoveEvent, self._place(position_ras_mm))

    def click(self, position_ras_mm: np.ndarray) -> None:
        """A click with the left button."""
        self.drag(position_ras_mm, position_ras_mm)

    def drag(self, start_ras_mm: np.ndarray, end_ras_mm: np.ndarray) -> None:
        """The left button goes down at one world position and up at another."""
        start, end = self._place(start_ras_mm), self._place(end_ras_mm)
        self.moveTo(start_ras_mm)
        self._mouse(vtk.vtkCommand.LeftButtonPressEvent, start)
        for place in np.linspace(start, end, 4)[1:] if (start != end).any() else ():
            self._mouse(vtk.vtkCommand.MouseMoveEvent, np.rint(place).astype(int))
        self._mouse(vtk.vtkCommand.LeftButtonReleaseEvent, end)

    def _place(self, position_ras_mm: np.ndarray) -> np.ndarray:
        """(2,) display coordinates, from the bottom left."""
        row, column = self.pixelsFromRas(np.array([position_ras_mm]))[0]
        return np.rint([column, self.node.GetDimensions()[1] - 1 - row]).astype(int)

    def _mouse(self, event: int, place: np.ndarray) -> None:
        self.interactor.SetEventInformation(int(place[0]), int(place[1]), 0, 0, chr(0), 0, None)
        self.interactor.InvokeEvent(event)
