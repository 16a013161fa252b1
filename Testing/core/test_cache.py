"""A cache saves work after a correction and changes nothing: with and without it, results are equal to the last bit."""

import dataclasses
import operator
from dataclasses import replace

import numpy as np
import pytest
from known_heart import TIMES_S, arterial, heart_scan, without_corner
from PerfusionDLLib import pipeline
from PerfusionDLLib.aif.residual_contrast import Residual
from PerfusionDLLib.cache import Cache
from PerfusionDLLib.data import identity
from PerfusionDLLib.data.contours import Origin, Part
from PerfusionDLLib.data.flag import FlagCode, make_flag
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.result import StudyResult
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.quantification.options import Options
from PerfusionDLLib.quantification.thresholds import thresholds_from

FAST = FlowModel.PATLAK


@pytest.fixture(scope="module")
def rest():
    return heart_scan(Condition.REST, 1.0)


@pytest.fixture
def known(rest):
    """A cache that holds the flow of the scan, and the flow."""
    cache = Cache()
    return cache, pipeline.quantify_scan(rest, cache=cache)


def assert_equal(one, other):
    """To the last bit, whatever field it is in."""
    assert identity.digest(one) == identity.digest(other)


def with_slice(scan, number, **changes):
    """The scan with other fields in one slice."""
    slices = [*scan.slices]
    slices[number] = replace(slices[number], **changes)
    return replace(scan, slices=tuple(slices))


@pytest.mark.parametrize("number", [0, 2], ids=["in the slice of the arterial input", "in another slice"])
def test_after_a_correction_the_cache_saves_work_and_changes_nothing(rest, known, number):
    cache, before = known
    corrected = without_corner(rest, number)
    quick, anew = pipeline.quantify_scan(corrected, cache=cache), pipeline.quantify_scan(corrected)
    assert_equal(quick, anew)
    assert not np.array_equal(quick.slices[number].mbf_ml_min_g, before.slices[number].mbf_ml_min_g)


def test_a_moved_insertion_point_names_pixels_anew_and_fits_none(rest, known):
    cache, before = known
    contours = rest.slices[1].contours
    scan = with_slice(
        rest, 1, contours=replace(contours, anterior_rv_ras_mm=np.add(contours.anterior_rv_ras_mm, (5, -3, 0)))
    )
    quick, anew = pipeline.quantify_scan(scan, cache=cache), pipeline.quantify_scan(scan)
    assert_equal(quick, anew)
    was, now = before.slices[1], quick.slices[1]
    assert now.mbf_ml_min_g is was.mbf_ml_min_g
    assert now.pixel_fits is was.pixel_fits
    assert (now.segments != was.segments).any()
    assert now.segment_fits[7].mbf_ml_min_g != was.segment_fits[7].mbf_ml_min_g
    assert quick.slices[0] is before.slices[0]


def test_a_correction_that_is_taken_back_finds_the_maps_that_there_were(rest, known):
    cache, before = known
    pipeline.quantify_scan(without_corner(rest, 0), cache=cache)
    assert pipeline.quantify_scan(rest, cache=cache) is before


def test_an_equal_scan_that_was_read_anew_is_the_same(rest, known):
    cache, before = known
    assert pipeline.quantify_scan(heart_scan(Condition.REST, 1.0), cache=cache) is before


def test_only_the_last_states_are_kept(rest):
    cache = Cache(most=1)
    before = pipeline.quantify_scan(rest, model=FAST, cache=cache)
    pipeline.quantify_scan(without_corner(rest, 0), model=FAST, cache=cache)
    again = pipeline.quantify_scan(rest, model=FAST, cache=cache)
    assert again is not before
    assert_equal(again, before)


