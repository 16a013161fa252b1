"""What the views show: a row of short-axis views for each scan, maps and contours over the images, curves below."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import slicer
import vtk

from ..data.study import Level
from .nodes import ScanNodes, SliceNodes, attribute, findScans, setAttribute
from .reading import readBox, readGeometry

VIEW_ROWS = (("Red", "Green", "Yellow"), ("Red+", "Green+", "Yellow+"))
"""Slice views of Slicer's own three-over-three layout, so that a saved scene looks right without this extension too."""

OWN_ROWS = (
    ("PerfusionBasal1", "PerfusionMid1", "PerfusionApical1"),
    ("PerfusionBasal2", "PerfusionMid2", "PerfusionApical2"),
)
"""Slice views of our own layouts, which leave those of Slicer as they are."""

BULLSEYE_VIEWS = ("PerfusionBullseye1", "PerfusionBullseye2")
"""Of the scan in the same row."""

ROW_LABELS = (("S", "#D55E00"), ("R", "#0072B2"))
"""Letter and edge color of the views of stress and rest: the bar above a view has room for three letters."""

ONE_SCAN_COLOR = "#7F7F7F"
RESERVE_VIEW = "PerfusionReserve"
CURVES_VIEW = "PerfusionCurves"
LAYOUTS = {1: 7130, 2: 7131}
"""Numbers of our layouts by rows; Slicer asks for numbers above 100 that no other extension uses."""

SHORT_AXIS = "ShortAxis"
"""Name of the plane of a slice among the orientations of its view: Slicer cannot read back one without a name, and no
name with a blank."""

MAP_OPACITY = 0.7
FIELD_OF_VIEW_IN_BOXES = 1.9
BULLSEYE_FIELD_MM = 104.0, 132.0
"""Width and height of a bullseye with its title above and its legend below."""
BULLSEYE_RISE_MM = 5.0
"""Of the bullseye above the middle of its view: the legend is higher than the title."""


def registerLayouts(scene: slicer.vtkMRMLScene) -> None:
    """Make our layouts known, so that a scene that was saved in one opens in it; Slicer without a window has none."""
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is None:
        return
    for rows, number in LAYOUTS.items():
        if not layout.IsLayoutDescription(number):
            layout.AddLayoutDescription(number, layoutDescription(rows))


def showScans(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], *, withCurves: bool = False) -> None:
    """Show the first two scans, each slice in a view of its own, the heart filling it.

    Contours, points and legend are shown in the view of their own slice only: rest and stress lie in the same place.

    withCurves : a bullseye beside each scan and the curves below, in a layout of our own; else Slicer's
        three-over-three layout, which every Slicer knows
    """
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if layout is None:  # Slicer without a window
        return
    if withCurves:
        registerLayouts(scene)
        layout.SetViewArrangement(LAYOUTS[max(1, min(len(scans), len(VIEW_ROWS)))])
    else:
        layout.SetViewArrangement(slicer.vtkMRMLLayoutNode.SlicerLayoutThreeOverThreeView)
    showOnlyScans(scene, scans)
    shown = list(_shown(scene, scans))
    for part, sliceNodes in shown:
        showSlice(part, sliceNodes)
    _showOneLegend([part for part, _ in shown])
    showBullseyes(scene, scans)


def showOnlyScans(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes]) -> None:
    """Hide what is drawn of all other scans in the scene: rest, stress and other patients lie in the same place.

    What was hidden here is shown again as soon as its scan is chosen.
    """
    chosen = {nodes.browser.GetID() for nodes in scans}
    for nodes in findScans(scene):
        for display in _drawnOver(nodes):
            _hide(display, nodes.browser.GetID() not in chosen)
    for row, names in enumerate(OWN_ROWS):
        slices = scans[row].slices if row < len(scans) else ()
        for viewName in names[len(slices) :]:
            _emptyView(scene, viewName)
    for viewName in BULLSEYE_VIEWS[len(scans) :]:
        _emptyView(scene, viewName)
    if not any(nodes.reserve for nodes in scans):
        _emptyView(scene, RESERVE_VIEW)


