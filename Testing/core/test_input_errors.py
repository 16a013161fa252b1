"""Errors that curves from images share: of the arterial input beside the tissue, and of frames all over a slice."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.kinetics import CurveSet, prepare_fitter
from PerfusionDLLib.kinetics.hierarchical.groups import GroupCurves, group_means, shared_error
from PerfusionDLLib.kinetics.hierarchical.slice_input import LATE_ERROR_SD, PEAK_ERROR_SD, input_errors
from PerfusionDLLib.kinetics.hierarchical.tissue_models import (
    CAPILLARY,
    DISPERSED,
    FERMI,
    TWO_COMPARTMENT,
    prepare_input,
)
from PerfusionDLLib.phantom.tissue import TissueModel, concentration, flow_per_s
from scipy.signal import lfilter

STEP_S = 0.05
FINE_S = np.arange(0, 64, STEP_S)
TIMES_S = np.arange(0, 54, 0.9)
PLUG_BIAS = 0.1  # plug flow is the far end of the tissue that curves from images cannot tell apart
HEMATOCRIT = 0.42
FLOW = 2.4 * (1 + 0.15 * np.cos(np.arange(160) / 25))
GROUPS = np.arange(160) // 10


def bolus(times_s):
    since = np.maximum(np.asarray(times_s) - 8, 0)
    first = (since / 3) ** 3 * np.exp(3 * (1 - since / 3))
    later = np.maximum(since - 8, 0)
    return 4 * first + 0.45 * (later / 16) ** 2 * np.exp(2 * (1 - later / 16))


def curve_set(fine, *, snr, seed=0):
    """Curves (T, N) of tissue (L, N) on the fine grid, a second late."""
    clean = np.stack([np.interp(TIMES_S - 1, FINE_S, curve, left=0) for curve in fine.T], axis=1)
    noisy = clean + np.random.default_rng(seed).normal(0, clean.max(axis=0).mean() / snr, clean.shape)
    return CurveSet(times_s=TIMES_S, curves=noisy, groups=GROUPS, used_frames=np.ones(TIMES_S.size, bool))


def fitter_of(part, arterial_mmol_l, *, from_images):
    return prepare_fitter(
        FlowModel.AVERAGED,
        [part],
        TIMES_S,
        arterial_mmol_l,
        hematocrit=HEMATOCRIT,
        input_log_sd=0.05 if from_images else 0.0,
    )


@pytest.fixture(scope="module")
def capillary():
    fine = concentration(bolus(FINE_S), FLOW, model=TissueModel.CAPILLARY, hematocrit=HEMATOCRIT, step_s=STEP_S)
    return curve_set(fine, snr=40)


def late(times_s):
    """How much of a moment is after the first pass."""
    return np.clip((times_s - 15) / 6, 0, 1)


def wrong_late(share):
    """The input, wrong by a share after the first pass."""
    return bolus(TIMES_S) * (1 + share * late(TIMES_S))


@pytest.mark.parametrize("share", [-0.1, 0.1])
def test_an_input_that_is_wrong_after_the_first_pass_is_found_out_and_moves_flow_less(share, capillary):
    moved = {}
    for from_images in (False, True):
        right, wrong = (
            fitter_of(capillary, blood, from_images=from_images) for blood in (bolus(TIMES_S), wrong_late(share))
        )
        moved[from_images] = np.mean(wrong.fit(0, capillary).mbf_ml_min_g / right.fit(0, capillary).mbf_ml_min_g) - 1
    error = wrong.scan.populations[int(np.argmax(wrong.scan.probabilities))].input_error
    assert np.sign(error[1]) == -np.sign(share)
    assert abs(moved[True]) < 0.6 * abs(moved[False])
    assert abs(moved[True]) < 0.1


def test_a_right_input_is_left_as_it_is(capillary):
    fitter = fitter_of(capillary, bolus(TIMES_S), from_images=True)
    assert np.abs(fitter.scan.populations[0].input_error * (PEAK_ERROR_SD, LATE_ERROR_SD)).max() < 0.01
    assert abs(np.mean(fitter.fit(0, capillary).mbf_ml_min_g / FLOW) - 1) < PLUG_BIAS
    assert "after the first pass" in fitter.learned["input_error"]


def test_an_input_that_is_known_has_no_errors(capillary):
    fitter = fitter_of(capillary, bolus(TIMES_S), from_images=False)
    assert fitter.scan.inputs[0].prepared.error_matrix.size == 0
    assert fitter.scan.populations[0].input_error.size == 0
    assert "input_error" not in fitter.learned


def test_tissue_far_from_the_priors_is_believed_where_images_show_it_clearly():
    """One well-mixed compartment, hardly any noise: its residue has no shoulder at all, that of the prior is 1.5."""
    flow = FLOW / 2
    residue = np.exp(-FINE_S[:, None] * flow_per_s(flow) / 0.35)
    fine = np.apply_along_axis(lambda one: np.convolve(bolus(FINE_S), one)[: FINE_S.size], 0, residue) * STEP_S
    part = curve_set(fine * flow_per_s(flow), snr=300)
    fitter = fitter_of(part, bolus(TIMES_S), from_images=True)
    assert fitter.scan.populations[-1].mean[1] < -1
    found = fitter.fit(0, part)
    assert abs(np.mean(found.mbf_ml_min_g / flow) - 1) < 0.05
    covered = (found.mbf_low_ml_min_g < flow) & (flow < found.mbf_high_ml_min_g)
    assert covered.mean() > 0.95


def test_errors_of_the_input_are_of_its_peak_and_its_end_and_not_of_its_scale():
    at_peak, at_end = (each(TIMES_S) for each in input_errors(TIMES_S, bolus))
    blood = bolus(TIMES_S)
    peak = np.argmax(blood)
    assert abs(at_peak @ blood) < 1e-9 * (blood @ blood)
    assert at_peak[peak] > 0 > at_peak[peak - 3]
    assert not at_end[: peak + 2].any()
    np.testing.assert_allclose(at_end[-20:], LATE_ERROR_SD * blood[-20:])


@pytest.mark.parametrize("model", [CAPILLARY, DISPERSED[2], FERMI, TWO_COMPARTMENT], ids=lambda model: model.name)
def test_curves_follow_the_errors_of_their_input_as_their_derivatives_say(model):
    """Tissue responds linearly to its input: the change of a curve is the curve of the change."""

    def change(at_s):
        return 0.3 * late(at_s) * bolus(at_s)

    one, other, uncertain = (
        prepare_input(arterial, TIMES_S, first_s=0.0, hematocrit=HEMATOCRIT, errors=errors)
        for arterial, errors in ((bolus, ()), (change, ()), (bolus, (change,)))
    )
    parameters = np.concatenate(([0.5, 1.0], model.mean))[None]
    values, slopes = model.curves(parameters, uncertain)
    np.testing.assert_allclose(values, model.curves(parameters, one)[0], atol=1e-12)
    np.testing.assert_allclose(slopes[:, -1], model.curves(parameters, other)[0], atol=1e-12)
    np.testing.assert_allclose(
        model.curves(parameters, uncertain.with_error(np.array([2.0])))[0], values + 2 * slopes[:, -1], atol=1e-12
    )


def groups_of(errors):
    """Groups (G, T) in which no model explains anything."""
    nothing = SimpleNamespace(subspace=np.zeros((1, errors.shape[1])))
    return GroupCurves(input=nothing, curves=errors, sd=np.ones_like(errors), blood=np.zeros((0, errors.shape[1])))


def test_errors_of_frames_count_by_how_much_the_groups_of_a_slice_share_them():
    rng = np.random.default_rng(2)
    alone, shared = rng.normal(size=(6, 4000)), np.repeat(rng.normal(size=(1, 4000)), 6, axis=0)
    assert shared_error([groups_of(alone)]) == pytest.approx(1.0, abs=0.1)
    assert shared_error([groups_of(shared)]) == pytest.approx(6.0, rel=0.05)
    assert shared_error([groups_of(alone + shared)]) == pytest.approx(3.5, rel=0.1)
    assert shared_error([groups_of(alone), groups_of(shared)]) == pytest.approx(3.5, rel=0.1)


def test_errors_that_last_for_some_frames_count_as_fewer_frames():
    noise = np.random.default_rng(4).normal(size=(6, 20000))
    lasting = lfilter([1.0], [1.0, -0.6], noise, axis=1)
    assert shared_error([groups_of(lasting)]) == pytest.approx((1 + 0.6) / (1 - 0.6), rel=0.1)


def test_frames_that_take_no_part_share_no_error():
    rng = np.random.default_rng(3)
    group = groups_of(rng.normal(size=(6, 400)))
    spoiled = group.curves.copy()
    spoiled[:, :50] = 100.0
    without = np.where(np.arange(400) < 50, np.inf, group.sd)
    assert shared_error([dataclasses.replace(group, curves=spoiled, sd=without)]) < 1.3


def breathing(part):
    """A patient who breathes freely after the first pass: waves of an eighth of the peak, all over the slice."""
    waves = -0.125 * part.curves.max(axis=0).mean() * np.sin(TIMES_S / 1.1) ** 2
    return dataclasses.replace(part, curves=part.curves + np.where(TIMES_S > 26, waves, 0)[:, None])


def test_frames_that_breathing_spoils_are_believed_less(capillary):
    part = breathing(capillary)
    (ready,) = fitter_of(part, bolus(TIMES_S), from_images=True).scan.inputs
    plain, judged = (group_means(part, ready, np.arange(16), from_images=how).sd[0] for how in (False, True))
    quiet, spoiled = TIMES_S < 20, TIMES_S > 30
    assert (judged[spoiled] > 1.05 * plain[spoiled]).all()
    assert (judged[quiet] < 0.7 * plain[quiet]).all()
    assert shared_error([group_means(part, ready, np.arange(16), from_images=True)]) > 8


def test_breathing_after_the_first_pass_hardly_moves_flow(capillary):
    part = breathing(capillary)
    moved = fitter_of(part, bolus(TIMES_S), from_images=True).fit(0, part).mbf_ml_min_g
    assert abs(np.mean(moved / FLOW) - 1) < 0.06
    as_noise = fitter_of(part, bolus(TIMES_S), from_images=False).fit(0, part).mbf_ml_min_g
    assert abs(np.mean(moved / FLOW) - 1) < abs(np.mean(as_noise / FLOW) - 1)


def test_curves_without_any_information_teach_nothing_and_stop_nothing(capillary):
    nothing = dataclasses.replace(capillary, curves=np.full_like(capillary.curves, np.nan))
    fitter = prepare_fitter(
        FlowModel.AVERAGED,
        [capillary, nothing],
        TIMES_S,
        bolus(TIMES_S),
        hematocrit=HEMATOCRIT,
        input_log_sd=0.05,
    )
    assert abs(np.mean(fitter.fit(0, capillary).mbf_ml_min_g / FLOW) - 1) < PLUG_BIAS
    assert np.isnan(fitter.fit(1, nothing).mbf_ml_min_g).all()
