"""Draws the panel beside its slice views after a session on the phantom; `make screenshot` calls it.

A composition: the panel is the real one on stand-ins for Slicer's widgets, the views are drawn by Slicer's own
displayable managers. Slicer's frame around them, the curves and the Segment Editor's buttons are missing.
"""

import sys
from pathlib import Path

import numpy as np
from PerfusionDLLib import mrml, phantom
from PerfusionDLLib.mrml.views import VIEW_ROWS
from PIL import Image
from PySide6.QtGui import QImage
from slice_views import SliceView
from slicer_session import Session

SEED = 7
PANEL_SIZE = 460, 1020
VIEW_SIZE = 400, 510


def main(path: Path) -> None:
    """Load, find contours, compute flow, and draw."""
    session = Session()
    layout = session.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    layout.SetViewArrangement(layout.SlicerLayoutThreeOverThreeView)
    views = [[SliceView(session.headless, name, VIEW_SIZE) for name in row] for row in VIEW_ROWS]
    for scan in phantom.simulate_study(SEED).study.scans:
        mrml.writeScan(session.scene, scan)
    panel = session.open()
    panel.ui.findContoursButton.qt_object.click()
    session.wait(lambda: panel.ui.statusLabel.text == "Up to date.", seconds=900)
    for nodes in panel.scans():
        nodes.browser.SetSelectedItemNumber(mrml.readSlice(nodes.slices[1]).contours.peak_frame)
    panel.ui.slicesList.setCurrentRow(1)
    picture = np.vstack([np.hstack([view.render() for view in row]) for row in views])
    whole = Image.fromarray(np.hstack([grab(session), picture]))
    whole.resize((whole.width * 3 // 4, whole.height * 3 // 4), Image.Resampling.LANCZOS).save(path, optimize=True)
    session.stop()


def grab(session: Session) -> np.ndarray:
    """The panel, (Y, X, 3)."""
    session.parent.resize(*PANEL_SIZE)
    session.parent.show()
    session.qt_application.processEvents()
    image = session.parent.grab().toImage().convertToFormat(QImage.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
