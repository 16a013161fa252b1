"""Exhaustive search for the translation of the heart in every frame.

Every shift up to 20 mm is tried, so that the deepest breath is within reach. A frame is compared with the linear span
of the frames already aligned, not with one of them: contrast may change from frame to frame, structure may not.
"""

import numpy as np

from .grid import Frames, Grid

# All chosen; `make bench-motion` measures the result.
STEP_MM = 4.0  # mm between the shifts that are tried
STEPS = 5  # number of shifts in each direction
SMOOTHING_MM = 2.0  # mm, standard deviation of the Gaussian that the frames are smoothed with
MARGIN_MM, RIM_MM = 26.0, 24.0  # mm; precontrast frames show little but the borders to lung and liver
CONTRASTS = 4  # principal components that span the frames already aligned
NEIGHBORS = 30  # frames nearest in time that a frame is compared with
DECAY_FRAMES = 6.0  # frames over which the influence of a neighbor falls by a factor e
POINTS_PER_SAMPLE = 4.0  # grid points for each independent one, since smoothing correlates neighbors
SPREAD_MM = 12.0  # mm, standard deviation of translations before any is found
PASSES = 2  # over all frames after the first


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
    samples = (window**2).sum() / POINTS_PER_SAMPLE
    best = np.full(len(signal), len(shifts_mm) // 2)

    def update_shift(frame, aligned, penalty):
        nearest = aligned[np.argsort(np.abs(aligned - frame), kind="stable")[:NEIGHBORS]]
        basis = _contrasts(images[nearest, best[nearest]], np.abs(nearest - frame))
        explained = np.square(images[frame] @ basis.T).sum(1) / energy[frame]
        likelihood = -samples / 2 * np.log1p(-np.minimum(explained, 0.9999)) - penalty
        best[frame] = np.argmax(likelihood)

    order = np.array(sorted(range(len(signal)), key=lambda frame: abs(frame - reference_frame)))
    penalty = (shifts_mm**2).sum(1) / (2 * SPREAD_MM**2)
    for count, frame in enumerate(order[1:], start=1):
        update_shift(frame, order[:count], penalty)
    for _ in range(PASSES):
        contrast = energy[np.arange(len(best)), best]
        penalty = _breathing_penalty(shifts_mm, shifts_mm[best[contrast >= np.median(contrast)]])
        for frame in order[1:]:
            update_shift(frame, order[order != frame], penalty)
    return shifts_mm[best].astype(np.float32)


def _shifted(frames: Frames, grid: Grid) -> np.ndarray:
    """(T, shifts, points) frames read at the grid under every shift."""
    wide = frames.around(grid, STEPS)
    views = np.lib.stride_tricks.sliding_window_view(wide, (grid.rows, grid.columns), axis=(1, 2))
    return views.reshape(len(wide), (2 * STEPS + 1) ** 2, -1)


def _contrasts(images: np.ndarray, distance_frames: np.ndarray) -> np.ndarray:
    """(components, points) orthonormal images that span the aligned frames, neighbors in time weighted most."""
    images = images * (np.exp(-distance_frames / DECAY_FRAMES) + 0.05).astype(np.float32)[:, None]
    values, vectors = np.linalg.eigh(images @ images.T)
    components = min(CONTRASTS, max(1, len(images) // 2))
    strength = np.sqrt(np.maximum(values[::-1][:components], 1e-12 * values[-1] + 1e-30))
    return (vectors[:, ::-1][:, :components] / strength).T @ images


def _breathing_penalty(shifts_mm: np.ndarray, aligned_mm: np.ndarray) -> np.ndarray:
    """(shifts,) minus log probability of a shift, from the translations (N, 2) of well aligned frames."""
    center = np.median(aligned_mm, axis=0)
    deviation = aligned_mm - center
    covariance = deviation.T @ deviation / len(aligned_mm) + STEP_MM**2 * np.eye(2)
    offset = shifts_mm - center
    return np.einsum("si,ij,sj->s", offset, np.linalg.inv(covariance), offset) / 2
