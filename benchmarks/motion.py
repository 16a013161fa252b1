"""Motion compensation beside other people's programs on phantom series with known motion, as a table.

Every program runs on every series in a process of its own with one thread; programs that are not installed are left out
and named. Run by ``make bench-motion``; writes motion.csv and prints a Markdown table.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from motion_judge import SNR, judged, peak_memory_mb, simulated
from motion_peers import METHODS

SERIES = ((961, "rest", "mid"), (962, "stress", "mid"), (963, "rest", "basal"), (964, "stress", "basal"))
LIMIT_S = 300  # of CPU time, for one program and one series
COLUMNS = {
    "post_mm": "residual from contrast arrival on (mm)",
    "all_mm": "all frames (mm)",
    "radial_mm": "radial (mm)",
    "worst_mm": "worst frame (mm)",
    "dice": "Dice of warped masks",
    "roughness": "roughness of curves, % of true resampling",
    "cpu_s": "CPU (s)",
    "wall_s": "wall (s)",
    "memory_mb": "peak memory of the process (MB)",
}


def run_one(method, source, target):
    """In a process of its own: one program on one series."""
    with np.load(source) as stored:
        arguments = (
            stored["signal"],
            tuple(stored["spacing_mm"].tolist()),
            int(stored["reference"]),
            tuple(stored["box"]),
        )
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))

    def used():
        both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    started, before = time.perf_counter(), used()
    displacement_mm = METHODS[method](*arguments)
    figures = {"cpu_s": used() - before, "wall_s": time.perf_counter() - started}
    child_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    figures["memory_mb"] = max(peak_memory_mb(), child_mb)
    np.savez(target, displacement_mm=displacement_mm, figures=json.dumps(figures))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=len(SERIES))
    parser.add_argument("--out", type=Path, default=Path("motion.csv"))
    parser.add_argument("--only", choices=METHODS, help="one program; the rows of the others in --out are kept")
    parser.add_argument("--snr", type=float, default=SNR)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(*options.one)
        return
    rows, methods = [], [options.only] if options.only else list(METHODS)
    if options.only and options.out.exists():
        with options.out.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["method"] != options.only]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "series.npz", Path(folder) / "field.npz"
        for seed, condition, level in SERIES[: options.series]:
            drawn = simulated(seed, condition, level, options.snr)
            np.savez(
                source,
                signal=drawn.series.signal,
                spacing_mm=drawn.series.spacing_mm,
                reference=drawn.truth.peak_frame,
                box=drawn.truth.box_px,
            )
            for method in methods:
                command = [sys.executable, str(Path(__file__).resolve()), "--one", method, str(source), str(target)]
                # elastix leaves a file behind in the folder that it runs in
                done = subprocess.run(
                    command, cwd=folder, env=os.environ | single, stdout=subprocess.DEVNULL, check=False
                )
                if done.returncode:
                    print(f"{method} gave no result for series {seed}: {done.returncode}", file=sys.stderr)
                    continue
                with np.load(target) as result:
                    figures = judged(drawn, result["displacement_mm"]) | json.loads(str(result["figures"]))
                rows.append({"method": method, "seed": seed, "condition": condition, "level": level} | figures)
                print(method, seed, {name: round(float(value), 3) for name, value in figures.items()}, file=sys.stderr)
    if not rows:
        return
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print("| method | " + " | ".join(COLUMNS.values()) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for method in METHODS:
        of_method = [row for row in rows if row["method"] == method]
        if not of_method and method not in methods:
            continue
        if not of_method:
            print(f"| {method} | gave no result in {LIMIT_S} s of CPU time |" + " |" * (len(COLUMNS) - 1))
            continue
        means = [np.mean([float(row[name]) for row in of_method]) for name in COLUMNS]
        print(f"| {method} | " + " | ".join(f"{mean:.3g}" for mean in means) + " |")


if __name__ == "__main__":
    main()
