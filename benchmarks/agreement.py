"""Whether ``perfusiondl agree`` gives back a known disturbance, as a Markdown table: expected beside measured.

The truths of phantom studies are written as results folders (no images are simulated: a truth needs none). Copies are
disturbed in known ways, and the whole comparison runs on them. What it should find follows from the outlines of the
phantom hearts and from the moments of the noise, in closed form. Run by ``make bench-agreement``.
"""

import argparse
import csv
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PerfusionDLLib.agreement import statistics
from PerfusionDLLib.aha import TERRITORY_SEGMENTS
from PerfusionDLLib.comparison import agree
from PerfusionDLLib.contours import Label
from PerfusionDLLib.phantom import DEFAULT, PhantomStudy
from PerfusionDLLib.phantom.breathing import draw_beats
from PerfusionDLLib.phantom.grid import Grid
from PerfusionDLLib.phantom.heart import Heart, draw_heart
from PerfusionDLLib.phantom.patient import draw_patient, draw_visit
from PerfusionDLLib.phantom.simulation import known, timed_bolus
from PerfusionDLLib.results import write_image, write_json
from PerfusionDLLib.series import Condition, Level, PerfusionSeries, Scan, Study
from PerfusionDLLib.truth import write_truth
from PerfusionDLLib.whole import INDEX

FIRST_SEED = 7100
LATE_FRAMES = 2
TURN_DEG = 5.0
OUTWARD_MM = 3.0  # epicardium
INWARD_MM = 2.5  # endocardium
SHIFT_PX = (2, 1)  # rows, columns
FACTOR = 1.10
PATIENT_SD = 0.10  # mL/min/g
SEGMENT_SD = 0.15
FLOWS = {"rest": "rest_mbf_ml_min_g", "stress": "stress_mbf_ml_min_g"}


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One slice of a phantom heart; its name is that of its folder."""

    name: str
    heart: Heart
    grid: Grid
    series: PerfusionSeries


@dataclass(frozen=True)
class Row:
    """A line of the table; low and high are the interval that the comparison gives."""

    what: str
    statistic: str
    expected: float
    measured: float
    low: float = float("nan")
    high: float = float("nan")


def write_phantom_truth(folder: Path, seed: int) -> list[Slice]:
    """The truth of a phantom study as `perfusiondl simulate` writes it, of a heart that does not move."""
    patient = draw_patient(seed, DEFAULT)
    scans, truths, slices = {}, {}, []
    for condition in Condition:
        visit = draw_visit(patient, condition, DEFAULT)
        beats = draw_beats(patient, visit, DEFAULT)
        bolus = timed_bolus(visit, beats)
        parts = []
        for level in (Level.BASAL, Level.MID, Level.APICAL):
            heart = draw_heart(patient, level, condition is Condition.STRESS)
            grid = Grid(patient, visit, level)
            black = np.zeros((visit.frames, patient.size, patient.size), np.float32)
            series = PerfusionSeries(signal=black, times_s=beats.times_s, ijk_to_ras=grid.ijk_to_ras, level=level)
            still = np.zeros((visit.frames, 2, patient.size, patient.size), np.float16)
            peak = round(visit.lv_peak_frame)
            parts.append((series, known(patient, visit, heart, grid, bolus, beats, peak, still)))
            slices.append(Slice(name=f"{condition}_{level}", heart=heart, grid=grid, series=series))
        scans[condition.value] = Scan(condition=condition, slices=tuple(series for series, _ in parts))
        truths[condition] = tuple(truth for _, truth in parts)
    folder.mkdir(parents=True)
    write_truth(folder, PhantomStudy(study=Study(**scans), truth=truths))
    return slices


def swell(truth: Path, copy: Path, slices: Sequence[Slice]) -> None:
    """A copy with the wall thicker on both sides, insertion points turned about the heart and a late peak frame."""
    index = _copied(truth, copy)
    for part, described in zip(slices, index["slices"], strict=True):
        y, x = part.grid.yx_mm
        labels = np.where(part.heart.outside_rv(y, x) < 0, Label.RV_BLOOD_POOL, 0).astype(np.uint8)
        labels[part.heart.outside_epicardium(y, x) < OUTWARD_MM] = Label.MYOCARDIUM
        labels[part.heart.outside_endocardium(y, x) < -INWARD_MM] = Label.BLOOD_POOL
        write_image(copy / part.name / "labels.nrrd", labels, part.series, {})
        described["peak_frame"] += LATE_FRAMES
        _move_points(part, described, partial(_turned, center=middle_px(part)))
    write_json(copy / INDEX, index)


def shift(truth: Path, copy: Path, slices: Sequence[Slice]) -> None:
    """A copy with everything that was drawn shifted by whole pixels."""
    index = _copied(truth, copy)
    for part, described in zip(slices, index["slices"], strict=True):
        y, x = part.grid.yx_mm
        labels = np.roll(part.heart.labels(y, x), SHIFT_PX, axis=(0, 1))
        write_image(copy / part.name / "labels.nrrd", labels, part.series, {})
        described["box_px"] = np.add(described["box_px"], SHIFT_PX * 2).tolist()
        _move_points(part, described, lambda at: at + SHIFT_PX)
    write_json(copy / INDEX, index)


def _turned(at: np.ndarray, center: np.ndarray) -> np.ndarray:
    cosine, sine = np.cos(np.radians(TURN_DEG)), np.sin(np.radians(TURN_DEG))
    return np.array([[cosine, -sine], [sine, cosine]]) @ (at - center) + center


def middle_px(part: Slice) -> np.ndarray:
    """Row and column of the middle of the ventricle's pixels."""
    y, x = part.grid.yx_mm
    return np.argwhere((part.heart.outside_epicardium(y, x) < 0) | (part.heart.outside_endocardium(y, x) < 0)).mean(0)


