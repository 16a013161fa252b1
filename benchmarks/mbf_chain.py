"""Flow of AHA segments through the whole chain, from DICOM, on phantom patients that nothing was tuned on.

Every patient is simulated (moving, shaded, noisy; two-dimensional arterial input series beside the slices), written as
DICOM, read, preprocessed by the networks and quantified, and compared with the truth: with the arterial input given,
measured in the series made for it, and measured in the slices; with automatic and with corrected (true) contours of
the same images. Run by ``make bench-mbf``.
"""

import argparse
import csv
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PerfusionDLLib import motion, networks, phantom, pipeline
from PerfusionDLLib.contours import MotionCompensation, Origin, Part
from PerfusionDLLib.dicom import Vendor, read_study, write_study
from PerfusionDLLib.phantom import DEFAULT, TissueModel

FIRST_SEED = 71000
BLOOD_SNR = {8: 32.0, 20: 80.0, 40: 160.0}  # tissue rises by about a quarter of the blood's peak signal
PATIENTS = {8: 4, 20: 6, 40: 4}


def prepare(seed, truth, snr, nets, cache):
    """Truth, study as read from DICOM and preprocessed scans of one patient."""
    stored = cache / f"{seed}_{truth}_{snr}.pickle" if cache else None
    if stored and stored.exists():
        return pickle.loads(stored.read_bytes())
    patient = phantom.simulate_study(
        seed, model=truth, snr=BLOOD_SNR[snr], config=replace(DEFAULT, dual_sequence=True)
    )
    with tempfile.TemporaryDirectory() as folder:
        write_study(patient.study, Path(folder), vendor=Vendor.SIEMENS, seed=seed)
        study = read_study([Path(folder)])
    prepared = patient.truth, study, [pipeline.preprocess(scan, nets) for scan in study.scans]
    if stored:
        stored.write_bytes(pickle.dumps(prepared))
    return prepared


def corrected(scan, truths):
    """The scan with the contours that a reader who knows the truth would draw into the same images."""
    slices = []
    for part, truth in zip(scan.slices, truths, strict=True):
        frames = len(truth.displacement_mm)
        known = MotionCompensation(
            corrected=np.zeros((frames, *truth.labels.shape), np.float32),
            displacement_mm=truth.displacement_mm,
            reference_frame=truth.peak_frame,
            quality=np.ones(frames),
            aligned=np.ones(frames, bool),
        )
        frame, spacing_mm = part.contours.reference_frame, part.series.spacing_mm
        points = np.array([truth.anterior_rv_px, truth.inferior_rv_px])
        anterior, inferior = part.series.ras_from_pixels(motion.move_points(points, known, frame, spacing_mm))
        contours = replace(
            part.contours,
            labels=motion.move_labels(truth.labels, known, frame, spacing_mm).astype(np.uint8),
            anterior_rv_ras_mm=anterior,
            inferior_rv_ras_mm=inferior,
            origins=dict.fromkeys(Part, Origin.EDITED),
        )
        slices.append(replace(part, contours=contours))
    return replace(scan, slices=tuple(slices))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--patients", type=int, nargs=3, default=list(PATIENTS.values()))
    o = parser.parse_args()
    nets = networks.load_networks(device="cpu")
    o.cache.mkdir(exist_ok=True, parents=True)
    for (snr), count in zip(BLOOD_SNR, o.patients):
        for i in range(count):
            for truth in TissueModel:
                prepare(o.first_seed + 100 * snr + i, str(truth), snr, nets, o.cache)
                print(snr, i, truth, flush=True)
