"""Small values with known content: two slices of a ring that enhances, in an oblique short-axis geometry."""

from dataclasses import replace

import numpy as np
from PerfusionDLLib.data.acquisition import Acquisition
from PerfusionDLLib.data.aha import SEGMENT_NAMES
from PerfusionDLLib.data.contours import Contours, Label, Origin, Part
from PerfusionDLLib.data.flag import FlagCode, make_flag
from PerfusionDLLib.data.flow import ArterialInput, FitStatus, PerfusionMaps, SegmentFit, SliceMaps
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedScan, PreprocessedSlice, PreprocessedStudy
from PerfusionDLLib.data.provenance import Provenance
from PerfusionDLLib.data.result import StudyResult
from PerfusionDLLib.data.study import Condition, Level, PerfusionSeries
from PerfusionDLLib.data.table import RegionFlow, SegmentRow, SegmentTable

FRAMES, ROWS, COLUMNS = 8, 48, 56
CENTER_YX = (23.0, 27.0)
BOX_PX = (8.5, 12.5, 37.5, 41.5)


def geometry(offset_mm: float = 0.0) -> np.ndarray:
    """Oblique short-axis slice, rows 2.1 mm and columns 1.7 mm apart, shifted along its normal."""
    right, up = np.radians(35), np.radians(-25)
    column = np.array([np.cos(right), np.sin(right), 0])
    row = np.array([-np.sin(right) * np.sin(up), np.cos(right) * np.sin(up), -np.cos(up)])
    normal = np.cross(column, row)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2] = 1.7 * column, 2.1 * row, 8 * normal
    matrix[:3, 3] = np.array([-40.3, 21.7, 63.9]) + offset_mm * normal
    return matrix


def ring_labels() -> np.ndarray:
    """(Y, X) myocardium of radii 8 to 13 pixels around the blood pool, a right ventricle beside it."""
    row, column = np.mgrid[:ROWS, :COLUMNS]
    radius = np.hypot(row - CENTER_YX[0], column - CENTER_YX[1])
    labels = np.zeros((ROWS, COLUMNS), np.uint8)
    labels[(np.hypot(row - CENTER_YX[0], column - 11) < 9) & (radius > 15)] = Label.RV_BLOOD_POOL
    labels[radius < 13] = Label.MYOCARDIUM
    labels[radius < 8] = Label.BLOOD_POOL
    return labels


def preprocessed_slice(level: Level, *, seed: int, delay_s: float, offset_mm: float) -> PreprocessedSlice:
    rng = np.random.default_rng(seed)
    labels = ring_labels()
    times_s = np.cumsum(rng.uniform(0.7, 0.9, FRAMES)) + delay_s
    gain = np.array([40, 60, 320, 300])[labels][None] * np.linspace(0.3, 1, FRAMES)[:, None, None]
    signal = (gain + rng.integers(0, 20, (FRAMES, ROWS, COLUMNS))).round().astype(np.float32)
    series = PerfusionSeries(
        signal=signal,
        times_s=times_s,
        ijk_to_ras=geometry(offset_mm),
        acquisition=Acquisition(saturation_time_s=0.112, vendor='Maker "A"; & <B>: 100 %', assumed=("hematocrit",)),
        level=level,
        proton_density=signal[:2] + 3.5,
        instance_uids=tuple(f"1.2.3.{seed}.{frame}" for frame in range(FRAMES)),
    )
    motion = MotionCompensation(
        corrected=signal + rng.normal(0, 1, signal.shape).astype(np.float32),
        displacement_mm=rng.normal(0, 1, (FRAMES, 2, ROWS, COLUMNS)).astype(np.float32),
        reference_frame=5,
        quality=rng.uniform(0, 1, FRAMES),
        aligned=np.arange(FRAMES) != 6,
    )
    anterior, inferior = series.ras_from_pixels([(13.25, 18.5), (33.125, 18.75)])
    contours = Contours(
        peak_frame=4,
        reference_frame=5,
        box_px=BOX_PX,
        labels=labels,
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
        origins=dict.fromkeys(Part, Origin.AUTOMATIC),
        confidences={part: float(rng.uniform()) for part in Part},
        weights_sha256="5ca1ab1e" * 8,
    )
    return PreprocessedSlice(
        series=series,
        motion=motion,
        contours=contours,
        automatic=contours,
        excluded_frames=frozenset({1, 3}),
        flags=(make_flag(FlagCode.OTHER_VERSION, sentence='The apex is thin; check "it" — ±2 %.'),),
    )


def preprocessed_scan(condition: Condition = Condition.STRESS) -> PreprocessedScan:
    """Basal slice acquired 0.3 s after the mid one, in every heartbeat."""
    return PreprocessedScan(
        condition=condition,
        slices=(
            preprocessed_slice(Level.BASAL, seed=1, delay_s=0.3, offset_mm=0),
            preprocessed_slice(Level.MID, seed=1, delay_s=0.0, offset_mm=12),
        ),
        assumptions=(make_flag(FlagCode.READ_AS, found="Saturation time assumed."),),
        study="study-0123456789ab",
    )


