"""What the views show: a row of short-axis views for each scan, maps and contours over the images, curves below."""

from collections.abc import Iterator, Sequence

import numpy as np
import slicer
import vtk

from ..data.box import Box
from .layouts import (
    BULLSEYE_VIEWS,
    CURVES_VIEW,
    LARGE_VIEWS,
    RESERVE_VIEW,
    Layout,
    arrange,
    nameViews,
    showsMapOver,
    viewsOf,
)
from .nodes import ScanNodes, SliceNodes, attribute, setAttribute
from .reading import readBox, readGeometry
from .visibility import compositeNode, showOnlyScans

SHORT_AXIS = "ShortAxis"
"""Name of the plane of a slice among the orientations of its view: Slicer cannot read back one without a name, and no
name with a blank."""

MAP_OPACITY = 0.7
FIELD_OF_VIEW_IN_BOXES = 1.9
BULLSEYE_FIELD_MM = 104.0, 124.0
"""Width and height of a bullseye with its title above and its legend below."""
BULLSEYE_RISE_MM = 3.0
"""Of the bullseye above the middle of its view: the legend is higher than the title."""


def showScans(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], *, layout: Layout | None = None) -> None:
    """Show the first two scans, each slice in a view of its own, the heart filling it.

    Contours, points and legend are shown in the view of their own slice only: rest and stress lie in the same place.

    layout : one of our own; by default Slicer's three-over-three layout, which every Slicer knows
    """
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if node is None:  # Slicer without a window
        return
    if layout is None:
        node.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView)
    else:
        arrange(scene, layout, len(scans))
        nameViews(scene, scans)
    showOnlyScans(scene, scans)
    shown = list(_shown(scene, scans))
    for part, sliceNodes in shown:
        showSlice(part, sliceNodes)
    parts = [part for part, _ in shown]
    _showLegendOf(parts[0] if parts and layout is None else None, parts)  # bullseyes have legends of their own
    showBullseyes(scene, scans)


def _showLegendOf(withLegend: SliceNodes | None, slices: Sequence[SliceNodes]) -> None:
    """All slices share one scale: one legend is enough, or none."""
    for part in slices:
        legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(part.mbf) if part.mbf else None
        if legend:
            legend.SetVisibility(part is withLegend)


def showLargeSlice(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], number: int) -> None:
    """Show the slice at hand in the large views, of stress and of rest, where these are open."""
    for viewName, nodes in zip(LARGE_VIEWS, scans, strict=False):
        sliceNode = scene.GetSingletonNode(viewName, "vtkMRMLSliceNode")
        if sliceNode is None or number >= len(nodes.slices) or attribute(sliceNode, "slice") == number:
            continue
        setAttribute(sliceNode, "slice", number)
        for part, sliceNodes in _shown(scene, scans):
            if part.browser is nodes.browser:
                _showDrawingOnlyIn(part, sliceNodes)
        _showImages(nodes.slices[number], sliceNode)


def showBullseyes(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes]) -> None:
    """Show the bullseyes in the views of our layout, where these are open."""
    for nodes, viewName in zip(scans, BULLSEYE_VIEWS, strict=False):
        _showBullseye(scene, viewName, nodes.bullseye, nodes.bullseyeValues)
        if nodes.reserve:
            _showBullseye(scene, RESERVE_VIEW, nodes.reserve, nodes.reserveValues)


def _showBullseye(scene: slicer.vtkMRMLScene, viewName: str, volume, values) -> None:
    sliceNode = scene.GetSingletonNode(viewName, "vtkMRMLSliceNode")
    if sliceNode is None:
        return
    composite = compositeNode(sliceNode)
    composite.SetBackgroundVolumeID(_id(volume))
    composite.SetForegroundVolumeID(None)
    composite.SetLabelVolumeID(None)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume) if volume else None
    pose = np.diag([-1.0, 1.0, 1.0, 1.0])
    pose[1, 3] = -BULLSEYE_RISE_MM
    _placeView(sliceNode, pose, BULLSEYE_FIELD_MM)
    _showOnlyIn(values.GetDisplayNode() if values else None, [sliceNode])
    _showOnlyIn(legend, [sliceNode])


def chooseImages(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], *, original: bool, mapOpacity: float) -> None:
    """Show the images as acquired or in one pose, and the flow map over them more or less."""
    for part, sliceNodes in _shown(scene, scans):
        images = part.originalVolume if original else part.correctedVolume or part.originalVolume
        for sliceNode in sliceNodes:
            composite = compositeNode(sliceNode)
            composite.SetBackgroundVolumeID(_id(images))
            composite.SetForegroundVolumeID(_id(_mapOf(part)))
            composite.SetForegroundOpacity(mapOpacity if showsMapOver(sliceNode) else 0.0)


def showChart(scene: slicer.vtkMRMLScene, chart: slicer.vtkMRMLPlotChartNode | None) -> None:
    """Show a chart, or none, in the plot view of our layout, where that is open."""
    view = scene.GetSingletonNode(CURVES_VIEW, "vtkMRMLPlotViewNode")
    if view:
        view.SetPlotChartNodeID(_id(chart))


def showSlice(nodes: SliceNodes, sliceNodes: Sequence[slicer.vtkMRMLSliceNode]) -> None:
    """Show one slice in its views and in no other: in its own plane, centered on the left ventricle, rows downwards."""
    for sliceNode in sliceNodes:
        _showImages(nodes, sliceNode)
    _showDrawingOnlyIn(nodes, sliceNodes)


