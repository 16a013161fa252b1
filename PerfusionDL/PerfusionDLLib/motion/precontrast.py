"""Frames before the bolus: held against what they must look like.

In principal components the dark frames have one of their own, which fits wherever they lie: some millimeters beside the
other frames, or a whole heart. But what they look like is known from the bright frames. Tissue that contrast agent does
not reach is the same in all of them; and there is a mixture of them that has the contrast of the dark ones.
"""

from dataclasses import replace

import numpy as np

from .grid import Frames, Grid
from .groupwise import Alignment, LowRank, fields, normal_blocks
from .motion_prior import Prior, expected_deformation

CONTRASTS, SEARCH_CONTRASTS = 6, 4
SAME_CONTRAST = 0.1  # of the change that nine of ten frames do not exceed
ARRIVED = 3.0  # times the usual change: contrast agent is seen in the last of them
SURE = 0.6  # components believed less are noise to a mixture
FARTHEST_FROM_MEAN = 2.0  # standard deviations over the bright frames that a dark one may differ from their mean by
NEAREST_BRIGHT = 12  # frames whose translations tell where the dark ones before them may be
FARTHEST_SD = 4.0  # from them; where lung or liver look more like the heart than itself, likelihood says otherwise
LEAST_SD_MM = 4.0
PASSES = 2  # of the search; what is looked for follows from where the dark frames are
STEP_MM, STEPS = 4.0, 5  # in each direction, then halved
HALVINGS_MM = (2.0, 1.0)
ITERATIONS = 3


