"""From concentration curves to flow maps, with their provenance."""

import hashlib
from dataclasses import replace

import numpy as np

from . import __version__, aha, kinetics
from .contours import PreprocessedScan, PreprocessedSlice
from .curves import NO_RESIDUAL, Tissue, mean_curves, measure_arterial_input, slice_level, tissue_curves
from .errors import PerfusionError
from .maps import ArterialInput, FitStatus, FlowModel, PerfusionMaps, PixelFits, SegmentFit, SliceMaps
from .residual import Residual


def quantify(
    scan: PreprocessedScan,
    *,
    model: FlowModel = FlowModel.AVERAGED,
    arterial_input: ArterialInput | None = None,
    aif_slice: int | None = None,
    residual: Residual = NO_RESIDUAL,
) -> PerfusionMaps:
    """Flow maps of a preprocessed scan.

    Parameters
    ----------
    scan : PreprocessedScan
    model : FlowModel
        How the residue function is constrained.
    arterial_input : ArterialInput, optional
        A curve to use instead of the one measured in the images.
    aif_slice : int, optional
        Slice (0-based, base first) to measure the arterial input in; by default the most basal one that has a usable
        blood pool.
    residual : Residual
        Contrast agent of an earlier injection (`residual_contrast`).

    Raises
    ------
    PerfusionError
        If no slice has a myocardium, or no arterial input can be measured.
    """
    if not any(part.contours.myocardium.any() for part in scan.slices):
        raise PerfusionError(
            f"No slice of the {scan.condition} scan has a myocardium contour.", "Draw the myocardium and recompute."
        )
    aif_curve = arterial_input or measure_arterial_input(scan, aif_slice=aif_slice, residual=residual)
    tissues = [tissue_curves(part, aif_curve, number, residual) for number, part in enumerate(scan.slices)]
    drawn = [number for number, tissue in enumerate(tissues) if tissue.curves.curves.size]
    fitter = kinetics.prepare_fitter(
        model,
        [tissues[number].curves for number in drawn],
        aif_curve.times_s,
        aif_curve.concentration_mmol_l,
        hematocrit=scan.slices[0].series.acquisition.hematocrit,
        input_log_sd=aif_curve.log_sd,
    )
    slices = tuple(
        _quantify_slice(part, tissues[number], fitter, drawn.index(number) if number in drawn else None)
        for number, part in enumerate(scan.slices)
    )
    return PerfusionMaps(
        condition=scan.condition,
        slices=slices,
        arterial_input=aif_curve,
        provenance=_provenance(scan, model, aif_curve, residual) | dict(fitter.learned),
    )


def _quantify_slice(part: PreprocessedSlice, tissue: Tissue, fitter: kinetics.Fitter, index: int | None) -> SliceMaps:
    contours, mask = part.contours, part.contours.myocardium
    mbf, se = np.full(mask.shape, np.nan, np.float32), np.full(mask.shape, np.nan, np.float32)
    status = np.zeros(mask.shape, np.uint8)
    segment_fits, pixel_fits = {}, None
    if index is not None:
        pixels = fitter.fit(index, tissue.curves)
        status[mask] = pixels.status | np.where(tissue.saturated, FitStatus.SATURATED, 0).astype(np.uint8)
        mbf[mask], se[mask] = pixels.mbf_ml_min_g, pixels.mbf_se_ml_min_g
        mbf[status > 0], se[status > 0] = np.nan, np.nan
        segment_fits = _segment_fits(tissue, fitter, index)
        pixel_fits = _pixel_fits(tissue, pixels.fitted_mmol_l, mask)
    return SliceMaps(
        level=slice_level(part),
        mbf_ml_min_g=mbf,
        mbf_se_ml_min_g=se,
        status=status,
        segments=tissue.segments,
        depth=aha.transmural_depth(mask, contours.blood_pool),
        segment_fits=segment_fits,
        pixel_fits=pixel_fits,
        counted=mask & ~tissue.outermost,
        origin=contours.origin,
        flags=tissue.flags,
    )


def _pixel_fits(tissue: Tissue, fitted_mmol_l: np.ndarray, mask: np.ndarray) -> PixelFits:
    index = np.full(mask.shape, -1, np.int32)
    index[mask] = np.arange(np.count_nonzero(mask))
    return PixelFits(
        times_s=tissue.curves.times_s,
        concentration_mmol_l=tissue.curves.curves.astype(np.float32),
        fitted_mmol_l=fitted_mmol_l.astype(np.float32),
        index=index,
    )


def _segment_fits(tissue: Tissue, fitter: kinetics.Fitter, index: int) -> dict[int, SegmentFit]:
    numbers = np.unique(tissue.segments[tissue.segments > 0])
    if not numbers.size:
        return {}
    means = mean_curves(tissue.curves, numbers)
    fits = fitter.fit(index, replace(tissue.curves, curves=means, groups=numbers.astype(int), edge=None, inner=None))
    return {
        int(segment): SegmentFit(
            times_s=tissue.curves.times_s,
            concentration_mmol_l=means[:, i],
            fitted_mmol_l=fits.fitted_mmol_l[:, i],
            mbf_ml_min_g=float(fits.mbf_ml_min_g[i]),
            mbf_low_ml_min_g=float(fits.mbf_low_ml_min_g[i]),
            mbf_high_ml_min_g=float(fits.mbf_high_ml_min_g[i]),
            status=FitStatus(int(fits.status[i])),
        )
        for i, segment in enumerate(numbers)
    }


def fingerprint(scan: PreprocessedScan) -> str:
    """Short hash of everything in a preprocessed scan that the user can edit and that flow depends on."""
    digest = hashlib.sha256()
    for part in scan.slices:
        contours = part.contours
        digest.update(np.ascontiguousarray(contours.labels).tobytes())
        for point in (contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm):
            digest.update(b"-" if point is None else np.round(np.asarray(point, float), 3).tobytes())
        digest.update(np.packbits(part.used_frames).tobytes())
        digest.update(repr(part.series.acquisition).encode())
    return digest.hexdigest()[:16]


def _provenance(scan: PreprocessedScan, model: FlowModel, aif_curve: ArterialInput, residual: Residual):
    acquisition = scan.slices[0].series.acquisition
    return {
        "software": f"PerfusionDL {__version__}",
        "flow_model": str(model),
        "arterial_input": aif_curve.source or "given",
        "arterial_input_flags": " ".join(aif_curve.flags),
        "saturation_time_s": f"{acquisition.saturation_time_s:g}",
        "repetition_time_s": f"{acquisition.repetition_time_s:g}",
        "flip_angle_deg": f"{acquisition.flip_angle_deg:g}",
        "pulses_to_center": f"{acquisition.pulses_to_center}",
        "t10_blood_s": f"{acquisition.t10_blood_s:g}",
        "t10_myocardium_s": f"{acquisition.t10_myocardium_s:g}",
        "relaxivity_l_mmol_s": f"{acquisition.relaxivity_l_mmol_s:g}",
        "residual_contrast": residual.how,
        "hematocrit": f"{acquisition.hematocrit:g}",
        "tissue_density_g_ml": f"{kinetics.MYOCARDIAL_DENSITY_G_ML:g}",
        "assumed": ", ".join(acquisition.assumed),
        "entered": ", ".join(acquisition.entered),
        "contours": ", ".join(str(part.contours.origin) for part in scan.slices),
        "weights_sha256": ", ".join(
            dict.fromkeys(filter(None, (part.contours.weights_sha256 for part in scan.slices)))
        ),
        "contours_fingerprint": fingerprint(scan),
    }
