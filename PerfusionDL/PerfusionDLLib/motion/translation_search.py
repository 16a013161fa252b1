"""Bulk motion: the translation of the heart in every frame, found by looking everywhere.

Around the box every shift up to 20 mm is tried, so that no breath is too deep for a start. What a frame is compared
with is not another frame but the span of the frames already aligned: contrast may change, structure may not.
"""

import numpy as np

from .grid import Frames, Grid

STEP_MM = 4.0
STEPS = 5  # in each direction
SMOOTHING_MM = 2.0
MARGIN_MM, RIM_MM = 26.0, 24.0  # dark frames have little else than the borders to lung and liver
CONTRASTS = 4
NEIGHBORS = 30  # frames that a frame is compared with
MEMORY_FRAMES = 6.0  # their influence falls with distance in time
CELLS_PER_PIECE = 4.0  # neighboring grid points tell the same
SPREAD_MM = 12.0  # expected before anything is known
PASSES = 2


def find_translations(signal: np.ndarray, region_px, spacing_mm, reference_frame: int) -> np.ndarray:
    """Translation of each frame relative to the reference frame: (T, 2) mm, rows then columns."""
    grid = Grid.around(region_px, signal.shape[1:], spacing_mm, step_mm=STEP_MM, margin_mm=MARGIN_MM)
    frames = Frames(signal, grid, smoothing_mm=SMOOTHING_MM)
    window = np.sqrt(grid.window(RIM_MM)).ravel()
    images = _shifted(frames, grid)
    for shifted in images:
        shifted *= window
        shifted -= np.outer(shifted @ window, window / (window @ window))
    energy = np.einsum("tsp,tsp->ts", images, images)
    energy += 1e-6 * energy.max() + 1e-30
    shifts_mm = np.moveaxis(np.mgrid[-STEPS : STEPS + 1, -STEPS : STEPS + 1], 0, -1).reshape(-1, 2) * grid.step_mm
    pieces = (window**2).sum() / CELLS_PER_PIECE
    best = np.full(len(signal), len(shifts_mm) // 2)

    def look(frame, known, penalty):
        nearest = sorted(known, key=lambda other: abs(other - frame))[:NEIGHBORS]
        basis = _contrasts(images[nearest, best[nearest]], np.abs(np.subtract(nearest, frame)))
        explained = np.square(images[frame] @ basis.T).sum(1) / energy[frame]
        likelihood = -pieces / 2 * np.log1p(-np.minimum(explained, 0.9999)) - penalty
        best[frame] = np.argmax(likelihood)

    order = sorted(range(len(signal)), key=lambda frame: abs(frame - reference_frame))
    penalty = (shifts_mm**2).sum(1) / (2 * SPREAD_MM**2)
    for count, frame in enumerate(order[1:], start=1):
        look(frame, order[:count], penalty)
    for _ in range(PASSES):
        contrast = energy[np.arange(len(best)), best]
        penalty = _breathing_penalty(shifts_mm, shifts_mm[best[contrast >= np.median(contrast)]])
        for frame in order[1:]:
            look(frame, [other for other in order if other != frame], penalty)
    return shifts_mm[best].astype(np.float32)


def _shifted(frames: Frames, grid: Grid) -> np.ndarray:
    """(T, shifts, points) frames read at the grid under every shift."""
    wide = frames.around(grid, STEPS)
    views = np.lib.stride_tricks.sliding_window_view(wide, (grid.rows, grid.columns), axis=(1, 2))
    return views.reshape(len(wide), (2 * STEPS + 1) ** 2, -1)


def _contrasts(images: np.ndarray, distance_frames: np.ndarray) -> np.ndarray:
    """(components, points) orthonormal images that span what is known of the heart, neighbors in time first."""
    images = images * (np.exp(-distance_frames / MEMORY_FRAMES) + 0.05).astype(np.float32)[:, None]
    values, vectors = np.linalg.eigh(images @ images.T)
    components = min(CONTRASTS, max(1, len(images) // 2))
    strength = np.sqrt(np.maximum(values[::-1][:components], 1e-12 * values[-1] + 1e-30))
    return (vectors[:, ::-1][:, :components] / strength).T @ images


def _breathing_penalty(shifts_mm: np.ndarray, known_mm: np.ndarray) -> np.ndarray:
    """(shifts,) minus log probability of a shift, from the translations (N, 2) of frames that are known well."""
    center = np.median(known_mm, axis=0)
    deviation = known_mm - center
    covariance = deviation.T @ deviation / len(known_mm) + STEP_MM**2 * np.eye(2)
    offset = shifts_mm - center
    return np.einsum("si,ij,sj->s", offset, np.linalg.inv(covariance), offset) / 2
