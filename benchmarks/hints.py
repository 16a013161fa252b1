"""Clicks and strokes that it takes until both borders of a slice are within a pixel of the truth.

A simulated reader points at the middle of the worst place: with a hint, which the borders follow, or with a stroke of
30 mm that redraws it perfectly. Slices whose borders are within a pixel already are counted and left out.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.evaluation.cases import difficult_cases, phantom_cases
from PerfusionDLLib.evaluation.steering import MOST_STEPS, Steered, is_within_a_pixel, steer
from PerfusionDLLib.networks import load_networks
from PerfusionDLLib.preprocessing import preprocess_slice

FAR_OFF = 0.85
"""Dice of the myocardium below which contours are far off; as in the calibration of the networks."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=830000)
    parser.add_argument("--held-out", action="store_true", help="the held-out configuration, not the difficult one")
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.patients)
    networks = load_networks()
    steered, right, lost = [], 0, 0
    for case in phantom_cases(seeds, held_out=True) if given.held_out else difficult_cases(seeds):
        try:
            contours = preprocess_slice(case.series, networks).contours
        except PerfusionError:
            lost += 1
            continue
        truth = case.reference.in_pose_of(contours.reference_frame, case.series.spacing_mm).labels
        if is_within_a_pixel(contours.labels, truth, case.series.spacing_mm):
            right += 1
            continue
        steered.append(steer(contours.labels, truth, case.series.spacing_mm))
        one = steered[-1]
        print(f"{case.name} {case.condition} {case.level}: {one.hints} hints, {one.strokes} strokes", flush=True)
    print(f"{right} slices were within a pixel, {lost} had no contours, {len(steered)} were corrected.\n")
    print(tabulate(steered))


def tabulate(steered: Sequence[Steered]) -> str:
    """A row of the table for every way to correct and every kind of slice."""
    lines = [
        f"| slices | with | median steps | done in 3 | not in {MOST_STEPS} | Dice before | after 1 | 2 | 3 |",
        "|---" * 9 + "|",
    ]
    kinds = {
        f"myocardium below {FAR_OFF}": [one for one in steered if one.by_hints[0] < FAR_OFF],
        "the others": [one for one in steered if one.by_hints[0] >= FAR_OFF],
    }
    for name, group in kinds.items():
        for way in ("hints", "strokes") if group else ():
            steps = np.array([getattr(one, way) for one in group])
            scores = [getattr(one, f"by_{way}") for one in group]
            after = [np.mean([each[min(count, len(each) - 1)] for each in scores]) for count in range(4)]
            lines.append(
                f"| {name} (n = {len(group)}) | {way} | {np.median(steps):.0f} | {np.mean(steps <= 3):.0%} | "
                f"{np.mean(steps >= MOST_STEPS):.0%} | " + " | ".join(f"{value:.3f}" for value in after) + " |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
