"""The deep-learning preprocessing of one slice: peak, box, motion compensation, labels, insertion points."""

from .bounding_box import FoundBox, find_box
from .candidates import find_labels
from .chain import preprocess_slice
from .insertion_points import find_insertion_points
from .neighbors import settle_insertion_points
from .peak_frame import Peak, count_lead_frames, find_bright_frames, find_first_pass_peak, find_peaks
from .phases import average_phases
from .segmentation import compute_ring_labels

__all__ = [
    "FoundBox",
    "Peak",
    "average_phases",
    "compute_ring_labels",
    "count_lead_frames",
    "find_box",
    "find_bright_frames",
    "find_first_pass_peak",
    "find_insertion_points",
    "find_labels",
    "find_peaks",
    "preprocess_slice",
    "settle_insertion_points",
]
