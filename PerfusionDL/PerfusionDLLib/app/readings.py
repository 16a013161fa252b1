"""A reading as its results folder holds it: the contours of its slices and the numbers of its tables, both checked.

What is damaged is said as a problem of its folder: such folders come from other programs and spreadsheets too.
"""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..data.box import Box
from ..data.contours import Contours, Label
from ..data.errors import PerfusionError
from ..evaluation.agreement.corrections import Flows
from ..results.layout import INDEX, LABELS, SEGMENTS, TERRITORIES
from ..results.reading import read_image

QUANTITIES = {"rest": "rest_mbf_ml_min_g", "stress": "stress_mbf_ml_min_g", "mpr": "mpr"}
"""Column of the tables by quantity."""
MOST_FLOW = 1000.0
"""mL/min/g, and of a ratio. Chosen: more is a damaged number, such as a decimal point that a spreadsheet dropped."""
TINY_MM3 = 1e-9
"""Volume of a voxel. Chosen: a matrix below it describes no image."""


def read_index(folder: Path) -> dict[str, dict]:
    """The slices of a results folder by name."""
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        return {check_folder_name(described["folder"]): described for described in index["slices"]}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise PerfusionError(
            f"The folder {folder.name} holds no results.", "Name folders that `perfusiondl run` wrote."
        ) from error


def check_folder_name(name: str) -> str:
    """The name of a slice's folder, which lies in the results folder and nowhere else."""
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise ValueError(f"the name of a folder was expected, got {name!r}")
    return name


@contextmanager
def report_damage(folder: Path, name: str) -> Iterator[None]:
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


def read_matrix(described: dict) -> np.ndarray:
    """(4, 4) where a slice lies; ValueError where no image lies so."""
    ijk_to_ras = np.array(described["ijk_to_ras"], dtype=float)
    if ijk_to_ras.shape != (4, 4) or not np.isfinite(ijk_to_ras).all() or abs(np.linalg.det(ijk_to_ras)) < TINY_MM3:
        raise ValueError(f"a (4, 4) matrix was expected, got {ijk_to_ras}")
    return ijk_to_ras


def read_numbers(values: object, count: int) -> np.ndarray:
    """So many finite numbers; ValueError where they are not."""
    numbers = np.array(values, dtype=float)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"{count} numbers were expected, got {values!r}")
    return numbers


def read_contours(folder: Path, described: dict) -> Contours:
    points = described["rv_insertion_points_ras_mm"]
    anterior, inferior = (
        None if points[name] is None else read_numbers(points[name], 3) for name in ("anterior", "inferior")
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
        box_px=Box(*read_numbers(described["box_px"], 4).tolist()),
        labels=labels.astype(np.uint8),
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
    )


def read_flows(folder: Path) -> Flows:
    """Every number of the tables in a results folder."""
    found = {}
    for file, extents in (
        (SEGMENTS, {"": "segment"}),
        (TERRITORIES, {"": "territory", "global": "patient"}),
    ):
        for row in read_rows(folder, file):
            name = row["aha_segment"] or row["name"]
            extent = extents.get(name, extents[""])
            for quantity, column in QUANTITIES.items():
                found[quantity, extent, name] = read_number(row[column], folder, file)
    return found


def read_rows(folder: Path, file: str) -> list[dict[str, str]]:
    """The rows of a table, also one that a spreadsheet saved again, with semicolons and a mark of the byte order."""
    try:
        text = (folder / file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PerfusionError(
            f"The folder {folder.name} holds no {file}.", "Name folders that `perfusiondl run` wrote."
        ) from error
    except UnicodeDecodeError as error:
        raise damaged_table(folder, file, "it is no text in UTF-8") from error
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise damaged_table(folder, file, "it is no table") from error
    wanted = {"aha_segment", "name", *QUANTITIES.values()}
    missing = sorted(wanted - set(rows[0] if rows else ()))
    if missing:
        raise damaged_table(folder, file, f"it has no column {missing[0]}")
    if any(row[column] is None for row in rows for column in wanted):
        raise damaged_table(folder, file, "a row is cut off")
    if len({row["aha_segment"] or row["name"] for row in rows}) < len(rows):
        raise damaged_table(folder, file, "a region stands in it twice")
    return rows


def read_number(cell: str, folder: Path, file: str) -> float:
    """A flow or a ratio, with a decimal point or the comma of some languages; NaN where there is none."""
    try:
        number = float(cell.replace(",", ".") or "nan")
    except ValueError as error:
        raise damaged_table(folder, file, f"{cell[:20]!r} is no number") from error
    if not (np.isnan(number) or abs(number) < MOST_FLOW):
        raise damaged_table(folder, file, f"{cell[:20]!r} is no flow and no ratio of flows")
    return number


def damaged_table(folder: Path, file: str, what: str) -> PerfusionError:
    return PerfusionError(
        f"The table {file} in {folder.name} cannot be used: {what}.",
        "Write the results again with `perfusiondl run` or `perfusiondl export`, or save the table as CSV in UTF-8.",
    )
