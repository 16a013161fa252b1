"""The truth of a phantom study, written as the results folder of a reader who knows everything."""

from pathlib import Path

import numpy as np

from .. import __version__, pipeline, report
from ..data.aha import transmural_depth
from ..data.contours import Contours, Label, Origin, Part
from ..data.flow import ArterialInput, PerfusionMaps, SliceMaps
from ..data.study import Condition, PerfusionSeries
from ..phantom import PhantomStudy, SliceTruth
from ..results import layout
from ..results.writing import describe_contours, write_json, write_slice

PROVENANCE = {"notice": "Digital phantom, no patient", "software": f"PerfusionDL {__version__}"}


def write_truth(folder: Path, patient: PhantomStudy) -> None:
    """Write ``segments.csv``, ``preprocessing.json`` and per slice labels, flow, displacement and arterial input.

    Labels and flow are in the pose of the peak frame, which is the reference frame of the displacement
    (``displacement.npz``: mm, rows then columns, as in `MotionCompensation`).
    """
    described = []
    maps: dict[Condition, PerfusionMaps] = {}
    for scan in patient.study.scans:
        truths = patient.truth[scan.condition]
        maps[scan.condition] = make_true_maps(truths)
        for series, truth in zip(scan.slices, truths, strict=True):
            contours = make_true_contours(series, truth)
            name = f"{truth.condition}_{truth.level}"
            write_slice(folder / name, contours, series, truth.mbf_ml_min_g, PROVENANCE)
            np.savez_compressed(
                folder / name / layout.DISPLACEMENT, displacement_mm=truth.displacement_mm.astype(np.float16)
            )
            np.savetxt(
                folder / name / "arterial_input.csv",
                np.column_stack((truth.arterial_times_s, truth.arterial_mmol_l)),
                fmt="%.5g",
                delimiter=",",
                header="times_s,concentration_mmol_l",
                comments="",
            )
            described.append(
                {
                    "folder": name,
                    "condition": truth.condition,
                    **describe_contours(contours, series),
                    "defect_segments": list(truth.defect_segments),
                    "mistriggered_frames": np.flatnonzero(truth.mistriggered).tolist(),
                }
            )
    write_json(folder / layout.INDEX, {"provenance": PROVENANCE, "slices": described})
    table = pipeline.summarize(maps.get(Condition.REST), maps.get(Condition.STRESS))
    (folder / layout.SEGMENTS).write_text(report.segments_csv(table), encoding="utf-8")
    (folder / layout.TERRITORIES).write_text(report.territories_csv(table), encoding="utf-8")


def make_true_contours(series: PerfusionSeries, truth: SliceTruth) -> Contours:
    """The contours of someone who knows."""
    return Contours(
        peak_frame=truth.peak_frame,
        reference_frame=truth.peak_frame,
        box_px=truth.box_px,
        labels=truth.labels,
        anterior_rv_ras_mm=series.ras_from_pixels(truth.anterior_rv_px),
        inferior_rv_ras_mm=series.ras_from_pixels(truth.inferior_rv_px),
        origins=dict.fromkeys(Part, Origin.MANUAL),
    )


def make_true_maps(truths: tuple[SliceTruth, ...]) -> PerfusionMaps:
    """The flow maps of someone who knows."""
    first = truths[0]
    peak = int(np.argmax(first.arterial_mmol_l))
    slices = tuple(
        SliceMaps(
            level=truth.level,
            mbf_ml_min_g=truth.mbf_ml_min_g,
            mbf_se_ml_min_g=np.full_like(truth.mbf_ml_min_g, np.nan),
            status=np.zeros(truth.labels.shape, np.uint8),
            segments=truth.segments,
            depth=transmural_depth(truth.labels == Label.MYOCARDIUM, truth.labels == Label.BLOOD_POOL),
            segment_fits={},
            origin=Origin.MANUAL,
        )
        for truth in truths
    )
    arterial_input = ArterialInput(
        times_s=first.arterial_times_s,
        concentration_mmol_l=first.arterial_mmol_l,
        baseline_frames=1,
        peak_frame=peak,
        first_pass_end_frame=len(first.arterial_times_s) - 1,
        source="truth",
    )
    return PerfusionMaps(condition=first.condition, slices=slices, arterial_input=arterial_input, provenance=PROVENANCE)
