"""What the views show: a row of short-axis views for each scan, maps and contours over the images, curves below."""

from collections.abc import Iterator, Sequence

import numpy as np
import slicer

from .nodes import ScanNodes, SliceNodes
from .reading import readBox, readGeometry

VIEW_ROWS = (("Red", "Green", "Yellow"), ("Red+", "Green+", "Yellow+"))
"""Slice views of Slicer's own three-over-three layout, so that a saved scene looks right without this extension too."""

CURVES_VIEW = "PerfusionCurves"
LAYOUT = 7130
"""Number of the layout with curves; Slicer asks for one above 100 that no other extension uses."""

MAP_OPACITY = 0.7
FIELD_OF_VIEW_IN_BOXES = 1.9


def showScans(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], *, withCurves: bool = False) -> None:
    """Show the first two scans, each slice in a view of its own, the heart filling it.

    Contours, points and legend are shown in the view of their own slice only: rest and stress lie in the same place.

    withCurves : a plot of the curves below, in a layout of our own; else Slicer's three-over-three layout, which every
        Slicer knows
    """
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if withCurves:
        description = layoutDescription(min(len(scans), len(VIEW_ROWS)))
        if not layout.AddLayoutDescription(LAYOUT, description):
            layout.SetLayoutDescription(LAYOUT, description)
        layout.SetViewArrangement(LAYOUT)
    else:
        layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView)
    for part, sliceNode in _shown(scene, scans):
        showSlice(part, sliceNode)


def chooseImages(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], *, original: bool, mapOpacity: float) -> None:
    """Show the images as acquired or in one pose, and the flow map over them more or less."""
    for part, sliceNode in _shown(scene, scans):
        composite = _compositeNode(sliceNode)
        images = part.originalVolume if original else part.correctedVolume or part.originalVolume
        composite.SetBackgroundVolumeID(_id(images))
        composite.SetForegroundVolumeID(_id(part.mbf))
        composite.SetForegroundOpacity(mapOpacity)


def showCurves(scene: slicer.vtkMRMLScene, nodes: SliceNodes) -> None:
    """Show the curves of a slice in the plot view of our layout, where that is open."""
    view = scene.GetSingletonNode(CURVES_VIEW, "vtkMRMLPlotViewNode")
    if view and nodes.chart:
        view.SetPlotChartNodeID(nodes.chart.GetID())


def showSlice(nodes: SliceNodes, sliceNode: slicer.vtkMRMLSliceNode) -> None:
    """Show one slice in one view: in its own plane, centered on the left ventricle, rows downwards."""
    composite = _compositeNode(sliceNode)
    composite.SetBackgroundVolumeID(_id(nodes.correctedVolume or nodes.originalVolume))
    composite.SetForegroundVolumeID(_id(nodes.mbf))
    composite.SetLabelVolumeID(None)
    composite.SetForegroundOpacity(MAP_OPACITY)
    _lookAt(nodes, sliceNode)
    for node in (nodes.contours, nodes.automatic, nodes.rvInsertionPoints, nodes.box):
        _showOnlyIn(node.GetDisplayNode() if node else None, sliceNode)
    if nodes.mbf:
        _showOnlyIn(slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(nodes.mbf), sliceNode)


def layoutDescription(rows: int) -> str:
    """A row of three slice views for each scan, and below it the curves."""

    def item(name: str) -> str:
        label = f'<property name="viewlabel" action="default">{name}</property>'
        orientation = '<property name="orientation" action="default">Axial</property>'
        return f'<item><view class="vtkMRMLSliceNode" singletontag="{name}">{orientation}{label}</view></item>'

    views = "".join(
        f'<item><layout type="horizontal">{"".join(map(item, names))}</layout></item>' for names in VIEW_ROWS[:rows]
    )
    plot = (
        f'<item><view class="vtkMRMLPlotViewNode" singletontag="{CURVES_VIEW}">'
        '<property name="viewlabel" action="default">Curves</property></view></item>'
    )
    return f'<layout type="vertical">{views}{plot}</layout>'


def _shown(
    scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes]
) -> Iterator[tuple[SliceNodes, slicer.vtkMRMLSliceNode]]:
    """Each slice with its view, where that exists."""
    for nodes, viewNames in zip(scans, VIEW_ROWS, strict=False):
        for part, viewName in zip(nodes.slices, viewNames, strict=False):
            sliceNode = scene.GetSingletonNode(viewName, "vtkMRMLSliceNode")
            if sliceNode and part.original:
                yield part, sliceNode


def _compositeNode(sliceNode: slicer.vtkMRMLSliceNode) -> slicer.vtkMRMLSliceCompositeNode:
    """The node that says which volumes a view shows; in Slicer it is there already."""
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(sliceNode)
    if composite is None:
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetLayoutName(sliceNode.GetLayoutName())
        composite.SetSingletonTag(sliceNode.GetLayoutName())
        composite = sliceNode.GetScene().AddNode(composite)
    return composite


def _lookAt(nodes: SliceNodes, sliceNode: slicer.vtkMRMLSliceNode) -> None:
    geometry = readGeometry(nodes.original)
    columnMm, rowMm = np.linalg.norm(geometry[:3, :2], axis=0)
    column, row = geometry[:3, 0] / columnMm, geometry[:3, 1] / rowMm
    row0, column0, row1, column1 = readBox(nodes.box, geometry) if nodes.box else _wholeImage(nodes)
    center = geometry @ [(column0 + column1) / 2, (row0 + row1) / 2, 0, 1]
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = column, -row, np.cross(column, row)
    pose[:3, 3] = center[:3]
    boxes = FIELD_OF_VIEW_IN_BOXES if nodes.box else 1
    side = boxes * max((row1 - row0) * rowMm, (column1 - column0) * columnMm)
    width, height, _ = sliceNode.GetDimensions()
    scale = side / max(min(width, height), 1)
    wasModifying = sliceNode.StartModify()
    sliceNode.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(pose))
    sliceNode.UpdateMatrices()
    sliceNode.SetFieldOfView(width * scale, height * scale, sliceNode.GetFieldOfView()[2])
    sliceNode.EndModify(wasModifying)


def _wholeImage(nodes: SliceNodes) -> tuple[float, float, float, float]:
    columns, rows, _ = nodes.original.GetNthDataNode(0).GetImageData().GetDimensions()
    return -0.5, -0.5, rows - 0.5, columns - 0.5


def _showOnlyIn(display: slicer.vtkMRMLDisplayNode | None, sliceNode: slicer.vtkMRMLSliceNode) -> None:
    if display:
        display.SetViewNodeIDs([sliceNode.GetID()])


def _id(node: slicer.vtkMRMLNode | None) -> str | None:
    return node.GetID() if node else None
