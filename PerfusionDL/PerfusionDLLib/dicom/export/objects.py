"""Results into the archive: segmentations, flow maps, the table and the report as DICOM objects of the same study."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from ...data.errors import PerfusionError
from ...data.flow import PerfusionMaps
from ...data.preprocessed import PreprocessedScan, PreprocessedSlice
from ...data.provenance import provenance_from
from ...data.result import StudyResult
from ...data.study import Condition
from ..concepts import MANUFACTURER, REPORT_SERIES
from ..header_parts import make_file_meta
from ..versions import Name, number_versions
from .deidentification import NO_DATE, mark_deidentified, remove_names
from .document import encapsulate_pdf
from .images import make_contour_segmentation, make_flow_map, make_segment_segmentation
from .naming import Names, make_names, set_dimensions, set_moment
from .preprocessing_content import make_preprocessing_content, make_slice_content
from .sources import find_source_headers
from .structured_report import Region, make_segment_report

NOTICE = "Not approved for clinical use"
KINDS = ("contours", "AHA segments", "MBF")


def export_results(
    folder: Path,
    sources: Sequence[Path],
    result: StudyResult,
    *,
    moment: datetime,
    report_pdf: bytes | None = None,
    de_identify: bool = False,
    options: Mapping[str, Any] | None = None,
    former: Name | None = None,
) -> list[Path]:
    """Write the results as DICOM objects into a folder, new series of the study they were made from.

    Parameters
    ----------
    folder : Path
        Created where it does not exist. Each file takes its final name only when it is whole.
    sources : sequence of Path
        Folders with the DICOM images that the study was read from.
    result : StudyResult
    moment : datetime
        When the results were computed; the same results and moment give the same files.
    report_pdf : bytes, optional
        The report, written as an encapsulated PDF.
    de_identify : bool
        Leave out everything of the patient and the study (`deidentification`). The report is left out then, because it
        may name the patient.
    options : mapping, optional
        What the user chose (`quantification.options.options_document`), for whoever goes on from the objects.
    former : mapping, optional
        What names the report that the new one replaces (`versions`).

    Returns
    -------
    list of Path
        The files: per scan and slice contours (SEG), AHA segments (SEG) and flow (Parametric Map), and where a reader
        corrected them, the contours of the networks (SEG); the table, with points, boxes and frames left out (SR); the
        report (PDF).

    Raises
    ------
    PerfusionError
        Where the results do not come from DICOM, the source images are gone, or the files cannot be written.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*person name", category=UserWarning)  # the name is the source's
        objects = make_result_objects(
            sources, result, moment, None if de_identify else report_pdf, de_identify, options
        )
    if not de_identify:  # the former report names the study
        number_versions([made for _, made in objects], former)
    folder, paths = Path(folder), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, made in objects:
            path = folder / f"{name}.dcm"
            partial = path.with_suffix(".partial")
            encode_in_utf8(made).save_as(partial, enforce_file_format=True)
            partial.replace(path)
            paths.append(path)
    except OSError as error:
        raise PerfusionError(
            f"The DICOM results cannot be written to {folder.name} ({error.strerror}).",
            "Choose a folder that you may write to, on a disk with enough space.",
        ) from error
    return paths


def encode_in_utf8(made: Dataset) -> Dataset:
    """The object with all its texts in UTF-8, whatever the images were written in, so that names stay what they are."""
    for keyword in ("PatientName", "ReferringPhysicianName"):
        if keyword in made:
            setattr(made, keyword, str(made[keyword].value))
    made.SpecificCharacterSet = "ISO_IR 192"
    return made


