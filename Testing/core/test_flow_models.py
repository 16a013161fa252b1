"""Flow by the averaged models against tissue that the phantom makes with its own forward model."""

import dataclasses

import numpy as np
import pytest
from PerfusionDLLib.data.flow import FitStatus, FlowModel
from PerfusionDLLib.kinetics import CurveSet, fit_curves, input_spline, prepare_fitter
from PerfusionDLLib.kinetics.hierarchical.exchange import (
    capillary_transfer,
    dispersed_transfer,
    two_compartment_transfer,
)
from PerfusionDLLib.kinetics.hierarchical.spectrum import input_spectrum
from PerfusionDLLib.kinetics.hierarchical.tissue_models import (
    CAPILLARY,
    DISPERSED,
    FERMI,
    TWO_COMPARTMENT,
    prepare_input,
)
from PerfusionDLLib.phantom.tissue import TissueModel, concentration

STEP_S = 0.05
FINE_S = np.arange(0, 64, STEP_S)
TIMES_S = np.arange(0, 54, 0.9)
HEMATOCRIT = 0.42


def bolus(times_s):
    since = np.maximum(np.asarray(times_s) - 8, 0)
    first = (since / 3) ** 3 * np.exp(3 * (1 - since / 3))
    later = np.maximum(since - 8, 0)
    return 4 * first + 0.45 * (later / 16) ** 2 * np.exp(2 * (1 - later / 16))


def tissue(mbf, model, *, delay_s=1.0, times_s=TIMES_S):
    """Curves (T, N) for N flows."""
    fine = concentration(bolus(FINE_S), np.asarray(mbf), model=model, hematocrit=HEMATOCRIT, step_s=STEP_S)
    return np.stack([np.interp(times_s - delay_s, FINE_S, curve, left=0) for curve in fine.T], axis=1)


@pytest.fixture(scope="module")
def prepared():
    return prepare_input(input_spline(TIMES_S, bolus(TIMES_S)), TIMES_S, first_s=0.0, hematocrit=HEMATOCRIT)


def parameters(model, mbf, delay_s=1.0):
    return np.concatenate(([np.log(mbf), delay_s], model.mean))[None]


@pytest.mark.parametrize("model", [CAPILLARY, TWO_COMPARTMENT], ids=lambda model: model.name)
@pytest.mark.parametrize("mbf", [0.4, 1.0, 2.8, 4.5])
def test_exchange_curves_are_those_of_the_phantom(model, mbf, prepared):
    """The same physiology solved twice: in the Laplace domain here, by damped Fourier series on 50 ms there."""
    expected = tissue([mbf], TissueModel(model.name))[:, 0]
    found = model.curves(parameters(model, mbf), prepared)[0][0]
    assert np.abs(found - expected).max() < 0.004 * expected.max()


@pytest.mark.parametrize("model", [CAPILLARY, DISPERSED[2], FERMI, TWO_COMPARTMENT], ids=lambda model: model.name)
def test_a_grid_of_flows_and_delays_holds_the_curves_that_the_model_gives_one_by_one(model, prepared):
    log_flow, delay_s = np.log([0.4, 1.1, 3.0]), np.array([-0.5, 0.25, 2.0])
    each = [np.concatenate(([flow, delay], model.mean)) for delay in delay_s for flow in log_flow]
    values, slopes = model.curves(np.array(each), prepared)
    grid = model.grid(log_flow, delay_s, model.mean, prepared)
    chosen = np.array([7, 0, 4, 8])
    found = grid.curves(chosen)
    np.testing.assert_allclose(found[:, 0], values[chosen], atol=1e-12)
    np.testing.assert_allclose(found[:, 1:], slopes[chosen], atol=1e-11)
    basis = np.linalg.qr(np.vander(TIMES_S / 54, 5))[0].T
    np.testing.assert_allclose(grid.projected(basis)[:, 0], values @ basis.T, atol=1e-12)


