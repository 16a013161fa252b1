"""Reference curves of the Open Science Initiative for Perfusion Imaging: made and tested by other people's programs."""

from pathlib import Path

import numpy as np
import pytest
from PerfusionDLLib.kinetics import MYOCARDIAL_DENSITY_G_ML, input_spline
from PerfusionDLLib.kinetics.hierarchical.tissue_models import TWO_COMPARTMENT, prepare_input
from PerfusionDLLib.kinetics.least_squares import levenberg_marquardt

NOISE_MMOL_L = 0.001
TOLERANCES = {  # absolute and relative, of OSIPI's own test of fitted parameters
    "vp": (0.025, 0.0),
    "ve": (0.05, 0.0),
    "fp_ml_100ml_min": (5.0, 0.1),
    "ps_per_min": (0.005, 0.1),
}


@pytest.fixture(scope="module")
def osipi():
    with np.load(Path(__file__).parent / "data" / "osipi_2cxm.npz") as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def prepared(osipi):
    arterial = input_spline(osipi["times_s"], osipi["plasma_mmol_l"])
    return prepare_input(arterial, osipi["times_s"], first_s=0.0, hematocrit=0.0)  # the input is of plasma


def parameters(osipi):
    """In the words of our model: per gram of tissue, natural logarithms, PS that does not change with flow."""
    per_g = 1 / MYOCARDIAL_DENSITY_G_ML
    return np.column_stack(
        (
            np.log(osipi["fp_ml_100ml_min"] / 100 * per_g),
            np.zeros(24),
            np.log(osipi["vp"]),
            np.log(osipi["ve"]),
            np.log(osipi["ps_per_min"] * per_g),
            np.zeros(24),
        )
    )


def test_our_curves_of_their_parameters_are_their_curves(osipi, prepared):
    """Within their noise, but for a few percent of the peak where their input jumps up between two frames."""
    curves, _ = TWO_COMPARTMENT.curves(parameters(osipi), prepared)
    difference = curves - osipi["tissue_mmol_l"]
    assert np.sqrt((difference**2).mean(axis=1)).max() < 1.5 * NOISE_MMOL_L
    assert (np.abs(difference).max(axis=1) / curves.max(axis=1)).max() < 0.06


@pytest.mark.slow
def test_parameters_fitted_to_their_curves_are_theirs_within_their_tolerances(osipi, prepared):
    start = np.tile([np.log(0.15), 0.0, np.log(0.05), np.log(0.15), np.log(0.1), 0.0], (24, 1))
    found, _, _, _ = levenberg_marquardt(
        lambda values: TWO_COMPARTMENT.curves(values, prepared),
        start,
        np.array([np.log(0.01), -1e-6, np.log(0.003), np.log(0.01), np.log(0.005), 0.0]),
        np.array([np.log(4.0), 1e-6, np.log(0.5), np.log(0.6), np.log(2.0), 1e-9]),
        osipi["tissue_mmol_l"].astype(float),
        np.full(osipi["tissue_mmol_l"].shape, 1 / NOISE_MMOL_L),
        iterations=60,
        tolerance=1e-6,
    )
    values = np.exp(found)
    ours = {
        "vp": values[:, 2],
        "ve": values[:, 3],
        "fp_ml_100ml_min": values[:, 0] * 100 * MYOCARDIAL_DENSITY_G_ML,
        "ps_per_min": values[:, 4] * MYOCARDIAL_DENSITY_G_ML,
    }
    for name, (absolute, relative) in TOLERANCES.items():
        np.testing.assert_allclose(ours[name], osipi[name], atol=absolute, rtol=relative, err_msg=name)
