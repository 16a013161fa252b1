"""What true myocardium makes of the arterial blood: concentration of tissue for a known flow.

The arterial input is that of whole blood: tissue = MBF x density x (arterial blood * R), with R(0) = 1, so that MBF
is the maximum of the impulse response times 60 / density.
"""

from dataclasses import dataclass

import numpy as np
from scipy.fft import fft, ifft

from .contrast import STEP_S, convolve
from .settings import TissueModel

DENSITY_G_ML = 1.05
FERMI_VOLUME = 0.44  # distribution volume of contrast in whole blood, lambda in Dabir et al., JCMR 2014
FERMI_SHAPE = 1.5  # shoulder x decay rate
PLASMA_VOLUME = 0.05
INTERSTITIAL_VOLUME = 0.20


@dataclass(frozen=True, kw_only=True)
class TissueProperties:
    """What myocardium of any model is like.

    permeability_ml_min_g : permeability-surface product (PS) at a flow of 1 mL/min/g, which it follows with an exponent
    mixing : 0 for plug flow in the capillary, 1 for one well-mixed space, between them `1 / mixing` spaces in a row
    """

    plasma_volume: float = PLASMA_VOLUME
    interstitial_volume: float = INTERSTITIAL_VOLUME
    permeability_ml_min_g: float = 1.0
    permeability_exponent: float = 0.5
    mixing: float = 0.5
    fermi_volume: float = FERMI_VOLUME
    fermi_shape: float = FERMI_SHAPE


USUAL = TissueProperties()


def flow_per_s(mbf_ml_min_g: np.ndarray | float) -> np.ndarray:
    """mL of blood per mL of tissue and second."""
    return np.asarray(mbf_ml_min_g) * DENSITY_G_ML / 60  # mL/min/g * g/mL / (s/min) = 1/s


def permeability_per_s(flow: np.ndarray, tissue: TissueProperties = USUAL) -> np.ndarray:
    """Permeability-surface product that rises with flow, usually with its square root, 1 mL/min/g at 1 mL/min/g."""
    return tissue.permeability_ml_min_g * flow_per_s(1.0) * (flow / flow_per_s(1.0)) ** tissue.permeability_exponent


def fermi_residue(times_s: np.ndarray, flow: np.ndarray, tissue: TissueProperties = USUAL) -> np.ndarray:
    """Fermi residue (N, L) of unit height whose mean transit time is volume / flow.

    Jerosch-Herold et al., Med Phys 1998;25:73; the decay follows from the area (1 + b) ln(1 + 1/b) / k.
    """
    b = np.exp(-tissue.fermi_shape)
    decay = (1 + b) * np.log1p(1 / b) * flow / tissue.fermi_volume
    return (1 + b) / (1 + b * np.exp(np.minimum(times_s[:, None] * decay, 80.0)))


def held_over_flow(s: np.ndarray, flow: np.ndarray, hematocrit: float, tissue: TissueProperties) -> np.ndarray:
    """g of the transfer functions: (v_p s + PS v_e s / (v_e s + PS)) / F_p."""
    exchange, volume = permeability_per_s(flow, tissue), tissue.interstitial_volume
    held = tissue.plasma_volume * s + exchange * volume * s / (volume * s + exchange)
    return held / (flow * (1 - hematocrit))


def capillary_transfer(
    s: np.ndarray, flow: np.ndarray, hematocrit: float, tissue: TissueProperties = USUAL
) -> np.ndarray:
    """Laplace transform of flow x R for a plug-flow capillary that exchanges with its interstitium.

    Sangren and Sheppard, Bull Math Biophys 1953;15:387: F (1 - exp(-g)) / s.
    """
    return -flow * np.expm1(-held_over_flow(s, flow, hematocrit, tissue)) / s


def mixed_transfer(s: np.ndarray, flow: np.ndarray, hematocrit: float, tissue: TissueProperties = USUAL) -> np.ndarray:
    """Laplace transform of flow x R for well-mixed spaces in a row, each exchanging with its own interstitium.

    F (1 - (1 + g / n)^-n) / s with n = 1 / mixing: two compartments at n = 1, the capillary as n grows.
    """
    spaces = 1 / max(tissue.mixing, 1e-3)
    return -flow * np.expm1(-spaces * np.log1p(held_over_flow(s, flow, hematocrit, tissue) / spaces)) / s


def two_compartment_transfer(
    s: np.ndarray, flow: np.ndarray, hematocrit: float, tissue: TissueProperties = USUAL
) -> np.ndarray:
    """Laplace transform of flow x R for well-mixed plasma that exchanges with well-mixed interstitium."""
    plasma_flow, exchange = flow * (1 - hematocrit), permeability_per_s(flow, tissue)
    escape = exchange / (tissue.interstitial_volume * s + exchange)
    plasma = plasma_flow / (tissue.plasma_volume * s + plasma_flow + tissue.interstitial_volume * s * escape)
    return plasma * (tissue.plasma_volume + tissue.interstitial_volume * escape) / (1 - hematocrit)


TRANSFER = {
    TissueModel.CAPILLARY: capillary_transfer,
    TissueModel.TWO_COMPARTMENT: two_compartment_transfer,
    TissueModel.MIXED: mixed_transfer,
}


def distribution_volume(model: TissueModel, hematocrit: float, tissue: TissueProperties = USUAL) -> float:
    """mL of whole blood that hold as much contrast agent as a mL of myocardium in equilibrium."""
    if model is TissueModel.FERMI:
        return tissue.fermi_volume
    return (tissue.plasma_volume + tissue.interstitial_volume) / (1 - hematocrit)


def respond(curve: np.ndarray, transfer, step_s: float = STEP_S) -> np.ndarray:
    """Response (N, L) of a linear system given by its Laplace transform (exponential-window Fourier method).

    transfer : function of s (M, 1), returning (M, L)
    """
    count = len(curve)
    length = 2 * count
    damping = 8 / (count * step_s)
    s = damping + 2j * np.pi * np.fft.fftfreq(length, step_s)[:, None]
    window = np.exp(-damping * np.arange(count) * step_s)
    spectrum = fft(curve * window, length)[:, None]
    return ifft(spectrum * transfer(s), axis=0).real[:count] / window[:, None]


def concentration(
    arterial_mmol_l: np.ndarray,
    mbf_ml_min_g: np.ndarray,
    *,
    model: TissueModel,
    hematocrit: float,
    step_s: float = STEP_S,
    tissue: TissueProperties = USUAL,
) -> np.ndarray:
    """Concentration (N, L) of myocardium with L flows, mmol/L of tissue, on the grid of the arterial blood curve."""
    flow = flow_per_s(np.atleast_1d(mbf_ml_min_g))
    times = np.arange(len(arterial_mmol_l)) * step_s
    if model is TissueModel.FERMI:
        return convolve(arterial_mmol_l, flow * fermi_residue(times, flow, tissue), step_s)
    return respond(arterial_mmol_l, lambda s: TRANSFER[model](s, flow, hematocrit, tissue), step_s)


def organ(arterial_mmol_l: np.ndarray, *, flow_ml_min_ml: float, volume: float, delay_s: float = 0.0) -> np.ndarray:
    """Concentration (N,) of an organ as one well-mixed compartment fed with delay."""
    times = np.arange(len(arterial_mmol_l)) * STEP_S
    flow = flow_ml_min_ml / 60
    late = np.interp(times - delay_s, times, arterial_mmol_l)
    return convolve(late, flow * np.exp(-flow / volume * times), STEP_S)
