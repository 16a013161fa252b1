"""Perfusion studies in DICOM: read whatever scanners write, write what scanners write, give results to the archive."""

from ..data.vendor import Vendor
from .concepts import MANUFACTURER
from .export.objects import export_results
from .pseudonyms import KEY_VARIABLE, image_reference, make_pseudonym, pseudonym_key
from .read.archive import FoundStudy, ListedFile, find_studies, list_files, study_label
from .read.candidates import Candidate, find_candidates
from .read.choices import NO_CHOICES, ReadChoices
from .read.entered import choices_from
from .read.inspection import Inspection, inspect_folders
from .read.reading import read_study
from .stored import StoredResults, StoredSlice, find_stored, split_results
from .versions import name_report
from .write.writing import write_study

__all__ = [
    "KEY_VARIABLE",
    "MANUFACTURER",
    "NO_CHOICES",
    "Candidate",
    "FoundStudy",
    "Inspection",
    "ListedFile",
    "ReadChoices",
    "StoredResults",
    "StoredSlice",
    "Vendor",
    "choices_from",
    "export_results",
    "find_candidates",
    "find_stored",
    "find_studies",
    "image_reference",
    "inspect_folders",
    "list_files",
    "make_pseudonym",
    "name_report",
    "pseudonym_key",
    "read_study",
    "split_results",
    "study_label",
    "write_study",
]
