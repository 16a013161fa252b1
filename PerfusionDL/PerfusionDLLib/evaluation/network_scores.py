"""How far the chain is from references nobody trained on: the table of Scannell et al. 2020, case by case."""

import csv
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import groupby
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..data.contours import Label, Part
from ..data.errors import PerfusionError
from ..data.flag import codes_of
from ..data.preprocessed import PreprocessedSlice
from ..networks import Networks
from ..preprocessing import preprocess_slice, settle_insertion_points
from ..preprocessing.segmentation import compute_box
from .agreement.shape import dice, rectangle_dice
from .cases import Case
from .flagged_slices import tabulate_flagged


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one slice came out; NaN where no left ventricle was found, with ``failure`` saying so.

    flags : codes, separated by spaces
    """

    name: str
    condition: str
    level: str
    peak_frame_error: float = np.nan
    box_dice: float = np.nan
    myocardium_dice: float = np.nan
    cavity_dice: float = np.nan
    epicardium_dice: float = np.nan
    rv_dice: float = np.nan
    insertion_points_mm: float = np.nan
    peak_frame_confidence: float = np.nan
    box_confidence: float = np.nan
    labels_confidence: float = np.nan
    points_confidence: float = np.nan
    seconds: float = np.nan
    failure: str = ""
    flags: str = ""


_WORST = 12
_LV = (Label.MYOCARDIUM, Label.BLOOD_POOL)
MEASURES = {
    "peak frame error (frames)": "peak_frame_error",
    "box Dice": "box_dice",
    "myocardium Dice": "myocardium_dice",
    "LV cavity Dice": "cavity_dice",
    "epicardium Dice": "epicardium_dice",
    "RV cavity Dice": "rv_dice",
    "RV insertion points (mm)": "insertion_points_mm",
}


@dataclass(frozen=True)
class Good:
    """When an answer of a step is good enough to go unread, and where its confidence stands in a `Score`."""

    meaning: str
    confidence: str
    holds: Callable[[Score], bool]


GOOD = {
    "peak": Good("peak at most 1 frame off", "peak_frame_confidence", lambda one: one.peak_frame_error <= 1),
    "box": Good("box Dice at least 0.9", "box_confidence", lambda one: one.box_dice >= 0.9),
    "labels": Good("myocardium Dice at least 0.85", "labels_confidence", lambda one: one.myocardium_dice >= 0.85),
    "points": Good("points at most 5 mm off", "points_confidence", lambda one: one.insertion_points_mm <= 5),
}


def evaluate(cases: Iterable[Case], networks: Networks) -> Iterator[tuple[Score, Case, PreprocessedSlice | None]]:
    """Score the cases, of which those that follow each other are slices of one scan if name and condition agree."""
    for _, slices in groupby(cases, key=lambda case: (case.name, case.condition)):
        found: list[tuple[Case, PreprocessedSlice, float]] = []
        for case in slices:
            began = time.perf_counter()
            try:
                part = preprocess_slice(case.series, networks)
            except PerfusionError as error:
                failed = Score(name=case.name, condition=case.condition, level=case.level, failure=error.problem)
                yield failed, case, None
                continue
            found.append((case, part, round(time.perf_counter() - began, 2)))
        settled = settle_insertion_points([part for _, part, _ in found])
        for (case, _, seconds), part in zip(found, settled, strict=True):
            yield replace(score(part, case), seconds=seconds), case, part


def score(found: PreprocessedSlice, case: Case) -> Score:
    """Compare one preprocessed slice with its reference, in the pose of the slice's reference frame."""
    contours, spacing_mm = found.contours, case.series.spacing_mm
    if contours.anterior_rv_ras_mm is None or contours.inferior_rv_ras_mm is None:
        raise ValueError(f"a scored slice needs both insertion points, {case.name} lacks one")
    truth = case.reference.in_pose_of(contours.reference_frame, spacing_mm)
    mine, theirs = contours.labels, truth.labels
    points_px = case.series.pixels_from_ras(np.stack([contours.anterior_rv_ras_mm, contours.inferior_rv_ras_mm]))
    away_mm = np.linalg.norm((points_px - truth.rv_points_px) * spacing_mm, axis=1)
    return Score(
        name=case.name,
        condition=case.condition,
        level=case.level,
        peak_frame_error=abs(contours.peak_frame - case.reference.peak_frame),
        box_dice=rectangle_dice(contours.box_px, compute_box(theirs)),
        myocardium_dice=dice(contours.myocardium, theirs == Label.MYOCARDIUM),
        cavity_dice=dice(contours.blood_pool, theirs == Label.BLOOD_POOL),
        epicardium_dice=dice(np.isin(mine, _LV), np.isin(theirs, _LV)),
        rv_dice=dice(contours.rv_blood_pool, theirs == Label.RV_BLOOD_POOL),
        insertion_points_mm=float(away_mm.mean()),
        peak_frame_confidence=contours.confidences[Part.PEAK_FRAME],
        box_confidence=contours.confidences[Part.BOX],
        labels_confidence=contours.confidences[Part.LABELS],
        points_confidence=contours.confidences[Part.RV_INSERTION_POINTS],
        flags=" ".join(sorted(codes_of(found.flags))),
    )


