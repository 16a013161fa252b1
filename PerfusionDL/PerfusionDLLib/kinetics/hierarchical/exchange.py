"""Blood-tissue exchange: capillaries that give contrast agent to an interstitium and take it back.

Flow is of whole blood; contrast agent travels in its plasma. Both models are solved exactly in the Laplace domain.
"""

import numpy as np

from ..convolution import FLOW_PER_S


def _exchange_terms(laplace_per_s, parameters, hematocrit):
    log_flow, delay_s, log_plasma, log_interstitium, log_surface, exponent = np.asarray(parameters, float).T[:, :, None]
    flow = FLOW_PER_S * np.exp(log_flow)
    plasma_flow = flow * (1 - hematocrit)
    surface = FLOW_PER_S * np.exp(log_surface + exponent * log_flow)
    held_s = np.exp(log_plasma) * laplace_per_s
    interstitium_s = np.exp(log_interstitium) * laplace_per_s
    filled = interstitium_s / (interstitium_s + surface)  # 1: the interstitium takes all it is given
    late = np.exp(-laplace_per_s * delay_s)
    return flow, plasma_flow, surface * filled, filled, held_s, late, log_flow, exponent


def _slopes(laplace_per_s, transfer, by_passed, terms):
    """Derivatives (N, 6, K) of a transfer by the parameters, from its derivative by ``g``, which both models share."""
    _, plasma_flow, exchanged, filled, held_s, _, log_flow, exponent = terms
    by_volume = by_passed / plasma_flow
    by_surface = by_volume * exchanged * filled
    return np.stack(
        (
            transfer - by_passed * (held_s + exchanged) / plasma_flow + exponent * by_surface,
            -laplace_per_s * transfer,
            by_volume * held_s,
            by_volume * exchanged * (1 - filled),
            by_surface,
            by_surface * log_flow,
        ),
        axis=1,
    )


def capillary_transfer(laplace_per_s, parameters, *, hematocrit):
    """Plug-flow capillary exchanging with its interstitium along its length.

    With ``g = (v_p s + PS v_e s / (v_e s + PS)) / F_p`` and ``F_p = (1 - Hct) F`` the tissue holds
    ``F (1 - exp(-g)) / s`` of a unit impulse of whole blood. It is the blood-tissue exchange (BTEX) model without
    axial diffusion or cell entry.

    Parameters
    ----------
    laplace_per_s : (K,) complex
    parameters : (N, 6)
        Log of flow (mL/min/g), delay (s), log of plasma volume and of interstitial volume (mL/mL), log of PS at a flow
        of 1 mL/min/g (mL/min/g), exponent e of its rise with flow; ``PS = PS_1 F^e``: capillaries are recruited.

    Returns
    -------
    transfer : (N, K) complex
    slopes : (N, 6, K) complex
        Derivatives by the parameters.

    References
    ----------
    Sangren WC, Sheppard CW, Bull Math Biophys 1953;15:387. Bassingthwaighte JB et al., Circ Res 1989;65:997.
    """
    s = laplace_per_s
    terms = _exchange_terms(s, parameters, hematocrit)
    flow, plasma_flow, exchanged, _, held_s, late, *_ = terms
    passed = (held_s + exchanged) / plasma_flow
    remaining = flow * np.exp(-passed) * late / s
    transfer = flow * late / s - remaining
    return transfer, _slopes(s, transfer, remaining, terms)


def two_compartment_transfer(laplace_per_s, parameters, *, hematocrit):
    """Well-mixed plasma exchanging with a well-mixed interstitium (2CX).

    ``F g / (s (1 + g))`` with `g` as in `capillary_transfer`, which it shares its parameters and derivatives with.

    References
    ----------
    Sourbron SP, Buckley DL, Phys Med Biol 2012;57:R1.
    """
    s = laplace_per_s
    terms = _exchange_terms(s, parameters, hematocrit)
    flow, plasma_flow, exchanged, _, held_s, late, *_ = terms
    passed = (held_s + exchanged) / plasma_flow
    share = 1 / (1 + passed)
    transfer = flow * late / s * passed * share
    return transfer, _slopes(s, transfer, flow * late / s * share**2, terms)


def dispersed_transfer(laplace_per_s, parameters, *, hematocrit, dispersion):
    """Well-mixed spaces in a row, each exchanging with its own interstitium: between plug flow and one compartment.

    ``F (1 - (1 + m g)^(-1 / m)) / s`` with `g` as in `capillary_transfer`, which it shares its parameters and
    derivatives with, and ``m = dispersion^2``. ``1 / m`` such spaces disperse the plasma by a relative dispersion
    (standard deviation of the transit time over its mean) of ``dispersion``: plug flow at 0, the two-compartment
    exchange at 1.

    References
    ----------
    Levenspiel O, Chemical Reaction Engineering (tanks in series).
    """
    terms = _exchange_terms(laplace_per_s, parameters, hematocrit)
    transfer, by_passed = _dispersed(laplace_per_s, terms, dispersion)
    return transfer, _slopes(laplace_per_s, transfer, by_passed, terms)


def dispersed_response(laplace_per_s, parameters, *, hematocrit, dispersion):
    """`dispersed_transfer` (N, K) without its derivatives; dispersion : (N, 1), of each set of parameters."""
    return _dispersed(laplace_per_s, _exchange_terms(laplace_per_s, parameters, hematocrit), dispersion)[0]


def _dispersed(s, terms, dispersion):
    """The transfer function and its derivative by ``g``."""
    flow, plasma_flow, exchanged, _, held_s, late, *_ = terms
    spread = 1 + dispersion**2 * (held_s + exchanged) / plasma_flow
    remaining = flow * np.exp(-np.log(spread) / dispersion**2) * late / s
    return flow * late / s - remaining, remaining / spread
