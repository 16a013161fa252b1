"""Motion compensation of phantoms under many conditions, of still ones, and its time and memory by size, as Markdown.

Phantoms of the held-out ranges, 60 frames of 144 x 144, two for each row, none of which a setting was chosen on; box of
the truth. Run by ``make bench-motion``.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
from motion_judge import CONFIG, judged, peak_memory_mb, simulated
from PerfusionDLLib import phantom, pipeline
from PerfusionDLLib.data.preprocessed import PreprocessedScan
from PerfusionDLLib.motion import compensate
from scipy import ndimage
from true_contours import with_true_contours

CONDITIONS = {  # first seed, SNR, what differs from deep free breathing
    "rest, free breathing of 15 mm, SNR 40": (965, "rest", 40.0, {}),
    "rest, SNR 20": (967, "rest", 20.0, {}),
    "stress, SNR 20": (969, "stress", 20.0, {}),
    "rest, SNR 8": (971, "rest", 8.0, {}),
    "stress, SNR 8": (973, "stress", 8.0, {}),
    "smooth breathing of 6 mm, SNR 20": (975, "rest", 20.0, {"breathing_mm": (6.0, 6.0)}),
    "breath held, then released, SNR 20": (995, "rest", 20.0, {"free_breathing_probability": 0.0}),
    "small hearts, SNR 20": (979, "stress", 20.0, {"epicardial_radius_mm": (24.5, 26.0)}),
    "big hearts, SNR 20": (981, "stress", 20.0, {"epicardial_radius_mm": (37.0, 39.0)}),
    "every fifth beat mistriggered, SNR 20": (997, "rest", 20.0, {"mistrigger_probability": 0.2}),
    "twice the elastic deformation, SNR 20": (985, "rest", 20.0, {"elastic_mm": 3.2}),
    "default ranges": (987, "stress", None, None),
}
COLUMNS = {
    "uncorrected": "uncorrected (mm)",
    "post_mm": "from contrast arrival on (mm)",
    "all_mm": "all frames (mm)",
    "radial_mm": "radial (mm)",
    "worst_mm": "worst frame (mm)",
    "dice": "mask Dice",
    "roughness": "roughness, % of true resampling",
}
STILL = ((991, "rest", 20.0), (992, "stress", 20.0), (993, "stress", 8.0))
SIZES = ((60, 144), (120, 144), (200, 144), (60, 256), (200, 256))


def corrected(drawn):
    truth = drawn.truth
    return compensate(
        drawn.series.signal,
        spacing_mm=drawn.series.spacing_mm,
        reference_frame=truth.peak_frame,
        region_px=truth.box_px,
    )


def conditions():
    print("| phantoms | seeds | " + " | ".join(COLUMNS.values()) + " |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for name, (first, condition, snr, changes) in CONDITIONS.items():
        config = phantom.DEFAULT if changes is None else replace(CONFIG, **changes)
        rows = []
        for seed, level in ((first, "mid"), (first + 1, "basal")):
            drawn = phantom.simulate_series(seed, condition=condition, level=level, snr=snr, config=config)
            before = judged(drawn, np.zeros_like(drawn.truth.displacement_mm))["post_mm"]
            rows.append({"uncorrected": before} | judged(drawn, corrected(drawn).displacement_mm))
        cells = [", ".join(f"{row[column]:.3g}" for row in rows) for column in COLUMNS]
        print(f"| {name} | {first}, {first + 1} | " + " | ".join(cells) + " |", flush=True)


def still():
    """Flow of still phantoms with true contours, with and without compensation."""
    print(
        "| still phantom | SNR | moved, mean (mm) | at most (mm) | flow of the whole (%) | of a segment, at most (%) |"
    )
    print("|---|---|---|---|---|---|")
    for seed, condition, snr in STILL:
        drawn = phantom.simulate_study(seed, conditions=[condition], still=True, snr=snr, config=CONFIG)
        scan, truths = getattr(drawn.study, condition), drawn.truth[condition]
        parts = [
            phantom.PhantomSlice(series=series, truth=truth) for series, truth in zip(scan.slices, truths, strict=True)
        ]
        motions = [corrected(part) for part in parts]
        before, after = (
            flow(
                scan,
                [
                    with_true_contours(part.series, part.truth, motion)
                    for part, motion in zip(parts, choice, strict=True)
                ],
            )
            for choice in ([None] * len(parts), motions)
        )
        moved = np.concatenate(
            [
                np.hypot(*motion.displacement_mm[:, :, part.truth.labels == 1].transpose(1, 0, 2)).ravel()
                for part, motion in zip(parts, motions, strict=True)
            ]
        )
        change = 100 * (after / before - 1)
        figures = moved.mean(), moved.max(), change[-1], np.nanmax(np.abs(change[:-1]))
        print(
            f"| {seed} {condition} | {snr:g} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |", flush=True
        )


def flow(scan, slices):
    """(17,) mL/min/g of the segments and the whole."""
    maps = pipeline.quantify_scan(PreprocessedScan(condition=scan.condition, slices=tuple(slices)))
    table = pipeline.summarize(*((maps, None) if scan.condition == "rest" else (None, maps)))
    rows = [getattr(row, scan.condition.value).mbf_ml_min_g for row in (*table.segments, table.whole)]
    return np.array(rows)


def sizes():
    """CPU time and peak memory, each size in a process of its own."""
    print("| frames | pixels | CPU (s) | memory of the process (MB) |")
    print("|---|---|---|---|")
    for frames, size in SIZES:
        command = [sys.executable, __file__, "--size", str(frames), str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        cpu_s, memory_mb = json.loads(done.stdout)
        print(f"| {frames} | {size} x {size} | {cpu_s:.2f} | {memory_mb:.0f} |", flush=True)


def one_size(frames, size):
    """A series of that size by repeating one of 60 frames, so that drawing it takes no memory."""
    drawn = simulated(961, "rest", "mid")
    zoom = size / drawn.series.signal.shape[1]
    signal = np.concatenate([drawn.series.signal] * (frames // 60 + 1))[:frames]
    if zoom != 1:
        signal = np.stack([ndimage.zoom(frame, zoom, order=1, grid_mode=True, mode="nearest") for frame in signal])
    box = tuple((np.array(drawn.truth.box_px) + 0.5) * zoom - 0.5)
    spacing_mm = tuple(spacing / zoom for spacing in drawn.series.spacing_mm)
    before = time.process_time()
    compensate(signal, spacing_mm=spacing_mm, reference_frame=drawn.truth.peak_frame, region_px=box)
    return time.process_time() - before, peak_memory_mb()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("conditions", "still", "sizes"))
    parser.add_argument("--size", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.size:
        print(json.dumps(one_size(*options.size)))
        return
    for part in (conditions, still, sizes):
        if options.only in (None, part.__name__):
            part()
            print()


if __name__ == "__main__":
    main()
