"""Perfusion studies in DICOM: read whatever scanners write, write what scanners write, give results to the archive."""

from .archive import FoundStudy, ListedFile, find_studies, list_files, study_label
from .candidates import Candidate, find_candidates
from .export import export_results
from .reading import read_study
from .vendors import Vendor
from .writing import write_study

__all__ = [
    "Candidate",
    "FoundStudy",
    "ListedFile",
    "Vendor",
    "export_results",
    "find_candidates",
    "find_studies",
    "list_files",
    "read_study",
    "study_label",
    "write_study",
]
