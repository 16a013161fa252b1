"""What lies under the mouse: a pixel of a flow map or a segment of a bullseye."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import slicer

from ..data.study import Condition
from ..mrml.bullseye import segmentAtPosition
from ..mrml.layouts import BULLSEYE_VIEWS, RESERVE_VIEW
from ..mrml.nodes import ScanNodes, SliceNodes
from ..mrml.reading import readGeometry
from .hinting import sliceIn
from .tasks import Flow


@dataclass(frozen=True)
class Pick:
    """A pixel of a slice, or a segment of a scan.

    pixel : row and column, None where a segment was picked; segment : AHA number, None outside of all segments
    """

    scan: ScanNodes
    part: SliceNodes
    pixel: tuple[int, int] | None
    segment: int | None


def pickAt(
    scans: Sequence[ScanNodes],
    flow: Flow,
    sliceNode: slicer.vtkMRMLSliceNode,
    ras_mm: Sequence[float],
) -> Pick | None:
    """What lies at a world position in a view; None where there is no flow to be read."""
    view = sliceNode.GetLayoutName()
    for nodes, bullseye in zip(scans, BULLSEYE_VIEWS, strict=False):
        if view == bullseye or (view == RESERVE_VIEW and nodes.condition is Condition.STRESS):
            return pickSegment(nodes, flow, segmentAtPosition(ras_mm))
    part = sliceIn(scans, sliceNode)
    return _pickPixel(ScanNodes(part.browser), part, flow, ras_mm) if part is not None else None


def pickSegment(nodes: ScanNodes, flow: Flow, segment: int | None) -> Pick | None:
    """A segment of a scan; None where no slice shows it."""
    for part in nodes.slices:
        maps = flow.ofSlice(part)
        if maps is not None and segment in maps.segment_fits:
            return Pick(nodes, part, None, segment)
    return None


def _pickPixel(nodes: ScanNodes, part: SliceNodes, flow: Flow, ras_mm: Sequence[float]) -> Pick | None:
    maps = flow.ofSlice(part)
    if maps is None or part.original is None:
        return None
    column, row = np.rint(np.linalg.solve(readGeometry(part.original), [*ras_mm, 1.0])[:2]).astype(int)
    if maps.pixel_fits is None or maps.pixel_fits.at(row, column) is None:
        return None
    return Pick(nodes, part, (int(row), int(column)), int(maps.segments[row, column]) or None)


def isThere(pick: Pick, flow: Flow) -> bool:
    """Whether another flow has a curve for what was picked."""
    maps = flow.ofSlice(pick.part)
    if maps is None:
        return False
    if pick.pixel is None:
        return pick.segment in maps.segment_fits
    return maps.pixel_fits is not None and maps.pixel_fits.at(*pick.pixel) is not None
