"""Alignment of the precontrast frames with the image that the enhanced frames predict for them.

A principal component of their own describes the precontrast frames wherever the heart lies in them, also millimeters
beside its place in the other frames. The enhanced frames predict the precontrast image in two ways: tissue that
contrast agent does not reach looks the same in all frames, and a mixture of enhanced frames has the contrast of the
precontrast ones.
"""

from dataclasses import replace

import numpy as np

from .grid import Frames, Grid
from .groupwise import Alignment, LowRank, compute_fields, normal_blocks
from .motion_prior import Prior, expected_deformation

# All chosen; `make bench-motion` measures the result.
CONTRASTS, SEARCH_CONTRASTS = 6, 4  # principal components of the expected image, and of the count of precontrast frames
SAME_CONTRAST = 0.1  # share of the 90th percentile of contrast change below which a frame is still precontrast
ARRIVED = 3.0  # times the median change: the last counted frame then shows contrast agent already
RELIABLE = 0.6  # least reliability (0 to 1) of a component in the mixture; below it a component is noise
FARTHEST_FROM_MEAN = (
    2.0  # standard deviations over the enhanced frames by which the precontrast image may leave their mean
)
NEAREST_ENHANCED = 12  # frames after contrast arrival whose translations bound those of the precontrast frames
FARTHEST_SD = 4.0  # standard deviations from those translations; farther away lung and liver may resemble the heart
LEAST_SD_MM = 4.0  # mm, least standard deviation of those translations
PASSES = 2  # of the search; the expected image depends on where the precontrast frames lie
STEP_MM, STEPS = 4.0, 5  # mm and number of steps of the search in each direction
HALVINGS_MM = (2.0, 1.0)  # mm, steps of its refinement
ITERATIONS = 3  # Gauss-Newton steps of the refinement


