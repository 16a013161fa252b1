"""Whether the pieces of a slice that somebody else stored fit each other."""

import numpy as np

from .preprocessed import PreprocessedSlice


def check_slice(part: PreprocessedSlice) -> None:
    """Raise ValueError unless the pieces of a slice fit each other, as they do in everything that was saved whole."""
    frames, *shape = part.series.signal.shape
    motion = part.motion
    sizes = {
        "images in one pose": (motion.corrected.shape, (frames, *shape)),
        "displacement": (motion.displacement_mm.shape, (frames, 2, *shape)),
        "quality": (motion.quality.shape, (frames,)),
        "aligned": (motion.aligned.shape, (frames,)),
        "labels": (part.contours.labels.shape, tuple(shape)),
    }
    for name, (found, expected) in sizes.items():
        if found != expected:
            raise ValueError(f"{name}: expected {expected}, got {found}")
    used = [motion.reference_frame, *part.excluded_frames]
    for contours in filter(None, (part.contours, part.automatic)):
        used += [contours.peak_frame, contours.reference_frame]
        positions = [contours.box_px, contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm]
        if not all(np.isfinite(one).all() for one in positions if one is not None):
            raise ValueError("a position is not finite")
    if not all(isinstance(frame, int) and 0 <= frame < frames for frame in used):
        raise ValueError(f"a frame of {frames} was expected, got {used}")
    if abs(np.linalg.det(part.series.ijk_to_ras)) < 1e-9:
        raise ValueError("the images lie nowhere")
    for images in (part.series.signal, motion.corrected, motion.displacement_mm, part.series.times_s):
        if not np.isfinite(images).all():
            raise ValueError("an image holds values that are no numbers")
