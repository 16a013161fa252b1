"""What a correction does where it is carried over: Dice of slices beside and of the other scan, before and after.

A reader corrects one slice of difficult phantoms as the truth is, or as somebody does who draws every endocardium
1.5 mm further inside; the slices that follow are compared with what the same reader would draw there.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby

import numpy as np
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedSlice
from PerfusionDLLib.evaluation.agreement.shape import dice
from PerfusionDLLib.evaluation.cases import difficult_cases
from PerfusionDLLib.networks import load_networks
from PerfusionDLLib.preprocessing import preprocess_slice
from PerfusionDLLib.preprocessing.propagation import find_followers, propagate_correction
from scipy import ndimage

INSIDE_MM = 1.5
"""How far inside the true endocardium the second reader draws, mm; chosen: less than a pixel."""

Drawing = Callable[[np.ndarray, tuple[float, float]], np.ndarray]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=960000)
    given = parser.parse_args()
    patients = [scans for scans in find(range(given.first_seed, given.first_seed + given.patients)) if scans]
    print("| reader | carried over to | slices | myocardium before | change | cavity before | change |")
    print("|---" * 7 + "|")
    for name, drawing in {"as the truth": as_it_is, f"endocardium {INSIDE_MM} mm inside": further_inside}.items():
        for where in ("the other scan", "slices beside"):
            gains = np.array([one for scans in patients for one in carry_over(scans, drawing, where)])
            print(
                f"| {name} | {where} | {len(gains)} | {describe(gains[:, 0])} | {describe(gains[:, 1])} |", flush=True
            )


def find(seeds) -> Iterator[list[tuple[PreprocessedScan, list[np.ndarray]]]]:
    """Scans of each patient as they are found, and the true labels of their slices."""
    networks = load_networks()
    for _, cases in groupby(difficult_cases(seeds), key=lambda case: case.name):
        scans = []
        for condition, same in groupby(cases, key=lambda case: case.condition):
            slices, truths = [], []
            for case in same:
                try:
                    part = preprocess_slice(case.series, networks)
                except PerfusionError:
                    continue
                slices.append(part)
                pose = case.reference.in_pose_of(part.contours.reference_frame, case.series.spacing_mm)
                truths.append(pose.labels)
            if slices:
                scans.append((PreprocessedScan(condition=condition, slices=tuple(slices)), truths))
        yield scans


def carry_over(scans, drawing: Drawing, where: str) -> Iterator[np.ndarray]:
    """(2, 2) Dice of myocardium and cavity, before and after, of each slice that follows each correction."""
    for row, (scan, truths) in enumerate(scans):
        for number, part in enumerate(scan.slices):
            source = corrected(part, drawing(truths[number], part.series.spacing_mm))
            if np.array_equal(source.contours.labels, part.contours.labels):
                continue
            for other, target in find_followers([one for one, _ in scans], row, number):
                if (other == row) != (where == "slices beside"):
                    continue
                follower = scans[other][0].slices[target]
                wanted = drawing(scans[other][1][target], follower.series.spacing_mm)
                after = propagate_correction(source, follower)
                yield np.array(
                    [
                        [dice(labels == label, wanted == label) for labels in (follower.contours.labels, after)]
                        for label in (Label.MYOCARDIUM, Label.BLOOD_POOL)
                    ]
                )


def corrected(part: PreprocessedSlice, labels: np.ndarray) -> PreprocessedSlice:
    """A slice after a reader drew it."""
    return replace(part, contours=replace(part.contours, labels=labels.astype(np.uint8)))


def as_it_is(labels: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """What a reader draws who sees the truth."""
    return labels


def further_inside(labels: np.ndarray, spacing_mm: tuple[float, float]) -> np.ndarray:
    """What a reader draws whose endocardium lies further inside."""
    cavity = labels == Label.BLOOD_POOL
    depth_mm = ndimage.distance_transform_edt(cavity, sampling=spacing_mm) - max(spacing_mm) / 2
    return np.where(cavity & (depth_mm < INSIDE_MM), Label.MYOCARDIUM, labels)


def describe(pairs: np.ndarray) -> str:
    """Mean before, and mean change with its standard error."""
    change = pairs[:, 1] - pairs[:, 0]
    return f"{pairs[:, 0].mean():.3f} | {change.mean():+.4f} ± {change.std() / np.sqrt(len(change)):.4f}"


if __name__ == "__main__":
    main()
