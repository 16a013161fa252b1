"""A whole study into a scene and into files, as it is after a run."""

from collections.abc import Sequence
from pathlib import Path

import slicer

from ..data.preprocessed import PreprocessedScan
from ..data.result import StudyResult
from ..data.study import Condition, Scan
from .archive import copySequences
from .bullseye import bullseyeImage, writeBullseyes
from .colors import flowScales
from .frames import showPeakFrames
from .headless import HeadlessScene, saveScene
from .hierarchy import placeScan
from .nodes import ScanNodes
from .results import writeMaps, writeTable
from .sequences import writeScan
from .views import showScans
from .writing import writeSlice


def writeStudy(
    scene: slicer.vtkMRMLScene,
    study: StudyResult | Sequence[PreprocessedScan],
    *,
    studyItem: int | None = None,
) -> tuple[ScanNodes, ...]:
    """Put a study into the scene and show it, stress above rest.

    study : scans with their maps and the table, or preprocessed scans alone
    studyItem : subject hierarchy item to put the scans under; by default a study without any patient's identity
    """
    preprocessed = study.scans if isinstance(study, StudyResult) else study
    scans = [
        writePreprocessed(scene, scan, studyItem=studyItem)
        for scan in sorted(preprocessed, key=lambda scan: scan.condition is not Condition.STRESS)
    ]
    if isinstance(study, StudyResult):
        _writeResult(scene, scans, study)
    showScans(scene, scans)
    showPeakFrames(scans)
    return tuple(scans)


def _writeResult(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes], result: StudyResult) -> None:
    """Put maps, table and bullseyes beside the scans."""
    scales = flowScales(result.maps, result.table)
    flows = {maps.condition: maps for maps in result.maps}
    for nodes in scans:
        writeMaps(scene, nodes, flows[nodes.condition], scale=scales[nodes.condition])
    writeTable(scene, result.table)
    images = [bullseyeImage(flows[nodes.condition]) for nodes in scans]
    writeBullseyes(scene, scans, images, result.table, scales=scales)


def writePreprocessed(scene: slicer.vtkMRMLScene, scan: PreprocessedScan, *, studyItem: int | None = None) -> ScanNodes:
    """Put a preprocessed scan into the scene: the series as acquired and in one pose, and the contours."""
    acquired = Scan(
        condition=scan.condition,
        slices=tuple(part.series for part in scan.slices),
        assumptions=scan.assumptions,
        aif_series=scan.aif_series,
        aif_is_prebolus=scan.aif_is_prebolus,
        minutes_after_other=scan.minutes_after_other,
        study=scan.study,
    )
    nodes = writeScan(scene, acquired, studyItem=studyItem)
    for sliceNodes, part in zip(nodes.slices, scan.slices, strict=True):
        writeSlice(scene, sliceNodes, part)
    placeScan(scene, nodes)
    return nodes


def saveStudy(path: Path, study: StudyResult | Sequence[PreprocessedScan], *, corrected: Sequence[Path] = ()) -> None:
    """Write a study as a scene file (.mrb) of its own.

    corrected : sequence files (.seq.nrrd) for the images in one pose of all slices, to be written beside the scene

    Raises PerfusionError or OSError where a file cannot be written.
    """
    headless = HeadlessScene()
    scans = {nodes.condition: nodes for nodes in writeStudy(headless.scene, study)}
    saveScene(headless.scene, path)
    if corrected:
        preprocessed = study.scans if isinstance(study, StudyResult) else study
        names = [part.corrected.GetName() for scan in preprocessed for part in scans[scan.condition].slices]
        copySequences(path, dict(zip(names, corrected, strict=True)))
