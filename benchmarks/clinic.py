"""Flow and reserve of fresh patients of the clinic's phantom beside their truth, and of ideal ones. Run by
``make bench-clinic``.

The clinic's phantom (`phantom.CLINIC`) lacks or misstates what scanners and headers of clinics do. By default contours
are true and nothing moves, so that what is measured is the number and its interval; ``--full`` lets the whole chain
find contours and motion. Ideal patients are given once with all values stated and once as a header leaves them.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PerfusionDLLib import networks, phantom, pipeline
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flag import Severity
from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.phantom import CLINIC, DEFAULT, TissueModel
from true_contours import with_true_contours

FIRST_SEED, PATIENTS, IDEAL = 610000, 100, 12
TISSUE = (TissueModel.FERMI, TissueModel.CAPILLARY, TissueModel.MIXED)  # of ideal patients; the clinic draws its own
NOT_IN_HEADERS = (
    "pulses_to_center",
    "relaxivity_l_mmol_s",
    "r2_star_blood_l_mmol_s",
    "t10_blood_s",
    "t10_myocardium_s",
    "hematocrit",
)
FAR = 0.4  # of the truth: such an error must carry a flag
COLUMNS = (
    "patients",
    "number",
    "95 % interval covers %",
    "median bias %",
    "off by > 40 %, %",
    "off and without a flag %",
    "flagged %",
    "median half width %",
    "interval score, log",
    "n",
)
MISS = 40  # penalty of the interval score at 95 %: 2 / 0.05 (Gneiting and Raftery, J Am Stat Assoc 2007;102:359)


@dataclass(frozen=True)
class Found:
    """One number of a patient with its 95 % interval, beside its truth; whether a flag stands beside it."""

    value: float
    low: float
    high: float
    truth: float
    flagged: bool


def draw(seed: int, config, nets) -> tuple[list[PreprocessedScan], dict[Condition, float]]:
    """Preprocessed scans of a patient and the true global flow."""
    patient = phantom.simulate_study(seed, model=TISSUE[seed % len(TISSUE)], still=nets is None, config=config)
    true = {
        condition: float(np.concatenate([one.mbf_ml_min_g[one.segments > 0] for one in slices]).mean())
        for condition, slices in patient.truth.items()
    }
    if nets is not None:
        return pipeline.preprocess(patient.study, nets).scans, true
    return [
        PreprocessedScan(
            condition=scan.condition,
            slices=tuple(map(with_true_contours, scan.slices, patient.truth[scan.condition])),
        )
        for scan in patient.study.scans
    ], true


def as_header(scan: PreprocessedScan) -> PreprocessedScan:
    """The scan with the names of what no header gives among what was assumed."""
    slices = []
    for part in scan.slices:
        acquisition = replace(part.series.acquisition, assumed=NOT_IN_HEADERS)
        slices.append(replace(part, series=replace(part.series, acquisition=acquisition)))
    return replace(scan, slices=tuple(slices))


def measure(scans, true) -> dict[str, Found]:
    """Rest, stress and reserve of the whole ventricle."""
    whole = pipeline.process(PreprocessedStudy(scans=tuple(scans))).table.whole
    grave = [flag for flag in whole.flags if flag.severity is not Severity.NOTE]
    found = {}
    for condition in Condition:
        flow = getattr(whole, condition)
        numbers = flow.mbf_ml_min_g, flow.mbf_low_ml_min_g, flow.mbf_high_ml_min_g
        flagged = any(flag.where.condition in {"", condition} for flag in grave)
        found[str(condition)] = Found(*numbers, true[condition], flagged)
    reserve = true[Condition.STRESS] / true[Condition.REST]
    return found | {"reserve": Found(whole.mpr, whole.mpr_low, whole.mpr_high, reserve, bool(grave))}


def line(name: str, number: str, found: list[Found]) -> str:
    """A line of the table."""
    value, low, high, truth, flagged = np.array([list(vars(one).values()) for one in found]).T
    known = np.isfinite(low) & np.isfinite(high) & (low > 0)
    score = np.log(high / low) + MISS * (np.log(low / truth).clip(0) + np.log(truth / high).clip(0))
    error = value / truth - 1
    silent = np.mean((np.abs(error) > FAR) & (flagged == 0))
    return (
        f"| {name} | {number} | {100 * np.mean((low < truth) & (truth < high)):.0f} | {100 * np.median(error):+.0f} | "
        f"{100 * np.mean(np.abs(error) > FAR):.0f} | {100 * silent:.0f} | {100 * np.mean(flagged):.0f} | "
        f"{100 * np.median((high - low)[known] / 2 / value[known]):.0f} | {np.mean(score[known]):.2f} | {len(found)} |"
    )


def measure_all(seeds, config, nets, change=lambda scan: scan) -> Iterator[dict[str, Found]]:
    """What is found of each patient; one that cannot be processed is named."""
    for seed in seeds:
        try:
            scans, true = draw(seed, config, nets)
            yield measure([change(scan) for scan in scans], true)
        except PerfusionError as error:
            print(f"Patient {seed}: {error.problem}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--ideal", type=int, default=IDEAL)
    parser.add_argument("--full", action="store_true", help="contours and motion from the chain, minutes per patient")
    options = parser.parse_args()
    nets = networks.load_networks(device="cpu") if options.full else None
    first = options.first_seed
    clinic, ideal = range(first, first + options.patients), range(first, first + options.ideal)
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for name, seeds, config, change in (
        ("clinic", clinic, CLINIC, lambda scan: scan),
        ("ideal, all stated", ideal, DEFAULT, lambda scan: scan),
        ("ideal, as a header leaves it", ideal, DEFAULT, as_header),
    ):
        found = list(measure_all(seeds, config, nets, change))
        for number in ("rest", "stress", "reserve"):
            print(line(name, number, [one[number] for one in found]), flush=True)


if __name__ == "__main__":
    main()