def test_another_model_or_another_input_is_not_taken_for_the_one_before(rest, known):
    cache, maps = known
    given = replace(maps.arterial_input, concentration_mmol_l=arterial(TIMES_S))
    region = np.zeros((64, 64), bool)
    region[30:34, 30:34] = True
    for options in (
        {"model": FAST},
        {"arterial_input": given},
        {"model": FAST, "residual": Residual(blood_mmol_l=0.2)},
        {"model": FAST, "aif_slice": 1},
        {"model": FAST, "aif_slice": 1, "aif_region": region},
    ):
        assert_equal(pipeline.quantify_scan(rest, cache=cache, **options), pipeline.quantify_scan(rest, **options))


def changes_of_a_slice(part):
    """For every field of a slice and of what it holds, by its path, another value."""
    contours, motion, series = part.contours, part.motion, part.series
    other_frames = motion.aligned.copy()
    other_frames[40] = False
    labels = without_corner(heart_scan(Condition.REST, 1.0), 1).slices[1].contours.labels
    changed = {
        "series": {
            "signal": series.signal * np.float32(1.5),
            "times_s": series.times_s * 1.02,
            "ijk_to_ras": series.ijk_to_ras * np.array([1.1, 1, 1, 1]),
            "acquisition": replace(series.acquisition, saturation_time_s=0.11),
            "level": Level.APICAL,
            "proton_density": series.signal[:2] + 1,
            "instance_uids": ("1.2.3",),
        },
        "motion": {
            "corrected": motion.corrected[:, ::-1] * np.float32(1.01),
            "displacement_mm": motion.displacement_mm + 1,
            "reference_frame": 13,
            "quality": motion.quality * 0.9,
            "aligned": other_frames,
            "region_px": (1.5, 1.5, 60.5, 60.5),
        },
        "contours": {
            "peak_frame": 13,
            "reference_frame": 13,
            "box_px": (13.5, 14.5, 49.5, 49.5),
            "labels": labels,
            "anterior_rv_ras_mm": np.add(contours.anterior_rv_ras_mm, (3, -3, 0)),
            "inferior_rv_ras_mm": np.add(contours.inferior_rv_ras_mm, (3, -3, 0)),
            "origins": {Part.LABELS: Origin.EDITED},
            "confidences": {Part.LABELS: 0.4},
            "weights_sha256": "abc",
        },
    }
    for name, values in changed.items():
        inner = getattr(part, name)
        assert values.keys() == {field.name for field in dataclasses.fields(inner)}, "a field is missing here"
        for field, value in values.items():
            yield f"{name}.{field}", {name: replace(inner, **{field: value})}
    whole = {
        "automatic": contours,
        "excluded_frames": frozenset({41}),
        "flags": (make_flag(FlagCode.NO_INSERTION_POINTS, slice_number=2),),
    }
    assert whole.keys() | changed.keys() == {field.name for field in dataclasses.fields(part)}
    yield from ((name, {name: value}) for name, value in whole.items())


CHANGES = dict(changes_of_a_slice(heart_scan(Condition.REST, 1.0).slices[1]))


@pytest.mark.parametrize("path", CHANGES)
def test_whatever_changes_in_a_slice_the_cache_changes_nothing(rest, path):
    cache = Cache()
    before = pipeline.quantify_scan(rest, model=FAST, cache=cache)
    changed = with_slice(rest, 1, **CHANGES[path])
    quick, anew = pipeline.quantify_scan(changed, model=FAST, cache=cache), pipeline.quantify_scan(changed, model=FAST)
    assert_equal(quick, anew)
    residuals = [
        pipeline.residual_contrast([rest, scan], cache=known) for known in (cache, Cache()) for scan in (rest, changed)
    ]
    assert residuals[:2] == residuals[2:]
    assert (quick is before) == (f"slices.{path}" in identity.NOT_IN_FLOW)


@pytest.mark.parametrize("path", CHANGES)
def test_every_field_of_a_slice_makes_it_another(rest, path):
    changed = with_slice(rest, 1, **CHANGES[path])
    assert not identity.is_same(changed, rest)
    assert identity.digest(changed) != identity.digest(rest)
    assert identity.is_same(changed, with_slice(rest, 1, **CHANGES[path]))


