"""Digital perfusion phantom with known truth: its own anatomy, physiology and forward model on a fine time grid."""

from .clinic import CLINIC
from .settings import CLOSED_CAVITIES, DEFAULT, DIFFICULT, HELD_OUT, PhantomConfig, TissueModel
from .simulation import simulate_series, simulate_study
from .truth import PhantomSlice, PhantomStudy, SliceTruth

__all__ = [
    "CLINIC",
    "CLOSED_CAVITIES",
    "DEFAULT",
    "DIFFICULT",
    "HELD_OUT",
    "PhantomConfig",
    "PhantomSlice",
    "PhantomStudy",
    "SliceTruth",
    "TissueModel",
    "simulate_series",
    "simulate_study",
]
