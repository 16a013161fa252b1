"""Flow from curves: closed forms with their order, conventions, invariances, what happens where there is no answer."""

import numpy as np
import pytest
from PerfusionDLLib.data.flow import FitStatus
from PerfusionDLLib.kinetics import (
    fermi_residue,
    fit_fermi,
    fit_patlak,
    fit_spline,
    input_matrix,
    input_spline,
    relative_upslope,
)

FINE_S = np.arange(0, 60, 0.02)
TIMES_S = np.arange(0, 60, 0.85)


def bolus(times_s):
    """A first pass 3.5 s wide with recirculation, mmol/L."""
    since = np.maximum(np.asarray(times_s) - 7, 0)
    first = (since / 3) ** 3 * np.exp(3 * (1 - since / 3))
    later = np.maximum(since - 9, 0)
    return 4 * first + 0.45 * (1 - np.exp(-later / 4)) * np.exp(-later / 60)


def tissue(times_s, residue, *, mbf_ml_min_g, delay_s=1.0, arterial=bolus):
    """Convolution on a grid of 20 ms, independent of the code under test."""
    a, r, dt = arterial(FINE_S), residue(FINE_S), FINE_S[1]
    curve = (np.convolve(a, r)[: a.size] - (a * r[0] + a[0] * r) / 2) * dt * mbf_ml_min_g * 1.05 / 60
    return np.interp(np.asarray(times_s) - delay_s, FINE_S, curve, left=0)


def fermi(decay_per_s=0.12, shoulder_s=2.5):
    return lambda t: fermi_residue(t, shoulder_s=shoulder_s, decay_per_s=decay_per_s)


def flow(times_s, curves, **options):
    curves = np.asarray(curves)
    curves = curves[:, None] if curves.ndim == 1 else curves
    return fit_fermi(times_s, curves, times_s, bolus(times_s), **options)


@pytest.mark.parametrize("mbf", [0.4, 1.0, 2.8, 4.5])
def test_flow_and_delay_of_a_fermi_curve_are_recovered(mbf):
    decay_per_s = mbf * 1.05 / 60 / 0.3
    found = flow(TIMES_S, tissue(TIMES_S, fermi(decay_per_s), mbf_ml_min_g=mbf, delay_s=1.3))
    assert found.mbf_ml_min_g[0] == pytest.approx(mbf, rel=0.01)
    assert found.parameters["delay_s"][0] == pytest.approx(1.3, abs=0.05)


def test_an_exponential_residue_is_a_fermi_residue_without_shoulder():
    t = np.arange(0, 30, 0.5)
    np.testing.assert_allclose(fermi_residue(t, shoulder_s=-200, decay_per_s=0.1), np.exp(-0.1 * t), rtol=1e-6)


@pytest.mark.parametrize(
    "impulse_response_per_s",
    [
        lambda t, f, k, s: f * (1 + np.exp(-k * s)) / (1 + np.exp(-k * s) * np.exp(k * t)),
        lambda t, f, k, s: f * (1 + np.exp(-k * s)) / (np.exp(k * (t - s)) + 1),
        lambda t, f, k, s: 2 * f / (np.exp(k * t) + 1),
    ],
    ids=["scaled to start at F", "Jerosch-Herold: F over 1 + b", "step at the shoulder: F over 2"],
)
def test_flow_is_the_maximum_of_the_impulse_response_in_every_convention(impulse_response_per_s):
    """Three ways of writing the Fermi function, each made to start at the same known flow."""
    known = 1.8
    curve = tissue(TIMES_S, lambda t: impulse_response_per_s(t, 1.0, 0.1, 3.0), mbf_ml_min_g=known)
    assert flow(TIMES_S, curve).mbf_ml_min_g[0] == pytest.approx(known, rel=0.01)


def convolution_error(grid_s):
    """Two exponentials convolve to a difference of exponentials."""
    a, r = 8.0, 20.0
    times_s = np.arange(1.0, 40.0)
    matrix = input_matrix(
        lambda t: np.where(t >= 0, np.exp(-np.maximum(t, 0) / a), 0) * np.where(t == 0, 0.5, 1),
        times_s,
        span_s=40,
        grid_s=grid_s,
    )
    residue = np.exp(-np.arange(len(matrix)) * grid_s / r)
    residue[0] /= 2
    expected = a * r / (r - a) * (np.exp(-times_s / r) - np.exp(-times_s / a))
    return np.abs(residue @ matrix - expected).max() / expected.max()


