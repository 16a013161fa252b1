"""The figures of a study as `matplotlib.figure.Figure`, and the drawing functions that the report composes.

Matplotlib does not come with Slicer: import this package inside the function that draws.
"""

from .bullseye import bullseyes, draw_bullseye, draw_bullseyes
from .curves import draw_arterial_input, draw_segments, segment_curves
from .slices import draw_contours, draw_flow, draw_motion, field_mm, flow_maps, slice_title
from .style import FLOW_COLORS, FLOW_UNIT, colormap, draw_scale, flow_scale, styled

__all__ = [
    "FLOW_COLORS",
    "FLOW_UNIT",
    "bullseyes",
    "colormap",
    "draw_arterial_input",
    "draw_bullseye",
    "draw_bullseyes",
    "draw_contours",
    "draw_flow",
    "draw_motion",
    "draw_scale",
    "draw_segments",
    "field_mm",
    "flow_maps",
    "flow_scale",
    "segment_curves",
    "slice_title",
    "styled",
]
