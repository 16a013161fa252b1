"""Results into the archive: segmentations, flow maps, the table and the report as DICOM objects of the same study."""

import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from ... import __version__
from ...data.errors import PerfusionError
from ...data.preprocessed import PreprocessedScan
from ...data.provenance import provenance_from
from ...data.result import StudyResult
from ...data.study import Condition
from ..header_parts import date, file_meta, stable_uid, time
from .deidentification import NO_DATE, cleaned, mark_deidentified
from .document import encapsulated_pdf
from .images import NAME, contour_segmentation, flow_map, segment_segmentation
from .sources import source_headers
from .structured_report import Region, segment_report

NOTICE = "Not approved for clinical use"
FIRST_SERIES = 9001
KINDS = ("contours", "AHA segments", "MBF")
DESCRIPTIONS = {
    "contours": "PerfusionDL contours",
    "AHA segments": "PerfusionDL AHA segments",
    "MBF": "PerfusionDL MBF",
}


def export_results(
    folder: Path,
    sources: Sequence[Path],
    result: StudyResult,
    *,
    moment: datetime,
    report_pdf: bytes | None = None,
    de_identify: bool = False,
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

    Returns
    -------
    list of Path
        The files: per scan and slice contours (SEG), AHA segments (SEG) and flow (Parametric Map); the table (SR);
        the report (PDF).

    Raises
    ------
    PerfusionError
        Where the results do not come from DICOM, the source images are gone, or the files cannot be written.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*person name", category=UserWarning)  # the name is the source's
        objects = result_objects(sources, result, moment, None if de_identify else report_pdf, de_identify)
    folder, paths = Path(folder), []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, made in objects:
            path = folder / f"{name}.dcm"
            partial = path.with_suffix(".partial")
            in_any_script(made).save_as(partial, enforce_file_format=True)
            partial.replace(path)
            paths.append(path)
    except OSError as error:
        raise PerfusionError(
            f"The DICOM results cannot be written to {folder.name} ({error.strerror}).",
            "Choose a folder that you may write to, on a disk with enough space.",
        ) from error
    return paths


def in_any_script(made: Dataset) -> Dataset:
    """The object with all its texts in UTF-8, whatever the images were written in, so that names stay what they are."""
    for keyword in ("PatientName", "ReferringPhysicianName"):
        if keyword in made:
            setattr(made, keyword, str(made[keyword].value))
    made.SpecificCharacterSet = "ISO_IR 192"
    return made


def result_objects(
    sources: Sequence[Path],
    result: StudyResult,
    moment: datetime,
    report_pdf: bytes | None,
    de_identify: bool,
) -> list[tuple[str, Dataset]]:
    """All objects with the names of their files."""
    scans = result.scans
    uids = {(scan.condition, index): reference_uid(scan, index) for scan in scans for index in range(len(scan.slices))}
    if de_identify:
        moment, result = NO_DATE, _with_cleaned_provenance(result)
    headers = source_headers(sources, uids.values(), de_identify=de_identify)
    study_uid = next(iter(headers.values())).StudyInstanceUID
    digest = digest_results(result)
    objects: list[tuple[str, Dataset]] = []
    regions: dict[tuple[Condition, int], Region] = {}

    def names(number: int, kind: str, place: str = "", instance: int = 1) -> dict[str, Any]:
        return {
            "series_instance_uid": stable_uid(study_uid, digest, number, kind),
            "series_number": FIRST_SERIES + number,
            "sop_instance_uid": stable_uid(study_uid, digest, number, kind, place, instance),
            "instance_number": instance,
            "manufacturer": NAME,
            "manufacturer_model_name": NAME,
            "software_versions": __version__,
            "device_serial_number": "0",
        }

    for order, (scan, flow) in enumerate(zip(scans, result.maps, strict=True)):
        for index, (part, slice_maps) in enumerate(zip(scan.slices, flow.slices, strict=True)):
            source = headers[uids[scan.condition, index]]
            described = [
                names(len(KINDS) * order + number, kind, str(index), index + 1) for number, kind in enumerate(KINDS)
            ]
            contours = contour_segmentation(source, part, flow.provenance, described[0])
            segments, numbers = segment_segmentation(source, part, slice_maps, flow.provenance, described[1])
            values = flow_map(source, part, slice_maps, flow.provenance, described[2])
            for kind, made in zip(KINDS, (contours, segments, values), strict=True):
                made.SeriesDescription = f"{NAME} {kind} {scan.condition}"
                place = f"{index + 1}_{part.series.level}" if part.series.level else str(index + 1)
                objects.append((f"{scan.condition}_{place}_{kind.replace(' ', '_')}", made))
            regions |= {(scan.condition, aha): Region(segments, number) for aha, number in numbers.items()}
    last = len(KINDS) * len(scans)
    evidence = [*headers.values(), *(made for _, made in objects)]
    report = segment_report(evidence, result.table, regions, names(last, "table"))
    report.SeriesDescription = f"{NAME} segment table, {NOTICE.lower()}"
    objects.append(("segment_table", report))
    if report_pdf is not None:
        document = encapsulated_pdf(
            evidence[0], report_pdf, f"PerfusionDL report. {NOTICE}.", names(last + 1, "report")
        )
        document.SeriesDescription = f"{NAME} report"
        document.file_meta = file_meta(document)
        objects.append(("report", document))
    for _, made in objects:
        set_moment(made, moment)
        set_dimensions(made)
        made.SpecificCharacterSet = "ISO_IR 192"
        if de_identify:
            mark_deidentified(made)
    return objects


def _with_cleaned_provenance(result: StudyResult) -> StudyResult:
    """The results with what their provenance may say without the patient."""
    maps = tuple(replace(flow, provenance=cleaned(flow.provenance)) for flow in result.maps)
    cleaned_provenance = provenance_from(cleaned(result.table.provenance.flat()))
    return replace(result, maps=maps, table=replace(result.table, provenance=cleaned_provenance))


def reference_uid(scan: PreprocessedScan, index: int) -> str:
    """The image whose pose the results of a slice are in."""
    part = scan.slices[index]
    uids = part.series.instance_uids
    if len(uids) != len(part.series.signal):
        raise PerfusionError(
            f"Slice {index + 1} of the {scan.condition} scan was not read from DICOM.",
            "DICOM results belong to a DICOM study: load the original images first.",
        )
    return uids[part.contours.reference_frame]


def digest_results(result: StudyResult) -> str:
    """A digest of the results: the same results have the same unique identifiers."""
    digest = hashlib.sha256()
    for scan, flow in zip(result.scans, result.maps, strict=True):
        digest.update(f"{scan.condition} {json.dumps(dict(flow.provenance), sort_keys=True, default=str)}".encode())
        for part, slice_maps in zip(scan.slices, flow.slices, strict=True):
            for array in (part.contours.labels, slice_maps.mbf_ml_min_g, slice_maps.segments):
                digest.update(np.ascontiguousarray(array).tobytes())
            digest.update(str(part.contours.origin).encode())
    digest.update(json.dumps(asdict(result.table), sort_keys=True, default=str).encode())
    return digest.hexdigest()


def set_dimensions(made: Dataset) -> None:
    """Name the dimensions of a multi-frame object after the object, where the library draws a random name."""
    uid = stable_uid(made.SOPInstanceUID, "dimensions")
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in made.get(keyword) or ():
            item.DimensionOrganizationUID = uid


def set_moment(made: Dataset, moment: datetime) -> None:
    """When the object was made, in every attribute that says so."""
    for keyword in ("ContentDate", "SeriesDate", "InstanceCreationDate", "AcquisitionDate"):
        if keyword in made or keyword == "ContentDate":
            setattr(made, keyword, date(moment))
    for keyword in ("ContentTime", "SeriesTime", "InstanceCreationTime", "AcquisitionTime"):
        if keyword in made or keyword == "ContentTime":
            setattr(made, keyword, time(moment))
    for equipment in made.get("ContributingEquipmentSequence") or ():
        if "highdicom" in str(equipment.get("ManufacturerModelName", "")).lower():
            equipment.ContributionDateTime = date(moment) + time(moment)
    if "AcquisitionDateTime" in made or made.Modality == "DOC":
        made.AcquisitionDateTime = date(moment) + time(moment)
