"""A finished study as values, small and made by hand: three slices, rest and stress, an inferior defect."""

import os

os.environ.setdefault("PERFUSIONDL_PSEUDONYM_KEY", "5e" * 32)  # tests leave the key of the user alone


import shutil
from pathlib import Path

import numpy as np
import pytest
from browsers import chromium
from cohort_folder import SETTINGS
from dicom_cases import case, rest_scans  # noqa: F401, fixtures
from dicom_studies import small_study
from PerfusionDLLib.batch.cohort_opening import open_cohort
from PerfusionDLLib.data.contours import Contours, Origin, Part
from PerfusionDLLib.data.flag import FlagCode, make_flag
from PerfusionDLLib.data.flow import ArterialInput, FitStatus, PerfusionMaps, PixelFits, SegmentFit, SliceMaps
from PerfusionDLLib.data.preprocessed import MotionCompensation, PreprocessedScan, PreprocessedSlice, PreprocessedStudy
from PerfusionDLLib.data.provenance import Provenance
from PerfusionDLLib.data.result import StudyResult
from PerfusionDLLib.data.study import Condition, Level, PerfusionSeries
from PerfusionDLLib.data.table import RegionFlow, SegmentRow, SegmentTable
from PerfusionDLLib.dicom import read_study, write_study

SIZE, FRAMES, SPACING_MM = 72, 40, 2.0
CENTER = (35.0, 38.0)
RADII = {Level.BASAL: (11.0, 16.5), Level.MID: (9.5, 15.5), Level.APICAL: (6.5, 12.5)}
WALLS = ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral")
APICAL_WALLS = ("anterior", "septal", "inferior", "lateral")
TERRITORIES = ("LAD", "LAD", "RCA", "RCA", "LCX", "LCX") * 2 + ("LAD", "LAD", "RCA", "LCX")
DEFECT = {4, 10, 15}


