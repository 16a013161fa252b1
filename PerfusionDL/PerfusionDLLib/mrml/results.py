"""Results into nodes: flow maps that know what they measure, the segment table, the curves."""

from collections.abc import Mapping, Sequence

import numpy as np
import slicer
import vtk

from ..aha import SEGMENT_NAMES
from ..maps import FitStatus, PerfusionMaps, RegionFlow, SegmentRow, SegmentTable, SliceMaps
from .colors import FLOW_UNIT, flowColors, labelColors, showLegend
from .hierarchy import neutralStudyItem, placeNode, placeScan
from .nodes import ScanNodes, SliceNodes, setAttribute
from .sequences import DISCLAIMER, sliceTitle

_BLOOD_FLOW = ("126390", "DCM", "Absolute Regional Blood Flow")
_ML_MIN_G = ("mL/min/g", "UCUM", "milliliter per minute per gram")

_REGION_COLUMNS = {
    "MBF low": ("mbf_low_ml_min_g", FLOW_UNIT),
    "MBF high": ("mbf_high_ml_min_g", FLOW_UNIT),
    "MBF of mean curve": ("curve_mbf_ml_min_g", FLOW_UNIT),
    "endo": ("endo_ml_min_g", FLOW_UNIT),
    "epi": ("epi_ml_min_g", FLOW_UNIT),
    "endo/epi": ("endo_epi_ratio", ""),
    "failed share": ("failed_share", ""),
}


def writeMaps(
    scene: slicer.vtkMRMLScene,
    nodes: ScanNodes,
    maps: PerfusionMaps,
    *,
    scaleEnd: float,
    slices: Sequence[SliceNodes] | None = None,
) -> None:
    """Put the flow maps and curves of a scan beside its contours; nodes that are there already are updated.

    scaleEnd : upper end of the color scale, mL/min/g, the same for rest and stress (`flowScaleEnd`)
    slices : the slices that the maps are of, where they are not all
    """
    slices = nodes.slices if slices is None else slices
    if len(maps.slices) != len(slices):
        raise ValueError(f"expected maps of {len(slices)} slices, got {len(maps.slices)}")
    for part, sliceMaps in zip(slices, maps.slices, strict=True):
        writeSliceMaps(scene, part, sliceMaps, maps.provenance, scaleEnd=scaleEnd)
    _writeArterialInput(scene, nodes, maps)
    placeScan(scene, nodes)


def writeSliceMaps(
    scene: slicer.vtkMRMLScene,
    nodes: SliceNodes,
    maps: SliceMaps,
    provenance: Mapping[str, str],
    *,
    scaleEnd: float,
) -> None:
    """Put the flow of one slice into its nodes."""
    name = sliceTitle(nodes)
    nodes.mbf = _scalarMap(scene, nodes, nodes.mbf, f"{name} MBF", maps.mbf_ml_min_g)
    nodes.mbfError = _scalarMap(scene, nodes, nodes.mbfError, f"{name} MBF standard error", maps.mbf_se_ml_min_g)
    for volume, end in ((nodes.mbf, scaleEnd), (nodes.mbfError, scaleEnd / 2)):
        _showFlow(scene, volume, end)
        for key, value in provenance.items():
            volume.SetAttribute(f"PerfusionDL.{key}", str(value))
        setAttribute(volume, "disclaimer", DISCLAIMER)
    showLegend(nodes.mbf, f"MBF ({FLOW_UNIT})", scaleEnd=scaleEnd)
    segmentColors = labelColors(scene, "AHA segments", SEGMENT_NAMES)
    nodes.segments = _labelMap(scene, nodes, nodes.segments, f"{name} AHA segments", maps.segments, segmentColors)
    statusColors = labelColors(scene, "Fit status", _statusNames())
    nodes.fitStatus = _labelMap(scene, nodes, nodes.fitStatus, f"{name} fit status", maps.status, statusColors)
    _writeCurves(scene, nodes, maps, name)


