"""Agreement of numbers: Bland-Altman limits, intraclass correlation, repeatability, with intervals.

Readings are paired; a pair with a missing reading is left out. Intervals are 95 % and take pairs as independent;
`patients` has those for several readings of a patient.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

SIGNIFICANCE = 0.05
NORMAL_95 = 1.96
ROUNDING = 1e-12  # of the largest reading; a smaller difference is none


@dataclass(frozen=True)
class IntervalEstimate:
    """A number with its 95 % interval."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Bland-Altman analysis of paired readings, first minus second, in the unit of the readings.

    lower, upper : limits of agreement; bias_percent : bias relative to the mean of all readings
    """

    pairs: int
    bias: IntervalEstimate
    sd: float
    lower: IntervalEstimate
    upper: IntervalEstimate
    bias_percent: float


def keep_complete_pairs(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Readings of which both are known, as float arrays."""
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"readings must be two lists of one length, got {first.shape} and {second.shape}")
    known = np.isfinite(first) & np.isfinite(second)
    return first[known], second[known]


def limits_of_agreement(first: ArrayLike, second: ArrayLike) -> Agreement:
    """Bias and limits of agreement with their confidence intervals.

    The standard error of a limit is ``sd * sqrt(1/n + 1.96**2 / (2 (n - 1)))``.

    References
    ----------
    Bland JM, Altman DG. Lancet 1986;327:307. Stat Methods Med Res 1999;8:135.

    Examples
    --------
    >>> limits_of_agreement([2.0, 3.0, 4.0], [1.0, 2.0, 3.0]).bias.value
    1.0
    """
    first, second = keep_complete_pairs(first, second)
    n, difference = len(first), first - second
    if n < 2:
        nothing = IntervalEstimate(float("nan"))
        bias = IntervalEstimate(float(difference.mean())) if n else nothing
        return Agreement(pairs=n, bias=bias, sd=np.nan, lower=nothing, upper=nothing, bias_percent=np.nan)
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    t = stats.t.ppf(1 - SIGNIFICANCE / 2, n - 1)
    to_bias, to_limit = t * sd * np.sqrt(1 / n), t * sd * np.sqrt(1 / n + NORMAL_95**2 / (2 * (n - 1)))

    def around(value: float, margin: float) -> IntervalEstimate:
        return IntervalEstimate(float(value), float(value - margin), float(value + margin))

    return Agreement(
        pairs=n,
        bias=around(mean, to_bias),
        sd=sd,
        lower=around(mean - NORMAL_95 * sd, to_limit),
        upper=around(mean + NORMAL_95 * sd, to_limit),
        bias_percent=float(200 * mean / (first.mean() + second.mean())),
    )


def proportional_bias(first: ArrayLike, second: ArrayLike) -> IntervalEstimate:
    """Slope of the difference on the mean of two readings: 0 where the bias does not change with the value."""
    first, second = keep_complete_pairs(first, second)
    if len(first) < 3 or np.ptp(first + second) == 0:
        return IntervalEstimate(float("nan"))
    line = stats.linregress((first + second) / 2, first - second)
    margin = stats.t.ppf(1 - SIGNIFICANCE / 2, len(first) - 2) * line.stderr
    return IntervalEstimate(float(line.slope), float(line.slope - margin), float(line.slope + margin))


def repeatability_coefficient(first: ArrayLike, second: ArrayLike) -> float:
    """Difference that two readings of one thing stay below in 95 % of pairs: 1.96 sqrt(2) within-subject SD.

    The within-subject variance is half the mean squared difference, so a bias counts as disagreement.
    """
    first, second = keep_complete_pairs(first, second)
    return float(NORMAL_95 * np.sqrt(np.mean((first - second) ** 2))) if len(first) else float("nan")


def icc_agreement(ratings: np.ndarray, *, interval: bool = True) -> IntervalEstimate:
    """ICC(A,1): absolute agreement of single readings, two-way model; Shrout and Fleiss call it ICC(2,1).

    ratings : (subjects, readers), no NaN
    interval : False leaves the interval out, for those who draw thousands of samples

    References
    ----------
    McGraw KO, Wong SP. Psychol Methods 1996;1:30, tables 4 and 7.
    """
    n, k, rows, columns, error = _mean_squares(ratings)
    total = rows + (k - 1) * error + k / n * (columns - error)
    value = (rows - error) / total if total > 0 else float("nan")
    if not value < 1:
        return IntervalEstimate(value, value, value)
    if not interval:
        return IntervalEstimate(float(value))
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    freedom = (a * columns + b * error) ** 2 / ((a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1)))
    rest = k * columns + (k * n - k - n) * error
    below = stats.f.ppf(1 - SIGNIFICANCE / 2, n - 1, freedom)
    above = stats.f.ppf(1 - SIGNIFICANCE / 2, freedom, n - 1)
    low = n * (rows - below * error) / (below * rest + n * rows)
    high = n * (above * rows - error) / (rest + n * above * rows)
    return IntervalEstimate(float(value), float(low), float(high))


def icc_consistency(ratings: np.ndarray) -> IntervalEstimate:
    """ICC(C,1): consistency of single readings, a constant bias between readers does not count against them.

    Shrout and Fleiss call it ICC(3,1). ratings, source : as for `icc_agreement`
    """
    n, k, rows, _, error = _mean_squares(ratings)
    total = rows + (k - 1) * error
    value = (rows - error) / total if total > 0 else float("nan")
    if not value < 1:
        return IntervalEstimate(value, value, value)
    freedom = (n - 1) * (k - 1)
    low = rows / error / stats.f.ppf(1 - SIGNIFICANCE / 2, n - 1, freedom)
    high = rows / error * stats.f.ppf(1 - SIGNIFICANCE / 2, freedom, n - 1)
    return IntervalEstimate(float(value), float((low - 1) / (low + k - 1)), float((high - 1) / (high + k - 1)))


def _mean_squares(ratings: np.ndarray) -> tuple[int, int, float, float, float]:
    """Subjects, readers, and the mean squares between subjects, between readers and of the error."""
    ratings = np.asarray(ratings, dtype=float)
    if ratings.ndim != 2 or min(ratings.shape) < 2 or not np.isfinite(ratings).all():
        raise ValueError(f"ratings must be (subjects, readers), two or more of each, no NaN; got {ratings.shape}")
    n, k = ratings.shape
    grand = ratings.mean()
    of_rows, of_columns = ratings.mean(axis=1, keepdims=True) - grand, ratings.mean(axis=0) - grand
    effects = (k * of_rows**2, n * of_columns**2, (ratings - grand - of_rows - of_columns) ** 2)
    least = ratings.size * (ROUNDING * np.abs(ratings).max()) ** 2
    rows, columns, error = (float(total) if total > least else 0.0 for total in (effect.sum() for effect in effects))
    return n, k, rows / (n - 1), columns / (k - 1), error / ((n - 1) * (k - 1))
