"""Results in the scene into files that leave the workstation: each of them whole, or not there at all."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import slicer

from ..app.write_outputs import write_dicom, write_results
from ..data.contours import Origin
from ..data.flow import FlowModel
from ..data.preprocessed import PreprocessedScan
from ..mrml.nodes import findScans
from ..quantification.options import options_document
from ..report import segments_csv, table_json, table_xlsx, write_pdf
from ..results.atomic import Kind, atomic_file, atomic_folder
from ..results.layout import REPORT
from .tasks import Flow

CHATTY_LIBRARIES = ("fontTools", "highdicom", "matplotlib", "PIL")
"""Loggers of the libraries that write thousands of lines of debugging for one report."""


@contextmanager
def quietLibraries() -> Iterator[None]:
    """Libraries keep their debugging out of Slicer's log, which shows messages of every level."""
    loggers = [logging.getLogger(name) for name in CHATTY_LIBRARIES]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@quietLibraries()
def exportResults(
    folder: Path,
    flow: Flow,
    *,
    dicom: Sequence[Path] = (),
    deIdentify: bool = False,
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
    replaceCorrections: bool = False,
    former: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> None:
    """Write the results folder that `perfusiondl run` writes, with the contours as they were corrected.

    dicom : the DICOM images of the study, as ``sources`` of `exportDicom`, if its archive gets the results too
    inputs : what the flow was read from, which is not replaced
    replaceCorrections : whether automatic results may replace those that a reader corrected
    former : what names the report in the archive that the new one replaces (`archivedReport`)

    Raises PerfusionError where the folder holds something else or cannot be written; nothing half-written stays.
    """
    with atomic_folder(
        folder,
        overwrite=overwrite,
        inputs=(*inputs, *dicom),
        corrected=isReadersWork(flow.scans),
        replace_corrections=replaceCorrections,
    ) as partial:
        write_results(partial, flow.result, progress=progress)
        if dicom:
            progress("DICOM")
            write_dicom(partial, dicom, flow.result, options=flow.options, de_identify=deIdentify, former=former)
        progress("saving")


@quietLibraries()
def exportDicom(
    folder: Path,
    flow: Flow,
    sources: Sequence[Path],
    *,
    moment: datetime | None = None,
    comment: str = "",
    deIdentify: bool = False,
    overwrite: bool = False,
    former: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> list[Path]:
    """Write the results as DICOM objects of the patient's study into a folder of their own; returns the files.

    folder : does not exist, is empty, or holds a former export and ``overwrite`` is given
    sources : the DICOM files that the study was loaded from (`imagesOfFlow` names them), or folders that hold them
    moment : when the results were computed, now by default; the same results keep their identifiers at any moment
    comment : of the reader, for the report
    deIdentify : leave the patient out, and the report, which shows images
    former : what names the report in the archive that the new one replaces (`archivedReport`)

    Raises PerfusionError where the study did not come from DICOM, its images are gone, or the folder cannot be
    written; nothing half-written stays.
    """
    from ..dicom import export_results

    corrected = isReadersWork(flow.scans)
    with atomic_folder(folder, Kind.DICOM, overwrite=overwrite, inputs=sources, corrected=corrected) as partial:
        report = None
        if not deIdentify:
            progress("report")
            exportReport(partial / REPORT, flow, comment=comment)
            report = (partial / REPORT).read_bytes()
            (partial / REPORT).unlink()
        progress("DICOM")
        written = export_results(
            partial,
            sources,
            flow.result,
            moment=moment or datetime.now(),
            report_pdf=report,
            de_identify=deIdentify,
            options=options_document(flow.options),
            former=former,
        )
        progress("saving")
    return [folder / path.name for path in written]


def isReadersWork(scans: Sequence[PreprocessedScan]) -> bool:
    """Whether a reader drew or corrected anything in some scans, or left frames out."""
    parts = [part for scan in scans for part in scan.slices]
    return any(part.contours.origin is not Origin.AUTOMATIC or part.excluded_frames for part in parts)


def exportTable(path: Path, flow: Flow) -> None:
    """Write the table: a workbook where the name ends in .xlsx, JSON for .json, else the segments as CSV.

    Raises PerfusionError where the file cannot be written.
    """
    with atomic_file(path) as target:
        match Path(path).suffix.lower():
            case ".xlsx":
                target.write(table_xlsx(flow.table))
            case ".json":
                target.write(table_json(flow.table).encode())
            case _:
                target.write(segments_csv(flow.table).encode())


@quietLibraries()
def exportReport(path: Path, flow: Flow, *, comment: str = "") -> None:
    """Write the report as PDF, with the comment of the reader.

    Raises PerfusionError where the file cannot be written or Matplotlib is missing.
    """
    with atomic_file(path) as target:
        write_pdf(target, flow.result, comment=comment)


def imagesOfFlow(flow: Flow) -> tuple[str, ...]:
    """SOPInstanceUIDs of the images that `exportDicom` needs; empty where the study did not come from DICOM."""
    return tuple(
        part.series.instance_uids[part.contours.reference_frame]
        for scan in flow.scans
        for part in scan.slices
        if part.series.instance_uids
    )


def modelOfScene(scene: slicer.vtkMRMLScene) -> FlowModel:
    """The model that the flow in a scene was computed with; the default where there is none."""
    maps = (part.mbf for nodes in findScans(scene) for part in nodes.slices if part.mbf)
    named = (volume.GetAttribute("PerfusionDL.flow_model") for volume in maps)
    return FlowModel(next(filter(None, named), FlowModel.AVERAGED))
