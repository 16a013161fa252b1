"""Draws the icon of the extension and of its module: a bullseye with a perfusion defect, 128 x 128 pixels.

Run from the repository root: ``python Resources/draw_icon.py``.
"""

import sys
from pathlib import Path
from typing import BinaryIO

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "PerfusionDL"))

from PerfusionDLLib.report.figures.bullseye import RINGS, SIXTEEN, sector  # noqa: E402

PIXELS = 128
TARGETS = (ROOT / "Resources/PerfusionDL.png", ROOT / "PerfusionDL/Resources/Icons/PerfusionDL.png")
DEFECT = {4: 0.35, 5: 0.55, 10: 0.05, 11: 0.3, 15: 0.12, 16: 0.5}


def draw(target: BinaryIO) -> None:
    """Write the icon as PNG, transparent around the bullseye, the same bytes on every run."""
    figure = Figure(figsize=(1, 1))
    axes = figure.add_axes((0, 0, 1, 1))
    colors = matplotlib.colormaps["viridis"]
    for segment in SIXTEEN:
        level, begin, end = sector(segment)
        inner, outer = RINGS[level]
        flow = DEFECT.get(segment, 0.8 + 0.12 * np.cos(2.1 * segment))
        axes.add_patch(
            Wedge((0, 0), outer, begin, end, width=outer - inner, facecolor=colors(flow), edgecolor="white", lw=0.9)
        )
    axes.set(xlim=(-1.03, 1.03), ylim=(-1.03, 1.03))
    axes.axis("off")
    figure.savefig(target, format="png", dpi=PIXELS, transparent=True, metadata={"Software": None})


if __name__ == "__main__":
    for path in TARGETS:
        with path.open("wb") as target:
            draw(target)
