"""From concentration curves to flow maps, with their provenance."""

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np

from .. import __version__, kinetics
from ..aif.measurement import NO_RESIDUAL, measure_arterial_input
from ..aif.residual_contrast import Residual
from ..data import aha
from ..data.errors import PerfusionError
from ..data.flag import codes_of
from ..data.flow import ArterialInput, FitStatus, FlowModel, PerfusionMaps, PixelFits, SegmentFit, SliceMaps
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from .tissue_curves import Tissue, segment_curves, segments_of, slice_level, tissue_curves

SCALE_LOG_SD = 0.05  # of tissue in images beside its arterial input: relaxivity and native T1 do not cancel


def quantify(
    scan: PreprocessedScan,
    *,
    model: FlowModel = FlowModel.AVERAGED,
    arterial_input: ArterialInput | None = None,
    aif_slice: int | None = None,
    aif_region: np.ndarray | None = None,
    dose_ratio: float | None = None,
    residual: Residual = NO_RESIDUAL,
    former: PerfusionMaps | None = None,
) -> PerfusionMaps:
    """Flow maps of a preprocessed scan.

    Parameters
    ----------
    scan : PreprocessedScan
    model : FlowModel
        How the residue function is constrained.
    arterial_input : ArterialInput, optional
        A curve to use instead of the one measured in the images.
    aif_slice, aif_region, dose_ratio : optional
        Where and how the arterial input is measured; see `measure_arterial_input`.
    residual : Residual
        Contrast agent of an earlier injection (`residual_contrast`).
    former : PerfusionMaps, optional
        What was returned last for this scan. What its inputs still are is taken from there: arterial input, curves of
        unchanged slices, everything if nothing changed. The result is the same to the last bit.

    Raises
    ------
    PerfusionError
        If no slice has a myocardium, or no arterial input can be measured.
    """
    if not any(part.contours.myocardium.any() for part in scan.slices):
        raise PerfusionError(
            f"No slice of the {scan.condition} scan has a myocardium contour.", "Draw the myocardium and recompute."
        )
    memory = former.memory if former is not None and isinstance(former.memory, Memory) else None
    options = (aif_slice, None if aif_region is None else aif_region.tobytes(), dose_ratio, residual)
    kept = [False] * len(scan.slices)
    if memory is not None and len(memory.scan.slices) == len(kept):
        kept = [part.shows_same_pixels(was) for part, was in zip(scan.slices, memory.scan.slices, strict=True)]
    same_series = memory is not None and memory.scan.aif_series is scan.aif_series
    if arterial_input is not None:
        check_covers(arterial_input, scan)
        aif_curve = arterial_input
    elif all(kept) and same_series and memory.options == options and not memory.given:
        aif_curve = memory.arterial_input
    else:
        aif_curve = measure_arterial_input(
            scan, aif_slice=aif_slice, region=aif_region, dose_ratio=dose_ratio, residual=residual
        )
    if memory is not None and same_arterial_input(aif_curve, memory.arterial_input):
        aif_curve = memory.arterial_input
    same_blood = memory is not None and aif_curve is memory.arterial_input and memory.options[-1] == residual
    tissues = [
        memory.tissues[number] if same_blood and kept[number] else tissue_curves(part, aif_curve, residual)
        for number, part in enumerate(scan.slices)
    ]
    drawn = [number for number, tissue in enumerate(tissues) if tissue.curves.curves.size]
    unchanged = same_blood and all(kept) and memory.model is model
    if unchanged:
        fitter = memory.fitter
    else:
        fitter = kinetics.prepare_fitter(
            model,
            [tissues[number].curves for number in drawn],
            aif_curve.times_s,
            aif_curve.concentration_mmol_l,
            hematocrit=scan.slices[0].series.acquisition.hematocrit,
            input_log_sd=max(aif_curve.log_sd, SCALE_LOG_SD),
            former=memory.fitter if memory else None,
        )
    slices = []
    for number, part in enumerate(scan.slices):
        one = _Slice(part, number, tissues[number], fitter, drawn.index(number) if number in drawn else None, aif_curve)
        slices.append(one.named_anew(memory.scan.slices[number], former.slices[number]) if unchanged else one.maps())
    return PerfusionMaps(
        condition=scan.condition,
        slices=tuple(slices),
        arterial_input=aif_curve,
        provenance=_provenance(scan, model, aif_curve, residual) | dict(fitter.learned),
        memory=Memory(scan, model, options, arterial_input is not None, aif_curve, tuple(tissues), fitter),
    )


@dataclass(frozen=True)
class Memory:
    """What maps were computed from, and what was computed on the way."""

    scan: PreprocessedScan
    model: FlowModel
    options: tuple
    given: bool
    arterial_input: ArterialInput
    tissues: tuple[Tissue, ...]
    fitter: kinetics.Fitter