def writeTable(
    scene: slicer.vtkMRMLScene, table: SegmentTable, node: slicer.vtkMRMLTableNode | None = None
) -> slicer.vtkMRMLTableNode:
    """Put the segment table into a table node: 16 segments, territories, whole left ventricle; NaN without a value."""
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLTableNode", "Myocardial blood flow by AHA segment")
        setAttribute(node, "segmentTable", True)
        placeNode(scene, node, neutralStudyItem(scene))
    rows = (*table.segments, *table.territories, table.whole)
    wasModifying = node.StartModify()
    _fillTable(node, {title: values for title, (values, _) in _tableColumns(rows).items()})
    for title, (_, unit) in _tableColumns(rows).items():
        if unit:
            node.SetColumnUnitLabel(title, unit)
    for key, value in table.provenance.items():
        node.SetAttribute(f"PerfusionDL.{key}", str(value))
    setAttribute(node, "disclaimer", DISCLAIMER)
    node.SetUseColumnTitleAsColumnHeader(False)
    node.SetLocked(True)
    node.EndModify(wasModifying)
    return node


def _tableColumns(rows: Sequence[SegmentRow]) -> dict[str, tuple[list, str]]:
    """Values and unit by title, what is read first on the left.

    The first column has no gaps, because the reader of table files would drop them.
    """
    flows: dict[str, list[RegionFlow]] = {
        condition: [getattr(row, condition.lower()) for row in rows] for condition in ("Rest", "Stress")
    }
    columns: dict[str, tuple[list, str]] = {
        "Name": ([row.name for row in rows], ""),
        "AHA segment": (["" if row.aha_segment is None else str(row.aha_segment) for row in rows], ""),
        "Rest MBF": ([flow.mbf_ml_min_g for flow in flows["Rest"]], FLOW_UNIT),
        "Stress MBF": ([flow.mbf_ml_min_g for flow in flows["Stress"]], FLOW_UNIT),
        "MPR": ([row.mpr for row in rows], ""),
        "Territory": ([row.territory for row in rows], ""),
        "Level": ([str(row.level) for row in rows], ""),
        "Flags": (["; ".join(row.flags) for row in rows], ""),
    }
    for condition, regions in flows.items():
        for title, (field, unit) in _REGION_COLUMNS.items():
            columns[f"{condition} {title}"] = ([getattr(flow, field) for flow in regions], unit)
        columns[f"{condition} origin"] = ([str(flow.origin) for flow in regions], "")
    return columns


def _fillTable(node: slicer.vtkMRMLTableNode, columns: Mapping[str, Sequence]) -> None:
    """Replace all columns: text where there is text, double precision elsewhere."""
    table = vtk.vtkTable()
    for title, values in columns.items():
        text = any(isinstance(value, str) for value in values)
        array = vtk.vtkStringArray() if text else vtk.vtkDoubleArray()
        array.SetName(title)
        for value in values:
            array.InsertNextValue(value if text else float(value))
        table.AddColumn(array)
    node.SetAndObserveTable(table)
    for title, values in columns.items():
        node.SetColumnType(title, vtk.VTK_STRING if any(isinstance(v, str) for v in values) else vtk.VTK_DOUBLE)


def _statusNames() -> dict[int, str]:
    """Every combination of reasons that a pixel can have."""
    every = sum(FitStatus)
    return {value: FitStatus(value).name.replace("_", " ").replace("|", ", ").lower() for value in range(1, every + 1)}


def _scalarMap(
    scene: slicer.vtkMRMLScene,
    nodes: SliceNodes,
    volume: slicer.vtkMRMLScalarVolumeNode | None,
    name: str,
    pixels: np.ndarray,
) -> slicer.vtkMRMLScalarVolumeNode:
    if volume is None:
        volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        _copyGeometry(nodes, volume)
        volume.SetVoxelValueQuantity(_codedEntry(_BLOOD_FLOW))
        volume.SetVoxelValueUnits(_codedEntry(_ML_MIN_G))
    slicer.util.updateVolumeFromArray(volume, pixels.astype(np.float32)[np.newaxis])
    return volume


def _labelMap(
    scene, nodes: SliceNodes, volume, name: str, pixels: np.ndarray, colors
) -> slicer.vtkMRMLLabelMapVolumeNode:
    if volume is None:
        volume = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
        _copyGeometry(nodes, volume)
        volume.CreateDefaultDisplayNodes()
        volume.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    slicer.util.updateVolumeFromArray(volume, pixels.astype(np.uint8)[np.newaxis])
    return volume


def _copyGeometry(nodes: SliceNodes, volume: slicer.vtkMRMLVolumeNode) -> None:
    matrix = vtk.vtkMatrix4x4()
    nodes.originalVolume.GetIJKToRASMatrix(matrix)
    volume.SetIJKToRASMatrix(matrix)


