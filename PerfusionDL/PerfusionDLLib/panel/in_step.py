"""Keeps rest and stress in step: both scans show as many heartbeats after the peak of their left ventricle."""

from collections.abc import Sequence

import vtk
from slicer.util import VTKObservationMixin

from .. import mrml


class InStep(VTKObservationMixin):
    """Observes the browsers of the chosen scans; the frame that one of them goes to moves the other."""

    def __init__(self) -> None:
        super().__init__()
        self._scans: tuple[mrml.ScanNodes, ...] = ()
        self._frames: dict = {}

    def follow(self, scans: Sequence[mrml.ScanNodes]) -> None:
        """Keep these scans in step, and no others; fewer than two are left alone."""
        self.removeObservers()
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
        offset = frame - (mrml.peakFrame(moved) or 0)
        for nodes in self._scans:
            if nodes.browser is not browser:
                other = min(max((mrml.peakFrame(nodes) or 0) + offset, 0), nodes.browser.GetNumberOfItems() - 1)
                self._frames[nodes.browser] = other  # first, so that its own event moves nothing back
                nodes.browser.SetSelectedItemNumber(other)
