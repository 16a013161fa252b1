"""Perfusion studies in DICOM: read whatever scanners write, write what scanners write."""

from .reading import read_study
from .vendors import Vendor
from .writing import write_study

__all__ = ["Vendor", "read_study", "write_study"]
