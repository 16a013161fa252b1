"""What a study costs: whole processes of ``perfusiondl run`` on a phantom study, one core beside all of them.

Each round runs every variant once, in turn, so that what else the machine does falls on all of them alike; medians and
ranges over the rounds are printed as a table, and ratios to the first variant. ``--against FOLDER`` adds another
version of this repository (a worktree), with whatever number of cores it takes by itself.

Peak memory is that of the largest process: reading, report and scene have processes of their own where there is more
than one worker.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Variant:
    """A version of the program with its options."""

    name: str
    repository: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """Of one process: wall time and processor time, s; largest resident memory, MB."""

    wall_s: float
    cpu_s: float
    memory_mb: float


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=28)
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    arguments.add_argument("--against", type=Path, help="another version of this repository")
    given = arguments.parse_args()
    variants = [Variant(f"{count} worker(s)", ROOT, ("--workers", str(count))) for count in given.workers]
    if given.against:
        variants.append(Variant(given.against.name, given.against.resolve()))
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder, "study")
        simulate(study, given.seed)
        costs: dict[str, list[Cost]] = {variant.name: [] for variant in variants}
        for number in range(given.rounds):
            for variant in variants:
                costs[variant.name].append(measure(variant, study / "dicom", Path(folder, "results")))
                print(f"round {number + 1}, {variant.name}: {costs[variant.name][-1]}", file=sys.stderr)
    print(table(costs))


def simulate(study: Path, seed: int) -> None:
    """Write the phantom study."""
    run(Variant("", ROOT), ["simulate", "--out", str(study), "--seed", str(seed)])


def measure(variant: Variant, dicom: Path, out: Path) -> Cost:
    """What a whole process costs."""
    return run(variant, ["run", str(dicom), "--out", str(out), "--overwrite", *variant.options])


def run(variant: Variant, arguments: list[str]) -> Cost:
    """Run the program and wait for its end."""
    environment = os.environ | {"PYTHONPATH": str(variant.repository / "PerfusionDL"), "OMP_NUM_THREADS": "1"}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "PerfusionDLLib.cli", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"perfusiondl {' '.join(arguments)} ended with {process.returncode}")
    wall_s = time.perf_counter() - began
    return Cost(round(wall_s, 2), round(usage.ru_utime + usage.ru_stime, 2), round(usage.ru_maxrss / 1024))


def table(costs: dict[str, list[Cost]]) -> str:
    """Median [least, most] of each variant, and the median of the ratios to the first one, round by round."""
    lines = ["| variant | wall, s | processor, s | memory, MB | wall, ratio |", "|---|---|---|---|---|"]
    first = np.array([cost.wall_s for cost in next(iter(costs.values()))])
    for name, each in costs.items():
        cells = []
        for field in ("wall_s", "cpu_s", "memory_mb"):
            values = [getattr(cost, field) for cost in each]
            cells.append(f"{np.median(values):.4g} [{min(values):.4g}, {max(values):.4g}]")
        ratio = np.median(np.array([cost.wall_s for cost in each]) / first)
        lines.append(f"| {name} | {' | '.join(cells)} | {ratio:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
