"""What contours that are off by a pixel do to flow: ideal phantoms with true contours, then all of them moved. Seeds
from 670000: nothing was chosen on them.
"""

import argparse
from dataclasses import replace

import numpy as np
from PerfusionDLLib import phantom, pipeline
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedStudy
from PerfusionDLLib.phantom import TissueModel
from PerfusionDLLib.quantification.options import Options
from true_contours import with_true_contours

SHIFTS_PX = ((1, 0), (0, 1), (-1, 0), (0, -1))


def moved(scan: PreprocessedScan, shift_px: tuple[int, int]) -> PreprocessedScan:
    """The scan with all contours moved."""
    slices = (
        replace(part, contours=replace(part.contours, labels=np.roll(part.contours.labels, shift_px, axis=(0, 1))))
        for part in scan.slices
    )
    return replace(scan, slices=tuple(slices))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=670000)
    parser.add_argument("--patients", type=int, default=4)
    parser.add_argument("--model", choices=[str(each) for each in FlowModel], default="averaged")
    options = parser.parse_args()
    print("| truth | condition | global, median and largest % | segments, median and largest % | n |")
    print("|---|---|---|---|---|")
    for truth in (TissueModel.FERMI, TissueModel.CAPILLARY, TissueModel.MIXED):
        changes = {"rest": ([], []), "stress": ([], [])}
        for number, seed in enumerate(range(options.first_seed, options.first_seed + options.patients)):
            patient = phantom.simulate_study(seed, model=truth, still=True)
            scans = [
                PreprocessedScan(
                    condition=scan.condition,
                    slices=tuple(map(with_true_contours, scan.slices, patient.truth[scan.condition])),
                )
                for scan in patient.study.scans
            ]
            shift_px = SHIFTS_PX[number % len(SHIFTS_PX)]
            before, after = (
                pipeline.process(PreprocessedStudy(scans=tuple(each)), Options(model=FlowModel(options.model))).table
                for each in (scans, [moved(scan, shift_px) for scan in scans])
            )
            for name, (of_whole, of_segments) in changes.items():
                ratios = [
                    getattr(now, name).mbf_ml_min_g / getattr(was, name).mbf_ml_min_g - 1
                    for was, now in zip((before.whole, *before.segments), (after.whole, *after.segments), strict=True)
                ]
                of_whole.append(ratios[0])
                of_segments += [each for each in ratios[1:] if np.isfinite(each)]
        for name, groups in changes.items():
            medians = [f"{100 * np.median(np.abs(x)):.1f}, {100 * max(x, key=abs):+.0f}" for x in groups]
            print(f"| {truth} | {name} | {medians[0]} | {medians[1]} | {options.patients} |", flush=True)


if __name__ == "__main__":
    main()
