"""A whole study into a scene, as it is after a run."""

from collections.abc import Sequence

import slicer

from ..contours import PreprocessedScan
from ..maps import PerfusionMaps, SegmentTable
from ..series import Condition
from .colors import flowScaleEnd
from .nodes import ScanNodes
from .results import writeMaps, writeTable
from .views import showScans
from .writing import writeScan


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
        nodes = writeScan(scene, scan, studyItem=studyItem)
        if scan.condition in flows:
            writeMaps(scene, nodes, flows[scan.condition], scaleEnd=scaleEnd)
        scans.append(nodes)
    if table is not None:
        writeTable(scene, table)
    showScans(scene, scans)
    return tuple(scans)
