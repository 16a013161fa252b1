"""Learning from corrections, tried as a new user would: a scanner whose images look different, a reader who corrects.

Eight phantom patients seen through an edge-enhancing filter get contours from the shipped networks; a reader corrects
them to the truth; `perfusiondl train --cases` learns from their results folders; patients that took no part are judged
on with both. Run it with: make bench-learning
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PerfusionDLLib import mrml, phantom
from PerfusionDLLib.cli import commands
from PerfusionDLLib.data.contours import Part
from PerfusionDLLib.data.preprocessed import PreprocessedScan
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.evaluation import network_scores
from PerfusionDLLib.evaluation.cases import Case, Reference
from PerfusionDLLib.networks import load_networks
from PerfusionDLLib.preprocessing import preprocess_slice
from scipy import ndimage

CORRECTED = range(62000, 62008)
FRESH = range(63000, 63003)


def filtered(signal: np.ndarray) -> np.ndarray:
    """The look of a scanner whose filter draws edges bright."""
    edges = np.abs(ndimage.gaussian_laplace(signal, (0, 1.2, 1.2)))
    return (0.2 * signal + 4 * edges).astype(np.float32)


def cases(seed: int) -> list[Case]:
    """A mid slice at rest and at stress, with its truth."""
    found = []
    for condition in Condition:
        made = phantom.simulate_series(seed, condition=condition, level=Level.MID)
        truth = made.truth
        reference = Reference(
            labels=truth.labels,
            peak_frame=truth.peak_frame,
            rv_points_px=np.array([truth.anterior_rv_px, truth.inferior_rv_px]),
            displacement_mm=truth.displacement_mm,
        )
        series = replace(made.series, signal=filtered(made.series.signal))
        found.append(Case(name=str(seed), condition=condition, level=Level.MID, series=series, reference=reference))
    return found


def corrected(case: Case, networks) -> PreprocessedScan:
    """What the networks find, with contours and insertion points corrected to the truth."""
    part = preprocess_slice(case.series, networks)
    truth = case.reference.in_pose_of(part.contours.reference_frame, case.series.spacing_mm)
    anterior, inferior = case.series.ras_from_pixels(truth.rv_points_px)
    contours = replace(part.contours, labels=truth.labels, anterior_rv_ras_mm=anterior, inferior_rv_ras_mm=inferior)
    return PreprocessedScan(condition=case.condition, slices=(replace(part, contours=contours),))


def main() -> None:
    """Run the trial and print its tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("runs/learning"))
    arguments.add_argument("--minutes", default="3")
    chosen = arguments.parse_args()
    shipped, results = load_networks(), []
    for seed in CORRECTED:
        folder = chosen.out / f"study_{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        mrml.saveStudy(folder / "scene.mrb", [corrected(case, shipped) for case in cases(seed)])
        results.append(str(folder))
        print(f"Corrected study {seed}: {Part.LABELS} and {Part.RV_INSERTION_POINTS}.", flush=True)
    weights = chosen.out / "networks"
    sys.argv = ["perfusiondl", "train", "--cases", *results, "--out", str(weights), "--minutes", chosen.minutes]
    try:
        commands.main()
    except SystemExit as ended:
        if ended.code:
            raise
    fresh = [case for seed in FRESH for case in cases(seed)]
    for name, networks in (("shipped", shipped), ("after learning", load_networks(weights))):
        scores = [score for score, _, _ in network_scores.evaluate(fresh, networks)]
        print(f"\nPatients that took no part, {name}:\n\n{network_scores.table(scores)}", flush=True)


if __name__ == "__main__":
    main()
