"""A sheet of paper in millimeters: text, rules, tables and axes placed from the top left, as a typesetter would.

A4 with margins so wide that the same page prints on Letter paper without scaling.
"""

from bisect import bisect
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextToPath

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
LEFT_MM, RIGHT_MM = 14.0, 196.0
TOP_MM, BOTTOM_MM = 17.0, 280.0
POINT_MM = 25.4 / 72
LEADING_MM = 1.35 * POINT_MM  # from line to line, per point of type size


def text_width_mm(text: str, size: float, *, bold: bool = False) -> float:
    """Width of a line of text set in the report's typeface."""
    properties = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    return TextToPath().get_text_width_height_descent(text, properties, ismath=False)[0] * POINT_MM


def wrap_text(text: str, width_mm: float, size: float) -> list[str]:
    """Break text into lines no wider than ``width_mm``; a longer word keeps a line of its own.

    >>> wrap_text("one two three", 12, 7)
    ['one two', 'three']
    """
    words, lines = text.split(), []
    while words:
        fitting = bisect(
            range(2, len(words) + 1), width_mm, key=lambda count: text_width_mm(" ".join(words[:count]), size)
        )
        lines.append(" ".join(words[: 1 + fitting]))
        words = words[1 + fitting :]
    return lines


class Page:
    """One sheet; positions are millimeters from the top left corner."""

    def __init__(self) -> None:
        self.figure = Figure(figsize=(WIDTH_MM / 25.4, HEIGHT_MM / 25.4))

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes whose frame fills the given rectangle."""
        return self.figure.add_axes(
            (left / WIDTH_MM, 1 - (top + height) / HEIGHT_MM, width / WIDTH_MM, height / HEIGHT_MM)
        )

    def text(self, x: float, y: float, text: str, *, size: float = 7, **how) -> None:
        """One line with its baseline at ``y``."""
        how.setdefault("va", "baseline")
        self.figure.text(x / WIDTH_MM, 1 - y / HEIGHT_MM, text, fontsize=size, **how)

    def paragraph(self, x: float, y: float, text: str, *, width: float, size: float = 6.5, **how) -> float:
        """Wrapped text whose first baseline is at ``y``; returns the baseline of the line after it."""
        for line in wrap_text(text, width, size):
            self.text(x, y, line, size=size, **how)
            y += size * LEADING_MM
        return y

    def rule(self, y: float, *, x0: float = LEFT_MM, x1: float = RIGHT_MM, color: str = "#5c5c5c", width=0.5) -> None:
        """A horizontal line."""
        self.figure.add_artist(
            Line2D(
                (x0 / WIDTH_MM, x1 / WIDTH_MM),
                (1 - y / HEIGHT_MM,) * 2,
                transform=self.figure.transFigure,
                color=color,
                linewidth=width,
            )
        )

    def box(self, x: float, y: float, width: float, height: float, *, color: object, **how) -> None:
        """A filled rectangle whose top left corner is at x, y."""
        self.figure.add_artist(
            Rectangle(
                (x / WIDTH_MM, 1 - (y + height) / HEIGHT_MM),
                width / WIDTH_MM,
                height / HEIGHT_MM,
                transform=self.figure.transFigure,
                facecolor=color,
                linewidth=0,
                **how,
            )
        )

    def heading(self, y: float, text: str, note: str = "") -> None:
        """A section title with a rule below, and a quiet remark after it."""
        self.text(LEFT_MM, y, text, size=8.5, fontweight="bold")
        if note:
            self.text(LEFT_MM + text_width_mm(text, 8.5, bold=True) + 3, y, note, size=6.5, color="#5c5c5c")
        self.rule(y + 1.2)


class Columns:
    """A table set on a page: columns with a position and an alignment, rows of equal height."""

    def __init__(self, page: Page, columns: Sequence[tuple[str, float, str]], *, row_mm: float, size: float) -> None:
        """columns : header, x of the alignment point in mm, and "left", "center" or "right"."""
        self.page, self.columns, self.row_mm, self.size = page, columns, row_mm, size

    def header(self, y: float) -> float:
        """Set the header, its last baseline at ``y``; returns the baseline of the first row."""
        for title, x, align in self.columns:
            lines = title.split("\n")
            for number, line in enumerate(lines):
                self.page.text(
                    x,
                    y - (len(lines) - 1 - number) * self.size * POINT_MM * 1.2,
                    line,
                    size=self.size,
                    ha=align,
                    color="#5c5c5c",
                )
        self.page.rule(y + 1.0, width=0.4)
        return y + 1.0 + self.row_mm * 0.85

    def row(self, y: float, cells: Sequence[str], *, bold: bool = False, shade: str = "") -> float:
        """Set one row with its baseline at ``y``; returns the next baseline."""
        if shade:
            top = y - self.row_mm * 0.72
            self.page.box(LEFT_MM, top, RIGHT_MM - LEFT_MM, self.row_mm, color=shade, zorder=0)
        for (_, x, align), cell in zip(self.columns, cells, strict=True):
            if cell:
                self.page.text(x, y, cell, size=self.size, ha=align, fontweight="bold" if bold else "normal")
        return y + self.row_mm
