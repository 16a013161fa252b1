"""What a flow model makes of a set of curves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

EDGE_SPILLOVER_SD, INNER_SPILLOVER_SD = 0.25, 0.01  # share of blood in a pixel beside a cavity, and elsewhere
MOST_FLOW_ML_MIN_G = 12.0  # beyond any heart; a fit that gives more is not trusted
MOST_SPILLOVER = 0.3  # of a pixel that still tells the flow of its tissue


@dataclass(frozen=True, kw_only=True)
class FlowFits:
    """Flow of N curves.

    mbf_ml_min_g, mbf_se_ml_min_g : (N,) NaN where the fit cannot be trusted
    mbf_low_ml_min_g, mbf_high_ml_min_g : (N,) 95 % interval
    status : (N,) uint8, values of `FitStatus`
    fitted_mmol_l : (T, N) curves at all frame times, also those that did not take part
    parameters : (N,) arrays by name, with their unit
    """

    mbf_ml_min_g: np.ndarray
    mbf_se_ml_min_g: np.ndarray
    mbf_low_ml_min_g: np.ndarray
    mbf_high_ml_min_g: np.ndarray
    status: np.ndarray
    fitted_mmol_l: np.ndarray
    parameters: Mapping[str, np.ndarray] = field(default_factory=dict)
