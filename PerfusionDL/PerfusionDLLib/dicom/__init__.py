"""Perfusion studies in DICOM: read whatever scanners write, write what scanners write, give results to the archive."""

from .candidates import Candidate, find_candidates
from .export import export_results
from .reading import read_study
from .vendors import Vendor
from .writing import write_study

__all__ = ["Candidate", "Vendor", "export_results", "find_candidates", "read_study", "write_study"]
