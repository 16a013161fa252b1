"""How the curves of a scan move when the nuisances do.

Measured curves are turned back into signals over their baseline, and converted anew with every draw of the nuisances.
What flow they then tell, `tissue_fit` finds.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ..aif.residual_contrast import PARTITION_COEFFICIENT
from ..data.acquisition import Acquisition
from ..signal import saturation_recovery
from .first_pass import CompletedInput, complete
from .nuisances import NuisanceDraws

CONCENTRATIONS_MMOL_L = np.concatenate((np.linspace(-0.8, 2.0, 36), np.linspace(2.2, 20.0, 44)))
MUSCLE_OVER_BLOOD_DENSITY = 80 / 95  # MRXCAT, Wissmann et al., JCMR 2014
SHORTEST_DELAY_S = 0.002  # between saturation and the first excitation
SLOWEST_R1_PER_S = 0.05

# Share of the ceiling up to which a signal of blood is believed, and from which it says "at least" only. Errors of 3 %
# of the signal (ringing, motion, shading) are 8 and 15 % of the concentration at 0.83 and 0.93; errors of
# 1 %, where scanner and header are as stated, are 3 and 6 % at 0.88 and 0.95.
BELIEVED_SHARES, AS_STATED_SHARES = (0.83, 0.93), (0.88, 0.95)

MOST_LEFT_MMOL_L = 1.6  # of an earlier injection, in blood: twice the most that is looked for

LATE_S, FEWEST_LATE = 12.0, 5  # after the first pass: blood is compared with tissue from then on


@dataclass(frozen=True, kw_only=True)
class ScanCurves:
    """Blood and mean tissue of a scan.

    arterial_mmol_l (T,), tissue_mmol_l (U,) : with the stated values
    blood_acquisition : that the blood was measured with; None for an input that was given, which no nuisance moves
    residual_mmol_l, residual_sd_mmol_l : of an earlier injection, in blood; standard deviation
    dose_scale : the dose of the main bolus over that of the pre-bolus where one gave the input
    scale_log_sd : of blood beside tissue beyond the usual, by noise in their baselines or a clipped peak
    """

    arterial_times_s: np.ndarray
    arterial_mmol_l: np.ndarray
    arrival_s: float
    first_pass_end_s: float
    times_s: np.ndarray
    tissue_mmol_l: np.ndarray
    acquisition: Acquisition
    blood_acquisition: Acquisition | None
    residual_mmol_l: float = 0.0
    residual_sd_mmol_l: float = 0.0
    dose_scale: float = 1.0
    scale_log_sd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ConvertedCurves:
    """What N draws make of the curves of a scan.

    blood (N, T), tissue (N, U) : mmol/L
    log_area : of the first pass in blood, mmol/L s; log_late : of blood after it, mmol/L
    log_partition : late tissue over late blood
    log_excess : by how much the highest signal exceeds what a draw allows, 0 where it does not
    residual_mmol_l : of an earlier injection, in blood
    hidden : 0 to 1, how far the top of the first pass lies at the ceiling
    flank_log_shift, flank_log_sd : of the area flanks alone expect over the drawn one, and how sure it is
    """

    blood: np.ndarray
    tissue: np.ndarray
    log_area: np.ndarray
    log_late: np.ndarray
    log_partition: np.ndarray
    log_excess: np.ndarray
    residual_mmol_l: np.ndarray
    hidden: np.ndarray
    flank_log_shift: np.ndarray
    flank_log_sd: np.ndarray


def convert(scan: ScanCurves, draws: NuisanceDraws, area_over_late_s: float, top: np.ndarray) -> ConvertedCurves:
    """Curves of a scan with every draw.

    area_over_late_s : of the first pass over late blood, as it is expected
    top : (N,) where the top of the first pass lies, if it is not seen, in standard deviations
    """
    count = draws.offset.size
    tissue_table = signal_table(draws, scan.acquisition, muscle=True)
    left_mmol_l = residual_of_draws(scan, draws)
    in_tissue_mmol_l = PARTITION_COEFFICIENT * left_mmol_l
    seen_tissue = _signal_over_baseline(
        scan.tissue_mmol_l,
        scan.acquisition,
        scan.acquisition.t10_myocardium_s,
        PARTITION_COEFFICIENT * scan.residual_mmol_l,
    )
    tissue, _ = _converted(np.broadcast_to(seen_tissue, (count, seen_tissue.size)), tissue_table, in_tissue_mmol_l)
    excess = none = np.zeros(count)
    if scan.blood_acquisition is None:
        given = np.broadcast_to(scan.arterial_mmol_l, (count, scan.arterial_mmol_l.size))
        found = CompletedInput(blood=given, hidden=none, flank_log_shift=none, flank_log_sd=none)
    else:
        table = signal_table(
            draws, scan.blood_acquisition, muscle=False, own=scan.blood_acquisition != scan.acquisition
        )
        baselines = _at(table, left_mmol_l), MUSCLE_OVER_BLOOD_DENSITY * _at(tissue_table, in_tissue_mmol_l)
        seen = _without_muscle(scan, seen_tissue, draws.muscle_in_blood, baselines)
        blood, share = _converted(seen, table, left_mmol_l)
        excess = np.log(np.maximum(share.max(axis=1), 1.0))
        shares = np.where(draws.as_stated[:, None], AS_STATED_SHARES, BELIEVED_SHARES)
        hidden_share = np.clip((share - shares[:, :1]) / np.diff(shares), 0, 1)
        late_mmol_l = np.maximum(blood[:, late_frames(scan)].mean(axis=1), 1e-3)
        limits_s = scan.arrival_s, scan.first_pass_end_s
        found = complete(
            scan.arterial_times_s, limits_s, blood, hidden_share, wanted_area=area_over_late_s * late_mmol_l, top=top
        )
        found = replace(found, blood=found.blood * scan.dose_scale)
    return _described(scan, found, tissue, excess, left_mmol_l)


def residual_of_draws(scan: ScanCurves, draws: NuisanceDraws) -> np.ndarray:
    """Residual contrast in blood (N,), mmol/L, that lifts the baseline as far as it was lifted.

    What was measured is the ratio of two baselines. Where saturation leaves something or images have an offset, more
    contrast agent is behind the same ratio.
    """
    left_mmol_l = np.full(draws.offset.size, scan.residual_mmol_l)
    if scan.residual_mmol_l > 0:
        stated = scan.acquisition
        lifted = _signal_over_baseline(
            np.array([scan.residual_mmol_l]), stated, stated.t10_blood_s, 0.0, stated.r2_star_blood_l_mmol_s
        )
        table = signal_table(draws, stated, muscle=False)
        level = lifted * _at(table, np.zeros(len(table)))[:, None]
        left_mmol_l = np.minimum(_inverted(level, table)[:, 0], MOST_LEFT_MMOL_L)
    scale = left_mmol_l / max(scan.residual_mmol_l, 1e-9)
    return np.clip(left_mmol_l + scale * scan.residual_sd_mmol_l * draws.residual, 0.0, MOST_LEFT_MMOL_L)


def _described(scan: ScanCurves, found: CompletedInput, tissue, excess, left_mmol_l) -> ConvertedCurves:
    times_s, blood = scan.arterial_times_s, found.blood
    first_pass = (times_s >= scan.arrival_s) & (times_s <= scan.first_pass_end_s)
    area = blood[:, first_pass] @ np.gradient(times_s)[first_pass]
    late = late_frames(scan)
    late_blood = np.maximum(blood[:, late].mean(axis=1), 1e-3)
    since = scan.times_s >= min(times_s[late][0], scan.times_s[-1])
    late_tissue = np.maximum(tissue[:, since].mean(axis=1), 1e-4)
    return ConvertedCurves(
        blood=blood,
        tissue=tissue,
        log_area=np.log(np.maximum(area, 1e-2)),
        log_late=np.log(late_blood),
        log_partition=np.log(late_tissue / late_blood),
        log_excess=excess,
        residual_mmol_l=left_mmol_l,
        hidden=found.hidden,
        flank_log_shift=found.flank_log_shift,
        flank_log_sd=found.flank_log_sd,
    )


@lru_cache(maxsize=8)
def signal_table(draws: NuisanceDraws, stated: Acquisition, *, muscle: bool, own: bool = False) -> np.ndarray:
    """Signal (N, G) at `CONCENTRATIONS_MMOL_L`, as a share of full recovery; it never falls.

    The saturation-recovery signal of `saturation_recovery.recovered_share`, with what the saturation pulse leaves and
    an offset besides.

    own : of a series made for the arterial input, whose times the header of the slices says nothing about
    """
    tr_s, count = stated.repetition_time_s, draws.offset.size
    pulses = stated.pulses_to_center * (np.ones(count) if own else draws.pulses_to_center)
    ts_s = stated.saturation_time_s * (np.ones(count) if own else draws.saturation_time)
    ts_s = ts_s + np.where(draws.from_first_excitation & (not own), pulses * tr_s, 0.0)
    pulses = np.minimum(pulses, (ts_s - SHORTEST_DELAY_S).clip(0) / tr_s)[:, None]
    t10_s = stated.t10_myocardium_s * draws.t10_myocardium if muscle else stated.t10_blood_s * draws.t10_blood
    r1 = np.maximum(1 / t10_s[:, None] + stated.relaxivity_l_mmol_s * CONCENTRATIONS_MMOL_L, SLOWEST_R1_PER_S)
    regrown = -np.expm1(-tr_s * r1)
    kept = np.cos(np.radians(stated.flip_angle_deg * draws.flip_angle))[:, None] * (1 - regrown)
    through_train = np.exp(pulses * np.log(kept))
    delay_s = ts_s[:, None] - pulses * tr_s
    free = 1 - (1 - draws.saturation_left[:, None]) * np.exp(-delay_s * r1)
    signal = free * through_train + regrown * (1 - through_train) / (1 - kept)
    offset = draws.offset
    if muscle:
        offset = offset / MUSCLE_OVER_BLOOD_DENSITY
    else:
        r2_star = stated.r2_star_blood_l_mmol_s + draws.r2_star_added_l_mmol_s
        signal = signal * np.exp(-stated.echo_time_s * r2_star[:, None] * CONCENTRATIONS_MMOL_L)
    return np.maximum.accumulate(signal, axis=1) + offset[:, None]


def _signal_over_baseline(concentration_mmol_l, stated: Acquisition, t10_s, left_mmol_l, r2_star=0.0):
    """What was measured, from the concentration that the stated values made of it."""
    both = np.append(concentration_mmol_l, 0.0) + left_mmol_l
    found = saturation_recovery.relative_signal(both, stated, t10_s=t10_s, r2_star_l_mmol_s=r2_star)
    return found[:-1] / found[-1]


def _at(table: np.ndarray, concentration_mmol_l: np.ndarray) -> np.ndarray:
    """Signal (N,) at one concentration for each draw (N,)."""
    rows = np.arange(len(table))
    place = np.searchsorted(CONCENTRATIONS_MMOL_L, concentration_mmol_l)
    low, high = CONCENTRATIONS_MMOL_L[place - 1], CONCENTRATIONS_MMOL_L[place]
    share = (concentration_mmol_l - low) / (high - low)
    return table[rows, place - 1] * (1 - share) + table[rows, place] * share


def _converted(seen: np.ndarray, table: np.ndarray, left_mmol_l: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concentrations of signals over baseline (N, T), and these signals as shares of the ceiling."""
    level = seen * _at(table, left_mmol_l)[:, None]
    return _inverted(level, table) - left_mmol_l[:, None], level / table[:, -1:]


