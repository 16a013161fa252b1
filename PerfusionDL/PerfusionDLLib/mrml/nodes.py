"""Which nodes belong to a scan: references that survive saving, renaming and merging of scenes.

A scan is a sequence browser that carries the attribute ``PerfusionDL.condition``; it refers to everything else. A node
that the user deleted reads as None.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import slicer

from ..data.contours import Label
from ..data.flag import Flag, flag_document, flags_from
from ..data.study import Condition, Level

PREFIX = "PerfusionDL"
SEGMENT_IDS: Mapping[Label, str] = {
    Label.MYOCARDIUM: "myocardium",
    Label.BLOOD_POOL: "bloodPool",
    Label.RV_BLOOD_POOL: "rvBloodPool",
}


@contextmanager
def quietly(node: slicer.vtkMRMLNode) -> Iterator[None]:
    """Change something of a node that nothing on the screen shows; it does not say that it changed."""
    wasDisabled = node.GetDisableModifiedEvent()
    node.DisableModifiedEventOn()
    try:
        yield
    finally:
        node.SetDisableModifiedEvent(wasDisabled)


class _Reference:
    """A node that a browser refers to under the attribute's own name.

    The browser does not say that it changed: it would show its frame anew in all views, and its lists would follow.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, nodes: Any, owner: type) -> Any:
        return nodes.browser.GetNodeReference(f"{nodes.prefix}.{self._name}")

    def __set__(self, nodes: Any, node: slicer.vtkMRMLNode | None) -> None:
        with quietly(nodes.browser):
            nodes.browser.SetNodeReferenceID(f"{nodes.prefix}.{self._name}", node.GetID() if node else None)


