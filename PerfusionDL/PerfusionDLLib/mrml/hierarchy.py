"""Where things stand in the data tree: study, scan, slice."""

import slicer

from .nodes import PREFIX, ScanNodes, SliceNodes

STUDY_NAME = "Cardiac perfusion"

_SLICE_MARK = f"{PREFIX}.slice"
_SLICE_ROLES = (
    *("originalVolume", "correctedVolume", "contours", "automatic", "rvInsertionPoints", "box"),
    *("mbf", "mbfError", "fitStatus", "segments", "curves", "chart"),
)
_SCAN_ROLES = ("inputSeries", "arterialInput", "arterialInputChart", "bullseye", "reserve")


def placeScan(scene: slicer.vtkMRMLScene, nodes: ScanNodes, *, studyItem: int | None = None) -> int:
    """Put the nodes of a scan under its folder, a folder for each slice; returns the scan's item.

    Called again after nodes were added, it keeps the folders and the names that the user gave them. In Slicer the
    items are there already, made by the plugins of the data tree, and are only moved.

    studyItem : item to put a new scan under; by default a study whose name says nothing about the patient
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    scanItem = _scanItem(hierarchy, nodes)
    if not scanItem:
        scanItem = hierarchy.CreateFolderItem(studyItem or neutralStudyItem(scene), nodes.browser.GetName())
    for part in nodes.slices:
        item = _sliceItem(hierarchy, part)
        if not item:
            item = hierarchy.CreateFolderItem(scanItem, part.name.capitalize())
            hierarchy.SetItemAttribute(item, _SLICE_MARK, str(part.number))
        for role in _SLICE_ROLES:
            placeNode(scene, getattr(part, role), item)
    for role in _SCAN_ROLES:
        placeNode(scene, getattr(nodes, role), scanItem)
    return scanItem


def moveScan(scene: slicer.vtkMRMLScene, nodes: ScanNodes, studyItem: int) -> None:
    """Put a scan under another study; the neutral one goes when nothing is left in it."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    scanItem = _scanItem(hierarchy, nodes)
    former = hierarchy.GetItemParent(scanItem)
    hierarchy.SetItemParent(scanItem, studyItem)
    if hierarchy.GetItemName(former) == STUDY_NAME and hierarchy.GetNumberOfItemChildren(former) == 0:
        hierarchy.RemoveItem(former)


def placeNode(scene: slicer.vtkMRMLScene, node: slicer.vtkMRMLNode | None, parentItem: int) -> None:
    """Put one node under an item."""
    if node is None:
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.SetItemParent(item, parentItem)
    else:
        hierarchy.CreateItem(parentItem, node)


def neutralStudyItem(scene: slicer.vtkMRMLScene) -> int:
    """The study that scans are put under when nobody names another: it says nothing about the patient."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    sceneItem = hierarchy.GetSceneItemID()
    return hierarchy.GetItemChildWithName(sceneItem, STUDY_NAME) or hierarchy.CreateStudyItem(sceneItem, STUDY_NAME)


def nameOfPatient(scene: slicer.vtkMRMLScene, nodes: ScanNodes) -> str:
    """Whose scan it is and of which study, as the data tree says; empty where it does not."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    levels = slicer.vtkMRMLSubjectHierarchyConstants
    item = _scanItem(hierarchy, nodes)
    above = [levels.GetDICOMLevelPatient(), levels.GetDICOMLevelStudy()]
    items = [hierarchy.GetItemAncestorAtLevel(item, level) for level in above] if item else []
    return ", ".join(hierarchy.GetItemName(one) for one in items if one and hierarchy.GetItemName(one) != STUDY_NAME)


def _sliceItem(hierarchy: slicer.vtkMRMLSubjectHierarchyNode, part: SliceNodes) -> int:
    """The folder of a slice, found through the volume that it holds; 0 where there is none."""
    item = hierarchy.GetItemByDataNode(part.originalVolume) if part.originalVolume else 0
    parent = hierarchy.GetItemParent(item) if item else 0
    return parent if parent and hierarchy.HasItemAttribute(parent, _SLICE_MARK) else 0


def _scanItem(hierarchy: slicer.vtkMRMLSubjectHierarchyNode, nodes: ScanNodes) -> int:
    folders = (_sliceItem(hierarchy, part) for part in nodes.slices)
    return next((hierarchy.GetItemParent(folder) for folder in folders if folder), 0)