def test_the_fingerprint_tells_slices_apart_that_differ_in_their_images_times_geometry_or_level(rest):
    assert identity.fingerprint(heart_scan(Condition.REST, 1.0)) == identity.fingerprint(rest)
    for path in ("motion.corrected", "series.times_s", "series.ijk_to_ras", "series.level", "contours.labels"):
        assert identity.fingerprint(with_slice(rest, 1, **CHANGES[path])) != identity.fingerprint(rest), path


def test_a_fingerprint_forgives_what_a_file_rounds(rest):
    part = rest.slices[0]
    series = replace(part.series, ijk_to_ras=part.series.ijk_to_ras + 1e-13, times_s=part.series.times_s - 1e-13)
    assert identity.fingerprint(with_slice(rest, 0, series=series)) == identity.fingerprint(rest)


def test_positions_that_only_rounding_tells_apart_are_the_same_and_a_moved_point_is_not(rest):
    contours = rest.slices[0].contours

    def moved(by_mm):
        return with_slice(rest, 0, contours=replace(contours, anterior_rv_ras_mm=contours.anterior_rv_ras_mm + by_mm))

    assert identity.is_same(moved(1e-5), rest)
    assert not identity.is_same(moved(1e-2), rest)
    assert identity.digest(moved(1e-5)) != identity.digest(rest), "for the cache: it is exact to the last bit"


def test_a_value_without_a_content_is_refused():
    with pytest.raises(ValueError, match="expected, got function"):
        identity.digest(lambda: None)


def with_assumed(scan, names):
    """The scan with some values of its acquisition that no header gave."""
    slices = (
        replace(part, series=replace(part.series, acquisition=replace(part.series.acquisition, assumed=names)))
        for part in scan.slices
    )
    return replace(scan, slices=tuple(slices))


@pytest.mark.parametrize("assumed", [(), ("pulses_to_center", "t10_blood_s")], ids=["all is stated", "some is assumed"])
def test_a_study_is_processed_alike_with_and_without_a_cache_after_each_correction(assumed):
    """Rest and stress know each other's residual contrast, and share what no header gave."""
    rest = with_assumed(heart_scan(Condition.REST, 1.0), assumed)
    stress = with_assumed(heart_scan(Condition.STRESS, 2.5, left_mmol_l=0.2), assumed)
    cache, options = Cache(), Options(model=FAST, thresholds=thresholds_from("stress=1.8"))
    before = pipeline.process(PreprocessedStudy(scans=(rest, stress)), options, cache)
    moved = replace(stress.slices[2].contours, inferior_rv_ras_mm=rest.slices[2].contours.inferior_rv_ras_mm + 2.0)
    for scans, changed in (
        ((without_corner(rest, 0), stress), options),
        ((rest, without_corner(stress, 1)), options),
        ((rest, with_slice(stress, 2, contours=moved)), options),
        ((rest, stress), replace(options, rate_pressure_product=9000.0)),
        ((rest, stress), replace(options, arterial_inputs={Condition.REST: before.maps[0].arterial_input})),
        ((rest, stress), options),
    ):
        study = PreprocessedStudy(scans=scans)
        assert_equal(pipeline.process(study, changed, cache), pipeline.process(study, changed))
    assert (before.maps[0].uncertainty.log_shift != 0) == bool(assumed)
    for now, was in zip(pipeline.quantify(study, options, cache), before.maps, strict=True):
        assert all(map(operator.is_, now.slices, was.slices)), "what was computed before is found again"


def test_a_study_has_one_scan_of_each_condition_rest_first(rest):
    stress = heart_scan(Condition.STRESS, 2.5)
    for scans in ((), (stress, rest), (rest, rest)):
        with pytest.raises(ValueError, match="rest first, got"):
            PreprocessedStudy(scans=scans)
    maps = pipeline.quantify(PreprocessedStudy(scans=(rest,)), Options(model=FAST))
    table = pipeline.summarize_study(maps)
    with pytest.raises(ValueError, match="the maps must be of the scans"):
        StudyResult(preprocessed=PreprocessedStudy(scans=(stress,)), maps=maps, table=table)
