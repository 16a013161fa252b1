"""What true myocardium makes of the arterial blood: concentration of tissue for a known flow.

The arterial input is that of whole blood: tissue = MBF x density x (arterial blood * R), with R(0) = 1, so that MBF
is the maximum of the impulse response times 60 / density.
"""

import numpy as np
from scipy.fft import fft, ifft

from .contrast import STEP_S, convolve
from .settings import TissueModel

DENSITY_G_ML = 1.05
FERMI_VOLUME = 0.44  # distribution volume of contrast in whole blood, lambda in Dabir et al., JCMR 2014
FERMI_SHAPE = 1.5  # shoulder x decay rate
PLASMA_VOLUME = 0.05
INTERSTITIAL_VOLUME = 0.20


def flow_per_s(mbf_ml_min_g: np.ndarray) -> np.ndarray:
    """mL of blood per mL of tissue and second."""
    return np.asarray(mbf_ml_min_g) * DENSITY_G_ML / 60  # mL/min/g * g/mL / (s/min) = 1/s


def permeability_per_s(flow: np.ndarray) -> np.ndarray:
    """Permeability-surface product that rises with the square root of flow, 1 mL/min/g at a flow of 1 mL/min/g."""
    return np.sqrt(flow * flow_per_s(1.0))


def fermi_residue(times_s: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Fermi residue (N, L) of unit height whose mean transit time is volume / flow.

    Jerosch-Herold et al., Med Phys 1998;25:73; the decay follows from the area (1 + b) ln(1 + 1/b) / k.
    """
    b = np.exp(-FERMI_SHAPE)
    decay = (1 + b) * np.log1p(1 / b) * flow / FERMI_VOLUME
    return (1 + b) / (1 + b * np.exp(np.minimum(times_s[:, None] * decay, 80.0)))


def capillary_transfer(s: np.ndarray, flow: np.ndarray, hematocrit: float) -> np.ndarray:
    """Laplace transform of flow x R for a plug-flow capillary that exchanges with its interstitium.

    Sangren and Sheppard, Bull Math Biophys 1953;15:387: F (1 - exp(-g)) / s with
    g = (v_p s + PS v_e s / (v_e s + PS)) / F_p.
    """
    plasma_flow, exchange = flow * (1 - hematocrit), permeability_per_s(flow)
    held = PLASMA_VOLUME * s + exchange * INTERSTITIAL_VOLUME * s / (INTERSTITIAL_VOLUME * s + exchange)
    return -flow * np.expm1(-held / plasma_flow) / s


def two_compartment_transfer(s: np.ndarray, flow: np.ndarray, hematocrit: float) -> np.ndarray:
    """Laplace transform of flow x R for well-mixed plasma that exchanges with well-mixed interstitium."""
    plasma_flow, exchange = flow * (1 - hematocrit), permeability_per_s(flow)
    escape = exchange / (INTERSTITIAL_VOLUME * s + exchange)
    plasma = plasma_flow / (PLASMA_VOLUME * s + plasma_flow + INTERSTITIAL_VOLUME * s * escape)
    return plasma * (PLASMA_VOLUME + INTERSTITIAL_VOLUME * escape) / (1 - hematocrit)


def distribution_volume(model: TissueModel, hematocrit: float) -> float:
    """mL of whole blood that hold as much contrast agent as a mL of myocardium in equilibrium."""
    return FERMI_VOLUME if model is TissueModel.FERMI else (PLASMA_VOLUME + INTERSTITIAL_VOLUME) / (1 - hematocrit)


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
) -> np.ndarray:
    """Concentration (N, L) of myocardium with L flows, mmol/L of tissue, on the grid of the arterial blood curve."""
    flow = flow_per_s(np.atleast_1d(mbf_ml_min_g))
    times = np.arange(len(arterial_mmol_l)) * step_s
    if model is TissueModel.FERMI:
        return convolve(arterial_mmol_l, flow * fermi_residue(times, flow), step_s)
    transfer = {TissueModel.CAPILLARY: capillary_transfer, TissueModel.TWO_COMPARTMENT: two_compartment_transfer}[model]
    return respond(arterial_mmol_l, lambda s: transfer(s, flow, hematocrit), step_s)


def organ(arterial_mmol_l: np.ndarray, *, flow_ml_min_ml: float, volume: float, delay_s: float = 0.0) -> np.ndarray:
    """Concentration (N,) of an organ as one well-mixed compartment fed with delay."""
    times = np.arange(len(arterial_mmol_l)) * STEP_S
    flow = flow_ml_min_ml / 60
    late = np.interp(times - delay_s, times, arterial_mmol_l)
    return convolve(late, flow * np.exp(-flow / volume * times), STEP_S)
