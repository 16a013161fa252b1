"""The chain, one name per link."""

from .curves import measure_arterial_input, residual_contrast
from .quantification import fingerprint, quantify
from .summary import summarize

__all__ = ["fingerprint", "measure_arterial_input", "quantify", "residual_contrast", "summarize"]
