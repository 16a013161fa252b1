"""Slices with a reference to be judged on: phantom patients, annotated in-vivo series, either of them disturbed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from .. import motion
from ..data.contours import Label
from ..data.preprocessed import MotionCompensation
from ..data.study import Condition, Level, PerfusionSeries

if TYPE_CHECKING:
    from ..phantom import PhantomConfig


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What is known of a slice, in the pose of frame ``pose_frame``.

    displacement_mm : (T, 2, Y, X) from that pose to every frame, or None where the heart hardly moves
    rv_points_px : (2, 2) anterior, inferior
    """

    labels: np.ndarray
    peak_frame: int
    rv_points_px: np.ndarray
    displacement_mm: np.ndarray | None = None

    def in_pose_of(self, frame: int, spacing_mm: tuple[float, float]) -> "Reference":
        """The same contours in the pose of another frame."""
        if self.displacement_mm is None:
            return self
        count = len(self.displacement_mm)
        moves = MotionCompensation(
            corrected=np.zeros((count, *self.labels.shape), np.float32),
            displacement_mm=self.displacement_mm,
            reference_frame=self.peak_frame,
            quality=np.ones(count),
            aligned=np.ones(count, bool),
        )
        return replace(
            self,
            labels=motion.move_labels(self.labels, moves, frame, spacing_mm),
            rv_points_px=motion.move_points(self.rv_points_px, moves, frame, spacing_mm),
        )


@dataclass(frozen=True, kw_only=True)
class Case:
    """A slice to be judged on."""

    name: str
    condition: Condition
    level: Level
    series: PerfusionSeries
    reference: Reference


def phantom_cases(seeds: Iterable[int], *, held_out: bool) -> Iterator[Case]:
    """Rest and stress, basal to apical, of phantom patients; ``held_out`` for the wider second configuration."""
    for seed, condition, level in product(seeds, Condition, Level):
        yield phantom_case(seed, condition, level, held_out=held_out)


def closed_cavity_cases(seeds: Iterable[int]) -> Iterator[Case]:
    """Mid and apical slice at stress of phantom patients with a nearly closed cavity (`phantom.CLOSED_CAVITIES`)."""
    from .. import phantom

    for seed, level in product(seeds, (Level.MID, Level.APICAL)):
        yield case_of(f"closed cavity {seed}", phantom.CLOSED_CAVITIES, seed, Condition.STRESS, level)


def difficult_cases(seeds: Iterable[int]) -> Iterator[Case]:
    """Rest and stress, basal to apical, of `phantom.DIFFICULT` patients; every third has a nearly closed cavity."""
    from .. import phantom

    closed = replace(phantom.DIFFICULT, closed_cavity_mm=phantom.CLOSED_CAVITIES.closed_cavity_mm)
    for seed, condition, level in product(seeds, Condition, Level):
        yield case_of(f"difficult {seed}", phantom.DIFFICULT if seed % 3 else closed, seed, condition, level)


def phantom_case(seed: int, condition: Condition, level: Level, *, held_out: bool) -> Case:
    """One slice of a phantom patient, of the wider second configuration if ``held_out``."""
    from .. import phantom

    config = phantom.HELD_OUT if held_out else phantom.DEFAULT
    return case_of(f"{'held out' if held_out else 'phantom'} {seed}", config, seed, condition, level)


def case_of(name: str, config: "PhantomConfig", seed: int, condition: Condition, level: Level) -> Case:
    """One slice of a phantom patient of any configuration."""
    from .. import phantom

    made = phantom.simulate_series(seed, condition=condition, level=level, config=config)
    truth = made.truth
    return Case(
        name=name,
        condition=condition,
        level=level,
        series=made.series,
        reference=Reference(
            labels=truth.labels,
            peak_frame=truth.peak_frame,
            rv_points_px=np.array([truth.anterior_rv_px, truth.inferior_rv_px]),
            displacement_mm=truth.displacement_mm,
        ),
    )


