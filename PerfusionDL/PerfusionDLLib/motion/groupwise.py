"""Groupwise alignment: all frames at once, against the contrast that they have in common.

Aligned frames of a perfusion series are a few images (tissues) times a few curves (contrast); whatever lies outside
the first principal components is noise or motion. The displacements minimize that rest by Gauss-Newton steps in which
all frames are coupled, so that the principal components, which follow from the displacements, do not hold a wrong pose.

How far a frame may move, and in which ways, is learned from the series itself (see `motion_prior`).
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .grid import Frames, Grid
from .motion_prior import Prior, allow_smooth_deformation, smooth_covariance

# All chosen; `make bench-motion` measures the result.
LARGEST_STEP_MM = 4.0  # mm that an amplitude may change in one Gauss-Newton step
CONJUGATE_STEPS = 10  # conjugate-gradient steps in each Gauss-Newton step
DECISIVE = 5.0  # difference of log likelihoods that decides between two poses
OWN_NOISE = 0.5  # share of the noise: a frame with less residual has components that describe its noise
OWN_STRUCTURE = 0.2  # share of the structure of both neighbors: a frame with less is empty
SURROUNDINGS_MM = 24.0  # mm around the ellipse of the left ventricle
SURROUNDINGS_ITERATION = 2  # in which the tissue around the heart that moves with it is found
FOLLOWS_FROM, FOLLOWS_TO = 1.15, 1.45  # residual over noise of surroundings that move with the heart, and that do not
# Share of the root mean square signal; chosen: SNR 500, which no perfusion image reaches, yet far above the rounding of
# single precision (1e-7), so that no series is so clean that rounding decides where its frames lie.
LEAST_NOISE = 2e-3


@dataclass(frozen=True)
class Alignment:
    """Displacements of all frames, their covariance and their quality.

    waves_mm : (T, 2, order, order) float32 amplitudes of the cosines
    covariance : (2 order², 2 order²) mm², of the amplitudes over the frames
    follows : (rows, columns) 0 to 1, how surely the tissue around the heart moves with it
    weight : (rows, columns) of each grid point in the fit
    quality : (T,) 0 to 1, share of the structure of a frame that other frames share
    """

    waves_mm: np.ndarray
    covariance: np.ndarray
    weight: np.ndarray
    follows: np.ndarray
    quality: np.ndarray | None = None


def start(translations_mm: np.ndarray, grid: Grid) -> Alignment:
    """Alignment by translations, (T, 2) mm."""
    waves = translations_mm[:, :, None, None].astype(np.float32)
    return Alignment(
        waves, smooth_covariance(1), grid.window(SURROUNDINGS_MM), np.ones((grid.rows, grid.columns), np.float32)
    )


def align(
    frames: Frames,
    grid: Grid,
    begin: Alignment,
    *,
    order: int,
    iterations: int,
    contrasts: int,
    learn: tuple[int, ...] = (1,),
) -> Alignment:
    """Refine an alignment.

    order : of the cosines, 1 for translations
    contrasts : principal components (RV, LV, myocardium, static tissue, lung...); few while the frames are still far
        apart, since a component to spare lets the deepest breaths keep a pose of their own
    learn : steps in which the prior is learned after each iteration, the last number for all further ones. With 0 first
        the prior is widened before the start: a prior learned while the frames were far apart would hold them there.
    """
    alignment = _with_order(begin, order)
    near, around = grid.window(), grid.window(SURROUNDINGS_MM)
    follows = _on_grid(alignment.follows, near.shape)
    window = near + (around - near) * follows
    weight = alignment.weight if alignment.weight.shape == window.shape else window
    waves, covariance = (
        alignment.waves_mm,
        alignment.covariance if learn[0] else allow_smooth_deformation(alignment.covariance),
    )
    components = max(1, min(contrasts, len(waves) // 3))
    for iteration in range(iterations):
        images = frames.at(compute_fields(waves, grid))
        model = LowRank(images, weight, components)
        if iteration == SURROUNDINGS_ITERATION:
            follows = model.find_followers(images, near)
            window = near + (around - near) * follows
        noise_power = model.noise**2 * frames.noise_correlation(grid)
        prior = Prior(waves.reshape(len(waves), -1), covariance)
        waves, seen = _gauss_newton(waves, model, grid, prior, noise_power)
        covariance = prior.learn_covariance(waves.reshape(len(waves), -1), seen, learn[min(iteration, len(learn) - 1)])
        weight = window * model.trust(window)
    return Alignment(waves, covariance, weight, follows, model.quality())


def find_improved_frames(
    frames: Frames, grid: Grid, alignment: Alignment, *, reference_frame: int, contrasts: int
) -> np.ndarray:
    """(T,) bool, False for a frame that clearly fits the others better without its displacement."""
    unmoved = np.broadcast_to(alignment.waves_mm[reference_frame], alignment.waves_mm.shape)
    images = frames.at(compute_fields(alignment.waves_mm, grid))
    model = LowRank(images, alignment.weight, max(1, min(contrasts, len(images) // 3)))

    def rest(images):
        weighted = (images * model.root).reshape(len(images), -1)
        return (weighted**2).sum(1) - ((weighted @ model.tissues.T) ** 2).sum(1)

    tolerance = 2 * DECISIVE * model.noise**2 * frames.noise_correlation(grid)
    return rest(images) < rest(frames.at(compute_fields(unmoved, grid))) + tolerance


def compute_fields(waves_mm: np.ndarray, grid: Grid) -> np.ndarray:
    """(T, 2, rows, columns) mm displacement at the grid points, from cosine amplitudes."""
    rows, columns = grid.cosines(waves_mm.shape[-1])
    return rows.T @ waves_mm.astype(np.float32) @ columns


class LowRank:
    """The principal components of aligned frames, weighted, and their residual.

    A component little stronger than noise counts as contrast in part (`reliability`, 0 to 1), by the likelihood of
    probabilistic principal components. Noise counts as `LEAST_NOISE` at least.
    """

    def __init__(self, images: np.ndarray, weight: np.ndarray, components: int) -> None:
        frames = len(images)
        self.root = np.sqrt(weight)
        data = (images * self.root).reshape(frames, -1)
        total = weight.sum()
        # Double precision: in single precision a weak component drowns in the rounding of the strongest.
        precise = data.astype(float)
        values, vectors = np.linalg.eigh(precise @ precise.T)
        least = LEAST_NOISE**2 * values.sum() / frames  # power of the least noise in a component
        power = np.maximum(values[::-1][:components], least + 1e-30)
        self.curves = np.ascontiguousarray(vectors[:, ::-1][:, :components], np.float32)
        self.tissues = (self.curves / np.sqrt(power).astype(np.float32)).T @ data
        explained = self.curves @ (self.curves.T @ data)
        self.residual = (data - explained).reshape(images.shape)
        self.reliability = (1 - np.minimum(max(np.median(values[:-components]), least) / power, 1)).astype(np.float32)
        self.unexplained = (data - (self.curves * self.reliability) @ (self.curves.T @ data)).reshape(images.shape)
        self.images = explained.reshape(images.shape) / np.maximum(self.root, 1e-3)
        self.residual_power = (self.residual**2).sum((1, 2)) / total
        self.least_power = least / total + 1e-30
        self.noise = float(np.sqrt(max(np.median(self.residual_power), self.least_power)))
        self._weight = weight

    def outside(self, images: np.ndarray) -> np.ndarray:
        """(T, rows, columns) part of weighted images that neither contrast curves nor tissues explain."""
        rest = images.reshape(len(images), -1)
        rest = rest - ((rest @ self.tissues.T) * self.reliability) @ self.tissues
        rest -= (self.curves * self.reliability) @ (self.curves.T @ rest)
        return rest.reshape(images.shape)

    def quality(self) -> np.ndarray:
        """(T,) 0 to 1, share of the structure of a frame, its mean apart, that other frames share.

        A component that a frame has almost for itself describes the frame but does not explain it; nor is a frame
        explained whose very noise is described. A frame in which the structure of its neighbors is missing is empty.
        """
        images = (self.images * self.root).reshape(len(self.images), -1)
        amplitudes = images @ self.tissues.T
        flat = self.tissues @ self.root.ravel() / np.linalg.norm(self.root)
        structure = np.maximum((amplitudes**2).sum(1) - (amplitudes @ flat) ** 2, 0)
        alone = ((amplitudes * self.curves**2) ** 2).sum(1)
        rest = np.maximum((self.residual_power - self.noise**2) * self._weight.sum(), 0)
        shared = (structure - alone) / np.maximum(structure + rest, 1e-30)
        noisy = np.maximum(self.residual_power, self.least_power) / (OWN_NOISE * self.noise**2)
        around = ndimage.median_filter(structure, size=7, mode="nearest")
        before = np.concatenate([around[:1], structure[:-1]])
        after = np.concatenate([structure[1:], around[-1:]])
        filled = structure / np.maximum(OWN_STRUCTURE * np.minimum(around, np.minimum(before, after)), 1e-30)
        return np.clip(shared, 0, 1) * np.minimum(noisy, 1) * np.minimum(filled, 1)

    def find_followers(self, images: np.ndarray, window: np.ndarray) -> np.ndarray:
        """(rows, columns) 0 to 1, where the surroundings of the window are aligned as well as its inside."""
        flat = images.reshape(len(images), -1)
        rest = flat - self.curves @ (self.curves.T @ flat)
        power = ndimage.uniform_filter((rest**2).mean(0).reshape(window.shape), 3, mode="nearest")
        ratio = power / max(np.median(power[window > 0.5]), self.least_power)
        return np.clip((FOLLOWS_TO - ratio) / (FOLLOWS_TO - FOLLOWS_FROM), 0, 1)

    def trust(self, window: np.ndarray) -> np.ndarray:
        """(rows, columns) 0 to 1, low where the rest is more than noise: tissue that does not move with the heart."""
        power = (self.residual**2).mean(0) / np.maximum(self._weight, 1e-3)
        return 1 / np.maximum(power / max(np.median(power[window > 0.5]), self.least_power), 1)


def _gauss_newton(waves_mm, model, grid, prior, noise_power) -> tuple[np.ndarray, np.ndarray]:
    """One step for all frames: new amplitudes, and the precision that the images alone give each frame."""
    frames, _, order, _ = waves_mm.shape
    rows, columns = grid.cosines(order)
    slopes = np.gradient(model.images, *grid.step_mm, axis=(1, 2))
    slopes = [slope * model.root for slope in slopes]

    def image_change(amplitudes):
        amplitudes = amplitudes.reshape(frames, 2, order, order)
        return sum(slope * (rows.T @ amplitudes[:, axis] @ columns) for axis, slope in enumerate(slopes))

    def projected(images):
        return np.stack([rows @ (slope * images) @ columns.T for slope in slopes], 1).reshape(frames, -1)

    amplitudes = waves_mm.reshape(frames, -1)
    free = 1 - model.curves**2 @ model.reliability
    blocks = normal_blocks(slopes, grid, order) * (free / noise_power)[:, None, None].astype(np.float32)
    precision, pull = prior.precision.astype(np.float32), prior.pull(amplitudes).astype(np.float32)
    spread = np.linalg.inv(blocks + precision)
    step = _conjugate_gradients(
        lambda x: projected(model.outside(image_change(x))) / noise_power + (precision @ x[..., None])[..., 0],
        lambda x: (spread @ x[..., None])[..., 0],
        -projected(model.unexplained) / noise_power - pull,
    )
    step = np.clip(step, -LARGEST_STEP_MM, LARGEST_STEP_MM)
    return (amplitudes + step).reshape(waves_mm.shape).astype(np.float32), blocks


def _conjugate_gradients(apply, precondition, target) -> np.ndarray:
    solution, rest = np.zeros_like(target), target.copy()
    better = precondition(rest)
    direction = better.copy()
    slope = first = float((rest * better).sum())
    for _ in range(CONJUGATE_STEPS):
        if slope <= 1e-6 * first:
            break
        applied = apply(direction)
        length = slope / float((direction * applied).sum())
        solution += length * direction
        rest -= length * applied
        better = precondition(rest)
        previous, slope = slope, float((rest * better).sum())
        direction = better + slope / previous * direction
    return solution


def normal_blocks(slopes, grid, order) -> np.ndarray:
    """(T, 2 order², 2 order²) normal matrix of each frame.

    A product of two cosines is the sum of two cosines, so all follows from cosine sums up to twice the order.
    """
    count = np.arange(order)
    sums, differences = count[:, None] + count, np.abs(count[:, None] - count)
    unit = np.where(count == 0, 1, np.sqrt(2))
    norm = (np.outer(unit, unit) / 2).astype(np.float32)
    rows, columns = grid.cosines(2 * order - 1)
    rows, columns = rows.copy(), columns.copy()
    rows[1:] /= np.sqrt(2)
    columns[1:] /= np.sqrt(2)

    def block(image):
        sums_2d = rows @ image @ columns.T
        half = (sums_2d[:, sums] + sums_2d[:, differences]) * norm[..., None]
        full = (half[..., sums] + half[..., differences]) * norm
        return full.transpose(0, 1, 3, 2, 4).reshape(len(image), order**2, order**2)

    row_row, row_column, column_column = (
        block(slopes[first] * slopes[second]) for first, second in ((0, 0), (0, 1), (1, 1))
    )
    return np.concatenate(
        [np.concatenate([row_row, row_column], 2), np.concatenate([row_column, column_column], 2)], axis=1
    )


def _with_order(alignment: Alignment, order: int) -> Alignment:
    """The same alignment with more cosines; the prior of the new ones is the smooth one."""
    old = alignment.waves_mm.shape[-1]
    if old == order:
        return alignment
    waves = np.zeros((*alignment.waves_mm.shape[:2], order, order), np.float32)
    waves[:, :, :old, :old] = alignment.waves_mm
    known = np.arange(2 * order**2).reshape(2, order, order)[:, :old, :old].ravel()
    covariance = smooth_covariance(order)
    covariance[np.ix_(known, known)] = alignment.covariance
    return Alignment(waves, covariance, alignment.weight, alignment.follows)


def _on_grid(image: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """An image on a grid of another spacing between the same edges."""
    factors = [new / old for new, old in zip(shape, image.shape, strict=True)]
    return ndimage.zoom(image, factors, order=1, mode="nearest", grid_mode=True)
