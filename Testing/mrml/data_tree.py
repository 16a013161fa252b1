"""The data tree as Slicer fills it: its plugins make an item under the scene for every node that is added.

Ours, not Slicer's: which classes have items, and nothing of what the plugins do to items later.
"""

from contextlib import contextmanager

import slicer
import vtk

CLASSES = (
    *("vtkMRMLVolumeNode", "vtkMRMLSegmentationNode", "vtkMRMLMarkupsNode"),
    *("vtkMRMLTableNode", "vtkMRMLPlotChartNode", "vtkMRMLTransformNode", "vtkMRMLTextNode"),
)


@contextmanager
def followed(scene):
    """Make items for nodes that are added, and take them away with their nodes."""

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onAdded(caller, event, node):
        if not scene.IsImporting() and not node.GetHideFromEditors() and any(map(node.IsA, CLASSES)):
            tree = hierarchy(scene)
            tree.CreateItem(tree.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onLeaving(caller, event, node):
        if not scene.IsClosing() and any(map(node.IsA, CLASSES)):
            tree = hierarchy(scene)
            tree.RemoveItem(tree.GetItemByDataNode(node), False, False)

    added = scene.AddObserver(scene.NodeAddedEvent, onAdded)
    leaving = scene.AddObserver(scene.NodeAboutToBeRemovedEvent, onLeaving)
    yield
    scene.RemoveObserver(added)
    scene.RemoveObserver(leaving)


def roots(scene):
    """Names of what stands in no folder."""
    tree, items = hierarchy(scene), vtk.vtkIdList()
    tree.GetItemChildren(tree.GetSceneItemID(), items, False)
    return [tree.GetItemName(items.GetId(index)) for index in range(items.GetNumberOfIds())]


def hierarchy(scene):
    """The data tree."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