def count_dark(frames: Frames, grid: Grid, alignment: Alignment, reference_frame: int) -> int:
    """Number of leading frames whose contrast is still that of the darkest, wherever they lie."""
    images = frames.at(fields(alignment.waves_mm, grid))
    model = LowRank(images, alignment.weight, max(1, min(SEARCH_CONTRASTS, len(images) // 3)))
    amplitudes = (images * model.root).reshape(len(images), -1) @ model.tissues.T
    darkest = np.argsort(np.linalg.norm(amplitudes[: reference_frame + 1], axis=1))[:3]
    change = np.linalg.norm(amplitudes - np.median(amplitudes[darkest], axis=0), axis=1)
    count = int(np.argmax(change > SAME_CONTRAST * np.percentile(change, 90)))
    while count and change[count - 1] > ARRIVED * np.median(change[:count]):
        count -= 1
    return min(count, reference_frame, len(images) // 2)


def place_dark(frames: Frames, grid: Grid, alignment: Alignment, count: int) -> Alignment:
    """The first ``count`` frames where they look most like what they must look like, deformed as breathing deforms.

    Every translation that the nearest bright frames make likely is tried.
    """
    waves, order = alignment.waves_mm.copy(), alignment.waves_mm.shape[-1]
    near = waves[count : count + NEAREST_BRIGHT, :, 0, 0]
    center = np.median(near, axis=0)
    spread = (near - center).T @ (near - center) / len(near) + LEAST_SD_MM**2 * np.eye(2)
    around = np.moveaxis(np.mgrid[-1:2, -1:2], 0, -1).reshape(-1, 2)
    everywhere = center + STEP_MM * np.moveaxis(np.mgrid[-STEPS : STEPS + 1, -STEPS : STEPS + 1], 0, -1).reshape(-1, 2)

    def best(frame, translations_mm):
        tried = expected_deformation(translations_mm, waves[count:], alignment.covariance).reshape(-1, 2, order, order)
        unlike = np.square(expected.unlike(frames.only(frame).at(fields(tried, grid)))).sum((1, 2))
        offset = translations_mm - center
        distance = np.einsum("si,ij,sj->s", offset, np.linalg.inv(spread), offset)
        cost = unlike / expected.noise_power + distance
        return tried[np.argmin(np.where(distance > FARTHEST_SD**2, np.inf, cost))]

    for _ in range(PASSES if count else 0):
        expected = Expected(frames, grid, replace(alignment, waves_mm=waves), count)
        for frame in range(count):
            waves[frame] = best(frame, everywhere)
            for step_mm in HALVINGS_MM:
                waves[frame] = best(frame, waves[frame][:, 0, 0] + step_mm * around)
    return replace(alignment, waves_mm=waves)


def align_dark(frames: Frames, grid: Grid, alignment: Alignment, count: int) -> Alignment:
    """The first ``count`` frames refined against what they must look like, the others left where they are."""
    if not count:
        return alignment
    waves, order = alignment.waves_mm.copy(), alignment.waves_mm.shape[-1]
    rows, columns = grid.cosines(order)
    expected = Expected(frames, grid, alignment, count)
    slopes = [slope * expected.root for slope in np.gradient(expected.image, *grid.step_mm)]
    block = normal_blocks([slope[None] for slope in slopes], grid, order)
    for _ in range(ITERATIONS):
        amplitudes = waves.reshape(len(waves), -1)
        prior = Prior(amplitudes, alignment.covariance)
        unlike = expected.unlike(frames.first(count).at(fields(waves[:count], grid)))
        push = np.stack([rows @ (slope * unlike) @ columns.T for slope in slopes], 1).reshape(count, -1)
        noise_power = expected.left_over(unlike)[:, None]
        target = push / noise_power + prior.pull(amplitudes)[:count]
        step = np.linalg.solve(block / noise_power[..., None] + prior.precision[:count], target[..., None])
        waves[:count] -= step.reshape(waves[:count].shape).astype(np.float32)
    return replace(alignment, waves_mm=waves)


class Expected:
    """What the first ``count`` frames must look like in the pose that all have in common.

    Two opinions, each point taking more of that which is surer there: the mean of the bright frames, which is right
    where they do not change; and the least mixture of them that has the contrast of the dark ones and counts as one
    frame, noisier, but right everywhere.

    image : (rows, columns);  root : (rows, columns) square root of the weight;  noise_power : of independent points
    """

    def __init__(self, frames: Frames, grid: Grid, alignment: Alignment, count: int) -> None:
        images = frames.at(fields(alignment.waves_mm, grid))
        bright = images[count:]
        model = LowRank(bright, alignment.weight, max(1, min(CONTRASTS, len(bright) // 3)))
        sure = model.certain > SURE
        tissues = model.tissues[sure]
        contrast = (images[:count].mean(0) * model.root).ravel() @ tissues.T
        known = (bright * model.root).reshape(len(bright), -1) @ tissues.T
        size = np.linalg.norm(known, axis=0)
        equations = np.vstack([(known / size).T, np.ones(len(bright))])
        share = np.linalg.lstsq(equations, np.append(contrast / size, 1), rcond=1e-6)[0].astype(np.float32)
        mixture, of_mixture = np.tensordot(share, bright, 1), float(share @ share) * model.noise**2
        mean, of_mean = bright.mean(0), model.noise**2 / len(bright)
        change = np.maximum(((bright - mean) ** 2).mean(0) - model.noise**2, 0)
        of_mean = FARTHEST_FROM_MEAN**2 * (change + of_mean)
        variance = 1 / (1 / of_mixture + 1 / of_mean)
        self.image = variance * (mixture / of_mixture + mean / of_mean)
        self.root = model.root / np.sqrt(1 + variance / model.noise**2)
        self.noise_correlation = frames.noise_correlation(grid)
        self.noise_power = model.noise**2 * self.noise_correlation

    def unlike(self, images: np.ndarray) -> np.ndarray:
        """Weighted difference (N, rows, columns) of images from it."""
        return (images - self.image) * self.root

    def left_over(self, unlike: np.ndarray) -> np.ndarray:
        """(N,) power of independent points of a difference, at least that of noise.

        A dark frame may be some percent brighter than the others, which no movement explains and none should.
        """
        power = np.square(unlike).sum((1, 2)) / np.square(self.root).sum()
        return np.maximum(power * self.noise_correlation, self.noise_power)
