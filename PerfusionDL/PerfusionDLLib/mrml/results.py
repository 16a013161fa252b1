"""Results into nodes: flow maps that know what they measure, the segment table, the curves."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import slicer
import vtk

from ..data.aha import SEGMENT_NAMES
from ..data.flow import FitStatus, PerfusionMaps, SliceMaps
from ..data.table import RegionFlow, SegmentRow, SegmentTable
from .colors import FLOW_UNIT, FlowScale, labelColors, showFlow, showFlowLegend
from .hierarchy import neutralStudyItem, placeNode, placeScan
from .layouts import isArranged
from .nodes import ScanNodes, SliceNodes, quietly, setAttribute, setFlags
from .pixels import updatePixels
from .plots import fillTable, newChart, plotColumns, plotSeries
from .sequences import DISCLAIMER, sliceTitle

_BLOOD_FLOW = ("126390", "DCM", "Absolute Regional Blood Flow")
_ML_MIN_G = ("mL/min/g", "UCUM", "milliliter per minute per gram")

_DECIMALS = 2
_REGION_COLUMNS = {
    "MBF low": ("mbf_low_ml_min_g", FLOW_UNIT),
    "MBF high": ("mbf_high_ml_min_g", FLOW_UNIT),
    "MBF of mean curve": ("curve_mbf_ml_min_g", FLOW_UNIT),
    "endo": ("endo_ml_min_g", FLOW_UNIT),
    "epi": ("epi_ml_min_g", FLOW_UNIT),
    "endo/epi": ("endo_epi_ratio", ""),
    "failed share": ("failed_share", ""),
}
_LAYER_COLUMNS = {
    "endo low": ("endo_low_ml_min_g", FLOW_UNIT),
    "endo high": ("endo_high_ml_min_g", FLOW_UNIT),
    "epi low": ("epi_low_ml_min_g", FLOW_UNIT),
    "epi high": ("epi_high_ml_min_g", FLOW_UNIT),
    "endo/epi low": ("endo_epi_ratio_low", ""),
    "endo/epi high": ("endo_epi_ratio_high", ""),
}


def writeMaps(
    scene: slicer.vtkMRMLScene,
    nodes: ScanNodes,
    maps: PerfusionMaps,
    *,
    scale: FlowScale,
    slices: Sequence[SliceNodes] | None = None,
    former: PerfusionMaps | None = None,
) -> None:
    """Put the flow maps and curves of a scan beside its contours; nodes that are there already are updated.

    scale : of the colors (`flowScales`)
    slices : the slices that the maps are of, where they are not all
    former : what the nodes hold, on the same scale; a slice in which nothing changed since is not written again
    """
    for _ in mapsPieces(scene, nodes, maps, scale=scale, slices=slices, former=former):
        pass


def mapsPieces(
    scene: slicer.vtkMRMLScene,
    nodes: ScanNodes,
    maps: PerfusionMaps,
    *,
    scale: FlowScale,
    slices: Sequence[SliceNodes] | None = None,
    former: PerfusionMaps | None = None,
) -> Iterator[None]:
    """The same a piece at a time."""
    slices = nodes.slices if slices is None else slices
    if len(maps.slices) != len(slices):
        raise ValueError(f"expected maps of {len(slices)} slices, got {len(maps.slices)}")
    unchanged = {id(sliceMaps) for sliceMaps in former.slices} if former else set()
    placed = all(part.hasMaps for part in slices) and nodes.arterialInput and nodes.arterialInputChart
    for part, sliceMaps in zip(slices, maps.slices, strict=True):
        if id(sliceMaps) in unchanged and part.hasMaps:
            _writeProvenance(part, maps.provenance)
        else:
            yield from _sliceMapsPieces(scene, part, sliceMaps, maps.provenance, scale)
    if not placed or former is None or former.arterial_input is not maps.arterial_input:
        _writeArterialInput(scene, nodes, maps)
        yield
    if not placed:
        placeScan(scene, nodes)
        yield


def _sliceMapsPieces(
    scene: slicer.vtkMRMLScene, nodes: SliceNodes, maps: SliceMaps, provenance: Mapping[str, str], scale: FlowScale
) -> Iterator[None]:
    """Put the flow of one slice into its nodes, a node at a time."""
    name = sliceTitle(nodes)
    nodes.mbf = _scalarMap(scene, nodes, nodes.mbf, f"{name} MBF", maps.mbf_ml_min_g)
    showFlow(nodes.mbf, scale)
    yield
    nodes.mbfError = _scalarMap(scene, nodes, nodes.mbfError, f"{name} MBF standard error", maps.mbf_se_ml_min_g)
    showFlow(nodes.mbfError, scale, share=0.5)
    yield
    for volume in (nodes.mbf, nodes.mbfError):
        setAttribute(volume, "disclaimer", DISCLAIMER)
    _writeProvenance(nodes, provenance)
    isNew = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(nodes.mbf) is None
    legend = showFlowLegend(nodes.mbf, scale)
    if isNew and isArranged(scene):
        legend.SetVisibility(False)  # bullseyes have legends of their own
    yield
    segmentColors = labelColors(scene, "AHA segments", SEGMENT_NAMES)
    nodes.segments = _labelMap(scene, nodes, nodes.segments, f"{name} AHA segments", maps.segments, segmentColors)
    yield
    statusColors = labelColors(scene, "Fit status", _statusNames())
    nodes.fitStatus = _labelMap(scene, nodes, nodes.fitStatus, f"{name} fit status", maps.status, statusColors)
    yield
    yield from _curvesPieces(scene, nodes, maps, name)


def _writeProvenance(nodes: SliceNodes, provenance: Mapping[str, str]) -> None:
    """Say on the flow maps of a slice what they were made from, which no view has to be drawn anew for."""
    for volume in (nodes.mbf, nodes.mbfError):
        with quietly(volume):
            for key, value in provenance.items():
                volume.SetAttribute(f"PerfusionDL.{key}", str(value))


def writeTable(
    scene: slicer.vtkMRMLScene, table: SegmentTable, node: slicer.vtkMRMLTableNode | None = None
) -> slicer.vtkMRMLTableNode:
    """Put the segment table into a table node: 16 segments, territories, whole left ventricle; NaN without a value.

    Slicer shows numbers with all their digits, so these have two decimals, like those of the report.
    """
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLTableNode", "Myocardial blood flow by AHA segment")
        setAttribute(node, "segmentTable", True)
        placeNode(scene, node, neutralStudyItem(scene))
    rows = (*table.segments, *table.territories, table.whole)
    wasModifying = node.StartModify()
    fillTable(node, {title: _rounded(values) for title, (values, _) in _tableColumns(rows).items()})
    for title, (_, unit) in _tableColumns(rows).items():
        if unit:
            node.SetColumnUnitLabel(title, unit)
    for key, value in table.provenance.flat().items():
        node.SetAttribute(f"PerfusionDL.{key}", str(value))
    setAttribute(node, "disclaimer", DISCLAIMER)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetUseFirstColumnAsRowHeader(True)
    node.SetLocked(True)
    node.EndModify(wasModifying)
    return node


def _rounded(values: list) -> list:
    return values if any(isinstance(value, str) for value in values) else list(np.round(values, _DECIMALS))


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
        "Flags": (["; ".join(flag.text_with_condition for flag in row.flags) for row in rows], ""),
    }
    if any(np.isfinite(row.corrected_rest_ml_min_g) for row in rows):
        columns["Rest MBF at RPP 10 000"] = ([row.corrected_rest_ml_min_g for row in rows], FLOW_UNIT)
        columns["MPR at RPP 10 000"] = ([row.corrected_mpr for row in rows], "")
    for condition, regions in flows.items():
        for title, (field, unit) in _REGION_COLUMNS.items():
            columns[f"{condition} {title}"] = ([getattr(flow, field) for flow in regions], unit)
        columns[f"{condition} origin"] = ([str(flow.origin) for flow in regions], "")
    columns["MPR low"] = ([row.mpr_low for row in rows], "")
    columns["MPR high"] = ([row.mpr_high for row in rows], "")
    for condition, regions in flows.items():
        for title, (field, unit) in _LAYER_COLUMNS.items():
            columns[f"{condition} {title}"] = ([getattr(flow, field) for flow in regions], unit)
    return columns


def _statusNames() -> dict[int, str]:
    """Every combination of reasons that a pixel can have."""
    every = sum(FitStatus)
    return {
        value: str(FitStatus(value).name).replace("_", " ").replace("|", ", ").lower() for value in range(1, every + 1)
    }


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
    updatePixels(volume, pixels.astype(np.float32))
    return volume


def _labelMap(
    scene, nodes: SliceNodes, volume, name: str, pixels: np.ndarray, colors
) -> slicer.vtkMRMLLabelMapVolumeNode:
    if volume is None:
        volume = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", name)
        _copyGeometry(nodes, volume)
        volume.CreateDefaultDisplayNodes()
        volume.GetDisplayNode().SetAndObserveColorNodeID(colors.GetID())
    updatePixels(volume, pixels.astype(np.uint8))
    return volume


def writePickedSegment(scene: slicer.vtkMRMLScene, nodes: ScanNodes, part: SliceNodes, pixels: np.ndarray) -> None:
    """Keep which pixels of a slice belong to the segment that was clicked, for this session only.

    pixels : (Y, X) bool
    """
    if nodes.pickedSegment is None:
        volume = slicer.vtkMRMLLabelMapVolumeNode()
        volume.SetName(f"{nodes.condition.capitalize()} picked segment")
        volume.SetHideFromEditors(True)
        volume.SetSaveWithScene(False)
        nodes.pickedSegment = scene.AddNode(volume)
        volume.CreateDefaultDisplayNodes()
        volume.GetDisplayNode().SetSaveWithScene(False)
        volume.GetDisplayNode().SetAndObserveColorNodeID(labelColors(scene, "Picked segment", {1: "picked"}).GetID())
    _copyGeometry(part, nodes.pickedSegment)
    slicer.util.updateVolumeFromArray(nodes.pickedSegment, pixels.astype(np.uint8)[np.newaxis])


def _copyGeometry(nodes: SliceNodes, volume: slicer.vtkMRMLVolumeNode) -> None:
    matrix = vtk.vtkMatrix4x4()
    original = nodes.originalVolume
    if original is None:
        raise ValueError(f"the {nodes.name} slice has results, but no images")
    original.GetIJKToRASMatrix(matrix)
    volume.SetIJKToRASMatrix(matrix)


def _codedEntry(code: tuple[str, str, str]) -> slicer.vtkCodedEntry:
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(*code)
    return entry


def _curvesPieces(scene: slicer.vtkMRMLScene, nodes: SliceNodes, maps: SliceMaps, name: str) -> Iterator[None]:
    """Mean concentration of each AHA segment with the fitted curve."""
    columns: dict[str, Sequence | np.ndarray] = {}
    for number, fit in sorted(maps.segment_fits.items()):
        columns |= {
            f"Time {number}": fit.times_s,
            f"Segment {number}": fit.concentration_mmol_l,
            f"Fit {number}": fit.fitted_mmol_l,
        }
    if nodes.curves is None:
        nodes.curves = scene.AddNewNodeByClass("vtkMRMLTableNode", f"{name} segment curves")
    fillTable(nodes.curves, columns)
    if nodes.chart is None:
        nodes.chart = newChart(scene, f"{name} segment curves")
    colors = labelColors(scene, "AHA segments", SEGMENT_NAMES)
    for index, number in enumerate(sorted(maps.segment_fits)):
        color = [0.0] * 4
        colors.GetColor(number, color)
        for offset, (kind, title) in enumerate((("Segment", str(number)), ("Fit", ""))):  # the legend names no fit
            series = plotSeries(scene, nodes.chart, 2 * index + offset, title, color[:3])
            plotColumns(series, nodes.curves, f"Time {number}", f"{kind} {number}", line=kind == "Fit")
        yield


def _writeArterialInput(scene: slicer.vtkMRMLScene, nodes: ScanNodes, maps: PerfusionMaps) -> None:
    name = f"{nodes.condition.capitalize()} arterial input"
    measured = maps.arterial_input
    if nodes.arterialInput is None:
        nodes.arterialInput = scene.AddNewNodeByClass("vtkMRMLTableNode", name)
    if nodes.arterialInputChart is None:
        nodes.arterialInputChart = newChart(scene, name)
    fillTable(nodes.arterialInput, {"Time": measured.times_s, "Blood": measured.concentration_mmol_l})
    nodes.arterialInput.SetColumnUnitLabel("Time", "s")
    nodes.arterialInput.SetColumnUnitLabel("Blood", "mmol/L")
    setAttribute(nodes.arterialInput, "source", measured.source)
    setFlags(nodes.arterialInput, measured.flags)
    series = plotSeries(scene, nodes.arterialInputChart, 0, name, (0.84, 0.37, 0.0))
    plotColumns(series, nodes.arterialInput, "Time", "Blood", line=True)
