"""The phantom's forward model against mathematics."""

import numpy as np
import pytest
from PerfusionDLLib.data.acquisition import Acquisition
from PerfusionDLLib.phantom.contrast import Circulation, circulate, convolve
from PerfusionDLLib.phantom.magnetization import signal
from PerfusionDLLib.phantom.settings import TissueModel
from PerfusionDLLib.phantom.tissue import DENSITY_G_ML, concentration, respond


def convolution_error(step_s):
    """Two exponentials convolve to a difference of exponentials."""
    t, a, r = np.arange(0, 60, step_s), 8.0, 20.0
    expected = a * r / (r - a) * (np.exp(-t / r) - np.exp(-t / a))
    return np.abs(convolve(np.exp(-t / a), np.exp(-t / r), step_s) - expected).max() / expected.max()


def test_convolution_is_second_order_in_the_step():
    assert convolution_error(0.4) / convolution_error(0.2) == pytest.approx(4, rel=0.1)


def test_a_laplace_transform_gives_its_response():
    t = np.arange(0, 60, 0.1)
    response = respond(t * np.exp(-t / 5), lambda s: 1 / (s + 0.2), 0.1)[:, 0]
    np.testing.assert_allclose(response, t**2 / 2 * np.exp(-t / 5), atol=0.005 * response.max())


@pytest.mark.parametrize("model", list(TissueModel))
def test_early_uptake_is_flow_times_the_blood_that_arrived(model):
    """Before anything leaves, tissue holds what flow brought: conservation of mass, and the definition of MBF."""
    t = np.arange(0, 30, 0.02)
    blood = np.clip(t - 5, 0, None)
    tissue = concentration(blood, np.array([1.0]), model=model, hematocrit=0.42, step_s=0.02)[:, 0]
    early = (t > 5.2) & (t < 5.6)
    expected = 1.0 * DENSITY_G_ML / 60 * np.clip(t - 5, 0, None)[early] ** 2 / 2
    tolerance = {TissueModel.TWO_COMPARTMENT: 0.15}.get(model, 0.02)  # well mixed: leaves from the first moment
    np.testing.assert_allclose(tissue[early], expected, rtol=tolerance)


@pytest.mark.parametrize(
    ("model", "volume"),
    [(TissueModel.FERMI, 0.44), (TissueModel.CAPILLARY, 0.25 / 0.58), (TissueModel.TWO_COMPARTMENT, 0.25 / 0.58)],
)
def test_tissue_in_equilibrium_holds_its_distribution_volume(model, volume):
    t = np.arange(0, 1200, 0.5)
    tissue = concentration(np.ones_like(t), np.array([1.0]), model=model, hematocrit=0.42, step_s=0.5)[:, 0]
    assert tissue[-100] == pytest.approx(volume, rel=0.01)


def circulation(**changes):
    values = dict(
        dose_mmol=4.0,
        cardiac_output_l_s=0.09,
        start_s=2.0,
        injection_s=2.0,
        veins_mean_s=4.0,
        lung_mean_s=6.0,
        body_mean_s=15.0,
        store_mean_s=90.0,
        stored_share=0.5,
        spread=0.4,
    )
    return Circulation(**values | changes)


def test_the_area_of_the_first_pass_is_dose_over_cardiac_output():
    """Stewart and Hamilton, with the return pushed beyond the end."""
    bolus = circulate(circulation(body_mean_s=5000.0, store_mean_s=5000.0, stored_share=0.0), 100)
    for curve in (bolus.right_mmol_l, bolus.left_mmol_l):
        assert np.trapezoid(curve, bolus.times_s) == pytest.approx(4.0 / 0.09, rel=0.01)


def test_the_lung_delays_the_bolus_by_its_mean_transit_time():
    bolus = circulate(circulation(body_mean_s=5000.0, store_mean_s=5000.0, stored_share=0.0), 100)
    right, left = (np.average(bolus.times_s, weights=curve) for curve in (bolus.right_mmol_l, bolus.left_mmol_l))
    assert left - right == pytest.approx(6.0, abs=0.05)


def test_signal_without_pulses_is_saturation_recovery():
    acquisition = Acquisition(saturation_time_s=0.1, pulses_to_center=0)
    r1 = np.array([0.6, 5.0, 20.0])
    expected = np.sin(np.radians(12)) * (1 - np.exp(-0.1 * r1))
    np.testing.assert_allclose(signal(r1, acquisition), expected, rtol=1e-12)


def test_signal_equals_the_pulses_played_one_by_one():
    acquisition = Acquisition(saturation_time_s=0.1, pulses_to_center=24, repetition_time_s=0.0025)
    for r1 in (0.6, 5.0, 20.0):
        m = 1 - np.exp(-(0.1 - 24 * 0.0025) * r1)
        for _ in range(24):
            m = 1 + (m * np.cos(np.radians(12)) - 1) * np.exp(-0.0025 * r1)
        assert signal(np.array(r1), acquisition) == pytest.approx(np.sin(np.radians(12)) * m, rel=1e-9)
