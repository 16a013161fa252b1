"""Perfusion studies in DICOM: read whatever scanners write, write what scanners write, give results to the archive."""

from .export import export_results
from .reading import read_study
from .vendors import Vendor
from .writing import write_study

__all__ = ["Vendor", "export_results", "read_study", "write_study"]
