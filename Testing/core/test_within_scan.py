"""Flow beside other flow of its scan: what the whole scan shares cancels in a ratio, noise and thin walls do not."""

from dataclasses import replace

import numpy as np
import pytest
from known_heart import heart_slice
from PerfusionDLLib import pipeline
from PerfusionDLLib.data.flow import FlowUncertainty
from PerfusionDLLib.data.preprocessed import PreprocessedScan
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.quantification.within_scan import THINNEST_PX, border_log_sd, compute_thickness_px, wall_px

UNKNOWN = FlowUncertainty(
    log_shift=0.0,
    log_below=0.5,
    log_above=0.7,
    reserve_log_below=np.nan,
    reserve_log_above=np.nan,
    fit_log_below=0.1,
    fit_log_above=0.1,
    as_stated_probability=0.5,
    hidden_share=0.0,
)


@pytest.fixture(scope="module")
def maps():
    part = heart_slice(Level.MID, 2.0)
    return pipeline.quantify_scan(PreprocessedScan(condition=Condition.STRESS, slices=(part,)))


@pytest.fixture(scope="module")
def table(maps):
    return pipeline.summarize(None, maps)


def noisier(maps, factor):
    slices = [replace(part, mbf_se_ml_min_g=factor * part.mbf_se_ml_min_g) for part in maps.slices]
    return replace(maps, slices=tuple(slices))


def with_a_wall_of_two_pixels(part):
    return replace(part, depth=np.where(np.indices(part.depth.shape)[1] % 2, 0.25, 0.75))


def relative_width(low, high):
    return np.log(high / low)


def test_the_halves_of_a_wall_and_their_ratio_have_intervals_around_them(table):
    for row in (*table.segments[6:12], table.whole):
        flow = row.stress
        assert flow.endo_low_ml_min_g < flow.endo_ml_min_g < flow.endo_high_ml_min_g
        assert flow.epi_low_ml_min_g < flow.epi_ml_min_g < flow.epi_high_ml_min_g
        assert flow.endo_epi_ratio_low < flow.endo_epi_ratio < flow.endo_epi_ratio_high
        width = relative_width(flow.mbf_low_ml_min_g, flow.mbf_high_ml_min_g)
        assert relative_width(flow.endo_low_ml_min_g, flow.endo_high_ml_min_g) > width


def test_noise_widens_ratio_and_relative_flow(maps, table):
    noisy = pipeline.summarize(None, noisier(maps, 5)).segments[8].stress
    before = table.segments[8].stress
    assert noisy.within_scan_log_sd > 1.1 * before.within_scan_log_sd
    assert relative_width(noisy.endo_epi_ratio_low, noisy.endo_epi_ratio_high) > 1.1 * relative_width(
        before.endo_epi_ratio_low, before.endo_epi_ratio_high
    )


def test_the_half_of_a_thin_wall_is_hardly_known():
    def across(pixels):
        return compute_thickness_px(wall_px(np.tile((np.arange(pixels) + 0.5) / pixels, (6, 1))))

    assert across(5) == pytest.approx(5)
    assert border_log_sd(across(3)) > 2 * border_log_sd(across(4)) > 4 * border_log_sd(across(8))
    assert border_log_sd(across(8)) == pytest.approx(0.04, rel=0.05)
    assert across(2) == THINNEST_PX, "no pixel has neighbors on both sides"


def test_a_wall_of_two_pixels_has_no_halves(maps):
    thin = pipeline.summarize(None, replace(maps, slices=tuple(map(with_a_wall_of_two_pixels, maps.slices))))
    for row in (thin.segments[8], thin.whole):
        assert np.isfinite(row.stress.mbf_ml_min_g)
        assert np.isnan([row.stress.endo_ml_min_g, row.stress.epi_ml_min_g, row.stress.endo_epi_ratio]).all()
        assert row.stress.within_scan_log_sd < 1.1


def test_what_is_not_known_of_the_whole_scan_is_in_the_value_of_a_pixel_and_not_in_relative_flow(maps, table):
    low, high = maps.pixel_interval(2.0, 0.1)
    assert relative_width(low, high) == pytest.approx(2 * 1.96 * 0.05)
    low, high = replace(maps, uncertainty=UNKNOWN).pixel_interval(2.0, 0.1)
    assert (low, high) == pytest.approx((2.0 * np.exp(-np.hypot(0.5, 0.098)), 2.0 * np.exp(np.hypot(0.7, 0.098))))
    relative, low, high = table.relative_flow(table.segments[8], "stress")
    wide = pipeline.summarize(None, replace(maps, uncertainty=UNKNOWN))
    assert wide.relative_flow(wide.segments[8], "stress") == (relative, low, high)
    assert low < relative < high
