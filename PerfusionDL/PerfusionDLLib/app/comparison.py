"""Two readings of the same studies, compared and written: the door behind ``perfusiondl agree`` and the module."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.contours import Contours
from ..data.errors import PerfusionError
from ..data.preprocessed import MotionCompensation
from ..data.study import PerfusionSeries
from ..evaluation.agreement import (
    Comparison,
    FlowSummary,
    PairedFlow,
    PairedSlice,
    ShapeSummary,
    compare_contours,
    flow_summaries,
    shape_summaries,
)
from ..evaluation.agreement.corrections import Flows, pair_flows
from ..motion import move_labels, move_points
from ..report import agreement as tables
from ..results.atomic import INDEX, Kind, whole_folder
from ..results.reading import read_image

SEED = 20


def agree(first: Sequence[Path], second: Sequence[Path], out: Path, *, overwrite: bool = False) -> str:
    """Compare results folders in pairs and write tables, plots and the paired readings; returns the tables as text.

    Folders are paired in the order given. Slices are matched by their names, readings by segment, territory and
    patient. Studies are numbered, not named, in everything written.

    Raises PerfusionError where a folder holds no results or the pairs have nothing in common.
    """
    if len(first) != len(second):
        raise PerfusionError(
            f"{len(first)} results folders cannot be compared with {len(second)}.",
            "Name as many folders before --with as after it, in the same order.",
        )
    with whole_folder(out, Kind.AGREEMENT, overwrite=overwrite, inputs=(*first, *second)) as partial:
        comparison = compare(first, second)
        shapes, flows = write_comparison(partial, comparison)
    return tables.agreement_text(comparison, shapes, flows)


def write_comparison(folder: Path, comparison: Comparison) -> tuple[list[ShapeSummary], list[FlowSummary]]:
    """Write tables, plots and the paired readings into an existing, empty folder; returns what they say."""
    from ..report.agreement_pages import write_agreement_pdf

    shapes = shape_summaries(comparison.slices)
    flows = flow_summaries(comparison.flows, np.random.default_rng(SEED))
    (folder / "agreement.csv").write_text(tables.agreement_csv(shapes, flows), encoding="utf-8")
    (folder / "slices.csv").write_text(tables.slices_csv(comparison), encoding="utf-8")
    (folder / "flows.csv").write_text(tables.flows_csv(comparison), encoding="utf-8")
    with (folder / "agreement.pdf").open("wb") as target:
        write_agreement_pdf(target, comparison, shapes, flows)
    return shapes, flows


def compare(first: Sequence[Path], second: Sequence[Path]) -> Comparison:
    """Read pairs of results folders and compare what they have in common."""
    slices: list[PairedSlice] = []
    flows: list[PairedFlow] = []
    for study, pair in enumerate(zip(first, second, strict=True), start=1):
        slices += _compare_slices(study, *pair)
        flows += pair_flows(study, *map(_flows, pair))
    if not slices and not flows:
        raise PerfusionError(
            "The results have no slice and no segment in common.", "Check that both are of the same studies."
        )
    return Comparison(studies=len(first), slices=tuple(slices), flows=tuple(flows))


def _compare_slices(study: int, first: Path, second: Path) -> list[PairedSlice]:
    readings = [_index(folder) for folder in (first, second)]
    paired = []
    for name, described in readings[0].items():
        if name not in readings[1]:
            continue
        contours = [
            _contours(folder / name, slices[name]) for folder, slices in zip((first, second), readings, strict=True)
        ]
        if contours[0].labels.shape != contours[1].labels.shape:
            raise PerfusionError(
                f"In study {study} the images of {name} differ in size.", "Compare results of the same series."
            )
        ijk_to_ras = np.array(described["ijk_to_ras"], dtype=float)
        for here, there in ((0, 1), (1, 0)):
            known = (first, second)[there] / name / "displacement.npz"
            if known.is_file() and contours[here].reference_frame != contours[there].reference_frame:
                contours[here] = _in_pose(contours[here], contours[there].reference_frame, known, ijk_to_ras)
        paired.append(
            PairedSlice(
                study=study,
                condition=described["condition"],
                level=described["level"] or "",
                agreement=compare_contours(*contours, ijk_to_ras=ijk_to_ras),
            )
        )
    return paired


def _index(folder: Path) -> dict[str, dict]:
    """The slices of a results folder by name."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return {described["folder"]: described for described in index["slices"]}
    except (OSError, ValueError, KeyError) as error:
        raise PerfusionError(
            f"The folder {folder.name} holds no results.", "Name folders that `perfusiondl run` wrote."
        ) from error


def _contours(folder: Path, described: dict) -> Contours:
    points = described["rv_insertion_points_ras_mm"]
    anterior, inferior = (None if points[name] is None else np.array(points[name]) for name in ("anterior", "inferior"))
    return Contours(
        peak_frame=described["peak_frame"],
        reference_frame=described["reference_frame"],
        box_px=tuple(described["box_px"]),
        labels=read_image(folder / "labels.nrrd").astype(np.uint8),
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
    )


def _in_pose(contours: Contours, frame: int, displacement: Path, ijk_to_ras: np.ndarray) -> Contours:
    """Contours brought into the pose of another reading's reference frame, whose displacement field is known."""
    with np.load(displacement) as stored:
        field_mm = stored["displacement_mm"].astype(np.float32)
    frames = len(field_mm)
    motion = MotionCompensation(
        corrected=np.zeros_like(field_mm[:, 0]),
        displacement_mm=field_mm,
        reference_frame=frame,
        quality=np.ones(frames),
        aligned=np.ones(frames, dtype=bool),
    )
    place = PerfusionSeries(signal=motion.corrected, times_s=np.arange(frames, dtype=float), ijk_to_ras=ijk_to_ras)
    how: dict[str, Any] = {
        "motion": motion,
        "frame": contours.reference_frame,
        "spacing_mm": place.spacing_mm,
        "to_reference": True,
    }

    def at_reference(point_yx: np.ndarray) -> np.ndarray:
        return move_points(point_yx[None], **how)[0]

    def moved(point: np.ndarray | None) -> np.ndarray | None:
        return None if point is None else place.ras_from_pixels(at_reference(place.pixels_from_ras(point)))

    row0, column0, row1, column1 = map(float, contours.box_px)
    middle = np.array([(row0 + row1) / 2, (column0 + column1) / 2])
    down, right = map(float, at_reference(middle) - middle)
    return replace(
        contours,
        reference_frame=frame,
        box_px=(row0 + down, column0 + right, row1 + down, column1 + right),
        labels=move_labels(contours.labels, **how).astype(np.uint8),
        anterior_rv_ras_mm=moved(contours.anterior_rv_ras_mm),
        inferior_rv_ras_mm=moved(contours.inferior_rv_ras_mm),
    )


def _flows(folder: Path) -> Flows:
    """Every number of the tables in a results folder."""
    found = {}
    for file, extents in (
        ("segments.csv", {"": "segment"}),
        ("territories.csv", {"": "territory", "global": "patient"}),
    ):
        try:
            with (folder / file).open(encoding="utf-8", newline="") as text:
                rows = list(csv.DictReader(text))
        except OSError as error:
            raise PerfusionError(
                f"The folder {folder.name} holds no {file}.", "Name folders that `perfusiondl run` wrote."
            ) from error
        for row in rows:
            name = row["aha_segment"] or row["name"]
            extent = extents.get(name, extents[""])
            for quantity, column in (("rest", "rest_mbf_ml_min_g"), ("stress", "stress_mbf_ml_min_g"), ("mpr", "mpr")):
                found[quantity, extent, name] = float(row[column] or "nan")
    return found
