"""Keeps rest and stress in step: the frame that one of them goes to moves the other to the frame that belongs to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import vtk
from slicer.util import VTKObservationMixin

from .. import mrml, session


class StepBy(Enum):
    """Which frames of rest and stress belong together.

    PEAK : as many heartbeats after the peak of the left ventricle
    ARRIVAL : as many seconds after contrast agent arrives there; hearts beat faster under stress
    FRAME : the same number
    """

    PEAK = "peak"
    ARRIVAL = "arrival"
    FRAME = "frame"

    def label(self) -> str:
        """Name for people; Slicer shows it in selectors."""
        return _LABELS[self]


_LABELS = {
    StepBy.PEAK: "heartbeats after the peak",
    StepBy.ARRIVAL: "seconds after contrast arrives",
    StepBy.FRAME: "number of the frame",
}


@dataclass(frozen=True)
class _Clock:
    """What a frame is counted in: heartbeats or seconds, 0 where the scans meet."""

    ticks: np.ndarray

    def at(self, frame: int) -> float:
        return float(self.ticks[min(frame, len(self.ticks) - 1)])

    def frame(self, tick: float) -> int:
        return int(np.argmin(np.abs(self.ticks - tick)))


class InStep(VTKObservationMixin):
    """Observes the browsers of the chosen scans."""

    def __init__(self, logic) -> None:
        super().__init__()
        self._logic = logic
        self._by = StepBy.PEAK
        self._scans: tuple[mrml.ScanNodes, ...] = ()
        self._frames: dict = {}

    def follow(self, scans: Sequence[mrml.ScanNodes], by: StepBy = StepBy.PEAK) -> None:
        """Keep these scans in step, and no others; fewer than two are left alone."""
        self.removeObservers()
        self._by = by
        self._scans = tuple(scans) if len(scans) > 1 else ()
        self._frames = {nodes.browser: nodes.browser.GetSelectedItemNumber() for nodes in self._scans}
        for nodes in self._scans:
            self.addObserver(nodes.browser, vtk.vtkCommand.ModifiedEvent, self._onModified)

    def stop(self) -> None:
        """Leave the scans alone."""
        self.follow(())

    def _onModified(self, browser, event=None) -> None:
        frame = browser.GetSelectedItemNumber()
        if self._frames.get(browser) == frame:
            return
        self._frames[browser] = frame
        moved = next(nodes for nodes in self._scans if nodes.browser is browser)
        tick = self._clock(moved).at(frame)
        for nodes in self._scans:
            if nodes.browser is not browser:
                other = self._clock(nodes).frame(tick)
                self._frames[nodes.browser] = other  # first, so that its own event moves nothing back
                nodes.browser.SetSelectedItemNumber(other)

    def _clock(self, nodes: mrml.ScanNodes) -> _Clock:
        beats = np.arange(nodes.browser.GetNumberOfItems(), dtype=float)
        if self._by is StepBy.FRAME:
            return _Clock(beats)
        peak = mrml.peakFrame(nodes) or 0
        if self._by is StepBy.PEAK:
            return _Clock(beats - peak)
        times_s = mrml.playedTimes(nodes)
        arrival = session.arrivalFrame(self._logic.reader(nodes))
        return _Clock(times_s - times_s[min(peak if arrival is None else arrival, len(times_s) - 1)])