def annotated_case(folder: Path) -> Case:
    """An in-vivo slice with contours: ``dicom/``, ``masks.npz`` (labels), ``annotation.json`` (peak, points x, y)."""
    from ..dicom import read_study

    (scan,) = read_study([folder / "dicom"]).scans
    (series,) = scan.slices
    with np.load(folder / "masks.npz") as masks:
        labels = masks["labels"].astype(np.uint8)
    noted = json.loads((folder / "annotation.json").read_text(encoding="utf-8"))
    points_xy = np.array([noted["rv_insertion_anterior"], noted["rv_insertion_inferior"]], float)
    return Case(
        name=folder.name,
        condition=scan.condition,
        level=series.level or Level.MID,
        series=series,
        reference=Reference(labels=labels, peak_frame=noted["peak_lv_frame"], rv_points_px=points_xy[:, ::-1]),
    )


def disturbed(case: Case, rng: np.random.Generator) -> Iterator[Case]:
    """A slice in its eight orientations, at half resolution, with noise and with shading."""
    for mirror in (False, True):
        for quarter_turns in range(4):
            yield turned_case(case, quarter_turns, mirror)
    yield coarser_case(case)
    yield noisy_case(case, rng)
    yield shaded_case(case)


def turned_case(case: Case, quarter_turns: int, mirror: bool) -> Case:
    """The same slice as if the scanner had stored it mirrored or turned; its place in the body stays."""

    def turn(array):
        return np.ascontiguousarray(np.rot90(array[..., ::-1] if mirror else array, quarter_turns, axes=(-2, -1)))

    rows, columns = case.series.signal.shape[1:]
    place = np.indices((rows, columns)).astype(float)
    corner = turn(place)
    origin, down, right = corner[:, 0, 0], corner[:, 1, 0] - corner[:, 0, 0], corner[:, 0, 1] - corner[:, 0, 0]
    to_old = np.eye(4)
    to_old[:2, 0], to_old[:2, 1], to_old[:2, 3] = right[::-1], down[::-1], origin[::-1]
    points = (case.reference.rv_points_px - origin) @ np.linalg.inv(np.stack([down, right], axis=1)).T
    displacement = case.reference.displacement_mm
    if displacement is not None:
        parts = turn(displacement)
        displacement = np.stack([sum(axis[i] * parts[:, i] for i in range(2)) for axis in (down, right)], axis=1)
    return replace(
        case,
        name=f"{case.name}, {'mirrored, ' if mirror else ''}turned {90 * quarter_turns}",
        series=replace(case.series, signal=turn(case.series.signal), ijk_to_ras=case.series.ijk_to_ras @ to_old),
        reference=replace(
            case.reference, labels=turn(case.reference.labels), rv_points_px=points, displacement_mm=displacement
        ),
    )


def coarser_case(case: Case) -> Case:
    """Half the resolution, interpolated back as scanners do."""
    blurred = ndimage.gaussian_filter(case.series.signal, (0, 0.8, 0.8))[:, ::2, ::2]
    signal = ndimage.zoom(blurred, (1, 2, 2), order=1, grid_mode=True, mode="nearest").astype(np.float32)
    rows, columns = case.series.signal.shape[1:]
    return replace(
        case, name=f"{case.name}, half resolution", series=replace(case.series, signal=signal[:, :rows, :columns])
    )


def noisy_case(case: Case, rng: np.random.Generator, *, share: float = 0.06) -> Case:
    """Rician noise of ``share`` of the brightest signal."""
    signal = case.series.signal
    sd = share * np.percentile(signal, 99.5)
    noise = rng.normal(0, sd, (2, *signal.shape))
    noisy = np.hypot(signal + noise[0], noise[1]).astype(np.float32)
    return replace(case, name=f"{case.name}, noise", series=replace(case.series, signal=noisy))


def clipped_case(case: Case, *, share: float) -> Case:
    """Values cut off at a ceiling: a ``share`` of what the blood of the LV (90th percentile) reaches at its peak."""
    blood = case.series.signal[case.reference.peak_frame][case.reference.labels == Label.BLOOD_POOL]
    signal = np.minimum(case.series.signal, np.float32(share * np.percentile(blood, 90)))
    return replace(case, name=f"{case.name}, clipped", series=replace(case.series, signal=signal))


def shaded_case(case: Case, *, ratio: float = 4.0) -> Case:
    """A coil sensitivity that falls by ``ratio`` from left to right."""
    columns = case.series.signal.shape[2]
    shade = np.exp(np.linspace(0, -np.log(ratio), columns)).astype(np.float32)
    return replace(case, name=f"{case.name}, shaded", series=replace(case.series, signal=case.series.signal * shade))
