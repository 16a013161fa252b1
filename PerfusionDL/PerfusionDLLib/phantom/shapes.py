"""Smooth shapes on a pixel grid: how much of each sample a shape covers."""

import numpy as np
from scipy.ndimage import gaussian_filter


def coverage(inside: np.ndarray) -> np.ndarray:
    """Share of each sample inside the shape {inside < 0}, (H, W) float32.

    The signed distance in samples is inside / |gradient|, exact to first order, so edges are antialiased.
    """
    slope = np.hypot(*np.gradient(inside)) + 1e-6
    return np.clip(0.5 - inside / slope, 0, 1).astype(np.float32)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], scale_px: float) -> np.ndarray:
    """Gaussian noise (H, W) of zero mean and unit variance with a correlation length."""
    noise = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), scale_px, mode="wrap")
    return (noise - noise.mean()) / noise.std()


def wave(angle_rad: np.ndarray, amplitudes: np.ndarray, phases: np.ndarray, first: int = 2) -> np.ndarray:
    """Sum of cosines of the angle, orders first, first + 1, ..."""
    orders = range(first, first + len(amplitudes))
    terms = zip(orders, map(float, amplitudes), map(float, phases), strict=True)  # Python floats keep float32
    return np.asarray(sum(amplitude * np.cos(order * angle_rad + phase) for order, amplitude, phase in terms))


def wrapped(angle_rad: np.ndarray) -> np.ndarray:
    """The angle in [-pi, pi)."""
    return (angle_rad + np.pi) % (2 * np.pi) - np.pi


class Canvas:
    """Amounts of tissues on one grid, painted back to front.

    amounts : tissue name to (H, W) share of each sample; they sum to at most one
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.amounts: dict[str, np.ndarray] = {}

    def paint(self, tissue: str, cover: np.ndarray) -> None:
        """Cover what is there with a tissue, as far as it covers."""
        for other in self.amounts:
            self.amounts[other] = self.amounts[other] * (1 - cover)
        self.amounts[tissue] = self.amounts.get(tissue, np.zeros(self.shape, np.float32)) + cover
