"""What fitting needs to know of a slice before any curve is seen: it depends on the arterial input and the frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .convolution import input_spline
from .tissue_models import PreparedInput, TissueModel, prepare_input

LOCAL = 2  # parameters: flow and delay come first
START_FLOW_ML_MIN_G = np.geomspace(0.2, 6.0, 18)
START_DELAY_S = np.arange(-0.5, 4.1, 0.5)
SUBSPACE_TOLERANCE = 2e-3  # of the largest singular value: directions that the models can reach


@dataclass(frozen=True, kw_only=True)
class SliceInput:
    """An arterial input at the frames of one slice, and what the models make of it.

    subspace : (R, T) orthonormal rows that model curves live in, zero in frames that do not take part
    starts : by model, parameters and curves of a coarse grid of flows and delays with the prior's tissue
    made_of : the arrays it depends on
    """

    prepared: PreparedInput
    subspace: np.ndarray
    starts: Mapping[str, tuple[np.ndarray, np.ndarray]]
    made_of: tuple[np.ndarray, ...]


def slice_inputs(
    slices: Sequence[tuple[np.ndarray, np.ndarray]],
    aif_times_s,
    arterial_mmol_l,
    *,
    models: Sequence[TissueModel],
    hematocrit: float,
    former: Sequence[SliceInput] = (),
) -> tuple[SliceInput, ...]:
    """The inputs of slices given by their times and used frames (T,); one of ``former`` where it is the same."""
    aif_times_s = np.asarray(aif_times_s, dtype=float)
    arterial = input_spline(aif_times_s, arterial_mmol_l)
    inputs = []
    for times_s, used_frames in slices:
        made_of = (
            np.asarray(times_s),
            np.asarray(used_frames),
            aif_times_s,
            np.asarray(arterial_mmol_l),
            np.array([hematocrit]),
            np.array([model.name for model in models]),
        )
        known = next((one for one in former if _same(one.made_of, made_of)), None)
        if known is None:
            prepared = prepare_input(arterial, times_s, first_s=aif_times_s[0], hematocrit=hematocrit)
            known = SliceInput(
                prepared=prepared,
                subspace=_subspace(models, prepared, made_of[1]),
                starts={model.name: _starts(model, prepared) for model in models},
                made_of=made_of,
            )
        inputs.append(known)
    return tuple(inputs)


def _same(one, other) -> bool:
    return all(
        np.array_equal(a, b, equal_nan=True) if a.dtype.kind == "f" else np.array_equal(a, b)
        for a, b in zip(one, other, strict=True)
    )


def _starts(model: TissueModel, prepared: PreparedInput):
    log_flow, delay_s = (axis.ravel() for axis in np.meshgrid(np.log(START_FLOW_ML_MIN_G), START_DELAY_S))
    atoms = np.column_stack((log_flow, delay_s, np.broadcast_to(model.mean, (log_flow.size, model.mean.size))))
    return atoms, model.curves(atoms, prepared)[0]


def _subspace(models, prepared, used):
    """Directions (R, T) that curves of the models can take, with the priors' tissue and its variation."""
    log_flow, delay_s = (
        axis.ravel() for axis in np.meshgrid(np.log(np.geomspace(0.15, 6, 8)), np.arange(-0.5, 4, 0.7))
    )
    atoms = []
    for model in models:
        local = np.column_stack((log_flow, delay_s))
        tissue = np.broadcast_to(model.mean, (len(local), model.mean.size))
        values, slopes = model.curves(np.concatenate((local, tissue), axis=1), prepared)
        scale = np.abs(values).max(axis=1)[:, None]
        atoms.append(values / scale)
        atoms.extend(slopes[:, 2 + i] * sd / scale for i, sd in enumerate(model.population_sd))
    stacked = np.concatenate(atoms) * used
    strength, columns = np.linalg.eigh(stacked.T @ stacked)
    return columns[:, strength > SUBSPACE_TOLERANCE**2 * strength[-1]].T[::-1]
