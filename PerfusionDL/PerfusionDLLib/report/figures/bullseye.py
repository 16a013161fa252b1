"""The AHA bullseye: 16 segments with the anterior wall at the top and the septum on the left.

Orientation and numbering: Cerqueira et al., Circulation 2002;105:539.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Wedge
from matplotlib.patheffects import withStroke

from ...data.bullseye import RINGS, SIXTEEN, polar_image, sector, segment_at
from ...data.flow import PerfusionMaps
from ...data.study import Condition, Level
from ...data.table import SegmentTable
from .style import FLOW_COLORS, FLOW_UNIT, INK, QUIET, RATIO_COLORS, colormap, flow_scale, ink_on, round_scale, styled

ARC_DEG = np.arange(361.0)


def draw_bullseye(
    axes: Axes,
    values: Mapping[int, float],
    *,
    scale: Normalize,
    colors: str = FLOW_COLORS,
    pixels: np.ndarray | None = None,
    territories: Mapping[int, str] | None = None,
    title: str = "",
) -> ScalarMappable:
    """Draw the bullseye of one quantity with its values printed.

    values : by AHA segment number; a missing or NaN segment is hatched
    pixels : image from `polar_image`, shown instead of the flat segment color so that thin defects stay visible
    territories : by segment; a bold line runs between different ones
    """
    colored = ScalarMappable(scale, colormap(colors))
    if pixels is not None:
        axes.imshow(pixels, norm=scale, cmap=colored.cmap, extent=(-1, 1, -1, 1), interpolation="nearest")
    for segment in SIXTEEN:
        level, begin, end = sector(segment)
        inner, outer = RINGS[level]
        value = values.get(segment, np.nan)
        known = np.isfinite(value)
        red, green, blue, _ = colored.cmap(float(scale(value))) if known else (1.0, 1.0, 1.0, 1.0)
        fill = (red, green, blue)
        textured = known and pixels is not None
        wedge = Wedge((0, 0), outer, begin, end, width=outer - inner, linewidth=0.5, edgecolor="white")
        wedge.set_facecolor("none" if textured else fill)
        if not known:
            wedge.set(hatch="//////", edgecolor=QUIET)
        axes.add_patch(wedge)
        middle, radius = np.radians((begin + end) / 2), (inner + outer) / 2
        if level is Level.APICAL:
            radius += 0.02
        ink = ink_on(fill) if known else INK
        text = axes.text(
            radius * np.cos(middle),
            radius * np.sin(middle),
            f"{value:.2f}" if known else "–",
            ha="center",
            va="center_baseline",
            fontsize=6 if level is Level.APICAL else 6.5,
            color=ink,
        )
        if textured:
            behind = withStroke(linewidth=1.6, foreground="white" if ink == "black" else "black", alpha=0.55)
        else:  # bold lines of territories pass behind the number
            behind = withStroke(linewidth=1.3, foreground=fill)
        text.set_path_effects([behind])
    axes.add_patch(Circle((0, 0), 1, fill=False, linewidth=0.5, edgecolor=QUIET))
    if territories:
        _draw_borders(axes, territories)
    for label, x, y, turn in (
        ("anterior", 0, 1.05, 0),
        ("inferior", 0, -1.05, 0),
        ("septal", -1.05, 0, 90),
        ("lateral", 1.05, 0, 270),
    ):
        align = {0: ("center", "bottom" if y > 0 else "top"), 90: ("right", "center"), 270: ("left", "center")}[turn]
        axes.text(x, y, label, ha=align[0], va=align[1], rotation=turn, fontsize=6, color=QUIET)
    axes.set(xlim=(-1.16, 1.16), ylim=(-1.16, 1.16), aspect="equal")
    axes.set_title(title, pad=1)
    axes.axis("off")
    return colored


def _draw_borders(axes: Axes, territories: Mapping[int, str]) -> None:
    """Bold lines where neighboring segments belong to different coronary territories."""
    lines = []
    for segment in SIXTEEN:
        level, begin, _ = sector(segment)
        inner, outer = RINGS[level]
        before = segment_at(np.array((inner + outer) / 2), np.array(begin - 1.0))
        if territories.get(segment) != territories.get(int(before)):
            direction = np.array([np.cos(np.radians(begin)), np.sin(np.radians(begin))])
            lines.append(np.outer((inner, outer), direction))
    for radius in (RINGS[Level.MID][0], RINGS[Level.BASAL][0]):
        within, beyond = (segment_at(np.full(360, radius + step), ARC_DEG[:-1] + 0.5) for step in (-0.01, 0.01))
        for first, a, b in zip(ARC_DEG[:-1], within, beyond, strict=True):
            if territories.get(int(a)) != territories.get(int(b)):
                arc = np.radians((first, first + 1))
                lines.append(radius * np.stack([np.cos(arc), np.sin(arc)], axis=-1))
    axes.add_collection(LineCollection(lines, colors="black", linewidths=1.3, capstyle="round"))


def table_values(table: SegmentTable, quantity: str, condition: Condition | None = None) -> dict[int, float]:
    """A column of the table by AHA segment: an attribute of `RegionFlow` under a condition, or of the row itself."""
    return {
        row.aha_segment: getattr(row if condition is None else getattr(row, condition.value), quantity)
        for row in table.segments
        if row.aha_segment is not None
    }


def draw_bullseyes(axes: Sequence[Axes], maps: Sequence[PerfusionMaps], table: SegmentTable) -> list[ScalarMappable]:
    """Bullseyes of what was measured: rest and stress MBF on one scale, reserve where there are both, endo/epi.

    Returns what the colorbars of the first axes need; axes left over stay empty.
    """
    territories = {row.aha_segment: row.territory for row in table.segments if row.aha_segment is not None}
    flow = flow_scale(maps)
    drawn = [
        draw_bullseye(
            panel,
            table_values(table, "mbf_ml_min_g", scan.condition),
            scale=flow,
            pixels=polar_image(scan.slices),
            territories=territories,
            title=f"{scan.condition.value.capitalize()} MBF ({FLOW_UNIT})",
        )
        for panel, scan in zip(axes, maps, strict=False)
    ]
    reserve = table_values(table, "mpr")
    reserve_scale = round_scale(np.array([*reserve.values()]), percent=100, ends=(4, 5, 6, 8))
    ratios = [("Reserve (MPR)", reserve, reserve_scale)] if len(maps) > 1 else []
    last = maps[-1].condition
    ratios.append((f"Endo/epi, {last}", table_values(table, "endo_epi_ratio", last), Normalize(0.4, 1.4)))
    for panel, (title, values, scale) in zip(axes[len(drawn) :], ratios, strict=False):
        drawn.append(
            draw_bullseye(panel, values, scale=scale, colors=RATIO_COLORS, territories=territories, title=title)
        )
    for panel in axes[len(drawn) :]:
        panel.axis("off")
    return drawn


@styled
def bullseyes(maps: Sequence[PerfusionMaps], table: SegmentTable) -> Figure:
    """Figure with the bullseyes of `draw_bullseyes` and their colorbars, 180 x 56 mm."""
    figure = Figure(figsize=(180 / 25.4, 56 / 25.4))
    axes = figure.subplots(1, 4)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.92, bottom=0.14, wspace=0.06)
    for panel, colored in zip(axes, draw_bullseyes(axes, maps, table), strict=False):
        bar = figure.colorbar(colored, ax=panel, orientation="horizontal", fraction=0.04, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
    return figure
