"""Frames that the user or motion compensation took out carry no weight: what they show, and that they exist, changes
nothing."""

import numpy as np
import pytest
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.kinetics import CurveSet, prepare_fitter, relative_upslope
from PerfusionDLLib.phantom.tissue import TissueModel, concentration

STEP_S = 0.05
FINE_S = np.arange(0, 64, STEP_S)
TIMES_S = np.arange(0, 54, 0.9)
FLOW = 2.4 * (1 + 0.15 * np.cos(np.arange(96) / 15))
GROUPS = np.arange(96) // 16
SPOILED = {"one at the peak": [17], "three at the peak": [16, 17, 18], "first, upslope and late": [0, 13, 57]}


def bolus(times_s):
    since = np.maximum(np.asarray(times_s) - 8, 0)
    first = (since / 3) ** 3 * np.exp(3 * (1 - since / 3))
    later = np.maximum(since - 8, 0)
    return 4 * first + 0.45 * (later / 16) ** 2 * np.exp(2 * (1 - later / 16))


@pytest.fixture(scope="module")
def clean():
    """Curves (T, N) with a little noise and blood in some pixels, as from images."""
    fine = concentration(bolus(FINE_S), FLOW, model=TissueModel.CAPILLARY, hematocrit=0.42, step_s=STEP_S)
    curves = np.stack([np.interp(TIMES_S - 1, FINE_S, curve, left=0) for curve in fine.T], axis=1)
    return curves + np.random.default_rng(4).normal(0, curves.max() / 40, curves.shape)


def fit(curves, model, *, frames=slice(None), used=None):
    times_s = TIMES_S[frames]
    part = CurveSet(
        times_s=times_s,
        curves=curves,
        groups=GROUPS,
        used_frames=np.ones(times_s.size, bool) if used is None else used,
        edge=np.arange(GROUPS.size) % 4 == 0,
        spillover=0.6 * bolus(times_s)[None],
    )
    fitter = prepare_fitter(model, [part], TIMES_S, bolus(TIMES_S), hematocrit=0.42, input_log_sd=0.05)
    return fitter.fit(0, part)


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED.keys())
@pytest.mark.parametrize("model", FlowModel)
def test_an_excluded_frame_is_as_good_as_none(model, spoiled, clean):
    used = ~np.isin(np.arange(TIMES_S.size), spoiled)
    wrong = clean.copy()
    wrong[~used] = -7.0
    excluded = fit(wrong, model, used=used)
    wrong[~used] = np.nan
    unknown = fit(wrong, model, used=used)
    absent = fit(clean[used], model, frames=used)
    for name in ("mbf_ml_min_g", "mbf_low_ml_min_g", "mbf_high_ml_min_g"):
        np.testing.assert_array_equal(getattr(unknown, name), getattr(excluded, name))
        np.testing.assert_allclose(getattr(excluded, name), getattr(absent, name), rtol=1e-4)


def test_the_upslope_does_not_see_an_excluded_frame(clean):
    used = ~np.isin(np.arange(TIMES_S.size), SPOILED["first, upslope and late"])
    wrong = clean.copy()
    wrong[~used] = 50.0
    found = relative_upslope(TIMES_S, wrong, TIMES_S, bolus(TIMES_S), used_frames=used)
    np.testing.assert_array_equal(found, relative_upslope(TIMES_S[used], clean[used], TIMES_S, bolus(TIMES_S)))
