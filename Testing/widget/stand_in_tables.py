"""Slicer's table view, with headers and cells as its model makes them."""

import vtk
from PySide6.QtCore import QAbstractTableModel, Qt
from PySide6.QtWidgets import QTableView


class _TableModel(QAbstractTableModel):
    """Headers and cells as qMRMLTableModel makes them: names are the first row, or headers where the node says so."""

    def __init__(self, table):
        super().__init__()
        self._table = table
        self._firstRow = 0 if table.GetUseColumnTitleAsColumnHeader() else -1
        self._firstColumn = 1 if table.GetUseFirstColumnAsRowHeader() else 0

    def rowCount(self, parent=None):
        return self._table.GetNumberOfRows() - self._firstRow

    def columnCount(self, parent=None):
        return self._table.GetNumberOfColumns() - self._firstColumn

    def _text(self, row, column):
        if row < 0:
            return self._table.GetColumnName(column)
        return self._table.GetTable().GetColumn(column).GetVariantValue(row).ToString()

    def data(self, index, role=Qt.DisplayRole):
        if role != Qt.DisplayRole:
            return None
        return self._text(index.row() + self._firstRow, index.column() + self._firstColumn)

    def headerData(self, section, orientation, role=Qt.DisplayRole):
        if role != Qt.DisplayRole:
            return None
        if orientation == Qt.Vertical:
            return self._text(section + self._firstRow, 0) if self._firstColumn else str(section + 1)
        if self._firstRow < 0:
            return chr(ord("A") + section)
        name = self._table.GetColumnName(section + self._firstColumn)
        unit = self._table.GetColumnUnitLabel(name)
        return (self._table.GetColumnTitle(name) or name) + (f" [{unit}]" if unit else "")


class qMRMLTableView(QTableView):
    """Shows a table node."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self._table = self._scene = self._tag = None

    def setMRMLScene(self, scene):
        self._scene = scene

    def mrmlTableNode(self):
        return self._table

    def setMRMLTableNode(self, table):
        if self._table is not None:
            self._table.RemoveObserver(self._tag)
        self._table = table
        self._show()
        if table is not None:
            self._tag = table.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda caller, event: self._show())

    def _show(self):
        self._model = _TableModel(self._table) if self._table else None
        self.setModel(self._model)
