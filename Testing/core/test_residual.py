"""Residual contrast: what an earlier injection left in the blood is found from the baseline, whatever the scale."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
from PerfusionDLLib.aif.residual_contrast import PARTITION_COEFFICIENT, Baseline, residual_contrast
from PerfusionDLLib.data.acquisition import Acquisition

REST = Acquisition(saturation_time_s=0.11)
STRESS = replace(REST, saturation_time_s=0.10)


def recovered_share(r1_per_s, acquisition):
    """A saturation recovery of its own: no pulse train, the small-angle form of exponential recovery."""
    x = acquisition.saturation_time_s * r1_per_s
    return x / (1 + x / 2 + x * x / 12)


def baseline(blood_mmol_l, acquisition, *, gain=1.0, density_ratio=1.19):
    blood = 1 / acquisition.t10_blood_s + acquisition.relaxivity_l_mmol_s * blood_mmol_l
    muscle = 1 / acquisition.t10_myocardium_s + acquisition.relaxivity_l_mmol_s * PARTITION_COEFFICIENT * blood_mmol_l
    return Baseline(
        blood=gain * density_ratio * recovered_share(blood, acquisition),
        myocardium=gain * recovered_share(muscle, acquisition),
        static=gain,
        acquisition=acquisition,
    )


@pytest.mark.parametrize("gain", [1.0, 3.7], ids=["same gain", "other gain"])
@pytest.mark.parametrize("density_ratio", [0.9, 1.3])
def test_the_other_scan_of_a_study_calibrates_it(gain, density_ratio):
    rest = [baseline(0.0, REST, density_ratio=density_ratio)] * 3
    stress = [baseline(0.25, STRESS, gain=gain, density_ratio=density_ratio)] * 3
    before_rest, before_stress = residual_contrast([rest, stress], recovered_share)
    assert before_rest.blood_mmol_l == 0
    assert abs(before_stress.blood_mmol_l - 0.25) < min(before_stress.sd_mmol_l, 0.015)
    assert 0.01 < before_stress.sd_mmol_l < 0.04
    assert f"static tissue is {gain:.2f} times" in before_stress.how


@pytest.mark.parametrize("gain", [0.75, 1.1, 1.25])
def test_another_gain_is_no_contrast_agent(gain):
    rest, stress = [baseline(0.0, REST)] * 3, [baseline(0.0, STRESS, gain=gain)] * 3
    for scan in residual_contrast([rest, stress], recovered_share):
        assert scan.blood_mmol_l < 0.01


def test_the_interval_covers_what_is_left_as_often_as_it_says():
    """Patients whose witnesses err by as much as they are believed to; amounts as an injection before leaves them."""
    random = np.random.default_rng(3)
    covered, wrong_order = [], 0
    for _ in range(300):
        left, scale = np.exp(random.normal(np.log(0.18), 0.45)), np.exp(random.normal(0, 0.1))
        density = 1.19 * np.exp(random.normal(0, 0.12))
        rest, stress = (
            dataclasses.replace(
                one,
                blood=one.blood * np.exp(random.normal(0, 0.03)),
                myocardium=one.myocardium * np.exp(random.normal(0, 0.03)),
                static=one.static * np.exp(random.normal(0, 0.05)),
            )
            for one in (
                baseline(0.0, REST, density_ratio=density),
                baseline(min(left, 0.7), STRESS, gain=scale, density_ratio=density),
            )
        )
        first, second = residual_contrast([[rest], [stress]], recovered_share)
        wrong_order += first.blood_mmol_l > 0
        covered.append(abs(second.blood_mmol_l - min(left, 0.7)) < 1.96 * second.sd_mmol_l)
    assert 0.92 < np.mean(covered) < 0.995
    assert wrong_order < 6


def test_what_no_injection_of_that_dose_leaves_is_believed_less():
    def found(dose_mmol_kg):
        rest, stress = (replace(each, dose_mmol_kg=dose_mmol_kg) for each in (REST, STRESS))
        return residual_contrast([[baseline(0.0, rest)], [baseline(0.25, stress)]], recovered_share)[1]

    assert found(0.02).blood_mmol_l < found(0.1).blood_mmol_l


def test_the_order_of_the_scans_does_not_matter():
    rest, stress = [baseline(0.0, REST)], [baseline(0.4, STRESS)]
    assert (
        residual_contrast([stress, rest], recovered_share) == residual_contrast([rest, stress], recovered_share)[::-1]
    )


def test_a_scan_alone_is_held_against_literature_and_says_so():
    (alone,) = residual_contrast([[baseline(0.3, STRESS)]], recovered_share)
    assert alone.blood_mmol_l == pytest.approx(0.3, rel=1e-6)
    assert "literature" in alone.how


def test_a_scan_alone_with_a_slightly_wrong_density_is_not_given_contrast_agent():
    (alone,) = residual_contrast([[baseline(0.0, REST, density_ratio=1.19 * 1.1)]], recovered_share)
    assert alone.blood_mmol_l == 0


def test_without_a_usable_slice_no_contrast_agent_is_assumed():
    assert [scan.blood_mmol_l for scan in residual_contrast([[], []], recovered_share)] == [0, 0]


def test_the_clock_between_the_injections_narrows_it_and_tells_the_order():
    scans = [[baseline(0.0, REST)], [baseline(0.17, STRESS)]]
    unknown = residual_contrast(scans, recovered_share)[1]
    timed = residual_contrast(scans, recovered_share, 8.0)[1]
    assert timed.sd_mmol_l < unknown.sd_mmol_l
    assert abs(timed.blood_mmol_l - 0.17) < timed.sd_mmol_l
    assert residual_contrast(scans, recovered_share, 0.0) == residual_contrast(scans, recovered_share)
    same = [[baseline(0.1, REST)], [baseline(0.1, STRESS)]]
    stress_first = residual_contrast(same, recovered_share, -8.0)
    assert stress_first[0].blood_mmol_l >= stress_first[1].blood_mmol_l
