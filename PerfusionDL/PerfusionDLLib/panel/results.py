"""The Results section: stress, rest and reserve of every segment at a glance, with intervals, flags and colors."""

import math

import qt
import slicer
from slicer.i18n import tr as _

from .. import mrml, session
from ..data.flag_codes import FlagCode
from ..data.table import SegmentRow
from ..mrml.colors import RESERVE_END, flowColors, ratioColors
from .section import Section

COLUMNS = ("Segment", "Stress", "Rest", "MPR")
WITHOUT_ABSOLUTE_FLOW = ("Segment", "MPR", "Relative", "Stress", "Rest")
"""What holds first: reserve, and flow beside the four best segments."""

ROW_HEIGHT_PX = 19
"""chosen: 16 segments, three territories and the whole ventricle fit a laptop's screen without scrolling."""

TABLE_POINTS = 7.5
"""Size of the text; chosen: stress, rest and reserve with their intervals fit the width of the panel."""

DARK_TEXT_FROM = 0.5
"""Luminance of a cell from which its text is black, else white (0 to 1)."""


BELOW_COLOR = (0.84, 0.37, 0.0)
"""Vermilion of the palette of Okabe and Ito: in neither of the two scales, and told apart by the color-blind."""


class ResultsSection(Section):
    """Shows the numbers."""

    def __init__(self, panel) -> None:
        super().__init__(panel)
        self.onClick(self.ui.recomputeButton, panel.recompute)
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

    def onCellClicked(self, row: int, column: int) -> None:
        """Plot the curve of the segment, of stress or of rest, whichever column was clicked."""
        flow = self.panel.flow
        if flow is None or not self._isCurrent() or row >= len(flow.table.segments):
            return
        condition = "rest" if self._columns[column] == "Rest" else "stress"
        scans = sorted(self.panel.scans(), key=lambda nodes: nodes.condition != condition)
        segment = flow.table.segments[row].aha_segment
        picks = (session.pickSegment(nodes, flow, segment) for nodes in scans)
        pick = next((pick for pick in picks if pick is not None), None)
        if pick is not None:
            self.panel.showPick(pick)

    def updateDisplay(self) -> None:
        flow, table = self.panel.flow, self.ui.resultsTable
        if not self.ui.commentEdit.hasFocus():
            self.ui.commentEdit.text = self.panel.parameters.comment
        if flow is None:
            table.setRowCount(0)
            return
        rows = (*flow.table.segments, *flow.table.territories, flow.table.whole)
        scale = mrml.flowScaleEnd(flow.maps)
        isCurrent, flows, ratios = self._isCurrent(), flowColors(slicer.mrmlScene), ratioColors(slicer.mrmlScene)
        isKnown, best = flow.table.knows_absolute_flow, flow.table.best_condition
        self._setColumns(COLUMNS if isKnown else WITHOUT_ABSOLUTE_FLOW)
        table.setRowCount(len(rows))
        for index, row in enumerate(rows):
            table.setRowHeight(index, ROW_HEIGHT_PX)
            first = self._cell(index, 0, ("\u26a0 " if row.flags else "") + shortName(row))
            first.setToolTip("\n".join([row.name, *map(str, row.flags)]))
            low = quantitiesBelow(row)
            for quantity, region in (("Stress", row.stress), ("Rest", row.rest)):
                interval = (region.mbf_low_ml_min_g, region.mbf_high_ml_min_g)
                cell = self._cell(index, self._columns.index(quantity), numberText(region.mbf_ml_min_g, interval))
                if isKnown:  # a color would be read as flow
                    share = region.mbf_ml_min_g / scale
                    _color(cell, flows, share, isCurrent=isCurrent, isLow=quantity.lower() in low)
            cell = self._cell(index, self._columns.index("MPR"), numberText(row.mpr, (row.mpr_low, row.mpr_high)))
            share = row.mpr / RESERVE_END
            _color(cell, ratios, share, isCurrent=isCurrent, isLow="mpr" in low)
            if not isKnown:
                relative = getattr(row, best).mbf_ml_min_g / flow.table.best_flow(best)
                text = f"{relative:.0%}" if math.isfinite(relative) else "\u2013"
                cell = self._cell(index, self._columns.index("Relative"), text)
                cell.setToolTip(_("Flow under {condition}, of the four best segments.").format(condition=best))
                _color(cell, flows, relative, isCurrent=isCurrent, isLow=False)
        table.resizeColumnsToContents()
        height = table.horizontalHeader().height + len(rows) * ROW_HEIGHT_PX + 4
        table.setMinimumHeight(height)

    def _cell(self, row: int, column: int, text: str):
        item = qt.QTableWidgetItem(text)
        self.ui.resultsTable.setItem(row, column, item)
        return item

    def _isCurrent(self) -> bool:
        return self.panel.logic.flowIsCurrent(self.panel.parameters)

    def buttons(self, state):
        does = _("Compute flow from the contours as they are now.")
        yield self.ui.recomputeButton, state.noContours or state.busy, does


def numberText(value: float, interval: tuple[float, float]) -> str:
    """A number with its 95 % interval; a dash where there is none."""
    if not math.isfinite(value):
        return "\u2013"
    low, high = interval
    return f"{value:.2f} [{low:.2f}, {high:.2f}]" if math.isfinite(low) and math.isfinite(high) else f"{value:.2f}"


def shortName(row: SegmentRow) -> str:
    """Number and place of a segment in as few letters as the table has room for, else the name of the region.

    The numbers are those of the AHA: 1 to 6 basal, 7 to 12 mid, 13 to 16 apical.
    """
    if row.aha_segment is None:
        return row.name
    level, _blank, place = row.name.partition(" ")
    return f"{row.aha_segment} {level[0].upper()} {place}"


def quantitiesBelow(row: SegmentRow) -> set[str]:
    """Which of stress, rest and mpr lie below the threshold that the user chose."""
    return {str(flag.values["quantity"]) for flag in row.flags if flag.code is FlagCode.BELOW_THRESHOLD}


def _color(cell, colors, share: float, *, isCurrent: bool, isLow: bool) -> None:
    """Paint a cell in the color of its value on the scale of the maps; gray where it is out of date.

    isLow : below the threshold that the user chose, which is told by one color of its own
    """
    if not math.isfinite(share):
        return
    rgb = colors.GetLookupTable().GetTableValue(int(255 * min(max(share, 0.0), 1.0)))[:3] if isCurrent else (0.7,) * 3
    if isLow and isCurrent:
        rgb = BELOW_COLOR
    luminance = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
    cell.setBackground(qt.QBrush(qt.QColor(*(round(255 * channel) for channel in rgb))))
    text = 0 if luminance >= DARK_TEXT_FROM else 255
    cell.setForeground(qt.QBrush(qt.QColor(text, text, text)))
