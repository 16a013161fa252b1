"""Myocardial blood flow from concentration curves and an arterial input."""

from .convolution import MYOCARDIAL_DENSITY_G_ML, input_matrix, input_spline
from .fermi import fermi_residue, fit_fermi
from .fit_curves import CurveFitter, Fitter, fit_curves, prepare_fitter
from .fits import FlowFits
from .hierarchical.groups import CurveSet
from .linear import fit_patlak, fit_spline, relative_upslope, steepest_rise, upslope_log_sd

__all__ = [
    "MYOCARDIAL_DENSITY_G_ML",
    "CurveFitter",
    "CurveSet",
    "Fitter",
    "FlowFits",
    "fermi_residue",
    "fit_curves",
    "fit_fermi",
    "fit_patlak",
    "fit_spline",
    "input_matrix",
    "input_spline",
    "prepare_fitter",
    "relative_upslope",
    "steepest_rise",
    "upslope_log_sd",
]
