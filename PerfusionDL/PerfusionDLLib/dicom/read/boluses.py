"""Scans in which no contrast agent arrives, such as tests of the breath-hold and scans that were stopped early."""

from collections.abc import Sequence

import numpy as np

from ...data.errors import PerfusionError
from .pixels import PixelReader, compute_block_curves
from .scans import FEWEST_SHARE, FoundScan

BRIGHTEST = 90  # chosen: percentile of image regions; blood and heart fill more than a tenth of an image
HARDLY = 0.35  # chosen: rise of signal over that of the scan in which it rises most; breathing makes 0.1 to 0.2


def leave_out_without_bolus(scans: Sequence[FoundScan]) -> list[FoundScan]:
    """The scans without those in which signal does not rise, where there are too many, or one is far shorter.

    The others say which were left out.
    """
    frames = [scan.frames for scan in scans]
    if len(scans) < 2 or (len(scans) == 2 and min(frames) >= FEWEST_SHARE * max(frames)):
        return list(scans)
    rises = [compute_rise(scan) for scan in scans]
    without = [scan for scan, rise in zip(scans, rises, strict=True) if rise < HARDLY * max(rises)]
    notes = [
        f"Not used: {scan.evidence.described}; signal does not rise in it as where contrast agent arrives, as in a "
        "test or a scan that was stopped early."
        for scan in without
    ]
    return [scan.noting(*notes) for scan in scans if scan not in without]


def compute_rise(scan: FoundScan) -> float:
    """By how much of its median the signal of the regions that change most rises in the middle slice of a scan."""
    one = scan.slices[len(scan.slices) // 2]
    try:
        curves = compute_block_curves(PixelReader().read(one.frames))
    except PerfusionError:
        return np.inf  # whoever loads it says what is wrong
    smooth = np.median([curves[:-2], curves[1:-1], curves[2:]], axis=0)
    rise = (smooth.max(axis=0) - smooth.min(axis=0)) / np.maximum(np.median(smooth, axis=0), 1e-6)
    return float(np.percentile(rise, BRIGHTEST))
