"""Layouts of views: all slices of rest and stress at once, for a wide screen and for a laptop, or one slice large."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from xml.etree import ElementTree

import slicer

from ..data.study import Condition, Level
from .nodes import ScanNodes, attribute

VIEW_ROWS = (("Red", "Green", "Yellow"), ("Red+", "Green+", "Yellow+"))
"""Slice views of Slicer's own three-over-three layout, so that a saved scene looks right without this extension too."""

OWN_ROWS = (
    ("PerfusionBasal1", "PerfusionMid1", "PerfusionApical1"),
    ("PerfusionBasal2", "PerfusionMid2", "PerfusionApical2"),
)
"""Slice views of our own layouts, which leave those of Slicer as they are."""

MAP_ROWS = (
    ("PerfusionBasalMap1", "PerfusionMidMap1", "PerfusionApicalMap1"),
    ("PerfusionBasalMap2", "PerfusionMidMap2", "PerfusionApicalMap2"),
)
"""Flow maps beside the images of `OWN_ROWS`."""

LARGE_VIEWS = ("PerfusionLarge1", "PerfusionLarge2")
"""Slice at hand of the scan in the same row, large."""

BULLSEYE_VIEWS = ("PerfusionBullseye1", "PerfusionBullseye2")
"""Of the scan in the same row."""

RESERVE_VIEW = "PerfusionReserve"
IMAGE_VIEWS = (*sum((*OWN_ROWS, *MAP_ROWS), ()), *LARGE_VIEWS)
"""All our views that show a slice."""

CURVES_VIEW = "PerfusionCurves"

SCAN_LABELS = {Condition.STRESS: ("S", "#D55E00"), Condition.REST: ("R", "#0072B2")}
"""Letter and edge color of the views of stress and rest: the bar above a view has room for three letters."""

NO_SLICE = "\u2013"
"""Name of a view that a study with fewer slices leaves empty."""

RESERVE_COLOR = "#7F7F7F"


class Layout(StrEnum):
    """How the views are arranged.

    WIDE : all slices with bullseyes, curves below
    LAPTOP : all slices with bullseyes; curves and reserve behind a tab
    ONE_SLICE : the slice at hand large, stress beside rest; below, bullseyes, and curves behind a tab
    MAPS_BESIDE : all slices, each beside its flow map; below, bullseyes, and curves behind a tab
    """

    WIDE = "wide"
    LAPTOP = "laptop"
    ONE_SLICE = "one slice"
    MAPS_BESIDE = "maps beside"


LAYOUT_NUMBERS = {
    (Layout.WIDE, 1): 7130,
    (Layout.WIDE, 2): 7131,
    (Layout.LAPTOP, 1): 7132,
    (Layout.LAPTOP, 2): 7133,
    (Layout.ONE_SLICE, 1): 7134,
    (Layout.ONE_SLICE, 2): 7135,
    (Layout.MAPS_BESIDE, 1): 7136,
    (Layout.MAPS_BESIDE, 2): 7137,
}
"""By number of scans; Slicer asks for numbers above 100 that no other extension uses."""


def registerLayouts(scene: slicer.vtkMRMLScene) -> None:
    """Make our layouts known, so that a scene that was saved in one opens in it; Slicer without a window has none."""
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    if node is None:
        return
    for (layout, rows), number in LAYOUT_NUMBERS.items():
        if not node.IsLayoutDescription(number):
            node.AddLayoutDescription(number, layoutDescription(layout, rows))


def arrange(scene: slicer.vtkMRMLScene, layout: Layout, scans: int) -> None:
    """Open one of our layouts for so many scans."""
    registerLayouts(scene)
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    node.SetViewArrangement(LAYOUT_NUMBERS[layout, max(1, min(scans, len(OWN_ROWS)))])


