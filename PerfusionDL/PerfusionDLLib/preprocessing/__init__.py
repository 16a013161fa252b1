"""The deep-learning preprocessing of one slice: peak, box, motion compensation, labels, insertion points."""

from .bounding_box import Box, find_box
from .candidates import find_labels
from .chain import preprocess_slice
from .insertion_points import find_points
from .peak_frame import Peak, bright_frames, find_peaks, first_pass_peak, lead_frames
from .phases import moments
from .segmentation import ring_labels

__all__ = [
    "Box",
    "Peak",
    "bright_frames",
    "find_box",
    "find_labels",
    "find_peaks",
    "find_points",
    "first_pass_peak",
    "lead_frames",
    "moments",
    "preprocess_slice",
    "ring_labels",
]
