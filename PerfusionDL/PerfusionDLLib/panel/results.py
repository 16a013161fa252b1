"""The Results section: stress, rest and reserve of every segment at a glance, with intervals, flags and colors."""

from collections.abc import Sequence
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..mrml.colors import flowColors, ratioColors
from ..session.tasks import Flow
from .cells import COLUMNS, Cell, Scales, cellsOf, columnsOf, rowsOf
from .section import Section

ROW_HEIGHT_PX = 19
"""chosen: 16 segments, three territories and the whole ventricle fit a laptop's screen without scrolling."""

TABLE_POINTS = 7.5
"""Size of the text; chosen: stress, rest and reserve with their intervals fit the width of the panel."""

DARK_TEXT_FROM = 0.5
"""Luminance of a cell from which its text is black, else white (0 to 1)."""


class ResultsSection(Section):
    """Shows the numbers.

    isShownCurrent : whether the numbers on show are of the contours on show
    """

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self._shown: list[tuple[Cell, ...]] = []
        self._flow: Flow | None = None  # that the cells are of
        self.isShownCurrent = False
        self.onClick(self.ui.recomputeButton, panel.updates.recompute)
        table = self.ui.resultsTable
        self._setColumns(COLUMNS)
        table.verticalHeader().setVisible(False)
        font = table.font
        font.setPointSizeF(TABLE_POINTS)
        table.setFont(font)
        table.connect("cellClicked(int,int)", self.onCellClicked)
        self.ui.commentEdit.connect("editingFinished()", self.onComment)

    def _setColumns(self, columns: tuple[str, ...]) -> None:
        names = {"Segment": _("Segment"), "Stress": _("Stress"), "Rest": _("Rest"), "MPR": _("MPR")}
        names["Relative"] = _("Relative")
        self._columns = columns
        self.ui.resultsTable.setColumnCount(len(columns))
        self.ui.resultsTable.setHorizontalHeaderLabels([names[column] for column in columns])

    def onComment(self) -> None:
        """Keep what the reader wrote with the scene, for the report."""
        parameters = self.panel.parameters
        if parameters is not None and parameters.comment != self.ui.commentEdit.text:
            parameters.comment = self.ui.commentEdit.text

    def changeStudy(self, former: Sequence[Any], scans: Sequence[mrml.ScanNodes]) -> None:
        """Each study has a comment of its own: that of one patient must not stand in the report of another.

        former : sequence browsers of the scans that were chosen before
        """
        left = [mrml.ScanNodes(browser) for browser in former if browser.GetScene() is not None]
        if scans and left and not _studies(left) & _studies(scans):
            session.keepComment(left, self.panel.parameters.comment)
            self.panel.parameters.comment = session.keptComment(scans)

    def onCellClicked(self, row: int, column: int) -> None:
        """Plot the curve of the segment, of stress or of rest, whichever column was clicked; say what to check."""
        flow = self.panel.flow
        if flow is None or not self._isCurrent():
            return
        if row >= len(flow.table.segments):
            self.panel.picking.show(session.describeRow(rowsOf(flow.table)[row], flow.table))
            return
        condition = "rest" if self._columns[column] == "Rest" else "stress"
        scans = sorted(self.panel.scans(), key=lambda nodes: nodes.condition != condition)
        segment = flow.table.segments[row].aha_segment
        picks = (session.pickSegment(nodes, flow, segment) for nodes in scans)
        pick = next((pick for pick in picks if pick is not None), None)
        if pick is not None:
            self.panel.showPick(pick)

    def updateDisplay(self) -> None:
        if not self.ui.commentEdit.hasFocus():
            self.ui.commentEdit.text = self.panel.parameters.comment
        self._show(isCurrent=self._isCurrent())

    def updateState(self, state) -> None:
        self._show(isCurrent=not state.noFlow)
        if self.panel.flow is not None:
            follows = bool(state.busy) or self.panel.updates.following.waiting  # the status line says so
            mrml.markOutOfDate(self.panel.scans(), bool(state.noFlow) and not follows)

    def _show(self, *, isCurrent: bool) -> None:
        """Bring the table up to date; from the first moment of a correction on, the numbers before it are gray."""
        flow = self.panel.flow
        if flow is self._flow and isCurrent == self.isShownCurrent:
            return
        self._flow, self.isShownCurrent = flow, isCurrent
        self.panel.picking.show("")
        if flow is None:
            self._shown = []
            self.ui.resultsTable.setRowCount(0)
            self.ui.resultsTable.setMinimumHeight(0)  # a second study does not begin with the space of the first
            return
        colors = flowColors(slicer.mrmlScene), ratioColors(slicer.mrmlScene)
        scales = Scales(*colors, mrml.flowScaleEnd(flow.maps))
        self._write(cellsOf(flow.table, scales, isCurrent=isCurrent), columnsOf(flow.table))

    def _write(self, rows: list[tuple[Cell, ...]], columns: tuple[str, ...]) -> None:
        """Write the cells that are other than on show: a table that is filled anew is drawn and measured anew."""
        table = self.ui.resultsTable
        if columns != self._columns or len(rows) != len(self._shown):
            self._shown = []
            table.setRowCount(0)
            self._setColumns(columns)
            table.setRowCount(len(rows))
            for row in range(len(rows)):
                table.setRowHeight(row, ROW_HEIGHT_PX)
            table.setMinimumHeight(table.horizontalHeader().height + len(rows) * ROW_HEIGHT_PX + 4)
        nothing: list[tuple[Cell | None, ...]] = [(None,) * len(columns)] * len(rows)
        former, self._shown = self._shown or nothing, rows
        moved = False
        for row, (cells, before) in enumerate(zip(rows, former, strict=True)):
            for column, (cell, held) in enumerate(zip(cells, before, strict=True)):
                if cell != held:
                    moved |= held is None or cell.text != held.text
                    _writeCell(table, row, column, cell)
        if moved:
            table.resizeColumnsToContents()

    def _isCurrent(self) -> bool:
        return self.panel.logic.flowIsCurrent(self.panel.parameters)

    def buttons(self, state):
        does = _("Compute flow from the contours as they are now.")
        yield self.ui.recomputeButton, state.noContours or state.busy, does


def _studies(scans: Sequence[mrml.ScanNodes]) -> set[str]:
    return {nodes.study or nodes.browser.GetID() for nodes in scans}


def _writeCell(table, row: int, column: int, cell: Cell) -> None:
    item = table.item(row, column)
    if item is None:
        item = qt.QTableWidgetItem(cell.text)
        table.setItem(row, column, item)
    elif item.text() != cell.text:
        item.setText(cell.text)
    item.setToolTip(cell.tip)
    if cell.color is None:
        item.setBackground(qt.QBrush())
        item.setForeground(qt.QBrush())
        return
    luminance = 0.2126 * cell.color[0] + 0.7152 * cell.color[1] + 0.0722 * cell.color[2]
    item.setBackground(qt.QBrush(qt.QColor(*(round(255 * channel) for channel in cell.color))))
    text = 0 if luminance >= DARK_TEXT_FROM else 255
    item.setForeground(qt.QBrush(qt.QColor(text, text, text)))
