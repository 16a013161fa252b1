"""Prior of the displacements, learned from the series itself (empirical Bayes).

Over the frames, the amplitudes of the cosines have a normal distribution whose covariance is estimated along with them.
Hearts move in few ways: along most axes of the covariance nothing is left, and noise moves no frame there. A still
series is left still, and precontrast frames move the way the enhanced frames breathe.
"""

import numpy as np

# All chosen; `make bench-motion` measures the result.
PRIOR_FRAMES = 0.5  # frames that the smooth prior counts for against the frames of the series
SMOOTHNESS = 2.0  # displacement amplitude falls with this power of the spatial frequency
TRANSLATION_MM, DEFORMATION_MM = 8.0, 1.0  # mm, standard deviations before anything is learned
DEFORMATION_SHARE = 0.15  # of the translation: deformation that a widened prior allows
TAIL = 4.0  # degrees of freedom of Student's t for translations
LARGEST_SHRINK = 0.2  # least factor on a variance in one step
LEAST_MM2 = 1e-6  # mm², least variance
FARTHEST_SEEN_SD = 4.0  # standard deviations of a translation beyond which deformation grows no further


class Prior:
    """Normal distribution of the amplitudes over the frames, with wide tails for the translation of a rare deep breath.

    amplitudes : (T, n) mm, where the frames are;  covariance : (n, n) mm²
    """

    def __init__(self, amplitudes: np.ndarray, covariance: np.ndarray) -> None:
        self.covariance = covariance
        self.scale = _compute_scale(amplitudes, covariance)
        self.mean = (amplitudes * self.scale**2).sum(0) / (self.scale**2).sum(0)
        self.precision = self._scaled(np.linalg.inv(covariance))

    def pull(self, amplitudes: np.ndarray) -> np.ndarray:
        """(T, n) gradient of minus the log probability: precision times deviation from the mean."""
        return _times(self.precision, amplitudes - self.mean)

    def learn_covariance(self, amplitudes: np.ndarray, seen: np.ndarray, steps: int) -> np.ndarray:
        """(n, n) covariance after steps of expectation and maximization, in which the images stay as they were seen.

        amplitudes : most likely under this prior;  seen : (T, n, n) precision that the images alone give them
        """
        current, origin = self, self.mean
        seen, amplitudes = seen.astype(float), amplitudes.astype(float)  # what is determined is very well determined
        target = _times(seen + self.precision, amplitudes - origin)
        for _ in range(steps):
            spread = np.linalg.inv(seen + current.precision)
            offset = target + _times(current.precision, current.mean - origin)
            amplitudes = origin + _times(spread, offset)
            current = Prior(amplitudes, current.update_covariance(amplitudes, spread))
        return current.covariance

    def update_covariance(self, amplitudes: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """(n, n) covariance of amplitudes with their posterior covariance (T, n, n): one step.

        Where nothing moves it would take many steps to reach zero; along each axis of the new covariance the variance
        is therefore drawn toward that of MacKay's fixed point, which counts only the frames that determine an
        amplitude (MacKay DJC, Neural Comput 1992;4:415). The smooth prior of the same size counts a little.

        Axes whose variances are alike to within their standard error, sqrt(2 / frames) of the logarithm, cannot be told
        apart (Anderson TW, Ann Math Stat 1963;34:122) and are drawn by the same share. If each had its own, the result
        would turn with axes that only rounding sets, and every step would multiply rounding by a hundred.
        """
        frames, count = amplitudes.shape
        deviation = ((amplitudes - self.mean) * self.scale).astype(float)
        uncertainty = self._scaled(spread).sum(0, dtype=float)
        scatter = deviation.T @ deviation
        variance, axes = np.linalg.eigh((scatter + uncertainty) / frames)
        variance = np.maximum(variance, LEAST_MM2)
        seen, uncertain, before = (_along(axes, matrix) for matrix in (scatter, uncertainty, self.covariance))
        determined = np.maximum(frames - uncertain / before, 1e-2 * frames)
        apart = np.subtract.outer(np.log(variance), np.log(variance)) / np.sqrt(2 / frames)
        alike = np.exp(-(apart**2) / 2)
        variance = variance * np.clip(alike @ (seen / variance) / (alike @ determined), LARGEST_SHRINK, 1)
        covariance = (axes * variance) @ axes.T
        order = round((count / 2) ** 0.5)
        size = (np.diag(covariance) / np.diag(smooth_covariance(order, 1, 1))).reshape(2, -1)
        smooth = smooth_covariance(order, size[:, 0].mean(), size[:, 1:].mean() if order > 1 else 1.0)
        covariance = (frames * covariance + PRIOR_FRAMES * smooth) / (frames + PRIOR_FRAMES)
        return covariance + np.diag(1e-4 * np.diag(covariance) + LEAST_MM2)

    def _scaled(self, matrices: np.ndarray) -> np.ndarray:
        return matrices * (self.scale[:, :, None] * self.scale[:, None, :])


def smooth_covariance(
    order: int, translation_mm2: float = TRANSLATION_MM**2, deformation_mm2: float = DEFORMATION_MM**2
) -> np.ndarray:
    """(2 order², 2 order²) diagonal prior: amplitudes fall with spatial frequency, translation apart."""
    frequency = np.hypot(*np.mgrid[:order, :order])
    variance = deformation_mm2 / np.maximum(frequency, 1) ** (2 * SMOOTHNESS)
    variance[0, 0] = translation_mm2
    return np.diag(np.tile(variance.ravel(), 2))


def allow_smooth_deformation(covariance: np.ndarray) -> np.ndarray:
    """(n, n) covariance that allows for a smooth deformation in proportion to how far the frames move as a whole."""
    count = len(covariance)
    moved_mm2 = covariance[0, 0] + covariance[count // 2, count // 2]
    return covariance + smooth_covariance(round((count / 2) ** 0.5), 0, DEFORMATION_SHARE**2 * moved_mm2)


def expected_deformation(translations_mm: np.ndarray, seen_mm: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(N, n) most likely amplitudes of frames translated by (N, 2), from the amplitudes (T, ...) of other frames.

    Translations farther than any that was seen come with no more deformation than those.
    """
    count = len(covariance)
    rigid = [0, count // 2]
    mean = seen_mm.reshape(len(seen_mm), -1).mean(0)
    offset, inverse = translations_mm - mean[rigid], np.linalg.inv(covariance[np.ix_(rigid, rigid)])
    distance = np.sqrt(np.einsum("ni,ij,nj->n", offset, inverse, offset))
    share = FARTHEST_SEEN_SD / np.maximum(distance, FARTHEST_SEEN_SD)
    found = mean + (share[:, None] * offset) @ (covariance[:, rigid] @ inverse).T
    found[:, rigid] = translations_mm
    return found


def _compute_scale(amplitudes: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """(T, n) float32 scale of the prior, low for the translation of a rare deep breath (Student's t)."""
    rigid = [0, amplitudes.shape[1] // 2]
    offset = amplitudes[:, rigid] - np.median(amplitudes[:, rigid], axis=0)
    distance = np.einsum("ti,ij,tj->t", offset, np.linalg.inv(covariance[np.ix_(rigid, rigid)]), offset)
    scale = np.ones(amplitudes.shape, np.float32)
    scale[:, rigid] = np.sqrt((TAIL + 2) / (TAIL + distance))[:, None]
    return scale


def _times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(T, n) products of (T, n, n) and (T, n)."""
    return (matrices @ vectors[..., None])[..., 0]


def _along(axes: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(n,) variances along axes."""
    return np.einsum("ni,ni->i", axes, matrix @ axes)