@pytest.mark.parametrize("model", [CAPILLARY, DISPERSED[2], FERMI, TWO_COMPARTMENT], ids=lambda model: model.name)
def test_derivatives_are_those_of_the_curves(model, prepared):
    at = parameters(model, 1.7, 1.13)
    _, slopes = model.curves(at, prepared)
    for i in range(at.shape[1]):
        step = np.zeros_like(at)
        step[0, i] = 1e-4
        change = (model.curves(at + step, prepared)[0] - model.curves(at - step, prepared)[0])[0] / 2e-4
        np.testing.assert_allclose(slopes[0, i], change, atol=2e-3 * np.abs(change).max())


@pytest.mark.parametrize(
    ("dispersion", "limit"), [(1e-3, capillary_transfer), (1.0, two_compartment_transfer)], ids=["plug", "mixed"]
)
def test_dispersed_capillaries_run_from_plug_flow_to_one_mixed_vessel(dispersion, limit):
    laplace_per_s = 0.1 + 1j * np.linspace(0, 5, 40)
    at = parameters(CAPILLARY, 1.7)
    expected, slopes = limit(laplace_per_s, at, hematocrit=HEMATOCRIT)
    found, same = dispersed_transfer(laplace_per_s, at, hematocrit=HEMATOCRIT, dispersion=dispersion)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(same, slopes, atol=1e-4 * np.abs(slopes).max())


@pytest.mark.parametrize("model", [CAPILLARY, TWO_COMPARTMENT], ids=lambda model: model.name)
def test_late_tissue_holds_the_distribution_volume_of_a_steady_input(model):
    """Conservation: at equilibrium with plasma, tissue holds (v_p + v_e) / (1 - Hct) of whole blood."""
    times_s = np.arange(0, 200, 1.0)
    steady = prepare_input(lambda t: np.where(t >= 0, 1.0, 0.0), times_s, first_s=0.0, hematocrit=HEMATOCRIT)
    late = model.curves(parameters(model, 3.0), steady)[0][0, -20]
    assert late == pytest.approx(0.25 / (1 - HEMATOCRIT), rel=0.01)


def test_the_spectrum_takes_uneven_frame_times():
    times_s = np.sort(np.random.default_rng(0).uniform(0, 50, 70))
    spectrum = input_spectrum(bolus, times_s, first_s=0.0)
    delayed = spectrum.respond(np.exp(-1.5 * spectrum.laplace_per_s)[None])[0]
    np.testing.assert_allclose(delayed, bolus(times_s - 1.5), atol=0.02)


def heart(model, mbf, *, snr, seed, pixels=442):
    """Flows and noisy curves of a ring with 16 groups, two of them with low flow, the delay varying along it."""
    rng = np.random.default_rng(seed)
    angle = np.arange(pixels) / pixels * 2 * np.pi
    groups = np.arange(pixels) * 16 // pixels
    flow = mbf * (1 + 0.12 * np.cos(angle)) * rng.uniform(0.9, 1.1, pixels)
    flow[np.isin(groups, (3, 9))] *= 0.55
    clean = np.stack([tissue([f], model, delay_s=d)[:, 0] for f, d in zip(flow, 1 + 0.2 * np.cos(angle), strict=True)])
    noisy = clean.T + rng.normal(0, clean.max(axis=1).mean() / snr, clean.T.shape)
    part = CurveSet(times_s=TIMES_S, curves=noisy, groups=groups, used_frames=np.ones(TIMES_S.size, bool))
    return flow, part


def fit(part, model=FlowModel.AVERAGED, arterial=None):
    arterial = bolus(TIMES_S) if arterial is None else arterial
    return prepare_fitter(model, [part], TIMES_S, arterial, hematocrit=HEMATOCRIT)


@pytest.fixture(scope="module")
def capillary_stress():
    return heart(TissueModel.CAPILLARY, 2.8, snr=20, seed=3, pixels=224)


@pytest.fixture(scope="module")
def capillary_rest():
    return heart(TissueModel.CAPILLARY, 1.0, snr=20, seed=1, pixels=160)


