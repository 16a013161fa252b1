"""From preprocessed slices to maps and the table, on a heart made here with a known flow."""

import dataclasses

import numpy as np
import pytest
from known_heart import DEFECT_SEGMENT, DEFECT_SHARE, TIMES_S, heart_scan, without_corner
from PerfusionDLLib import pipeline
from PerfusionDLLib.aif.residual_contrast import Residual
from PerfusionDLLib.data.contours import Origin, Part
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flag import FlagCode, codes_of, make_flag
from PerfusionDLLib.data.flow import FitStatus
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.quantification.segment_table import ratio_interval
from PerfusionDLLib.quantification.thresholds import thresholds_from


@pytest.fixture(scope="module")
def rest():
    return heart_scan(Condition.REST, 1.0)


@pytest.fixture(scope="module")
def maps(rest):
    return pipeline.quantify_scan(rest), pipeline.quantify_scan(heart_scan(Condition.STRESS, 2.5))


@pytest.fixture(scope="module")
def table(maps):
    return pipeline.summarize(*maps)


def test_every_healthy_segment_has_the_flow_it_was_given(table):
    for row in table.segments:
        if row.aha_segment not in (9, 10, 11):
            assert row.rest.mbf_ml_min_g == pytest.approx(1.0, rel=0.03), row.name
            assert row.stress.mbf_ml_min_g == pytest.approx(2.5, rel=0.04), row.name
            assert row.mpr == pytest.approx(2.5, rel=0.05), row.name


def test_the_reserve_has_an_interval_that_both_flows_widen(table):
    for row in (*table.segments, *table.territories, table.whole):
        assert row.mpr_low < row.mpr < row.mpr_high
        for flow in (row.rest, row.stress):
            assert row.mpr_low / row.mpr < flow.mbf_low_ml_min_g / flow.mbf_ml_min_g
        assert row.mpr_low / row.mpr > row.stress.mbf_low_ml_min_g / row.stress.mbf_ml_min_g * (
            row.rest.mbf_ml_min_g / row.rest.mbf_high_ml_min_g
        )


def test_the_interval_of_a_ratio_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(1)
    logs = {"rest": (np.log(1.0), 0.1), "stress": (np.log(2.5), 0.2)}
    found = {name: np.exp(rng.normal(mean, sd, 4000)) for name, (mean, sd) in logs.items()}
    covered = []
    for rest, stress in zip(*found.values(), strict=True):
        flows = [(v, v * np.exp(-1.96 * sd), v * np.exp(1.96 * sd)) for v, sd in ((stress, 0.2), (rest, 0.1))]
        low, high = ratio_interval(*flows)
        covered.append(low < 2.5 < high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.012)
    assert np.isnan(ratio_interval((2.0, float("nan"), 3.0), (1.0, 0.9, 1.1))).all()
    assert ratio_interval((2.0, 0.0, 3.0), (1.0, 0.9, 1.1))[0] == 0


def scaled(maps, factor):
    """Maps with other flow."""
    slices = []
    for part in maps.slices:
        fits = {
            number: dataclasses.replace(
                fit,
                mbf_ml_min_g=fit.mbf_ml_min_g * factor,
                mbf_low_ml_min_g=fit.mbf_low_ml_min_g * factor,
                mbf_high_ml_min_g=fit.mbf_high_ml_min_g * factor,
            )
            for number, fit in part.segment_fits.items()
        }
        slices.append(dataclasses.replace(part, mbf_ml_min_g=part.mbf_ml_min_g * factor, segment_fits=fits))
    return dataclasses.replace(maps, slices=tuple(slices))


def test_flow_and_reserve_that_no_heart_has_are_flagged(maps):
    rest, stress = maps
    implausible = {FlagCode.MPR_IMPLAUSIBLE, FlagCode.FLOW_IMPLAUSIBLE}
    assert not implausible & {code for row in pipeline.summarize(rest, stress).segments for code in codes_of(row.flags)}
    high = pipeline.summarize(rest, scaled(stress, 3.6))
    assert implausible <= set(codes_of(high.segments[0].flags))
    found = next(flag for flag in high.whole.flags if flag.code is FlagCode.MPR_IMPLAUSIBLE)
    assert found.values["mpr"] == pytest.approx(high.whole.mpr)
    low = pipeline.summarize(rest, scaled(stress, 0.12))
    assert FlagCode.MPR_IMPLAUSIBLE in codes_of(low.segments[0].flags)


