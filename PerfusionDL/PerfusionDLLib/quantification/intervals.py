"""Intervals of a ratio of two flows."""

from collections.abc import Sequence

import numpy as np

from ..aif.region import MEASURED_INPUT_LOG_SD
from ..data.flow import FlowUncertainty, PerfusionMaps
from ..data.precision import INTERVAL_SD
from ..data.table import RegionFlow


def ratio_interval(numerator: Sequence[float], denominator: Sequence[float]) -> tuple[float, float]:
    """95 % interval of a ratio of two flows, each given as value, lower and upper limit; NaN where one is not known.

    Distances to the limits add in squares on the scale of logarithms, each side for itself (method of variance
    estimates recovery). The two flows count as independent. What rest and stress share (relaxivity, native T1,
    saturation time) errs in the same direction in both and cancels in their ratio, so that the interval is rather too
    wide than too narrow.

    References
    ----------
    Zou GY, Donner A, Stat Med 2008;27:1693.

    Examples
    --------
    >>> low, high = ratio_interval((3.0, 2.4, 3.6), (1.0, 0.9, 1.1))
    >>> round(low, 2), round(high, 2)
    (2.35, 3.7)
    """
    (value, low, high), (below, below_low, below_high) = numerator, denominator
    limits = np.array([low, high, below_low, below_high])
    if not (np.isfinite(limits).all() and value > 0 and below > 0):
        return float("nan"), float("nan")
    with np.errstate(divide="ignore"):  # a limit of 0 is infinitely far
        to_low, to_high = np.abs(np.log([low, high]) - np.log(value))
        below_to_low, below_to_high = np.abs(np.log([below_low, below_high]) - np.log(below))
    ratio = value / below
    return (
        float(ratio * np.exp(-np.hypot(to_low, below_to_high))),
        float(ratio * np.exp(np.hypot(to_high, below_to_low))),
    )


def reserve_interval(stress, rest, uncertainties: Sequence[FlowUncertainty | None]) -> tuple[float, float]:
    """95 % interval of stress over rest, each (value, low, high), where the study as one patient told both.

    What scans share cancels in the reserve of the whole ventricle; what the interval of a region holds beyond that of
    the ventricle is the region's own and adds in squares.
    """
    of_rest, of_stress = uncertainties
    if of_rest is None or of_stress is None or not np.isfinite(of_stress.reserve_log_below):
        return ratio_interval(stress, rest)
    if not (stress[0] > 0 and rest[0] > 0):
        return float("nan"), float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):  # a limit of 0 is infinitely far
        below, above = np.abs(np.log(stress[1:]) - np.log(stress[0]))
        rest_below, rest_above = np.abs(np.log(rest[1:]) - np.log(rest[0]))
    ratio = stress[0] / rest[0]

    def own(distance: float, shared: float) -> float:
        return float(np.sqrt(max(distance**2 - shared**2, 0.0)))

    low = np.hypot(own(below, of_stress.log_below), own(rest_above, of_rest.log_above))
    high = np.hypot(own(above, of_stress.log_above), own(rest_below, of_rest.log_below))
    return (
        float(ratio * np.exp(-np.hypot(low, of_stress.reserve_log_below))),
        float(ratio * np.exp(np.hypot(high, of_stress.reserve_log_above))),
    )


def upslope_limits(upslope: float, noise_log_sd: float, maps: PerfusionMaps) -> tuple[float, float]:
    """95 % interval of the upslope of a region: its noise, and what all of the scan shares.

    The latter is what the study as one patient left open; where everything is stated, the scale of the input.
    """
    shared = maps.uncertainty.upslope if maps.uncertainty else None
    if shared is None:
        scale = INTERVAL_SD * max(maps.arterial_input.log_sd, MEASURED_INPUT_LOG_SD)
        below, above = scale, scale
    else:
        below, above = shared.log_below, shared.log_above
    own = INTERVAL_SD * noise_log_sd
    return float(upslope * np.exp(-np.hypot(own, below))), float(upslope * np.exp(np.hypot(own, above)))


def index_interval(
    index: float, flows: Sequence[RegionFlow], uncertainties: Sequence[FlowUncertainty | None]
) -> tuple[float, float]:
    """95 % interval of the perfusion reserve index of a region; flows, uncertainties : of rest, of stress."""
    rest, stress = ((one.upslope, one.upslope_low, one.upslope_high) for one in flows)
    shared = [one.upslope if one else None for one in uncertainties]
    of_rest, of_stress = shared
    if of_rest is None or of_stress is None or not np.isfinite(of_stress.index_log_below):
        return ratio_interval(stress, rest)
    if not (rest[0] > 0 and stress[0] > 0):
        return float("nan"), float("nan")
    own = [
        max(float(np.log(one[0] / one[1])) ** 2 - each.log_below**2, 0.0)
        for one, each in zip((rest, stress), (of_rest, of_stress), strict=True)
    ]
    low, high = (np.sqrt(sum(own) + each**2) for each in (of_stress.index_log_below, of_stress.index_log_above))
    return float(index * np.exp(-low)), float(index * np.exp(high))
