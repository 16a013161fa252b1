"""Whether ``perfusiondl agree`` gives back a known disturbance, as a Markdown table: expected beside measured.

The truths of phantom studies are written as results folders (no images are simulated: a truth needs none). Copies are
disturbed in known ways, and the whole comparison runs on them. What it should find follows from the outlines of the
phantom hearts and from the moments of the noise, in closed form. Run by ``make bench-agreement``.
"""

import argparse
import csv
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from disturbed import FACTOR, PATIENT_SD, SEGMENT_SD, disturb_flow, shift, swell, write_phantom_truth
from outlines import expected_shapes
from PerfusionDLLib.app.comparison import agree
from PerfusionDLLib.results.layout import INDEX

FIRST_SEED = 7100


@dataclass(frozen=True)
class Row:
    """A line of the table; low and high are the interval that the comparison gives."""

    what: str
    statistic: str
    expected: float
    measured: float
    low: float = float("nan")
    high: float = float("nan")


def expected_flow(truth: np.ndarray, patients: int, members: int) -> dict[str, float]:
    """Every statistic of disturbed readings of these true flows, from the moments of the disturbance.

    members : segments whose errors a reading averages
    """
    n, spread = len(truth), float(np.var(truth, ddof=1))
    each = n // patients
    # readings of one patient share an error, which makes the variance of a sample a little smaller
    noise = SEGMENT_SD**2 / members + PATIENT_SD**2 * each * (patients - 1) / (n - 1)
    bias = (FACTOR - 1) * float(truth.mean())
    of_bias = PATIENT_SD**2 / patients + SEGMENT_SD**2 / members / n
    of_difference = (FACTOR - 1) ** 2 * spread + noise
    both = (1 + FACTOR**2) * spread + noise  # sum of the mean squares between readings and of the error
    readers = n / 2 * (bias**2 + of_bias) - of_difference / 2
    return {
        "bias": bias,
        "bias_percent": 200 * (FACTOR - 1) / (FACTOR + 1),
        "lower_limit": bias - 1.96 * np.sqrt(of_difference),
        "upper_limit": bias + 1.96 * np.sqrt(of_difference),
        "icc_agreement": 2 * FACTOR * spread / (both + 2 / n * readers),
        "icc_consistency": 2 * FACTOR * spread / both,
        "repeatability_coefficient": 1.96 * np.sqrt(of_difference * (n - 1) / n + bias**2 + of_bias),
        "proportional_bias_slope": 2 * ((FACTOR**2 - 1) * spread + noise) / ((1 + FACTOR) ** 2 * spread + noise),
    }


def study(folder: Path, patients: int) -> list[Row]:
    """Write truths and their disturbed copies into an empty folder, compare them, and hold all against expectation."""
    random = np.random.default_rng(FIRST_SEED)
    expected = {"swollen": [], "shifted": []}
    pairs = {"swollen": [], "shifted": []}
    truths = [folder / f"truth{number}" for number in range(patients)]
    for number, truth in enumerate(truths):
        slices = write_phantom_truth(truth, FIRST_SEED + number)
        for name, disturb in (("swollen", swell), ("shifted", shift)):
            pairs[name].append(folder / f"{name}{number}")
            disturb(truth, pairs[name][-1], slices)
        disturb_flow(truth, pairs["swollen"][-1], random)
        index = json.loads((truth / INDEX).read_text(encoding="utf-8"))
        for part, described in zip(slices, index["slices"], strict=True):
            for name, values in zip(expected, expected_shapes(part, described["box_px"]), strict=True):
                expected[name].append(values)
    rows = []
    for name, copies in pairs.items():
        agree(copies, truths, folder / name)
        found = _read(folder / name / "slices.csv")
        for column in expected[name][0]:
            measured = np.mean([float(row[column]) for row in found])
            rows.append(Row(name, column, float(np.mean([each[column] for each in expected[name]])), float(measured)))
    return rows + list(_flow_rows(folder / "swollen", patients))


def _flow_rows(out: Path, patients: int) -> Iterator[Row]:
    found = {(row["measure"], row["extent"], row["statistic"]): row for row in _read(out / "agreement.csv")}
    flows = _read(out / "flows.csv")
    for quantity, extent, members in (
        ("rest", "segment", 1),
        ("stress", "segment", 1),
        ("rest and stress", "segment", 1),
        ("rest and stress", "patient", 16),
    ):
        truth = [
            float(row["second"])
            for row in flows
            if row["quantity"] in quantity.split(" and ") and row["extent"] == extent
        ]
        for statistic, value in expected_flow(np.array(truth), patients, members).items():
            row = found[f"{quantity} MBF", extent, statistic]
            low, high = (float(row[end] or "nan") for end in ("low", "high"))
            yield Row(f"{quantity} MBF per {extent}", statistic, float(value), float(row["value"]), low, high)


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| disturbance or flow | measure | expected | measured | 95 % interval |", "|---|---|---|---|---|"]
    for row in rows:
        interval = f"{row.low:.3f} to {row.high:.3f}" if np.isfinite(row.low + row.high) else "–"
        lines.append(f"| {row.what} | {row.statistic} | {row.expected:.3f} | {row.measured:.3f} | {interval} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(markdown(study(Path(folder), arguments.patients)))


if __name__ == "__main__":
    main()
