"""Contrast agent that an earlier injection left behind, estimated from the baseline signal of blood and myocardium."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq

from ..data.acquisition import Acquisition

PARTITION_COEFFICIENT = 0.43  # myocardium over blood at equilibrium: ECV 0.25 / (1 - 0.42), Dabir et al., JCMR 2014
PROTON_DENSITY_RATIO = 1.19  # blood over myocardium, 95 / 80 (MRXCAT, Wissmann et al., JCMR 2014)
MOST_MMOL_L = 0.8  # above it the ratio of blood and myocardium no longer rises
LEAST_MMOL_L = 0.05  # what a scan without a reference must show: 10 % error of the density ratio make 0.02
SAME_GAIN = 0.25  # logarithm; noise and motion change the brightest pixels less, another scaling changes them more


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Signal before the contrast agent arrives, a.u.: of blood pool, myocardium, and the brightest static tissue.

    static : a high percentile of the whole image; fat near the coil, which takes up no contrast agent
    """

    blood: float
    myocardium: float
    static: float
    acquisition: Acquisition


@dataclass(frozen=True, kw_only=True)
class Residual:
    """Concentration in blood during the baseline, mmol/L, and a sentence on how it is known.

    memory : of the program, to compute less after a correction; no part of the result
    """

    blood_mmol_l: float = 0.0
    how: str = "No contrast agent is assumed in the blood before the injection."
    memory: object = field(default=None, repr=False, compare=False)

    @property
    def myocardium_mmol_l(self) -> float:
        """Concentration in myocardium at equilibrium with the blood, mmol/L of tissue."""
        return PARTITION_COEFFICIENT * self.blood_mmol_l


def residual_contrast(scans: Sequence[Sequence[Baseline]], recovered_share) -> list[Residual]:
    """Residual contrast of each scan of a study.

    The contrast agent brightens blood more than myocardium, so that the ratio of their baseline signals, in which
    coil shading cancels, tells which scan has least; that one is taken as free of it. The blood signal of the other,
    beside that of the first, gives the concentration; a different scaling of the two scans is seen in static tissue. A
    scan alone is held against literature proton densities, and small concentrations are not believed.

    Parameters
    ----------
    scans : per scan, the `Baseline` of its slices, in the same order of levels
    recovered_share : function of R1 (1/s) and an `Acquisition`, as `concentration.recovered_share`

    Examples
    --------
    >>> def recovered(r1_per_s, acquisition):
    ...     return 1 - np.exp(-acquisition.saturation_time_s * r1_per_s)
    >>> a = Acquisition()
    >>> def baseline(c):
    ...     blood, muscle = (1 / t1 + a.relaxivity_l_mmol_s * x for t1, x in ((1.65, c), (1.20, 0.43 * c)))
    ...     signals = {"blood": 95 * recovered(blood, a), "myocardium": 80 * recovered(muscle, a), "static": 99}
    ...     return Baseline(**signals, acquisition=a)
    >>> [round(scan.blood_mmol_l, 3) for scan in residual_contrast([[baseline(0.0)], [baseline(0.3)]], recovered)]
    [0.0, 0.3]
    """
    curves = [[_Curves(slice_, recovered_share) for slice_ in slices] for slices in scans]
    contrast = [np.median([one.ratio for one in slices]) if slices else np.inf for slices in curves]
    if not np.isfinite(contrast).any():
        return [Residual() for _ in scans]
    clean = int(np.argmin(contrast))
    if len([value for value in contrast if np.isfinite(value)]) < 2:
        return [_alone(slices) if slices else Residual() for slices in curves]
    return [
        Residual() if index == clean or not slices else _beside(slices, curves[clean])
        for index, slices in enumerate(curves)
    ]


def _beside(slices, clean):
    gain = float(np.median([one.static / other.static for one, other in zip(slices, clean, strict=False)]))
    scaled = abs(np.log(gain)) > SAME_GAIN
    pairs = zip(slices, clean, strict=False)
    value = float(np.median([one.solve_signal(other, gain if scaled else 1.0) for one, other in pairs]))
    return Residual(
        blood_mmol_l=value,
        how=f"{value:.2f} mmol/L of contrast agent were in the blood before the injection, from its baseline signal "
        "beside the other scan's"
        + (f", whose images are scaled differently (by {1 / gain:.2f}, from static tissue)." if scaled else "."),
    )


def _alone(slices):
    value = float(np.median([one.solve_ratio(PROTON_DENSITY_RATIO) for one in slices]))
    if value < LEAST_MMOL_L:
        return Residual()
    return Residual(
        blood_mmol_l=value,
        how=f"{value:.2f} mmol/L of contrast agent were in the blood before the injection, from the baseline ratio of "
        "blood and myocardium and literature proton densities; a second scan of the study would tell better.",
    )


class _Curves:
    """What the baseline signals of one slice would be at a concentration."""

    def __init__(self, baseline: Baseline, recovered_share) -> None:
        self.blood, self.static = baseline.blood, baseline.static
        self.ratio = baseline.blood / baseline.myocardium
        self._acquisition, self._recovered_share = baseline.acquisition, recovered_share

    def share(self, blood_mmol_l: float, partition: float = 1.0) -> float:
        """Recovered share of blood, or of a tissue that holds a part of its concentration."""
        a = self._acquisition
        t10_s = a.t10_blood_s if partition == 1.0 else a.t10_myocardium_s
        return float(self._recovered_share(1 / t10_s + a.relaxivity_l_mmol_s * partition * blood_mmol_l, a))

    def expected_ratio(self, blood_mmol_l: float) -> float:
        """Blood over myocardium at equal proton density."""
        return self.share(blood_mmol_l) / self.share(blood_mmol_l, PARTITION_COEFFICIENT)

    def solve_ratio(self, density_ratio: float) -> float:
        """Concentration that explains the ratio of blood and myocardium, mmol/L."""
        return _root(lambda c: self.expected_ratio(c) - self.ratio / density_ratio)

    def solve_signal(self, clean: "_Curves", gain: float) -> float:
        """Concentration that explains the blood signal beside that of a clean scan, mmol/L."""
        return _root(lambda c: self.share(c) - self.blood / gain / clean.blood * clean.share(0.0))


def _root(rising) -> float:
    if rising(0.0) >= 0:
        return 0.0
    return MOST_MMOL_L if rising(MOST_MMOL_L) <= 0 else float(brentq(rising, 0.0, MOST_MMOL_L))
