"""What the tests of the DICOM reader ask of a study that was read."""

import numpy as np
import pytest
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.study import CLOCK_WORDS
from PerfusionDLLib.dicom import read_study


def assert_same(actual, expected, *, position_mm=1e-3):
    """Two studies have the same scans, numbers and places."""
    assert [scan.condition for scan in actual.scans] == [scan.condition for scan in expected.scans]
    for got, wanted in zip(actual.scans, expected.scans, strict=True):
        assert len(got.slices) == len(wanted.slices)
        for one, other in zip(got.slices, wanted.slices, strict=True):
            np.testing.assert_allclose(one.signal, other.signal, rtol=1e-5)
            np.testing.assert_allclose(one.times_s, other.times_s, atol=2e-3)
            np.testing.assert_allclose(one.ijk_to_ras, other.ijk_to_ras, atol=position_mm)
            assert one.acquisition.saturation_time_s == pytest.approx(other.acquisition.saturation_time_s, rel=1e-3)
            for name in ("contrast_agent", "field_strength_t", "relaxivity_l_mmol_s", "flip_angle_deg", "dose_mmol_kg"):
                assert getattr(one.acquisition, name) == getattr(other.acquisition, name), name


def words(actual, expected):
    """Sentences that the untouched study does not have; of the clock without its witnesses."""
    known, new = ([said_of(flag) for scan in study.scans for flag in scan.assumptions] for study in (expected, actual))
    return [text for text in new if text not in known]


def said_of(flag):
    """The sentence of a flag, without the witnesses of a clock."""
    return flag.text.split(" (")[0] + "." if flag.text.startswith(CLOCK_WORDS) else flag.text


def doubted(scan, text):
    """Whether a sentence makes every flow of a scan doubtful."""
    return all(any(text in flag.text for flag in one.acquisition.findings) for one in scan.slices)


def refusal(folder, **options):
    """What is said where a folder cannot be read as a study."""
    with pytest.raises(PerfusionError) as caught:
        read_study([folder], **options)
    return str(caught.value)
