"""A whole study into a scene and into files, as it is after a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import slicer

from ..data.errors import PerfusionError
from ..data.flow import PerfusionMaps
from ..data.preprocessed import PreprocessedScan
from ..data.study import Condition, PerfusionSeries, Scan
from ..data.table import SegmentTable
from .bullseye import bullseyeImage, writeBullseyes
from .colors import flowScaleEnd
from .headless import HeadlessScene, saveScene
from .hierarchy import placeScan
from .nodes import ScanNodes
from .results import writeMaps, writeTable
from .sequences import newSequence, writeScan
from .views import showPeakFrames, showScans
from .writing import writeSlice


def writeStudy(
    scene: slicer.vtkMRMLScene,
    preprocessed: Sequence[PreprocessedScan],
    maps: Sequence[PerfusionMaps] = (),
    table: SegmentTable | None = None,
    *,
    studyItem: int | None = None,
) -> tuple[ScanNodes, ...]:
    """Put scans, their maps and the table into the scene and show them, stress above rest.

    preprocessed : the scans; maps : flow of some or all of them, matched by condition
    studyItem : subject hierarchy item to put the scans under; by default a study without any patient's identity
    """
    flows = {one.condition: one for one in maps}
    scaleEnd = flowScaleEnd(maps)
    scans = []
    for scan in sorted(preprocessed, key=lambda scan: scan.condition is not Condition.STRESS):
        nodes = writePreprocessed(scene, scan, studyItem=studyItem)
        if scan.condition in flows:
            writeMaps(scene, nodes, flows[scan.condition], scaleEnd=scaleEnd)
        scans.append(nodes)
    if table is not None:
        writeTable(scene, table)
        mapped = [nodes for nodes in scans if nodes.condition in flows]
        images = [bullseyeImage(flows[nodes.condition]) for nodes in mapped]
        writeBullseyes(scene, mapped, images, table, scaleEnd=scaleEnd)
    showScans(scene, scans)
    showPeakFrames(scans)
    return tuple(scans)


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


def saveStudy(
    path: Path,
    preprocessed: Sequence[PreprocessedScan],
    maps: Sequence[PerfusionMaps] = (),
    table: SegmentTable | None = None,
) -> None:
    """Write a study as a scene file (.mrb) of its own. Raises PerfusionError where the file cannot be written."""
    headless = HeadlessScene()
    writeStudy(headless.scene, preprocessed, maps, table)
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
