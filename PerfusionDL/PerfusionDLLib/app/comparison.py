"""Two readings of the same studies, compared and written: the door behind ``perfusiondl agree`` and the module."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.contours import Contours
from ..data.errors import PerfusionError
from ..data.preprocessed import MotionCompensation
from ..data.study import Condition, PerfusionSeries
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
from ..evaluation.agreement.corrections import pair_flows
from ..motion import move_labels, move_points
from ..report import agreement as tables
from ..results.atomic import Kind, atomic_folder
from ..results.layout import DISPLACEMENT
from ..review.decisions import read_review
from .readings import read_contours, read_flows, read_index, read_matrix, report_damage
from .reviewed import find_reviewed

SEED = 20
"""Of the bootstrap of the intervals. Chosen."""


def agree(
    first: Sequence[Path], second: Sequence[Path], out: Path, *, overwrite: bool = False, review: Path | None = None
) -> str:
    """Compare results folders in pairs and write tables, plots and the paired readings; returns the tables as text.

    Folders are paired in the order given. Slices are matched by their names, readings by segment, territory and
    patient. Studies are numbered, not named, in everything written.

    review : file of decisions about the studies of ``first``; those without a decision are left out

    Raises PerfusionError where a folder holds no results or the pairs have nothing in common.
    """
    if len(first) != len(second):
        raise PerfusionError(
            f"{len(first)} results folders cannot be compared with {len(second)}.",
            "Name as many folders before --with as after it, in the same order.",
        )
    said = ""
    inputs = (*first, *second)
    if review is not None:
        kept, said = find_reviewed(first, read_review(review))
        first, second = ([folders[place] for place in kept] for folders in (first, second))
    with atomic_folder(out, Kind.AGREEMENT, overwrite=overwrite, inputs=inputs) as partial:
        comparison = compare(first, second)
        shapes, flows = write_comparison(partial, comparison)
    return said + tables.agreement_text(comparison, shapes, flows)


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
        flows += pair_flows(study, *map(read_flows, pair))
    if not slices and not flows:
        raise PerfusionError(
            "The results have no slice and no segment in common.", "Check that both are of the same studies."
        )
    return Comparison(studies=len(first), slices=tuple(slices), flows=tuple(flows))


def _compare_slices(study: int, first: Path, second: Path) -> list[PairedSlice]:
    readings = [read_index(folder) for folder in (first, second)]
    paired = []
    for name, described in readings[0].items():
        if name not in readings[1]:
            continue
        contours = []
        for folder, slices in zip((first, second), readings, strict=True):
            with report_damage(folder, name):
                contours.append(read_contours(folder / name, slices[name]))
        if contours[0].labels.shape != contours[1].labels.shape:
            raise PerfusionError(
                f"In study {study} the images of {name} differ in size.", "Compare results of the same series."
            )
        with report_damage(first, name):
            ijk_to_ras = read_matrix(described)
            for here, there in ((0, 1), (1, 0)):
                known = (first, second)[there] / name / DISPLACEMENT
                if known.is_file() and contours[here].reference_frame != contours[there].reference_frame:
                    contours[here] = move_to_pose(contours[here], contours[there].reference_frame, known, ijk_to_ras)
            paired.append(
                PairedSlice(
                    study=study,
                    condition=str(Condition(described["condition"])),
                    level=str(described["level"] or ""),
                    agreement=compare_contours(*contours, ijk_to_ras=ijk_to_ras),
                )
            )
    return paired


def move_to_pose(contours: Contours, frame: int, displacement: Path, ijk_to_ras: np.ndarray) -> Contours:
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

    middle = np.array(contours.box_px.center_px)
    down, right = map(float, at_reference(middle) - middle)
    return replace(
        contours,
        reference_frame=frame,
        box_px=contours.box_px.moved(down, right),
        labels=move_labels(contours.labels, **how).astype(np.uint8),
        anterior_rv_ras_mm=moved(contours.anterior_rv_ras_mm),
        inferior_rv_ras_mm=moved(contours.inferior_rv_ras_mm),
    )
