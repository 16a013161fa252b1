"""Small perfusion studies for the DICOM tests: three oblique slices, a bolus, noise, heartbeats that vary a little."""

from dataclasses import replace

import numpy as np
import pydicom
from PerfusionDLLib.data.acquisition import Acquisition
from PerfusionDLLib.data.study import Condition, Level, PerfusionSeries, Scan, Study
from PerfusionDLLib.dicom import write_study

FRAMES, SIZE = 14, 8
TO_APEX = np.array([-0.6, 0.6, -0.53]) / np.linalg.norm([-0.6, 0.6, -0.53])
PROTOCOL = Acquisition(  # nothing of it is a default
    saturation_time_s=0.11,
    repetition_time_s=0.0023,
    echo_time_s=0.00115,
    flip_angle_deg=10,
    pulses_to_center=22,
    field_strength_t=1.5,
    contrast_agent="gadoterate",
    dose_mmol_kg=0.075,
    relaxivity_l_mmol_s=3.6,
)


def slice_matrix(along_mm, *, spacing_mm=2.1):
    """ijk to RAS of a short-axis slice some way toward the apex."""
    across = np.cross(TO_APEX, [0, 0, 1.0])
    across /= np.linalg.norm(across)
    matrix = np.eye(4)
    matrix[:3, 0] = across * spacing_mm
    matrix[:3, 1] = np.cross(TO_APEX, across) * (spacing_mm + 0.1)
    matrix[:3, 2] = np.cross(across, np.cross(TO_APEX, across)) * 8
    matrix[:3, 3] = np.array([31.5, -20.25, 44.0]) + TO_APEX * along_mm
    return matrix


def bolus_slice(along_mm, *, rr_s, delay_s, level=None, frames=FRAMES, seed=0, noise_seed=0):
    """A slice whose pixels are whole numbers with noise, at heartbeats that vary by a few percent.

    A heart in the middle takes up contrast agent; what lies around it does not.
    """
    rng = np.random.default_rng([seed, int(along_mm)])
    noise = np.random.default_rng([seed, int(along_mm), noise_seed])
    beats_s = np.concatenate([[0], np.cumsum(rr_s * (1 + 0.03 * np.sin(np.arange(frames - 1))))])
    rise = 1 + 4 * np.exp(-(((np.arange(frames) - frames / 2) / 4) ** 2))
    heart = np.zeros((SIZE, SIZE), bool)
    heart[2:6, 2:6] = True
    signal = rng.uniform(50, 400, (SIZE, SIZE)) * np.where(heart, rise[:, None, None], 1)
    signal = np.rint(signal + noise.uniform(-5, 5, signal.shape))
    signal[frames // 2, 0, 0] = 3600
    return PerfusionSeries(
        signal=signal.astype(np.float32),
        times_s=np.round(beats_s + delay_s, 3),
        ijk_to_ras=slice_matrix(along_mm),
        level=level,
        acquisition=PROTOCOL,
    )


def small_scan(condition, *, slices=3, rr_s=None, frames=FRAMES):
    """A scan of up to three slices, base to apex."""
    rr_s = rr_s or {Condition.REST: 0.95, Condition.STRESS: 0.7}[condition]
    levels = [Level.MID] if slices == 1 else list(Level)[:slices]
    return Scan(
        condition=condition,
        slices=tuple(
            bolus_slice(
                18 * index,
                rr_s=rr_s,
                delay_s=0.15 * index,
                level=level,
                frames=frames,
                noise_seed=list(Condition).index(condition),
            )
            for index, level in enumerate(levels)
        ),
    )


def small_study(**options):
    """Rest and stress."""
    return Study(rest=small_scan(Condition.REST, **options), stress=small_scan(Condition.STRESS, **options))


def with_proton_density(scan, count):
    """The scan with bright frames in front of every slice."""
    lead = np.full((count, SIZE, SIZE), 3000, np.float32)
    return replace(scan, slices=tuple(replace(one, proton_density=lead) for one in scan.slices))


def rest_only(**options):
    """A study of one scan."""
    return Study(rest=small_scan(Condition.REST, **options))


def written(folder, study, vendor="siemens"):
    """The folder, into which the study was written."""
    write_study(study, folder, vendor=vendor)
    return folder


def edit(folder, change, *, pattern="*.dcm"):
    """Apply a change to every file; the change gets the image and its place in the order of file names."""
    for index, path in enumerate(sorted(folder.rglob(pattern))):
        image = pydicom.dcmread(path)
        change(image, index)
        image.save_as(path)


def said(scan, words):
    """Whether a sentence on the scan holds some words."""
    return any(words in flag.text for flag in scan.assumptions)
