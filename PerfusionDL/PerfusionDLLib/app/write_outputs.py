"""Everything that is written about a study: tables, images, report, scene, and DICOM objects for the archive."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from .. import NOTICE
from ..data.preprocessed import PreprocessedScan, PreprocessedStudy
from ..data.result import StudyResult
from ..data.study import PerfusionSeries
from ..quantification.options import DEFAULT, Options, options_document
from ..results import layout
from ..results.writing import named_slices, write_index, write_json, write_slice


def write_results(
    folder: Path,
    result: StudyResult,
    *,
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """Write everything that a study gave into an existing, empty folder.

    ``progress`` is called with the name of each step as it begins.
    """
    from .. import mrml, report, review

    progress("tables")
    (folder / layout.SEGMENTS).write_text(report.segments_csv(result.table), encoding="utf-8")
    (folder / layout.TERRITORIES).write_text(report.territories_csv(result.table), encoding="utf-8")
    tidy = report.tidy_csv(result.table, study=result.preprocessed.label or "study")
    (folder / layout.TIDY).write_text(tidy, encoding="utf-8")
    (folder / layout.TABLE).write_text(report.table_json(result.table), encoding="utf-8")
    (folder / layout.WORKBOOK).write_bytes(report.table_xlsx(result.table))
    progress("images")
    provenance = {"notice": NOTICE, **result.table.provenance.flat()}
    for (name, piece), slice_maps in zip(
        named_slices(result.scans), (one for scan in result.maps for one in scan.slices), strict=True
    ):
        about = {**provenance, "origin": str(piece.contours.origin)}
        write_slice(folder / name, piece.contours, piece.series, slice_maps.mbf_ml_min_g, about)
        mrml.writeSequence(folder / name / layout.CORRECTED, piece.motion.corrected, piece.series)
    write_index(folder / layout.INDEX, result.scans, provenance)
    progress("report")
    with (folder / layout.REPORT).open("wb") as target:
        report.write_pdf(target, result)
    (folder / layout.PAGE).write_text(review.write_study_page(result), encoding="utf-8")
    write_json(folder / layout.CONTACT_SHEET, review.describe_contact_sheet(result))
    progress("scene")
    scans = tuple(_without_identifiers(scan) for scan in result.scans)
    mrml.saveStudy(folder / layout.SCENE, replace(result, preprocessed=PreprocessedStudy(scans=scans)))


def _without_identifiers(scan: PreprocessedScan) -> PreprocessedScan:
    """A scan whose images are known by references that only the user's key leads from."""
    from ..dicom import image_reference

    def kept(series: PerfusionSeries) -> PerfusionSeries:
        return replace(series, instance_uids=tuple(map(image_reference, series.instance_uids)))

    slices = tuple(replace(part, series=kept(part.series)) for part in scan.slices)
    return replace(scan, slices=slices, aif_series=kept(scan.aif_series) if scan.aif_series else None)


def write_dicom(
    folder: Path,
    sources: Sequence[Path],
    result: StudyResult,
    *,
    options: Options = DEFAULT,
    de_identify: bool = False,
    former: Mapping[str, Any] | None = None,
) -> None:
    """Give the results in a folder to the archive too, as DICOM objects in its subfolder ``dicom``.

    sources : folders with the DICOM images of the study, or the files themselves
    former : what names the report in the archive that the new one replaces
    """
    from ..dicom import export_results

    export_results(
        folder / layout.DICOM,
        sources,
        result,
        moment=datetime.now(),
        report_pdf=(folder / layout.REPORT).read_bytes(),
        de_identify=de_identify,
        options=options_document(options),
        former=former,
    )
