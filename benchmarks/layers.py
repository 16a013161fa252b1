"""Flow of the inner and outer half of the wall, and of segments beside the best four, with their 95 % intervals against
the truth: phantom studies through the whole chain, as they are and as clinics send them. Run by ``make bench-layers``.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
from found import Found
from PerfusionDLLib import networks, phantom, pipeline
from PerfusionDLLib.app.parallel import one_thread
from PerfusionDLLib.app.phantom_truth import make_true_maps
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.data.table import SegmentRow, SegmentTable
from PerfusionDLLib.phantom import CLINIC, DEFAULT

COLUMNS = ("patients", "number", "n", "95 % interval covers %", "median bias %", "median half width %", "worst %")


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--first-seed", type=int, default=690000)
    arguments.add_argument("--patients", type=int, default=12, help="of each kind")
    given = arguments.parse_args()
    nets = networks.load_networks()
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for name, config in (("phantom", DEFAULT), ("clinic", CLINIC)):
        found: dict[str, list[Found]] = {}
        for seed in range(given.first_seed, given.first_seed + given.patients):
            try:
                for number, one in measure(seed, config, nets):
                    found.setdefault(number, []).append(one)
            except PerfusionError as error:
                print(f"{name} {seed}: {error}")
        for number, several in found.items():
            print(line(name, number, several), flush=True)


def measure(seed: int, config: phantom.PhantomConfig, nets: networks.Networks) -> Iterator[tuple[str, Found]]:
    """Every number of a patient with its name."""
    patient = phantom.simulate_study(seed, config=config)
    with one_thread():
        table = pipeline.process(pipeline.preprocess(patient.study, nets)).table
    maps = {condition: make_true_maps(truths) for condition, truths in patient.truth.items()}
    truth = pipeline.summarize(maps.get(Condition.REST), maps.get(Condition.STRESS))
    for condition in patient.truth:
        for kind, rows, true_rows in (
            ("segment", table.segments, truth.segments),
            ("territory", table.territories, truth.territories),
            ("global", (table.whole,), (truth.whole,)),
        ):
            for row, true_row in zip(rows, true_rows, strict=True):
                numbers = both_numbers(table, row, condition), both_numbers(truth, true_row, condition)
                for name, found, true in zip(("endo/epi", "relative flow"), *numbers, strict=True):
                    if np.isfinite([*found, true[0]]).all():
                        value, low, high = found
                        yield f"{condition} {kind} {name}", Found(value=value, low=low, high=high, truth=true[0])


def both_numbers(table: SegmentTable, row: SegmentRow, condition: Condition) -> tuple[tuple[float, float, float], ...]:
    """Ratio of the halves of the wall, and flow beside the best segments, each with its interval."""
    flow = getattr(row, condition)
    ratio = flow.endo_epi_ratio, flow.endo_epi_ratio_low, flow.endo_epi_ratio_high
    return ratio, table.relative_flow(row, condition)


def line(name: str, number: str, found: Sequence[Found]) -> str:
    """A line of the table."""
    value, low, high, truth = np.array([(one.value, one.low, one.high, one.truth) for one in found]).T
    error = value / truth - 1
    half = np.sqrt(high / low) - 1
    cells = [
        name,
        number,
        f"{len(found)}",
        f"{100 * np.mean((low <= truth) & (truth <= high)):.0f}",
        f"{100 * np.median(error):+.0f}",
        f"{100 * np.median(half):.0f}",
        f"{100 * error[np.argmax(np.abs(error))]:+.0f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
