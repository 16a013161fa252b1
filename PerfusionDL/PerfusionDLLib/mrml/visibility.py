"""Whose contours, points, numbers and images are shown: rest, stress and other patients lie in the same place."""

from collections.abc import Iterator, Sequence

import slicer

from .layouts import BULLSEYE_VIEWS, LARGE_VIEWS, MAP_ROWS, OWN_ROWS, RESERVE_VIEW
from .nodes import ScanNodes, attribute, findScans, setAttribute


def showOnlyScans(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], *, drawn: bool = True) -> None:
    """Hide what is drawn of all other scans in the scene: rest, stress and other patients lie in the same place.

    What was hidden here is shown again as soon as its scan is chosen.

    drawn : whether contours, points and boxes of these scans are shown, or images alone
    """
    chosen = {nodes.browser.GetID() for nodes in scans}
    for nodes in findScans(scene):
        isChosen = nodes.browser.GetID() in chosen
        for display in _drawnOn(nodes):
            _hide(display, not (isChosen and drawn))
        for display in _drawnBeside(nodes):
            _hide(display, not isChosen)
    for rows in (OWN_ROWS, MAP_ROWS):
        for row, names in enumerate(rows):
            slices = scans[row].slices if row < len(scans) else ()
            for viewName in names[len(slices) :]:
                _emptyView(scene, viewName)
    for viewName in LARGE_VIEWS[len(scans) :]:
        _emptyView(scene, viewName)
    for viewName in BULLSEYE_VIEWS[len(scans) :]:
        _emptyView(scene, viewName)
    if not any(nodes.reserve for nodes in scans):
        _emptyView(scene, RESERVE_VIEW)


def _drawnOn(nodes: ScanNodes) -> Iterator[slicer.vtkMRMLDisplayNode]:
    """How the contours, points and boxes of a scan are displayed."""
    for part in nodes.slices:
        yield from _displaysOf(part.contours, part.automatic, part.rvInsertionPoints, part.box)


def _drawnBeside(nodes: ScanNodes) -> Iterator[slicer.vtkMRMLDisplayNode]:
    """How the numbers, legends and the picked pixel of a scan are displayed."""
    yield from _displaysOf(nodes.bullseyeValues, nodes.reserveValues, nodes.pickedPoint)
    colored = filter(None, (*(part.mbf for part in nodes.slices), nodes.bullseye, nodes.reserve))
    yield from filter(None, map(slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode, colored))


def _displaysOf(*drawn: slicer.vtkMRMLDisplayableNode | None) -> Iterator[slicer.vtkMRMLDisplayNode]:
    yield from (node.GetDisplayNode() for node in drawn if node and node.GetDisplayNode())


def _hide(display: slicer.vtkMRMLDisplayNode, hidden: bool) -> None:
    """Hide something that is visible, or show again what was hidden here; what the user hid stays hidden."""
    if hidden and display.GetVisibility():
        display.SetVisibility(False)
        setAttribute(display, "hidden", True)
    elif not hidden and attribute(display, "hidden"):
        display.RemoveAttribute("PerfusionDL.hidden")
        display.SetVisibility(True)


def _emptyView(scene: slicer.vtkMRMLScene, viewName: str) -> None:
    sliceNode = scene.GetSingletonNode(viewName, "vtkMRMLSliceNode")
    if sliceNode is not None:
        composite = compositeNode(sliceNode)
        composite.SetBackgroundVolumeID(None)
        composite.SetForegroundVolumeID(None)
        composite.SetLabelVolumeID(None)


def compositeNode(sliceNode: slicer.vtkMRMLSliceNode) -> slicer.vtkMRMLSliceCompositeNode:
    """The node that says which volumes a view shows; in Slicer it is there already."""
    composite = slicer.vtkMRMLSliceLogic.GetSliceCompositeNode(sliceNode)
    if composite is None:
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetLayoutName(sliceNode.GetLayoutName())
        composite.SetSingletonTag(sliceNode.GetLayoutName())
        composite = sliceNode.GetScene().AddNode(composite)
    return composite