def test_stress_flow_below_rest_in_most_segments_is_said_once(maps):
    rest, stress = maps
    table = pipeline.summarize(rest, scaled(stress, 0.35))
    (found,) = (flag for flag in table.whole.flags if flag.code is FlagCode.STRESS_BELOW_REST)
    assert found.values == {"segments": 16, "of": 16}
    assert not any(FlagCode.STRESS_BELOW_REST in codes_of(row.flags) for row in table.segments)
    assert FlagCode.STRESS_BELOW_REST not in codes_of(pipeline.summarize(rest, stress).whole.flags)


def test_the_segment_with_the_defect_shows_it_and_its_territory_too(table):
    defect = table.segments[DEFECT_SEGMENT - 1]
    assert defect.stress.mbf_ml_min_g == pytest.approx(2.5 * DEFECT_SHARE, rel=0.1)
    by_name = {row.name: row for row in table.territories}
    assert by_name["RCA"].stress.mbf_ml_min_g < by_name["LAD"].stress.mbf_ml_min_g


def test_the_map_is_nan_outside_the_myocardium_and_finite_inside(rest, maps):
    for part, flow in zip(rest.slices, maps[0].slices, strict=True):
        np.testing.assert_array_equal(np.isfinite(flow.mbf_ml_min_g), part.contours.myocardium)
        assert not flow.status.any()


def test_rows_say_where_they_come_from(table):
    assert table.segments[0].rest.origin == "automatic"
    assert table.segments[0].territory == "LAD"
    assert table.segments[15].level == "apical"
    assert table.provenance.of_scan("rest")["arterial_input"] == "blood pool, basal"
    assert table.whole.rest.pixels == sum(row.rest.pixels for row in table.segments)


def test_an_edited_slice_is_reported_as_edited(rest, maps):
    first = rest.slices[0]
    edited = dataclasses.replace(first.contours, origins={Part.LABELS: Origin.EDITED})
    scan = dataclasses.replace(rest, slices=(dataclasses.replace(first, contours=edited), *rest.slices[1:]))
    table = pipeline.summarize(pipeline.quantify_scan(scan), None)
    assert table.segments[0].rest.origin == "edited"
    assert table.segments[6].rest.origin == "automatic"
    assert table.whole.rest.origin == "edited"


def test_a_missing_scan_leaves_its_columns_empty(maps):
    table = pipeline.summarize(maps[0], None)
    assert np.isnan(table.whole.stress.mbf_ml_min_g)
    assert np.isnan(table.whole.mpr)
    assert table.whole.rest.mbf_ml_min_g > 0


def test_a_slice_without_insertion_points_keeps_its_map_and_says_what_is_missing(rest):
    bare = dataclasses.replace(rest.slices[1].contours, anterior_rv_ras_mm=None)
    scan = dataclasses.replace(
        rest, slices=(rest.slices[0], dataclasses.replace(rest.slices[1], contours=bare), rest.slices[2])
    )
    maps = pipeline.quantify_scan(scan)
    assert np.isfinite(maps.slices[1].mbf_ml_min_g).any()
    (flag,) = maps.slices[1].flags
    assert (flag.code, flag.where.slice_index) == (FlagCode.NO_INSERTION_POINTS, 1)
    (missing,) = pipeline.summarize(maps, None).segments[6].flags
    assert missing.code is FlagCode.NOT_COVERED
    assert (missing.where.condition, missing.where.segment) == (Condition.REST, 7)


def test_a_saturated_pixel_is_nan_and_says_so(rest):
    part = rest.slices[1]
    bright = part.motion.corrected.copy()
    bright[20:40, 32, 18] = 1e5
    scan = dataclasses.replace(
        rest, slices=(dataclasses.replace(part, motion=dataclasses.replace(part.motion, corrected=bright)),)
    )
    flow = pipeline.quantify_scan(scan).slices[0]
    assert np.isnan(flow.mbf_ml_min_g[32, 18])
    assert FitStatus(int(flow.status[32, 18])) & FitStatus.SATURATED


def test_a_slice_without_blood_pool_passes_the_arterial_input_to_the_next(rest):
    labels = np.where(rest.slices[0].contours.labels == 2, 0, rest.slices[0].contours.labels).astype(np.uint8)
    bare = dataclasses.replace(rest.slices[0], contours=dataclasses.replace(rest.slices[0].contours, labels=labels))
    scan = dataclasses.replace(rest, slices=(bare, *rest.slices[1:]))
    assert pipeline.measure_arterial_input(scan).source == "blood pool, mid"


