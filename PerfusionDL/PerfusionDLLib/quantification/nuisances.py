"""What a header or an assumption leaves open about scanner and patient: names, ranges and sources.

A nuisance moves flow but is not what is asked. Rest and stress share all of them. Each has two priors: close to what
is stated, as on a scanner that does what its header says, and as wide as clinics find it. Which of the two a study
belongs to, its curves say (`witnesses`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from ..data.acquisition import Acquisition

DRAWS, AS_STATED_DRAWS = 3000, 800  # chosen; `study_posterior.DRAWS_LOG_SD` holds what fewer draws leave open
AS_STATED_PROBABILITY = 0.1  # that the header holds and the scanner is ideal, before any curve is seen; chosen
AS_STATED_SHARE = 0.03  # of the usual range that is left open then; chosen
FIRST_EXCITATION_PROBABILITY = 0.25  # that a header counts to the first excitation: both habits are common; chosen
USUAL_SATURATION_TIME_S = (0.080, 0.160)  # where no header gave it
# That a pulse leaves more than usual, and how much more at most: 86 to 95 % efficiency of pulses designed for a lower
# field, Tao et al., Magn Reson Med 2015;73:1450. The probability is chosen.
POOR_SATURATION_PROBABILITY, POOR_SATURATION_LEFT = 0.2, 0.15
GIVEN_LOG_SD = 0.01  # of a value that a header gives: rounding
T1_CORRELATION = 0.4  # of blood and myocardium between patients: 0.37 to 0.45, Nickander et al., JCMR 2017;19:41


@dataclass(frozen=True, kw_only=True)
class Nuisance:
    """One value that is not known for sure.

    field : of the `Acquisition` that states it, "" where no header can
    low, high : bounds of a uniform prior in ``unit``, or log_sd : standard deviation of the log of the ratio to what is
        stated
    """

    name: str
    unit: str
    source: str
    field: str = ""
    low: float = 0.0
    high: float = 0.0
    log_sd: float = 0.0


NUISANCES = (
    Nuisance(
        name="saturation_time",
        unit="s",
        field="saturation_time_s",
        low=USUAL_SATURATION_TIME_S[0],
        high=USUAL_SATURATION_TIME_S[1],
        source="usual protocols, where no header gives it",
    ),
    Nuisance(
        name="first_excitation",
        unit="",
        low=0.0,
        high=1.0,
        source="whether a header's InversionTime ends at the first excitation or at the center of k-space: both occur",
    ),
    Nuisance(
        name="pulses_to_center",
        unit="",
        field="pulses_to_center",
        log_sd=0.25,
        source="acceleration and partial Fourier are not in all headers; chosen",
    ),
    Nuisance(
        name="flip_angle",
        unit="share of nominal",
        low=0.8,
        high=1.2,
        source="0.89 (0.15) of nominal over the heart at 3 T with shimming: JCMR 2013, PMC3750927",
    ),
    Nuisance(
        name="saturation_left",
        unit="share of magnetization",
        low=0.0,
        high=0.03,
        source="2 % after the best of four pulse trains at 7 T: Tao et al., Magn Reson Med 2015;73:1450; less below",
    ),
    Nuisance(
        name="offset",
        unit="share of recovered blood",
        low=0.0,
        high=0.004,
        source="background of stored images; chosen",
    ),
    Nuisance(
        name="t10_blood",
        unit="s",
        field="t10_blood_s",
        log_sd=0.09,
        source="3 T, 1.65 s assumed: 1.66 s in vitro, Lu et al., Magn Reson Med 2004;52:679; 1.79 (0.06, men) and 1.91 "
        "(0.08) s (women) in carotid arteries, PMC5250597; 1.85 (0.10) s in jugular veins, PubMed 21500258",
    ),
    Nuisance(
        name="t10_myocardium",
        unit="s",
        field="t10_myocardium_s",
        log_sd=0.06,
        source="between patients and laboratories: Dabir et al., JCMR 2014;16:69",
    ),
    Nuisance(
        name="r2_star_blood",
        unit="L/mmol/s",
        field="r2_star_blood_l_mmol_s",
        low=5.0,
        high=25.0,
        source="T2* of 10 ms at 4 mmol/L: Kellman et al., JCMR 2017;19:43",
    ),
    Nuisance(
        name="muscle_in_blood",
        unit="share of the region",
        low=0.0,
        high=0.08,
        source="papillary muscle and blur within the region of the arterial input; chosen",
    ),
    Nuisance(
        name="dispersion",
        unit="s",
        low=0.0,
        high=2.5,
        source="of the bolus from left ventricle to tissue, at rest; exponential: Schmitt et al., Magn Reson Med 2002",
    ),
    Nuisance(
        name="dispersion_at_stress",
        unit="share of that at rest",
        low=0.5,
        high=0.95,
        source="transit follows flow; chosen",
    ),
    Nuisance(
        name="residual",
        unit="standard deviations",
        log_sd=1.0,
        source="`aif.residual_contrast`, which found it with its standard deviation",
    ),
    Nuisance(
        name="top_at_rest",
        unit="",
        low=0.0,
        high=1.0,
        source="`first_pass`, where a first pass is saturated",
    ),
    Nuisance(name="top_at_stress", unit="", low=0.0, high=1.0, source="as at rest"),
)
"""All nuisances."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NuisanceDraws:
    """N draws of all nuisances, each (N,), relative to what an acquisition states.

    saturation_time, pulses_to_center, flip_angle, t10_blood, t10_myocardium : ratio to what is stated
    from_first_excitation : whether the stated saturation time ends at the first excitation
    r2_star_added_l_mmol_s : beyond what is stated
    dispersion_s : at rest; mostly small where as stated, yet no scanner's matter
    residual : in standard deviations of the residual contrast that was found
    top_at_rest, top_at_stress : 0 to 1, from low to high tops of a saturated first pass
    as_stated : whether the draw stays close to what is stated; log_prior : of the draw
    """

    saturation_time: np.ndarray
    from_first_excitation: np.ndarray
    pulses_to_center: np.ndarray
    flip_angle: np.ndarray
    saturation_left: np.ndarray
    offset: np.ndarray
    t10_blood: np.ndarray
    t10_myocardium: np.ndarray
    r2_star_added_l_mmol_s: np.ndarray
    muscle_in_blood: np.ndarray
    dispersion_s: np.ndarray
    dispersion_at_stress: np.ndarray
    residual: np.ndarray
    top_at_rest: np.ndarray
    top_at_stress: np.ndarray
    as_stated: np.ndarray
    log_prior: np.ndarray


