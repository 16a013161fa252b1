"""The study as one patient: what is not known of scanner and tissue moves flow only as far as the curves say."""

from dataclasses import replace

import numpy as np
import pytest
from known_heart import ACQUISITION, FINE_S, NOT_IN_HEADERS, TIMES_S, arterial
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.phantom import TissueModel
from PerfusionDLLib.phantom.tissue import TissueProperties, concentration
from PerfusionDLLib.quantification import nuisances
from PerfusionDLLib.quantification.first_pass import complete
from PerfusionDLLib.quantification.nuisances import NUISANCES, draw_nuisances, fill_evenly
from PerfusionDLLib.quantification.study_model import ScanCurves, residual_of_draws
from PerfusionDLLib.quantification.study_posterior import Estimate, infer_study
from PerfusionDLLib.quantification.tissue_fit import fit_flow
from PerfusionDLLib.signal import saturation_recovery

AS_HEADER = replace(ACQUISITION, assumed=NOT_IN_HEADERS)
FLOWS = {Condition.REST: 1.0, Condition.STRESS: 2.3}
FIT_LIMIT = 0.16
MOST_BETWEEN_DRAWS = 0.08  # of the log of flow


def tissue(mbf_ml_min_g, dose, dispersion_s=0.0, volume=0.38):
    decay_per_s = mbf_ml_min_g * 1.05 / 60 / volume * 1.7
    residue = (1 + 0.22) / (1 + 0.22 * np.exp(np.minimum(decay_per_s * FINE_S, 50)))
    arriving = dose * arterial(FINE_S)
    if dispersion_s:
        vessel = np.exp(-FINE_S / dispersion_s)
        arriving = np.convolve(arriving, vessel / vessel.sum())[: FINE_S.size]
    curve = np.convolve(arriving, residue)[: FINE_S.size] * 0.05
    return np.interp(TIMES_S - 0.8, FINE_S, curve * mbf_ml_min_g * 1.05 / 60, left=0)


def exchanging(mbf_ml_min_g, model):
    properties = TissueProperties(plasma_volume=0.07, interstitial_volume=0.16, permeability_ml_min_g=1.4)
    step_s = float(FINE_S[1] - FINE_S[0])
    found = concentration(
        arterial(FINE_S), [mbf_ml_min_g], model=model, hematocrit=0.42, step_s=step_s, tissue=properties
    )
    return np.interp(TIMES_S - 0.8, FINE_S, found[:, 0], left=0)


