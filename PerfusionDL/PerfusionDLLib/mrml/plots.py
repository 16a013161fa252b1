"""Tables and charts of curves."""

from collections.abc import Mapping, Sequence

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from .nodes import nodesOfClass
from .sequences import DISCLAIMER


def fillTable(node: slicer.vtkMRMLTableNode, columns: Mapping[str, Sequence | np.ndarray]) -> None:
    """Replace all columns of a table: text where there is text, double precision elsewhere."""
    table = vtk.vtkTable()
    for title, values in columns.items():
        if not isinstance(values, np.ndarray) and any(isinstance(value, str) for value in values):
            array = vtk.vtkStringArray()
            for value in values:
                array.InsertNextValue(value)
        else:
            array = numpy_to_vtk(np.asarray(values, dtype=float), deep=True)
        array.SetName(title)
        table.AddColumn(array)
    wasModifying = node.StartModify()  # each plot of the table is drawn anew whenever it says that it changed
    node.SetAndObserveTable(table)
    for column in (table.GetColumn(index) for index in range(table.GetNumberOfColumns())):
        kind = vtk.VTK_STRING if isinstance(column, vtk.vtkStringArray) else vtk.VTK_DOUBLE
        node.SetColumnType(column.GetName(), kind)
    node.EndModify(wasModifying)


def newChart(scene: slicer.vtkMRMLScene, title: str) -> slicer.vtkMRMLPlotChartNode:
    """A chart of concentrations."""
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", title)
    chart.SetTitle(title)
    nameAxes(chart)
    return chart


def nameAxes(chart: slicer.vtkMRMLPlotChartNode) -> None:
    """Time and concentration; the disclaimer stands where the title of a curve leaves room."""
    chart.SetXAxisTitle(f"Time (s).  {DISCLAIMER}.")
    chart.SetYAxisTitle("Gadolinium (mmol/L)")


def plotSeries(
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


def plotColumns(
    series: slicer.vtkMRMLPlotSeriesNode, table: slicer.vtkMRMLTableNode, x: str, y: str, *, line: bool
) -> None:
    """Plot one column over another, as a line or as dots."""
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetPlotType(slicer.vtkMRMLPlotSeriesNode.PlotTypeScatter)
    series.SetXColumnName(x)
    series.SetYColumnName(y)
    series.SetLineStyle(series.LineStyleSolid if line else series.LineStyleNone)
    series.SetMarkerStyle(series.MarkerStyleNone if line else series.MarkerStyleCircle)


def unnameFits(scene: slicer.vtkMRMLScene) -> None:
    """Take the names from the fits of a scene that was read: Slicer gave them some, and legends would show these."""
    for series in nodesOfClass(scene, "vtkMRMLPlotSeriesNode"):
        if series.GetHideFromEditors() and (series.GetYColumnName() or "").startswith("Fit "):
            series.SetName("")


def chartOf(
    scene: slicer.vtkMRMLScene,
    table: slicer.vtkMRMLTableNode | None,
    chart: slicer.vtkMRMLPlotChartNode | None,
    name: str,
) -> tuple[slicer.vtkMRMLTableNode, slicer.vtkMRMLPlotChartNode]:
    """A table with its chart that belong to the session: in no list of the user's, and not saved."""
    if table is None or chart is None:
        table, chart = slicer.vtkMRMLTableNode(), slicer.vtkMRMLPlotChartNode()
        for node in (table, chart):
            node.SetName(name)
            node.SetHideFromEditors(True)
            node.SetSaveWithScene(False)
        table, chart = scene.AddNode(table), scene.AddNode(chart)
        nameAxes(chart)
    return table, chart
