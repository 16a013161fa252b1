"""The results folder: a contract that other people's scripts read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .. import NOTICE
from ..data.acquisition import acquisition_document
from ..data.contours import Contours
from ..data.flag import flag_document
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice
from ..data.study import PerfusionSeries
from .atomic import make_not_written_error
from .layout import FLOW, LABELS


def name_slices(preprocessed: Sequence[PreprocessedScan]) -> list[tuple[str, PreprocessedSlice]]:
    """Every slice with the name of its folder: condition and level, numbered from the second of a level on."""
    named: dict[str, PreprocessedSlice] = {}
    for scan in preprocessed:
        for piece in scan.slices:
            name = base = f"{scan.condition}_{piece.series.level}"
            number = 1
            while name in named:
                number += 1
                name = f"{base}_{number}"
            named[name] = piece
    return list(named.items())


def write_slice(
    folder: Path, contours: Contours, series: PerfusionSeries, mbf_ml_min_g: np.ndarray, provenance: Mapping[str, str]
) -> None:
    """Write ``labels.nrrd`` and ``mbf.nrrd`` of one slice, in the pose of its reference frame."""
    folder.mkdir(parents=True, exist_ok=True)
    write_image(folder / LABELS, contours.labels, series, provenance)
    write_image(folder / FLOW, mbf_ml_min_g.astype(np.float32), series, {**provenance, "unit": "mL/min/g"})


def write_image(path: Path, image: np.ndarray, series: PerfusionSeries, metadata: Mapping[str, str]) -> None:
    """Write a (Y, X) image where its series lies in the world, as NRRD with ``metadata`` as key/value pairs."""
    import SimpleITK

    spacing = np.linalg.norm(series.ijk_to_ras[:3, :3], axis=0)
    to_lps = np.diag([-1.0, -1.0, 1.0])
    volume = SimpleITK.GetImageFromArray(image[None])
    volume.SetSpacing(spacing.tolist())
    volume.SetDirection((to_lps @ series.ijk_to_ras[:3, :3] / spacing).ravel().tolist())
    volume.SetOrigin((to_lps @ series.ijk_to_ras[:3, 3]).tolist())
    for key, value in metadata.items():
        volume.SetMetaData(f"PerfusionDL.{key}", " ".join(str(value).split()))
    try:
        SimpleITK.WriteImage(volume, str(path), useCompression=True)
    except RuntimeError as error:
        raise make_not_written_error(f"The image {path.name}", "the disk is full or refuses it") from error


def write_index(path: Path, preprocessed: Sequence[PreprocessedScan], provenance: Mapping[str, str]) -> None:
    """Write ``preprocessing.json``: what was found in every slice, and what was assumed."""
    conditions = {id(piece): scan.condition for scan in preprocessed for piece in scan.slices}
    write_json(
        path,
        {
            "notice": NOTICE,
            "provenance": dict(provenance),
            "scans": [
                {"condition": scan.condition, "assumptions": [flag.text for flag in scan.assumptions]}
                for scan in preprocessed
            ],
            "slices": [
                {"folder": name, "condition": conditions[id(piece)], **describe(piece)}
                for name, piece in name_slices(preprocessed)
            ],
        },
    )


def write_json(path: Path, content: Mapping) -> None:
    """Write JSON that every reader understands: UTF-8, no NaN."""
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def describe(piece: PreprocessedSlice) -> dict:
    """One slice of ``preprocessing.json``; indices from 0, pixel centers at integers."""
    return {
        **describe_contours(piece.contours, piece.series),
        "flags": [flag.text for flag in piece.flags],
        "findings": [flag_document(flag) for flag in piece.flags],
        "unaligned_frames": np.flatnonzero(~piece.motion.aligned).tolist(),
        "excluded_frames": sorted(piece.excluded_frames),
        "frame_quality": np.round(piece.motion.quality.astype(float), 3).tolist(),
        "acquisition": acquisition_document(piece.series.acquisition),
    }


def describe_contours(contours: Contours, series: PerfusionSeries) -> dict:
    """What `Contours` says about a series, in the words of ``preprocessing.json``."""
    points = {"anterior": contours.anterior_rv_ras_mm, "inferior": contours.inferior_rv_ras_mm}
    found = {name: point for name, point in points.items() if point is not None}
    missing = dict.fromkeys(points)
    return {
        "level": series.level,
        "peak_frame": int(contours.peak_frame),
        "reference_frame": int(contours.reference_frame),
        "box_px": [float(edge) for edge in contours.box_px],
        "rv_insertion_points_px": missing
        | {name: series.pixels_from_ras(point).round(3).tolist() for name, point in found.items()},
        "rv_insertion_points_ras_mm": missing | {name: np.round(point, 3).tolist() for name, point in found.items()},
        "origin": contours.origin,
        "weights_sha256": contours.weights_sha256,
        "origins": {str(part): str(origin) for part, origin in contours.origins.items()},
        "confidences": {str(part): round(float(value), 3) for part, value in contours.confidences.items()},
        "times_s": series.times_s.astype(float).round(4).tolist(),
        "shape": list(series.signal.shape),
        "ijk_to_ras": series.ijk_to_ras.tolist(),
    }
