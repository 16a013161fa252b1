"""What is not known of a study in its maps and tables: flow, intervals and flags."""

from dataclasses import replace

import numpy as np
import pytest
from known_heart import ACQUISITION, NOT_IN_HEADERS, heart_scan, without_corner
from PerfusionDLLib import pipeline
from PerfusionDLLib.cache import NO_CACHE, Cache
from PerfusionDLLib.data import identity
from PerfusionDLLib.data.flag import FlagCode, codes_of
from PerfusionDLLib.data.flow import FlowModel, FlowUncertainty
from PerfusionDLLib.data.precision import probability_below, probability_far
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.quantification import uncertainty
from PerfusionDLLib.quantification.options import Options
from PerfusionDLLib.quantification.study_posterior import Posterior, StudyPosterior
from PerfusionDLLib.quantification.table_flags import find_reserve_precision

FLOWS = {Condition.REST: 1.0, Condition.STRESS: 2.3}
FAST = Options(model=FlowModel.PATLAK)
DISAGREEING = StudyPosterior(
    flows=(Posterior(low=-0.1, median=0.0, high=0.1), Posterior(low=0.4, median=0.5, high=0.6)),
    reserve=Posterior(low=1.45, median=1.5, high=1.55),
    residual_mmol_l=((0.0, 0.0, 0.0), (0.1, 0.2, 0.3)),
    upslopes=(Posterior(low=-0.1, median=0.0, high=0.1), Posterior(low=-0.6, median=-0.5, high=-0.4)),
    index=Posterior(low=-0.3, median=-0.2, high=-0.1),
    hidden=(0.0, 0.0),
    as_stated_probability=0.5,
    effective_draws=100.0,
)


def with_header(scan, assumed=NOT_IN_HEADERS):
    """The scan as a header leaves it."""
    acquisition = replace(ACQUISITION, assumed=assumed)
    slices = (replace(part, series=replace(part.series, acquisition=acquisition)) for part in scan.slices)
    return replace(scan, slices=tuple(slices))


@pytest.fixture(scope="module")
def scans():
    return [with_header(heart_scan(condition, flow)) for condition, flow in FLOWS.items()]


@pytest.fixture(scope="module")
def maps(scans):
    return pipeline.quantify(PreprocessedStudy(scans=tuple(scans)), FAST)


def test_with_a_cache_a_correction_gives_the_same_to_the_last_bit(scans, maps):
    cache, study = Cache(), PreprocessedStudy(scans=tuple(scans))
    first = pipeline.quantify(study, FAST, cache)
    assert identity.digest(first) == identity.digest(maps)
    corrected = PreprocessedStudy(scans=(without_corner(scans[0], 1), scans[1]))
    quick, anew = (pipeline.quantify(corrected, FAST, one) for one in (cache, NO_CACHE))
    assert identity.digest(quick) == identity.digest(anew)


def test_a_moved_insertion_point_changes_the_flow_of_no_pixel(scans, maps):
    part = scans[1].slices[0]
    contours = replace(part.contours, anterior_rv_ras_mm=np.add(part.contours.anterior_rv_ras_mm, (5, -3, 0)))
    moved = replace(scans[1], slices=(replace(part, contours=contours), *scans[1].slices[1:]))
    found = pipeline.quantify(PreprocessedStudy(scans=(scans[0], moved)), FAST)
    assert found[1].slices[0].segments.tobytes() != maps[1].slices[0].segments.tobytes()
    for before, after in zip(maps, found, strict=True):
        for was, now in zip(before.slices, after.slices, strict=True):
            np.testing.assert_array_equal(now.mbf_ml_min_g, was.mbf_ml_min_g)
        assert after.uncertainty == before.uncertainty


def test_medians_that_are_moved_until_they_agree_leave_no_limit_on_the_wrong_side(scans, maps, monkeypatch):
    monkeypatch.setattr(uncertainty, "infer_study", lambda estimates, cache: DISAGREEING)
    rest, stress = (one.uncertainty for one in pipeline.with_uncertainty(scans, maps))
    assert rest.log_below == 0.0
    assert rest.log_above == pytest.approx(0.1 + 1 / 3), "rest was moved down by a third of what they are apart"
    assert stress.log_above == 0.0
    assert stress.reserve_log_below == 0.0
    assert stress.reserve_log_above == pytest.approx(1.55 - 7 / 6)
    assert stress.upslope.index_log_below == 0.0
    assert stress.upslope.index_log_above == pytest.approx(0.4)


def test_provenance_says_how_much_contrast_agent_the_inference_finds_before_the_injection(scans, maps, monkeypatch):
    monkeypatch.setattr(uncertainty, "infer_study", lambda estimates, cache: DISAGREEING)
    rest, stress = pipeline.with_uncertainty(scans, maps)
    assert rest.provenance["residual_contrast"] == maps[0].provenance["residual_contrast"], "nothing was found"
    assert stress.provenance["residual_contrast"].endswith("it is 0.20 mmol/L (95 % interval 0.10 to 0.30).")


def test_maps_and_mean_curves_move_together(scans, maps):
    residuals = pipeline.residual_contrast(scans)
    alone = [
        pipeline.quantify_scan(scan, model=FAST.model, residual=residual)
        for scan, residual in zip(scans, residuals, strict=True)
    ]
    for before, after in zip(alone, maps, strict=True):
        factor = np.exp(after.uncertainty.log_shift)
        assert float(after.provenance["flow_factor"]) == pytest.approx(factor, abs=1e-3)
        for was, now in zip(before.slices, after.slices, strict=True):
            np.testing.assert_allclose(now.mbf_ml_min_g, was.mbf_ml_min_g * factor, rtol=1e-5)
            for number, fit in now.segment_fits.items():
                assert fit.mbf_ml_min_g == pytest.approx(was.segment_fits[number].mbf_ml_min_g * factor)


