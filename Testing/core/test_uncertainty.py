"""The study as one patient: what is not known of scanner and patient moves flow only as far as the curves say."""

from dataclasses import replace

import numpy as np
import pytest
from known_heart import ACQUISITION, FINE_S, TIMES_S, arterial, heart_scan, without_corner
from PerfusionDLLib import pipeline
from PerfusionDLLib.cache import NO_CACHE, Cache
from PerfusionDLLib.data import identity
from PerfusionDLLib.data.flag import FlagCode, codes_of
from PerfusionDLLib.data.flow import FlowModel, FlowUncertainty
from PerfusionDLLib.data.precision import probability_below, probability_far
from PerfusionDLLib.data.preprocessed import PreprocessedStudy
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.quantification.nuisances import NUISANCES, draw_nuisances
from PerfusionDLLib.quantification.options import Options
from PerfusionDLLib.quantification.study_model import ScanCurves, residual_of_draws
from PerfusionDLLib.quantification.study_posterior import Estimate, infer_study
from PerfusionDLLib.quantification.table_flags import find_reserve_precision
from PerfusionDLLib.quantification.tissue_fit import fit_flow
from PerfusionDLLib.signal import saturation_recovery

NOT_IN_HEADERS = ("pulses_to_center", "r2_star_blood_l_mmol_s", "t10_blood_s", "t10_myocardium_s", "hematocrit")
AS_HEADER = replace(ACQUISITION, assumed=NOT_IN_HEADERS)
FLOWS = {Condition.REST: 1.0, Condition.STRESS: 2.3}
FIT_LIMIT = 0.16
FAST = Options(model=FlowModel.PATLAK)


def tissue(mbf_ml_min_g, dose, dispersion_s=0.0):
    decay_per_s = mbf_ml_min_g * 1.05 / 60 / 0.38 * 1.7
    residue = (1 + 0.22) / (1 + 0.22 * np.exp(np.minimum(decay_per_s * FINE_S, 50)))
    arriving = dose * arterial(FINE_S)
    if dispersion_s:
        vessel = np.exp(-FINE_S / dispersion_s)
        arriving = np.convolve(arriving, vessel / vessel.sum())[: FINE_S.size]
    curve = np.convolve(arriving, residue)[: FINE_S.size] * 0.05
    return np.interp(TIMES_S - 0.8, FINE_S, curve * mbf_ml_min_g * 1.05 / 60, left=0)


def measured(concentration_mmol_l, t10_s, stated, *, left, r2_star, ts_s):
    """Concentration that the stated values make of what a scanner with other values saw, written out."""
    c = np.append(0.0, concentration_mmol_l)
    seen = 1 - (1 - left) * np.exp(-ts_s * (1 / t10_s + ACQUISITION.relaxivity_l_mmol_s * c))
    seen = seen * np.exp(-ACQUISITION.echo_time_s * r2_star * c)
    return saturation_recovery.concentration(seen[1:], stated, baseline=seen[0], t10_s=t10_s)


def estimate(
    condition,
    stated=AS_HEADER,
    *,
    dose=1.0,
    left=0.0,
    r2_star=0.0,
    ts_s=ACQUISITION.saturation_time_s,
    dispersion_s=0.0,
):
    """What a flow model would say of a heart, if it took the stated values for true."""
    blood, muscle = (
        measured(curve, t10_s, stated, left=left, r2_star=muscle_r2_star, ts_s=ts_s)
        for curve, t10_s, muscle_r2_star in (
            (dose * arterial(TIMES_S), stated.t10_blood_s, r2_star),
            (tissue(FLOWS[condition], dose, dispersion_s), stated.t10_myocardium_s, 0.0),
        )
    )
    curves = ScanCurves(
        arterial_times_s=TIMES_S,
        arterial_mmol_l=np.where(np.isfinite(blood), blood, np.nanmax(blood)),
        arrival_s=6.3,
        first_pass_end_s=19.8,
        times_s=TIMES_S,
        tissue_mmol_l=muscle,
        acquisition=stated,
        blood_acquisition=stated,
    )
    return Estimate(
        condition=condition, curves=curves, log_flow=fitted(curves), log_below=FIT_LIMIT, log_above=FIT_LIMIT
    )


def fitted(curves, dispersion_s=0.0):
    """Log of the flow of curves as they are, over the tissues that fit within 2 % of the peak."""
    fit = fit_flow(
        curves,
        np.tile(curves.arterial_mmol_l, (8, 1)),
        np.tile(curves.tissue_mmol_l, (8, 1)),
        np.full(8, dispersion_s),
    )
    return float(np.average(fit.log_flow, weights=np.exp(-((fit.misfit / 0.02) ** 2) / 2)))


def study(**options):
    estimates = [estimate(condition, **options) for condition in Condition]
    return estimates, infer_study(estimates)


def covers(posterior, truth):
    return posterior.low < np.log(truth) < posterior.high


