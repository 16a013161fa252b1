"""Residual contrast: what an earlier injection left in the blood is found from the baseline, whatever the scale."""

from dataclasses import replace

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
    assert before_stress.blood_mmol_l == pytest.approx(0.25, rel=1e-6)
    assert ("scaled differently" in before_stress.how) == (gain != 1)


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
