"""Labels as a radiologist draws them: one closed ring of myocardium, the cavity inside, one RV beside it."""

import numpy as np
from scipy import ndimage

from ..data.box import Box, box_around
from ..data.contours import Label

_SMOOTHING_MM = 1.0
"""Standard deviation of the Gaussian that smooths probabilities, mm; chosen: half a pixel of the network's input."""


def compute_ring_labels(probability: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray | None:
    """(Y, X) uint8 labels from (4, Y, X) probabilities in the order of `Label`; None where there is no heart.

    The myocardium is one closed ring around one cavity without holes, whatever the probabilities say; the RV is one
    piece outside of it.
    """
    sigma = _SMOOTHING_MM / np.asarray(spacing_mm)
    _, muscle, blood, rv = (ndimage.gaussian_filter(p, sigma) for p in probability)
    core = _largest(muscle + blood > 0.5, weight=blood)
    if core is None:
        return None
    heart = ndimage.binary_fill_holes(_largest(_open(core), weight=blood))
    inner = ndimage.binary_erosion(heart, np.ones((3, 3)))
    cavity = _largest((blood > muscle) & inner, weight=blood)
    if cavity is None:
        cavity = inner & (blood >= np.max(blood, where=inner, initial=0)) if inner.any() else None
        if cavity is None or not cavity.any():
            return None
    cavity = ndimage.binary_fill_holes(_largest(cavity, weight=blood))
    labels = np.zeros(heart.shape, np.uint8)
    right = _largest((rv > 0.5) & ~heart, weight=rv)
    if right is not None:
        labels[right] = Label.RV_BLOOD_POOL
    labels[heart] = Label.MYOCARDIUM
    labels[cavity] = Label.BLOOD_POOL
    return labels


def compute_box(labels: np.ndarray) -> Box:
    """Edges around the epicardium, half a pixel outside the outermost pixel centers.

    Examples
    --------
    >>> compute_box(np.array([[0, 0, 0], [0, 1, 2]], np.uint8))
    Box(row0=0.5, column0=0.5, row1=1.5, column1=2.5)
    """
    return box_around((labels == Label.MYOCARDIUM) | (labels == Label.BLOOD_POOL))


def _largest(mask, *, weight):
    """The connected piece that holds most of ``weight``."""
    pieces, count = ndimage.label(mask)
    if not count:
        return None
    held = ndimage.sum_labels(weight, pieces, np.arange(1, count + 1))
    return pieces == int(np.argmax(held)) + 1


def _open(mask):
    """Without threads and spurs thinner than three pixels, unless nothing else is left."""
    opened = ndimage.binary_opening(mask, np.ones((3, 3)))
    return opened if opened.any() else mask