def check_covers(arterial_input: ArterialInput, scan: PreprocessedScan) -> None:
    """Raise PerfusionError unless a given curve is on the clock of the scan."""
    times_s = scan.slices[0].series.times_s
    first_s, last_s = arterial_input.times_s[[0, -1]]
    peak_s = arterial_input.times_s[arterial_input.peak_frame]
    if first_s > peak_s - 2 or not times_s[0] < peak_s < times_s[-1] or last_s < (times_s[0] + times_s[-1]) / 2:
        raise PerfusionError(
            f"The arterial input runs from {first_s:.1f} to {last_s:.1f} s with its peak at {peak_s:.1f} s; the "
            f"{scan.condition} scan from {times_s[0]:.1f} to {times_s[-1]:.1f} s.",
            "Its times count in seconds from the first frame of the scan; it must begin before the contrast agent.",
        )


def same_arterial_input(one: ArterialInput, other: ArterialInput) -> bool:
    """Whether two arterial inputs are equal in every value."""
    return all(
        np.array_equal(was, now, equal_nan=True)
        if isinstance(was, np.ndarray) and was.dtype.kind == "f"
        else np.array_equal(was, now)
        for was, now in ((getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    )


@dataclass(frozen=True)
class _Slice:
    """One slice of a scan on its way to maps; index : in the fitter, None where the slice has no myocardium."""

    part: PreprocessedSlice
    number: int
    tissue: Tissue
    fitter: kinetics.Fitter
    index: int | None
    arterial_input: ArterialInput

    def maps(self) -> SliceMaps:
        """Flow of every pixel and segment."""
        contours, mask = self.part.contours, self.part.contours.myocardium
        mbf, se = np.full(mask.shape, np.nan, np.float32), np.full(mask.shape, np.nan, np.float32)
        status = np.zeros(mask.shape, np.uint8)
        pixel_fits = None
        if self.index is not None:
            pixels = self.fitter.fit(self.index, self.tissue.curves)
            status[mask] = pixels.status | np.where(self.tissue.saturated, FitStatus.SATURATED, 0).astype(np.uint8)
            mbf[mask], se[mask] = pixels.mbf_ml_min_g, pixels.mbf_se_ml_min_g
            mbf[status > 0], se[status > 0] = np.nan, np.nan
            pixel_fits = _pixel_fits(self.tissue, pixels.fitted_mmol_l, mask)
        return SliceMaps(
            level=slice_level(self.part),
            mbf_ml_min_g=mbf,
            mbf_se_ml_min_g=se,
            status=status,
            depth=aha.transmural_depth(mask, contours.blood_pool),
            pixel_fits=pixel_fits,
            counted=mask & ~self.tissue.outermost,
            **self._named(),
        )

    def named_anew(self, was: PreprocessedSlice, maps: SliceMaps) -> SliceMaps:
        """The same flow of every pixel with the segments as they are now; the same maps where these are too."""
        points = [(one.contours.anterior_rv_ras_mm, one.contours.inferior_rv_ras_mm) for one in (was, self.part)]
        if not all(map(np.array_equal, *points)):
            return replace(maps, **self._named())
        origin = self.part.contours.origin
        return maps if maps.origin is origin else replace(maps, origin=origin)

    def _named(self) -> dict:
        """What depends on the insertion points."""
        segments, flags = segments_of(self.part, self.number)
        return {
            "segments": segments,
            "segment_fits": self._segment_fits(segments),
            "origin": self.part.contours.origin,
            "flags": flags,
        }

    def _segment_fits(self, segments: np.ndarray) -> dict[int, SegmentFit]:
        if self.index is None or not segments.any():
            return {}
        numbers, means = segment_curves(self.tissue.curves, segments[self.part.contours.myocardium])
        fits = self.fitter.fit(self.index, means)
        upslopes = kinetics.relative_upslope(
            means.times_s,
            means.curves,
            self.arterial_input.times_s,
            self.arterial_input.concentration_mmol_l,
            used_frames=means.used_frames,
        )
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
            )
            for i, segment in enumerate(numbers)
        }


def _pixel_fits(tissue: Tissue, fitted_mmol_l: np.ndarray, mask: np.ndarray) -> PixelFits:
    index = np.full(mask.shape, -1, np.int32)
    index[mask] = np.arange(np.count_nonzero(mask))
    return PixelFits(
        times_s=tissue.curves.times_s,
        concentration_mmol_l=tissue.curves.curves.astype(np.float32),
        fitted_mmol_l=fitted_mmol_l.astype(np.float32),
        index=index,
    )


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
        "arterial_input_flags": " ".join(flag.text for flag in aif_curve.flags),
        "arterial_input_flag_codes": " ".join(codes_of(aif_curve.flags)),
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
        "acquisition_doubts": "\n".join(dict.fromkeys(d for p in scan.slices for d in p.series.acquisition.doubts)),
        "entered": ", ".join(acquisition.entered),
        "contours": ", ".join(str(part.contours.origin) for part in scan.slices),
        "weights_sha256": ", ".join(
            dict.fromkeys(filter(None, (part.contours.weights_sha256 for part in scan.slices)))
        ),
        "contours_fingerprint": fingerprint(scan),
    }
