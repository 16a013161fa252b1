"""What the curves themselves say about the nuisances: how well each draw agrees with physiology.

No witness is exact: each has a standard deviation that holds the spread between patients and the misfit of the model,
and heavy tails, so that one patient who is unlike the others is not explained away by his scanner.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from ..data.acquisition import Acquisition
from ..data.study import Condition
from .first_pass import AREA_OVER_LATE_LOG_SD
from .study_model import ConvertedCurves

FREEDOM = 5.0  # of Student's t distribution; chosen
# Area of the first pass over late blood: distribution volume after half a minute over cardiac output, less at stress.
# 36 and 30 s in inputs of a published dual-sequence study, 47 and 42 s with 4 L at 5.1 and 5.7 L/min.
AREA_OVER_LATE_S = {Condition.REST: 46.0, Condition.STRESS: 42.0}
ALIKE = 0.4  # correlation of the tops of two scans of a patient, as of their areas over late blood; chosen
# Area of the first pass times cardiac output is the dose (Stewart and Hamilton). 0.075 L/min/kg is 5.6 L/min at 75 kg.
OUTPUT_L_MIN_KG, OUTPUT_LOG_SD = 0.075, 0.33
OUTPUT_RISE, OUTPUT_RISE_LOG_SD = 1.28, 0.3  # at stress over rest: adenosine raises it by a fifth to a half
ASSUMED_DOSE_LOG_SD = 0.4  # 0.05 to 0.1 mmol/kg are given
PARTITION, PARTITION_LOG_SD = 0.48, 0.3  # late tissue over late blood: 0.44 (0.06) at equilibrium, Dabir et al. 2014
# Global flow, mL/min/g: rest 0.65 to 1.2, stress 2.1 to 3.2 in published cohorts of the sick and the healthy
# (Brown 2018; Xue 2020; Kellman 2017; JCMR 2023, doi 10.1186/s12968-023-00945-w), with their spread within a cohort.
USUAL_FLOW = {Condition.REST: (0.95, 0.32), Condition.STRESS: (2.2, 0.42)}
CEILING_LOG_SD = 0.03  # by which noise and ringing lift the highest signal; chosen


def weigh_curves(converted: Mapping[Condition, ConvertedCurves], stated: Acquisition) -> np.ndarray:
    """Log of how well the curves of one or two scans agree with each draw (N,), before any flow is fitted."""
    log_weight = _dose(converted, stated)
    log_partition = np.mean([one.log_partition for one in converted.values()], axis=0)
    log_weight = log_weight + _student((log_partition - np.log(PARTITION)) / PARTITION_LOG_SD)
    for condition, one in converted.items():
        log_weight = log_weight + _late_blood(one, condition)
        log_weight = log_weight - (one.log_excess / CEILING_LOG_SD) ** 2 / 2
    return log_weight


def weigh_flow(log_flow: np.ndarray, condition: Condition) -> np.ndarray:
    """Log of how usual the global flow of each draw (N,) is."""
    usual_ml_min_g, log_sd = USUAL_FLOW[condition]
    return _student((log_flow - np.log(usual_ml_min_g)) / log_sd)


def draw_tops(first: np.ndarray, second: np.ndarray) -> dict[Condition, np.ndarray]:
    """Where tops that are not seen lie (N,), of two scans of a patient, in standard deviations, from even numbers
    between 0 and 1."""
    rest = ndtri(first)
    return {Condition.REST: rest, Condition.STRESS: ALIKE * rest + np.sqrt(1 - ALIKE**2) * ndtri(second)}


def _late_blood(one: ConvertedCurves, condition: Condition) -> np.ndarray:
    """First pass beside late blood.

    Where the top of the first pass is not seen, it was drawn from this very witness and the flanks: there only counts
    whether the two agree.
    """
    spread = np.hypot(AREA_OVER_LATE_LOG_SD, one.flank_log_sd)
    off = one.log_area + one.flank_log_shift - one.log_late - np.log(AREA_OVER_LATE_S[condition])
    return _student(off / spread) - np.log(spread / AREA_OVER_LATE_LOG_SD)


def _dose(converted: Mapping[Condition, ConvertedCurves], stated: Acquisition) -> np.ndarray:
    """First pass beside the dose, and stress beside rest."""
    rise = {Condition.REST: 0.0, Condition.STRESS: np.log(OUTPUT_RISE)}
    expected = np.log(60 * stated.dose_mmol_kg / OUTPUT_L_MIN_KG)
    off = {condition: one.log_area + rise[condition] - expected for condition, one in converted.items()}
    log_sd = np.hypot(OUTPUT_LOG_SD, ASSUMED_DOSE_LOG_SD * ("dose_mmol_kg" in stated.assumed))
    log_weight = _student(np.mean(list(off.values()), axis=0) / log_sd)
    if len(off) == 2:
        log_weight = log_weight + _student((off[Condition.STRESS] - off[Condition.REST]) / OUTPUT_RISE_LOG_SD)
    return log_weight


def _student(off: np.ndarray) -> np.ndarray:
    return -(FREEDOM + 1) / 2 * np.log1p(off**2 / FREEDOM)
