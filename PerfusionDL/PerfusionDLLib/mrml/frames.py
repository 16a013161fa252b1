"""Which frame of a scan is on show, and when each was acquired."""

from collections.abc import Sequence

import numpy as np

from .nodes import ScanNodes, attribute


def showPeakFrames(scans: Sequence[ScanNodes]) -> None:
    """Go to the frame of the peak in the left ventricle, or the brightest frame where nobody has found it yet."""
    for nodes in scans:
        frame = peakFrame(nodes)
        if frame is not None:
            nodes.browser.SetSelectedItemNumber(frame)


def peakFrame(nodes: ScanNodes) -> int | None:
    """The frame (0-based) in which the left ventricle of the middle slice peaks, as far as that is known."""
    frames = [attribute(part.contours, "peak_frame") for part in nodes.slices]
    found = [frame for frame in frames if frame is not None]
    return found[len(found) // 2] if found else attribute(nodes.browser, "brightest_frame")


def playedTimes(nodes: ScanNodes) -> np.ndarray:
    """(T,) times of the frames that the browser of a scan plays, s."""
    master = nodes.browser.GetMasterSequenceNode()
    return np.array([float(master.GetNthIndexValue(frame)) for frame in range(master.GetNumberOfDataNodes())])