def createViews(scene: slicer.vtkMRMLScene, layout: Layout, scans: int) -> Iterator[str]:
    """Make the views of a layout that are not there yet, one at a time; returns the name of each.

    Slicer makes the widget of a view when its node comes. When the layout opens it would make all of them at once, and
    the user would wait.
    """
    description = layoutDescription(layout, max(1, min(scans, len(OWN_ROWS))))
    for view in ElementTree.fromstring(description).iter("view"):
        kind, name = view.attrib["class"], view.attrib["singletontag"]
        if scene.GetSingletonNode(name, kind) is None:
            _createView(scene, kind, name, {one.attrib["name"]: one.text or "" for one in view})
            yield name


def _createView(scene: slicer.vtkMRMLScene, kind: str, name: str, properties: Mapping[str, str]) -> None:
    """As Slicer's layout logic makes a view and gives it its properties."""
    node = scene.CreateNodeByClass(kind)
    node.UnRegister(None)
    node.SetLayoutName(name)
    node.SetName(name)
    node.SetLayoutLabel(properties["viewlabel"])
    if "viewcolor" in properties:
        node.SetLayoutColor(*_channels(properties["viewcolor"]))
    if "viewgroup" in properties:
        node.SetViewGroup(int(properties["viewgroup"]))
    scene.AddNode(node)
    if "orientation" in properties:
        node.SetOrientation(properties["orientation"])


def _channels(color: str) -> Iterator[float]:
    """Red, green and blue of ``#RRGGBB``, 0 to 1."""
    return (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))


def isArranged(scene: slicer.vtkMRMLScene) -> bool:
    """Whether one of our layouts is open."""
    node = scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    return node is not None and node.GetViewArrangement() in LAYOUT_NUMBERS.values()


def nameViews(scene: slicer.vtkMRMLScene, scans: Sequence[ScanNodes]) -> None:
    """Write into the bar of every view which scan and slice it shows: a layout names only views that are new."""
    for row, nodes in enumerate(scans[: len(OWN_ROWS)]):
        letter, color = SCAN_LABELS[Condition(nodes.condition)]
        labels = {name: "MBF" for name in MAP_ROWS[row]} | {
            LARGE_VIEWS[row]: letter,
            BULLSEYE_VIEWS[row]: f"{letter}-MBF",
        }
        labels |= dict.fromkeys(OWN_ROWS[row], NO_SLICE)
        for part, name in zip(nodes.slices, OWN_ROWS[row], strict=False):
            labels[name] = f"{letter}-{part.name[0].upper() if part.name in set(Level) else part.number + 1}"
        for name, label in labels.items():
            sliceNode = scene.GetSingletonNode(name, "vtkMRMLSliceNode")
            if sliceNode is not None:
                sliceNode.SetLayoutLabel(label)
                sliceNode.SetLayoutColor(*_channels(color))


def layoutDescription(layout: Layout, rows: int) -> str:
    """The views of a layout for one or two scans, as Slicer reads it.

    Every view has a group of its own, because slices and bullseyes lie in planes of their own: what moves one of them
    must not move another.
    """
    groups = iter(range(10, 100))

    def view(name: str, label: str, color: str) -> str:
        properties = {"orientation": "Axial", "viewlabel": label, "viewcolor": color, "viewgroup": str(next(groups))}
        return _view("vtkMRMLSliceNode", name, properties)

    labels = [(f"{letter}-", color) for letter, color in SCAN_LABELS.values()][:rows]
    slices = [
        [view(name, scan + level[0].upper(), color) for name, level in zip(names, Level, strict=True)]
        for (scan, color), names in zip(labels, OWN_ROWS, strict=False)
    ]
    maps = [[view(name, "MBF", color) for name in names] for (_, color), names in zip(labels, MAP_ROWS, strict=False)]
    large = [view(name, scan.rstrip("-"), color) for (scan, color), name in zip(labels, LARGE_VIEWS, strict=False)]
    bullseyes = [view(name, f"{scan}MBF", color) for (scan, color), name in zip(labels, BULLSEYE_VIEWS, strict=False)]
    reserve = [view(RESERVE_VIEW, "MPR", RESERVE_COLOR)] if rows > 1 else []
    curves = _view("vtkMRMLPlotViewNode", CURVES_VIEW, {"viewlabel": "Curves"})
    images = [_row([*views, bullseye]) for views, bullseye in zip(slices, bullseyes, strict=True)]
    below = _row([curves, *reserve])
    behind = _arranged("tab", [_row([*bullseyes, *reserve]), curves], names=["Bullseyes", "Curves"])
    match layout:
        case Layout.WIDE:
            return _arranged("vertical", [*images, below])
        case Layout.LAPTOP:
            return _arranged("tab", [_arranged("vertical", images), below], names=["Images", "Curves and reserve"])
        case Layout.ONE_SLICE:
            return _arranged("vertical", [_row(large), behind], sizes=[640, 360])
        case Layout.MAPS_BESIDE:
            pairs = [sum(zip(*rows, strict=True), ()) for rows in zip(slices, maps, strict=True)]
            return _arranged("vertical", [*map(_row, pairs), behind])


