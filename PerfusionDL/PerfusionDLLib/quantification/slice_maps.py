"""From the concentration curves of one slice to its flow maps: pixels first, then the segments they belong to."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .. import kinetics
from ..cache import Cache
from ..data import aha
from ..data.flow import ArterialInput, FitStatus, PixelFits, SegmentFit, SliceMaps
from ..data.identity import NOT_IN_SEGMENTS
from ..data.preprocessed import PreprocessedSlice
from .tissue_curves import Tissue, find_segments, segment_curves, slice_level


@dataclass(frozen=True)
class SliceCurves:
    """One slice of a scan on its way to maps.

    number : of the slice in the scan; index : in the fitter, None where the slice has no myocardium
    key : the content of what the flow of its pixels is computed from (`Cache.key`)
    """

    part: PreprocessedSlice
    number: int
    tissue: Tissue
    fitter: kinetics.Fitter
    index: int | None
    arterial_input: ArterialInput
    key: str


@dataclass(frozen=True)
class _PixelMaps:
    """What does not depend on the insertion points; fields as in `SliceMaps`."""

    mbf_ml_min_g: np.ndarray
    mbf_se_ml_min_g: np.ndarray
    status: np.ndarray
    depth: np.ndarray
    counted: np.ndarray
    pixel_fits: PixelFits | None
    sector_fits: tuple[SegmentFit, ...]


def compute_slice_maps(curves: SliceCurves, cache: Cache) -> SliceMaps:
    """Flow of every pixel and segment of a slice."""

    @functools.cache
    def fitter() -> kinetics.CurveFitter | None:
        if curves.index is None:
            return None
        prepare = functools.partial(curves.fitter.of_slice, curves.index, curves.tissue.curves.spillover)
        return cache.recall("slice fitter", curves.key, prepare)

    pixels = cache.recall("pixels", curves.key, lambda: _pixel_maps(curves, fitter()))
    key = cache.key(curves.key, curves.number, cache.key(curves.part, without=NOT_IN_SEGMENTS))
    return cache.recall("segments", key, lambda: _slice_maps(curves, pixels, fitter))


def _pixel_maps(curves: SliceCurves, fit: kinetics.CurveFitter | None) -> _PixelMaps:
    contours, mask = curves.part.contours, curves.part.contours.myocardium
    mbf, se = np.full(mask.shape, np.nan, np.float32), np.full(mask.shape, np.nan, np.float32)
    status = np.zeros(mask.shape, np.uint8)
    pixel_fits, sector_fits = None, {}
    if fit is not None:
        fits = fit(curves.tissue.curves)
        status[mask] = fits.status | np.where(curves.tissue.saturated, FitStatus.SATURATED, 0).astype(np.uint8)
        mbf[mask], se[mask] = fits.mbf_ml_min_g, fits.mbf_se_ml_min_g
        mbf[status > 0], se[status > 0] = np.nan, np.nan
        pixel_fits = _pixel_fits(curves.tissue, fits.fitted_mmol_l, mask)
        sector_fits = _mean_fits(curves, curves.tissue.curves.groups + 1, fit)
    return _PixelMaps(
        mbf_ml_min_g=mbf,
        mbf_se_ml_min_g=se,
        status=status,
        depth=aha.transmural_depth(mask, contours.blood_pool),
        counted=mask & ~curves.tissue.outermost,
        pixel_fits=pixel_fits,
        sector_fits=tuple(sector_fits.values()),
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


def _slice_maps(
    curves: SliceCurves, pixels: _PixelMaps, fitter: Callable[[], kinetics.CurveFitter | None]
) -> SliceMaps:
    segments, flags = find_segments(curves.part, curves.number)
    fit = fitter() if segments.any() else None
    return SliceMaps(
        level=slice_level(curves.part),
        segments=segments,
        segment_fits={} if fit is None else _mean_fits(curves, segments[curves.part.contours.myocardium], fit),
        origin=curves.part.contours.origin,
        flags=flags,
        **vars(pixels),
    )


def _mean_fits(curves: SliceCurves, segments: np.ndarray, fit: kinetics.CurveFitter) -> dict[int, SegmentFit]:
    """Fits of the mean curves of segments, by number, given the number of each myocardial pixel (N,), 0 for none."""
    numbers, means = segment_curves(curves.tissue.curves, segments)
    fits = fit(means)
    upslopes = kinetics.relative_upslope(
        means.times_s,
        means.curves,
        curves.arterial_input.times_s,
        curves.arterial_input.concentration_mmol_l,
        used_frames=means.used_frames,
    )
    noise = kinetics.upslope_log_sd(means.times_s, means.curves, used_frames=means.used_frames)
    return {
        int(segment): SegmentFit(
            times_s=means.times_s,
            concentration_mmol_l=means.curves[:, i],
            fitted_mmol_l=fits.fitted_mmol_l[:, i],
            mbf_ml_min_g=float(fits.mbf_ml_min_g[i]),
            mbf_low_ml_min_g=float(fits.mbf_low_ml_min_g[i]),
            mbf_high_ml_min_g=float(fits.mbf_high_ml_min_g[i]),
            status=FitStatus(int(fits.status[i])),
            upslope=float(upslopes[i]),
            upslope_log_sd=float(noise[i]),
        )
        for i, segment in enumerate(numbers)
    }
