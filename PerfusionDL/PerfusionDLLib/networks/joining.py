"""Poses in which images are shown, and one answer from several to images of the same anatomy."""

import numpy as np

POSES = ((0, False), (0, True), (1, True), (1, False), (2, False), (2, True), (3, True), (3, False))
"""Quarter turns, and whether mirrored first; in an order in which each half and quarter has both kinds of both."""

_LEAST = 1e-5
"""Probability that is added before logarithms, so that one image alone cannot forbid a pixel; chosen."""
_SURE = (0.02, 0.98)
"""Range of expected Dice within which images are weighed; chosen: outside it, probabilities promise too much."""


def join_answers(answers: np.ndarray, weights: np.ndarray | None = None, *, heat_maps: bool = False) -> np.ndarray:
    """Geometric mean of answers (image, outputs, Y, X): a pixel is what no image speaks against.

    weights : (image,) how much each counts; alike where not given
    returns probabilities over the outputs of each pixel, or for heat maps over the pixels of each output
    """
    each = np.ones(len(answers)) if weights is None else np.asarray(weights, float)
    shares = (each / each.sum()).tolist()
    joined = np.exp(sum(share * np.log(one + _LEAST) for share, one in zip(shares, answers, strict=True)))
    return joined / joined.sum(axis=(1, 2) if heat_maps else 0, keepdims=True)


def compute_expected_dice(probability: np.ndarray, label: int) -> float:
    """Expected overlap (soft Dice) of a label (its index among the outputs) with the truth, if probabilities are right.

    Examples
    --------
    >>> sure = np.zeros((2, 4, 4))
    >>> sure[1, 1:3, 1:3] = 1.0
    >>> compute_expected_dice(sure, 1), round(compute_expected_dice(0.8 * sure + 0.1, 1), 2)
    (1.0, 0.82)
    """
    chosen = probability.argmax(axis=0) == label
    overlap = 2 * probability[label][chosen].sum() / max(chosen.sum() + probability[label].sum(), 1e-6)
    return float(overlap)


def weigh_answers(answers: np.ndarray, labels: tuple[int, ...]) -> np.ndarray:
    """(image,) odds of the expected Dice of the label of which each answer is least sure.

    Of a small lumen a frame may show only specks, and muscle as bright as blood: such frames know that they are unsure.
    """
    dice = [min(compute_expected_dice(one, label) for label in labels) for one in answers]
    sure = np.clip(dice, *_SURE)
    return sure / (1 - sure)


def pose(image: np.ndarray, turns: int, mirror: bool) -> np.ndarray:
    """An image (..., Y, X) in another pose."""
    return np.ascontiguousarray(np.rot90(image[..., ::-1] if mirror else image, turns, axes=(1, 2)))


def pose_back(answer: np.ndarray, turns: int, mirror: bool, swap: bool) -> np.ndarray:
    """An answer (outputs, Y, X) in the first pose again; swap : a mirror exchanges its outputs."""
    straight = np.rot90(answer, -turns, axes=(1, 2))
    if not mirror:
        return straight
    return straight[::-1, :, ::-1] if swap else straight[..., ::-1]