def _row(views: Sequence[str]) -> str:
    return _arranged("horizontal", views)


def _arranged(
    kind: str, parts: Sequence[str], *, names: Sequence[str] | None = None, sizes: Sequence[int] | None = None
) -> str:
    """Parts beside, above or behind one another; with sizes, the user can move the border between them."""
    items = ""
    for index, part in enumerate(parts):
        name = f' name="{names[index]}"' if names else ""
        size = f' splitSize="{sizes[index]}"' if sizes else ""
        items += f"<item{name}{size}>{part}</item>"
    return f'<layout type="{kind}"{" split=" + chr(34) + "true" + chr(34) if sizes else ""}>{items}</layout>'


def _view(kind: str, name: str, properties: Mapping[str, str]) -> str:
    texts = (f'<property name="{key}" action="default">{value}</property>' for key, value in properties.items())
    return f'<view class="{kind}" singletontag="{name}">{"".join(texts)}</view>'


def showsMapOver(sliceNode: slicer.vtkMRMLSliceNode) -> bool:
    """Whether a view of images has the flow map over them; beside their maps images stay as they are."""
    names = sum(OWN_ROWS, ())
    layout = sliceNode.GetScene().GetFirstNodeByClass("vtkMRMLLayoutNode")
    beside = {LAYOUT_NUMBERS[Layout.MAPS_BESIDE, rows] for rows in (1, 2)}
    return sliceNode.GetLayoutName() not in names or layout is None or layout.GetViewArrangement() not in beside


def viewsOf(scene: slicer.vtkMRMLScene, row: int, number: int) -> list[slicer.vtkMRMLSliceNode]:
    """The views of a slice, where there are any.

    row : of its scan, stress above rest; number : of the slice, base to apex
    """
    names = [
        names[row][number] for names in (VIEW_ROWS, OWN_ROWS, MAP_ROWS) if row < len(names) and number < len(names[row])
    ]
    found = [scene.GetSingletonNode(name, "vtkMRMLSliceNode") for name in names]
    large = scene.GetSingletonNode(LARGE_VIEWS[row], "vtkMRMLSliceNode") if row < len(LARGE_VIEWS) else None
    if large is not None and (attribute(large, "slice") or 0) == number:
        found.append(large)
    return [one for one in found if one is not None]


def sliceOf(sliceNode: slicer.vtkMRMLSliceNode) -> tuple[int, int] | None:
    """Row of the scan and number of the slice that a view shows; None of a view that shows none."""
    name = sliceNode.GetLayoutName()
    if name in LARGE_VIEWS:
        return LARGE_VIEWS.index(name), attribute(sliceNode, "slice") or 0
    for rows in (VIEW_ROWS, OWN_ROWS, MAP_ROWS):
        for row, names in enumerate(rows):
            if name in names:
                return row, names.index(name)
    return None