def perfusion_maps(condition: Condition = Condition.STRESS, flow: float = 2.5) -> PerfusionMaps:
    """Flow that falls from left to right, a column of failed pixels, two segments a slice."""
    rng = np.random.default_rng(3)
    times_s = np.arange(FRAMES) * 0.8
    slices = []
    for level, first in ((Level.BASAL, 1), (Level.MID, 7)):
        myocardium = ring_labels() == Label.MYOCARDIUM
        column = np.mgrid[:ROWS, :COLUMNS][1]
        mbf = np.where(myocardium, flow * (1.3 - column / COLUMNS), np.nan).astype(np.float32)
        mbf[:, 30] = np.nan
        failed = myocardium & np.isnan(mbf)
        fits = {
            number: SegmentFit(
                times_s=times_s,
                concentration_mmol_l=rng.uniform(0, 1, FRAMES),
                fitted_mmol_l=rng.uniform(0, 1, FRAMES),
                mbf_ml_min_g=flow,
                mbf_low_ml_min_g=flow - 0.2,
                mbf_high_ml_min_g=flow + 0.2,
            )
            for number in (first, first + 1)
        }
        slices.append(
            SliceMaps(
                level=level,
                mbf_ml_min_g=mbf,
                mbf_se_ml_min_g=mbf * np.float32(0.1),
                status=np.where(failed, FitStatus.AT_BOUND | FitStatus.SATURATED, 0).astype(np.uint8),
                segments=np.where(myocardium, np.where(column < CENTER_YX[1], first, first + 1), 0).astype(np.uint8),
                depth=np.where(myocardium, 0.5, np.nan).astype(np.float32),
                segment_fits=fits,
            )
        )
    return PerfusionMaps(
        condition=condition,
        slices=tuple(slices),
        arterial_input=ArterialInput(
            times_s=times_s,
            concentration_mmol_l=np.array([0, 0, 1, 4, np.nan, 3, 2, 1.5]),
            baseline_frames=2,
            peak_frame=3,
            first_pass_end_frame=6,
            source="basal",
        ),
        provenance={"version": "0.1.0", "weights_sha256": "ab12", "model": "fermi"},
    )


def segment_table() -> SegmentTable:
    """Two segments with values, the others without."""
    empty = RegionFlow()

    def row(number: int | None, name: str, level: str, territory: str, stress: RegionFlow = empty) -> SegmentRow:
        return SegmentRow(
            aha_segment=number, name=name, level=level, territory=territory, rest=empty, stress=stress, mpr=float("nan")
        )

    segments = tuple(
        row(number, name, "basal", "LAD", RegionFlow(mbf_ml_min_g=1 / 3 * number, pixels=9, origin="automatic"))
        for number, name in SEGMENT_NAMES.items()
    )
    territories = tuple(row(None, name, "", name) for name in ("LAD", "RCA", "LCX"))
    return SegmentTable(
        segments=segments,
        territories=territories,
        whole=row(None, "whole left ventricle", "", ""),
        provenance=Provenance(study={"version": "0.1.0"}),
    )


def study() -> StudyResult:
    """Rest and stress, in the order in which a study lists them."""
    scans = (preprocessed_scan(Condition.REST), preprocessed_scan(Condition.STRESS))
    maps = (perfusion_maps(Condition.REST, flow=1.0), perfusion_maps(Condition.STRESS, flow=2.5))
    return StudyResult(preprocessed=PreprocessedStudy(scans=scans), maps=maps, table=segment_table())


def result(scan: PreprocessedScan, maps: PerfusionMaps) -> StudyResult:
    """A study of one scan."""
    return StudyResult(preprocessed=PreprocessedStudy(scans=(scan,)), maps=(maps,), table=segment_table())


def enhancing_scan(
    condition: Condition = Condition.STRESS, flow: float = 2.0, *, dose: float = 1.0
) -> PreprocessedScan:
    """The same anatomy with a bolus that passes RV, LV and myocardium, so that flow can be computed: 40 heartbeats.

    Concentrations are a gamma variate and its exponential tissue response; the signal is saturation recovery.
    """
    times_s = np.arange(40) * 0.8
    fine_s = np.arange(0, 32, 0.05)

    def bolus(arrival_s: float, peak_mmol_l: float) -> np.ndarray:
        after = np.clip(fine_s - arrival_s, 0, None)
        return peak_mmol_l * (after / 3) ** 3 * np.exp(3 - after) + 0.15 * peak_mmol_l * (after > 6)

    blood = bolus(6.0, 4.0)
    tissue = np.convolve(blood, np.exp(-fine_s / 12))[: len(fine_s)] * 0.05 * flow * 1.05 / 60
    late = np.interp(fine_s - 1, fine_s, tissue)
    curves = [dose * curve for curve in (np.zeros_like(blood), late, blood, bolus(3.0, 5.0))]
    acquisition = Acquisition(saturation_time_s=0.1, pulses_to_center=0)
    rates = [1 / acquisition.t10_myocardium_s, 1 / acquisition.t10_myocardium_s, *[1 / acquisition.t10_blood_s] * 2]
    signals = [
        400 * -np.expm1(-0.1 * (rate + acquisition.relaxivity_l_mmol_s * np.interp(times_s, fine_s, curve)))
        for rate, curve in zip(rates, curves, strict=True)
    ]
    signal = np.stack(signals, axis=-1)[:, ring_labels()].astype(np.float32)
    slices, seed = [], 5 if condition is Condition.STRESS else 6  # images of two scans are never the same
    for part in preprocessed_scan(condition).slices:
        noisy = signal + np.random.default_rng(seed).normal(0, 0.5, signal.shape).astype(np.float32)
        series = replace(part.series, signal=noisy, times_s=times_s, acquisition=acquisition, proton_density=None)
        motion = MotionCompensation(
            corrected=noisy,
            displacement_mm=np.zeros((len(noisy), 2, ROWS, COLUMNS), np.float32),
            reference_frame=12,
            quality=np.ones(len(noisy)),
            aligned=np.ones(len(noisy), bool),
        )
        contours = replace(part.contours, peak_frame=12, reference_frame=12)
        slices.append(PreprocessedSlice(series=series, motion=motion, contours=contours, automatic=contours))
    return PreprocessedScan(condition=condition, slices=tuple(slices))