def _showImages(nodes: SliceNodes, sliceNode: slicer.vtkMRMLSliceNode) -> None:
    composite = compositeNode(sliceNode)
    composite.SetBackgroundVolumeID(_id(nodes.correctedVolume or nodes.originalVolume))
    composite.SetForegroundVolumeID(_id(_mapOf(nodes)))
    composite.SetLabelVolumeID(None)
    composite.SetForegroundOpacity(MAP_OPACITY if showsMapOver(sliceNode) else 0.0)
    _placeOnHeart(nodes, sliceNode)


def _mapOf(nodes: SliceNodes) -> slicer.vtkMRMLScalarVolumeNode | None:
    """The flow map of a slice; none where the contours went that it was computed from."""
    return nodes.mbf if nodes.hasContours else None


def _showDrawingOnlyIn(nodes: SliceNodes, sliceNodes: Sequence[slicer.vtkMRMLSliceNode]) -> None:
    for node in (nodes.contours, nodes.automatic, nodes.rvInsertionPoints, nodes.box):
        _showOnlyIn(node.GetDisplayNode() if node else None, sliceNodes)
    if nodes.mbf:
        _showOnlyIn(slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(nodes.mbf), sliceNodes)


def _shown(
    scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes]
) -> Iterator[tuple[SliceNodes, list[slicer.vtkMRMLSliceNode]]]:
    """Each slice with its views, where there are any."""
    for row, nodes in enumerate(scans):
        for part in nodes.slices:
            sliceNodes = viewsOf(scene, row, part.number)
            if sliceNodes and part.original:
                yield part, sliceNodes


def _placeOnHeart(nodes: SliceNodes, sliceNode: slicer.vtkMRMLSliceNode) -> None:
    geometry = readGeometry(nodes.original)
    columnMm, rowMm = np.linalg.norm(geometry[:3, :2], axis=0)
    column, row = geometry[:3, 0] / columnMm, geometry[:3, 1] / rowMm
    box = readBox(nodes.box, geometry) if nodes.box else _imageBox(nodes)
    middleRow, middleColumn = box.center_px
    center = geometry @ [middleColumn, middleRow, 0, 1]
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = column, -row, np.cross(column, row)
    pose[:3, 3] = center[:3]
    boxes = FIELD_OF_VIEW_IN_BOXES if nodes.box else 1
    side = boxes * max(box.size_mm((rowMm, columnMm)))
    _placeView(sliceNode, pose, (side, side))


def _placeView(sliceNode: slicer.vtkMRMLSliceNode, pose: np.ndarray, sides_mm: tuple[float, float]) -> None:
    """Look at a plane, so that the view shows at least so many mm of it across and down."""
    wasModifying = sliceNode.StartModify()
    sliceNode.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(pose))
    _nameOrientation(sliceNode, pose)
    sliceNode.UpdateMatrices()
    fitView(sliceNode, sides_mm)
    sliceNode.EndModify(wasModifying)


def _nameOrientation(sliceNode: slicer.vtkMRMLSliceNode, pose: np.ndarray) -> None:
    """Give the plane of a view a name, unless it is one that Slicer knows."""
    if sliceNode.HasSliceOrientationPreset(SHORT_AXIS):
        sliceNode.RemoveSliceOrientationPreset(SHORT_AXIS)
    if sliceNode.GetOrientation() == "Reformat":
        orientation = vtk.vtkMatrix3x3()
        for row, column in np.ndindex(3, 3):
            orientation.SetElement(row, column, pose[row, column])
        sliceNode.AddSliceOrientationPreset(SHORT_AXIS, orientation)


def fitView(sliceNode: slicer.vtkMRMLSliceNode, sides_mm: tuple[float, float]) -> None:
    """Zoom so that a view shows so many mm across and down, and more where its shape is another."""
    width, height, _ = sliceNode.GetDimensions()
    scale = max(sides_mm[0] / max(width, 1), sides_mm[1] / max(height, 1))
    sliceNode.SetFieldOfView(width * scale, height * scale, sliceNode.GetFieldOfView()[2])


def _imageBox(nodes: SliceNodes) -> Box:
    columns, rows, _ = nodes.original.GetNthDataNode(0).GetImageData().GetDimensions()
    return Box(-0.5, -0.5, rows - 0.5, columns - 0.5)


def _showOnlyIn(display: slicer.vtkMRMLDisplayNode | None, sliceNodes: Sequence[slicer.vtkMRMLSliceNode]) -> None:
    views = tuple(sliceNode.GetID() for sliceNode in sliceNodes)
    if display and display.GetViewNodeIDs() != views:
        display.SetViewNodeIDs(list(views))


def showOnlyWith(display: slicer.vtkMRMLDisplayNode, other: slicer.vtkMRMLDisplayableNode) -> None:
    """Show something in the views in which another node is shown."""
    views = other.GetDisplayNode().GetViewNodeIDs()
    if views != display.GetViewNodeIDs():
        display.SetViewNodeIDs(views)


def outline(nodes: SliceNodes, labels: slicer.vtkMRMLLabelMapVolumeNode | None) -> None:
    """Draw the border of a label map over the images of a slice, or of none."""
    views = nodes.contours.GetDisplayNode().GetViewNodeIDs() if nodes.contours else ()
    for sliceNode in filter(None, map(nodes.browser.GetScene().GetNodeByID, views)):
        sliceNode.SetUseLabelOutline(True)
        compositeNode(sliceNode).SetLabelVolumeID(_id(labels))


def _id(node: slicer.vtkMRMLNode | None) -> str | None:
    return node.GetID() if node else None