def _inverted(level: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Concentrations of signals (N, T), each row by its own table (N, G), which reach no higher than it does.

    All rows are one: each is lifted over the one before.
    """
    lifted = (np.arange(len(table)) * (1 + np.ptp(table)))[:, None]
    within = np.clip(level, table[:, :1], table[:, -1:])
    told = np.tile(CONCENTRATIONS_MMOL_L, len(table))
    return np.interp((within + lifted).ravel(), (table + lifted).ravel(), told).reshape(level.shape)


def _without_muscle(scan: ScanCurves, tissue: np.ndarray, muscle_share: np.ndarray, baselines) -> np.ndarray:
    """Signal of blood over its baseline (N, T) where muscle takes a share (N,) of the region.

    tissue : (U,) signal over baseline; baselines : (N,) each, of blood and of muscle
    """
    acquisition = scan.blood_acquisition or scan.acquisition
    seen = _signal_over_baseline(
        scan.arterial_mmol_l / scan.dose_scale,
        acquisition,
        acquisition.t10_blood_s,
        scan.residual_mmol_l,
        acquisition.r2_star_blood_l_mmol_s,
    )
    muscle_now = np.interp(scan.arterial_times_s, scan.times_s, tissue)
    blood, muscle = baselines
    share = (muscle_share * muscle / ((1 - muscle_share) * blood))[:, None]
    return seen * (1 + share) - share * muscle_now


def is_open(scan: ScanCurves) -> bool:
    """Whether something had to be assumed, or the top of the first pass is near the ceiling of its signal."""
    if scan.acquisition.assumed or scan.blood_acquisition is None:
        return bool(scan.acquisition.assumed)
    a = scan.blood_acquisition
    about = {"t10_s": a.t10_blood_s, "r2_star_l_mmol_s": a.r2_star_blood_l_mmol_s}
    highest = scan.arterial_mmol_l.max() / scan.dose_scale + scan.residual_mmol_l
    seen = saturation_recovery.relative_signal(np.append(highest, CONCENTRATIONS_MMOL_L), a, **about)
    return bool(seen[0] > AS_STATED_SHARES[0] * seen.max())


def late_frames(scan: ScanCurves) -> np.ndarray:
    """Frames (T,) of blood some time after the first pass, or the last ones."""
    late = scan.arterial_times_s > scan.first_pass_end_s + LATE_S
    return late if late.sum() >= FEWEST_LATE else np.arange(late.size) >= late.size - FEWEST_LATE