def ring(level):
    """Labels, AHA segments and depth of one slice; angles run as the AHA draws them."""
    row, column = np.mgrid[:SIZE, :SIZE]
    radius = np.hypot(row - CENTER[0], column - CENTER[1])
    angle = np.degrees(np.arctan2(CENTER[0] - row, column - CENTER[1])) % 360
    inner, outer = RADII[level]
    myocardium = (radius >= inner) & (radius < outer)
    labels = np.where(myocardium, 1, np.where(radius < inner, 2, 0)).astype(np.uint8)
    labels[(np.hypot(row - 32, column - 12) < 13) & (radius >= outer)] = 3
    first, start, width = {Level.BASAL: (1, 60, 60), Level.MID: (7, 60, 60), Level.APICAL: (13, 45, 90)}[level]
    segments = np.where(myocardium, first + (angle - start) % 360 // width, 0).astype(np.uint8)
    depth = np.where(myocardium, (radius - inner) / (outer - inner), np.nan).astype(np.float32)
    return labels, segments, depth


def preprocessed_slice(level, condition, random):
    labels, _, _ = ring(level)
    times_s = np.arange(FRAMES) * 0.9
    curves = np.stack(
        [np.full(FRAMES, 40.0), gamma(times_s, 13.0, 70), gamma(times_s, 9.0, 240), gamma(times_s, 6.0, 240)]
    )
    still = curves[labels].transpose(2, 0, 1) + random.normal(0, 1.5, (FRAMES, SIZE, SIZE))
    shift_px = np.round(2 * np.sin(np.arange(FRAMES) * 0.9)).astype(int)
    moving = np.stack([np.roll(frame, shift, axis=0) for frame, shift in zip(still, shift_px, strict=True)])
    displacement = np.zeros((FRAMES, 2, SIZE, SIZE), np.float32)
    displacement[:, 0] = shift_px[:, None, None] * SPACING_MM
    affine = np.diag([-SPACING_MM, -SPACING_MM, 8.0, 1.0])
    series = PerfusionSeries(signal=moving.astype(np.float32), times_s=times_s, ijk_to_ras=affine, level=level)
    outer = RADII[level][1]
    points = [CENTER + outer * np.array([-np.sin(a), np.cos(a)]) for a in np.radians((120, 240))]
    anterior, inferior = (series.ras_from_pixels(point) for point in points)
    origins = dict.fromkeys(Part, Origin.AUTOMATIC)
    if level is Level.MID and condition is Condition.STRESS:
        origins[Part.LABELS] = Origin.EDITED
    contours = Contours(
        peak_frame=13,
        reference_frame=14,
        box_px=(CENTER[0] - outer, CENTER[1] - outer, CENTER[0] + outer, CENTER[1] + outer),
        labels=labels,
        anterior_rv_ras_mm=anterior,
        inferior_rv_ras_mm=inferior,
        origins=origins,
        confidences={Part.PEAK_FRAME: 0.99, Part.BOX: 0.97, Part.LABELS: 0.91, Part.RV_INSERTION_POINTS: 0.84},
    )
    aligned = np.arange(FRAMES) != 31
    motion = MotionCompensation(
        corrected=still.astype(np.float32),
        displacement_mm=displacement,
        reference_frame=14,
        quality=np.where(aligned, 0.95, 0.2),
        aligned=aligned,
    )
    flags = (make_flag(FlagCode.FRAMES_NOT_ALIGNED, count=1, of=FRAMES),) if level is Level.APICAL else ()
    return PreprocessedSlice(series=series, motion=motion, contours=contours, flags=flags)


def gamma(times_s, arrival_s, height):
    """First pass and a little recirculation on a baseline of 40."""
    after = np.clip(times_s - arrival_s, 0, None) / 3.0
    return 40 + height * (after * np.exp(1 - after) + 0.2 * (1 - np.exp(-after)))


def slice_maps(level, condition, random):
    _, segments, depth = ring(level)
    flow = np.where(segments > 0, 2.6 if condition is Condition.STRESS else 0.95, np.nan)
    flow = flow * (1 + 0.06 * random.normal(size=flow.shape))
    if condition is Condition.STRESS:
        flow = np.where(np.isin(segments, list(DEFECT)) & (depth < 0.55), 0.8, flow)
    failed = (segments == 6) & (depth > 0.9)
    flow = np.where(failed, np.nan, flow).astype(np.float32)
    times_s = np.arange(FRAMES) * 0.9
    fits = {}
    for segment in np.unique(segments[segments > 0]):
        mean = float(np.nanmean(flow[segments == segment]))
        curve = (gamma(times_s, 11.0, 40 * mean**0.5) - 40) / 200
        noisy = curve + random.normal(0, 0.01, FRAMES)
        fits[int(segment)] = SegmentFit(
            times_s=times_s,
            concentration_mmol_l=noisy,
            fitted_mmol_l=curve,
            mbf_ml_min_g=mean * 0.98,
            mbf_low_ml_min_g=mean * 0.92,
            mbf_high_ml_min_g=mean * 1.07,
        )
    return SliceMaps(
        level=level,
        mbf_ml_min_g=flow,
        mbf_se_ml_min_g=(0.1 * flow).astype(np.float32),
        status=np.where(failed, FitStatus.AT_BOUND, FitStatus.OK).astype(np.uint8),
        segments=segments,
        depth=depth,
        segment_fits=fits,
        pixel_fits=pixel_fits(segments, fits, np.random.default_rng(7)),
    )


def pixel_fits(segments, fits, random):
    """Every pixel follows its segment, with noise of its own."""
    inside = segments > 0
    fitted = np.stack([fits[int(number)].fitted_mmol_l for number in segments[inside]], axis=1)
    index = np.full(segments.shape, -1, np.int32)
    index[inside] = np.arange(inside.sum())
    return PixelFits(
        times_s=np.arange(FRAMES) * 0.9,
        concentration_mmol_l=(fitted + random.normal(0, 0.03, fitted.shape)).astype(np.float32),
        fitted_mmol_l=fitted.astype(np.float32),
        index=index,
    )


def region(part, fits, mask, origin):
    flow = part.mbf_ml_min_g[mask]
    endo, epi = (float(np.nanmean(part.mbf_ml_min_g[mask & half])) for half in (part.depth < 0.5, part.depth >= 0.5))
    mean = float(np.nanmean(flow))
    return RegionFlow(
        mbf_ml_min_g=mean,
        mbf_low_ml_min_g=mean * 0.93,
        mbf_high_ml_min_g=mean * 1.08,
        curve_mbf_ml_min_g=fits.mbf_ml_min_g,
        endo_ml_min_g=endo,
        epi_ml_min_g=epi,
        endo_epi_ratio=endo / epi,
        endo_low_ml_min_g=endo * 0.88,
        endo_high_ml_min_g=endo * 1.14,
        epi_low_ml_min_g=epi * 0.87,
        epi_high_ml_min_g=epi * 1.15,
        endo_epi_ratio_low=endo / epi * 0.9,
        endo_epi_ratio_high=endo / epi * 1.11,
        within_scan_log_sd=0.04,
        failed_share=float(np.isnan(flow).mean()),
        pixels=int(mask.sum()),
        origin=str(origin),
    )


def table_of(maps, preprocessed):
    rows = []
    for segment in range(1, 17):
        index = 0 if segment <= 6 else 1 if segment <= 12 else 2
        flows = {}
        for scan, before in zip(maps, preprocessed, strict=True):
            part = scan.slices[index]
            origin = before.slices[index].contours.origin
            flows[scan.condition.value] = region(part, part.segment_fits[segment], part.segments == segment, origin)
        level = list(Level)[index]
        wall = APICAL_WALLS[segment - 13] if segment > 12 else WALLS[(segment - 1) % 6]
        flags = (make_flag(FlagCode.MANY_FAILED_PIXELS, failed_share=0.1),) if segment in (6, 12) else ()
        rows.append(row_of(segment, f"{level.value} {wall}", level.value, TERRITORIES[segment - 1], flows, flags))
    territories = tuple(
        row_of(None, name, "", name, mean_flow([row for row in rows if row.territory == name]))
        for name in ("LAD", "RCA", "LCX")
    )
    whole = row_of(None, "Left ventricle", "", "", mean_flow(rows))
    provenance = {"version": "0.1.0", "weights": "sha256 3f9a61c2", "model": "fermi", "hematocrit": "0.42"}
    return SegmentTable(
        segments=tuple(rows), territories=territories, whole=whole, provenance=Provenance(study=provenance)
    )


def mean_flow(rows):
    return {
        condition: RegionFlow(
            mbf_ml_min_g=float(np.mean([getattr(row, condition).mbf_ml_min_g for row in rows])),
            mbf_low_ml_min_g=float(np.mean([getattr(row, condition).mbf_low_ml_min_g for row in rows])),
            mbf_high_ml_min_g=float(np.mean([getattr(row, condition).mbf_high_ml_min_g for row in rows])),
            endo_epi_ratio=float(np.mean([getattr(row, condition).endo_epi_ratio for row in rows])),
            failed_share=float(np.mean([getattr(row, condition).failed_share for row in rows])),
            pixels=sum(getattr(row, condition).pixels for row in rows),
            origin="automatic",
        )
        for condition in ("rest", "stress")
        if any(getattr(row, condition).pixels for row in rows)
    }


def row_of(segment, name, level, territory, flows, flags=()):
    rest, stress = (flows.get(condition, RegionFlow()) for condition in ("rest", "stress"))
    return SegmentRow(
        aha_segment=segment,
        name=name,
        level=level,
        territory=territory,
        rest=rest,
        stress=stress,
        mpr=stress.mbf_ml_min_g / rest.mbf_ml_min_g,
        mpr_low=0.9 * stress.mbf_ml_min_g / rest.mbf_ml_min_g,
        mpr_high=1.12 * stress.mbf_ml_min_g / rest.mbf_ml_min_g,
        flags=flags,
    )


def finish(conditions):
    random = np.random.default_rng(3)
    times_s = np.arange(FRAMES) * 0.9
    preprocessed = tuple(
        PreprocessedScan(
            condition=condition,
            slices=tuple(preprocessed_slice(level, condition, random) for level in Level),
            assumptions=(make_flag(FlagCode.READ_AS, found="The contrast agent is not named; gadobutrol is assumed."),),
        )
        for condition in conditions
    )
    maps = tuple(
        PerfusionMaps(
            condition=condition,
            slices=tuple(slice_maps(level, condition, random) for level in Level),
            arterial_input=ArterialInput(
                times_s=times_s,
                concentration_mmol_l=(gamma(times_s, 9.0, 4.0) - 40) + random.normal(0, 0.03, FRAMES),
                baseline_frames=9,
                peak_frame=13,
                first_pass_end_frame=24,
                region=ring(Level.BASAL)[0] == 2,
                source="basal slice",
                flags=(make_flag(FlagCode.AIF_PEAK_HIGH, peak_mmol_l=14.0),),
            ),
            provenance={"version": "0.1.0", "model": "fermi"},
        )
        for condition in conditions
    )
    table = table_of(maps, preprocessed)
    return StudyResult(preprocessed=PreprocessedStudy(scans=preprocessed), maps=maps, table=table)


@pytest.fixture(scope="session")
def finished_study():
    """Rest and stress."""
    return finish((Condition.REST, Condition.STRESS))


@pytest.fixture(scope="session")
def stress_only_study():
    """A study without a rest scan."""
    return finish((Condition.STRESS,))


@pytest.fixture(scope="session")
def browser():
    """A real Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def siemens(tmp_path_factory):
    """A phantom study as DICOM, its truth, and what the command line made of it."""
    from test_chain import study

    return study(tmp_path_factory.mktemp("chain") / "siemens", vendor="siemens")


@pytest.fixture
def opened(tmp_path):
    """The folder of a cohort that begins."""
    with open_cohort(tmp_path / "out", SETTINGS, resume=False) as folder:
        yield folder


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """A folder with a small study as each of four vendors writes it."""
    folder = tmp_path_factory.mktemp("originals")
    for vendor in ("siemens", "philips", "ge", "enhanced"):
        write_study(small_study(frames=16), folder / vendor, vendor=vendor)
    return folder


@pytest.fixture(scope="session")
def untouched(originals):
    """What is read from the study of each vendor."""
    return {folder.name: read_study([folder]) for folder in originals.iterdir()}


@pytest.fixture
def folder(originals, tmp_path):
    """A study as Siemens writes it, to be changed."""
    return Path(shutil.copytree(originals / "siemens", tmp_path / "study"))