def test_convolution_is_second_order_in_the_grid():
    assert convolution_error(0.5) / convolution_error(0.25) == pytest.approx(4, rel=0.1)


def test_early_uptake_is_flow_times_what_has_arrived():
    """Before anything leaves, tissue holds flow times the integral of the input: conservation of mass."""
    times_s = np.arange(0.0, 12.0)
    matrix = input_matrix(np.ones_like, times_s, span_s=12, grid_s=0.25)
    held = np.tril(np.ones((len(matrix), len(matrix))))[np.searchsorted(np.arange(len(matrix)) * 0.25, times_s)]
    held[:, 0] /= 2
    np.testing.assert_allclose(np.einsum("tm,mt->t", held, matrix) - 0.125, times_s, atol=0.13)


def test_the_input_spline_passes_through_its_frames_and_bridges_missing_ones():
    times_s = np.arange(0, 30, 0.8)
    sampled = bolus(times_s)
    gap = sampled.copy()
    gap[13] = np.nan
    np.testing.assert_allclose(input_spline(times_s, sampled)(times_s), sampled, atol=1e-12)
    assert input_spline(times_s, gap)(times_s[13]) == pytest.approx(sampled[13], rel=0.05)


def test_flow_does_not_depend_on_when_the_clock_starts():
    curve = tissue(TIMES_S, fermi(), mbf_ml_min_g=2.0)[:, None]
    early = fit_fermi(TIMES_S, curve, TIMES_S, bolus(TIMES_S))
    late = fit_fermi(TIMES_S + 1234.5, curve, TIMES_S + 1234.5, bolus(TIMES_S))
    np.testing.assert_allclose(late.mbf_ml_min_g, early.mbf_ml_min_g, rtol=1e-6)


def test_flow_does_not_depend_on_the_unit_of_concentration():
    curve = tissue(TIMES_S, fermi(), mbf_ml_min_g=2.0)[:, None]
    millimolar = fit_fermi(TIMES_S, curve, TIMES_S, bolus(TIMES_S))
    micromolar = fit_fermi(TIMES_S, 1e3 * curve, TIMES_S, 1e3 * bolus(TIMES_S))
    np.testing.assert_allclose(micromolar.mbf_ml_min_g, millimolar.mbf_ml_min_g, rtol=1e-4)


def test_the_order_of_pixels_changes_nothing():
    curves = np.stack([tissue(TIMES_S, fermi(), mbf_ml_min_g=f) for f in (0.5, 1.5, 3.0)], axis=1)
    np.testing.assert_allclose(
        flow(TIMES_S, curves[:, ::-1]).mbf_ml_min_g[::-1], flow(TIMES_S, curves).mbf_ml_min_g, rtol=1e-9
    )


def test_missed_beats_do_not_bias_the_flow():
    """Irregular frame times: every fifth beat is missing and the rest jitter."""
    times_s = np.delete(TIMES_S, np.arange(3, TIMES_S.size, 5))
    times_s = times_s + np.random.default_rng(2).uniform(-0.1, 0.1, times_s.size)
    found = flow(times_s, tissue(times_s, fermi(), mbf_ml_min_g=2.0))
    assert found.mbf_ml_min_g[0] == pytest.approx(2.0, rel=0.02)


def test_frames_taken_out_do_not_take_part():
    curve = tissue(TIMES_S, fermi(), mbf_ml_min_g=2.0)
    used = np.ones(TIMES_S.size, bool)
    used[[15, 25, 40]] = False
    spoiled = np.where(used, curve, 9.0)
    assert flow(TIMES_S, spoiled, used_frames=used).mbf_ml_min_g[0] == pytest.approx(2.0, rel=0.01)
    assert np.isfinite(flow(TIMES_S, spoiled, used_frames=used).fitted_mmol_l).all()