def count_precontrast_frames(frames: Frames, grid: Grid, alignment: Alignment, reference_frame: int) -> int:
    """Number of leading frames whose contrast equals that of the darkest frames, wherever the heart lies in them."""
    images = frames.at(compute_fields(alignment.waves_mm, grid))
    model = LowRank(images, alignment.weight, max(1, min(SEARCH_CONTRASTS, len(images) // 3)))
    amplitudes = (images * model.root).reshape(len(images), -1) @ model.tissues.T
    darkest = np.argsort(np.linalg.norm(amplitudes[: reference_frame + 1], axis=1))[:3]
    change = np.linalg.norm(amplitudes - np.median(amplitudes[darkest], axis=0), axis=1)
    count = int(np.argmax(change > SAME_CONTRAST * np.percentile(change, 90)))
    while count and change[count - 1] > ARRIVED * np.median(change[:count]):
        count -= 1
    return min(count, reference_frame, len(images) // 2)


def place_precontrast_frames(frames: Frames, grid: Grid, alignment: Alignment, count: int) -> Alignment:
    """Move each of the first ``count`` frames to where it resembles the expected image most.

    The search covers every translation that the nearest enhanced frames make likely, each with the deformation that
    breathing brings.
    """
    waves, order = alignment.waves_mm.copy(), alignment.waves_mm.shape[-1]
    near = waves[count : count + NEAREST_ENHANCED, :, 0, 0]
    center = np.median(near, axis=0)
    spread = (near - center).T @ (near - center) / len(near) + LEAST_SD_MM**2 * np.eye(2)
    around = np.moveaxis(np.mgrid[-1:2, -1:2], 0, -1).reshape(-1, 2)
    everywhere = center + STEP_MM * np.moveaxis(np.mgrid[-STEPS : STEPS + 1, -STEPS : STEPS + 1], 0, -1).reshape(-1, 2)

    def find_best(frame, translations_mm):
        tried = expected_deformation(translations_mm, waves[count:], alignment.covariance).reshape(-1, 2, order, order)
        difference = np.square(expected.difference(frames.only(frame).at(compute_fields(tried, grid)))).sum((1, 2))
        offset = translations_mm - center
        distance = np.einsum("si,ij,sj->s", offset, np.linalg.inv(spread), offset)
        cost = difference / expected.noise_power + distance
        return tried[np.argmin(np.where(distance > FARTHEST_SD**2, np.inf, cost))]

    for _ in range(PASSES if count else 0):
        expected = ExpectedImage(frames, grid, replace(alignment, waves_mm=waves), count)
        for frame in range(count):
            waves[frame] = find_best(frame, everywhere)
            for step_mm in HALVINGS_MM:
                waves[frame] = find_best(frame, waves[frame][:, 0, 0] + step_mm * around)
    return replace(alignment, waves_mm=waves)


def align_precontrast_frames(frames: Frames, grid: Grid, alignment: Alignment, count: int) -> Alignment:
    """Refine the first ``count`` frames against the expected image; the other frames stay where they are."""
    if not count:
        return alignment
    waves, order = alignment.waves_mm.copy(), alignment.waves_mm.shape[-1]
    rows, columns = grid.cosines(order)
    expected = ExpectedImage(frames, grid, alignment, count)
    slopes = [slope * expected.root for slope in np.gradient(expected.image, *grid.step_mm)]
    block = normal_blocks([slope[None] for slope in slopes], grid, order)
    for _ in range(ITERATIONS):
        amplitudes = waves.reshape(len(waves), -1)
        prior = Prior(amplitudes, alignment.covariance)
        difference = expected.difference(frames.first(count).at(compute_fields(waves[:count], grid)))
        push = np.stack([rows @ (slope * difference) @ columns.T for slope in slopes], 1).reshape(count, -1)
        noise_power = expected.compute_noise_power(difference)[:, None]
        target = push / noise_power + prior.pull(amplitudes)[:count]
        step = np.linalg.solve(block / noise_power[..., None] + prior.precision[:count], target[..., None])
        waves[:count] -= step.reshape(waves[:count].shape).astype(np.float32)
    return replace(alignment, waves_mm=waves)


class ExpectedImage:
    """Expected image of the first ``count`` frames in the pose that all frames have in common.

    Two estimates are averaged at each point by inverse variance. The mean of the enhanced frames is right where
    contrast agent changes nothing. The least-norm mixture of them that has the contrast of the precontrast frames is
    noisier, but right everywhere.

    image : (rows, columns);  root : (rows, columns) square root of the weight;  noise_power : of independent points
    """

    def __init__(self, frames: Frames, grid: Grid, alignment: Alignment, count: int) -> None:
        images = frames.at(compute_fields(alignment.waves_mm, grid))
        enhanced = images[count:]
        model = LowRank(enhanced, alignment.weight, max(1, min(CONTRASTS, len(enhanced) // 3)))
        tissues = model.tissues[model.reliability > RELIABLE]
        contrast = (images[:count].mean(0) * model.root).ravel() @ tissues.T
        amplitudes = (enhanced * model.root).reshape(len(enhanced), -1) @ tissues.T
        size = np.linalg.norm(amplitudes, axis=0)
        equations = np.vstack([(amplitudes / size).T, np.ones(len(enhanced))])
        share = np.linalg.lstsq(equations, np.append(contrast / size, 1), rcond=1e-6)[0].astype(np.float32)
        mixture, of_mixture = np.tensordot(share, enhanced, 1), float(share @ share) * model.noise**2
        mean, of_mean = enhanced.mean(0), model.noise**2 / len(enhanced)
        change = np.maximum(((enhanced - mean) ** 2).mean(0) - model.noise**2, 0)
        of_mean = FARTHEST_FROM_MEAN**2 * (change + of_mean)
        variance = 1 / (1 / of_mixture + 1 / of_mean)
        self.image = variance * (mixture / of_mixture + mean / of_mean)
        self.root = model.root / np.sqrt(1 + variance / model.noise**2)
        self.noise_correlation = frames.noise_correlation(grid)
        self.noise_power = model.noise**2 * self.noise_correlation

    def difference(self, images: np.ndarray) -> np.ndarray:
        """(N, rows, columns) weighted difference of images from the expected image."""
        return (images - self.image) * self.root

    def compute_noise_power(self, difference: np.ndarray) -> np.ndarray:
        """(N,) power per independent point of a difference, at least that of noise.

        A precontrast frame may be some percent brighter than the others; that difference must not be taken for motion.
        """
        power = np.square(difference).sum((1, 2)) / np.square(self.root).sum()
        return np.maximum(power * self.noise_correlation, self.noise_power)
