"""Flow and reserve of fresh patients of the clinic's phantom beside their truth, and of ideal ones, and whether the
flags on them tell those that are off: of the whole ventricle and of segments. Run by ``make bench-clinic``.

The clinic's phantom (`phantom.CLINIC`) lacks or misstates what scanners and headers of clinics do. By default contours
are true and nothing moves, so that what is measured is the number and its interval; ``--full`` lets the whole chain
find contours and motion. Ideal patients are given once with all values stated and once as a header leaves them.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from found import Found
from PerfusionDLLib import networks, phantom, pipeline
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flag_codes import FlagCode
from PerfusionDLLib.data.precision import CLINICAL_MPR, FAR, probability_below
from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.data.table import SegmentRow
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
GRADES = {
    "none": (),
    "uncertain (5 to 20 %)": (FlagCode.FLOW_UNCERTAIN, FlagCode.RESERVE_UNCERTAIN),
    "unknown (above 20 %)": (FlagCode.ABSOLUTE_FLOW_UNKNOWN, FlagCode.RESERVE_UNKNOWN),
}
SURE = (0.5, 0.8, 0.9, 0.95)  # that the reserve lies below 2, or that it does not
COLUMNS = (
    "patients",
    "number",
    "95 % interval covers %",
    "median bias %",
    "off by > 40 %, %",
    "of these without a flag %",
    "median half width %",
    "interval score, log",
    "n",
)
WHOLE = 0  # the whole ventricle, beside the numbers of segments
NUMBERS = ("rest", "stress", "reserve")
TrueFlow = dict[int, dict[Condition, float]]
"""Mean flow, mL/min/g, by segment (`WHOLE` or its number) and scan."""
MISS = 40  # penalty of the interval score at 95 %: 2 / 0.05 (Gneiting and Raftery, J Am Stat Assoc 2007;102:359)


def draw(seed: int, config, nets) -> tuple[list[PreprocessedScan], TrueFlow]:
    """Preprocessed scans of a patient and the true flow."""
    patient = phantom.simulate_study(seed, model=TISSUE[seed % len(TISSUE)], still=nets is None, config=config)
    true = find_true_flow(patient.truth)
    if nets is not None:
        return pipeline.preprocess(patient.study, nets).scans, true
    return [
        PreprocessedScan(
            condition=scan.condition,
            slices=tuple(map(with_true_contours, scan.slices, patient.truth[scan.condition])),
        )
        for scan in patient.study.scans
    ], true


def find_true_flow(truth) -> TrueFlow:
    """Mean flow of the pixels of the whole ventricle and of each segment, in every scan."""
    found: TrueFlow = {}
    for condition, slices in truth.items():
        flow = np.concatenate([one.mbf_ml_min_g.ravel() for one in slices])
        segment = np.concatenate([one.segments.ravel() for one in slices])
        found.setdefault(WHOLE, {})[condition] = float(flow[segment > 0].mean())
        for number in np.unique(segment[segment > 0]):
            found.setdefault(int(number), {})[condition] = float(flow[segment == number].mean())
    return found


def as_header(scan: PreprocessedScan) -> PreprocessedScan:
    """The scan with the names of what no header gives among what was assumed."""
    slices = []
    for part in scan.slices:
        acquisition = replace(part.series.acquisition, assumed=NOT_IN_HEADERS)
        slices.append(replace(part, series=replace(part.series, acquisition=acquisition)))
    return replace(scan, slices=tuple(slices))


def measure(scans, true: TrueFlow) -> dict[int, dict[str, Found]]:
    """Rest, stress and reserve of the whole ventricle and of each segment that all scans show."""
    table = pipeline.process(PreprocessedStudy(scans=tuple(scans))).table
    rows = {WHOLE: table.whole} | {row.aha_segment: row for row in table.segments}
    found = {region: compare(rows[region], of_region, table.whole.flags) for region, of_region in true.items()}
    return {region: numbers for region, numbers in found.items() if all(np.isfinite(x.value) for x in numbers.values())}


def compare(row: SegmentRow, true: dict[Condition, float], flags) -> dict[str, Found]:
    """Rest, stress and reserve of a region beside their truth; flags : of the study, which stand on all its regions."""
    numbers = {}
    for condition in Condition:
        flow = getattr(row, condition)
        numbers[str(condition)] = (flow.mbf_ml_min_g, *flow.mbf_interval), true[condition], str(condition)
    numbers["reserve"] = (row.mpr, row.mpr_low, row.mpr_high), true[Condition.STRESS] / true[Condition.REST], ""
    return {
        name: Found(value=value, low=low, high=high, truth=truth, grade=grade_of(flags, where))
        for name, ((value, low, high), truth, where) in numbers.items()
    }


def grade_of(flags, condition: str) -> str:
    """Grade of the flag on flow of a scan, or on the reserve where there is no condition."""
    codes = {flag.code for flag in flags if flag.where.condition == condition}
    return next((grade for grade, of_grade in GRADES.items() if codes & set(of_grade)), "none")


def values(found: list[Found]) -> tuple[np.ndarray, ...]:
    """Value, low, high and truth (N,) each."""
    return tuple(np.array([(one.value, one.low, one.high, one.truth) for one in found]).T)


def grade_lines(name: str, number: str, found: list[Found]) -> Iterator[str]:
    """Lines of the table of grades: how many numbers have one, and how many of these are off."""
    for grade in GRADES:
        errors = np.array([abs(one.value / one.truth - 1) for one in found if one.grade == grade])
        far = f"{100 * np.mean(errors > FAR):.0f}" if errors.size else ""
        yield f"| {name} | {number} | {grade} | {100 * errors.size / len(found):.0f} | {far} |"


def decision_lines(name: str, found: list[Found]) -> Iterator[str]:
    """Lines of the table of decisions: whether the reserve lies below 2, where that is probable enough."""
    probability = np.array([probability_below(CLINICAL_MPR, one.value, one.low, one.high) for one in found])
    below = np.array([one.truth < CLINICAL_MPR for one in found])
    for sure in SURE:
        decided = (probability >= sure) | (probability <= 1 - sure)
        wrong = ((probability > 0.5) != below)[decided]
        yield f"| {name} | {sure:g} | {100 * decided.mean():.0f} | {100 * wrong.mean() if wrong.size else 0:.0f} |"


def line(name: str, number: str, found: list[Found]) -> str:
    """A line of the table."""
    value, low, high, truth = values(found)
    known = np.isfinite(low) & np.isfinite(high) & (low > 0)
    score = np.log(high / low) + MISS * (np.log(low / truth).clip(0) + np.log(truth / high).clip(0))
    error = value / truth - 1
    far = np.abs(error) > FAR
    silent = np.mean([one.grade == "none" for one, off in zip(found, far, strict=True) if off]) if far.any() else 0.0
    return (
        f"| {name} | {number} | {100 * np.mean((low < truth) & (truth < high)):.0f} | {100 * np.median(error):+.0f} | "
        f"{100 * np.mean(far):.0f} | {100 * silent:.0f} | "
        f"{100 * np.median((high - low)[known] / 2 / value[known]):.0f} | {np.mean(score[known]):.2f} | {len(found)} |"
    )


def measure_all(seeds, config, nets, change=lambda scan: scan) -> Iterator[dict[int, dict[str, Found]]]:
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
    below: list[str] = []
    decisions: list[str] = []
    for name, seeds, config, change in (
        ("clinic", clinic, CLINIC, lambda scan: scan),
        ("ideal, all stated", ideal, DEFAULT, lambda scan: scan),
        ("ideal, as a header leaves it", ideal, DEFAULT, as_header),
    ):
        found = list(measure_all(seeds, config, nets, change))
        if not found:
            continue
        for number in NUMBERS:
            of_number = [one[WHOLE][number] for one in found]
            print(line(name, number, of_number), flush=True)
            below += grade_lines(name, number, of_number)
        for number in NUMBERS:
            of_segments = [of_region[number] for one in found for region, of_region in one.items() if region != WHOLE]
            print(line(name, f"{number}, segments", of_segments), flush=True)
        decisions += decision_lines(name, [one[WHOLE]["reserve"] for one in found])
    print(
        "\n| patients | number | flag | share % | of these off by > 40 %, % |",
        "|---|---|---|---|---|",
        *below,
        sep="\n",
    )
    print("\n| patients | MPR below 2 or not, probability | decided % | wrong % |", "|---|---|---|---|", sep="\n")
    print(*decisions, sep="\n")


if __name__ == "__main__":
    main()
