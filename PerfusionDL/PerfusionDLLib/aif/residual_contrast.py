"""Contrast agent that an earlier injection left behind, estimated from the baseline signal of blood and myocardium."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

from ..data.acquisition import Acquisition

PARTITION_COEFFICIENT = 0.43  # myocardium over blood at equilibrium: ECV 0.25 / (1 - 0.42), Dabir et al., JCMR 2014
PARTITION_LOG_SD = 0.15  # 0.44 (0.06) and 0.44 (0.07) at 1.5 and 3 T: Dabir et al., JCMR 2014
PROTON_DENSITY_RATIO = 1.19  # blood over myocardium, 95 / 80 (MRXCAT, Wissmann et al., JCMR 2014)
DENSITY_LOG_SD = 0.15  # of that ratio; chosen: native T1 of patients differs by 10 % too
SIGNAL_LOG_SD = 0.03  # of a mean baseline signal between two scans; chosen: motion and contours
STATIC_LOG_SD = 0.08  # of the brightest static tissue; chosen: another slice position, another coil load
GAINS = (
    (0.8, 0.1),
    (0.2, 1.0),
)  # probability and log sd: scans scaled alike but for the coil's load, or at will; chosen
PLASMA_TERMS = ((3.99, 0.144), (4.78, 0.0111))  # kg/L and 1/min after 1 mmol/kg: Weinmann et al. 1984, see `_prior`
USUAL_MINUTES = (2.0, 20.0)  # between the injections, where no clock tells
PLAUSIBLE_MINUTES = (1.0, 180.0)  # between the beginnings of two scans: what a clock may tell
CLOCK_WRONG = 0.03  # probability that headers tell the order of two scans wrongly; chosen
KINETICS = (
    (0.7, 0.35),
    (0.3, 1.0),
)  # probability and log sd of what is left: most patients; dose or kidneys unlike; chosen
ASSUMED_DOSE_LOG_SD = 0.4  # 0.05 to 0.1 mmol/kg are given
NONE_LEFT = 0.05  # probability that nothing is left, or that it has another reason than the other scan
MOST_MMOL_L = 0.8  # above it the ratio of blood and myocardium no longer rises
GRID_MMOL_L = np.linspace(0.0, MOST_MMOL_L, 321)
LEAST_MMOL_L = 0.05  # what a scan without a reference must show: 10 % error of the density ratio make 0.02


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
    """Concentration in blood during the baseline, mmol/L, its standard deviation, and a sentence on how it is known."""

    blood_mmol_l: float = 0.0
    how: str = "No contrast agent is assumed in the blood before the injection."
    sd_mmol_l: float = 0.0

    @property
    def myocardium_mmol_l(self) -> float:
        """Concentration in myocardium at equilibrium with the blood, mmol/L of tissue."""
        return PARTITION_COEFFICIENT * self.blood_mmol_l


RecoveredShare = Callable[[float, Acquisition], float]


NO_RESIDUAL = Residual()
"""Of the first injection of a study, before which nothing was injected."""


def residual_contrast(
    scans: Sequence[Sequence[Baseline]], recovered_share: RecoveredShare, minutes_between: float = float("nan")
) -> list[Residual]:
    """Residual contrast of each scan of a study.

    One of two scans is the first and free of it. The other's concentration is a posterior of all witnesses: another
    gain scales blood, myocardium and static tissue alike; contrast agent brightens blood more than myocardium, by
    factors that T1 gives, and static tissue not at all; the density ratio of blood and myocardium is the same in both
    scans; and what an injection leaves follows its pharmacokinetics. Gain and density ratio are integrated out. Which
    scan is the first, the clock and the evidence decide. A scan alone is held against literature proton densities, and
    small concentrations are not believed.

    Parameters
    ----------
    scans : per scan, the `Baseline` of its slices, in the same order of levels
    recovered_share : function of R1 (1/s) and an `Acquisition`, as `saturation_recovery.recovered_share`
    minutes_between : from the beginning of the first of two scans to that of the second, negative where that came
        first; NaN, or what can be no pause within a study, where no clock tells

    Examples
    --------
    >>> def recovered(r1_per_s, acquisition):
    ...     return 1 - np.exp(-acquisition.saturation_time_s * r1_per_s)
    >>> a = Acquisition()
    >>> def baseline(c):
    ...     blood, muscle = (1 / t1 + a.relaxivity_l_mmol_s * x for t1, x in ((1.65, c), (1.20, 0.43 * c)))
    ...     signals = {"blood": 95 * recovered(blood, a), "myocardium": 80 * recovered(muscle, a), "static": 99}
    ...     return Baseline(**signals, acquisition=a)
    >>> first, second = residual_contrast([[baseline(0.0)], [baseline(0.3)]], recovered)
    >>> first.blood_mmol_l, round(second.blood_mmol_l, 2), round(second.sd_mmol_l, 2)
    (0.0, 0.29, 0.03)
    """
    known = [index for index, slices in enumerate(scans) if slices]
    found = [Residual() for _ in scans]
    told = PLAUSIBLE_MINUTES[0] <= abs(minutes_between) <= PLAUSIBLE_MINUTES[1]
    later = int(minutes_between > 0)
    if len(known) == 1 and len(scans) == 2 and told and later not in known:
        found[later] = _by_clock(scans[known[0]][0].acquisition, abs(minutes_between))
    elif len(known) == 1:
        found[known[0]] = _alone([_Curves(one, recovered_share) for one in scans[known[0]]])
    elif len(known) == 2:
        orders = [(known[0], known[1]), (known[1], known[0])]
        pauses = [minutes_between, -minutes_between]
        pairs = [
            _Pair(scans[first], scans[second], recovered_share, pause)
            for (first, second), pause in zip(orders, pauses, strict=True)
        ]
        best = int(np.argmax([pair.log_evidence for pair in pairs]))
        found[orders[best][1]] = pairs[best].residual()
    return found


def log_shift_by_residual(converted: Callable[[float], np.ndarray], residual: Residual) -> float:
    """By how much the log of the height of a curve rises with one standard deviation more of residual contrast.

    The height is the root mean square: near saturation the peak rises more than the area, and least squares lean on it.

    converted : blood concentration left, mmol/L, to the curve (T,), mmol/L; NaN frames do not count
    """
    if not residual.sd_mmol_l > 0:
        return 0.0
    low = max(residual.blood_mmol_l - residual.sd_mmol_l / 2, 0.0)
    high = residual.blood_mmol_l + residual.sd_mmol_l / 2
    curves = np.stack([converted(low), converted(high)])
    powers = (curves[:, np.isfinite(curves).all(axis=0)] ** 2).sum(axis=1)
    if not powers.min() > 0:
        return 0.0
    return float(np.log(powers[1] / powers[0]) / 2 * residual.sd_mmol_l / (high - low))


class _Pair:
    """Two scans of a study of which the first is free of contrast agent; the posterior of the second's."""

    def __init__(
        self,
        first: Sequence[Baseline],
        second: Sequence[Baseline],
        recovered_share: RecoveredShare,
        pause_min: float = float("nan"),
    ) -> None:
        slices = list(zip(first, second, strict=False))
        ratios = [
            (
                np.log(one.blood / one.myocardium),
                np.log(two.blood / two.myocardium),
                np.log(two.myocardium / one.myocardium),
                np.log(two.static / one.static),
            )
            for one, two in slices
        ]
        before, after = (_Curves(one, recovered_share) for one in slices[0])
        partition = PARTITION_COEFFICIENT * np.exp(PARTITION_LOG_SD * np.array([0.0, 1.0]))
        blood = np.log([after.share(c) for c in GRID_MMOL_L])
        muscle, muscle_up = (np.log([after.share(c, each) for c in GRID_MMOL_L]) for each in partition)
        native_blood, native_muscle = np.log(before.share(0.0)), np.log(before.share(0.0, PARTITION_COEFFICIENT))
        zero = np.zeros_like(blood)
        expected = np.stack((zero + native_blood - native_muscle, blood - muscle, muscle - native_muscle, zero), axis=1)
        # By the log of the density ratio, by that of the gain, by the partition coefficient (one standard deviation).
        density, gain = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
        by_partition = np.stack((zero, muscle - muscle_up, muscle_up - muscle, zero), axis=1)
        noise = np.diag([2 * SIGNAL_LOG_SD**2, 2 * SIGNAL_LOG_SD**2, 2 * SIGNAL_LOG_SD**2, STATIC_LOG_SD**2])
        # The signal of each myocardium stands in two of the ratios.
        noise[0, 2] = noise[2, 0] = SIGNAL_LOG_SD**2
        noise[1, 2] = noise[2, 1] = -(SIGNAL_LOG_SD**2)
        covariance = noise + DENSITY_LOG_SD**2 * np.outer(density, density)
        covariance = covariance + by_partition[:, :, None] * by_partition[:, None, :]
        off = np.median(ratios, axis=0) - expected - np.log(PROTON_DENSITY_RATIO) * density
        parts = [
            np.log(probability) + _log_normal(off, covariance + sd**2 * np.outer(gain, gain))
            for probability, sd in GAINS
        ]
        self.gain = float(np.exp(np.median(ratios, axis=0)[3]))
        log_posterior = logsumexp(parts, axis=0) + _prior(first[0].acquisition, pause_min)
        self.log_evidence = float(logsumexp(log_posterior))
        self.posterior = np.exp(log_posterior - self.log_evidence)

    def residual(self) -> Residual:
        """Mean and standard deviation of the posterior."""
        mean = float(self.posterior @ GRID_MMOL_L)
        sd = float(np.sqrt(self.posterior @ (GRID_MMOL_L - mean) ** 2))
        return Residual(
            blood_mmol_l=mean,
            sd_mmol_l=sd,
            how=f"{mean:.2f} mmol/L (standard deviation {sd:.2f}) of contrast agent were in the blood before the "
            "injection, from the baseline signals of blood and myocardium beside the other scan's and from what an "
            f"earlier injection leaves; static tissue is {self.gain:.2f} times as bright as there.",
        )


