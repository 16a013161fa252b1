"""The chain on in-vivo series, where a checkout has them beside it."""

from pathlib import Path

import numpy as np
import pytest
from PerfusionDLLib import networks
from PerfusionDLLib.evaluation import cases, network_scores

GE = Path(__file__).parents[3] / "shared/real/ge15t_one_slice"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not GE.is_dir(), reason="the in-vivo series is not beside this checkout (../shared/real)"),
]


@pytest.fixture(scope="module")
def nets():
    return networks.load_networks()


@pytest.fixture(scope="module")
def disturbed():
    rng = np.random.default_rng(0)
    return {case.name: case for case in cases.disturbed(cases.annotated_case(GE), rng)}


PEAK_FRAMES = {"shaded": 2}  # 1 elsewhere; the LV stays within 7 % of its maximum over nine frames
FORMS = [
    *(f"{mirrored}turned {angle}" for mirrored in ("", "mirrored, ") for angle in (0, 90, 180, 270)),
    "half resolution",
    "noise",
    "shaded",
]


@pytest.mark.parametrize("form", FORMS)
def test_the_heart_is_found_however_the_series_is_stored_and_disturbed(form, disturbed, nets):
    ((scored, _, _),) = network_scores.evaluate([disturbed[f"{GE.name}, {form}"]], nets)
    assert not scored.failure
    assert scored.peak_frame_error <= PEAK_FRAMES.get(form, 1)
    assert scored.epicardium_dice > 0.88
    assert scored.cavity_dice > 0.78
    assert scored.myocardium_dice > 0.65
    assert scored.insertion_points_mm < 6
