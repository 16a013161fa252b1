"""How far displacements are from the truth: phantom series with known motion, and the figures of a result on them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PerfusionDLLib import phantom
from PerfusionDLLib.motion.field import resampled
from scipy import ndimage

SNR = 20.0  # blood in the left ventricle at its peak over noise
CONFIG = replace(
    phantom.HELD_OUT,
    sizes=(144,),
    pixel_mm=(1.9, 1.9),
    frames_rest=(60, 60),
    frames_stress=(60, 60),
    breathing_mm=(15.0, 15.0),
    free_breathing_probability=1.0,
)
ARRIVAL = 0.05  # of the arterial peak


def simulated(seed, condition, level, snr=SNR):
    return phantom.simulate_series(seed, condition=condition, level=level, snr=snr, config=CONFIG)


def judged(drawn, displacement_mm):
    """Figures of one series against its truth, on the contours of the myocardium in the peak frame's pose."""
    truth, spacing_mm = drawn.truth, drawn.series.spacing_mm
    epicardium, cavity = (truth.labels == 1) | (truth.labels == 2), truth.labels == 2
    epicardial, endocardial = (mask & ~ndimage.binary_erosion(mask) for mask in (epicardium, cavity))
    rows, columns = np.nonzero(epicardial | endocardial)
    error = (displacement_mm - truth.displacement_mm)[:, :, rows, columns]
    outward = np.stack([rows - rows.mean(), columns - columns.mean()])
    outward /= np.hypot(*outward)
    distance = np.hypot(error[:, 0], error[:, 1]).mean(1)
    concentration = truth.arterial_mmol_l
    arrival_s = truth.arterial_times_s[np.argmax(concentration > ARRIVAL * concentration.max())]
    after = drawn.series.times_s >= arrival_s
    wall = truth.labels == 1
    apart = displacement_mm - truth.displacement_mm
    grid = np.mgrid[: wall.shape[0], : wall.shape[1]]
    dice = []
    for field in apart[after]:
        position = grid + field / np.asarray(spacing_mm)[:, None, None]
        moved = ndimage.map_coordinates(wall.astype(np.float32), position, order=1) > 0.5
        dice.append(2 * (moved & wall).sum() / (moved.sum() + wall.sum()))

    def roughness(field):
        curves = resampled(drawn.series.signal, field, spacing_mm)[:, wall]
        return np.abs(np.diff(curves, 2, axis=0)).mean()

    return {
        "post_mm": distance[after].mean(),
        "all_mm": distance.mean(),
        "radial_mm": np.abs((error * outward).sum(1))[after].mean(),
        "worst_mm": distance.max(),
        "dice": np.mean(dice),
        "roughness": 100 * roughness(displacement_mm) / roughness(truth.displacement_mm),
    }


def peak_memory_mb():
    """Of this process; unlike the figure of its resource usage it does not begin with that of its parent."""
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(peak.group(1)) / 1024
