"""A whole study into a scene and into files, as it is after a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import slicer

from ..data.errors import PerfusionError
from ..data.preprocessed import PreprocessedScan
from ..data.result import StudyResult
from ..data.study import Condition, PerfusionSeries, Scan
from .bullseye import bullseyeImage, writeBullseyes
from .colors import flowScales
from .frames import showPeakFrames
from .headless import HeadlessScene, saveScene
from .hierarchy import placeScan
from .nodes import ScanNodes
from .results import writeMaps, writeTable
from .sequences import newSequence, writeScan
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


def saveStudy(path: Path, study: StudyResult | Sequence[PreprocessedScan]) -> None:
    """Write a study as a scene file (.mrb) of its own. Raises PerfusionError where the file cannot be written."""
    headless = HeadlessScene()
    writeStudy(headless.scene, study)
    saveScene(headless.scene, path)


def writeSequence(path: Path, frames: np.ndarray, series: PerfusionSeries) -> None:
    """Write (T, Y, X) frames with the times and the place of their series as a sequence file (.seq.nrrd)."""
    headless = HeadlessScene()
    sequence = newSequence(headless.scene, path.name.split(".")[0], frames, series.times_s, series.ijk_to_ras)
    sequence.AddDefaultStorageNode(str(path))
    if not sequence.GetStorageNode().WriteData(sequence):
        raise PerfusionError(
            f"The sequence {path.name} could not be written.",
            "Check that the folder exists, is writable and has free space.",
        )