def test_a_scan_without_myocardium_is_refused(rest):
    empty = dataclasses.replace(rest.slices[0].contours, labels=np.zeros((64, 64), np.uint8))
    scan = dataclasses.replace(rest, slices=(dataclasses.replace(rest.slices[0], contours=empty),))
    with pytest.raises(PerfusionError, match="No slice of the rest scan has a myocardium") as raised:
        pipeline.quantify_scan(scan)
    assert "myocardium" in raised.value.remedy


def test_an_implausible_flow_and_a_doubtful_arterial_input_are_said_on_the_global_row(maps, table):
    assert table.whole.flags == ()
    measured, _ = maps
    fivefold = tuple(dataclasses.replace(part, mbf_ml_min_g=5 * part.mbf_ml_min_g) for part in measured.slices)
    doubtful = dataclasses.replace(measured.arterial_input, flags=(make_flag(FlagCode.AIF_PEAK_LOW, peak_mmol_l=0.5),))
    whole = pipeline.summarize(dataclasses.replace(measured, slices=fivefold, arterial_input=doubtful), None).whole
    assert codes_of(whole.flags) == [FlagCode.AIF_PEAK_LOW, FlagCode.GLOBAL_FLOW_IMPLAUSIBLE]
    assert whole.flags[0].text_with_condition == "rest: The arterial peak is low (0.5 mmol/L)."
    assert whole.flags[1].values["mbf_ml_min_g"] == whole.rest.mbf_ml_min_g


