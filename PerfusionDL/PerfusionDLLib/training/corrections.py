"""Slices that readers corrected: found in results folders, kept as cases that name nobody."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .. import NOTICE
from ..data.contours import Origin, Part
from ..data.errors import PerfusionError
from ..data.preprocessed import PreprocessedSlice
from ..data.study import Condition, Level, PerfusionSeries
from ..evaluation.cases import Case, Reference
from ..results.atomic import atomic_file
from ..results.layout import SCENE
from ..results.writing import write_json

CASES = "cases.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Correction:
    """A slice with contours that a reader edited or drew.

    study : counts from 1; slices of one study are of one patient
    parts : what the reader edited or drew
    reference_frame : frame whose pose the contours are in
    case : the series as acquired, and the contours as its reference
    """

    study: int
    parts: frozenset[Part]
    reference_frame: int
    case: Case


def read_corrections(folders: Sequence[Path]) -> list[Correction]:
    """Every corrected slice in results folders, or in folders that `export_cases` wrote.

    Raises PerfusionError where a folder is neither, or holds no correction.
    """
    found: list[Correction] = []
    for folder in folders:
        before = max((one.study for one in found), default=0)
        read = _read_cases if (folder / CASES).is_file() else _read_results
        corrected = list(read(folder))
        if not corrected:
            raise PerfusionError(
                f"No contour in {folder.name} was edited or drawn by a reader; there is nothing to learn from.",
                "Correct the contours in 3D Slicer, save the scene, and write results with `perfusiondl export`.",
            )
        found += [replace(one, study=before + one.study) for one in corrected]
    return found


def export_cases(folders: Sequence[Path], out: Path) -> list[Correction]:
    """Write the corrected slices of results folders as cases to learn from into a folder, and return them.

    A case holds the images with their displacement and frame times from 0, contours, insertion points, and the
    directions of rows and columns. It holds no name, date, identifier, position in the scanner or file name; studies
    are numbered.
    """
    corrections = read_corrections(folders)
    described = []
    for number, one in enumerate(corrections, start=1):
        name = f"case_{number:04d}.npz"
        series, reference = one.case.series, one.case.reference
        directions = series.ijk_to_ras.copy()
        directions[:3, 3] = 0
        if reference.displacement_mm is None:
            raise ValueError("a corrected slice needs its motion, got none")
        with atomic_file(out / name) as target:
            np.savez_compressed(
                target,
                signal=_compact(series.signal),
                times_s=series.times_s - series.times_s[0],
                ijk_to_ras=directions,
                labels=reference.labels,
                rv_points_px=reference.rv_points_px,
                displacement_mm=reference.displacement_mm.astype(np.float16),
            )
        described.append(
            {
                "file": name,
                "study": one.study,
                "condition": one.case.condition,
                "level": one.case.level,
                "edited": sorted(one.parts),
                "peak_frame": reference.peak_frame,
                "reference_frame": one.reference_frame,
            }
        )
    write_json(out / CASES, {"notice": NOTICE, "cases": described})
    return corrections


def _read_cases(folder: Path) -> Iterator[Correction]:
    try:
        for case in json.loads((folder / CASES).read_text(encoding="utf-8"))["cases"]:
            with np.load(folder / case["file"]) as stored:
                series = PerfusionSeries(
                    signal=stored["signal"].astype(np.float32),
                    times_s=stored["times_s"],
                    ijk_to_ras=stored["ijk_to_ras"],
                    level=Level(case["level"]) if case["level"] else None,
                )
                reference = Reference(
                    labels=stored["labels"],
                    peak_frame=case["peak_frame"],
                    rv_points_px=stored["rv_points_px"],
                    displacement_mm=stored["displacement_mm"].astype(np.float32),
                )
            yield _correction(
                case["study"], map(Part, case["edited"]), Condition(case["condition"]), case, series, reference
            )
    except (OSError, ValueError, KeyError) as error:
        raise PerfusionError(
            f"The cases in {folder.name} cannot be read.", "Write them again with `perfusiondl export-cases`."
        ) from error


def _read_results(folder: Path) -> Iterator[Correction]:
    from .. import mrml

    if not (folder / SCENE).is_file():
        raise PerfusionError(
            f"The folder {folder.name} holds no results.",
            "Name folders that `perfusiondl run` or `perfusiondl export` wrote, or cases from `export-cases`.",
        )
    opened = mrml.openScene(folder / SCENE)
    for nodes in mrml.findScans(opened.scene):
        drawn = [part for part in nodes.slices if part.hasContours]
        for part in mrml.ScanReader(nodes).read(drawn).slices:
            edited = [one for one, origin in part.contours.origins.items() if origin is not Origin.AUTOMATIC]
            if edited and part.contours.myocardium.any() and part.contours.blood_pool.any():
                described = {"reference_frame": part.contours.reference_frame, "level": part.series.level}
                yield _correction(1, edited, nodes.condition, described, part.series, _reference(part))


def _correction(
    study: int,
    parts: Iterable[Part],
    condition: Condition,
    described: dict,
    series: PerfusionSeries,
    reference: Reference,
) -> Correction:
    case = Case(
        name=f"study {study}", condition=condition, level=described["level"], series=series, reference=reference
    )
    return Correction(study=study, parts=frozenset(parts), reference_frame=described["reference_frame"], case=case)


def _reference(part: PreprocessedSlice) -> Reference:
    contours = part.contours
    points = [
        np.full(2, np.nan) if point is None else part.series.pixels_from_ras(point)
        for point in (contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm)
    ]
    return Reference(
        labels=contours.labels,
        peak_frame=contours.peak_frame,
        rv_points_px=np.stack(points),
        displacement_mm=part.motion.displacement_mm,
    )


def _compact(signal: np.ndarray) -> np.ndarray:
    """Whole numbers in the scanner's range in half the space; anything else unchanged."""
    whole = signal.min() >= 0 and signal.max() < 65536 and np.array_equal(signal, np.rint(signal))
    return signal.astype(np.uint16) if whole else signal
