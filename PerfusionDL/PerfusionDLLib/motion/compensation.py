"""Motion compensation of one slice: every frame in the pose of the reference frame."""

from typing import cast

import numpy as np

from ..data.box import Box
from ..data.preprocessed import MotionCompensation
from .field import dense_field, resampled
from .grid import Frames, Grid
from .groupwise import align, find_improved_frames, start
from .precontrast import align_precontrast_frames, count_precontrast_frames, place_precontrast_frames
from .translation_search import find_translations

COARSE_MM, FINE_MM = 4.0, 2.0  # mm between the points of the working grids
ALIGNED_QUALITY = 0.5  # least quality (0 to 1) of an aligned frame; chosen


def compensate(
    signal: np.ndarray,
    *,
    spacing_mm: tuple[float, float],
    reference_frame: int,
    region_px: Box | None = None,
) -> MotionCompensation:
    """Bring every frame into the pose of the reference frame.

    Translations are searched everywhere up to 20 mm; then all frames together are aligned with what they have in common
    (see `groupwise`), coarse to fine.

    Parameters
    ----------
    signal : (T, Y, X) float32, a.u.
    spacing_mm : distance between rows and between columns
    reference_frame : frame whose pose is kept, 0-based
    region_px : box around the left ventricle in the reference frame. Without it, the
        heart is taken to be where the signal rises most.

    Returns
    -------
    MotionCompensation
        Displacements fade to zero outside the region and its surroundings.

    Raises
    ------
    ValueError
        If the shape, the spacing, the frame or the region cannot be meant.

    References
    ----------
    Scannell CM et al., IEEE Trans Med Imaging 2019;38:1812 (principal components as a motion-free reference);
    Huizinga W et al., Med Image Anal 2016;29:65 (groupwise principal-component metric).

    Examples
    --------
    >>> rows, columns = np.mgrid[:48, :48]
    >>> blood = np.exp(-(((rows - 24) / 6) ** 2 + ((columns - 24) / 6) ** 2))
    >>> signal = np.stack([(1 + frame) * blood for frame in range(20)])
    >>> motion = compensate(signal, spacing_mm=(2, 2), reference_frame=9, region_px=Box(14, 14, 34, 34))
    >>> bool(np.abs(motion.displacement_mm).max() < 0.1)
    True
    """
    signal = np.asarray(signal, np.float32)
    _check(signal, spacing_mm, reference_frame, region_px)
    region = _enhancing_region(signal, spacing_mm) if region_px is None else region_px
    coarse = Grid.around(region, signal.shape[1:], spacing_mm, step_mm=COARSE_MM)
    fine = Grid.around(region, signal.shape[1:], spacing_mm, step_mm=FINE_MM)
    alignment = start(find_translations(signal, region, spacing_mm, reference_frame), coarse)
    blurred, sharp = Frames(signal, coarse, smoothing_mm=2.5), Frames(signal, fine, smoothing_mm=1.0)
    alignment = align(blurred, coarse, alignment, order=1, iterations=4, contrasts=4)
    alignment = align(blurred, coarse, alignment, order=4, iterations=5, contrasts=4, learn=(1, 4))
    precontrast = count_precontrast_frames(blurred, coarse, alignment, reference_frame)
    alignment = place_precontrast_frames(blurred, coarse, alignment, precontrast)
    alignment = align(sharp, fine, alignment, order=6, iterations=6, contrasts=6, learn=(0, 5, 2))
    alignment = align_precontrast_frames(sharp, fine, alignment, precontrast)
    quality = cast(np.ndarray, alignment.quality)
    aligned = quality >= ALIGNED_QUALITY
    aligned[reference_frame] = True
    moved = aligned & find_improved_frames(sharp, fine, alignment, reference_frame=reference_frame, contrasts=6)
    displacement_mm = dense_field(alignment.waves_mm, fine, signal.shape[1:], reference_frame=reference_frame)
    displacement_mm[~moved] = 0
    return MotionCompensation(
        corrected=resampled(signal, displacement_mm, spacing_mm),
        displacement_mm=displacement_mm,
        reference_frame=reference_frame,
        quality=quality,
        aligned=aligned,
        region_px=region_px,
    )


def _check(signal, spacing_mm, reference_frame, region_px) -> None:
    if signal.ndim != 3:
        raise ValueError(f"signal must be (frame, row, column), got shape {signal.shape}")
    if len(signal) < 2:
        raise ValueError("a series must have at least two frames, got one")
    if min(signal.shape[1:]) < 8:
        raise ValueError(f"images must have at least 8 rows and columns, got {signal.shape[1:]}")
    if not np.isfinite(signal).all():
        raise ValueError("signal must be finite, got NaN or infinity")
    if len(spacing_mm) != 2 or not min(spacing_mm) > 0:
        raise ValueError(f"spacing_mm must be two positive distances, got {spacing_mm}")
    if not 0 <= reference_frame < len(signal):
        raise ValueError(f"reference_frame must be 0 to {len(signal) - 1}, got {reference_frame}")
    if region_px is not None:
        row0, column0, row1, column1 = region_px
        rows, columns = signal.shape[1:]
        if not (-0.5 <= row0 < row1 <= rows - 0.5 and -0.5 <= column0 < column1 <= columns - 0.5):
            raise ValueError(f"region_px must be a box inside the image {signal.shape[1:]}, got {region_px}")


def _enhancing_region(signal, spacing_mm) -> Box:
    """Box of 70 mm around the largest connected area where the signal rises most."""
    from scipy import ndimage

    sigma = [4 / spacing for spacing in spacing_mm]
    smooth = ndimage.gaussian_filter(signal, (1, *sigma))
    rise = smooth.max(0) - np.median(smooth[: max(3, len(smooth) // 12)], axis=0)
    labels, _ = ndimage.label(rise > 0.5 * np.percentile(rise, 99.5))
    largest = np.argmax(np.bincount(labels.ravel(), rise.ravel())[1:]) + 1 if labels.any() else 0
    center = ndimage.center_of_mass(rise, labels, largest)
    half = [35 / spacing for spacing in spacing_mm]
    low = [max(c - h, -0.5) for c, h in zip(center, half, strict=True)]
    high = [min(c + h, n - 0.5) for c, h, n in zip(center, half, signal.shape[1:], strict=True)]
    return Box(*low, *high)
