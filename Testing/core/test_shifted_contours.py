"""Contours off by a pixel let blood into the mean curves that a scan is learned from; a true defect stays one."""

from dataclasses import replace

import numpy as np
import pytest
from known_heart import heart_scan, heart_slice
from PerfusionDLLib import pipeline
from PerfusionDLLib.data.flow import FlowModel
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.kinetics import CurveSet, prepare_fitter
from PerfusionDLLib.phantom.tissue import TissueModel, concentration

STEP_S = 0.05
FINE_S = np.arange(0, 64, STEP_S)
TIMES_S = np.arange(0, 54, 0.9)
GROUPS = np.arange(144) // 8
FLOW = 2.6 * (1 + 0.1 * np.cos(GROUPS))
SHIFTED = (GROUPS % 6) < 2  # sectors of every slice that a shift lets blood into


def bolus(times_s):
    since = np.maximum(np.asarray(times_s) - 8, 0)
    first = (since / 3) ** 3 * np.exp(3 * (1 - since / 3))
    later = np.maximum(since - 8, 0)
    return 4 * first + 0.45 * (later / 16) ** 2 * np.exp(2 * (1 - later / 16))


def flow_of(curves, *, blood):
    part = CurveSet(
        times_s=TIMES_S,
        curves=curves,
        groups=GROUPS,
        used_frames=np.ones(TIMES_S.size, bool),
        spillover=blood,
    )
    fitter = prepare_fitter(FlowModel.AVERAGED, [part], TIMES_S, bolus(TIMES_S), hematocrit=0.42, input_log_sd=0.05)
    return fitter.fit(0, part).mbf_ml_min_g


@pytest.mark.parametrize("model", [TissueModel.CAPILLARY, TissueModel.MIXED])
def test_blood_in_a_third_of_the_mean_curves_hardly_moves_the_flow_of_the_others(model):
    fine = concentration(bolus(FINE_S), FLOW, model=model, hematocrit=0.42, step_s=STEP_S)
    curves = np.stack([np.interp(TIMES_S - 1, FINE_S, curve, left=0) for curve in fine.T], axis=1)
    curves = curves + np.random.default_rng(4).normal(0, curves.max() / 20, curves.shape)
    blood = 0.6 * bolus(TIMES_S)[None]
    held = curves + 0.02 * SHIFTED * blood.T
    clean, with_blood = (flow_of(each, blood=blood) for each in (curves, held))
    moved = np.nanmedian(with_blood[~SHIFTED] / clean[~SHIFTED]) - 1
    assert abs(moved) < 0.03


def test_a_subendocardial_defect_is_not_erased():
    """The inner half of a wall whose contours are true has half the flow in a quarter of the ventricle."""
    rows, columns = np.mgrid[:64, :64] - 32.0
    endo = (np.hypot(rows, columns) < 13.5) & (rows > 5) & (np.abs(columns) < 14)
    slices = []
    for number, level in enumerate(Level):
        healthy, low = (heart_slice(level, flow, seed=number) for flow in (2.2, 1.1))
        signal = np.where(endo, low.series.signal, healthy.series.signal)
        series, motion = replace(healthy.series, signal=signal), replace(healthy.motion, corrected=signal)
        slices.append(replace(healthy, series=series, motion=motion))
    scan = replace(heart_scan(Condition.STRESS, 2.2), slices=tuple(slices))
    maps = pipeline.quantify_scan(scan)
    flows = {row.aha_segment: row.stress for row in pipeline.summarize(None, maps).segments}
    assert flows[4].endo_epi_ratio < 0.7
    assert flows[1].endo_epi_ratio == pytest.approx(1, abs=0.08)
    assert flows[4].endo_ml_min_g == pytest.approx(1.1, rel=0.2)
