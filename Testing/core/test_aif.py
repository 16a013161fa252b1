"""Where the arterial input is measured and what is said about it."""

import numpy as np
import pytest
from PerfusionDLLib.aif.landmarks import arterial_input, baseline_frame_count, blood_region
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.flag import FlagCode, codes_of

TIMES_S = np.arange(60) * 0.9


def bolus(times_s=TIMES_S, *, peak=4.0, arrival_s=8.0):
    since = np.maximum(times_s - arrival_s, 0)
    first = (since / 3.3) ** 3 * np.exp(3 * (1 - since / 3.3))
    return peak * (first + 0.1 / (1 + np.exp(14 - since)))


@pytest.fixture
def heart():
    """A cavity with two dark papillary muscles and a partial-volume rim, and the pure-blood pixels."""
    radius = np.hypot(*(np.mgrid[:60, :60] - 30))
    papillary = np.hypot(*(np.mgrid[:60, :60] - np.array([36, 25])[:, None, None])) < 3
    papillary |= np.hypot(*(np.mgrid[:60, :60] - np.array([25, 36])[:, None, None])) < 3
    pool = radius < 12
    share = np.where(papillary, 0.1, np.clip(12.5 - radius, 0, 1))
    signal = 50 + 400 * bolus()[:, None, None] / 4 * share
    noise = np.random.default_rng(3).normal(0, 8, signal.shape)
    return (signal + noise).astype(np.float32), pool, pool & (share == 1)


def test_the_region_holds_pure_blood_and_enough_of_it(heart):
    signal, pool, pure = heart
    region = blood_region(signal, pool)
    assert (pure & region).sum() / region.sum() > 0.97
    assert region.sum() > 0.2 * pure.sum()


def test_the_region_moves_with_the_image(heart):
    signal, pool, _ = heart
    np.testing.assert_array_equal(blood_region(signal[:, ::-1], pool[::-1]), blood_region(signal, pool)[::-1])


def test_landmarks_lie_where_the_curve_was_made():
    found = arterial_input(TIMES_S, bolus())
    assert abs(TIMES_S[found.peak_frame] - 11.3) < 0.9
    assert 6 <= TIMES_S[found.baseline_frames] <= 9
    assert 15 < TIMES_S[found.first_pass_end_frame] < 23
    assert found.flags == ()


@pytest.mark.parametrize(
    ("curve", "code"),
    [
        (bolus(peak=0.4), FlagCode.AIF_PEAK_LOW),
        (bolus(peak=20), FlagCode.AIF_PEAK_HIGH),
        (bolus(arrival_s=48), FlagCode.AIF_FIRST_PASS_INCOMPLETE),
        (bolus(arrival_s=0.5), FlagCode.AIF_SHORT_BASELINE),
        (np.minimum(bolus(), 0.6), FlagCode.AIF_FLAT_PEAK),
        (np.where(bolus() > 3.5, np.nan, bolus()), FlagCode.AIF_SATURATED),
        (bolus() + np.where(np.arange(60) < 8, (-1.0) ** np.arange(60), 0), FlagCode.AIF_NOISY_BASELINE),
    ],
)
def test_a_poor_input_says_why(curve, code):
    assert code in codes_of(arterial_input(TIMES_S, curve).flags)


def test_the_scale_of_a_clipped_input_is_uncertain():
    assert arterial_input(TIMES_S, np.minimum(bolus(), 0.6)).log_sd > 0.3
    assert arterial_input(TIMES_S, bolus()).log_sd == 0


def test_landmarks_do_not_depend_on_the_scale_of_the_curve():
    assert baseline_frame_count(bolus()) == baseline_frame_count(3 + 170 * bolus())


@pytest.mark.parametrize("pool", [np.zeros((60, 60), bool), np.eye(60, dtype=bool) & (np.arange(60) < 4)])
def test_a_blood_pool_too_small_is_refused(heart, pool):
    with pytest.raises(PerfusionError, match="blood pool has"):
        blood_region(heart[0], pool)


def test_a_pool_that_never_enhances_is_refused(heart):
    with pytest.raises(PerfusionError, match="No contrast arrival"):
        blood_region(np.ones_like(heart[0]), heart[1])
