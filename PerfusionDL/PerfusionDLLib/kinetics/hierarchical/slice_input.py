"""What fitting needs to know of a slice before any curve is seen: it depends on the arterial input and the frames."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...cache import NO_CACHE, Cache
from ..convolution import input_spline
from .tissue_models import HierarchicalModel, PreparedInput, prepare_input

LOCAL = 2  # parameters: flow and delay come first
START_FLOW_ML_MIN_G = np.geomspace(0.2, 6.0, 18)
START_DELAY_S = np.arange(-0.5, 4.1, 0.5)
SUBSPACE_TOLERANCE = 2e-3  # of the largest singular value: directions that the models can reach
PEAK_ERROR_SD, LATE_ERROR_SD = 0.05, 0.05  # of an input beside tissue, both from images, relative


@dataclass(frozen=True, kw_only=True)
class SliceInput:
    """An arterial input at the frames of one slice, and what the models make of it.

    prepared : with one standard deviation of each error that it may have; with none where it is known
    subspace : (R, T) orthonormal rows that model curves live in, zero in frames that do not take part
    starts : by kind of model, parameters and curves of a coarse grid of flows and delays with the prior's tissue
    """

    prepared: PreparedInput
    subspace: np.ndarray
    starts: Mapping[str, tuple[np.ndarray, np.ndarray]]


def slice_inputs(
    slices: Sequence[tuple[np.ndarray, np.ndarray]],
    aif_times_s,
    arterial_mmol_l,
    *,
    families: Sequence[Sequence[HierarchicalModel]],
    hematocrit: float,
    from_images: bool = False,
    cache: Cache = NO_CACHE,
) -> tuple[SliceInput, ...]:
    """The inputs of slices given by their times and used frames (T,).

    families : models of one kind each, from one end of a range to the other
    from_images : whether the curves are, so that the input may be wrong beside them (`input_errors`)
    """
    aif_times_s = np.asarray(aif_times_s, dtype=float)
    arterial = input_spline(aif_times_s, arterial_mmol_l)
    errors = input_errors(aif_times_s, arterial) if from_images else ()

    ends = [model for family in families for model in family[:: max(len(family) - 1, 1)]]

    def compute(times_s, used_frames):
        prepared = prepare_input(arterial, times_s, first_s=aif_times_s[0], hematocrit=hematocrit, errors=errors)
        return SliceInput(
            prepared=prepared,
            subspace=_subspace(ends, prepared, used_frames),
            starts={family[0].name: _starts(family[0], prepared) for family in families},
        )

    common = cache.key(aif_times_s, arterial_mmol_l, [model.name for model in ends], hematocrit, from_images)
    frames = [(np.asarray(times_s), np.asarray(used_frames)) for times_s, used_frames in slices]
    return tuple(
        cache.recall("slice input", cache.key(common, *each), functools.partial(compute, *each)) for each in frames
    )


def input_errors(times_s: np.ndarray, arterial: Callable) -> tuple[Callable, Callable]:
    """Functions of time: one standard deviation of what an input from images may be wrong by beside its tissue.

    At its peak, where the signal is least sure, against its flanks, and after the first pass against before. A wrong
    scale of the whole is not among them: curves do not tell it from flow, so it belongs to the interval alone.
    """
    values = arterial(times_s)
    peak = int(np.argmax(values))
    height, middle = values[peak], (values**3).sum() / (values**2).sum()
    width_s = np.trapezoid(values[: peak + 1].clip(0), times_s[: peak + 1]) / height

    def at_peak(at_s):
        values = arterial(at_s)
        return PEAK_ERROR_SD * values * (values - middle) / height

    def late(at_s):
        since_s = np.asarray(at_s) - times_s[peak] - width_s
        return LATE_ERROR_SD * arterial(at_s) * np.clip(since_s / (2 * width_s), 0, 1)

    return at_peak, late


def _starts(model: HierarchicalModel, prepared: PreparedInput):
    log_flow, delay_s = (axis.ravel() for axis in np.meshgrid(np.log(START_FLOW_ML_MIN_G), START_DELAY_S))
    atoms = np.column_stack((log_flow, delay_s, np.broadcast_to(model.mean, (log_flow.size, model.mean.size))))
    return atoms, model.curves(atoms, prepared)[0]


def _subspace(models, prepared, used):
    """Directions (R, T) that curves of the models can take, with the priors' tissue, its variation and input errors."""
    log_flow, delay_s = (
        axis.ravel() for axis in np.meshgrid(np.log(np.geomspace(0.15, 6, 8)), np.arange(-0.5, 4, 0.7))
    )
    atoms = []
    for model in models:
        local = np.column_stack((log_flow, delay_s))
        tissue = np.broadcast_to(model.mean, (len(local), model.mean.size))
        values, slopes = model.curves(np.concatenate((local, tissue), axis=1), prepared)
        scale = np.abs(values[:, used]).max(axis=1)[:, None]
        atoms.append(values / scale)
        spread = np.concatenate((model.population_sd, np.ones(len(prepared.error_matrix))))
        atoms.extend(slopes[:, LOCAL + i] * sd / scale for i, sd in enumerate(spread))
    seen = np.concatenate(atoms)[:, used]
    strength, columns = np.linalg.eigh(seen.T @ seen)
    kept = columns[:, strength > SUBSPACE_TOLERANCE**2 * strength[-1]].T[::-1]
    subspace = np.zeros((len(kept), used.size))
    subspace[:, used] = kept  # a zero in the other frames, not what rounding leaves of one
    return subspace
