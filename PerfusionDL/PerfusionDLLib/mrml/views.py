"""What the slice views show: a row of short-axis views for each scan, maps and contours over the corrected series."""

from collections.abc import Sequence

import numpy as np
import slicer

from .nodes import ScanNodes, SliceNodes
from .reading import readBox, readGeometry

VIEW_ROWS = (("Red", "Green", "Yellow"), ("Red+", "Green+", "Yellow+"))
"""Slice views of Slicer's own three-over-three layout, so that a saved scene looks right without this extension too."""

MAP_OPACITY = 0.7
FIELD_OF_VIEW_IN_BOXES = 1.9


def showScans(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes]) -> None:
    """Show the first two scans in the three-over-three layout, each slice in a view of its own, the heart filling it.

    Contours, points and legend are shown in the view of their own slice only: rest and stress lie in the same place.
    """
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView)
    for nodes, viewNames in zip(scans, VIEW_ROWS, strict=False):
        for part, viewName in zip(nodes.slices, viewNames, strict=False):
            showSlice(part, scene.GetSingletonNode(viewName, "vtkMRMLSliceNode"))


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
    column, row, _ = (geometry[:3, :3] / np.linalg.norm(geometry[:3, :3], axis=0)).T
    row0, column0, row1, column1 = readBox(nodes.box, geometry)
    center = geometry @ [(column0 + column1) / 2, (row0 + row1) / 2, 0, 1]
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2] = column, -row, np.cross(column, row)
    pose[:3, 3] = center[:3]
    columnMm, rowMm = np.linalg.norm(geometry[:3, :2], axis=0)
    side = FIELD_OF_VIEW_IN_BOXES * max((row1 - row0) * rowMm, (column1 - column0) * columnMm)
    width, height, _ = sliceNode.GetDimensions()
    scale = side / max(min(width, height), 1)
    wasModifying = sliceNode.StartModify()
    sliceNode.GetSliceToRAS().DeepCopy(slicer.util.vtkMatrixFromArray(pose))
    sliceNode.UpdateMatrices()
    sliceNode.SetFieldOfView(width * scale, height * scale, sliceNode.GetFieldOfView()[2])
    sliceNode.EndModify(wasModifying)


def _showOnlyIn(display: slicer.vtkMRMLDisplayNode | None, sliceNode: slicer.vtkMRMLSliceNode) -> None:
    if display:
        display.SetViewNodeIDs([sliceNode.GetID()])


def _id(node: slicer.vtkMRMLNode | None) -> str | None:
    return node.GetID() if node else None
