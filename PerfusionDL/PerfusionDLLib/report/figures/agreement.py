"""How far two readings agree, to be seen: Bland-Altman plots, identity plots, and every slice as a dot."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from ...evaluation.agreement import Agreement
from .style import FAINT, INK, QUIET

LIMIT = "#D55E00"
LEAST_SHOWN = 0.1  # mL/min/g, or reserve: no axis makes smaller differences look large
LEGIBLE = 0.15  # of half an axis: nearer labels would lie on each other
GOLDEN = 0.6180339887  # spreads neighbors evenly, without chance


def draw_bland_altman(
    axes: Axes, first: np.ndarray, second: np.ndarray, limits: Agreement, *, unit: str, color: str, title: str = ""
) -> None:
    """Difference (first minus second) over the mean of two readings, with bias, limits and their 95 % intervals."""
    mean, difference = (first + second) / 2, first - second
    edges = np.array([limits.lower.value, limits.lower.low, limits.upper.value, limits.upper.high, LEAST_SHOWN])
    largest = 1.15 * max(np.abs(difference).max(initial=0), np.nanmax(np.abs(edges)))
    axes.axhline(0, color=FAINT, linewidth=0.6)
    lines = ((limits.upper, "--", "upper limit"), (limits.bias, "-", "bias"), (limits.lower, "--", "lower limit"))
    for estimate, line, _ in lines:
        if np.isfinite(estimate.value):
            axes.axhline(estimate.value, color=LIMIT, linestyle=line, linewidth=0.9)
        if np.isfinite(estimate.low + estimate.high):
            axes.axhspan(estimate.low, estimate.high, color=LIMIT, alpha=0.12, linewidth=0)
    if limits.upper.value - limits.bias.value < LEGIBLE * largest:  # one label, where three would lie on each other
        texts = [f"{label} {estimate.value:+z.2f}" for estimate, _, label in lines]
        _beside(axes, limits.bias.value, "\n".join(texts))
    else:
        for estimate, _, label in lines:
            if np.isfinite(estimate.value):
                known = np.isfinite(estimate.low + estimate.high)
                within = f"\n[{estimate.low:+z.2f}, {estimate.high:+z.2f}]" if known else ""
                _beside(axes, estimate.value, f"{label} {estimate.value:+z.2f}{within}")
    _dots(axes, mean, difference, color)
    axes.set_ylim(-largest, largest)
    axes.set(xlabel=f"mean of both{_in(unit)}", ylabel=f"difference{_in(unit)}")
    axes.set_title(title, loc="left")


def _beside(axes: Axes, height: float, text: str) -> None:
    """A text at the right of a plot, at the height of a value."""
    axes.annotate(
        text,
        (1, height),
        xycoords=("axes fraction", "data"),
        xytext=(2, 0),
        textcoords="offset points",
        va="center",
        fontsize=5.5,
        color=INK,
    )


def draw_identity(axes: Axes, first: np.ndarray, second: np.ndarray, *, unit: str, color: str, names) -> None:
    """First over second reading with the line of identity, both axes alike."""
    top = 1.05 * max(first.max(initial=0), second.max(initial=0), 1e-6)
    axes.plot((0, top), (0, top), color=QUIET, linewidth=0.6)
    _dots(axes, second, first, color)
    axes.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    axes.set(xlabel=f"{names[1]}{_in(unit)}", ylabel=f"{names[0]}{_in(unit)}")


def draw_groups(
    axes: Axes, groups: Mapping[str, np.ndarray], *, label: str, paper: float, colors: Sequence[str]
) -> None:
    """Every value of each group as a dot, its median as a bar, and the paper's mean as a dashed line."""
    for place, (values, color) in enumerate(zip(groups.values(), colors, strict=True)):
        known = np.sort(values[np.isfinite(values)])
        if not known.size:
            continue
        aside = 0.32 * (np.arange(len(known)) * GOLDEN % 1 - 0.5)
        _dots(axes, place + aside, known, color)
        axes.plot((place - 0.3, place + 0.3), [np.median(known)] * 2, color=INK, linewidth=1.1)
    if np.isfinite(paper):
        axes.axhline(paper, color=LIMIT, linestyle="--", linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(groups)), list(groups))
    axes.tick_params(axis="x", length=0)
    axes.set_title(label, loc="left")


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray, color: str) -> None:
    axes.plot(x, y, "o", markersize=2.2, markerfacecolor=color, markeredgecolor="none", alpha=0.45)


def _in(unit: str) -> str:
    return f" ({unit})" if unit else ""
