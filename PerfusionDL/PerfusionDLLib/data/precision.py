"""What a 95 % interval says: how probable it is that a number is far off, or that the truth lies below a limit."""

import math

INTERVAL_SD = 1.96
FAR = 0.4  # of the truth; a number that is off by more misleads; chosen
# Below, major cardiac events are 2.1 times as frequent (95 % interval 1.3 to 3.4; meta-analysis of PET):
CLINICAL_MPR = 2.0
CLINICAL_MPR_SOURCE = "Siontis 2015, doi 10.1016/j.ijcha.2015.01.005"


def has_interval(value: float, low: float, high: float) -> bool:
    """Whether a number lies within limits that are finite and apart.

    >>> has_interval(2.0, 1.6, 2.5), has_interval(2.0, 2.1, 2.5), has_interval(2.0, 0.0, math.inf)
    (True, False, False)
    """
    return 0 <= low <= value <= high < math.inf and low < high


def probability_far(value: float, low: float, high: float) -> float:
    """Probability that a number is off by more than 40 % of the truth; NaN without an interval.

    >>> round(probability_far(2.0, 1.6, 2.5), 3), round(probability_far(2.0, 1.0, 4.0), 2)
    (0.002, 0.24)
    """
    above = 1 - probability_below(value / (1 - FAR), value, low, high)
    return probability_below(value / (1 + FAR), value, low, high) + above


def probability_below(limit: float, value: float, low: float, high: float) -> float:
    """Probability that the truth lies below a limit; NaN without an interval.

    On the scale of logarithms the truth lies with half of its probability on either side of the number, normally
    distributed, with the spread that the limit of the interval on that side has.

    >>> round(probability_below(2.0, 2.0, 1.5, 3.0), 2), round(probability_below(1.5, 2.0, 1.5, 3.0), 3)
    (0.5, 0.025)
    """
    if not (0 <= low <= value <= high and 0 < value < math.inf):
        return math.nan
    distance = math.log(limit / value)
    far = low if distance < 0 else high
    if far == value:
        return float(distance > 0)
    spread = math.inf if far in {0, math.inf} else abs(math.log(far / value)) / INTERVAL_SD
    return 0.5 * (1 + math.erf(distance / spread / math.sqrt(2)))
