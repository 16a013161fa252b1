"""Time-position images through the septum before and after motion compensation, of a phantom and copies of it, as PNG.

Run by ``make bench-motion``.
"""

import argparse
from pathlib import Path

import numpy as np
from motion import SERIES
from motion_judge import simulated
from PerfusionDLLib.motion import compensate
from scipy import ndimage


def copies(drawn):
    """Name, signal, box, and a line (2, points) in pixels through the septum in the pose of the peak frame."""
    signal, truth, box = drawn.series.signal, drawn.truth, np.array(drawn.truth.box_px)
    side, middle = signal.shape[1], (box[:2] + box[2:]) / 2
    septum = (np.array(truth.anterior_rv_px) + truth.inferior_rv_px) / 2
    outward = (septum - middle) / np.linalg.norm(septum - middle)
    line = middle[:, None] - outward[:, None] * np.linspace(-30, 24, 109)
    yield "as it is", signal, box, line
    turned = np.array([side - 1 - box[3], box[0], side - 1 - box[1], box[2]])
    yield "turned by 90 degrees", np.rot90(signal, axes=(1, 2)), turned, np.stack([side - 1 - line[1], line[0]])
    noise = np.random.default_rng(0).normal(0, 0.1 * np.percentile(signal, 99.5), signal.shape)
    yield "with more noise", (signal + noise).astype(np.float32), box, line
    wander = np.round(4 * np.sin(np.arange(len(signal)) / 9)).astype(int)
    wander -= wander[truth.peak_frame]
    shifted = np.stack([np.roll(frame, shift, axis=1) for frame, shift in zip(signal, wander, strict=True)])
    yield "shifted by a slow drift of 15 mm", shifted, box, line


def draw(target):
    """Time-position images along a line through the septum, before and after, of a phantom and its copies."""
    from matplotlib.figure import Figure

    drawn = simulated(*SERIES[0])
    spacing_mm = drawn.series.spacing_mm
    figure = Figure(figsize=(13, 5.4), layout="constrained")
    panels = figure.subplots(2, 4, sharex=True, sharey=True)
    for column, (name, signal, box, line) in zip(panels.T, copies(drawn), strict=True):
        motion = compensate(
            signal, spacing_mm=spacing_mm, reference_frame=drawn.truth.peak_frame, region_px=tuple(box.tolist())
        )
        limit = np.percentile(signal, 99.5)
        for panel, frames, when in zip(column, (signal, motion.corrected), ("before", "after"), strict=True):
            strip = np.stack([ndimage.map_coordinates(frame, line, order=1) for frame in frames], axis=1)
            length_mm = spacing_mm[0] * np.hypot(*(line[:, -1] - line[:, 0]))
            panel.imshow(strip, cmap="gray", vmin=0, vmax=limit, aspect="auto", extent=(0, len(frames), length_mm, 0))
            panel.set_title(f"{name}, {when}", fontsize=9)
        column[1].set_xlabel("frame")
    for panel in panels[:, 0]:
        panel.set_ylabel("mm, right ventricle to lateral wall")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=66)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    draw(parser.parse_args().target)


if __name__ == "__main__":
    main()
