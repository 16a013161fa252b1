"""Myocardial blood flow from concentration curves and an arterial input."""

from .convolution import MYOCARDIAL_DENSITY_G_ML, input_matrix, input_spline
from .fermi import fermi_residue, fit_fermi
from .fits import FlowFits

__all__ = [
    "MYOCARDIAL_DENSITY_G_ML",
    "FlowFits",
    "fermi_residue",
    "fit_fermi",
    "input_matrix",
    "input_spline",
]