def measured(concentration_mmol_l, t10_s, stated, *, true_t10_s, left, r2_star, ts_s):
    """Concentration that the stated values make of what a scanner with other values saw, written out."""
    c = np.append(0.0, concentration_mmol_l)
    seen = 1 - (1 - left) * np.exp(-ts_s * (1 / true_t10_s + ACQUISITION.relaxivity_l_mmol_s * c))
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
    blood_t10_s=ACQUISITION.t10_blood_s,
    dispersion_s=0.0,
    model=None,
):
    """What a flow model would say of a heart, if it took the stated values for true."""
    held = tissue(FLOWS[condition], dose, dispersion_s) if model is None else exchanging(FLOWS[condition], model)
    blood, muscle = (
        measured(curve, t10_s, stated, true_t10_s=true_t10_s, left=left, r2_star=muscle_r2_star, ts_s=ts_s)
        for curve, t10_s, true_t10_s, muscle_r2_star in (
            (dose * arterial(TIMES_S), stated.t10_blood_s, blood_t10_s, r2_star),
            (held, stated.t10_myocardium_s, stated.t10_myocardium_s, 0.0),
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


@pytest.mark.parametrize("model", [TissueModel.CAPILLARY, TissueModel.MIXED, TissueModel.TWO_COMPARTMENT])
def test_tissue_that_exchanges_is_covered_at_rest_at_stress_and_between(model):
    estimates, found = study(stated=ACQUISITION, model=model)
    for one, flow in zip(estimates, found.flows, strict=True):
        assert covers(flow, FLOWS[one.condition])
        assert half_width(flow) < 0.6
    assert covers(found.reserve, 2.3)


def test_another_set_of_draws_infers_nearly_the_same_flow(monkeypatch):
    """Of a strong bolus: with 1200 draws, of which 320 are fitted, its medians lie 0.12 apart."""

    def medians():
        draw_nuisances.cache_clear()
        found = study(dose=2.0)[1]
        return [one.median for one in (*found.flows, found.reserve)]

    found = [medians()]
    for shift in (0.37, 0.71):
        monkeypatch.setattr(nuisances, "fill_evenly", lambda *size, by=shift: (fill_evenly(*size) + by) % 1)
        found.append(medians())
    draw_nuisances.cache_clear()
    assert np.ptp(found, axis=0).max() < MOST_BETWEEN_DRAWS


def test_scans_of_different_tissue_do_not_trade_their_flow():
    """A stress scan with twice the volume: one tissue for both would read a reserve of 3.7 in place of 2.3."""
    estimates = []
    for condition, volume in ((Condition.REST, 0.2), (Condition.STRESS, 0.4)):
        one, curve = estimate(condition), tissue(FLOWS[condition], 1.0, volume=volume)
        estimates.append(replace(one, curves=replace(one.curves, tissue_mmol_l=curve)))
    found = infer_study(estimates)
    for flow, truth in zip((*found.flows, found.reserve), (*FLOWS.values(), 2.3), strict=True):
        assert covers(flow, truth)
        assert flow.median == pytest.approx(np.log(truth), abs=0.1)


def test_a_hematocrit_that_was_entered_is_that_of_the_tissues():
    curves = estimate(Condition.STRESS, model=TissueModel.CAPILLARY).curves
    anemic = replace(curves, acquisition=replace(curves.acquisition, hematocrit=0.30))
    assert fitted(anemic) != fitted(curves)
    assert fitted(anemic) == pytest.approx(fitted(curves), abs=0.1)


@pytest.mark.parametrize("flow", [0.12, 6.0])
def test_flow_that_is_hardly_possible_is_not_cut_off(flow):
    curves = replace(estimate(Condition.REST).curves, tissue_mmol_l=tissue(flow, 1.0))
    assert fitted(curves) == pytest.approx(np.log(flow), abs=0.15)


def test_assumed_values_that_hold_leave_flow_within_10_percent():
    estimates, found = study()
    for one, flow in zip(estimates, found.flows, strict=True):
        assert flow.median == pytest.approx(np.log(FLOWS[one.condition]), abs=0.1)
        assert covers(flow, FLOWS[one.condition])
    assert found.reserve.median == pytest.approx(np.log(2.3), abs=0.05)
    assert found.as_stated_probability > 0.6


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


@pytest.mark.parametrize("blood_t10_s", [1.65, 1.85], ids=["of bovine blood in vitro", "of human blood in vivo"])
def test_both_published_habits_of_the_t1_of_blood_are_covered(blood_t10_s):
    estimates, found = study(blood_t10_s=blood_t10_s)
    for one, flow in zip(estimates, found.flows, strict=True):
        assert covers(flow, FLOWS[one.condition])
    assert covers(found.reserve, 2.3)


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
        assert half_width(flow) > 1.2 * FIT_LIMIT


@pytest.mark.parametrize("factor", [1.0, 1.6])
def test_flanks_and_late_blood_tell_the_top_of_a_saturated_first_pass_together(factor):
    """Each draws the top to where it expects it; where they contradict each other, the draw says so."""
    times_s = np.arange(0.0, 30.0, 0.7)
    true = 8.0 * (times_s / 6.0) ** 3 * np.exp(3 * (1 - times_s / 6.0))
    seen, hidden_share = np.minimum(true, 4.0)[None], (true > 4.0).astype(float)[None]
    area = np.array([factor * np.trapezoid(true, times_s)])
    found = complete(times_s, (0.5, 25.0), seen, hidden_share, wanted_area=area, top=np.zeros(1))
    assert found.hidden[0] == 1.0
    if factor == 1.0:
        np.testing.assert_allclose(found.blood[0], true, atol=0.15 * true.max())
        assert abs(found.flank_log_shift[0]) < 0.1
    else:
        assert true.max() < found.blood.max() < 1.8 * true.max()
        assert found.flank_log_shift[0] < -0.1


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
    assert np.median(found[draws.as_stated]) == pytest.approx(0.3, rel=0.03)
    assert (found[poor] > 1.3 * 0.3).all()


def test_values_that_a_header_gives_are_believed_more_than_those_that_were_assumed():
    names = ("t10_blood", "t10_myocardium", "pulses_to_center")
    given = draw_nuisances(replace(ACQUISITION, assumed=("hematocrit",)))
    for name in names:
        assert np.log(getattr(given, name)).std() < 0.2 * np.log(getattr(draw_nuisances(AS_HEADER), name)).std()


def test_t1_of_myocardium_goes_with_that_of_blood():
    draws = draw_nuisances(AS_HEADER)
    assert np.corrcoef(np.log(draws.t10_blood), np.log(draws.t10_myocardium))[0, 1] == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("dispersion_s", [1.2, 2.5])
def test_dispersion_that_nobody_states_is_covered(dispersion_s):
    estimates, found = study(dispersion_s=dispersion_s)
    for one, flow in zip(estimates, found.flows, strict=True):
        assert covers(flow, FLOWS[one.condition])
        assert fitted(one.curves, dispersion_s) > fitted(one.curves) + 0.03 * dispersion_s
    assert covers(found.reserve, 2.3)


def test_every_nuisance_has_a_source_and_a_prior():
    assert all(one.source and (one.high > one.low or one.log_sd > 0) for one in NUISANCES)
