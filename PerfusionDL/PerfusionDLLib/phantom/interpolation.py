"""Values between samples."""

import numpy as np


def bilinear(images: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Images (K, H, W) at positions (2, ...) in samples, rows then columns; held constant outside. (K, ...) float32.

    Faster than a general interpolator because all images share the arithmetic on positions.

    >>> grid = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    >>> bilinear(grid, np.array([[0.5, 9.0], [1.5, 0.0]], np.float32)).tolist()
    [[3.5, 8.0]]
    """
    height, width = images.shape[-2:]
    row = np.clip(at[0], 0, height - 1)
    column = np.clip(at[1], 0, width - 1)
    above = np.minimum(row.astype(np.int32), height - 2)
    left = np.minimum(column.astype(np.int32), width - 2)
    row, column = row - above, column - left
    first = above * width + left
    found = []
    for image in images:
        flat = image.ravel()
        top, bottom = flat.take(first), flat.take(first + width)
        top += column * (flat.take(first + 1) - top)
        bottom += column * (flat.take(first + width + 1) - bottom)
        top += row * (bottom - top)
        found.append(top)
    return np.stack(found)
