"""The flow models with what is known of their parameters before a curve is seen.

A model's parameters are, in this order: log of flow (mL/min/g), delay (s), then those of the tissue itself. The latter
have a population prior (how far a patient may be from the literature) and a spread from pixel to pixel within a
patient. `docs/quantification.md` gives the sources.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ..convolution import FLOW_PER_S, GRID_S, input_matrix
from ..fermi import LOWER as FERMI_LOWER
from ..fermi import fermi_curves
from .curve_grid import CurveGrid
from .exchange import capillary_transfer, dispersed_transfer, two_compartment_transfer
from .spectrum import InputSpectrum, input_spectrum, real_parts

LOG_FLOW_PRIOR = (np.log(1.5), 3.0)  # of groups: many of them, each with a narrow prior, would pull the whole scan
DELAY_PRIOR_S = (1.0, 3.0)
# Relative dispersion of capillary transit times: nodes over which it is integrated, from nearly plug flow to one mixed
# vessel, and its prior, half a normal distribution: flow within hearts is uneven by some 0.3 (Bassingthwaighte et al.,
# Circ Res 1989;65:578), within a pixel by less; chosen.
DISPERSION_NODES = np.linspace(0.1, 1.0, 5)
DISPERSION_PRIOR_SD = 0.25
EXCHANGE_PROBABILITY, FERMI_PROBABILITY = 0.6, 0.4  # of the kinds of model before curves are seen; chosen


@dataclass(frozen=True, kw_only=True)
class PreparedInput:
    """An arterial input, ready to be convolved with any model at the frame times of one slice.

    error_synthesis (E, 2 K, T), error_matrix (E, M, T) : the same of what the input may be wrong by
    """

    times_s: np.ndarray
    spectrum: InputSpectrum
    matrix: np.ndarray
    error_synthesis: np.ndarray
    error_matrix: np.ndarray
    hematocrit: float

    def with_error(self, shares: np.ndarray) -> "PreparedInput":
        """The input plus shares (E,) of what it may be wrong by."""
        if not len(shares):
            return self
        synthesis, matrix = (
            right + (shares @ wrong.reshape(len(shares), -1)).reshape(right.shape)
            for right, wrong in ((self.spectrum.synthesis, self.error_synthesis), (self.matrix, self.error_matrix))
        )
        return replace(self, spectrum=replace(self.spectrum, synthesis=synthesis), matrix=matrix)

    def without_errors(self) -> "PreparedInput":
        """The input as it is, taken for right."""
        return replace(self, error_synthesis=self.error_synthesis[:0], error_matrix=self.error_matrix[:0])


def prepare_input(arterial, times_s, *, first_s, hematocrit, errors=()):
    """See `PreparedInput`; ``arterial`` and its ``errors`` are functions of time, zero before ``first_s``."""
    times_s = np.asarray(times_s, dtype=float)
    span_s = times_s[-1] - first_s - FERMI_LOWER[3]
    every = (arterial, *errors)
    spectra = [input_spectrum(one, times_s, first_s=first_s) for one in every]
    matrices = np.stack([input_matrix(one, times_s, span_s=span_s, first_s=FERMI_LOWER[3]) for one in every])
    return PreparedInput(
        times_s=times_s,
        spectrum=spectra[0],
        matrix=matrices[0],
        error_synthesis=np.stack([spectrum.synthesis for spectrum in spectra])[1:],
        error_matrix=matrices[1:],
        hematocrit=hematocrit,
    )


@dataclass(frozen=True, kw_only=True)
class HierarchicalModel:
    """A flow model with its priors.

    tissue_parameters : names, with units
    mean, population_sd, pixel_sd : of the tissue parameters
    prior_probability : of the model beside others
    dispersion : relative, of capillary transit times; NaN where the model has none
    curves : parameters (N, 2 + p) and a `PreparedInput` to curves (N, T) and derivatives (N, 2 + p + E, T), the last
        of them by shares of the errors of the input
    grid : logs of flow (F,), delays (D,), whole multiples of `GRID_S`, tissue parameters (p,) and a `PreparedInput` to
        all their curves
    """

    name: str
    tissue_parameters: tuple[str, ...]
    mean: np.ndarray
    population_sd: np.ndarray
    pixel_sd: np.ndarray
    curves: Callable
    grid: Callable
    prior_probability: float = 1.0
    dispersion: float = float("nan")


def _exchange_curves(transfer):
    def curves(parameters, prepared: PreparedInput):
        response, slopes = transfer(prepared.spectrum.laplace_per_s, parameters, hematocrit=prepared.hematocrit)
        by_error = (real_parts(response) @ prepared.error_synthesis).transpose(1, 0, 2)
        slopes = np.concatenate((prepared.spectrum.respond(slopes), by_error), axis=1)
        return prepared.spectrum.respond(response), slopes

    return curves


def _exchange_grid(transfer):
    def grid(log_flow, delay_s, tissue, prepared: PreparedInput):
        spectrum = prepared.spectrum
        parameters = _at_no_delay(log_flow, tissue)
        response, slopes = transfer(spectrum.laplace_per_s, parameters, hematocrit=prepared.hematocrit)
        responses = real_parts(np.concatenate((response[:, None], slopes), axis=1))
        return CurveGrid(responses, spectrum.delayed(delay_s))

    return grid


def _at_no_delay(log_flow, tissue):
    """Parameters (F, 2 + p) of some flows without delay."""
    return np.column_stack((log_flow, np.zeros(len(log_flow)), np.broadcast_to(tissue, (len(log_flow), len(tissue)))))


def _fermi_model_grid(log_flow, delay_s, tissue, prepared: PreparedInput):
    """The input matrix begins at the smallest delay; a later one begins some rows further down."""
    length = len(prepared.matrix)
    rows = np.rint((np.asarray(delay_s) - FERMI_LOWER[3]) / GRID_S).astype(int)
    padded = np.concatenate((prepared.matrix, np.zeros((max(int(rows.max()), 0), prepared.matrix.shape[1]))))
    parameters = _at_no_delay(log_flow, tissue)
    parameters[:, 1] = FERMI_LOWER[3]
    response, slopes = _fermi_model_curves(parameters, replace(prepared.without_errors(), matrix=np.eye(length)))
    operators = np.stack([padded[row : row + length] for row in rows])
    return CurveGrid(np.concatenate((response[:, None], slopes), axis=1), operators)


def _fermi_model_curves(parameters, prepared: PreparedInput):
    """Fermi residue by volume and shape: ``k = F a / V``, where ``a = (1 + b) ln(1 + 1 / b)`` is k times its area."""
    log_flow, delay_s, log_volume, shoulder = np.asarray(parameters, dtype=float).T
    flow, b = np.exp(log_flow), np.exp(-shoulder)
    area = (1 + b) * np.log1p(1 / b)
    log_decay = np.log(area * FLOW_PER_S) + log_flow - log_volume
    matrix = np.concatenate((prepared.matrix, *prepared.error_matrix), axis=1)
    values, slopes = fermi_curves(np.stack((flow, log_decay, shoulder, delay_s), axis=1), matrix, GRID_S)
    values, *by_error = np.split(values, 1 + len(prepared.error_matrix), axis=1)
    slopes = slopes[:, :, : values.shape[1]]
    by_flow, by_decay, by_shoulder, by_delay = np.moveaxis(slopes, 1, 0)
    decay_by_shoulder = (1 - b * np.log1p(1 / b)) / area
    return values, np.stack(
        (
            by_flow * flow[:, None] + by_decay,
            by_delay,
            -by_decay,
            by_shoulder + by_decay * decay_by_shoulder[:, None],
            *by_error,
        ),
        axis=1,
    )


EXCHANGE_PARAMETERS = (
    "log plasma volume (mL/mL)",
    "log interstitial volume (mL/mL)",
    "log PS at 1 mL/min/g (mL/min/g)",
    "exponent of PS with flow",
)
EXCHANGE_MEAN = np.array([np.log(0.05), np.log(0.20), np.log(1.0), 0.5])
EXCHANGE_POPULATION_SD = np.array([0.35, 0.35, 0.5, 0.25])
EXCHANGE_PIXEL_SD = np.array([0.15, 0.2, 0.15, 0.02])


def _exchange_model(name: str, transfer: Callable) -> HierarchicalModel:
    return HierarchicalModel(
        name=name,
        tissue_parameters=EXCHANGE_PARAMETERS,
        mean=EXCHANGE_MEAN,
        population_sd=EXCHANGE_POPULATION_SD,
        pixel_sd=EXCHANGE_PIXEL_SD,
        curves=_exchange_curves(transfer),
        grid=_exchange_grid(transfer),
    )


def _dispersed_models() -> tuple[HierarchicalModel, ...]:
    """Capillaries of each dispersion, with the share of the prior that falls on it."""
    weights = np.exp(-((DISPERSION_NODES / DISPERSION_PRIOR_SD) ** 2) / 2)
    return tuple(
        replace(
            _exchange_model("dispersed_capillary", partial(dispersed_transfer, dispersion=dispersion)),
            prior_probability=EXCHANGE_PROBABILITY * weight,
            dispersion=dispersion,
        )
        for dispersion, weight in zip(DISPERSION_NODES, weights / weights.sum(), strict=True)
    )


CAPILLARY = _exchange_model("capillary", capillary_transfer)
DISPERSED = _dispersed_models()
TWO_COMPARTMENT = _exchange_model("two_compartment", two_compartment_transfer)
FERMI = HierarchicalModel(
    name="fermi",
    tissue_parameters=("log volume (mL/mL)", "shoulder k tau0"),
    mean=np.array([np.log(0.35), 1.5]),
    population_sd=np.array([0.35, 1.0]),
    pixel_sd=np.array([0.15, 0.3]),
    curves=_fermi_model_curves,
    grid=_fermi_model_grid,
    prior_probability=FERMI_PROBABILITY,
)
