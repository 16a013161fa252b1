"""The parts of a results folder, each by the function that writes it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import NOTICE
from ..data.preprocessed import PreprocessedScan, PreprocessedStudy
from ..data.result import StudyResult
from ..data.study import PerfusionSeries
from ..results import layout
from ..results.writing import name_slices, write_index, write_json, write_slice


def _write_tables(folder: Path, result: StudyResult) -> None:
    """Table of the regions for people, programs and spreadsheets, and the index of the folder."""
    from .. import report

    (folder / layout.SEGMENTS).write_text(report.segments_csv(result.table), encoding="utf-8")
    (folder / layout.TERRITORIES).write_text(report.territories_csv(result.table), encoding="utf-8")
    tidy = report.tidy_csv(result.table, study=result.preprocessed.label or "study")
    (folder / layout.TIDY).write_text(tidy, encoding="utf-8")
    (folder / layout.TABLE).write_text(report.table_json(result.table), encoding="utf-8")
    (folder / layout.WORKBOOK).write_bytes(report.table_xlsx(result.table))
    write_index(folder / layout.INDEX, result.scans, _provenance(result))


def _write_images(folder: Path, result: StudyResult) -> None:
    """Labels and maps of every slice."""
    provenance = _provenance(result)
    for (name, piece), slice_maps in zip(
        name_slices(result.scans), (one for scan in result.maps for one in scan.slices), strict=True
    ):
        about = {**provenance, "origin": str(piece.contours.origin)}
        write_slice(folder / name, piece.contours, piece.series, slice_maps.mbf_ml_min_g, about)


def _write_report(folder: Path, result: StudyResult) -> None:
    """The report to print."""
    from .. import report

    with (folder / layout.REPORT).open("wb") as target:
        report.write_pdf(target, result)


def _write_page(folder: Path, result: StudyResult) -> None:
    """The report for the browser, and what a cohort's contact sheet needs."""
    from .. import review

    (folder / layout.PAGE).write_text(review.write_study_page(result), encoding="utf-8")
    write_json(folder / layout.CONTACT_SHEET, review.describe_contact_sheet(result))


def _write_scene(folder: Path, result: StudyResult) -> None:
    """The scene to correct in Slicer, and the motion-compensated images of every slice as sequences for it."""
    from .. import mrml
    from ..dicom import read_or_make_key

    folders = [folder / name for name, _ in name_slices(result.scans)]
    for one in folders:
        one.mkdir(parents=True, exist_ok=True)
    key = read_or_make_key()
    scans = tuple(_without_identifiers(scan, key) for scan in result.scans)
    anonymous = replace(result, preprocessed=PreprocessedStudy(scans=scans))
    mrml.saveStudy(folder / layout.SCENE, anonymous, corrected=[one / layout.CORRECTED for one in folders])


PARTS: dict[str, Callable[[Path, StudyResult], None]] = {
    "tables": _write_tables,
    "images": _write_images,
    "report": _write_report,
    "page": _write_page,
    "scene": _write_scene,
}
"""What a results folder consists of: the name of each step, and what writes it."""
_LIBRARIES = {"report": "..report.pages", "scene": "..mrml"}
"""Modules that load the large libraries of a part."""


def _provenance(result: StudyResult) -> dict[str, str]:
    """What stands in every file."""
    return {"notice": NOTICE, **result.table.provenance.flat()}


def _without_identifiers(scan: PreprocessedScan, key: bytes) -> PreprocessedScan:
    """A scan whose images are known by references that only the user's key leads from."""
    from ..dicom import make_image_reference

    def kept(series: PerfusionSeries) -> PerfusionSeries:
        references = (make_image_reference(uid, key=key) for uid in series.instance_uids)
        return replace(series, instance_uids=tuple(references))

    slices = tuple(replace(part, series=kept(part.series)) for part in scan.slices)
    return replace(scan, slices=slices, aif_series=kept(scan.aif_series) if scan.aif_series else None)


def write_parts(
    parts: Sequence[str], folder: Path, result: StudyResult, *, progress: Callable[[str], None] = lambda step: None
) -> None:
    """Write parts of a results folder one after the other; ``progress`` is called with the name of each."""
    for part in parts:
        progress(part)
        PARTS[part](folder, result)


def write_parts_later(
    parts: Sequence[str],
    folder: Path,
    *,
    receive: Callable[[], Any],
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """The same in a process of its own, which loads the libraries of its parts before it is given the result.

    receive : gives the preprocessed study first, then its maps and its table
    """
    for library in filter(None, map(_LIBRARIES.get, parts)):
        with suppress(ImportError):  # whoever needs it says what is missing
            import_module(library, __package__)
    preprocessed = receive()
    maps, table = receive()
    write_parts(parts, folder, StudyResult(preprocessed=preprocessed, maps=maps, table=table), progress=progress)
