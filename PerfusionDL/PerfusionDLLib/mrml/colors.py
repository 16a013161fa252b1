"""Color tables and legends: one perceptually uniform scale for rest and stress, names for the labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import slicer

from ..data.flow import PerfusionMaps
from ..data.study import Condition
from ..data.table import SegmentTable
from .nodes import attribute, nodesOfClass, setAttribute

FLOW_UNIT = "mL/min/g"

_VIRIDIS = bytes.fromhex(
    "440154 470d60 48186a 482374 472d7b 453781 424086 3e4989 3b528b 375b8d 33638d "
    "2f6b8e 2c728e 297a8e 26828e 23898e 21918c 1f978b 1f9f88 21a685 27ad81 31b57b "
    "3dbc74 4cc26c 5cc863 6ece58 81d34d 95d840 aadc32 c0df25 d5e21a eae51a fde725"
)
"""Every eighth color of viridis (S. van der Walt and N. Smith, 2015, CC0), the scale of the report's figures too."""

_CIVIDIS = bytes.fromhex(
    "00224e 00285b 002e6a 083370 1c396f 293f6e 33446d 3d4a6c 45506c 4d556c 555b6d "
    "5c616e 646770 6b6d72 727274 787877 807f78 888578 908b78 979177 a09875 a89e73 "
    "b0a571 b9ab6d c1b26a cbb965 d3c05f dcc859 e5cf52 efd748 f8df3c fee838"
)
"""Cividis (J. R. Nunez, C. R. Anderton, R. S. Renslow, PLoS ONE 2018;13:e0199239), as the report shows ratios."""

_SLATES = bytes.fromhex("141d26 8fa8c0")
"""One hue from dark to light; chosen: neither gray images nor the other scales have it, white shows."""

RESERVE_END = 4.0
"""Upper end of the scale of the reserve, without unit; chosen: that of the report, 1.5 and 2.5 can be told apart."""

_SCALE_ENDS_ML_MIN_G = (2, 3, 4, 5, 6, 8)


def flowScaleEnd(maps: Sequence[PerfusionMaps]) -> float:
    """Upper end of the scale that rest and stress share: a round number above 98 % of all pixels, mL/min/g.

    A few round ends instead of the maximum, so that patients can be compared by eye.
    """
    flows = np.concatenate([part.mbf_ml_min_g.ravel() for scan in maps for part in scan.slices] or [np.empty(0)])
    flows = flows[np.isfinite(flows)]
    top = np.percentile(flows, 98) if flows.size else 0
    return float(next((end for end in _SCALE_ENDS_ML_MIN_G if end >= top), _SCALE_ENDS_ML_MIN_G[-1]))


@dataclass(frozen=True)
class FlowScale:
    """How the flow of a scan is colored.

    end_ml_min_g : flow at the upper end
    isAbsolute : whether flow holds as a number. Where it does not, maps are slate, their end is the flow of the best
        segments of the scan, and numbers on the bullseye are percent of it
    """

    end_ml_min_g: float
    isAbsolute: bool = True


def flowScales(maps: Sequence[PerfusionMaps], table: SegmentTable) -> dict[Condition, FlowScale]:
    """The scale of each scan: one that rest and stress share, or each its own where absolute flow is not known."""
    end = flowScaleEnd(maps)
    if table.knows_absolute_flow:
        return {one.condition: FlowScale(end) for one in maps}
    best = {one.condition: table.best_flow(one.condition) for one in maps}
    return {which: FlowScale(flow if flow > 0 else end, isAbsolute=False) for which, flow in best.items()}


def showFlow(volume: slicer.vtkMRMLScalarVolumeNode, scale: FlowScale, *, share: float = 1.0) -> None:
    """Color a map of flow; ``share`` of the scale is at its upper end."""
    colors = flowColors(volume.GetScene()) if scale.isAbsolute else slates(volume.GetScene())
    showColors(volume, colors, share * scale.end_ml_min_g)


def showFlowLegend(
    volume: slicer.vtkMRMLVolumeNode, scale: FlowScale, *, below: bool = False
) -> slicer.vtkMRMLColorLegendDisplayNode:
    """The legend of a map; of one whose flow holds as no number, it names the ends and bears no numbers.

    below : that of a bullseye, whose title names the unit
    """
    if scale.isAbsolute:
        return showLegend(volume, f"MBF ({FLOW_UNIT})", scaleEnd=scale.end_ml_min_g, below=below)
    legend = showLegend(volume, "Relative: 0 to best segments", scaleEnd=scale.end_ml_min_g, below=below)
    legend.SetNumberOfLabels(0)
    return legend


