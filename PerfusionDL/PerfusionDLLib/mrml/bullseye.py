"""Bullseyes in views of their own: flow of every pixel as the AHA draws it, with the values of the segments."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import slicer
import vtk

from ..data.bullseye import RINGS, SIXTEEN, polar_image, sector, segment_at
from ..data.flow import PerfusionMaps
from ..data.study import Condition
from ..data.table import SegmentTable
from .bullseye_texts import flowTexts, reserveTexts
from .colors import RESERVE_END, FlowScale, ratioColors, showColors, showFlow, showFlowLegend, showLegend
from .hierarchy import placeScan
from .layouts import BULLSEYE_VIEWS, RESERVE_VIEW
from .nodes import ScanNodes, setAttribute
from .pixels import updatePixels
from .sequences import DISCLAIMER

SIZE = 192
SPACING_MM = 0.5
HALF_TEXT_MM = 5.0  # of a number: views put the text to the right of its point
LETTERS_OF_A_NUMBER = 3.5  # its point is narrow
TITLE_MM = 51.0  # above the middle
_CENTER = (SIZE - 1) / 2
_RADIUS_PX = SIZE / 2
TEXT_SCALE = 2.5
"""Of the numbers, percent of the window as Slicer counts it; chosen: apart at 1440 x 900, and read at 1920 x 1080."""

_TITLE = 0  # stands among the segments' numbers
OUT_OF_DATE = ": out of date"
OUT_OF_DATE_COLOR, CURRENT_COLOR = (0.6, 0.6, 0.6), (1.0, 1.0, 1.0)


def bullseyeImage(maps: PerfusionMaps) -> np.ndarray:
    """(SIZE, SIZE) float32 flow of every pixel of a scan laid out as a bullseye, mL/min/g, NaN where there is none."""
    return polar_image(maps.slices, SIZE).astype(np.float32)


def writeBullseyes(
    scene: slicer.vtkMRMLScene,
    scans: Sequence[ScanNodes],
    images: Sequence[np.ndarray],
    table: SegmentTable,
    *,
    scales: Mapping[Condition, FlowScale],
) -> None:
    """The same as `bullseyePieces`, at once."""
    for _ in bullseyePieces(scene, scans, images, table, scales=scales):
        pass


def bullseyePieces(
    scene: slicer.vtkMRMLScene,
    scans: Sequence[ScanNodes],
    images: Sequence[np.ndarray],
    table: SegmentTable,
    *,
    scales: Mapping[Condition, FlowScale],
) -> Iterator[None]:
    """Put a bullseye beside each scan, and that of the reserve beside the stress scan where there are both.

    Image, legend and numbers of a bullseye are a piece each. images : from `bullseyeImage`, one for each scan
    """
    stress = next((nodes for nodes in scans if nodes.condition is Condition.STRESS), None)
    withReserve = stress is not None and len(scans) > 1
    new = [
        nodes for nodes in scans if nodes.bullseye is None or (nodes is stress and withReserve and not nodes.reserve)
    ]
    stressFirst = sorted(scans, key=lambda nodes: nodes is not stress)
    views = dict(zip((nodes.browser.GetID() for nodes in stressFirst), BULLSEYE_VIEWS, strict=False))
    for nodes, image in zip(scans, images, strict=True):
        title = f"{nodes.condition.capitalize()} bullseye"
        scale = scales[nodes.condition]
        heading, numbers = flowTexts(table, nodes.condition, isAbsolute=scale.isAbsolute)
        nodes.bullseye = _volume(scene, nodes.bullseye, title, image)
        showFlow(nodes.bullseye, scale)
        yield
        showFlowLegend(nodes.bullseye, scale, below=True)
        yield
        nodes.bullseyeValues = _values(
            scene,
            nodes.bullseyeValues,
            f"{title} values",
            {**numbers, _TITLE: heading},
            view=views[nodes.browser.GetID()],
        )
        yield
    if stress is not None and withReserve:
        reserve = {row.aha_segment or 0: row.mpr for row in table.segments}
        heading, ratios = reserveTexts(table)
        stress.reserve = _volume(scene, stress.reserve, "Reserve bullseye", _flat(reserve))
        showColors(stress.reserve, ratioColors(scene), RESERVE_END)
        yield
        showLegend(stress.reserve, "Reserve (stress / rest)", scaleEnd=RESERVE_END, below=True)
        yield
        texts = {**ratios, _TITLE: heading}
        stress.reserveValues = _values(scene, stress.reserveValues, "Reserve bullseye values", texts, view=RESERVE_VIEW)
        yield
    for nodes in new:
        placeScan(scene, nodes)


def segmentAtPosition(ras_mm: Sequence[float]) -> int | None:
    """AHA segment at a world position in a bullseye, None beside it.

    >>> segmentAtPosition((0.0, 40.0, 0.0))
    1
    """
    x, y = -ras_mm[0] / (_RADIUS_PX * SPACING_MM), ras_mm[1] / (_RADIUS_PX * SPACING_MM)
    return int(segment_at(np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360)) or None


@lru_cache(maxsize=1)
def _segments() -> np.ndarray:
    """(SIZE, SIZE) AHA segment at each place of a bullseye."""
    x, y = (np.mgrid[:SIZE, :SIZE][::-1] - _CENTER) / _RADIUS_PX
    return segment_at(np.hypot(x, y), np.degrees(np.arctan2(-y, x)) % 360)


@lru_cache(maxsize=1)
def _borders() -> np.ndarray:
    """(SIZE, SIZE) bool, the lines between segments."""
    segments = _segments()
    borders = np.zeros(segments.shape, bool)
    for axis in (0, 1):
        borders |= segments != np.roll(segments, 1, axis)
    return borders


def _flat(values: Mapping[int, float]) -> np.ndarray:
    """(SIZE, SIZE) the value of each segment all over it."""
    by_number = np.array([np.nan, *(values.get(number, np.nan) for number in SIXTEEN)])
    return by_number[_segments()]


def _volume(
    scene: slicer.vtkMRMLScene, volume: slicer.vtkMRMLScalarVolumeNode | None, name: str, image: np.ndarray
) -> slicer.vtkMRMLScalarVolumeNode:
    """An axial image around the origin: the left of the patient on the right, anterior on top, as in the views."""
    if volume is None:
        volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
        pose = np.diag([-SPACING_MM, -SPACING_MM, SPACING_MM, 1.0])
        pose[:2, 3] = _CENTER * SPACING_MM
        volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(pose))
        setAttribute(volume, "disclaimer", DISCLAIMER)
    updatePixels(volume, np.where(_borders(), np.nan, image).astype(np.float32))
    return volume


def _values(
    scene: slicer.vtkMRMLScene,
    points: slicer.vtkMRMLMarkupsFiducialNode | None,
    name: str,
    values: Mapping[int, str],
    *,
    view: str,
) -> slicer.vtkMRMLMarkupsFiducialNode:
    """The numbers on a bullseye and its title: locked points without a glyph, in no list of the user's.

    view : of our layouts, to which they belong from the first moment
    """
    if points is None:
        points = slicer.vtkMRMLMarkupsFiducialNode()
        points.SetName(name)
        points.SetHideFromEditors(True)
        points = scene.AddNode(points)
        points.CreateDefaultDisplayNodes()
        for segment in (*SIXTEEN, _TITLE):
            points.AddControlPoint(vtk.vtkVector3d(*_labelPosition(segment)), "")
        points.SetLocked(True)
        display = points.GetDisplayNode()
        display.SetPointLabelsVisibility(True)
        display.SetGlyphScale(0.1)
        display.SetTextScale(TEXT_SCALE)
        display.SetSelectedColor(*CURRENT_COLOR)
        display.SetOccludedVisibility(False)
        # in no other view, where no layout with bullseyes is open either
        display.SetViewNodeIDs([f"vtkMRMLSliceNode{view}"])
    wasModifying = points.StartModify()
    for index, segment in enumerate(SIXTEEN):
        _label(points, index, values.get(segment, ""))
    _title(points, values[_TITLE])
    points.EndModify(wasModifying)
    return points


def markOutOfDate(scans: Sequence[ScanNodes], isOutOfDate: bool) -> None:
    """Say on the bullseyes that their numbers are of other contours than those on show, or no longer say it."""
    for nodes in scans:
        for points in filter(None, (nodes.bullseyeValues, nodes.reserveValues)):
            heading = points.GetNthControlPointLabel(len(SIXTEEN)).removesuffix(OUT_OF_DATE)
            color = OUT_OF_DATE_COLOR if isOutOfDate else CURRENT_COLOR
            if points.GetDisplayNode().GetSelectedColor() != color:
                points.GetDisplayNode().SetSelectedColor(*color)
            _title(points, heading + OUT_OF_DATE if isOutOfDate else heading)


def _title(points: slicer.vtkMRMLMarkupsFiducialNode, text: str) -> None:
    """Write the title, the longer the further to the left."""
    index, start = len(SIXTEEN), HALF_TEXT_MM * len(text) / LETTERS_OF_A_NUMBER
    if points.GetNthControlPointLabel(index) != text:
        points.SetNthControlPointPosition(index, start, TITLE_MM, 0.0)
        points.SetNthControlPointLabel(index, text)


def _label(points: slicer.vtkMRMLMarkupsFiducialNode, index: int, text: str) -> None:
    if points.GetNthControlPointLabel(index) != text:
        points.SetNthControlPointLabel(index, text)


def _labelPosition(segment: int) -> tuple[float, float, float]:
    """Where the text of a segment begins, so that its middle is that of the segment, RAS mm; the title's is on top."""
    if segment == _TITLE:
        return HALF_TEXT_MM, TITLE_MM, 0.0
    level, begin, end = sector(segment)
    radius_mm = sum(RINGS[level]) / 2 * _RADIUS_PX * SPACING_MM
    angle = np.radians((begin + end) / 2)
    return HALF_TEXT_MM - radius_mm * np.cos(angle), radius_mm * np.sin(angle), 0.0
