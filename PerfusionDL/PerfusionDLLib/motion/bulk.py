"""Bulk motion: the translation of the heart in every frame, found by looking everywhere.

Around the box every shift up to 20 mm is tried, so that no breath is too deep for a start. What a frame is compared
with is not another frame but the span of the frames already aligned: contrast may change, structure may not.
"""

import numpy as np

from .grid import Frames, Grid

STEP_MM = 4.0
REACH_MM = 20.0
SMOOTHING_MM = 2.0
CONTRASTS = 4
MEMORY_FRAMES = 6.0
PRIOR_MM = 12.0


def find_translations(signal: np.ndarray, region_px, spacing_mm, reference_frame: int) -> np.ndarray:
    """Translation of each frame relative to the reference frame: (T, 2) mm, rows then columns."""
    grid = Grid.around(region_px, signal.shape[1:], spacing_mm, step_mm=STEP_MM)
    frames = Frames(signal, grid, smoothing_mm=SMOOTHING_MM, reach_mm=REACH_MM + 2 * STEP_MM)
    steps = int(REACH_MM / STEP_MM)
    shifts_mm = np.stack(np.mgrid[-steps : steps + 1, -steps : steps + 1], -1).reshape(-1, 2) * STEP_MM
    window = np.sqrt(grid.window()).ravel()
    candidates = np.stack([_moved(frames, grid, shift) for shift in shifts_mm], 1) * window
    candidates -= (candidates @ window)[..., None] / (window @ window) * window
    energy = np.einsum("tsp,tsp->ts", candidates, candidates)
    independent = window.sum() / 4
    prior = (shifts_mm**2).sum(1) / (2 * PRIOR_MM**2)

    def likelihood(frame, basis):
        explained = ((candidates[frame] @ basis.T) ** 2).sum(1) / (energy[frame] + 1e-6 * energy.max() + 1e-30)
        return -independent / 2 * np.log1p(-np.minimum(explained, 0.9999)) - prior

    still = int(np.argmin(prior))
    best = np.full(len(signal), still)
    order = sorted(range(len(signal)), key=lambda frame: (abs(frame - reference_frame), frame))
    for known, frame in enumerate(order[1:], start=1):
        best[frame] = np.argmax(likelihood(frame, _contrasts(candidates, best, order[:known], frame)))
    for _ in range(2):
        for frame in order[1:]:
            others = [other for other in order if other != frame]
            best[frame] = np.argmax(likelihood(frame, _contrasts(candidates, best, others, frame)))
    return shifts_mm[best].astype(np.float32)


def _moved(frames: Frames, grid: Grid, shift_mm: np.ndarray) -> np.ndarray:
    """(T, points) frames read at the grid moved as a whole."""
    shape = len(frames.images), 2, grid.rows, grid.columns
    return frames.at(np.broadcast_to(shift_mm.astype(np.float32)[:, None, None], shape)).reshape(shape[0], -1)


def _contrasts(candidates, best, known, frame) -> np.ndarray:
    """(components, points) orthonormal images that span what is known of the heart, neighbors in time first."""
    known = np.asarray(known)
    images = candidates[known, best[known]]
    weight = np.exp(-np.abs(known - frame) / MEMORY_FRAMES) + 0.05
    images = images * weight[:, None]
    values, vectors = np.linalg.eigh(images @ images.T)
    components = min(CONTRASTS, max(1, len(known) // 2))
    vectors = vectors[:, ::-1][:, :components] / np.sqrt(
        np.maximum(values[::-1][:components], 1e-12 * values[-1] + 1e-30)
    )
    return vectors.T @ images
