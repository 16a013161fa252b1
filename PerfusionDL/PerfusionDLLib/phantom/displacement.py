"""Displacement of a slice over time, both ways: where tissue went, and where what is seen came from."""

from dataclasses import dataclass

import numpy as np

from .breathing import inverted, modes_mm
from .grid import Grid
from .heart import Heart

NODE_PX = 4  # pixels between the nodes that displacement is known on; it is smooth and linear in between


def linear(nodes: int, positions: np.ndarray) -> np.ndarray:
    """(P, nodes) matrix of linear interpolation at positions given in nodes, held constant outside."""
    at = np.clip(positions, 0, nodes - 1)
    low = np.minimum(at.astype(int), nodes - 2)
    matrix = np.zeros((len(at), nodes), np.float32)
    matrix[np.arange(len(at)), low] = 1 - (at - low)
    matrix[np.arange(len(at)), low + 1] = at - low
    return matrix


@dataclass(frozen=True, kw_only=True)
class Displacement:
    """Linear in a few modes, zero in the pose of the peak frame.

    amplitudes : (T, M); modes_px : (M, 2, N, N) at the nodes, in pixels per unit amplitude
    """

    amplitudes: np.ndarray
    modes_px: np.ndarray

    @classmethod
    def between(cls, heart: Heart, grid: Grid, amplitudes: np.ndarray, peak_frame: int) -> "Displacement":
        """The displacement with given amplitudes (T, M) in mm, relative to the pose of the peak frame."""
        nodes = np.arange(0, grid.patient.size + NODE_PX, NODE_PX)
        y, x = grid.mm(np.stack(np.meshgrid(nodes, nodes, indexing="ij")).astype(float))
        return cls(
            amplitudes=(amplitudes - amplitudes[peak_frame]).astype(np.float32),
            modes_px=modes_mm(heart, y, x) / np.float32(grid.patient.pixel_mm),
        )

    def at_nodes(self, frame: int) -> np.ndarray:
        """(2, N, N) pixels that the tissue at each node has moved in a frame."""
        return np.tensordot(self.amplitudes[frame], self.modes_px, 1)

    def to(self, positions_px: np.ndarray) -> np.ndarray:
        """Interpolation matrix from the nodes to rows or columns."""
        return linear(self.modes_px.shape[-1], positions_px / NODE_PX)

    def source(self, frame: int, to_samples: np.ndarray) -> np.ndarray:
        """(2, H, W) pixels from what is seen at a sample of a frame to where it lies in the reference pose."""
        back = inverted(self.at_nodes(frame) / NODE_PX) * NODE_PX
        return to_samples @ back @ to_samples.T

    def truth(self, size: int) -> np.ndarray:
        """(T, 2, size, size) float32 pixels that the tissue at each pixel has moved, all frames."""
        to_pixels = self.to(np.arange(size))
        fields = np.einsum("tm,mkij->tkij", self.amplitudes, self.modes_px, optimize=True)
        return to_pixels @ fields @ to_pixels.T
