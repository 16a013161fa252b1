"""What a scanner makes of a scene: coil shading, limited k-space, blur, noise, distortion corners, display scaling."""

import numpy as np
from scipy import fft

from .grid import Grid, smooth_field


def acquire(rng: np.random.Generator, grid: Grid, scene: np.ndarray) -> np.ndarray:
    """(frame, size, size) magnitude images of a scene, on the same grid, in arbitrary units."""
    image = scene * _shading(rng, grid)
    window = _k_space_window(rng, grid)
    noise = _noise_level(rng)
    spectrum = fft.fft2(image)
    sd = noise * grid.size / np.sqrt(max(float(np.mean(window**2)), 1e-3))
    spectrum = spectrum * window
    real, imaginary = rng.standard_normal((2, *image.shape), np.float32)
    spectrum += sd * window * (real + 1j * imaginary)
    image = np.abs(fft.ifft2(spectrum)).astype(np.float32)
    if rng.random() < 0.4:
        image = image ** np.float32(np.exp(rng.uniform(-0.35, 0.4)))
    return image * _visible(rng, grid)


def _shading(rng, grid):
    """Smooth sensitivity up to 1:6 across the image, strongest near a surface coil."""
    strongest = np.log(rng.uniform(1, 6))
    rows, columns = np.meshgrid(grid.axis_mm, grid.axis_mm, indexing="ij")
    turn = rng.uniform(0, 2 * np.pi)
    slope = (rows * np.sin(turn) + columns * np.cos(turn)) / rng.uniform(90, 200)
    uneven = smooth_field(rng, grid.size, 2) * rng.uniform(0, 0.5)
    return np.exp(np.clip(strongest / 2 * (slope + uneven), -2.5, 2.5)).astype(np.float32)


def _k_space_window(rng, grid):
    """(size, size) what of k-space is kept: truncated to the acquired resolution, tapered, blurred by readout."""
    frequency = fft.fftfreq(grid.size, grid.spacing_mm).astype(np.float32)
    along = []
    finest, coarsest = (1.4, 3.3) if rng.random() < 0.8 else (2.2, 4.2)
    for _ in range(2):
        limit = 0.5 / rng.uniform(finest, coarsest)
        reach = np.abs(frequency) / limit
        taper = rng.uniform(0, 1)
        axis = np.where(reach <= 1, 1 - taper * (0.5 - 0.5 * np.cos(np.pi * np.minimum(reach, 1))), 0)
        if rng.random() < 0.5:
            blur_mm = rng.uniform(0, 2.2)
            axis = axis * np.exp(-2 * (np.pi * blur_mm * frequency) ** 2)
        along.append(axis.astype(np.float32))
    return along[0][:, None] * along[1][None]


def _noise_level(rng):
    """SD of each channel per pixel, relative to the LV at its brightest."""
    return np.float32(np.clip(0.022 * np.exp(rng.normal(0, 0.65)), 0.003, 0.12))


def _visible(rng, grid):
    """0 outside the scanner's field of view: black corners and edges."""
    if rng.random() < 0.75:
        return np.float32(1)
    rows, columns = np.meshgrid(grid.axis_mm, grid.axis_mm, indexing="ij")
    reach = grid.half_mm * rng.uniform(0.75, 1.4)
    power = rng.choice((2, 4, 10))
    shift = rng.normal(0, 0.15, 2) * grid.half_mm
    inside = (np.abs(rows - shift[0]) / reach) ** power + (np.abs(columns - shift[1]) / reach) ** power < 1
    return inside.astype(np.float32)
