"""The peak of blood that is cut off at a ceiling lies between its flanks."""

import numpy as np
import pytest
from PerfusionDLLib import phantom
from PerfusionDLLib.data.contours import Label
from PerfusionDLLib.preprocessing import find_first_pass_peak
from PerfusionDLLib.preprocessing.clipped_peak import find_clipped_peak, is_peak_clipped


@pytest.fixture(scope="module")
def slices():
    return [phantom.simulate_series(seed, condition="rest", still=True, size=96) for seed in range(6)]


def clipped(made, share):
    """The images of a slice cut off at a share of what its blood reaches, and its labels."""
    truth = made.truth
    blood = made.series.signal[truth.peak_frame][truth.labels == Label.BLOOD_POOL]
    return np.minimum(made.series.signal, share * np.percentile(blood, 90)), truth.labels


@pytest.mark.parametrize("share", [0.6, 0.75, 0.9])
def test_the_flanks_of_a_clipped_bolus_tell_its_peak(slices, share):
    off = [abs(find_clipped_peak(*clipped(made, share)) - made.truth.peak_frame) for made in slices]
    assert np.mean(off) <= 0.7
    assert max(off) <= 2


def test_the_cut_curve_itself_tells_it_worse(slices):
    off, naive = [], []
    for made in slices:
        signal, labels = clipped(made, 0.6)
        off.append(abs(find_clipped_peak(signal, labels) - made.truth.peak_frame))
        mean = signal[:, labels == Label.BLOOD_POOL].mean(axis=1)
        naive.append(abs(find_first_pass_peak(mean) - made.truth.peak_frame))
    assert np.mean(naive) > 2 * np.mean(off)


def test_only_a_cut_top_is_called_clipped(slices):
    for made in slices:
        assert not is_peak_clipped(made.series.signal, made.truth.labels)
        assert is_peak_clipped(*clipped(made, 0.7))


def test_a_top_that_never_falls_still_has_a_frame():
    curve = np.minimum(np.arange(30.0), 12)[:, None, None] * np.ones((1, 4, 4))
    labels = np.full((4, 4), Label.BLOOD_POOL, np.uint8)
    labels[0] = Label.MYOCARDIUM
    assert 0 <= find_clipped_peak(curve, labels) < 30