@pytest.mark.parametrize("truth", TissueModel)
@pytest.mark.parametrize(("mbf", "bias"), [(1.0, 0.03), (2.8, 0.07)], ids=["rest", "stress"])
def test_flow_is_right_whatever_made_the_tissue(truth, mbf, bias):
    flow, part = heart(truth, mbf, snr=20, seed=4, pixels=224)
    found = fit(part).fit(0, part)
    assert abs(np.mean(found.mbf_ml_min_g / flow) - 1) < bias
    assert np.std(found.mbf_ml_min_g / flow) < 0.06
    covered = (found.mbf_low_ml_min_g < flow) & (flow < found.mbf_high_ml_min_g)
    assert covered.mean() > 0.93


def test_the_model_that_made_the_tissue_becomes_probable(capillary_rest):
    learned = fit(capillary_rest[1]).learned
    assert float(learned["capillary_probability"]) > 0.6
    assert float(learned["fermi_probability"]) < 0.05


def test_pixels_that_hold_something_else_do_not_change_the_flow_of_the_others(capillary_stress):
    """Four pixels in fourteen are mostly fat, as where a contour runs outside of the wall."""
    _, part = capillary_stress
    fat = np.arange(224) % 14 < 4
    spoiled = dataclasses.replace(part, curves=np.where(fat, 0.4, 1.0) * part.curves)
    before, after = (fit(each).fit(0, each).mbf_ml_min_g[~fat] for each in (part, spoiled))
    assert abs(np.mean(after / before) - 1) < 0.02


def test_mean_curves_do_not_scatter_where_the_input_was_measured(capillary_stress):
    """Their noise is small, the error of the input is not."""
    flow, part = capillary_stress
    numbers = np.arange(16)
    mean = np.stack([part.curves[:, part.groups == number].mean(axis=1) for number in numbers], axis=1)
    true = np.array([flow[part.groups == number].mean() for number in numbers])
    arterial = bolus(TIMES_S) * (1 + 0.08 * bolus(TIMES_S) / bolus(TIMES_S).max())
    fitter = prepare_fitter(FlowModel.AVERAGED, [part], TIMES_S, arterial, hematocrit=HEMATOCRIT, input_log_sd=0.05)
    found = fitter.fit(0, dataclasses.replace(part, curves=mean, groups=numbers)).mbf_ml_min_g
    assert np.std(found / true) < 0.06


@pytest.mark.parametrize(("first", "last"), [(0, 60), (100, 107), (5, 200)])
def test_flow_does_not_jump_where_another_dictionary_curve_becomes_the_best(capillary_stress, first, last):
    """A thousandth of the way from one curve to another: were there jumps, rounding would decide which side counts."""
    _, part = capillary_stress
    share = np.linspace(0, 1, 1001)
    curves = part.curves[:, [first]] * (1 - share) + part.curves[:, [last]] * share
    between = dataclasses.replace(part, curves=curves, groups=np.full(share.size, part.groups[first]))
    steps = np.abs(np.diff(np.log(fit(part).fit(0, between).mbf_ml_min_g)))
    assert steps.max() < 1e-3


def test_the_order_of_pixels_changes_nothing(capillary_rest):
    _, part = capillary_rest
    turned = dataclasses.replace(part, curves=part.curves[:, ::-1], groups=part.groups[::-1])
    np.testing.assert_allclose(
        fit(turned).fit(0, turned).mbf_ml_min_g[::-1], fit(part).fit(0, part).mbf_ml_min_g, rtol=1e-6
    )


def test_the_clock_and_the_unit_of_concentration_do_not_matter(capillary_rest):
    _, part = capillary_rest
    moved = dataclasses.replace(part, times_s=part.times_s + 300, curves=1e3 * part.curves)
    fitter = prepare_fitter(FlowModel.AVERAGED, [moved], TIMES_S + 300, 1e3 * bolus(TIMES_S), hematocrit=HEMATOCRIT)
    np.testing.assert_allclose(fitter.fit(0, moved).mbf_ml_min_g, fit(part).fit(0, part).mbf_ml_min_g, rtol=1e-4)


