"""The published methods that stand beside ours in `benchmarks/single_bolus.py` do what they are said to do."""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TIMES_S = np.arange(0, 60, 0.9)


@pytest.fixture(scope="module")
def single_bolus():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import single_bolus
    finally:
        sys.path.remove(str(BENCHMARKS))
    return single_bolus


def blood(peak_mmol_l):
    since = np.maximum(TIMES_S - 8, 0) / 6
    first = np.exp(3 * (np.log(np.maximum(since, 1e-9)) + 1 - since))
    return peak_mmol_l * (first + 0.1 / (1 + np.exp((24 - TIMES_S) / 2)))


def test_the_gamma_variate_through_the_flanks_restores_a_top_that_was_saturated(single_bolus):
    share = single_bolus.blood_signal(blood(8.0))
    cut = np.minimum(share, 0.92)
    left = single_bolus.as_measured(cut)
    completed = single_bolus.gamma_variate(TIMES_S, cut)
    assert left.max() < 0.75 * 8.0
    assert completed.max() == pytest.approx(8.0, rel=0.15)
    assert completed.sum() == pytest.approx(blood(8.0).sum(), rel=0.08)
    np.testing.assert_allclose(completed[share < 0.8], blood(8.0)[share < 0.8], rtol=0.05, atol=0.02)


def test_splines_of_input_and_response_find_the_flow_of_a_known_response(single_bolus):
    fine_s = np.arange(0, 60, 0.05)
    fine = np.interp(fine_s, TIMES_S, blood(4.0))
    response = 1.5 * 1.05 / 60 / (1 + 0.2 * np.exp(0.25 * fine_s)) * 1.2
    tissue = np.interp(TIMES_S, fine_s, np.convolve(fine, response)[: fine_s.size] * 0.05)
    found, flow = single_bolus.splines(TIMES_S, single_bolus.blood_signal(blood(4.0)), tissue[:, None])
    assert flow[0] == pytest.approx(1.5, rel=0.25)
    assert found.max() == pytest.approx(4.0, rel=0.05)