def table(scores: Sequence[Score]) -> str:
    """Mean (SD) and median of each measure, for all slices, per level and per condition, with the number of slices."""
    groups = {"all": list(scores)}
    for key in ("level", "condition"):
        for value in dict.fromkeys(getattr(one, key) for one in scores):
            groups[str(value)] = [one for one in scores if getattr(one, key) == value]
    lines = ["| measure | " + " | ".join(f"{name} (n = {len(group)})" for name, group in groups.items()) + " |"]
    lines.append("|---" * (len(groups) + 1) + "|")
    for name, field in MEASURES.items():
        cells = []
        for group in groups.values():
            values = np.array([getattr(one, field) for one in group], float)
            values = values[np.isfinite(values)]
            cells.append(f"{values.mean():.2f} ({values.std():.2f}), {np.median(values):.2f}" if values.size else "-")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    failed = [sum(bool(one.failure) for one in group) for group in groups.values()]
    lines.append("| left ventricle not found | " + " | ".join(map(str, failed)) + " |")
    return "\n".join(lines)


def describe_promises(scores: Sequence[Score], networks: Networks) -> str:
    """Whether confidences keep what they promise."""
    found = [one for one in scores if not one.failure]
    lines = ["| confidence that | promised | kept | slices to check, of which good |", "|---|---|---|---|"]
    for step, good in GOOD.items():
        promised = np.array([getattr(one, good.confidence) for one in found])
        kept = np.array([good.holds(one) for one in found])
        low = promised < getattr(networks, step).threshold("check")
        lines.append(
            f"| {good.meaning} | {promised.mean():.2f} | {kept.mean():.2f} | {low.sum()}, {int(kept[low].sum())} |"
        )
    return "\n".join(lines)


def _describe_flagged(scores: Sequence[Score]) -> str:
    found = [one for one in scores if not one.failure]
    if not found:
        return ""
    columns = zip(*((one.myocardium_dice, one.labels_confidence, one.flags) for one in found), strict=True)
    dice_of, confidence, flags = columns
    return tabulate_flagged(np.array(dice_of), np.array(confidence), flags)


def write_csv(path: Path, scores: Sequence[Score]) -> None:
    """One row per case."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Score)])
        writer.writeheader()
        writer.writerows(asdict(one) for one in scores)


def _overlap(scored):
    """Myocardium Dice, below zero where nothing was found."""
    return np.nan_to_num(scored.myocardium_dice, nan=-1.0)


def draw_worst_cases(order: Sequence[tuple[Score, Case, PreprocessedSlice | None]]) -> Figure:
    """Slices as they came out: contours found (solid) and reference (dashed) on the reference frame."""
    figure = Figure(figsize=(16, 2.9 * (len(order) + 4) // 5), layout="constrained")
    for place, (scored, case, found) in enumerate(order, start=1):
        axes = figure.add_subplot((len(order) + 4) // 5, 5, place)
        axes.set_axis_off()
        axes.set_title(f"{scored.name}\n{scored.condition} {scored.level}: {scored.myocardium_dice:.2f}", fontsize=8)
        frame = found.contours.reference_frame if found else case.reference.peak_frame
        image = case.series.signal[frame]
        axes.imshow(image, cmap="gray", vmax=np.percentile(image, 99.5))
        truth = case.reference.in_pose_of(frame, case.series.spacing_mm).labels
        for labels, style in ((found.contours.labels if found else np.zeros_like(truth), "solid"), (truth, "dashed")):
            for mask, color in ((np.isin(labels, _LV), "yellow"), (labels == 2, "red"), (labels == 3, "cyan")):
                if mask.any():
                    axes.contour(mask, [0.5], colors=color, linewidths=0.8, linestyles=style)
        box = compute_box(truth)
        margin = 0.5 * box.size_px[0]
        axes.set(xlim=(box.column0 - margin, box.column1 + margin), ylim=(box.row1 + margin, box.row0 - margin))
    return figure


def measure(
    cases: Iterable[Case], networks: Networks, out: Path, *, progress: Callable[[str], None] = print
) -> tuple[str, list[Score]]:
    """Judge the chain on cases: ``scores.csv``, ``table.md`` and ``worst.png`` in ``out``; tables and scores."""
    out.mkdir(parents=True, exist_ok=True)
    scores: list[Score] = []
    worst: list[tuple[Score, Case, PreprocessedSlice | None]] = []
    for one in evaluate(cases, networks):
        scored = one[0]
        scores.append(scored)
        worst = sorted([*worst, one], key=lambda one: _overlap(one[0]))[:_WORST]  # images of the others are let go
        progress(f"{scored.name} {scored.condition} {scored.level}: myocardium Dice {scored.myocardium_dice:.3f}")
    write_csv(out / "scores.csv", scores)
    text = f"{table(scores)}\n\n{describe_promises(scores, networks)}\n\n{_describe_flagged(scores)}"
    (out / "table.md").write_text(text + "\n", encoding="utf-8")
    draw_worst_cases(worst).savefig(out / "worst.png", dpi=100)
    return text, scores
