"""How every finding is worded, by its code; a file for each thing that findings are about."""

from .arterial_input import ARTERIAL_INPUT
from .reading import READING
from .segments import SEGMENTS
from .severity import Severity, Wording
from .slices import SLICES

__all__ = ["WORDING", "Severity", "Wording"]

WORDING = SLICES | ARTERIAL_INPUT | READING | SEGMENTS
