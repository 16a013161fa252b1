"""The inversion of the saturation-recovery signal, against the sequence played pulse by pulse."""

import numpy as np
import pytest
from PerfusionDLLib.data.acquisition import Acquisition
from PerfusionDLLib.signal.saturation_recovery import (
    concentration,
    curves_without_noise_floor,
    noise_level,
    recovered_share,
    relative_signal,
    steady_baseline,
    without_noise_floor,
)


def played_pulse_by_pulse(r1_per_s, acquisition):
    """Longitudinal magnetization after each recovery and each excitation in turn."""
    magnetization = 0.0

    def recover(seconds):
        return 1 - (1 - magnetization) * np.exp(-seconds * r1_per_s)

    train_s = acquisition.pulses_to_center * acquisition.repetition_time_s
    magnetization = recover(acquisition.saturation_time_s - train_s)
    for _ in range(acquisition.pulses_to_center):
        magnetization *= np.cos(np.deg2rad(acquisition.flip_angle_deg))
        magnetization = recover(acquisition.repetition_time_s)
    return magnetization


@pytest.mark.parametrize("r1_per_s", [0.5, 3.0, 25.0])
@pytest.mark.parametrize("pulses", [0, 1, 24])
def test_the_signal_equation_is_the_sequence_played_pulse_by_pulse(r1_per_s, pulses):
    acquisition = Acquisition(pulses_to_center=pulses)
    assert recovered_share(r1_per_s, acquisition) == pytest.approx(played_pulse_by_pulse(r1_per_s, acquisition))


def test_without_a_train_the_signal_is_plain_saturation_recovery():
    acquisition = Acquisition(pulses_to_center=0, saturation_time_s=0.1)
    r1 = np.linspace(0.1, 40, 50)
    np.testing.assert_allclose(recovered_share(r1, acquisition), 1 - np.exp(-0.1 * r1), rtol=1e-12)


@pytest.mark.parametrize("residual", [0.0, 0.3])
@pytest.mark.parametrize("r2_star", [0.0, 15.0])
def test_concentration_survives_the_round_trip_through_the_signal(residual, r2_star):
    acquisition = Acquisition()
    truth = np.linspace(-0.05, 4, 60)
    curve = {"t10_s": acquisition.t10_blood_s, "r2_star_l_mmol_s": r2_star}
    signal = 731.0 * relative_signal(residual + truth, acquisition, **curve)
    before = 731.0 * relative_signal(residual, acquisition, **curve)
    found = concentration(signal, acquisition, baseline=before, baseline_mmol_l=residual, **curve)
    np.testing.assert_allclose(found, truth, atol=1e-4)


def test_the_scale_of_the_signal_and_the_coil_shading_do_not_matter():
    acquisition, shading = Acquisition(), np.array([0.3, 1.0, 40.0])
    signal = relative_signal(np.linspace(0, 3, 20), acquisition, t10_s=1.2)[:, None] * shading
    found = concentration(signal, acquisition, baseline=signal[0], t10_s=1.2)
    np.testing.assert_allclose(found, np.broadcast_to(found[:, :1], found.shape), rtol=1e-9)


def test_a_saturated_signal_gives_no_number():
    acquisition = Acquisition()
    before = relative_signal(0.0, acquisition, t10_s=1.6)
    found = concentration([1.0, 0.999 / before, 1.2 / before], acquisition, baseline=1.0, t10_s=1.6)
    assert np.isfinite(found[0])
    assert np.isnan(found[1:]).all()


def test_a_pixel_without_baseline_signal_gives_no_number():
    found = concentration(np.ones((4, 2)), Acquisition(), baseline=np.array([0.0, 1.0]), t10_s=1.2)
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:, 1], 0, atol=1e-4)


@pytest.mark.parametrize("snr", [2, 4, 8, 20])
def test_the_noise_floor_of_a_magnitude_does_not_reach_the_baseline(snr):
    rng = np.random.default_rng(0)
    frames = np.hypot(100 + rng.normal(0, 100 / snr, (10, 4000)), rng.normal(0, 100 / snr, (10, 4000)))
    corrected = without_noise_floor(frames.mean(), noise_level(frames))
    assert corrected == pytest.approx(100, rel=0.01)
    assert frames.mean() > 100 * (1 + 0.4 / snr**2)
    np.testing.assert_allclose(curves_without_noise_floor(frames, noise_level(frames)).mean(), 100, rtol=0.03)


def shaded_ring(noise, *, seed=0):
    radius = np.hypot(*(np.mgrid[:40, :40] - 20))
    mask = (radius > 9) & (radius < 15)
    truth = (100 * np.exp(np.mgrid[:40, :40][1] / 40))[mask]
    return truth, truth + np.random.default_rng(seed).normal(0, noise, (9, truth.size)), mask


def test_a_noisy_baseline_leans_on_its_surroundings():
    truth, frames, mask = shaded_ring(30.0)
    error = np.std(steady_baseline(frames, mask) / truth)
    assert error < 0.6 * np.std(frames.mean(axis=0) / truth)
    assert abs(np.mean(steady_baseline(frames, mask) / truth) - 1) < 0.01


def test_a_clear_baseline_is_left_alone():
    truth, frames, mask = shaded_ring(0.5)
    np.testing.assert_allclose(steady_baseline(frames, mask), truth, rtol=0.02)
