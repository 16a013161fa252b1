"""Every number that stands in a table has an interval that holds it, or says that it has none."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
from known_heart import heart_scan
from PerfusionDLLib import pipeline
from PerfusionDLLib.data.flag import FlagCode, codes_of, make_flag
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.quantification.options import Options
from PerfusionDLLib.report.tables import table_json, tidy_csv

WITHOUT = {FlagCode.FLOW_WITHOUT_INTERVAL, FlagCode.RESERVE_WITHOUT_INTERVAL}
NO_INTERVAL = {
    "no limits": (np.nan, np.nan),
    "no upper limit": (0.5, np.inf),
    "outside of its limits": (1.1, 1.5),
    "limits that are one": (1.0, 1.0),
}


@pytest.fixture(scope="module")
def scans():
    return [heart_scan(condition, flow) for condition, flow in ((Condition.REST, 1.0), (Condition.STRESS, 2.3))]


@pytest.fixture(scope="module")
def maps(scans):
    return pipeline.quantify(PreprocessedStudy(scans=tuple(scans)), Options(model=FlowModel.PATLAK))


@pytest.mark.parametrize("limits", NO_INTERVAL.values(), ids=NO_INTERVAL)
def test_a_flow_without_an_interval_that_holds_it_is_flagged_wherever_it_stands(limits, maps):
    """Mean curves have limits (over flow) that say nothing, pixels no standard error, and the study is a scan alone."""
    low, high = limits

    def spoiled(fit):
        flow = fit.mbf_ml_min_g
        return replace(fit, mbf_low_ml_min_g=low * flow, mbf_high_ml_min_g=high * flow)

    slices = [
        replace(
            part,
            mbf_se_ml_min_g=np.full_like(part.mbf_se_ml_min_g, np.nan),
            segment_fits={number: spoiled(fit) for number, fit in part.segment_fits.items()},
        )
        for part in maps[1].slices
    ]
    table = pipeline.summarize(maps[0], replace(maps[1], slices=tuple(slices), uncertainty=None))
    for row in (*table.segments, *table.territories, table.whole):
        assert np.isfinite(row.stress.mbf_ml_min_g)
        assert set(codes_of(row.flags_of("stress"))) >= WITHOUT, row.name
        assert not WITHOUT & set(codes_of(row.flags_of("rest")))
    assert not table.knows_absolute_flow
    lines = [line for line in tidy_csv(table, study="x").splitlines() if ",stress,mbf_ml_min_g," in line]
    assert len(lines) == len(table.segments) + len(table.territories) + 1
    assert all("flow_without_interval" in line for line in lines)
    assert json.loads(table_json(table))["whole"]["stress"]["mbf_high_ml_min_g"] is None


def test_a_flow_whose_mean_curve_cannot_be_fitted_takes_its_interval_from_its_pixels(maps):
    """As wide as that of one pixel: nothing tells how much of their errors is noise."""
    slices = [replace(part, segment_fits={}) for part in maps[1].slices]
    whole = pipeline.summarize(None, replace(maps[1], slices=tuple(slices), uncertainty=None)).whole
    pixels = [part.mbf_se_ml_min_g / part.mbf_ml_min_g for part in maps[1].slices]
    typical = np.nanmedian(np.concatenate([each.ravel() for each in pixels]))
    assert np.log(whole.stress.mbf_high_ml_min_g / whole.stress.mbf_ml_min_g) == pytest.approx(1.96 * typical, rel=0.2)
    assert not WITHOUT & set(codes_of(whole.flags))


def test_a_flow_that_may_be_none_stops_nothing_and_its_reserve_is_flagged(scans):
    assumed = replace(scans[0].slices[0].series.acquisition, assumed=("t10_blood_s", "pulses_to_center"))

    def may_be_none(part):
        return replace(
            part,
            segment_fits={number: replace(fit, mbf_low_ml_min_g=0.0) for number, fit in part.segment_fits.items()},
        )

    open_scans = [
        replace(
            scan,
            slices=tuple(replace(part, series=replace(part.series, acquisition=assumed)) for part in scan.slices),
        )
        for scan in scans
    ]
    alone = [pipeline.quantify_scan(scan, model=FlowModel.PATLAK) for scan in open_scans]
    alone[0] = replace(alone[0], slices=tuple(map(may_be_none, alone[0].slices)))
    maps = pipeline.with_uncertainty(open_scans, alone)
    assert maps[0].uncertainty.log_shift != 0
    whole = pipeline.summarize(*maps).whole
    assert whole.rest.mbf_low_ml_min_g == 0
    assert FlagCode.RESERVE_WITHOUT_INTERVAL in codes_of(whole.flags)


def test_flow_and_reserve_at_a_rate_pressure_product_have_the_intervals_of_what_they_are_made_from(maps):
    whole = pipeline.summarize(*maps, rate_pressure_product=8000.0).whole
    np.testing.assert_allclose(whole.corrected_rest_interval, np.array(whole.rest.mbf_interval) * 1.25)
    np.testing.assert_allclose(whole.corrected_mpr_interval, (whole.mpr_low / 1.25, whole.mpr_high / 1.25))


def test_a_finding_whose_limit_is_infinite_can_be_written(maps):
    table = pipeline.summarize(*maps)
    endless = make_flag(FlagCode.ABSOLUTE_FLOW_UNKNOWN, mbf_low_ml_min_g=0.5, mbf_high_ml_min_g=float("inf"))
    written = json.loads(table_json(replace(table, whole=replace(table.whole, flags=(endless,)))))
    assert written["whole"]["findings"][0]["values"]["mbf_high_ml_min_g"] is None


def test_a_slice_without_myocardium_is_quantified_without_a_word_of_numpy(scans):
    empty = replace(
        scans[0].slices[0], contours=replace(scans[0].slices[0].contours, labels=np.zeros((64, 64), np.uint8))
    )
    scan = replace(scans[0], slices=(empty, *scans[0].slices[1:]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        maps = pipeline.quantify_scan(scan, model=FlowModel.PATLAK)
    assert np.isfinite(maps.slices[1].mbf_ml_min_g).any()
    assert not np.isfinite(maps.slices[0].mbf_ml_min_g).any()
