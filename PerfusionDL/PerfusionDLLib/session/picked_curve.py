"""The curve of what was clicked with its fit and the arterial input, and where it lies in the images."""

import numpy as np
import slicer
import vtk

from ..data.flow import PerfusionMaps, SliceMaps
from ..mrml.nodes import ScanNodes
from ..mrml.plots import chartOf, fillTable, plotColumns, plotSeries
from ..mrml.reading import readGeometry
from ..mrml.results import writePickedSegment
from ..mrml.views import outline, showChart, showOnlyWith
from .picking import Pick, pickSegment
from .readout import namePick
from .tasks import Flow

_COLORS = {"Measured": (0.34, 0.71, 0.91), "Fit": (0.2, 0.2, 0.2), "Arterial input": (0.84, 0.37, 0.0)}


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
    nodes.pickedChart.SetTitle(namePick(pick, flow))  # a chart on a laptop has room for no number
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