def _copied(truth: Path, copy: Path) -> dict:
    shutil.copytree(truth, copy, ignore=shutil.ignore_patterns("displacement.npz", "mbf.nrrd"))
    return json.loads((copy / INDEX).read_text(encoding="utf-8"))


def _move_points(part: Slice, described: dict, move) -> None:
    for name, side in (("anterior", 1), ("inferior", -1)):
        moved = move(np.array(part.grid.pixels(part.heart.insertion_mm(side))))
        described["rv_insertion_points_ras_mm"][name] = part.series.ras_from_pixels(moved).tolist()


def disturb_flow(truth: Path, copy: Path, random: np.random.Generator) -> None:
    """Flow times a factor plus what is the same for a whole patient plus what is each segment's own.

    A region of several segments gets the mean of their errors.
    """
    of_patient = random.normal(0, PATIENT_SD)
    own = {name: random.normal(0, SEGMENT_SD, 16) for name in FLOWS}
    for file in ("segments.csv", "territories.csv"):
        with (truth / file).open(encoding="utf-8", newline="") as text:
            rows = list(csv.DictReader(text))
        for row in rows:
            members = [int(row["aha_segment"])] if row["aha_segment"] else TERRITORY_SEGMENTS.get(row["name"])
            for name, column in FLOWS.items():
                error = own[name] if members is None else own[name][np.array(members) - 1]
                row[column] = repr(float(FACTOR * float(row[column]) + of_patient + error.mean()))
            row["mpr"] = repr(float(row[FLOWS["stress"]]) / float(row[FLOWS["rest"]]))
        with (copy / file).open("w", encoding="utf-8", newline="") as text:
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A closed curve in mm: what of it is needed. mean_radius_mm : about its own center"""

    area_mm2: float
    length_mm: float
    mean_radius_mm: float
    width_mm: float

    def grown_mm2(self, radial_mm: float) -> float:
        """Area that a radial offset adds."""
        return 2 * np.pi * self.mean_radius_mm * radial_mm + np.pi * radial_mm**2

    def offset_mm(self, radial_mm: float) -> float:
        """Mean distance to the outline with a radial offset: the offset seen along the normal."""
        return radial_mm * 2 * np.pi * self.mean_radius_mm / self.length_mm

    def shifted_mm(self, distance_mm: float) -> float:
        """Mean distance to the shifted outline: the shift along the normal, averaged over a convex curve."""
        return 2 * distance_mm * self.width_mm / self.length_mm


def outline(radius_mm: np.ndarray, angle_rad: np.ndarray, direction: np.ndarray) -> Outline:
    """An outline from its radius at equal angles; width_mm is across ``direction``."""
    y, x = radius_mm * np.sin(angle_rad), radius_mm * np.cos(angle_rad)
    across = y * direction[1] - x * direction[0]
    return Outline(
        area_mm2=float(np.pi * np.mean(radius_mm**2)),
        length_mm=float(np.hypot(np.diff(y, append=y[0]), np.diff(x, append=x[0])).sum()),
        mean_radius_mm=float(radius_mm.mean()),
        width_mm=float(np.ptp(across)),
    )


def expected_shapes(part: Slice, box_px: Sequence[float]) -> tuple[dict[str, float], dict[str, float]]:
    """What a comparison of one slice should find after `swell` and after `shift`, by column of ``slices.csv``."""
    angle, pixel_mm = np.linspace(0, 2 * np.pi, 2000, endpoint=False), part.grid.patient.pixel_mm
    distance = float(np.hypot(*SHIFT_PX) * pixel_mm)
    direction = np.array(SHIFT_PX) / np.hypot(*SHIFT_PX)
    epi = outline(part.heart.epicardium_mm(angle), angle, direction)
    endo = outline(part.heart.endocardium_mm(angle), angle, direction)
    muscle, inner = epi.area_mm2 - endo.area_mm2, -endo.grown_mm2(-INWARD_MM)
    arm_mm = [
        float(np.hypot(*(np.array(part.grid.pixels(part.heart.insertion_mm(side))) - middle_px(part)))) * pixel_mm
        for side in (1, -1)
    ]
    swollen = {
        "peak_frame_error": LATE_FRAMES,
        "myocardium_dice": 2 * muscle / (2 * muscle + epi.grown_mm2(OUTWARD_MM) + inner),
        "cavity_dice": 2 * (endo.area_mm2 - inner) / (2 * endo.area_mm2 - inner),
        "epicardium_mean_mm": epi.offset_mm(OUTWARD_MM),
        "endocardium_mean_mm": endo.offset_mm(INWARD_MM),
        "anterior_angle_deg": TURN_DEG,
        "inferior_angle_deg": TURN_DEG,
        "anterior_point_mm": 2 * arm_mm[0] * np.sin(np.radians(TURN_DEG) / 2),
        "inferior_point_mm": 2 * arm_mm[1] * np.sin(np.radians(TURN_DEG) / 2),
    }
    sides = np.subtract(box_px[2:], box_px[:2])
    shifted = {
        "box_dice": float(np.prod(1 - np.array(SHIFT_PX) / sides)),
        "myocardium_dice": 1 - distance * (epi.width_mm + endo.width_mm) / muscle,
        "cavity_dice": 1 - distance * endo.width_mm / endo.area_mm2,
        "epicardium_mean_mm": epi.shifted_mm(distance),
        "endocardium_mean_mm": endo.shifted_mm(distance),
        "anterior_point_mm": distance,
        "inferior_point_mm": distance,
    }
    return swollen, shifted


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
        "icc_agreement_by_patients": 2 * FACTOR * spread / (both + 2 / n * readers),
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


def coverage(folder: Path, draws: int) -> tuple[float, float]:
    """How often the 95 % interval of the bias holds the true bias: of independent readings, and drawn by patients.

    Stress flow per segment of a finished `study`, with fresh noise in every draw.
    """
    random = np.random.default_rng(FIRST_SEED + 1)
    chosen = [
        row
        for row in _read(folder / "swollen" / "flows.csv")
        if row["quantity"] == "stress" and row["extent"] == "segment"
    ]
    patients = np.array([int(row["study"]) for row in chosen])
    truth = np.array([float(row["second"]) for row in chosen])
    bias, held = (FACTOR - 1) * truth.mean(), np.zeros(2)
    for _ in range(draws):
        error = random.normal(0, PATIENT_SD, patients.max() + 1)[patients] + random.normal(0, SEGMENT_SD, len(truth))
        first = FACTOR * truth + error
        plain = statistics.limits_of_agreement(first, truth).bias
        difference = first - truth
        low, high = statistics.cluster_bootstrap(lambda at, d=difference: d[at].mean(), patients, random, resamples=500)
        held += plain.low <= bias <= plain.high, low <= bias <= high
    independent, clustered = held / draws
    return float(independent), float(clustered)


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
    parser.add_argument("--draws", type=int, default=400, help="of the noise, for the coverage of the intervals")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(markdown(study(Path(folder), arguments.patients)))
        independent, clustered = coverage(Path(folder), arguments.draws)
    print(
        f"\nIntervals of the bias that hold it, {arguments.draws} draws: "
        f"{independent:.1%} as if readings were independent, {clustered:.1%} drawn by patients."
    )


if __name__ == "__main__":
    main()