def stored_otherwise(part):
    """The same slice, its rows and columns exchanged and its columns reversed."""
    turn = np.array([[0, -1, 0, 63], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    signal = np.ascontiguousarray(part.motion.corrected.transpose(0, 2, 1)[:, :, ::-1])
    labels = np.ascontiguousarray(part.contours.labels.T[:, ::-1])
    series = dataclasses.replace(part.series, signal=signal, ijk_to_ras=part.series.ijk_to_ras @ np.linalg.inv(turn))
    return dataclasses.replace(
        part,
        series=series,
        motion=dataclasses.replace(part.motion, corrected=signal),
        contours=dataclasses.replace(part.contours, labels=labels),
    )


def test_how_an_image_is_stored_changes_no_flow(rest):
    """On a ring that is not symmetric: on a symmetric one whole rows lie on borders of segments."""
    uneven = without_corner(without_corner(without_corner(rest, 0), 1), 2)
    turned = dataclasses.replace(uneven, slices=tuple(map(stored_otherwise, uneven.slices)))
    for part, same in zip(pipeline.quantify_scan(uneven).slices, pipeline.quantify_scan(turned).slices, strict=True):
        np.testing.assert_array_equal(same.segments, part.segments.T[:, ::-1])
        np.testing.assert_allclose(same.mbf_ml_min_g, part.mbf_ml_min_g.T[:, ::-1], rtol=1e-4)


def test_a_region_of_the_user_overrules_the_one_that_was_found(rest, maps):
    region = np.zeros((64, 64), bool)
    region[30:34, 30:34] = True
    found = pipeline.quantify_scan(rest, aif_slice=1, aif_region=region)
    np.testing.assert_array_equal(found.arterial_input.region, region)
    assert found.provenance["arterial_input"] == "region of the user, mid"
    with pytest.raises(PerfusionError, match="has 1 pixels"):
        pipeline.quantify_scan(rest, aif_slice=1, aif_region=region & (np.cumsum(region).reshape(64, 64) == 1))


def test_a_given_arterial_input_on_another_clock_is_refused(rest, maps):
    late = dataclasses.replace(maps[0].arterial_input, times_s=TIMES_S + 600)
    with pytest.raises(PerfusionError, match="arterial input runs from 600"):
        pipeline.quantify_scan(rest, arterial_input=late)


def test_rest_flow_is_corrected_for_the_work_of_the_heart_where_it_is_entered(maps, table):
    assert np.isnan(table.segments[0].corrected_mpr)
    worked = pipeline.summarize(*maps, rate_pressure_product=12500).segments[0]
    assert worked.rest.mbf_ml_min_g == table.segments[0].rest.mbf_ml_min_g
    assert worked.corrected_rest_ml_min_g == pytest.approx(0.8 * worked.rest.mbf_ml_min_g)
    assert worked.corrected_mpr == pytest.approx(worked.mpr / 0.8)
    with pytest.raises(PerfusionError, match="rate-pressure product is 70 "):
        pipeline.summarize(*maps, rate_pressure_product=70)


def test_values_below_a_threshold_are_flagged_with_it_and_no_threshold_is_built_in(maps, table):
    flagged = pipeline.summarize(*maps, thresholds=thresholds_from("stress=1.8"))
    low = [row.aha_segment for row in flagged.segments if FlagCode.BELOW_THRESHOLD in codes_of(row.flags)]
    assert low == [row.aha_segment for row in table.segments if row.stress.mbf_ml_min_g < 1.8]
    assert DEFECT_SEGMENT in low
    assert not any(FlagCode.BELOW_THRESHOLD in codes_of(row.flags) for row in table.segments)
    said = flagged.segments[low[0] - 1].flags[-1].text
    assert said == "stress MBF is below 1.8 mL/min/g, with a probability of 99 %."
    assert flagged.provenance.study["thresholds"] == "1.8 mL/min/g"


@pytest.mark.parametrize("text", ["strss=2", "mpr", "mpr=-1", "mpr=two"])
def test_a_threshold_that_is_not_understood_is_refused(text):
    with pytest.raises(PerfusionError, match="is not understood"):
        thresholds_from(text)


def test_the_upslope_index_lies_between_one_and_the_reserve(table):
    for row in table.segments:
        assert 1 < row.mpri < row.mpr, row.name
        assert row.mpri_low < 0.95 * row.mpri
        assert row.mpri_high > 1.05 * row.mpri
        for flow in (row.rest, row.stress):
            assert 0.02 < flow.upslope < 0.5
            assert flow.upslope_low < 0.95 * flow.upslope
            assert flow.upslope_high > 1.05 * flow.upslope


@pytest.mark.parametrize("tissue_too", [False, True], ids=["blood", "blood and myocardium"])
def test_a_baseline_that_noise_hides_gives_wide_intervals_and_a_flag(tissue_too, maps):
    """Saturation that leaves less than the noise: once the noise floor is taken off, nothing may remain."""
    slices = []
    for number, part in enumerate(heart_scan(Condition.STRESS, 2.5).slices):
        random = np.random.default_rng(number)
        images = part.motion.corrected.copy()
        hidden = part.contours.labels > (0 if tissue_too else 1)
        count = 9, np.count_nonzero(hidden)
        images[:9, hidden] = np.hypot(random.normal(0, 40, count), random.normal(0, 40, count))
        slices.append(dataclasses.replace(part, motion=dataclasses.replace(part.motion, corrected=images)))
    scans = heart_scan(Condition.REST, 1.0), dataclasses.replace(heart_scan(Condition.STRESS, 2.5), slices=(*slices,))
    rest, stress = pipeline.quantify(PreprocessedStudy(scans=scans))
    assert FlagCode.AIF_BLOOD_NEAR_NOISE in codes_of(stress.arterial_input.flags)
    assert stress.arterial_input.log_sd > 0.3
    whole, alone = (pipeline.summarize(one, None).whole.rest for one in (rest, maps[0]))
    assert whole.mbf_ml_min_g == pytest.approx(alone.mbf_ml_min_g, rel=1e-6), "the rest scan can be believed"


def test_blood_without_any_signal_before_the_contrast_agent_is_refused_in_words(rest):
    slices = []
    for part in rest.slices:
        images = part.motion.corrected.copy()
        images[:7, part.contours.labels == 2] = 0
        slices.append(dataclasses.replace(part, motion=dataclasses.replace(part.motion, corrected=images)))
    with pytest.raises(PerfusionError, match="no signal before the contrast agent"):
        pipeline.quantify(PreprocessedStudy(scans=(dataclasses.replace(rest, slices=tuple(slices)),)))


def without_frames(scan, left_out, *, spoiled=False):
    """The scan with some frames left out by the user; ``spoiled`` shows something else in them."""
    slices = []
    for part in scan.slices:
        images = part.motion.corrected.copy()
        if spoiled:
            images[left_out] = 9000.0
        motion = dataclasses.replace(part.motion, corrected=images)
        slices.append(dataclasses.replace(part, motion=motion, excluded_frames=frozenset(left_out)))
    return dataclasses.replace(scan, slices=tuple(slices))


@pytest.mark.parametrize(("left_out", "tolerance"), [([11], 0.02), ([10, 11, 12], 0.10)], ids=["one", "three"])
def test_frames_left_out_at_the_peak_hardly_change_flow_and_what_they_show_does_not(left_out, tolerance, maps):
    stress = heart_scan(Condition.STRESS, 2.5)
    found = pipeline.quantify_scan(without_frames(stress, left_out))
    table, whole = pipeline.summarize(None, found), pipeline.summarize(None, maps[1])
    assert table.whole.stress.mbf_ml_min_g == pytest.approx(whole.whole.stress.mbf_ml_min_g, rel=tolerance)
    assert table.whole.stress.mbf_low_ml_min_g < whole.whole.stress.mbf_ml_min_g < table.whole.stress.mbf_high_ml_min_g
    spoiled = pipeline.quantify_scan(without_frames(stress, left_out, spoiled=True))
    for one, other in zip(found.slices, spoiled.slices, strict=True):
        np.testing.assert_array_equal(one.mbf_ml_min_g, other.mbf_ml_min_g)


def test_an_input_whose_peak_frames_are_left_out_is_believed_less(maps):
    found = pipeline.quantify_scan(without_frames(heart_scan(Condition.STRESS, 2.5), [10, 11, 12]))
    assert found.arterial_input.log_sd > 1.3 * maps[1].arterial_input.log_sd


def test_what_is_not_known_of_residual_contrast_is_in_the_interval_of_stress_and_of_the_reserve(maps):
    """As wide as flow really moves when so much more or less is left."""
    stress = heart_scan(Condition.STRESS, 2.5, left_mmol_l=0.3)

    def quantified(mmol_l, sd=0.0):
        found = pipeline.quantify_scan(stress, residual=Residual(blood_mmol_l=mmol_l, sd_mmol_l=sd))
        return found, pipeline.summarize(maps[0], found).whole

    (less, lower), (more, higher) = quantified(0.26), quantified(0.34)
    (_, sure), (unsure_maps, unsure) = quantified(0.3), quantified(0.3, 0.04)
    assert sure.stress.mbf_ml_min_g == pytest.approx(2.39, rel=0.04)
    moved = np.log(lower.stress.mbf_ml_min_g / higher.stress.mbf_ml_min_g) / 2
    heights = [np.linalg.norm(found.arterial_input.concentration_mmol_l) for found in (less, more)]
    of_input = unsure_maps.arterial_input.residual_log_shift
    assert of_input == pytest.approx(np.log(heights[1] / heights[0]) / 2, rel=0.1)
    assert (unsure.stress.mbf_ml_min_g, unsure.mpr) == (sure.stress.mbf_ml_min_g, sure.mpr)

    def added(low, high):
        """Standard deviation of the log that the interval holds beyond that of a residual that is known."""
        widths = [np.log(high(row) / low(row)) / (2 * 1.96) for row in (unsure, sure)]
        return np.sqrt(widths[0] ** 2 - widths[1] ** 2)

    of_flow = added(lambda row: row.stress.mbf_low_ml_min_g, lambda row: row.stress.mbf_high_ml_min_g)
    assert of_flow == pytest.approx(moved, rel=0.25)
    assert of_flow < of_input, "part of it cancels: the tissue holds contrast agent too"
    assert added(lambda row: row.mpr_low, lambda row: row.mpr_high) == pytest.approx(moved, rel=0.25)


def test_a_reader_is_told_where_residual_contrast_is_hardly_known():
    stress = heart_scan(Condition.STRESS, 2.5, left_mmol_l=0.3)
    said = [
        FlagCode.RESIDUAL_CONTRAST_UNCERTAIN in codes_of(pipeline.summarize(None, found).whole.flags)
        for found in (
            pipeline.quantify_scan(stress, residual=Residual(blood_mmol_l=0.3, sd_mmol_l=sd)) for sd in (0.01, 0.06)
        )
    ]
    assert said == [False, True]


@pytest.mark.parametrize("gain", [1.1, 1.25])
def test_images_that_are_brighter_by_another_gain_hold_no_contrast_agent(gain, maps):
    """All of the image alike: the reserve stays what it is."""
    stress = heart_scan(Condition.STRESS, 2.5)
    slices = [
        dataclasses.replace(
            part, motion=dataclasses.replace(part.motion, corrected=part.motion.corrected * np.float32(gain))
        )
        for part in stress.slices
    ]
    scans = heart_scan(Condition.REST, 1.0), dataclasses.replace(stress, slices=tuple(slices))
    found = pipeline.quantify(PreprocessedStudy(scans=scans))
    table, same = pipeline.summarize(*found), pipeline.summarize(*maps)
    assert table.whole.mpr == pytest.approx(same.whole.mpr, rel=0.03)
    assert table.whole.mpr_low < same.whole.mpr < table.whole.mpr_high
