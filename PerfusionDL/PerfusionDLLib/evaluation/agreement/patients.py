"""What a sample of patients leaves open: intervals that draw whole patients, because readings of one are alike.

Every statistic here follows from six sums over the pairs, so that thousands of samples are one matrix product.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .statistics import NORMAL_95, SIGNIFICANCE, keep_complete_pairs

RESAMPLES = 2000


def intervals_over_patients(
    first: ArrayLike,
    second: ArrayLike,
    patients: Iterable[object],
    random: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
) -> dict[str, tuple[float, float]]:
    """95 % bootstrap interval of every statistic of `pair_statistics`, by its name; NaN with fewer than two patients.

    Whole patients are drawn with replacement. Percentiles are widened as a t interval is (expanded percentiles),
    without which intervals over few patients are too short.

    first, second : paired readings; a pair with a missing reading is left out
    patients : the patient of every pair

    References
    ----------
    Hesterberg TC. What teachers should know about the bootstrap. Am Stat 2015;69:371.

    Examples
    --------
    >>> truth = np.arange(1.0, 9.0)
    >>> found = intervals_over_patients(truth + 0.1, truth, "aabbccdd", np.random.default_rng(0))
    >>> low, high = found["bias"]
    >>> round(low, 6), round(high, 6)
    (0.1, 0.1)
    """
    names = np.asarray(list(patients))
    known = np.isfinite(np.asarray(first, dtype=float) + np.asarray(second, dtype=float))
    first, second = keep_complete_pairs(first, second)
    _, members = np.unique(names[known], return_inverse=True)
    count = int(members.max(initial=-1)) + 1
    center = float((first + second).mean()) if len(first) else 0.0
    sums = np.zeros((count, 6))
    np.add.at(sums, members, _terms(first, second, center))
    if count < 2:
        return dict.fromkeys(pair_statistics(sums.sum(axis=0), center), (float("nan"), float("nan")))
    drawn = random.multinomial(count, np.full(count, 1 / count), size=resamples)
    share = stats.norm.cdf(np.sqrt(count / (count - 1)) * stats.t.ppf(SIGNIFICANCE / 2, count - 1))
    found = {}
    for name, values in pair_statistics(drawn @ sums, center).items():
        values = values[np.isfinite(values)]
        found[name] = (float("nan"),) * 2
        if len(values):
            low, high = np.percentile(values, (100 * share, 100 * (1 - share)))
            found[name] = (float(low), float(high))
    return found


def _terms(first: np.ndarray, second: np.ndarray, center: float) -> np.ndarray:
    """(pairs, 6): one, difference, centered sum, and their squares and product."""
    difference, total = first - second, first + second - center
    return np.stack([np.ones_like(total), difference, total, difference**2, total**2, difference * total], axis=1)


def pair_statistics(sums: np.ndarray, center: float) -> Mapping[str, np.ndarray]:
    """The statistics of `statistics`, from sums over the pairs.

    sums : (..., 6), of pairs, difference, first plus second less ``center``, and of their squares and product
    """
    n, difference, total, difference_2, total_2, product = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        bias, mean = difference / n, total / n
        of_difference = np.maximum(difference_2 - n * bias**2, 0) / (n - 1)
        of_total = np.maximum(total_2 - n * mean**2, 0) / (n - 1)
        rows, error, columns = of_total / 2, of_difference / 2, n * bias**2 / 2
        limit = NORMAL_95 * np.sqrt(of_difference)
        return {
            "bias": bias,
            "bias_percent": 200 * bias / (mean + center),
            "lower": bias - limit,
            "upper": bias + limit,
            "icc_agreement": (rows - error) / (rows + error + 2 / n * (columns - error)),
            "icc_consistency": (rows - error) / (rows + error),
            "repeatability": NORMAL_95 * np.sqrt(difference_2 / n),
            "slope": 2 * (product - n * bias * mean) / (n - 1) / of_total,
        }