def test_the_standard_error_is_the_scatter_over_repeated_noise():
    curve = tissue(TIMES_S, fermi(), mbf_ml_min_g=1.5)
    noisy = curve[:, None] + np.random.default_rng(1).normal(0, curve.max() / 20, (curve.size, 300))
    found = flow(TIMES_S, noisy)
    assert np.nanmedian(found.mbf_se_ml_min_g) == pytest.approx(np.nanstd(found.mbf_ml_min_g), rel=0.15)
    covered = (found.mbf_low_ml_min_g < 1.5) & (found.mbf_high_ml_min_g > 1.5)
    assert 0.9 < covered.mean() < 0.99


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        (np.zeros(TIMES_S.size), FitStatus.NO_SIGNAL),
        (-bolus(TIMES_S), FitStatus.NO_SIGNAL),
        (np.full(TIMES_S.size, np.nan), FitStatus.SATURATED),
        (30 * bolus(TIMES_S), FitStatus.AT_BOUND),
    ],
    ids=["nothing", "falling", "no information", "blood"],
)
def test_a_pixel_without_an_answer_is_nan_and_says_why(curve, reason):
    found = flow(TIMES_S, curve)
    assert np.isnan(found.mbf_ml_min_g[0])
    assert np.isnan(found.mbf_se_ml_min_g[0])
    assert FitStatus(int(found.status[0])) & reason


def test_noise_alone_has_no_flow():
    found = flow(TIMES_S, np.random.default_rng(0).normal(0, 0.02, (TIMES_S.size, 200)))
    assert np.isnan(found.mbf_ml_min_g).mean() > 0.9


@pytest.mark.parametrize("mbf", [0.8, 2.5])
def test_the_model_free_flow_of_a_fermi_curve_is_near(mbf):
    curve = tissue(TIMES_S, fermi(mbf * 1.05 / 60 / 0.3), mbf_ml_min_g=mbf, delay_s=1.2)
    found = fit_spline(TIMES_S, curve[:, None], TIMES_S, bolus(TIMES_S))
    assert found.mbf_ml_min_g[0] == pytest.approx(mbf, rel=0.08)
    np.testing.assert_allclose(found.fitted_mmol_l[:, 0], curve, atol=0.02 * curve.max())


def test_the_patlak_uptake_of_trapped_tracer_is_flow_times_extraction():
    """Nothing returns: the residue stays at the extraction that the permeability leaves at this flow."""
    flow_ml_min_g, hematocrit = 1.5, 0.42
    extraction = 1 - np.exp(-np.sqrt(flow_ml_min_g) / (flow_ml_min_g * (1 - hematocrit)))
    curve = tissue(TIMES_S, lambda t: np.full(t.shape, extraction), mbf_ml_min_g=flow_ml_min_g, delay_s=1.2)
    found = fit_patlak(TIMES_S, curve[:, None], TIMES_S, bolus(TIMES_S), hematocrit=hematocrit)
    assert found.mbf_ml_min_g[0] == pytest.approx(flow_ml_min_g, rel=0.03)


@pytest.mark.parametrize("fit", [fit_spline, lambda *a: fit_patlak(*a, hematocrit=0.42)], ids=["spline", "patlak"])
def test_linear_fits_leave_out_what_carries_no_information(fit):
    curves = np.stack(
        [tissue(TIMES_S, fermi(), mbf_ml_min_g=2.0), np.full(TIMES_S.size, np.nan), -bolus(TIMES_S)], axis=1
    )
    found = fit(TIMES_S, curves, TIMES_S, bolus(TIMES_S))
    assert np.isfinite(found.mbf_ml_min_g[0])
    assert np.isnan(found.mbf_ml_min_g[1:]).all()
    assert FitStatus(int(found.status[1])) == FitStatus.SATURATED
    assert FitStatus(int(found.status[2])) == FitStatus.NO_SIGNAL


def test_upslope_rises_with_flow_but_less_than_flow():
    curves = np.stack([tissue(TIMES_S, fermi(f * 0.058), mbf_ml_min_g=f) for f in (1.0, 3.0)], axis=1)
    rest, stress = relative_upslope(TIMES_S, curves, TIMES_S, bolus(TIMES_S))
    assert 1.5 < stress / rest < 3.0