@lru_cache(maxsize=8)
def draw_nuisances(acquisition: Acquisition) -> NuisanceDraws:
    """Evenly spread draws of all nuisances, the same for the same acquisition.

    An acquisition of which nothing was assumed is believed: its draws are all as stated.
    """
    table = {one.name: one for one in NUISANCES}
    uniform = dict(zip(table, fill_evenly(DRAWS, len(table)).T, strict=True))
    as_stated = np.arange(DRAWS) < AS_STATED_DRAWS if acquisition.assumed else np.ones(DRAWS, bool)
    scale = np.where(as_stated, AS_STATED_SHARE if acquisition.assumed else 0.0, 1.0)
    assumed = frozenset(acquisition.assumed)

    normal = {name: ndtri(even) for name, even in uniform.items()}
    normal["t10_myocardium"] = (
        T1_CORRELATION * normal["t10_blood"] + np.sqrt(1 - T1_CORRELATION**2) * normal["t10_myocardium"]
    )

    def ratio(name, scale=scale):
        one = table[name]
        return np.exp(scale * (one.log_sd if one.field in assumed else GIVEN_LOG_SD) * normal[name])

    of_patient = np.where(scale > 0, 1.0, 0.0)  # no scanner holds to what is assumed of a patient

    def between(name, stated=0.0):
        one = table[name]
        return scale * (one.low - stated + (one.high - one.low) * uniform[name])

    stated_s = acquisition.saturation_time_s
    if "saturation_time_s" in assumed:
        low, high = np.log(USUAL_SATURATION_TIME_S)
        saturation_time = np.exp(scale * (low + (high - low) * uniform["saturation_time"] - np.log(stated_s)))
    else:
        saturation_time = np.exp(scale * GIVEN_LOG_SD * normal["saturation_time"])
    from_header = not {"saturation_time_s"} & (assumed | set(acquisition.entered))
    r2_star = acquisition.r2_star_blood_l_mmol_s
    left_out = "r2_star_blood_l_mmol_s" in assumed
    shares = (AS_STATED_PROBABILITY, 1 - AS_STATED_PROBABILITY) if acquisition.assumed else (1.0, 0.0)
    counts = np.maximum(np.array([as_stated.sum(), (~as_stated).sum()]), 1)
    return NuisanceDraws(
        saturation_time=saturation_time,
        from_first_excitation=(uniform["first_excitation"] < FIRST_EXCITATION_PROBABILITY) & ~as_stated & from_header,
        pulses_to_center=ratio("pulses_to_center"),
        flip_angle=1 + between("flip_angle", stated=1.0),
        saturation_left=between("saturation_left")
        + np.where(
            as_stated, 0.0, POOR_SATURATION_LEFT * _upper(uniform["saturation_left"], POOR_SATURATION_PROBABILITY)
        ),
        offset=between("offset"),
        t10_blood=ratio("t10_blood", of_patient),
        t10_myocardium=ratio("t10_myocardium", of_patient),
        r2_star_added_l_mmol_s=between("r2_star_blood", stated=r2_star) if left_out else np.zeros(DRAWS),
        muscle_in_blood=between("muscle_in_blood"),
        dispersion_s=np.where(
            as_stated & (scale > 0), table["dispersion"].high * uniform["dispersion"] ** 3, between("dispersion")
        ),
        dispersion_at_stress=_anywhere(table["dispersion_at_stress"], uniform),
        residual=normal["residual"],
        top_at_rest=uniform["top_at_rest"],
        top_at_stress=uniform["top_at_stress"],
        as_stated=as_stated,
        log_prior=np.log(np.where(as_stated, shares[0] / counts[0], max(shares[1], 1e-300) / counts[1])),
    )


def _upper(uniform: np.ndarray, probability: float) -> np.ndarray:
    """0 to 1 in the upper part of even numbers that has the probability, denser near 0; 0 below."""
    return np.clip((uniform - 1 + probability) / probability, 0, 1) ** 1.5


def _anywhere(one: Nuisance, uniform: Mapping[str, np.ndarray]) -> np.ndarray:
    return one.low + (one.high - one.low) * uniform[one.name]


def fill_evenly(count: int, dimensions: int) -> np.ndarray:
    """Points (count, dimensions) that fill the unit cube evenly: multiples of powers of a generalized golden ratio.

    >>> points = fill_evenly(500, 3)
    >>> bool(np.abs(points.mean(axis=0) - 0.5).max() < 0.01)
    True
    """
    root = 1.5
    for _ in range(60):
        root = (1 + root) ** (1 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    return (0.5 + np.arange(1, count + 1)[:, None] * steps) % 1