def _drawnOver(nodes: ScanNodes) -> Iterator[slicer.vtkMRMLDisplayNode]:
    """How the contours, points and numbers of a scan are displayed."""
    for part in nodes.slices:
        drawn = (part.contours, part.automatic, part.rvInsertionPoints, part.box)
        yield from (node.GetDisplayNode() for node in drawn if node and node.GetDisplayNode())
        if part.mbf:
            yield from filter(None, [slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(part.mbf)])
    beside = (nodes.bullseyeValues, nodes.reserveValues, nodes.pickedPoint)
    yield from (node.GetDisplayNode() for node in beside if node and node.GetDisplayNode())


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
        composite = _compositeNode(sliceNode)
        composite.SetBackgroundVolumeID(None)
        composite.SetForegroundVolumeID(None)
        composite.SetLabelVolumeID(None)


def _showOneLegend(slices: Sequence[SliceNodes]) -> None:
    """All slices share one scale: the legend of the first one is enough."""
    for part in slices:
        legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(part.mbf) if part.mbf else None
        if legend:
            legend.SetVisibility(part is slices[0])


def showPeakFrames(scans: Sequence[ScanNodes]) -> None:
    """Go to the frame of the peak in the left ventricle, or the brightest frame where nobody has found it yet."""
    for nodes in scans:
        frame = peakFrame(nodes)
        if frame is not None:
            nodes.browser.SetSelectedItemNumber(frame)


def peakFrame(nodes: ScanNodes) -> int | None:
    """The frame (0-based) in which the left ventricle of the middle slice peaks, as far as that is known."""
    frames = [attribute(part.contours, "peak_frame") for part in nodes.slices]
    found = [frame for frame in frames if frame is not None]
    return found[len(found) // 2] if found else attribute(nodes.browser, "brightest_frame")


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
    composite = _compositeNode(sliceNode)
    composite.SetBackgroundVolumeID(_id(volume))
    composite.SetForegroundVolumeID(None)
    composite.SetLabelVolumeID(None)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume) if volume else None
    pose = np.diag([-1.0, 1.0, 1.0, 1.0])
    pose[1, 3] = -BULLSEYE_RISE_MM
    _look(sliceNode, pose, BULLSEYE_FIELD_MM)
    _showOnlyIn(values.GetDisplayNode() if values else None, [sliceNode])
    _showOnlyIn(legend, [sliceNode])


def chooseImages(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], *, original: bool, mapOpacity: float) -> None:
    """Show the images as acquired or in one pose, and the flow map over them more or less."""
    for part, sliceNodes in _shown(scene, scans):
        images = part.originalVolume if original else part.correctedVolume or part.originalVolume
        for composite in map(_compositeNode, sliceNodes):
            composite.SetBackgroundVolumeID(_id(images))
            composite.SetForegroundVolumeID(_id(part.mbf))
            composite.SetForegroundOpacity(mapOpacity)


def showChart(scene: slicer.vtkMRMLScene, chart: slicer.vtkMRMLPlotChartNode | None) -> None:
    """Show a chart in the plot view of our layout, where that is open."""
    view = scene.GetSingletonNode(CURVES_VIEW, "vtkMRMLPlotViewNode")
    if view and chart:
        view.SetPlotChartNodeID(chart.GetID())


def showSlice(nodes: SliceNodes, sliceNodes: Sequence[slicer.vtkMRMLSliceNode]) -> None:
    """Show one slice in its views and in no other: in its own plane, centered on the left ventricle, rows downwards."""
    for sliceNode in sliceNodes:
        composite = _compositeNode(sliceNode)
        composite.SetBackgroundVolumeID(_id(nodes.correctedVolume or nodes.originalVolume))
        composite.SetForegroundVolumeID(_id(nodes.mbf))
        composite.SetLabelVolumeID(None)
        composite.SetForegroundOpacity(MAP_OPACITY)
        _lookAt(nodes, sliceNode)
    for node in (nodes.contours, nodes.automatic, nodes.rvInsertionPoints, nodes.box):
        _showOnlyIn(node.GetDisplayNode() if node else None, sliceNodes)
    if nodes.mbf:
        _showOnlyIn(slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(nodes.mbf), sliceNodes)