def _log_normal(off: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Log of the density of normal distributions (C,) at offsets (C, K) from their means."""
    _, log_determinant = np.linalg.slogdet(covariance)
    return -(np.einsum("ck,ck->c", off, np.linalg.solve(covariance, off[:, :, None])[:, :, 0]) + log_determinant) / 2


def _prior(acquisition: Acquisition, pause_min: float) -> np.ndarray:
    """Log of the probability of each concentration of the grid, from the pharmacokinetics of an extracellular agent.

    Plasma holds ``dose (3.99 exp(-0.144 t) + 4.78 exp(-0.0111 t))`` t minutes after an injection. It is left open by
    how much the patient differs, when the injection was where no clock tells, and the dose where no header gave it.

    References
    ----------
    Weinmann HJ et al., Physiol Chem Phys Med NMR 1984;16:167; Tofts PS, Kermode AG, Magn Reson Med 1991;17:357.
    """
    told = PLAUSIBLE_MINUTES[0] <= abs(pause_min) <= PLAUSIBLE_MINUTES[1]
    reversed_ = told and pause_min < 0  # this order of the scans would mean that the clock is wrong
    minutes = np.array([pause_min]) if told and not reversed_ else np.geomspace(*USUAL_MINUTES, 12)
    order = np.log(CLOCK_WRONG if reversed_ else 1 - CLOCK_WRONG if told else 0.5)
    plasma = acquisition.dose_mmol_kg * sum(height * np.exp(-rate * minutes) for height, rate in PLASMA_TERMS)
    centers = np.log(plasma * (1 - acquisition.hematocrit))
    dose = ASSUMED_DOSE_LOG_SD * ("dose_mmol_kg" in acquisition.assumed)
    far = (np.log(GRID_MMOL_L[1:])[:, None] - centers) ** 2
    density = sum(
        probability / np.hypot(sd, dose) * np.exp(-far / (2 * np.hypot(sd, dose) ** 2)).sum(axis=1)
        for probability, sd in KINETICS
    )
    density = density / GRID_MMOL_L[1:]
    return order + np.log(np.concatenate(([NONE_LEFT], (1 - NONE_LEFT) * density / density.sum())))


def _by_clock(first: Acquisition, pause_min: float) -> Residual:
    """What the first injection leaves after a pause, where the baseline of the second scan is lost."""
    probability = np.exp(_prior(first, pause_min))
    probability /= probability.sum()
    mean = float(probability @ GRID_MMOL_L)
    sd = float(np.sqrt(probability @ (GRID_MMOL_L - mean) ** 2))
    return Residual(
        blood_mmol_l=mean,
        sd_mmol_l=sd,
        how=f"{mean:.2f} mmol/L (standard deviation {sd:.2f}) of contrast agent were in the blood before the "
        f"injection, from the {pause_min:.0f} minutes between the injections alone: this scan's own injection is in "
        "its baseline.",
    )


def _alone(slices: Sequence["_Curves"]) -> Residual:
    value = float(np.median([one.solve_ratio(PROTON_DENSITY_RATIO) for one in slices]))
    if value < LEAST_MMOL_L:
        return Residual()
    off = np.exp(DENSITY_LOG_SD)
    limits = [np.median([one.solve_ratio(PROTON_DENSITY_RATIO * by) for one in slices]) for by in (off, 1 / off)]
    sd = float(limits[1] - limits[0]) / 2
    return Residual(
        blood_mmol_l=value,
        sd_mmol_l=sd,
        how=f"{value:.2f} mmol/L (standard deviation {sd:.2f}) of contrast agent were in the blood before the "
        "injection, from the baseline ratio of blood and myocardium and literature proton densities; a second scan of "
        "the study would tell better.",
    )


class _Curves:
    """What the baseline signals of one slice would be at a concentration."""

    def __init__(self, baseline: Baseline, recovered_share: RecoveredShare) -> None:
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


def _root(rising: Callable[[float], float]) -> float:
    if rising(0.0) >= 0:
        return 0.0
    return MOST_MMOL_L if rising(MOST_MMOL_L) <= 0 else float(brentq(rising, 0.0, MOST_MMOL_L))