def half_width(posterior):
    return (posterior.high - posterior.low) / 2


def test_where_all_values_are_stated_only_the_tissue_is_open():
    estimates, found = study(stated=ACQUISITION)
    for one, flow in zip(estimates, found.flows, strict=True):
        assert covers(flow, FLOWS[one.condition])
        assert flow.median == pytest.approx(np.log(FLOWS[one.condition]), abs=0.1)
        assert half_width(flow) < half_width(infer_study([one]).flows[0])
    assert half_width(found.reserve) < 0.75 * np.hypot(*map(half_width, found.flows))
    assert found.as_stated_probability == pytest.approx(1)


def test_assumed_values_that_hold_leave_flow_within_10_percent():
    estimates, found = study()
    for one, flow in zip(estimates, found.flows, strict=True):
        assert flow.median == pytest.approx(np.log(FLOWS[one.condition]), abs=0.1)
        assert covers(flow, FLOWS[one.condition])
    assert found.reserve.median == pytest.approx(np.log(2.3), abs=0.05)
    assert found.as_stated_probability > 0.8


@pytest.mark.parametrize(
    "scanner",
    [{"left": 0.03, "r2_star": 20.0}, {"left": 0.02, "r2_star": 15.0, "ts_s": 0.13}, {"left": 0.12}],
    ids=["imperfect saturation and T2*", "a header that counts to the first excitation too", "poor saturation"],
)
def test_a_scanner_that_is_not_as_stated_is_found_out_by_its_curves(scanner):
    stated = replace(AS_HEADER, pulses_to_center=12) if "ts_s" in scanner else AS_HEADER
    estimates, found = study(stated=stated, **scanner)
    for one, flow in zip(estimates, found.flows, strict=True):
        error = one.log_flow - np.log(FLOWS[one.condition])
        assert error > 0.25
        assert abs(flow.median - np.log(FLOWS[one.condition])) < 0.6 * error
        assert covers(flow, FLOWS[one.condition])
    assert covers(found.reserve, 2.3)
    assert found.as_stated_probability < 0.5


def test_what_both_scans_share_cancels_in_the_reserve():
    _, found = study(left=0.03, r2_star=20.0)
    rest, stress = map(half_width, found.flows)
    assert half_width(found.reserve) < 0.9 * np.hypot(rest, stress)


def test_a_saturated_input_says_at_least_and_late_blood_says_how_much():
    strong = replace(ACQUISITION, saturation_time_s=0.15)
    estimates, found = study(stated=strong, dose=2.0, ts_s=0.15)
    for one, flow, hidden in zip(estimates, found.flows, found.hidden, strict=True):
        assert hidden > 0.5
        assert covers(flow, FLOWS[one.condition])
        assert half_width(flow) > 1.5 * FIT_LIMIT


def test_a_scale_that_is_not_known_widens_flow_and_reserve():
    estimates = [estimate(condition) for condition in Condition]
    doubtful = [replace(one, curves=replace(one.curves, scale_log_sd=0.2)) for one in estimates]
    sharp, wide = (infer_study(each) for each in (estimates, doubtful))
    for before, after in zip((*sharp.flows, sharp.reserve), (*wide.flows, wide.reserve), strict=True):
        assert half_width(after) > half_width(before) + 0.1


def test_what_saturation_leaves_hides_residual_contrast():
    """The same ratio of two baselines stands for more contrast agent where both hold signal that never recovered."""
    draws = draw_nuisances(AS_HEADER)
    still = replace(draws, residual=np.zeros(draws.offset.size))
    before = replace(estimate(Condition.STRESS).curves, residual_mmol_l=0.3, residual_sd_mmol_l=0.03)
    found = residual_of_draws(before, still)
    poor = draws.saturation_left > 0.05
    assert found[draws.as_stated] == pytest.approx(0.3, rel=0.05)
    assert (found[poor] > 1.3 * 0.3).all()


def test_values_that_a_header_gives_are_believed_more_than_those_that_were_assumed():
    names = ("t10_blood", "t10_myocardium", "pulses_to_center")
    given = draw_nuisances(replace(ACQUISITION, assumed=("hematocrit",)))
    for name in names:
        assert np.log(getattr(given, name)).std() < 0.2 * np.log(getattr(draw_nuisances(AS_HEADER), name)).std()


@pytest.mark.parametrize("dispersion_s", [1.2, 2.5])
def test_dispersion_that_nobody_states_is_covered(dispersion_s):
    estimates, found = study(dispersion_s=dispersion_s)
    for one, flow in zip(estimates, found.flows, strict=True):
        assert covers(flow, FLOWS[one.condition])
        assert fitted(one.curves, dispersion_s) > fitted(one.curves) + 0.03 * dispersion_s
    assert covers(found.reserve, 2.3)


def test_every_nuisance_has_a_source_and_a_prior():
    assert all(one.source and (one.high > one.low or one.log_sd > 0) for one in NUISANCES)


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