def viewOf(viewName: str) -> tuple[int, int] | None:
    """Row of the scan and number of the slice that a view shows."""
    for rows in (VIEW_ROWS, OWN_ROWS):
        for row, names in enumerate(rows):
            if viewName in names:
                return row, names.index(viewName)
    return None


def layoutDescription(rows: int) -> str:
    """A row of three slice views and a bullseye for each scan; below, the curves and the bullseye of the reserve.

    Every view has a group of its own, because slices and bullseyes lie in planes of their own: what moves one of them
    must not move another.
    """
    groups = iter(range(10, 100))

    def sliceView(name: str, label: str, color: str) -> str:
        properties = {"orientation": "Axial", "viewlabel": label, "viewcolor": color, "viewgroup": str(next(groups))}
        return _view("vtkMRMLSliceNode", name, properties)

    body = ""
    for (letter, color), names, bullseye in zip(ROW_LABELS, OWN_ROWS[:rows], BULLSEYE_VIEWS, strict=False):
        scan, color = (f"{letter}-", color) if rows > 1 else ("", ONE_SCAN_COLOR)
        views = [sliceView(name, scan + level[0].upper(), color) for name, level in zip(names, Level, strict=True)]
        views.append(sliceView(bullseye, f"{scan}MBF", color))
        body += f'<item><layout type="horizontal">{"".join(views)}</layout></item>'
    curves = _view("vtkMRMLPlotViewNode", CURVES_VIEW, {"viewlabel": "Curves"})
    if rows > 1:
        curves = (
            f'<item><layout type="horizontal">{curves}{sliceView(RESERVE_VIEW, "MPR", ONE_SCAN_COLOR)}</layout></item>'
        )
    return f'<layout type="vertical">{body}{curves}</layout>'


def _view(kind: str, name: str, properties: Mapping[str, str]) -> str:
    texts = (f'<property name="{key}" action="default">{value}</property>' for key, value in properties.items())
    return f'<item><view class="{kind}" singletontag="{name}">{"".join(texts)}</view></item>'


def _shown(
    scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes]
) -> Iterator[tuple[SliceNodes, list[slicer.vtkMRMLSliceNode]]]:
    """Each slice with its views, where there are any."""
    for nodes, plain, own in zip(scans, VIEW_ROWS, OWN_ROWS, strict=False):
        for part, *names in zip(nodes.slices, plain, own, strict=False):
            found = (scene.GetSingletonNode(name, "vtkMRMLSliceNode") for name in names)
            sliceNodes = [sliceNode for sliceNode in found if sliceNode]
            if sliceNodes and part.original:
                yield part, sliceNodes


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
    _look(sliceNode, pose, (side, side))


def _look(sliceNode: slicer.vtkMRMLSliceNode, pose: np.ndarray, sides_mm: tuple[float, float]) -> None:
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


def _wholeImage(nodes: SliceNodes) -> tuple[float, float, float, float]:
    columns, rows, _ = nodes.original.GetNthDataNode(0).GetImageData().GetDimensions()
    return -0.5, -0.5, rows - 0.5, columns - 0.5


def _showOnlyIn(display: slicer.vtkMRMLDisplayNode | None, sliceNodes: Sequence[slicer.vtkMRMLSliceNode]) -> None:
    if display:
        display.SetViewNodeIDs([sliceNode.GetID() for sliceNode in sliceNodes])


def showOnlyWith(display: slicer.vtkMRMLDisplayNode, other: slicer.vtkMRMLDisplayableNode) -> None:
    """Show something in the views in which another node is shown."""
    views = other.GetDisplayNode().GetViewNodeIDs()
    if views != display.GetViewNodeIDs():
        display.SetViewNodeIDs(views)


def _id(node: slicer.vtkMRMLNode | None) -> str | None:
    return node.GetID() if node else None
