"""A heart made here with a known flow: preprocessed scans without any of the code under test."""

from dataclasses import replace

import numpy as np
from PerfusionDLLib.aif.residual_contrast import PARTITION_COEFFICIENT
from PerfusionDLLib.data.acquisition import Acquisition
from PerfusionDLLib.data.contours import Contours
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedScan, PreprocessedSlice
from PerfusionDLLib.data.study import Level, PerfusionSeries

FINE_S = np.arange(0, 50, 0.05)
TIMES_S = np.arange(0, 50, 0.9)
ACQUISITION = Acquisition(pulses_to_center=0)
NOT_IN_HEADERS = ("pulses_to_center", "r2_star_blood_l_mmol_s", "t10_blood_s", "t10_myocardium_s", "hematocrit")
DEFECT_SEGMENT, DEFECT_SHARE = 10, 0.5


def arterial(times_s):
    since = np.maximum(np.asarray(times_s) - 7, 0)
    return 3.5 * (since / 3) ** 3 * np.exp(3 * (1 - since / 3)) + 0.4 / (1 + np.exp(13 - since))


def signal(concentration_mmol_l, t10_s):
    """Plain saturation recovery written out, without the code under test."""
    return 1 - np.exp(
        -ACQUISITION.saturation_time_s * (1 / t10_s + ACQUISITION.relaxivity_l_mmol_s * concentration_mmol_l)
    )


def tissue(mbf_ml_min_g):
    rate = mbf_ml_min_g * 1.05 / 60 / 0.25
    residue = 1.2 / (1 + 0.2 * np.exp(np.minimum(rate * 2 * FINE_S, 50)))
    a = arterial(FINE_S)
    curve = (np.convolve(a, residue)[: a.size] - (a * residue[0] + a[0] * residue) / 2) * 0.05
    return np.interp(TIMES_S - 0.8, FINE_S, curve * mbf_ml_min_g * 1.05 / 60, left=0)


def heart_slice(level, mbf, *, seed=0, left_mmol_l=0.0):
    """One slice with a septum on the left; one segment has half the flow. An injection before may have left agent."""
    left_tissue = PARTITION_COEFFICIENT * left_mmol_l
    rows, columns = np.mgrid[:64, :64] - 32.0
    radius = np.hypot(rows, columns)
    labels = np.where(radius < 10, 2, np.where(radius < 17, 1, 0)).astype(np.uint8)
    affine = np.diag([-2.0, -2.0, 8.0, 1.0])
    curves = np.zeros((TIMES_S.size, 64, 64))
    curves[:] = signal(0.0, 1.2) * 0.3
    curves[:, labels == 2] = signal(left_mmol_l + arterial(TIMES_S), ACQUISITION.t10_blood_s)[:, None]
    series = {"times_s": TIMES_S, "ijk_to_ras": affine, "acquisition": ACQUISITION, "level": level}
    points = {
        "anterior_rv_ras_mm": affine[:3, :3] @ [21, 18, 0.0],
        "inferior_rv_ras_mm": affine[:3, :3] @ [21, 46, 0.0],
    }
    contours = Contours(peak_frame=12, reference_frame=12, box_px=(14.5, 14.5, 49.5, 49.5), labels=labels, **points)
    curves[:, labels == 1] = signal(left_tissue + tissue(mbf), ACQUISITION.t10_myocardium_s)[:, None]
    defect = (labels == 1) & (rows > 5) & (np.abs(columns) < 14) & (level == Level.MID)
    curves[:, defect] = signal(left_tissue + tissue(mbf * DEFECT_SHARE), ACQUISITION.t10_myocardium_s)[:, None]
    shading = 500 * np.exp(columns / 40)
    noise = np.random.default_rng(seed).normal(0, 0.002, curves.shape)
    measured = ((curves + noise) * shading).astype(np.float32)
    motion = MotionCompensation(
        corrected=measured,
        displacement_mm=np.zeros((TIMES_S.size, 2, 64, 64), np.float32),
        reference_frame=12,
        quality=np.ones(TIMES_S.size),
        aligned=np.ones(TIMES_S.size, bool),
    )
    return PreprocessedSlice(series=PerfusionSeries(signal=measured, **series), motion=motion, contours=contours)


def heart_scan(condition, mbf, *, left_mmol_l=0.0):
    slices = (heart_slice(level, mbf, seed=i, left_mmol_l=left_mmol_l) for i, level in enumerate(Level))
    return PreprocessedScan(condition=condition, slices=tuple(slices))


def without_corner(scan, number):
    """The scan after a reader took a few pixels out of the myocardium of one slice and gave some to the blood pool."""
    part = scan.slices[number]
    labels = part.contours.labels.copy()
    labels[15:18, 25:40] = 0
    labels[31:33, 21:23] = 2
    edited = replace(part, contours=replace(part.contours, labels=labels))
    slices = [*scan.slices]
    slices[number] = edited
    return replace(scan, slices=tuple(slices))
