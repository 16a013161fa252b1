"""The square window that a network looks through: images into it, positions and answers back out of it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage


@dataclass(frozen=True)
class Window:
    """``size`` pixels of ``spacing_mm`` around ``center_px`` (row, column) of an image of ``image_spacing_mm``.

    Examples
    --------
    >>> window = Window(size=5, spacing_mm=2.0, center_px=(10.0, 20.0), image_spacing_mm=(1.0, 4.0))
    >>> window.to_image(np.array([2.0, 4.0])).tolist()
    [10.0, 21.0]
    """

    size: int
    spacing_mm: float
    center_px: tuple[float, float]
    image_spacing_mm: tuple[float, float]

    @property
    def step_px(self) -> np.ndarray:
        """(2,) image pixels per window pixel, rows and columns."""
        return self.spacing_mm / np.asarray(self.image_spacing_mm)

    def to_image(self, position: np.ndarray) -> np.ndarray:
        """(..., 2) row and column in the window to row and column in the image."""
        return (np.asarray(position) - (self.size - 1) / 2) * self.step_px + np.asarray(self.center_px)

    def from_image(self, position: np.ndarray) -> np.ndarray:
        """(..., 2) row and column in the image to row and column in the window."""
        return (np.asarray(position) - np.asarray(self.center_px)) / self.step_px + (self.size - 1) / 2

    def sample(self, images: np.ndarray) -> np.ndarray:
        """(frame, Y, X) images as seen through the window, (frame, size, size) float32; 0 outside the image.

        Averages over what falls into one window pixel, so that nothing aliases.
        """
        images = np.asarray(images, np.float32)
        shrink = np.maximum(np.floor(self.step_px + 1e-6).astype(int), 1)
        small = _block_means(images, shrink)
        left = self.step_px / shrink
        blur = 0.45 * np.sqrt(np.maximum(left**2 - 1, 0))
        if blur.max() > 0.1:
            small = ndimage.gaussian_filter(small, (0, *blur), mode="nearest")
        axis = np.arange(self.size)
        rows, columns = (
            ((axis - (self.size - 1) / 2) * self.step_px[i] + self.center_px[i] - (shrink[i] - 1) / 2) / shrink[i]
            for i in range(2)
        )
        return _interpolate(_interpolate(small, rows, axis=1), columns, axis=2)

    def resample_to_image(self, answers: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """(output, size, size) answers on the pixels of an image of ``shape``; the nearest edge value outside."""
        rows = (np.arange(shape[0]) - self.center_px[0]) / self.step_px[0] + (self.size - 1) / 2
        columns = (np.arange(shape[1]) - self.center_px[1]) / self.step_px[1] + (self.size - 1) / 2
        limit = self.size - 1
        once = _interpolate(answers, np.clip(rows, 0, limit), axis=1)
        return _interpolate(once, np.clip(columns, 0, limit), axis=2)


def _block_means(images, shrink):
    """Means over blocks of ``shrink`` pixels, what is left over at the far edges dropped."""
    rows, columns = (length // factor * factor for length, factor in zip(images.shape[1:], shrink, strict=True))
    parts = [images[:, i : rows : shrink[0], j : columns : shrink[1]] for i, j in np.ndindex(*shrink)]
    return sum(parts[1:], start=parts[0]) / np.float32(len(parts))


def _interpolate(images, place, *, axis):
    """Linear interpolation along one axis; 0 more than half a pixel outside."""
    last = images.shape[axis] - 1
    inside = (place >= -0.5) & (place <= last + 0.5)
    place = np.clip(place, 0, last)
    low = np.minimum(place.astype(int), max(last - 1, 0))
    share = (place - low).astype(np.float32)
    shape = [1, 1, 1]
    shape[axis] = -1
    share, inside = share.reshape(shape), inside.reshape(shape)
    upper = np.minimum(low + 1, last)
    return (np.take(images, low, axis) * (1 - share) + np.take(images, upper, axis) * share) * inside
