"""Draws the panel beside its views after a session on the phantom; `make screenshot` calls it.

A composition: the panel is the real one on stand-ins for Slicer's widgets, the slice and bullseye views are drawn by
Slicer's own displayable managers, the curves by Matplotlib from the nodes of the chart; the bar above a view holds its
label only. Slicer's frame around them and the Segment Editor's buttons are missing.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PerfusionDLLib import mrml, phantom
from PerfusionDLLib.mrml.layouts import BULLSEYE_VIEWS, CURVES_VIEW, LAYOUT_NUMBERS, OWN_ROWS, RESERVE_VIEW
from PIL import Image, ImageDraw, ImageFont
from PySide6.QtGui import QImage
from slice_views import SliceView
from slicer_session import Session

SEED = 7
PANEL_SIZE = 460, 1240
VIEW_SIZE = 330, 400
BAR = 24
SEGMENT = 9


def main(path: Path) -> None:
    """Load, find contours, compute flow, click a segment, and draw."""
    session = Session()
    mrml.registerLayouts(session.scene)
    session.scene.GetFirstNodeByClass("vtkMRMLLayoutNode").SetViewArrangement(LAYOUT_NUMBERS["wide", 2])
    names = [[*slices, bullseye] for slices, bullseye in zip(OWN_ROWS, BULLSEYE_VIEWS, strict=True)]
    views = [[SliceView(session.headless, name, VIEW_SIZE) for name in row] for row in names]
    reserve = SliceView(session.headless, RESERVE_VIEW, VIEW_SIZE)
    for scan in phantom.simulate_study(SEED).study.scans:
        mrml.writeScan(session.scene, scan)
    panel = session.open()
    panel.ui.findContoursButton.qt_object.click()
    session.wait(lambda: panel.ui.statusLabel.text == "Up to date.")
    for nodes in panel.scans():
        nodes.browser.SetSelectedItemNumber(mrml.readSlice(nodes.slices[1]).contours.peak_frame)
    panel.images.onArrangeViews()
    pick = session.pickSegment(panel.scans()[0], panel.logic.flow, SEGMENT)
    panel.showPick(pick)
    rows = [np.hstack([labeled(view.render(), view.node) for view in row]) for row in views]
    plot = labeled(curves(pick.scan.pickedChart, 3 * VIEW_SIZE[0]), plotView(session.scene))
    rows.append(np.hstack([plot, labeled(reserve.render(), reserve.node)]))
    whole = beside(grab(session), np.vstack(rows))
    picture = Image.fromarray(whole)
    picture.resize((picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS).save(
        path, optimize=True
    )
    session.stop()


def curves(chart, width: int) -> np.ndarray:
    """The chart's series, (Y, X, 3)."""
    figure = Figure(figsize=(width / 100, VIEW_SIZE[1] / 100), dpi=100, layout="constrained")
    axes = figure.subplots()
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(index)
        table = series.GetTableNode().GetTable()
        x, y = (
            [column.GetValue(row) for row in range(column.GetNumberOfTuples())]
            for column in map(table.GetColumnByName, (series.GetXColumnName(), series.GetYColumnName()))
        )
        dots = series.GetLineStyle() == series.LineStyleNone
        color = series.GetColor() if min(series.GetColor()) < 0.8 else (0.2, 0.2, 0.2)
        axes.plot(x, y, "o" if dots else "-", color=color, markersize=4, label=series.GetName())
    axes.set(title=chart.GetTitle(), xlabel=chart.GetXAxisTitle(), ylabel=chart.GetYAxisTitle())
    axes.legend()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def plotView(scene):
    """The view of the curves."""
    return scene.GetSingletonNode(CURVES_VIEW, "vtkMRMLPlotViewNode")


def labeled(picture: np.ndarray, node) -> np.ndarray:
    """A picture below a bar with the label of its view, where Slicer has its controller bar."""
    bar = Image.new("RGB", (picture.shape[1], BAR), (70, 70, 74))
    ImageDraw.Draw(bar).text((8, 3), node.GetLayoutLabel(), fill=(240, 240, 240), font=ImageFont.load_default(16))
    return np.vstack([np.asarray(bar), picture])


def beside(panel: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Both in one picture, the shorter one filled up below."""
    height = max(len(panel), len(views))
    fill = [np.pad(one, ((0, height - len(one)), (0, 0), (0, 0)), constant_values=240) for one in (panel, views)]
    return np.hstack(fill)


def grab(session: Session) -> np.ndarray:
    """The panel, (Y, X, 3)."""
    session.parent.resize(*PANEL_SIZE)
    session.parent.show()
    session.qt_application.processEvents()
    image = session.parent.grab().toImage().convertToFormat(QImage.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
