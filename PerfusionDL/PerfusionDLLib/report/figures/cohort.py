"""How flow is spread over many studies, to be seen."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from .style import FLOW_UNIT


def draw_segment_spread(axes: Axes, flows: Mapping[str, Mapping[int, np.ndarray]], *, colors: Sequence[str]) -> None:
    """Median and quartiles of the flow in each AHA segment, a color per condition.

    flows : (N,) mL/min/g by condition and segment
    """
    for place, ((condition, by_segment), color) in enumerate(zip(flows.items(), colors, strict=True)):
        known = {segment: values for segment, values in by_segment.items() if values.size}
        if not known:
            continue
        where = np.array(list(known)) + (place - 0.5) * 0.28
        low, middle, high = np.array([np.percentile(values, (25, 50, 75)) for values in known.values()]).T
        axes.vlines(where, low, high, color=color, linewidth=2.2, alpha=0.45)
        axes.plot(where, middle, "o", color=color, markersize=3, label=condition)
    axes.set_xticks(range(1, 17))
    axes.set_xlim(0.4, 16.6)
    axes.set_ylim(bottom=0)
    axes.set(xlabel="AHA segment", ylabel=f"MBF ({FLOW_UNIT})")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper right", ncols=2)