def make_result_objects(
    sources: Sequence[Path],
    result: StudyResult,
    moment: datetime,
    report_pdf: bytes | None,
    de_identify: bool,
    options: Mapping[str, Any] | None,
) -> list[tuple[str, Dataset]]:
    """All objects with the names of their files."""
    scans = result.scans
    uids = {
        (scan.condition, index): find_reference_uid(scan, index) for scan in scans for index in range(len(scan.slices))
    }
    if de_identify:
        moment, result = NO_DATE, _with_cleaned_provenance(result)
    headers = find_source_headers(sources, uids.values(), de_identify=de_identify)
    names = make_names(next(iter(headers.values())).StudyInstanceUID, result)
    last = len(KINDS) * len(scans)
    objects: list[tuple[str, Dataset]] = []
    regions: dict[tuple[Condition, int], Region] = {}
    content = []
    for order, (scan, flow) in enumerate(zip(scans, result.maps, strict=True)):
        numbers = (range(len(KINDS) * order, len(KINDS) * (order + 1)), last + 2 + order)
        for index in range(len(scan.slices)):
            source = headers[uids[scan.condition, index]]
            one = make_slice_objects(source, scan, flow, index, names, numbers)
            objects += one.named(scan, index)
            regions |= {
                (scan.condition, aha): Region(one.segments, number) for aha, number in one.segment_numbers.items()
            }
            content.append(
                make_slice_content(
                    scan,
                    index,
                    source=source,
                    segmentation=one.contours,
                    automatic=one.automatic,
                    de_identify=de_identify,
                )
            )
    evidence = [*headers.values(), *(made for _, made in objects)]
    chosen = options if options is None or not de_identify else dict(options) | {"arterial_inputs": {}}
    report = make_segment_report(
        evidence, result.table, regions, make_preprocessing_content(content, chosen), names(last, "table")
    )
    report.SeriesDescription = f"{REPORT_SERIES}, {NOTICE.lower()}"
    objects.append(("segment_table", report))
    if report_pdf is not None:
        document = encapsulate_pdf(evidence[0], report_pdf, f"PerfusionDL report. {NOTICE}.", names(last + 1, "report"))
        document.SeriesDescription = f"{MANUFACTURER} report"
        document.file_meta = make_file_meta(document)
        objects.append(("report", document))
    for _, made in objects:
        set_moment(made, moment)
        set_dimensions(made)
        made.SpecificCharacterSet = "ISO_IR 192"
        if de_identify:
            mark_deidentified(made)
    return objects


@dataclass(frozen=True)
class SliceObjects:
    """The objects of one slice, in the order of `KINDS`, and the contours of the networks where they are others.

    segment_numbers : DICOM segment number in ``segments`` of each AHA segment
    """

    contours: Dataset
    segments: Dataset
    values: Dataset
    automatic: Dataset | None
    segment_numbers: Mapping[int, int]

    def named(self, scan: PreprocessedScan, index: int) -> list[tuple[str, Dataset]]:
        """The objects with the names of their files; their series are described."""
        level = scan.slices[index].series.level
        place = f"{scan.condition}_{index + 1}_{level}" if level else f"{scan.condition}_{index + 1}"
        kinds = dict(zip(KINDS, (self.contours, self.segments, self.values), strict=True))
        for kind, made in kinds.items():
            made.SeriesDescription = f"{MANUFACTURER} {kind} {scan.condition}"
        named = [(f"{place}_{kind.replace(' ', '_')}", made) for kind, made in kinds.items()]
        if self.automatic is None:
            return named
        self.automatic.SeriesDescription = f"{MANUFACTURER} automatic contours {scan.condition}"
        return [*named, (f"{place}_automatic", self.automatic)]


def make_slice_objects(
    source: Dataset,
    scan: PreprocessedScan,
    flow: PerfusionMaps,
    index: int,
    names: Names,
    numbers: tuple[Sequence[int], int],
) -> SliceObjects:
    """The objects of one slice.

    numbers : of the series of each of `KINDS`, and of the series of automatic contours
    """
    part, provenance, place = scan.slices[index], flow.provenance, str(index)
    kinds = [names(number, kind, place, index + 1) for number, kind in zip(numbers[0], KINDS, strict=True)]
    segments, segment_numbers = make_segment_segmentation(source, part, flow.slices[index], provenance, kinds[1])
    automatic = None
    if part.automatic is not None and is_corrected(part):
        found = names(numbers[1], "automatic contours", place, index + 1)
        automatic = make_contour_segmentation(source, part.automatic, part.series, provenance, found, "AUTO_CONTOURS")
    return SliceObjects(
        contours=make_contour_segmentation(source, part.contours, part.series, provenance, kinds[0]),
        segments=segments,
        values=make_flow_map(source, part, flow.slices[index], provenance, kinds[2]),
        automatic=automatic,
        segment_numbers=segment_numbers,
    )


def is_corrected(part: PreprocessedSlice) -> bool:
    """Whether the networks drew other pixels than those that were used."""
    found = part.automatic
    return found is not None and bool(found.labels.any()) and not np.array_equal(found.labels, part.contours.labels)


def _with_cleaned_provenance(result: StudyResult) -> StudyResult:
    """The results with what their provenance may say without the patient."""
    maps = tuple(replace(flow, provenance=remove_names(flow.provenance)) for flow in result.maps)
    cleaned_provenance = provenance_from(remove_names(result.table.provenance.flat()))
    return replace(result, maps=maps, table=replace(result.table, provenance=cleaned_provenance))


def find_reference_uid(scan: PreprocessedScan, index: int) -> str:
    """The image whose pose the results of a slice are in."""
    part = scan.slices[index]
    uids = part.series.instance_uids
    if len(uids) != len(part.series.signal):
        raise PerfusionError(
            f"Slice {index + 1} of the {scan.condition} scan was not read from DICOM.",
            "DICOM results belong to a DICOM study: load the original images first.",
        )
    return uids[part.contours.reference_frame]