def _codedEntry(code: tuple[str, str, str]) -> slicer.vtkCodedEntry:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(*code)
    return entry


def _showFlow(scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode, end: float) -> None:
    """Flow in color from 0 to the end of the scale, pixel by pixel; pixels without a flow (NaN) are transparent."""
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.SetAndObserveColorNodeID(flowColors(scene).GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, end)
    display.SetInterpolate(False)
    display.SetAutoThreshold(False)
    display.SetThreshold(0, 1e6)
    display.SetApplyThreshold(True)


def _writeCurves(scene: slicer.vtkMRMLScene, nodes: SliceNodes, maps: SliceMaps, name: str) -> None:
    """Mean concentration of each AHA segment with the fitted curve."""
    columns: dict[str, Sequence] = {}
    for number, fit in sorted(maps.segment_fits.items()):
        columns |= {
            f"Time {number}": fit.times_s,
            f"Segment {number}": fit.concentration_mmol_l,
            f"Fit {number}": fit.fitted_mmol_l,
        }
    if nodes.curves is None:
        nodes.curves = scene.AddNewNodeByClass("vtkMRMLTableNode", f"{name} segment curves")
    _fillTable(nodes.curves, columns)
    if nodes.chart is None:
        nodes.chart = _newChart(scene, f"{name} segment curves")
    colors = labelColors(scene, "AHA segments", SEGMENT_NAMES)
    for index, number in enumerate(sorted(maps.segment_fits)):
        color = [0.0] * 4
        colors.GetColor(number, color)
        for offset, kind in enumerate(("Segment", "Fit")):
            series = _plotSeries(scene, nodes.chart, 2 * index + offset, f"{name} {kind.lower()} {number}", color[:3])
            _plotColumns(series, nodes.curves, f"Time {number}", f"{kind} {number}", line=kind == "Fit")


def _writeArterialInput(scene: slicer.vtkMRMLScene, nodes: ScanNodes, maps: PerfusionMaps) -> None:
    name = f"{nodes.condition.capitalize()} arterial input"
    measured = maps.arterial_input
    if nodes.arterialInput is None:
        nodes.arterialInput = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
        nodes.arterialInputChart = _newChart(scene, name)
    _fillTable(nodes.arterialInput, {"Time": measured.times_s, "Blood": measured.concentration_mmol_l})
    nodes.arterialInput.SetColumnUnitLabel("Time", "s")
    nodes.arterialInput.SetColumnUnitLabel("Blood", "mmol/L")
    setAttribute(nodes.arterialInput, "source", measured.source)
    setAttribute(nodes.arterialInput, "flags", list(measured.flags))
    series = _plotSeries(scene, nodes.arterialInputChart, 0, name, (0.84, 0.37, 0.0))
    _plotColumns(series, nodes.arterialInput, "Time", "Blood", line=True)


def _newChart(scene: slicer.vtkMRMLScene, title: str) -> slicer.vtkMRMLPlotChartNode:
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", title)
    chart.SetTitle(f"{title}. {DISCLAIMER}.")
    chart.SetXAxisTitle("Time (s)")
    chart.SetYAxisTitle("Gadolinium (mmol/L)")
    return chart


def _plotSeries(
    scene: slicer.vtkMRMLScene, chart: slicer.vtkMRMLPlotChartNode, index: int, name: str, color: Sequence[float]
) -> slicer.vtkMRMLPlotSeriesNode:
    """The series at this place of a chart, made where it is missing, so that updates leave no strays.

    Hidden from lists of nodes, because each slice has a dozen; the chart shows them.
    """
    series = chart.GetNthPlotSeriesNode(index)
    if series is None:
        series = slicer.vtkMRMLPlotSeriesNode()
        series.SetHideFromEditors(True)
        series = scene.AddNode(series)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    series.SetName(name)
    series.SetColor(*color)
    return series


def _plotColumns(
    series: slicer.vtkMRMLPlotSeriesNode, table: slicer.vtkMRMLTableNode, x: str, y: str, *, line: bool
) -> None:
    """Plot one column over another, as a line or as dots."""
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetXColumnName(x)
    series.SetYColumnName(y)
    series.SetLineStyle(series.LineStyleSolid if line else series.LineStyleNone)
    series.SetMarkerStyle(series.MarkerStyleNone if line else series.MarkerStyleCircle)