def test_a_few_pixels_are_fitted_as_they_are_among_all(capillary_rest):
    """A corrected contour refits only its new pixels."""
    _, part = capillary_rest
    fitter = fit(part)
    few = dataclasses.replace(part, curves=part.curves[:, 40:150], groups=part.groups[40:150])
    np.testing.assert_allclose(fitter.fit(0, few).mbf_ml_min_g, fitter.fit(0, part).mbf_ml_min_g[40:150], rtol=0.02)


def test_frames_taken_out_do_not_take_part(capillary_rest):
    flow, part = capillary_rest
    used = np.ones(TIMES_S.size, bool)
    used[[14, 22, 37]] = False
    spoiled = dataclasses.replace(part, curves=np.where(used[:, None], part.curves, 5.0), used_frames=used)
    found = fit(spoiled).fit(0, spoiled).mbf_ml_min_g
    assert abs(np.mean(found / flow) - 1) < 0.03


@pytest.mark.parametrize("model", FlowModel)
def test_an_uncertain_scale_of_input_or_curves_widens_the_interval_of_every_model(model, capillary_rest):
    _, part = capillary_rest
    exact = fit(part, model).fit(0, part)
    fitter = prepare_fitter(model, [part], TIMES_S, bolus(TIMES_S), hematocrit=HEMATOCRIT, input_log_sd=0.1)
    doubtful = dataclasses.replace(part, log_sd=0.1)
    for wider in (fitter.fit(0, part), fit(doubtful, model).fit(0, doubtful)):
        known = np.isfinite(exact.mbf_ml_min_g + wider.mbf_ml_min_g)
        assert known.mean() > 0.9
        assert np.all((wider.mbf_se_ml_min_g / wider.mbf_ml_min_g)[known] > 0.1)
        assert np.all((wider.mbf_high_ml_min_g - wider.mbf_low_ml_min_g)[known] > 0.38 * wider.mbf_ml_min_g[known])


def test_pixels_without_an_answer_are_nan_and_say_why(capillary_rest):
    _, part = capillary_rest
    curves = part.curves.copy()
    curves[:, 5] = np.random.default_rng(0).normal(0, 0.003, TIMES_S.size)
    curves[20, 6] = np.nan
    curves[:, 7] = -curves[:, 7]
    spoiled = dataclasses.replace(part, curves=curves)
    found = fit(spoiled).fit(0, spoiled)
    assert np.isnan(found.mbf_ml_min_g[5:8]).all()
    assert np.isnan(found.mbf_se_ml_min_g[5:8]).all()
    reasons = [FitStatus(int(value)) for value in found.status[5:8]]
    assert FitStatus.NO_SIGNAL in reasons[0]
    assert FitStatus.SATURATED in reasons[1]
    assert FitStatus.NO_SIGNAL in reasons[2]
    assert np.isfinite(np.delete(found.mbf_ml_min_g, [5, 6, 7])).all()


def test_blood_of_the_cavity_in_a_pixel_does_not_pass_for_flow(capillary_rest):
    """A fifth of each pixel beside the cavity is blood: told what blood looks like, the fit takes it out again."""
    flow, part = capillary_rest
    blood = 0.6 * bolus(TIMES_S)
    edge = np.arange(flow.size) % 4 == 0
    mixed = np.where(edge, 0.8 * part.curves + 0.2 * blood[:, None], part.curves)
    told = dataclasses.replace(part, curves=mixed, edge=edge, inner=~edge, spillover=blood[None])
    blind = dataclasses.replace(part, curves=mixed)
    error = np.abs(fit(told).fit(0, told).mbf_ml_min_g / flow - 1)
    assert np.median(error[edge]) < 0.12
    assert np.median(error[~edge]) < 0.05
    assert np.median(np.abs(fit(blind).fit(0, blind).mbf_ml_min_g / flow - 1)[edge]) > 0.3