class SliceNodes:
    """The nodes of one slice.

    original, corrected, displacement : sequences of the series as acquired, in one pose, and the way between, mm
    protonDensity : sequence of the lead frames without saturation
    contours, automatic : segmentations; the second holds what the networks found and is locked
    rvInsertionPoints : point list with an anterior and an inferior point; box : ROI
    mbf, mbfError : flow map and its standard error, mL/min/g; fitStatus, segments : label maps
    curves, chart : table and plot of the AHA segments' mean curves
    """

    original = _Reference()
    corrected = _Reference()
    displacement = _Reference()
    protonDensity = _Reference()
    contours = _Reference()
    automatic = _Reference()
    rvInsertionPoints = _Reference()
    box = _Reference()
    mbf = _Reference()
    mbfError = _Reference()
    fitStatus = _Reference()
    segments = _Reference()
    curves = _Reference()
    chart = _Reference()

    def __init__(self, browser: slicer.vtkMRMLSequenceBrowserNode, number: int) -> None:
        self.browser = browser
        self.number = number
        self.prefix = f"{PREFIX}.{number}"

    @property
    def level(self) -> Level | None:
        """Where the slice lies along the long axis."""
        level = attribute(self.original, "level")
        return Level(level) if level else None

    @property
    def name(self) -> str:
        """``basal``, ``mid`` or ``apical``, or the number of the slice where nobody knows."""
        return str(self.level or f"slice {self.number + 1}")

    @property
    def key(self) -> tuple[str, int]:
        """What tells this slice from every other in the scene."""
        return self.browser.GetID(), self.number

    @property
    def hasContours(self) -> bool:
        """Whether contours were found or drawn."""
        return None not in (self.corrected, self.displacement, self.contours, self.rvInsertionPoints, self.box)

    @property
    def hasMaps(self) -> bool:
        """Whether its flow was written, and nothing of it deleted since."""
        return None not in (self.mbf, self.mbfError, self.fitStatus, self.segments, self.curves, self.chart)

    @property
    def originalVolume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The frame on show, as acquired."""
        return self.browser.GetProxyNode(self.original) if self.original else None

    @property
    def correctedVolume(self) -> slicer.vtkMRMLScalarVolumeNode | None:
        """The frame on show, in the pose of the reference frame."""
        return self.browser.GetProxyNode(self.corrected) if self.corrected else None


class ScanNodes:
    """The nodes of one scan, base to apex.

    inputSeries : sequence of the series made to measure the arterial input, where the study has one
    arterialInput, arterialInputChart : table and plot of the concentration in the left-ventricular blood pool
    bullseye, bullseyeValues : flow of every pixel laid out as a bullseye, and the flow of the segments written on it
    reserve, reserveValues : the same of the myocardial perfusion reserve, of a stress scan that has a rest scan
    pickedCurve, pickedChart : table and plot of the pixel or segment that was clicked last; pickedPoint marks it
    pickedSegment : label map of the segment that was clicked last
    """

    inputSeries = _Reference()
    arterialInput = _Reference()
    arterialInputChart = _Reference()
    bullseye = _Reference()
    bullseyeValues = _Reference()
    reserve = _Reference()
    reserveValues = _Reference()
    pickedCurve = _Reference()
    pickedChart = _Reference()
    pickedPoint = _Reference()
    pickedSegment = _Reference()

    def __init__(self, browser: slicer.vtkMRMLSequenceBrowserNode) -> None:
        self.browser = browser
        self.prefix = PREFIX

    @property
    def inScene(self) -> bool:
        """False once the scan was deleted or the scene closed."""
        return self.browser.GetScene() is not None

    @property
    def condition(self) -> Condition:
        """Rest or stress."""
        return Condition(attribute(self.browser, "condition"))

    @property
    def study(self) -> str:
        """Label of the study that the scan belongs to, the same for rest and stress; empty where nobody gave one."""
        return attribute(self.browser, "study") or ""

    @property
    def slices(self) -> tuple[SliceNodes, ...]:
        """The slices, base to apex."""
        return tuple(SliceNodes(self.browser, number) for number in range(attribute(self.browser, "slices")))


def findScans(scene: slicer.vtkMRMLScene) -> tuple[ScanNodes, ...]:
    """The scans in a scene, in the order in which they were added."""
    return tuple(
        ScanNodes(browser)
        for browser in nodesOfClass(scene, "vtkMRMLSequenceBrowserNode")
        if attribute(browser, "condition")
    )


def findNewestStudy(scene: slicer.vtkMRMLScene) -> tuple[ScanNodes, ...]:
    """The study that was added last: its newest scan of each condition, stress first."""
    scans = findScans(scene)
    newest = {nodes.condition: nodes for nodes in scans if nodes.study == scans[-1].study}
    return tuple(newest[condition] for condition in (Condition.STRESS, Condition.REST) if condition in newest)


def findTable(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLTableNode | None:
    """The segment table that was added last."""
    tables = [node for node in nodesOfClass(scene, "vtkMRMLTableNode") if attribute(node, "segmentTable")]
    return tables[-1] if tables else None


def nodesOfClass(scene: slicer.vtkMRMLScene, className: str) -> Iterator[slicer.vtkMRMLNode]:
    """The nodes of a class, in the order in which they were added."""
    for index in range(scene.GetNumberOfNodesByClass(className)):
        yield scene.GetNthNodeByClass(index, className)


def attribute(node: slicer.vtkMRMLNode | None, name: str) -> Any:
    """What `setAttribute` kept on the node, or None."""
    text = node.GetAttribute(f"{PREFIX}.{name}") if node else None
    return None if text is None else json.loads(text)


def setAttribute(node: slicer.vtkMRMLNode, name: str, value: Any) -> None:
    """Keep a value (text, number, list, mapping) on a node as JSON, which gives back floats bit by bit."""
    node.SetAttribute(f"{PREFIX}.{name}", json.dumps(value))


def flagsOf(node: slicer.vtkMRMLNode | None) -> tuple[Flag, ...]:
    """The findings that `setFlags` kept on the node; those of a scene of version 0.1 are known by their texts."""
    return flags_from(attribute(node, "flags") or (), attribute(node, "findings"))


def setFlags(node: slicer.vtkMRMLNode, flags: Sequence[Flag]) -> None:
    """Keep findings on a node: their texts, which version 0.1 reads, and beside them what programs read."""
    setAttribute(node, "flags", [flag.text_with_condition for flag in flags])
    setAttribute(node, "findings", [flag_document(flag) for flag in flags])
