"""Slices with the true contours of a phantom, as if motion compensation had left them where they were."""

import numpy as np
from PerfusionDLLib.data.contours import Contours
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedSlice


def unmoved(series, reference_frame):
    """Motion compensation that moves nothing."""
    frames = len(series.signal)
    return MotionCompensation(
        corrected=series.signal,
        displacement_mm=np.zeros((frames, 2, *series.signal.shape[1:]), np.float32),
        reference_frame=reference_frame,
        quality=np.ones(frames),
        aligned=np.ones(frames, bool),
    )


def with_true_contours(series, truth, motion=None):
    """Slice with contours of the truth; without motion compensation unless some is given."""
    anterior, inferior = series.ras_from_pixels(np.array([truth.anterior_rv_px, truth.inferior_rv_px]))
    contours = Contours(
        peak_frame=truth.peak_frame,
        reference_frame=truth.peak_frame,
        box_px=truth.box_px,
        labels=truth.labels,
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
    )
    return PreprocessedSlice(series=series, motion=motion or unmoved(series, truth.peak_frame), contours=contours)
