"""How long the numbers take to follow a correction of one slice, nodes included, as a Markdown table.

A phantom patient, rest and stress, three slices each, in a scene; the contours are the true ones. Each correction is
made in the nodes, noticed by `History`, and followed by `flowTask` with what was computed before, just as the panel
does it; drawing the views and waiting until the hand rests (150 ms) come on top. Run by ``make bench-edit``.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from PerfusionDLLib import mrml, phantom, session
from PerfusionDLLib.cache import Cache
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.session import preparation, tasks
from scipy import ndimage


class Desk:
    """A scene with a study and its flow."""

    def __init__(self, seed: int, model: FlowModel) -> None:
        patient = phantom.simulate_study(seed)
        self.headless, self.model, self.cache = mrml.HeadlessScene(), model, Cache()
        self.scene = self.headless.scene
        scans = [mrml.writeScan(self.scene, scan) for scan in reversed(patient.study.scans)]
        for nodes in scans:
            preparation.manualTask(self.scene, nodes.slices).run()
            for part, truth in zip(nodes.slices, patient.truth[nodes.condition], strict=True):
                mrml.writeLabels(part.contours, part.originalVolume, truth.labels)
                series = mrml.readSeries(part)
                for index, point in enumerate((truth.anterior_rv_px, truth.inferior_rv_px)):
                    part.rvInsertionPoints.SetNthControlPointPositionWorld(index, *series.ras_from_pixels(point))
        self.part = scans[0].slices[1]
        self.readers = [mrml.ScanReader(nodes) for nodes in scans]
        self.history = session.History(self.scene)
        for reader in self.readers:
            self.history.start(reader)
        self.flow = self.follow(None)
        mrml.showScans(self.scene, scans, layout=mrml.Layout.WIDE)

    def follow(self, former: tasks.Flow | None) -> tasks.Flow:
        """What the panel does once a correction has settled."""
        self.history.record(*self.readers)
        table = former.tableNode if former else None
        task = tasks.flowTask(self.scene, self.readers, table, model=self.model, former=former, cache=self.cache)
        return task.run()

    def seconds(self, prepare: Callable[["Desk"], Callable[[], None]]) -> float:
        """Wall time from the correction in the nodes to the table."""
        correct = prepare(self)
        begin = time.perf_counter()
        correct()
        self.flow = self.follow(self.flow)
        return time.perf_counter() - begin


def paint(desk: Desk, label: Label, onto: Label) -> Callable[[], None]:
    """Take the rim of one region into another."""
    labels = mrml.readSlice(desk.part).contours.labels.copy()
    rim = ndimage.binary_dilation(labels == label) & (labels == onto)
    half = np.arange(labels.shape[1]) < np.argwhere(labels == label)[:, 1].mean()
    labels[rim & half] = label
    return lambda: mrml.writeLabels(desk.part.contours, desk.part.originalVolume, labels)


def drag(desk: Desk) -> Callable[[], None]:
    """Move the anterior insertion point by 3 mm."""
    points = desk.part.rvInsertionPoints
    position = np.add(points.GetNthControlPointPositionWorld(0), (3, 0, 0))
    return lambda: points.SetNthControlPointPositionWorld(0, *position)


def move_peak(desk: Desk) -> Callable[[], None]:
    """Say that another frame shows the peak: nothing is computed before the slice is found again."""
    frame = mrml.readSlice(desk.part).contours.peak_frame
    return lambda: session.setPeakFrame(desk.part, frame + 1)


def exclude(desk: Desk) -> Callable[[], None]:
    """Leave a frame out, or take it back."""
    excluded = not session.isFrameExcluded(desk.part, 40)
    return lambda: session.setFrameExcluded(desk.part, 40, excluded)


CORRECTIONS = {
    "insertion point dragged": drag,
    "myocardium painted": lambda desk: paint(desk, Label.MYOCARDIUM, Label.BACKGROUND),
    "blood pool painted": lambda desk: paint(desk, Label.BLOOD_POOL, Label.MYOCARDIUM),
    "frame left out": exclude,
    "peak frame moved": move_peak,
}


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    desk = Desk(given.seed, FlowModel.AVERAGED)
    pixels = sum(np.count_nonzero(part.segments) for maps in desk.flow.maps for part in maps.slices)
    print(f"{pixels} pixels in {sum(len(maps.slices) for maps in desk.flow.maps)} slices, model {desk.model}\n")
    print("| correction of one slice | median (s) | slowest (s) |\n| --- | --- | --- |")
    for name, prepare in CORRECTIONS.items():
        taken = [desk.seconds(prepare) for _ in range(given.repeats)]
        print(f"| {name} | {np.median(taken):.3f} | {max(taken):.3f} |")


if __name__ == "__main__":
    main()
