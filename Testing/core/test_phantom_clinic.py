"""The clinic's phantom: what it adds, and that the ideal phantom does not notice."""

import numpy as np
import pytest
from PerfusionDLLib import phantom
from PerfusionDLLib.data.study import Condition
from PerfusionDLLib.phantom import CLINIC, DEFAULT
from PerfusionDLLib.phantom.magnetization import signal
from PerfusionDLLib.phantom.patient import draw_patient, draw_visit
from PerfusionDLLib.phantom.tissue import TissueProperties, concentration, flow_per_s, mixed_transfer

SEEDS = range(300, 340)


def patients():
    return [draw_patient(seed, CLINIC, 64) for seed in SEEDS]


def test_the_ideal_phantom_has_no_clinic():
    assert draw_patient(3, DEFAULT, 64).clinic is None


def test_headers_lack_or_misstate_what_the_scanner_did():
    drawn = patients()
    assumed = [one.clinic.header.assumed for one in drawn]
    assert 2 <= sum("saturation_time_s" in names for names in assumed) <= 20
    assert all({"t10_blood_s", "t10_myocardium_s", "pulses_to_center"} <= set(names) for names in assumed)
    wrong = [
        one.clinic.header.saturation_time_s / one.acquisition.saturation_time_s - 1
        for one in drawn
        if "saturation_time_s" not in one.clinic.header.assumed
    ]
    assert 0.05 < np.mean(np.abs(wrong) > 0.05) < 0.5


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_only_the_second_injection_finds_contrast_agent_of_the_first(seed):
    patient = draw_patient(seed, CLINIC, 64)
    left = sorted(draw_visit(patient, each, CLINIC).circulation.residual_mmol_l for each in Condition)
    assert left[0] == 0
    assert 0.05 < left[1] < 0.8


def test_stored_images_have_their_bits_their_gain_and_their_ceiling():
    seed = next(one for one in range(300, 600) if draw_patient(one, CLINIC, 64).clinic.ceiling < 0.9)
    clinic = draw_patient(seed, CLINIC, 64).clinic
    series = phantom.simulate_series(seed, condition="rest", size=64, still=True, config=CLINIC).series
    top = series.signal.max()
    assert np.count_nonzero(series.signal == top) > 20  # a plateau
    assert len(np.unique(series.signal)) <= 2**clinic.bits
    assert series.acquisition == clinic.header


def test_magnetization_that_saturation_leaves_brightens_short_recovery_most():
    acquisition = draw_patient(3, DEFAULT, 64).acquisition
    slow, fast = (signal(np.array(r1), acquisition, 0.03) / signal(np.array(r1), acquisition) for r1 in (0.6, 30.0))
    assert slow > 1.2
    assert fast < 1.01


@pytest.mark.parametrize(("mixing", "model"), [(1.0, "two_compartment"), (0.001, "capillary")])
def test_mixed_spaces_run_from_two_compartments_to_plug_flow(mixing, model):
    arterial = np.exp(-(((np.arange(800) * 0.1 - 20) / 3) ** 2))
    tissue = TissueProperties(mixing=mixing)
    ours, theirs = (
        concentration(arterial, np.array([2.0]), model=phantom.TissueModel(name), hematocrit=0.42, tissue=tissue)
        for name in ("mixed", model)
    )
    assert np.allclose(ours, theirs, atol=0.003 * theirs.max())


def test_mixed_spaces_have_the_flow_as_their_first_response():
    flow = flow_per_s(np.array([1.5]))
    s = np.array([[1e6 + 0j]])
    first = (s * mixed_transfer(s, flow, 0.42, TissueProperties(mixing=0.4))).real
    assert np.allclose(first, flow, rtol=0.01)
