"""Flow of AHA segments through the whole chain, from DICOM, on phantom patients that nothing was tuned on.

Every patient is simulated (moving, shaded, noisy; a dual-sequence series beside the slices), written as DICOM, read,
preprocessed by the networks and quantified, and compared with the truth: with the arterial input given, measured in
the slices, and in the series made for it; with automatic and with corrected (true) contours of the same images. Run by
``make bench-mbf``.
"""

import argparse
import pickle
import sys
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from PerfusionDLLib import motion, networks, phantom, pipeline
from PerfusionDLLib.aif import landmarks
from PerfusionDLLib.data.contours import Origin, Part
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.dicom import Vendor, read_study, write_study
from PerfusionDLLib.evaluation.agreement import icc_agreement
from PerfusionDLLib.phantom import DEFAULT, TissueModel
from PerfusionDLLib.quantification.options import Options

FIRST_SEED = 86000
BLOOD_SNR = {8: 32.0, 20: 80.0, 40: 160.0}  # tissue rises by about a quarter of the blood's peak signal
PATIENTS = {8: 1, 20: 4, 40: 1}


def prepare(seed, truth, snr, nets, cache):
    """Truth, study as read from DICOM and preprocessed scans of one patient."""
    stored = cache / f"{seed}_{truth}_{snr}.pickle" if cache else None
    if stored and stored.exists():
        return pickle.loads(stored.read_bytes())
    patient = phantom.simulate_study(seed, model=truth, snr=BLOOD_SNR[snr], config=replace(DEFAULT, dual_sequence=True))
    with tempfile.TemporaryDirectory() as folder:
        write_study(patient.study, Path(folder), vendor=Vendor.SIEMENS, seed=seed, first=Condition.REST)
        study = read_study([Path(folder)])
    prepared = patient.truth, study, pipeline.preprocess(study, nets).scans
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


def given_input(truths):
    """The true arterial input, as a user would give it."""
    first = truths[0]
    every = slice(None, None, 5)  # half a second
    return landmarks.arterial_input(first.arterial_times_s[every], first.arterial_mmol_l[every], source="truth")


def segment_flows(maps):
    """Flow and its interval by condition and segment."""
    table = pipeline.summarize(*maps)
    for row in table.segments:
        for condition in Condition:
            flow = getattr(row, condition)
            yield (condition, row.aha_segment), (flow.mbf_ml_min_g, flow.mbf_low_ml_min_g, flow.mbf_high_ml_min_g)


def measure(patient_truth, study, scans):
    """Per contours, arterial input, condition and segment: flow, lower and upper limit, true flow."""
    true = {
        (condition, number): flow
        for condition, slices in patient_truth.items()
        for one in slices
        for number, flow in one.segment_mbf_ml_min_g.items()
    }
    with_series = [replace(scan, aif_series=raw.aif_series) for scan, raw in zip(scans, study.scans, strict=True)]
    plain = [replace(scan, aif_series=None) for scan in scans]
    for contours in ("automatic", "corrected"):
        for how, chosen in (("given", plain), ("measured in slices", plain), ("dual sequence", with_series)):
            used = [corrected(one, patient_truth[one.condition]) if contours == "corrected" else one for one in chosen]
            given = {one.condition: given_input(patient_truth[one.condition]) for one in used}
            options = Options(arterial_inputs=given if how == "given" else {})
            maps = pipeline.quantify(PreprocessedStudy(scans=tuple(used)), options)
            for key, values in segment_flows(maps):
                if key in true and np.isfinite(values[0]):
                    yield (contours, how, *key), (*values, true[key])


def line(name, found):
    """A line of the table from flows (N, 4): found, low, high, true."""
    found = np.array(found)
    flow, low, high, true = found.T
    icc = icc_agreement(np.column_stack((true, flow)), interval=False).value
    covered = np.mean((low < true) & (true < high))
    width = np.median((high - low) / 2 / flow)
    return (
        f"| {' | '.join(map(str, name))} | {100 * (np.mean(flow / true) - 1):+.1f} | "
        f"{np.sqrt(np.mean((flow - true) ** 2)):.2f} | {icc:.3f} | {covered:.2f} | {100 * width:.0f} | {len(found)} |"
    )


COLUMNS = ("bias %", "RMSE mL/min/g", "ICC(A,1)", "95 % interval covers", "half width %", "segments")


def heading(*names):
    print("\n| " + " | ".join((*names, *COLUMNS)) + " |")
    print("|" + "---|" * (len(names) + len(COLUMNS)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder that keeps preprocessed patients, 240 MB each")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--patients", type=int, nargs=3, default=list(PATIENTS.values()), help="at SNR 8, 20, 40")
    options = parser.parse_args()
    nets = networks.load_networks(device="cpu")
    if options.cache:
        options.cache.mkdir(exist_ok=True, parents=True)
    flows = defaultdict(list)
    pairs = defaultdict(list)
    for snr, count in zip(BLOOD_SNR, options.patients, strict=True):
        for seed in range(options.first_seed + 100 * snr, options.first_seed + 100 * snr + count):
            for truth in TissueModel:
                found = dict(measure(*prepare(seed, truth, snr, nets, options.cache)))
                print(f"{seed} {truth} {snr}", file=sys.stderr, flush=True)
                for (contours, how, condition, segment), values in found.items():
                    flows[contours, how, truth, condition, snr].append(values)
                    flows[contours, how, truth, "both", snr].append(values)
                    other = found.get(("corrected", how, condition, segment))
                    if contours == "automatic" and other:
                        pairs[how, truth].append((*values[:3], other[0]))
    heading("contours", "arterial input", "truth", "condition", "SNR")
    for name, values in flows.items():
        print(line(name, values))
    print("\nAutomatic beside corrected contours of the same images:")
    heading("arterial input", "truth")
    for name, values in pairs.items():
        print(line(name, values))


if __name__ == "__main__":
    main()
