"""Truths of phantom studies as results folders, and copies of them that are disturbed in known ways."""

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PerfusionDLLib.app.phantom_truth import write_truth
from PerfusionDLLib.data.aha import TERRITORY_SEGMENTS
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.data.study import Condition, Level, PerfusionSeries, Scan, Study
from PerfusionDLLib.phantom import DEFAULT, PhantomStudy
from PerfusionDLLib.phantom.breathing import draw_beats
from PerfusionDLLib.phantom.grid import Grid
from PerfusionDLLib.phantom.heart import Heart, draw_heart
from PerfusionDLLib.phantom.patient import draw_patient, draw_visit
from PerfusionDLLib.phantom.simulation import find_known, place_bolus_in_time
from PerfusionDLLib.results.layout import INDEX
from PerfusionDLLib.results.writing import write_image, write_json

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


def write_phantom_truth(folder: Path, seed: int) -> list[Slice]:
    """The truth of a phantom study as `perfusiondl simulate` writes it, of a heart that does not move."""
    patient = draw_patient(seed, DEFAULT)
    scans, truths, slices = {}, {}, []
    for condition in Condition:
        visit = draw_visit(patient, condition, DEFAULT)
        beats = draw_beats(patient, visit, DEFAULT)
        bolus = place_bolus_in_time(visit, beats)
        parts = []
        for level in (Level.BASAL, Level.MID, Level.APICAL):
            heart = draw_heart(patient, level, condition is Condition.STRESS)
            grid = Grid(patient, visit, level)
            black = np.zeros((visit.frames, patient.size, patient.size), np.float32)
            series = PerfusionSeries(signal=black, times_s=beats.times_s, ijk_to_ras=grid.ijk_to_ras, level=level)
            still = np.zeros((visit.frames, 2, patient.size, patient.size), np.float16)
            peak = round(visit.lv_peak_frame)
            parts.append((series, find_known(patient, visit, heart, grid, bolus, beats, peak, still)))
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
