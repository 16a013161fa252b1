"""What is where: the image with its contours, the flow map on it, the motion before and after alignment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...data.contours import Contours
from ...data.flow import PerfusionMaps, SliceMaps
from ...data.preprocessed import PreprocessedScan, PreprocessedSlice
from .style import (
    ENDOCARDIUM,
    EPICARDIUM,
    FLOW_COLORS,
    FLOW_UNIT,
    INSERTION_POINT,
    QUIET,
    colormap,
    draw_scale,
    flow_scale,
    hide_frame,
    styled,
)


def field_mm(scans: Sequence[PreprocessedScan]) -> float:
    """Side of the square around the heart that all pictures of a study share, so that sizes can be compared."""
    sides = [40.0]
    for part in (part for scan in scans for part in scan.slices):
        sides += part.contours.box_px.size_mm(part.series.spacing_mm)
    return 1.6 * max(sides)


def _frame_heart(axes: Axes, part: PreprocessedSlice, field: float) -> None:
    """Limit the axes to the square of ``field`` mm around the box, first row at the top, pixels at their true shape."""
    rows_mm, columns_mm = part.series.spacing_mm
    row, column = part.contours.box_px.center_px
    axes.set_xlim(column - field / 2 / columns_mm, column + field / 2 / columns_mm)
    axes.set_ylim(row + field / 2 / rows_mm, row - field / 2 / rows_mm)
    axes.set_aspect(rows_mm / columns_mm)
    axes.set_facecolor("black")
    hide_frame(axes)


def _window(image: np.ndarray, part: PreprocessedSlice) -> tuple[float, float]:
    """Gray window from the neighborhood of the heart, where bright chest-wall fat does not set the scale."""
    first_row, first_column, last_row, last_column = map(round, part.contours.box_px)
    pad = (last_row - first_row) // 4
    near = image[max(first_row - pad, 0) : last_row + pad, max(first_column - pad, 0) : last_column + pad]
    near = near if near.size else image
    low, high = np.percentile(near, (1, 99.5))
    return float(low), max(float(high), float(low) + 1e-6)


def _draw_outlines(axes: Axes, contours: Contours, *, linewidth: float = 0.8) -> None:
    """Vector outlines through the pixel edges: half-way between the last pixel inside and the first outside."""
    for mask, color in (
        (contours.myocardium | contours.blood_pool, EPICARDIUM),
        (contours.blood_pool, ENDOCARDIUM),
    ):
        if mask.any() and not mask.all():
            axes.contour(mask.astype(float), levels=[0.5], colors=color, linewidths=linewidth)


def draw_contours(axes: Axes, part: PreprocessedSlice, *, field: float, title: str = "") -> None:
    """The image at the LV peak with endocardium, epicardium, RV insertion points and box.

    field : side of the picture, mm
    """
    contours = part.contours
    image = part.motion.corrected[contours.peak_frame]
    axes.imshow(image, cmap="gray", norm=Normalize(*_window(image, part)), interpolation="bicubic")
    _draw_outlines(axes, contours)
    box = contours.box_px
    height, width = box.size_px
    axes.add_patch(
        Rectangle((box.column0, box.row0), width, height, fill=False, edgecolor="white", linewidth=0.4, linestyle=":")
    )
    for point, marker in ((contours.anterior_rv_ras_mm, "^"), (contours.inferior_rv_ras_mm, "v")):
        if point is not None:
            row, column = part.series.pixels_from_ras(point)
            axes.plot(
                column,
                row,
                marker=marker,
                markersize=4.6,
                markerfacecolor=INSERTION_POINT,
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
    _frame_heart(axes, part, field)
    axes.set_title(title)


def draw_flow(
    axes: Axes, part: PreprocessedSlice, maps: SliceMaps, *, scale: Normalize, field: float, title: str = ""
) -> ScalarMappable:
    """The flow map over the image at the LV peak; a pixel without a trustworthy flow is white."""
    image = part.motion.corrected[part.contours.peak_frame]
    low, high = _window(image, part)
    dim = Normalize(low, 1.8 * high)
    axes.imshow(image, cmap="gray", norm=dim, interpolation="bicubic")
    colored = ScalarMappable(scale, colormap(FLOW_COLORS))
    overlay = colored.to_rgba(np.ma.masked_invalid(maps.mbf_ml_min_g))
    overlay[..., 3] = part.contours.myocardium
    axes.imshow(overlay, interpolation="nearest")
    _frame_heart(axes, part, field)
    axes.set_title(title)
    return colored


def time_position(frames: np.ndarray, part: PreprocessedSlice, *, field: float) -> np.ndarray:
    """(position, T) signal on the row-wise line through the middle of the box, which is how motion is seen at a glance.

    frames : (T, Y, X), as measured or aligned
    """
    row, middle = part.contours.box_px.center_px
    rows_mm, _ = part.series.spacing_mm
    half = field / 2 / rows_mm
    first, last = max(round(row - half), 0), round(row + half) + 1
    column = round(middle)
    return frames[:, first:last, column - 1 : column + 2].mean(axis=2).T


def _label_left(axes: Axes, label: str, **how: Any) -> None:
    """A word on the left of a picture, read from below."""
    axes.annotate(
        label,
        (0, 0.5),
        xycoords="axes fraction",
        xytext=(-2, 0),
        textcoords="offset points",
        rotation=90,
        ha="right",
        va="center",
        **how,
    )


def draw_motion(axes: tuple[Axes, Axes], part: PreprocessedSlice, *, field: float, title: str = "") -> None:
    """Time-position strips of a slice, above as measured and below after motion compensation, in one gray window."""
    strips = [time_position(frames, part, field=field) for frames in (part.series.signal, part.motion.corrected)]
    low, high = np.percentile(strips[0], (1, 99.5))
    frames = len(part.series.times_s)
    for panel, strip, label in zip(axes, strips, ("before", "after"), strict=True):
        panel.imshow(
            strip,
            cmap="gray",
            norm=Normalize(low, max(high, low + 1e-6)),
            aspect="auto",
            interpolation="nearest",
            extent=(0.5, frames + 0.5, 0, 1),
        )
        hide_frame(panel)
        _label_left(panel, label, color=QUIET, fontsize=6)
        for frame in np.flatnonzero(~part.used_frames):
            panel.axvspan(frame + 0.5, frame + 1.5, color=INSERTION_POINT, alpha=0.45, linewidth=0)
    axes[0].set_title(title)


def slice_title(part: PreprocessedSlice, maps: SliceMaps | None = None) -> str:
    """ "Basal", "Mid" or "Apical"; nothing where the level is not known."""
    level = maps.level if maps is not None else part.series.level
    return "" if level is None else level.value.capitalize()


@styled
def flow_maps(preprocessed: Sequence[PreprocessedScan], maps: Sequence[PerfusionMaps]) -> Figure:
    """Figure of all slices of a study: contours and flow maps, a row per condition, one flow scale."""
    columns = max(len(scan.slices) for scan in preprocessed)
    side = 180 / (2 * columns) / 25.4
    figure = Figure(figsize=(2 * columns * side + 0.5, len(maps) * (side + 0.2)))
    axes = figure.subplots(len(maps), 2 * columns, squeeze=False)
    figure.subplots_adjust(left=0.03, right=0.92, top=0.93, bottom=0.01, wspace=0.04, hspace=0.12)
    field, scale = field_mm(preprocessed), flow_scale(maps)
    colored = ScalarMappable(scale, colormap(FLOW_COLORS))
    for panels, before, after in zip(axes, preprocessed, maps, strict=True):
        for panel in panels[2 * len(before.slices) :]:
            panel.axis("off")
        _label_left(panels[0], after.condition.value.capitalize())
        for index, (part, flow) in enumerate(zip(before.slices, after.slices, strict=True)):
            draw_contours(panels[index], part, field=field, title=slice_title(part, flow))
            draw_flow(panels[columns + index], part, flow, scale=scale, field=field, title=slice_title(part, flow))
    bar = figure.add_axes((0.94, 0.1, 0.012, 0.75))
    draw_scale(bar, colored)
    bar.set_ylabel(f"MBF ({FLOW_UNIT})")
    return figure