def test_a_pixel_that_is_mostly_blood_is_refused(capillary_rest):
    _, part = capillary_rest
    blood = 0.6 * bolus(TIMES_S)
    curves = part.curves.copy()
    curves[:, 3] = 0.4 * curves[:, 3] + 0.6 * blood
    edge = np.arange(part.groups.size) == 3
    spoiled = dataclasses.replace(part, curves=curves, edge=edge, inner=~edge, spillover=blood[None])
    found = fit(spoiled).fit(0, spoiled)
    assert np.isnan(found.mbf_ml_min_g[3])
    assert FitStatus.PARTIAL_VOLUME in FitStatus(int(found.status[3]))


def test_curves_without_images_give_what_the_chain_gives(capillary_rest):
    _, part = capillary_rest
    found = fit_curves(TIMES_S, part.curves, TIMES_S, bolus(TIMES_S), groups=part.groups, hematocrit=HEMATOCRIT)
    np.testing.assert_array_equal(found.mbf_ml_min_g, fit(part).fit(0, part).mbf_ml_min_g)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_curves_need_neither_groups_nor_numbers(capillary_rest, count):
    flow, part = capillary_rest
    found = fit_curves(TIMES_S, part.curves[:, :count], TIMES_S, bolus(TIMES_S))
    covered = (found.mbf_low_ml_min_g < flow[:count]) & (flow[:count] < found.mbf_high_ml_min_g)
    assert covered.mean() > 0.9


def test_curves_of_nothing_are_said_to_be_nothing():
    found = fit_curves(TIMES_S, np.zeros((TIMES_S.size, 20)), TIMES_S, bolus(TIMES_S))
    assert np.isnan(found.mbf_ml_min_g).all()
    assert (found.status & FitStatus.NO_SIGNAL).all()


def test_tissue_that_the_prior_speaks_against_still_lies_inside_the_interval():
    """Tissue of well-mixed compartments at a noise that cannot tell it from tubes: the truth lies inside."""
    flow, part = heart(TissueModel.TWO_COMPARTMENT, 1.0, snr=8, seed=6, pixels=160)
    fitter = prepare_fitter(
        FlowModel.AVERAGED, [part], TIMES_S, bolus(TIMES_S), hematocrit=HEMATOCRIT, input_log_sd=0.05
    )
    found = fitter.fit(0, part)
    assert abs(np.mean(found.mbf_ml_min_g / flow) - 1) > 0.05
    assert np.mean((found.mbf_low_ml_min_g < flow) & (flow < found.mbf_high_ml_min_g)) > 0.9


def test_noise_does_not_bias_high_flow_by_the_fermi_model():
    random = np.random.default_rng(0)
    mbf = random.uniform(2.2, 3.4, 800)
    clean = tissue(mbf, TissueModel.FERMI)
    noisy = clean + random.normal(0, clean.max(axis=0).mean() / 8, clean.shape)
    found = fit_curves(TIMES_S, noisy, TIMES_S, bolus(TIMES_S), model=FlowModel.FERMI)
    assert not found.status.any()
    assert abs(np.mean(found.mbf_ml_min_g / mbf) - 1) < 0.008


@pytest.mark.parametrize("model", [FlowModel.FERMI, FlowModel.SPLINE, FlowModel.PATLAK])
def test_a_flow_that_no_heart_has_is_at_a_bound_and_not_reported(model):
    curve = tissue([2.0], TissueModel.FERMI)
    found = fit_curves(TIMES_S, 8 * curve, TIMES_S, bolus(TIMES_S), model=model)
    assert FitStatus.AT_BOUND in FitStatus(int(found.status[0]))
    assert np.isnan(found.mbf_ml_min_g[0])
    assert np.isfinite(fit_curves(TIMES_S, curve, TIMES_S, bolus(TIMES_S), model=model).mbf_ml_min_g[0])
