"""One way to fit curves, whatever the flow model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from ..cache import NO_CACHE, Cache
from ..data.flow import FlowModel
from .fermi import fit_fermi
from .fits import FlowFits
from .hierarchical.averaged import INTERVAL_SD, ScanModel, fit_slice_model, learn_scan, prepare_slice
from .hierarchical.groups import CurveSet
from .hierarchical.slice_input import LATE_ERROR_SD, PEAK_ERROR_SD
from .hierarchical.tissue_models import CAPILLARY, DISPERSED, FERMI, TWO_COMPARTMENT
from .linear import fit_patlak, fit_spline

MOST_GROUPS, FEWEST_IN_GROUP = 16, 8
HALF_DISPERSED = 0.5  # relative dispersion between plug flow and one mixed vessel
PRIOR_FAMILIES = {
    FlowModel.AVERAGED: (DISPERSED, (FERMI,)),
    FlowModel.CAPILLARY: ((CAPILLARY,),),
    FlowModel.TWO_COMPARTMENT: ((TWO_COMPARTMENT,),),
}


CurveFitter = Callable[[CurveSet], FlowFits]
"""Fits curves of one slice."""


@dataclass(frozen=True, kw_only=True)
class Fitter:
    """Fits curves of a scan.

    of_slice : index of a slice and the blood that its curves may hold, as in `CurveSet.spillover`, to what fits them:
        pixels and mean curves of regions alike
    learned : what the scan said about its tissue, as it is written into the provenance
    scan : the same as values, where the model learns from the scan
    """

    of_slice: Callable[[int, np.ndarray | None], CurveFitter]
    learned: Mapping[str, str] = field(default_factory=dict)
    scan: ScanModel | None = field(default=None, repr=False)

    def fit(self, number: int, part: CurveSet) -> FlowFits:
        """Fit curves of a slice, once."""
        return self.of_slice(number, part.spillover)(part)


def prepare_fitter(
    model: FlowModel,
    slices: Sequence[CurveSet],
    aif_times_s,
    arterial_mmol_l,
    *,
    hematocrit: float,
    input_log_sd: float = 0.0,
    cache: Cache = NO_CACHE,
) -> Fitter:
    """Learn what the model needs from all curves of a scan; the fitter then takes any curves of its slices.

    Parameters
    ----------
    slices : sequence of CurveSet
        All myocardial pixels; in slices that have none, leave the slice out.
    aif_times_s, arterial_mmol_l : (A,)
        Of whole blood.
    input_log_sd : float
        Relative uncertainty of the scale of the arterial input; it widens the intervals. Above 0 the curves count as
        measured in images: errors of the arterial input beside them are looked for, errors that all curves of a slice
        share are taken into account, and the scan is believed less about its tissue.
    cache : Cache
        Of the same study with other contours: what does not depend on them is not computed again.
    """
    alone = {
        FlowModel.FERMI: lambda part: _fermi(part, aif_times_s, arterial_mmol_l),
        FlowModel.SPLINE: lambda part: fit_spline(*_curves(part), aif_times_s, arterial_mmol_l, **_used(part)),
        FlowModel.PATLAK: lambda part: fit_patlak(
            *_curves(part), aif_times_s, arterial_mmol_l, hematocrit=hematocrit, **_used(part)
        ),
    }
    if model in alone:
        fit_alone = alone[model]

        def fit_widened(part: CurveSet) -> FlowFits:
            return _widened(fit_alone(part), np.hypot(input_log_sd, part.log_sd))

        return Fitter(of_slice=lambda number, spillover: fit_widened)
    scan = learn_scan(
        slices,
        aif_times_s,
        arterial_mmol_l,
        families=PRIOR_FAMILIES[model],
        hematocrit=hematocrit,
        from_images=input_log_sd > 0,
        cache=cache,
    )
    learned = {f"{name}_probability": f"{p:.3f}" for name, p in _probabilities(scan).items()}
    likeliest = scan.populations[int(np.argmax(scan.probabilities))]
    learned[f"{likeliest.model.name}_tissue"] = _describe(likeliest)
    learned["least_misfit"] = f"{scan.least_misfit:.1%} together, {scan.alone_misfit:.1%} alone,"
    if likeliest.input_error.size:
        peak, late = likeliest.input_error * (PEAK_ERROR_SD, LATE_ERROR_SD)
        learned["input_error"] = f"peak against its foot {-peak:+.1%}, after the first pass {-late:+.1%}"

    def of_slice(number: int, spillover: np.ndarray | None) -> CurveFitter:
        return partial(fit_slice_model, prepare_slice(scan, number, spillover), input_log_sd=input_log_sd)

    return Fitter(of_slice=of_slice, learned=learned, scan=scan)


def _probabilities(scan: ScanModel) -> dict[str, float]:
    """Of each kind of model; of dispersed capillaries, that of either half of their range, by the name of its end."""
    found: dict[str, float] = {}
    for population, probability in zip(scan.populations, scan.probabilities, strict=True):
        name = population.model.name
        if np.isfinite(population.model.dispersion):
            name = (CAPILLARY if population.model.dispersion < HALF_DISPERSED else TWO_COMPARTMENT).name
        found[name] = found.get(name, 0.0) + float(probability)
    return dict(sorted(found.items()))


def fit_curves(
    times_s,
    tissue_mmol_l,
    aif_times_s,
    arterial_mmol_l,
    *,
    model: FlowModel = FlowModel.AVERAGED,
    groups=None,
    hematocrit: float = 0.42,
    used_frames=None,
    input_log_sd: float = 0.0,
) -> FlowFits:
    """Flow of concentration curves from anywhere, without images.

    Parameters
    ----------
    times_s : (T,)
    tissue_mmol_l : (T, N) array
        Of myocardium, mmol per liter of tissue.
    aif_times_s, arterial_mmol_l : (A,)
        Of whole blood, on the same clock.
    groups : (N,) int, optional
        Curves of a group are near each other, such as the pixels of an AHA segment. By default neighbors in the order
        of the curves.
    input_log_sd : float
        Relative uncertainty of the scale of the arterial input; 0 where it is known, as in a simulation.

    Examples
    --------
    >>> t = np.arange(0, 50, 0.9)
    >>> blood = 4 * ((t - 5).clip(0) / 3) ** 3 * np.exp(3 * (1 - (t - 5).clip(0) / 3))
    >>> tissue = 1.05 / 60 * 0.9 * np.convolve(blood, np.exp(-t / 20))[: t.size]  # 1 mL/min/g
    >>> found = fit_curves(t, tissue[:, None], t, blood, model=FlowModel.FERMI)
    >>> bool(abs(found.mbf_ml_min_g[0] - 1) < 0.1)
    True
    """
    tissue_mmol_l = np.asarray(tissue_mmol_l, dtype=float)
    times_s = np.asarray(times_s, dtype=float)
    if tissue_mmol_l.ndim != 2 or len(tissue_mmol_l) != times_s.size:
        raise ValueError(f"{times_s.size} times need curves (time, curve), got {tissue_mmol_l.shape}")
    count = tissue_mmol_l.shape[1]
    if groups is None:
        groups = np.arange(count) * min(MOST_GROUPS, max(count // FEWEST_IN_GROUP, 1)) // max(count, 1)
    part = CurveSet(
        times_s=times_s,
        curves=tissue_mmol_l,
        groups=np.asarray(groups),
        used_frames=np.ones(times_s.size, bool) if used_frames is None else np.asarray(used_frames),
    )
    fitter = prepare_fitter(
        model, [part], aif_times_s, arterial_mmol_l, hematocrit=hematocrit, input_log_sd=input_log_sd
    )
    return fitter.fit(0, part)


def _widened(fits: FlowFits, log_sd: float) -> FlowFits:
    """Fits whose interval holds the relative uncertainty of a scale too."""
    if not log_sd > 0:
        return fits
    flow = fits.mbf_ml_min_g
    relative = np.hypot(fits.mbf_se_ml_min_g / flow, log_sd)
    with np.errstate(over="ignore"):  # nothing bounds a curve of noise from above
        high = flow * np.exp(INTERVAL_SD * relative)
    return replace(
        fits,
        mbf_se_ml_min_g=flow * relative,
        mbf_low_ml_min_g=flow * np.exp(-INTERVAL_SD * relative),
        mbf_high_ml_min_g=high,
    )


def _curves(part: CurveSet) -> tuple[np.ndarray, np.ndarray]:
    return part.times_s, part.curves


def _used(part: CurveSet) -> dict[str, Any]:
    return {"used_frames": part.used_frames}


def _fermi(part: CurveSet, aif_times_s, arterial_mmol_l) -> FlowFits:
    return fit_fermi(
        *_curves(part),
        aif_times_s,
        arterial_mmol_l,
        **_used(part),
        edge=part.edge,
        spillover=part.spillover,
    )


def _describe(population) -> str:
    """Tissue parameters in words."""
    values = zip(population.model.tissue_parameters, population.mean, strict=True)
    return "; ".join(
        f"{name.removeprefix('log ')} {np.exp(mean) if name.startswith('log ') else mean:.3g}" for name, mean in values
    )