def slates(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """The color table of flow that holds only beside other flow of its scan: nobody reads slate as mL/min/g."""
    return _continuous(scene, "Relative flow", _SLATES)


def flowColors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """The color table of flow maps, made once in each scene."""
    return _continuous(scene, "Myocardial blood flow", _VIRIDIS)


def ratioColors(scene: slicer.vtkMRMLScene) -> slicer.vtkMRMLColorTableNode:
    """The color table of ratios, made once in each scene."""
    return _continuous(scene, "Ratio", _CIVIDIS)


def showColors(volume: slicer.vtkMRMLScalarVolumeNode, colors: slicer.vtkMRMLColorTableNode, end: float) -> None:
    """Values in color from 0 to the end of the scale, pixel by pixel; pixels without a value (NaN) are transparent."""
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.SetAndObserveColorNodeID(colors.GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, end)
    display.SetInterpolate(False)
    display.SetAutoThreshold(False)
    display.SetThreshold(0, 1e6)
    display.SetApplyThreshold(True)


def _continuous(scene: slicer.vtkMRMLScene, name: str, anchorColors: bytes) -> slicer.vtkMRMLColorTableNode:
    return _found(scene, name) or _table(scene, name, _continuousEntries(anchorColors))


def _continuousEntries(anchorColors: bytes) -> dict[int, tuple[str, tuple[float, ...]]]:
    """256 colors between the anchors."""
    anchors = np.frombuffer(anchorColors, np.uint8).reshape(-1, 3) / 255
    position = np.linspace(0, 255, len(anchors)).round()
    colors = np.stack([np.interp(np.arange(256), position, channel) for channel in anchors.T], axis=-1)
    return {index: ("", tuple(color)) for index, color in enumerate(colors)}


def labelColors(scene: slicer.vtkMRMLScene, name: str, names: Mapping[int, str]) -> slicer.vtkMRMLColorTableNode:
    """A color table that names the values of a label map; 0 is transparent."""
    found = _found(scene, name)
    if found is not None:
        return found
    hues = 0.61803 * np.arange(len(names))  # golden ratio: neighbors differ
    phases = 2 * np.pi * (hues[:, None] + np.array([0, 1 / 3, 2 / 3]))
    colors = 0.55 + 0.35 * np.cos(phases)
    entries = {value: (text, tuple(color)) for (value, text), color in zip(names.items(), colors, strict=True)}
    return _table(scene, name, {0: ("", (0.0, 0.0, 0.0))} | entries)


def _found(scene: slicer.vtkMRMLScene, name: str) -> slicer.vtkMRMLColorTableNode | None:
    """The color table of this name, where it was made already."""
    tables = nodesOfClass(scene, "vtkMRMLColorTableNode")
    return next((node for node in tables if attribute(node, "colors") == name), None)


def _table(
    scene: slicer.vtkMRMLScene, name: str, entries: Mapping[int, tuple[str, tuple[float, ...]]]
) -> slicer.vtkMRMLColorTableNode:
    table = slicer.vtkMRMLColorTableNode()
    table.SetTypeToUser()
    table.SetName(name)
    table.SetNumberOfColors(max(entries) + 1)
    for index, (text, (red, green, blue)) in entries.items():
        opacity = 0.0 if index == 0 and not text and (red, green, blue) == (0, 0, 0) else 1.0
        table.SetColor(index, text or str(index), red, green, blue, opacity)
    setAttribute(table, "colors", name)
    return scene.AddNode(table)


def showLegend(
    volume: slicer.vtkMRMLVolumeNode, title: str, *, scaleEnd: float, below: bool = False
) -> slicer.vtkMRMLColorLegendDisplayNode:
    """A color legend at the right edge of the views that show the volume, or below; labeled at whole or half units.

    One below has no title: Slicer makes the numbers as large as a title leaves room, and the title as large as they
    are, so that both change with every drawing.
    """
    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(volume)
    legend.SetTitleText("" if below else title)
    isLabeledAtUnits = scaleEnd > 2
    legend.SetLabelFormat("%.0f" if isLabeledAtUnits else "%.1f")  # decimals would run together in a high, narrow view
    legend.SetNumberOfLabels(round(scaleEnd) + 1 if isLabeledAtUnits else 5)
    legend.SetUseColorNamesForLabels(False)
    legend.SetOrientation(legend.Horizontal if below else legend.Vertical)
    legend.SetSize(*((0.07, 0.8) if below else (0.12, 0.5)))  # across and along; the text fits itself to it
    legend.SetPosition(*((0.5, 0.02) if below else (0.98, 0.5)))
    return legend


def renewLegends(scene: slicer.vtkMRMLScene) -> None:
    """Have the legends drawn of a scene that was just read: a view draws only those that are added after it."""
    for volume in list(nodesOfClass(scene, "vtkMRMLScalarVolumeNode")):
        legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(volume)
        if legend is not None:
            scene.RemoveNode(legend)
            volume.AddAndObserveDisplayNodeID(scene.AddNode(legend).GetID())
            legend.Modified()  # views look only now whose legend it is
