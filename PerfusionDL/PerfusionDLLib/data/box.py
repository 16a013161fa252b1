"""A rectangle in an image."""

from typing import NamedTuple

import numpy as np


class Box(NamedTuple):
    """Edges in pixels, pixel centers at integers; four numbers in this order wherever it is written.

    Examples
    --------
    >>> Box(10.0, 20.0, 14.0, 30.0).center_px, Box(10.0, 20.0, 14.0, 30.0).size_px
    ((12.0, 25.0), (4.0, 10.0))
    """

    row0: float
    column0: float
    row1: float
    column1: float

    @property
    def center_px(self) -> tuple[float, float]:
        """Row and column of the middle."""
        return (self.row0 + self.row1) / 2, (self.column0 + self.column1) / 2

    @property
    def size_px(self) -> tuple[float, float]:
        """Rows and columns from edge to edge."""
        return self.row1 - self.row0, self.column1 - self.column0

    def size_mm(self, spacing_mm: tuple[float, float]) -> tuple[float, float]:
        """Height and width, mm."""
        (rows, columns), (rows_mm, columns_mm) = self.size_px, spacing_mm
        return rows * rows_mm, columns * columns_mm

    def moved(self, rows: float, columns: float) -> "Box":
        """The same rectangle elsewhere."""
        return Box(self.row0 + rows, self.column0 + columns, self.row1 + rows, self.column1 + columns)


def box_around(mask: np.ndarray) -> Box:
    """Edges of the pixels of a mask (Y, X), half a pixel outside the outermost pixel centers.

    Examples
    --------
    >>> box_around(np.array([[False, False, False], [False, True, True]]))
    Box(row0=0.5, column0=0.5, row1=1.5, column1=2.5)
    """
    rows, columns = np.nonzero(mask)
    return Box(float(rows.min()) - 0.5, float(columns.min()) - 0.5, float(rows.max()) + 0.5, float(columns.max()) + 0.5)


def find_area(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle around a mask; nothing if it is empty."""
    lines = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    rows, columns = (slice(int(line[0]), int(line[-1]) + 1) if len(line) else slice(0) for line in lines)
    return rows, columns
