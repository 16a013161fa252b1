"""Everything that is written about a study: tables, images, report, scene, and DICOM objects for the archive."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from .. import NOTICE
from ..data.flow import PerfusionMaps
from ..data.preprocessed import PreprocessedScan
from ..data.study import PerfusionSeries
from ..data.table import SegmentTable
from ..results.atomic import INDEX
from ..results.writing import named_slices, write_index, write_json, write_slice


def write_results(
    folder: Path,
    preprocessed: Sequence[PreprocessedScan],
    maps: Sequence[PerfusionMaps],
    table: SegmentTable,
    *,
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """Write everything that a study gave into an existing, empty folder.

    ``progress`` is called with the name of each step as it begins.
    """
    from .. import mrml, report, review

    progress("tables")
    (folder / "segments.csv").write_text(report.segments_csv(table), encoding="utf-8")
    (folder / "territories.csv").write_text(report.territories_csv(table), encoding="utf-8")
    tidy = report.tidy_csv(table, study=next((scan.study for scan in preprocessed if scan.study), "study"))
    (folder / "tidy.csv").write_text(tidy, encoding="utf-8")
    (folder / "table.json").write_text(report.table_json(table), encoding="utf-8")
    (folder / "table.xlsx").write_bytes(report.table_xlsx(table))
    progress("images")
    provenance = {"notice": NOTICE, **table.provenance}
    for (name, piece), slice_maps in zip(
        named_slices(preprocessed), (one for scan in maps for one in scan.slices), strict=True
    ):
        about = {**provenance, "origin": str(piece.contours.origin)}
        write_slice(folder / name, piece.contours, piece.series, slice_maps.mbf_ml_min_g, about)
        mrml.writeSequence(folder / name / "corrected.seq.nrrd", piece.motion.corrected, piece.series)
    write_index(folder / INDEX, preprocessed, provenance)
    progress("report")
    with (folder / "report.pdf").open("wb") as target:
        report.write_pdf(target, preprocessed, maps, table)
    (folder / "report.html").write_text(review.write_study_page(preprocessed, maps, table), encoding="utf-8")
    write_json(folder / review.CONTACT_SHEET, review.describe_contact_sheet(preprocessed, maps, table))
    progress("scene")
    mrml.saveStudy(folder / "scene.mrb", [_without_identifiers(scan) for scan in preprocessed], maps, table)


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
    preprocessed: Sequence[PreprocessedScan],
    maps: Sequence[PerfusionMaps],
    table: SegmentTable,
    *,
    de_identify: bool = False,
) -> None:
    """Give the results in a folder to the archive too, as DICOM objects in its subfolder ``dicom``.

    sources : folders with the DICOM images of the study, or the files themselves
    """
    from ..dicom import export_results

    export_results(
        folder / "dicom",
        sources,
        preprocessed,
        maps,
        table,
        moment=datetime.now(),
        report_pdf=(folder / "report.pdf").read_bytes(),
        de_identify=de_identify,
    )
