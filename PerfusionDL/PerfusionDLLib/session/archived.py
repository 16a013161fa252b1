"""Studies into the scene: images alone, or with the contours and choices of the results that the archive holds."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import slicer

from ..app.stored_results import RestoredScan, add_findings, collect_image_uids, find_lost, read_options, restore_scan
from ..data.acquisition import acquisition_document
from ..data.flag import Flag
from ..data.flow import FlowModel
from ..data.preprocessed import Progress
from ..data.study import Identity, Scan, Study
from ..dicom import NO_CHOICES, ReadChoices, SeriesList, StoredResults
from ..mrml.acquisition import AS_READ
from ..mrml.hierarchy import placeScan
from ..mrml.nodes import ScanNodes, attribute, setAttribute
from ..mrml.sequences import scanPieces
from ..mrml.writing import slicePieces
from ..quantification.options import Options
from ..quantification.thresholds import ThresholdPreset, thresholds_from
from .archive_differences import rememberArchive
from .choices import FlowChoices, giveArterialInput
from .tasks import Flow, Task

_REPORT, _CHOICES = "archived_report", "archived_choices"


@dataclass(frozen=True)
class LoadedScan:
    """A scan that comes into the scene, with what the archive says of it: nothing where ``stored`` is None.

    options : what the user chose for the version that the archive holds, None where that is not known
    lost : what the version was made with and is not here
    """

    restored: RestoredScan
    stored: StoredResults | None = None
    options: Options | None = None
    lost: tuple[Flag, ...] = ()


def listTask(folders: Sequence[Path]) -> Task:
    """List all series in some folders of DICOM files, with a picture each. Apply returns a `SeriesList`."""

    def compute(progress: Progress) -> SeriesList:
        from ..dicom import list_series, split_results

        progress("looking at all series")
        images, _ = split_results(folders)
        return list_series(images or folders)

    return Task("List series", compute, lambda found: found, 1)


def loadTask(
    scene: slicer.vtkMRMLScene,
    folders: Sequence[Path],
    choices: ReadChoices = NO_CHOICES,
    identify: Callable[[str, Identity], None] = lambda label, identity: None,
) -> Task:
    """Load the perfusion study in some folders of DICOM files, with the contours of its current results where their
    objects lie there too. Apply returns its scans, stress first.

    choices : which series are rest and stress, where the user decided
    identify : called with the label of the study and whose it is, which no node holds
    """

    def compute(progress: Progress) -> list[LoadedScan]:
        from ..dicom import find_stored, read_study, split_results

        progress("reading DICOM")
        images, results = split_results(folders)
        study = read_study(images or folders, choices=choices)
        identify(study.scans[0].study, study.identity)
        return loadScans(study, find_stored(results), progress)

    def write(loaded: list[LoadedScan]) -> Generator[None, None, tuple[ScanNodes, ...]]:
        scans = []
        for one in reversed(loaded):
            scans.append((yield from loadedPieces(scene, one)))
        return tuple(scans)

    return Task("Load study", compute, write, 1)


def loadScans(study: Study, found: Sequence[StoredResults], progress: Progress) -> list[LoadedScan]:
    """The scans of a study with the current version of its results, where there is one of these very images."""
    images = collect_image_uids(study)
    stored = next((one for one in found if one.is_made_from(images)), None)
    return _withLost([_loadScan(scan, stored, progress) for scan in study.scans], stored)


def loadScan(scan: Scan, stored: StoredResults | None, progress: Progress = lambda step: None) -> LoadedScan:
    """One scan with a version of its results. Raises PerfusionError where what is stored is damaged."""
    if stored is not None:
        stored = replace(stored, slices=tuple(one for one in stored.slices if one.condition is scan.condition))
    return _withLost([_loadScan(scan, stored, progress)], stored)[0]


def _loadScan(scan: Scan, stored: StoredResults | None, progress: Progress) -> LoadedScan:
    if stored is None:
        return LoadedScan(RestoredScan(scan, (None,) * len(scan.slices)))
    options = read_options(stored)
    return LoadedScan(restore_scan(scan, stored, progress=progress), stored, options)


def _withLost(loaded: list[LoadedScan], stored: StoredResults | None) -> list[LoadedScan]:
    """The same; where the version was made with more images, every flow says so."""
    if stored is None:
        return loaded
    lost = find_lost([one.restored for one in loaded], stored)
    return [replace(one, restored=add_findings(one.restored, lost), lost=lost) for one in loaded]


def loadedPieces(scene: slicer.vtkMRMLScene, loaded: LoadedScan) -> Generator[None, None, ScanNodes]:
    """Put a scan into the scene a piece at a time; the generator returns its nodes."""
    restored = loaded.restored
    nodes = yield from scanPieces(scene, restored.scan)
    for part, found in zip(nodes.slices, restored.slices, strict=True):
        if found is None:
            continue
        asRead = acquisition_document(restored.scan.slices[part.number].acquisition)
        if acquisition_document(found.series.acquisition) != asRead:
            setAttribute(part.original, AS_READ, asRead)
            setAttribute(part.original, "acquisition", acquisition_document(found.series.acquisition))
        yield from slicePieces(scene, part, found)
        yield
    if loaded.stored is not None:
        rememberArchive(nodes, loaded.stored, loaded.lost)
    if loaded.stored is not None and any(found is not None for found in restored.slices):
        placeScan(scene, nodes)
        setAttribute(nodes.browser, _REPORT, dict(loaded.stored.report))
        _keepChoices(nodes, loaded)
    return nodes


def _keepChoices(nodes: ScanNodes, loaded: LoadedScan) -> None:
    """What the user chose stays with the scan, until the panel takes it over (`archivedChoices`)."""
    options = loaded.options
    if options is None:
        return
    giveArterialInput(nodes, options.arterial_inputs.get(nodes.condition))
    preset = next((one for one in ThresholdPreset if thresholds_from(one) == options.thresholds), ThresholdPreset.NONE)
    kept = {
        "model": str(options.model),
        "dose_ratio": options.dose_ratio,
        "rate_pressure_product": options.rate_pressure_product,
        "thresholds": str(preset),
    }
    setAttribute(nodes.browser, _CHOICES, kept)


def archivedChoices(scans: Sequence[ScanNodes]) -> tuple[FlowModel, FlowChoices] | None:
    """The model and the choices of the archived results that scans were loaded with; None where they had none."""
    kept = next(filter(None, (attribute(nodes.browser, _CHOICES) for nodes in scans)), None)
    if kept is None:
        return None
    choices = FlowChoices(
        dose_ratio=kept["dose_ratio"],
        rate_pressure_product=kept["rate_pressure_product"],
        thresholds=ThresholdPreset(kept["thresholds"]),
    )
    return FlowModel(kept["model"]), choices


def archivedReport(flow: Flow) -> dict[str, Any] | None:
    """What names the report in the archive that results made from a flow replace; None where there is none."""
    browsers = [parts[0].browser for parts in flow.nodes if parts]
    return next(filter(None, (attribute(browser, _REPORT) for browser in browsers)), None)


def rememberReport(flow: Flow, files: Sequence[Path]) -> None:
    """Have the next version name the one that was just written as its predecessor."""
    from ..dicom import name_report

    named = name_report(files)
    for parts in flow.nodes:
        if parts and named is not None:
            setAttribute(parts[0].browser, _REPORT, named)