def test_a_study_of_which_all_is_stated_keeps_its_flow_and_knows_its_reserve_better():
    scans = [with_header(heart_scan(condition, flow), assumed=()) for condition, flow in FLOWS.items()]
    maps = [pipeline.quantify_scan(scan, model=FAST.model) for scan in scans]
    found = pipeline.with_uncertainty(scans, maps)
    assert all(one.slices is was.slices for one, was in zip(found, maps, strict=True))
    alone, together = (pipeline.summarize(*each).whole for each in (maps, found))
    assert together.mpr == alone.mpr
    assert together.rest == alone.rest
    assert np.log(together.mpr_high / together.mpr_low) < 0.8 * np.log(alone.mpr_high / alone.mpr_low)
    assert pipeline.with_uncertainty(scans[:1], maps[:1]) == (maps[0],)


def told(maps, distance):
    """The table of maps whose flow is known to a factor, and whose reserve is known better."""
    uncertain = FlowUncertainty(
        log_shift=-0.5,
        log_below=distance,
        log_above=distance,
        reserve_log_below=0.2,
        reserve_log_above=0.2,
        fit_log_below=0.1,
        fit_log_above=0.1,
        as_stated_probability=0.1,
        hidden_share=0.6,
    )
    changed = []
    for one in maps:
        parts = (
            replace(part, segment_fits={n: widened(fit, distance) for n, fit in part.segment_fits.items()})
            for part in one.slices
        )
        changed.append(replace(one, slices=tuple(parts), uncertainty=uncertain))
    return pipeline.summarize(*changed).whole


@pytest.mark.parametrize(
    ("distance", "expected"),
    [(0.8, FlagCode.ABSOLUTE_FLOW_UNKNOWN), (0.5, FlagCode.FLOW_UNCERTAIN), (0.3, None)],
)
def test_the_flag_on_flow_is_graded_by_the_probability_that_it_is_far_off(distance, expected, maps):
    whole = told(maps, distance)
    graded = {FlagCode.ABSOLUTE_FLOW_UNKNOWN, FlagCode.FLOW_UNCERTAIN}
    assert set(codes_of(whole.flags)) & graded == {expected} - {None}
    assert {FlagCode.FLOW_SHIFTED, FlagCode.AIF_AT_CEILING} <= set(codes_of(whole.flags))
    assert np.log(whole.mpr_high / whole.mpr) == pytest.approx(0.2, abs=0.01)
    assert not set(codes_of(whole.flags)) & {FlagCode.RESERVE_UNCERTAIN, FlagCode.RESERVE_UNKNOWN}


def test_a_reserve_that_is_not_known_says_so_and_how_probable_it_is_below_2(maps):
    whole = told(maps, 0.5)
    wide = replace(whole, mpr=2.4, mpr_low=1.0, mpr_high=5.8)
    (flag,) = find_reserve_precision(wide)
    assert flag.code is FlagCode.RESERVE_UNKNOWN
    assert 0.3 < wide.mpr_below_2_probability < 0.4
    assert replace(wide, mpr_low=2.1, mpr_high=2.8).mpr_below_2_probability < 0.01


@pytest.mark.parametrize("log_sd", [0.1, 0.25, 0.5])
def test_the_probability_to_be_far_off_is_the_share_of_draws_that_are(log_sd):
    truth = 2.0 * np.exp(np.random.default_rng(1).normal(0, log_sd, 20000))
    limits = 2.0 * np.exp(np.array([-1.96, 1.96]) * log_sd)
    assert probability_far(2.0, *limits) == pytest.approx(np.mean(np.abs(2.0 / truth - 1) > 0.4), abs=0.01)
    assert probability_below(1.5, 2.0, *limits) == pytest.approx(np.mean(truth < 1.5), abs=0.01)


def widened(fit, distance):
    flow = fit.mbf_ml_min_g
    return replace(fit, mbf_low_ml_min_g=flow * np.exp(-distance), mbf_high_ml_min_g=flow * np.exp(distance))


def test_flow_whose_mean_curves_cannot_be_fitted_has_an_interval_all_the_same(scans, maps):
    def unfitted(fit):
        nan = float("nan")
        return replace(fit, mbf_ml_min_g=nan, mbf_low_ml_min_g=nan, mbf_high_ml_min_g=nan)

    alone = [pipeline.quantify_scan(scan, model=FAST.model) for scan in scans]
    slices = (
        replace(
            part,
            segment_fits={number: unfitted(fit) for number, fit in part.segment_fits.items()},
            sector_fits=tuple(map(unfitted, part.sector_fits)),
        )
        for part in alone[1].slices
    )
    found = pipeline.with_uncertainty(scans, [alone[0], replace(alone[1], slices=tuple(slices))])
    whole = pipeline.summarize(*found).whole
    assert whole.stress.mbf_low_ml_min_g < FLOWS[Condition.STRESS] < whole.stress.mbf_high_ml_min_g
    assert whole.stress.mbf_low_ml_min_g < 0.9 * whole.stress.mbf_ml_min_g
    assert whole.mpr_low < whole.mpr < whole.mpr_high
