"""How often the 95 % intervals of ``perfusiondl agree`` hold the truth, as a Markdown table.

Stress flow of 16 segments is read twice. The first reading is a factor high and has two errors: one that all segments
of a patient share, one of each segment. Patients, too, are drawn anew, so that the truth is that of their population.
Run by ``make bench-agreement``.
"""

import argparse

import numpy as np
from disturbed import FACTOR, PATIENT_SD, SEGMENT_SD
from PerfusionDLLib.evaluation.agreement import intervals_over_patients, limits_of_agreement
from PerfusionDLLib.evaluation.agreement.statistics import NORMAL_95

MEAN, BETWEEN_SD, WITHIN_SD = 2.5, 0.5, 0.4  # true stress flow, mL/min/g
SEGMENTS = 16
SEED = 7101


def truth() -> dict[str, float]:
    """Every statistic in the population that `draw` draws from."""
    spread = BETWEEN_SD**2 + WITHIN_SD**2
    noise = PATIENT_SD**2 + SEGMENT_SD**2
    bias = (FACTOR - 1) * MEAN
    of_difference = (FACTOR - 1) ** 2 * spread + noise
    both = (1 + FACTOR**2) * spread + noise
    limit = NORMAL_95 * np.sqrt(of_difference)
    return {
        "bias": bias,
        "bias_percent": 200 * (FACTOR - 1) / (FACTOR + 1),
        "lower": bias - limit,
        "upper": bias + limit,
        "icc_agreement": 2 * FACTOR * spread / (both + bias**2),
        "icc_consistency": 2 * FACTOR * spread / both,
        "repeatability": NORMAL_95 * np.sqrt(of_difference + bias**2),
        "slope": 2 * ((FACTOR**2 - 1) * spread + noise) / ((1 + FACTOR) ** 2 * spread + noise),
    }


def draw(patients: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Patient, first and second reading of every segment."""
    who = np.repeat(np.arange(patients), SEGMENTS)
    second = MEAN + random.normal(0, BETWEEN_SD, patients)[who] + random.normal(0, WITHIN_SD, len(who))
    error = random.normal(0, PATIENT_SD, patients)[who] + random.normal(0, SEGMENT_SD, len(who))
    return who, FACTOR * second + error, second


def coverage(patients: int, draws: int, random: np.random.Generator) -> dict[str, float]:
    """Share of draws in which the interval of each statistic holds its true value.

    "... as independent" are t intervals that take segments for patients, which `perfusiondl agree` does not print.
    """
    true = truth()
    held = dict.fromkeys([*true, *(f"{name} as independent" for name in ("bias", "lower", "upper"))], 0)
    for _ in range(draws):
        who, first, second = draw(patients, random)
        for name, (low, high) in intervals_over_patients(first, second, who, random).items():
            held[name] += low <= true[name] <= high
        independent = limits_of_agreement(first, second)
        for name in ("bias", "lower", "upper"):
            estimate = getattr(independent, name)
            held[f"{name} as independent"] += estimate.low <= true[name] <= estimate.high
    return {name: count / draws for name, count in held.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, nargs="+", default=[3, 5, 10, 20, 50])
    parser.add_argument("--draws", type=int, default=1000)
    arguments = parser.parse_args()
    random = np.random.default_rng(SEED)
    columns = {patients: coverage(patients, arguments.draws, random) for patients in arguments.patients}
    print(f"| statistic | {' | '.join(f'{patients} patients' for patients in columns)} |")
    print("|---" * (len(columns) + 1) + "|")
    for name in next(iter(columns.values())):
        print(f"| {name} | {' | '.join(f'{held[name]:.1%}' for held in columns.values())} |")


if __name__ == "__main__":
    main()
