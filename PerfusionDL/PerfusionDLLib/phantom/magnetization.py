"""What the scanner makes of a concentration: the saturation-recovery gradient-echo signal."""

import numpy as np

from ..data.acquisition import Acquisition


def signal(r1_per_s: np.ndarray, acquisition: Acquisition, saturation_left: float = 0.0) -> np.ndarray:
    """Longitudinal magnetization at the center of k-space, as a share of equilibrium, times the sine of the flip angle.

    After a saturation that leaves a share of the magnetization, usually none, it recovers for TD = TS - n TR and then
    approaches the steady state of the pulse train: a = cos(flip) exp(-TR R1);
    M = (1 - (1 - left) exp(-TD R1)) a^n + (1 - exp(-TR R1)) (1 - a^n) / (1 - a).
    Larsson et al., MRM 1996;35:716.
    """
    n, tr = acquisition.pulses_to_center, acquisition.repetition_time_s
    flip = np.radians(acquisition.flip_angle_deg)
    delay_s = acquisition.saturation_time_s - n * tr
    a = np.cos(flip) * np.exp(-tr * r1_per_s)
    recovered = (saturation_left * np.exp(-delay_s * r1_per_s) - np.expm1(-delay_s * r1_per_s)) * a**n
    return np.sin(flip) * (recovered - np.expm1(-tr * r1_per_s) * (1 - a**n) / (1 - a))


def blood_echo(concentration_mmol_l: np.ndarray, acquisition: Acquisition, r2_star_l_mmol_s: float) -> np.ndarray:
    """Share of the signal of blood that is left at the echo time."""
    return np.exp(-acquisition.echo_time_s * r2_star_l_mmol_s * concentration_mmol_l)
