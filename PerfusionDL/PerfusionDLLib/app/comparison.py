"""Two readings of the same studies, compared and written: the door behind ``perfusiondl agree`` and the module."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..data.box import Box
from ..data.contours import Contours, Label
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
from ..evaluation.agreement.corrections import Flows, pair_flows
from ..motion import move_labels, move_points
from ..report import agreement as tables
from ..results.atomic import Kind, atomic_folder
from ..results.layout import DISPLACEMENT, INDEX, LABELS, SEGMENTS, TERRITORIES
from ..results.reading import read_image
from ..review.decisions import read_review
from .reviewed import find_reviewed

SEED = 20
QUANTITIES = {"rest": "rest_mbf_ml_min_g", "stress": "stress_mbf_ml_min_g", "mpr": "mpr"}
MOST_FLOW = 1000.0
"""mL/min/g, and of a ratio: more is a damaged number, such as a decimal point that a spreadsheet dropped."""
TINY_MM3 = 1e-9
"""Volume of a voxel below which a matrix describes no image."""


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
        contours = []
        for folder, slices in zip((first, second), readings, strict=True):
            with _said_in_words(folder, name):
                contours.append(_contours(folder / name, slices[name]))
        if contours[0].labels.shape != contours[1].labels.shape:
            raise PerfusionError(
                f"In study {study} the images of {name} differ in size.", "Compare results of the same series."
            )
        with _said_in_words(first, name):
            ijk_to_ras = _place(described)
            for here, there in ((0, 1), (1, 0)):
                known = (first, second)[there] / name / DISPLACEMENT
                if known.is_file() and contours[here].reference_frame != contours[there].reference_frame:
                    contours[here] = _in_pose(contours[here], contours[there].reference_frame, known, ijk_to_ras)
            paired.append(
                PairedSlice(
                    study=study,
                    condition=str(Condition(described["condition"])),
                    level=str(described["level"] or ""),
                    agreement=compare_contours(*contours, ijk_to_ras=ijk_to_ras),
                )
            )
    return paired


def _index(folder: Path) -> dict[str, dict]:
    """The slices of a results folder by name."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return {_plain_name(described["folder"]): described for described in index["slices"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PerfusionError(
            f"The folder {folder.name} holds no results.", "Name folders that `perfusiondl run` wrote."
        ) from error


def _plain_name(name: str) -> str:
    """The name of a slice's folder, which lies in the results folder and nowhere else."""
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise ValueError(f"the name of a folder was expected, got {name!r}")
    return name


@contextmanager
def _said_in_words(folder: Path, name: str) -> Iterator[None]:
    """What is wrong with the results of a slice is said as a problem of its folder."""
    try:
        yield
    except PerfusionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError, MemoryError) as error:
        raise PerfusionError(
            f"The results of {name} in {folder.name} are damaged: they cannot be read.",
            "Write them again with `perfusiondl run` or `perfusiondl export`.",
        ) from error


def _place(described: dict) -> np.ndarray:
    """(4, 4) where a slice lies; ValueError where no image lies so."""
    ijk_to_ras = np.array(described["ijk_to_ras"], dtype=float)
    if ijk_to_ras.shape != (4, 4) or not np.isfinite(ijk_to_ras).all() or abs(np.linalg.det(ijk_to_ras)) < TINY_MM3:
        raise ValueError(f"a (4, 4) matrix was expected, got {ijk_to_ras}")
    return ijk_to_ras


def _numbers(values: object, count: int) -> np.ndarray:
    """So many finite numbers; ValueError where they are not."""
    numbers = np.array(values, dtype=float)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"{count} numbers were expected, got {values!r}")
    return numbers


def _contours(folder: Path, described: dict) -> Contours:
    points = described["rv_insertion_points_ras_mm"]
    anterior, inferior = (
        None if points[name] is None else _numbers(points[name], 3) for name in ("anterior", "inferior")
    )
    labels = read_image(folder / LABELS)
    if labels.ndim != 2 or not set(np.unique(labels)) <= set(map(int, Label)):
        raise ValueError(f"a label image was expected, got {labels.shape} {labels.dtype}")
    frames = len(described["times_s"]) if "times_s" in described else None
    for frame in (described["peak_frame"], described["reference_frame"]):
        if not isinstance(frame, int) or frame < 0 or (frames is not None and frame >= frames):
            raise ValueError(f"a frame was expected, got {frame!r}")
    return Contours(
        peak_frame=described["peak_frame"],
        reference_frame=described["reference_frame"],
        box_px=Box(*_numbers(described["box_px"], 4).tolist()),
        labels=labels.astype(np.uint8),
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


def _flows(folder: Path) -> Flows:
    """Every number of the tables in a results folder."""
    found = {}
    for file, extents in (
        (SEGMENTS, {"": "segment"}),
        (TERRITORIES, {"": "territory", "global": "patient"}),
    ):
        for row in _rows(folder, file):
            name = row["aha_segment"] or row["name"]
            extent = extents.get(name, extents[""])
            for quantity, column in QUANTITIES.items():
                found[quantity, extent, name] = _number(row[column], folder, file)
    return found


def _rows(folder: Path, file: str) -> list[dict[str, str]]:
    """The rows of a table, also one that a spreadsheet saved again, with semicolons and a mark of the byte order."""
    try:
        text = (folder / file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PerfusionError(
            f"The folder {folder.name} holds no {file}.", "Name folders that `perfusiondl run` wrote."
        ) from error
    except UnicodeDecodeError as error:
        raise _damaged_table(folder, file, "it is no text in UTF-8") from error
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise _damaged_table(folder, file, "it is no table") from error
    wanted = {"aha_segment", "name", *QUANTITIES.values()}
    missing = sorted(wanted - set(rows[0] if rows else ()))
    if missing:
        raise _damaged_table(folder, file, f"it has no column {missing[0]}")
    if any(row[column] is None for row in rows for column in wanted):
        raise _damaged_table(folder, file, "a row is cut off")
    if len({row["aha_segment"] or row["name"] for row in rows}) < len(rows):
        raise _damaged_table(folder, file, "a region stands in it twice")
    return rows


def _number(cell: str, folder: Path, file: str) -> float:
    """A flow or a ratio, with a decimal point or the comma of some languages; NaN where there is none."""
    try:
        number = float(cell.replace(",", ".") or "nan")
    except ValueError as error:
        raise _damaged_table(folder, file, f"{cell[:20]!r} is no number") from error
    if not (np.isnan(number) or abs(number) < MOST_FLOW):
        raise _damaged_table(folder, file, f"{cell[:20]!r} is no flow and no ratio of flows")
    return number


def _damaged_table(folder: Path, file: str, what: str) -> PerfusionError:
    return PerfusionError(
        f"The table {file} in {folder.name} cannot be used: {what}.",
        "Write the results again with `perfusiondl run` or `perfusiondl export`, or save the table as CSV in UTF-8.",
    )
