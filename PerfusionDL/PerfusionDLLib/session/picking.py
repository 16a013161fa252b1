"""What lies under the mouse: a pixel of a flow map or a segment of a bullseye, its value and its curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import slicer
import vtk

from ..data.aha import SEGMENT_NAMES
from ..data.flow import FitStatus, PerfusionMaps, SliceMaps
from ..data.study import Condition
from ..mrml.bullseye import segmentAtPosition
from ..mrml.colors import FLOW_UNIT
from ..mrml.layouts import BULLSEYE_VIEWS, RESERVE_VIEW
from ..mrml.nodes import ScanNodes, SliceNodes
from ..mrml.plots import chartOf, fillTable, plotColumns, plotSeries
from ..mrml.reading import readGeometry
from ..mrml.results import writePickedSegment
from ..mrml.views import outline, showChart, showOnlyWith
from .hinting import sliceIn
from .tasks import Flow

_COLORS = {"Measured": (0.34, 0.71, 0.91), "Fit": (0.2, 0.2, 0.2), "Arterial input": (0.84, 0.37, 0.0)}


@dataclass(frozen=True)
class Pick:
    """A pixel of a slice, or a segment of a scan.

    pixel : row and column, None where a segment was picked; segment : AHA number, None outside of all segments
    """

    scan: ScanNodes
    part: SliceNodes
    pixel: tuple[int, int] | None
    segment: int | None


def pickAt(
    scans: Sequence[ScanNodes],
    flow: Flow,
    sliceNode: slicer.vtkMRMLSliceNode,
    ras_mm: Sequence[float],
) -> Pick | None:
    """What lies at a world position in a view; None where there is no flow to be read."""
    view = sliceNode.GetLayoutName()
    for nodes, bullseye in zip(scans, BULLSEYE_VIEWS, strict=False):
        if view == bullseye or (view == RESERVE_VIEW and nodes.condition is Condition.STRESS):
            return pickSegment(nodes, flow, segmentAtPosition(ras_mm))
    part = sliceIn(scans, sliceNode)
    return _pickPixel(ScanNodes(part.browser), part, flow, ras_mm) if part is not None else None


def pickSegment(nodes: ScanNodes, flow: Flow, segment: int | None) -> Pick | None:
    """A segment of a scan; None where no slice shows it."""
    for part in nodes.slices:
        maps = flow.ofSlice(part)
        if maps is not None and segment in maps.segment_fits:
            return Pick(nodes, part, None, segment)
    return None


def _pickPixel(nodes: ScanNodes, part: SliceNodes, flow: Flow, ras_mm: Sequence[float]) -> Pick | None:
    maps = flow.ofSlice(part)
    if maps is None or part.original is None:
        return None
    column, row = np.rint(np.linalg.solve(readGeometry(part.original), [*ras_mm, 1.0])[:2]).astype(int)
    if maps.pixel_fits is None or maps.pixel_fits.at(row, column) is None:
        return None
    return Pick(nodes, part, (int(row), int(column)), int(maps.segments[row, column]) or None)


def isThere(pick: Pick, flow: Flow) -> bool:
    """Whether another flow has a curve for what was picked."""
    maps = flow.ofSlice(pick.part)
    if maps is None:
        return False
    if pick.pixel is None:
        return pick.segment in maps.segment_fits
    return maps.pixel_fits is not None and maps.pixel_fits.at(*pick.pixel) is not None


def readout(pick: Pick, flow: Flow) -> str:
    """What was picked and its value in one line; the reason where a pixel has no flow."""
    maps = _mapsOf(pick, flow)
    number = pick.segment if pick.pixel is None else int(maps.segments[pick.pixel])
    segment = f"{SEGMENT_NAMES[number]} ({number})" if number else pick.part.name
    where = f"{pick.scan.condition.capitalize()}, {segment}"
    if pick.pixel is None:
        row = next(row for row in flow.table.segments if row.aha_segment == pick.segment)
        region = getattr(row, pick.scan.condition)
        limits = "[{:.2f}, {:.2f}]".format(*region.mbf_interval) if np.isfinite(region.mbf_interval).all() else "[?]"
        value = f"{region.mbf_ml_min_g:.2f} {limits} {FLOW_UNIT}"
        return f"{where}: {value}" + (f", MPR {row.mpr:.2f}" if np.isfinite(row.mpr) else "")
    status = FitStatus(int(maps.status[pick.pixel]))
    if status:
        return f"{where}: no flow, {str(status.name).replace('_', ' ').replace('|', ', ').lower()}"
    value = maps.mbf_ml_min_g[pick.pixel]
    if not flow.table.knows_absolute_flow:
        return f"{where}: {value / flow.table.best_flow(pick.scan.condition):.0%} of the best segments"
    return f"{where}: {value:.2f} \u00b1 {maps.mbf_se_ml_min_g[pick.pixel]:.2f} {FLOW_UNIT}"


def showPick(scene: slicer.vtkMRMLScene, pick: Pick, flow: Flow) -> None:
    """Plot the picked curve with its fit and the arterial input, and mark the pixel in its view."""
    maps = _mapsOf(pick, flow)
    measured, fitted, times_s = _curve(pick, maps)
    nodes, name = pick.scan, f"{pick.scan.condition.capitalize()} picked curve"
    arterial = flow.ofScan(nodes)
    if arterial is None:
        raise ValueError(f"the {nodes.condition} scan was picked, but has no flow")
    divisor = _divisor(arterial, np.concatenate([measured, fitted]))
    blood = f"Arterial input / {divisor}"
    nodes.pickedCurve, nodes.pickedChart = chartOf(scene, nodes.pickedCurve, nodes.pickedChart, name)
    input_mmol_l = arterial.arterial_input.concentration_mmol_l / divisor
    fillTable(
        nodes.pickedCurve,
        {
            "Time": times_s,
            "Measured": measured,
            "Fit": fitted,
            "Input time": arterial.arterial_input.times_s,
            "Input": input_mmol_l,
        },
    )
    for index, (title, x, y) in enumerate(
        (("Measured", "Time", "Measured"), ("Fit", "Time", "Fit"), (blood, "Input time", "Input"))
    ):
        series = plotSeries(scene, nodes.pickedChart, index, title, _COLORS[title.split(" /")[0]])
        plotColumns(series, nodes.pickedCurve, x, y, line=title != "Measured")
    nodes.pickedChart.SetTitle(readout(pick, flow))
    _mark(scene, pick)
    _outline(scene, pick, flow)
    showChart(scene, nodes.pickedChart)


def _mapsOf(pick: Pick, flow: Flow) -> SliceMaps:
    maps = flow.ofSlice(pick.part)
    if maps is None:
        raise ValueError(f"the {pick.part.name} slice was picked, but has no flow")
    return maps


def _curve(pick: Pick, maps: SliceMaps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if pick.pixel is None:
        fit = maps.segment_fits[pick.segment or 0]
        return fit.concentration_mmol_l, fit.fitted_mmol_l, fit.times_s
    fits = maps.pixel_fits
    curves = None if fits is None else fits.at(*pick.pixel)
    if fits is None or curves is None:
        raise ValueError(f"pixel {pick.pixel} was picked, but has no curve")
    return *curves, fits.times_s


def _divisor(maps: PerfusionMaps, tissue: np.ndarray) -> int:
    """A whole number that brings the arterial input into the range of the tissue.

    The peak of the input is many times that of the tissue; on one axis the tissue would be a flat line.
    """
    peaks = [np.nanmax(curve, initial=0) for curve in (maps.arterial_input.concentration_mmol_l, tissue)]
    return max(1, round(float(peaks[0] / peaks[1]))) if peaks[1] > 0 else 1


def _mark(scene: slicer.vtkMRMLScene, pick: Pick) -> None:
    """A cross on the picked pixel, in the view of its slice only; none for a segment."""
    point = pick.scan.pickedPoint
    if point is None:
        point = slicer.vtkMRMLMarkupsFiducialNode()
        point.SetName(f"{pick.scan.condition.capitalize()} picked pixel")
        point.SetHideFromEditors(True)
        point.SetSaveWithScene(False)
        point = pick.scan.pickedPoint = scene.AddNode(point)
        point.CreateDefaultDisplayNodes()
        display = point.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetPointLabelsVisibility(False)
        display.SetGlyphTypeFromString("Cross2D")
        display.SetGlyphScale(2.5)
        display.SetSelectedColor(1, 1, 1)
    wasModifying = point.StartModify()
    point.SetLocked(False)
    point.RemoveAllControlPoints()
    if pick.pixel is not None:
        row, column = pick.pixel
        position = readGeometry(pick.part.original) @ [column, row, 0, 1]
        point.AddControlPoint(vtk.vtkVector3d(*position[:3]))
    point.SetLocked(True)
    point.EndModify(wasModifying)
    showOnlyWith(point.GetDisplayNode(), pick.part.contours)


def _outline(scene: slicer.vtkMRMLScene, pick: Pick, flow: Flow) -> None:
    """Draw the border of a picked segment in the images of stress and of rest; none for a pixel."""
    for slices in flow.nodes:
        nodes = ScanNodes(slices[0].browser)
        shown = pickSegment(nodes, flow, pick.segment) if pick.pixel is None else None
        if shown is not None:
            writePickedSegment(scene, nodes, shown.part, _mapsOf(shown, flow).segments == shown.segment)
        for part in slices:
            isShown = shown is not None and part.key == shown.part.key
            outline(part, nodes.pickedSegment if isShown else None)
