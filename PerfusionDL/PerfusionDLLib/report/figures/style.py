"""How every figure looks: type, colors that survive gray print and color blindness, one flow scale for a study.

Figures are built as `matplotlib.figure.Figure`, never through pyplot, so that a worker thread may draw one.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize

from ...data.flow import PerfusionMaps
from ...data.study import Condition

FLOW_UNIT = "mL/min/g"
FLOW_COLORS = "viridis"
RATIO_COLORS = "cividis"
INK, QUIET, FAINT = "#1a1a1a", "#5c5c5c", "#c8c8c8"
CONDITION_COLORS = {Condition.REST: "#0072B2", Condition.STRESS: "#D55E00"}
ENDOCARDIUM, EPICARDIUM, INSERTION_POINT = "#F0E442", "#56B4E9", "#E69F00"

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 6.5,
    "axes.titlesize": 7,
    "axes.labelsize": 6.5,
    "axes.linewidth": 0.5,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "xtick.major.pad": 1.5,
    "ytick.major.pad": 1.5,
    "legend.frameon": False,
    "legend.fontsize": 6,
    "text.color": INK,
    "text.parse_math": False,  # descriptions from headers may hold dollar signs
    "lines.linewidth": 0.9,
    "hatch.linewidth": 0.4,
    "hatch.color": QUIET,
    "savefig.dpi": 300,
    "figure.dpi": 300,
    "pdf.fonttype": 42,
    "pdf.compression": 9,
    "svg.hashsalt": "PerfusionDL",
}


P = ParamSpec("P")
R = TypeVar("R")


def styled(build: Callable[P, R]) -> Callable[P, R]:
    """Decorator: the function draws in the house style, whatever the caller's settings are."""

    @wraps(build)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> R:
        with matplotlib.rc_context(STYLE):
            return build(*args, **kwargs)

    return in_style


def flow_scale(maps: Iterable[PerfusionMaps]) -> Normalize:
    """The color scale that rest and stress share: from 0 to a round number above 98 % of all pixels, mL/min/g.

    A few round ends instead of the maximum, so that patients can be compared by eye.
    """
    flows = [part.mbf_ml_min_g.ravel() for scan in maps for part in scan.slices]
    return round_scale(np.concatenate(flows) if flows else np.empty(0), percent=98, ends=(2, 3, 4, 5, 6, 8))


def round_scale(values: np.ndarray, *, percent: float, ends: Sequence[float]) -> Normalize:
    """A color scale from 0 to the first of ``ends`` that covers a percentage of the values; the last if none does.

    >>> round_scale(np.array([1.0, 2.5, np.nan]), percent=100, ends=(2, 3, 4)).vmax
    3.0
    """
    known = values[np.isfinite(values)]
    top = np.percentile(known, percent) if known.size else 0
    return Normalize(0, float(next((end for end in ends if end >= top), ends[-1])))


def hide_frame(axes: Axes) -> None:
    """Leave a picture without ticks and frame; Matplotlib would make ticks first and then leave them out."""
    axes.xaxis.set_visible(False)
    axes.yaxis.set_visible(False)
    for side in axes.spines.values():
        side.set_visible(False)


def draw_scale(axes: Axes, colored: ScalarMappable, *, horizontal: bool = False) -> None:
    """A bar with the colors of a scale and its numbers, on the right of it or below.

    Matplotlib's own color bar is drawn on a canvas as large as the page, at the resolution of print: 35 MB each.
    """
    scale = cast(Normalize, colored.norm)
    low, high = float(scale.vmin or 0), float(scale.vmax or 1)
    ramp = np.linspace(low, high, 256)
    axes.imshow(
        ramp[None] if horizontal else ramp[:, None],
        norm=scale,
        cmap=colored.cmap,
        extent=(low, high, 0, 1) if horizontal else (0, 1, low, high),
        aspect="auto",
        origin="lower",
        interpolation="nearest",
    )
    if horizontal:
        axes.yaxis.set_visible(False)
    else:
        axes.xaxis.set_visible(False)
        axes.yaxis.tick_right()
        axes.yaxis.set_label_position("right")
    for side in axes.spines.values():
        side.set_visible(False)


def ink_on(color: Sequence[float]) -> str:
    """Black or white, whichever reads better on a color (WCAG relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return "black" if np.dot(linear, (0.2126, 0.7152, 0.0722)) > 0.18 else "white"


def colormap(name: str) -> Colormap:
    """A colormap in which a missing value is white, a color that none of our maps uses."""
    return matplotlib.colormaps[name].with_extremes(bad="white")
