"""What happens over time: the arterial input and the mean curve of every segment with its fit."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...data.flow import ArterialInput, PerfusionMaps, SegmentFit
from ...data.study import Condition
from .style import CONDITION_COLORS, FAINT, QUIET, styled

MARKERS = {Condition.REST: "o", Condition.STRESS: "s"}
LINES = {Condition.REST: (0, (4, 1.2)), Condition.STRESS: "-"}


def draw_arterial_input(axes: Axes, measured: ArterialInput, condition: Condition) -> None:
    """The arterial input with the landmarks the fit relies on: baseline, peak and the end of the first pass."""
    color = CONDITION_COLORS[condition]
    times_s, concentration = measured.times_s, measured.concentration_mmol_l
    axes.axvspan(times_s[0], times_s[max(measured.baseline_frames - 1, 0)], color=FAINT, alpha=0.5, linewidth=0)
    axes.axvline(times_s[measured.first_pass_end_frame], color=QUIET, linewidth=0.5, linestyle=":")
    axes.plot(times_s, concentration, color=color, marker=".", markersize=2.5, linewidth=0.8)
    peak = concentration[measured.peak_frame]
    if np.isfinite(peak):
        axes.annotate(
            f"\u25bc {peak:.2f}",
            (times_s[measured.peak_frame], peak),
            xytext=(-2.2, 2),
            textcoords="offset points",
            fontsize=6,
            color=color,
        )
    axes.set(xlabel="time (s)", ylabel="mmol/L", xlim=(times_s[0], times_s[-1]))
    highest = np.nanmax(concentration, initial=0.0) or 1.0
    axes.set_ylim(min(0.0, np.nanmin(concentration, initial=0.0)), 1.18 * highest)


def draw_segment(axes: Axes, fits: Mapping[Condition, SegmentFit]) -> None:
    """Mean curve of a segment (points) with the fitted model (line), rest and stress from the start of each scan."""
    for condition, fit in fits.items():
        color = CONDITION_COLORS[condition]
        axes.plot(
            fit.times_s,
            fit.concentration_mmol_l,
            linestyle="",
            marker=MARKERS[condition],
            markersize=1.3,
            markerfacecolor="none" if condition is Condition.REST else color,
            markeredgecolor=color,
            markeredgewidth=0.3,
            alpha=0.6,
        )
        axes.plot(fit.times_s, fit.fitted_mmol_l, color=color, linewidth=0.9, linestyle=LINES[condition])


def fits_by_segment(maps: Sequence[PerfusionMaps]) -> dict[int, dict[Condition, SegmentFit]]:
    """The fits of a study by AHA segment and condition; of several slices of one level the most basal counts."""
    fits: dict[int, dict[Condition, SegmentFit]] = {}
    for scan in maps:
        for part in scan.slices:
            for segment, fit in part.segment_fits.items():
                fits.setdefault(segment, {}).setdefault(scan.condition, fit)
    return fits


def curve_limits(maps: Sequence[PerfusionMaps]) -> tuple[float, float, float]:
    """Longest time (s), lowest and highest concentration (mmol/L) that the segment panels share."""
    fits = [fit for by_condition in fits_by_segment(maps).values() for fit in by_condition.values()]
    if not fits:
        return 1.0, 0.0, 1.0
    values = np.concatenate([np.r_[fit.concentration_mmol_l, fit.fitted_mmol_l] for fit in fits])
    values = values[np.isfinite(values)] if np.isfinite(values).any() else np.array([0.0, 1.0])
    return max(float(fit.times_s[-1]) for fit in fits), min(0.0, values.min()), 1.08 * values.max()


@styled
def segment_curves(maps: Sequence[PerfusionMaps]) -> Figure:
    """Figure of the 16 segment curves with their fits, a row per level, on common axes."""
    figure = Figure(figsize=(180 / 25.4, 75 / 25.4))
    axes = figure.subplots(3, 6)
    figure.subplots_adjust(left=0.05, right=0.995, top=0.96, bottom=0.09, wspace=0.12, hspace=0.25)
    draw_segments(axes.ravel(), maps)
    return figure


def draw_segments(axes: Sequence[Axes], maps: Sequence[PerfusionMaps]) -> None:
    """The 16 segment curves into 18 axes, a row of six per level; the last two, empty, carry the legend."""
    fits = fits_by_segment(maps)
    last_s, lowest, highest = curve_limits(maps)
    for segment, panel in enumerate(axes, start=1):
        if segment > 16:
            panel.axis("off")
            continue
        draw_segment(panel, fits.get(segment, {}))
        panel.set(xlim=(0, last_s), ylim=(lowest, highest))
        panel.text(0.03, 0.95, str(segment), transform=panel.transAxes, va="top", fontweight="bold", fontsize=6.5)
        if (segment - 1) % 6:
            panel.set_yticklabels([])
        else:
            panel.set_ylabel("mmol/L")
        if segment < 11:
            panel.set_xticklabels([])
        else:
            panel.set_xlabel("time (s)")
    handles = [
        axes[0].plot(
            [],
            [],
            color=CONDITION_COLORS[scan.condition],
            linestyle=LINES[scan.condition],
            marker=MARKERS[scan.condition],
            markersize=2.5,
            markerfacecolor="none" if scan.condition is Condition.REST else None,
            label=f"{scan.condition.value}: mean curve and fit",
        )[0]
        for scan in maps
    ]
    axes[16].legend(handles=handles, loc="lower left", borderaxespad=0, handlelength=3)
