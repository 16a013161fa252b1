"""All series of a folder on one screen: the user says which are rest and stress, and the study is read again."""

from collections.abc import Sequence

import numpy as np
import qt
from slicer.i18n import tr as _

from ..data.study import Condition
from ..dicom import ListedSeries, ReadChoices, SeriesList

PICTURE_COLUMN, NUMBER, DESCRIPTION, IMAGES, ROLE, REASON = range(6)
ROW_HEIGHT_PX = 100
SIZE_PX = 1000, 620
"""Width and height of the window; chosen: it fits a screen of 1366 x 768, and five series are seen at once."""


class SeriesDialog:
    """A row for each series. Series of one scan change together; one scan at most is rest, and one stress."""

    def __init__(self, parent, found: SeriesList) -> None:
        self._series = found.series
        self._dialog = qt.QDialog(parent)
        self._dialog.setWindowTitle(_("Series of this folder"))
        self._dialog.resize(*SIZE_PX)
        layout = qt.QVBoxLayout(self._dialog)
        asked = _("Say which series are rest and stress, then read the study again.")
        told = qt.QLabel(f"{found.problem} {asked}".strip())
        told.setWordWrap(True)
        layout.addWidget(told)
        self.table = self._makeTable()
        layout.addWidget(self.table)
        self.roles = [self._addRow(row, one) for row, one in enumerate(self._series)]
        self.table.resizeColumnsToContents()
        buttons = qt.QHBoxLayout()
        self.readButton = self._button(_("Read again"), self._dialog.accept)
        self.cancelButton = self._button(_("Cancel"), self._dialog.reject)
        buttons.addStretch(1)
        for button in (self.readButton, self.cancelButton):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        self._update()

    def ask(self) -> ReadChoices | None:
        """Show the list; what the user chose, None where nothing is to be read again."""
        return self.choices() if self._dialog.exec_() else None

    def choices(self) -> ReadChoices:
        """The series that are rest and stress now."""
        chosen: dict[Condition, str] = {}
        for one, role in zip(self._series, self.roles, strict=True):
            if one.scan is not None and role.currentIndex:
                chosen.setdefault(ROLES[role.currentIndex], one.uid)
        return ReadChoices(series=chosen)

    def _makeTable(self):
        table = qt.QTableWidget()
        titles = [_("Picture"), _("Number"), _("Description"), _("Images"), _("Used as"), _("Why")]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.setRowCount(len(self._series))
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setStretchLastSection(True)
        table.setWordWrap(True)
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        return table

    def _addRow(self, row: int, one: ListedSeries):
        self.table.setRowHeight(row, ROW_HEIGHT_PX)
        if one.picture is not None:
            picture = qt.QLabel()
            picture.setPixmap(pixmapOf(one.picture))
            self.table.setCellWidget(row, PICTURE_COLUMN, picture)
        texts = {NUMBER: one.number, DESCRIPTION: one.description, IMAGES: countText(one), REASON: one.reason}
        for column, text in texts.items():
            item = qt.QTableWidgetItem(text)
            item.setToolTip(text)
            self.table.setItem(row, column, item)
        role = qt.QComboBox()
        role.addItems([_("not used"), _("rest"), _("stress")])
        role.setCurrentIndex(ROLES.index(one.condition) if one.scan is not None else 0)
        role.setEnabled(one.scan is not None)
        role.connect("activated(int)", lambda index, row=row: self._onRole(row, index))
        self.table.setCellWidget(row, ROLE, role)
        return role

    def _button(self, text: str, pressed):
        button = qt.QPushButton(text)
        button.connect("clicked(bool)", lambda checked=False: pressed())
        return button

    def _onRole(self, row: int, index: int) -> None:
        """All series of a scan have its role; the scan that had it before is not used any more."""
        scan = self._series[row].scan
        for one, role in zip(self._series, self.roles, strict=True):
            if one.scan == scan:
                role.setCurrentIndex(index)
            elif index and role.currentIndex == index:
                role.setCurrentIndex(0)
        for each, (one, role) in enumerate(zip(self._series, self.roles, strict=True)):
            isFound = one.scan is None or ROLES[role.currentIndex] is one.condition
            self.table.item(each, REASON).setText(one.reason if isFound else _("Chosen here."))
        self._update()

    def _update(self) -> None:
        self.readButton.enabled = bool(self.choices().series)


ROLES: Sequence[Condition | None] = (None, Condition.REST, Condition.STRESS)
"""In the order of the choices of a row."""


def countText(one: ListedSeries) -> str:
    """How many images there are, as heartbeats and slices where it is perfusion."""
    if not one.slices:
        return str(one.images)
    return _("{frames} frames x {slices} slices").format(frames=one.frames, slices=one.slices)


def pixmapOf(picture: np.ndarray):
    """A picture (Y, X) uint8 for a label, by the simplest of the formats that Qt reads."""
    rows, columns = picture.shape
    pixmap = qt.QPixmap()
    pixmap.loadFromData(qt.QByteArray(b"P5 %d %d 255\n" % (columns, rows) + picture.tobytes()))
    return pixmap
