"""Hints of a reader on the contours of a slice: a click on blood, on the wall or outside, and the borders follow."""

from collections.abc import Sequence

import numpy as np
import slicer

from ..data.contours import Label
from ..data.errors import PerfusionError
from ..mrml.layouts import sliceOf
from ..mrml.nodes import ScanNodes, SliceNodes
from ..mrml.reading import readGeometry
from ..mrml.scan_reader import ScanReader
from ..mrml.writing import writeLabels
from ..preprocessing.hints import Hint, HintMemory


def sliceIn(scans: Sequence[ScanNodes], sliceNode: slicer.vtkMRMLSliceNode) -> SliceNodes | None:
    """The slice that a view shows, None of a view that shows none."""
    row, number = sliceOf(sliceNode) or (len(scans), 0)
    if row >= len(scans) or number >= len(scans[row].slices):
        return None
    return scans[row].slices[number]


def giveHint(reader: ScanReader, nodes: SliceNodes, ras_mm: Sequence[float], label: Label, memory: HintMemory) -> None:
    """Let the contours of a slice follow a click at a world position.

    label : what is there; `Label.BACKGROUND` for outside the left ventricle. Raises PerfusionError where the slice has
    no contours that could follow.
    """
    part = reader.readSlice(nodes)
    column, row = np.linalg.solve(readGeometry(nodes.original), [*ras_mm, 1.0])[:2]
    try:
        labels = memory.follow(part.contours.labels, Hint((float(row), float(column)), label), part.series.spacing_mm)
    except ValueError:
        raise PerfusionError(
            "This slice has no cavity inside a myocardium that could follow a hint.",
            "Press Find contours, or draw both with the brush.",
        ) from None
    if not np.array_equal(labels, part.contours.labels):
        writeLabels(nodes.contours, nodes.originalVolume, labels)
