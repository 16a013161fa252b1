"""From tissue to image: coil shading, k-space truncation, noise, and corners blackened by distortion correction."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.fft import ifft2, irfft2, rfft2

from .patient import Patient

COILS = (  # row and column in mm from the heart, and weight, of surface-coil elements
    (-125, -50, 0.9),
    (-75, -100, 1.2),
    (-10, -125, 1.2),
    (60, -130, 1.0),
    (-150, 30, 0.5),
    (70, 180, 0.5),
    (-30, 195, 0.5),
)


def shading(patient: Patient, strength: float, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sensitivity of the surface coils (H, W), 1 at the heart; y, x in mm from the heart."""
    rng = np.random.default_rng([patient.seed, 9])
    total = np.full_like(y, 0.10)
    for row, column, weight in COILS:
        away = np.hypot(y - row - rng.normal(0, 12), x - column - rng.normal(0, 12))
        total += weight * rng.uniform(0.6, 1.4) / (1 + (away / 50) ** 2)
    at_heart = total[np.unravel_index(np.argmin(np.hypot(y, x)), y.shape)]
    return ((total / at_heart) ** strength).astype(np.float32)


def visible(patient: Patient, size: int) -> np.ndarray:
    """(Y, X) 1 where distortion correction left an image, 0 in the corners and edges it blackened."""
    if not patient.black_corners:
        return np.ones((size, size), np.float32)
    rng = np.random.default_rng([patient.seed, 10])
    y, x = (np.mgrid[:size, :size] - (size - 1) / 2) / (size / 2)
    if rng.random() < 0.5:
        y, x = x, y
    edge = 1.02 - rng.uniform(0.05, 0.2) * (y + rng.uniform(-0.1, 0.1)) ** 2
    return np.clip((edge - np.abs(x)) * size / 4, 0, 1).astype(np.float32)


def noise_pattern(patient: Patient, unevenness: float, size: int) -> np.ndarray:
    """(Y, X) amplification of noise by parallel imaging, of mean 1: high in the middle, with edges of folding."""
    rng = np.random.default_rng([patient.seed, 16])
    y, x = (np.mgrid[:size, :size] + 0.5) / size - 0.5
    fold = 0.5 + 0.5 * np.cos(2 * np.pi * (y + rng.uniform(-0.1, 0.1)) * rng.choice([2, 3]))
    pattern = 1 + unevenness * (np.exp(-((y**2 + x**2) / 0.08)) + 0.5 * fold * np.exp(-((x / 0.25) ** 2)))
    return (pattern / pattern.mean()).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Samples k-space of a finely drawn slice.

    size : pixels of the image; oversampling : samples of the drawing per pixel
    rows, columns : acquired k-space lines
    blur_px : standard deviation of a Gaussian point spread, by which k-space is weighted
    noise : (size, size) standard deviation of the noise of a channel
    """

    size: int
    oversampling: int
    rows: int
    columns: int
    blur_px: float
    noise: np.ndarray

    @cached_property
    def weights(self) -> np.ndarray:
        """(size, size // 2 + 1) of k-space."""
        rows, columns = np.fft.fftfreq(self.size)[:, None], np.fft.rfftfreq(self.size)
        return np.exp(-2 * (np.pi * self.blur_px) ** 2 * (rows**2 + columns**2)).astype(np.float32)

    def expose(self, drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Magnitude image (size, size) float32 of a drawing (size x oversampling, same)."""
        top, right = self.rows // 2, self.columns // 2
        spectrum = rfft2(drawing, norm="forward")
        signal = np.zeros((self.size, self.size // 2 + 1), np.complex64)
        signal[:top, :right] = spectrum[:top, :right]
        signal[-top:, :right] = spectrum[-top:, :right]
        real = irfft2(signal * self.weights, (self.size, self.size), norm="forward")
        if not self.noise.any():
            return np.abs(real)
        noise = np.zeros((self.size, self.size), np.complex64)
        drawn = rng.standard_normal((2, 2 * top, 2 * right), dtype=np.float32)
        drawn = (drawn[0] + 1j * drawn[1]) * np.float32(1 / np.sqrt(4 * top * right))
        noise[:top, :right], noise[-top:, :right] = drawn[:top, :right], drawn[top:, :right]
        noise[:top, -right:], noise[-top:, -right:] = drawn[:top, right:], drawn[top:, right:]
        noisy = real + ifft2(noise, norm="forward") * self.noise
        return np.abs(noisy).astype(np.float32)
