"""Perfusion studies in DICOM: read whatever scanners write, write what scanners write, give results to the archive."""

import importlib
from typing import TYPE_CHECKING

from ..data.vendor import Vendor
from .concepts import MANUFACTURER, group_name
from .pseudonyms import KEY_VARIABLE, make_image_reference, make_pseudonym, read_or_make_key
from .read.choices import NO_CHOICES, ReadChoices
from .read.entered import read_choices
from .read.packed import unpack_archives

if TYPE_CHECKING:
    from .export.objects import export_results
    from .own_objects import split_results
    from .read.archive import FoundStudy, ListedFile, find_studies, list_files, make_study_label
    from .read.candidate_scans import Candidate, find_candidates
    from .read.inspection import Inspection, inspect_folders
    from .read.reading import read_study
    from .read.series_list import ListedSeries, SeriesList, list_series
    from .stored import StoredResults, StoredSlice, find_stored
    from .versions import name_report
    from .write.writing import write_study

_ON_FIRST_USE = {
    "export.objects": ("export_results",),
    "own_objects": ("split_results",),
    "read.archive": ("FoundStudy", "ListedFile", "find_studies", "list_files", "make_study_label"),
    "read.candidate_scans": ("Candidate", "find_candidates"),
    "read.inspection": ("Inspection", "inspect_folders"),
    "read.reading": ("read_study",),
    "read.series_list": ("ListedSeries", "SeriesList", "list_series"),
    "stored": ("StoredResults", "StoredSlice", "find_stored"),
    "versions": ("name_report",),
    "write.writing": ("write_study",),
}
"""Modules that open pydicom, SciPy or highdicom, which take longer to load than a scan takes to read."""
_MODULE_OF = {name: module for module, names in _ON_FIRST_USE.items() for name in names}

__all__ = [
    "KEY_VARIABLE",
    "MANUFACTURER",
    "NO_CHOICES",
    "Candidate",
    "FoundStudy",
    "Inspection",
    "ListedFile",
    "ListedSeries",
    "ReadChoices",
    "SeriesList",
    "StoredResults",
    "StoredSlice",
    "Vendor",
    "export_results",
    "find_candidates",
    "find_stored",
    "find_studies",
    "group_name",
    "inspect_folders",
    "list_files",
    "list_series",
    "make_image_reference",
    "make_pseudonym",
    "make_study_label",
    "name_report",
    "read_choices",
    "read_or_make_key",
    "read_study",
    "split_results",
    "unpack_archives",
    "write_study",
]


def __getattr__(name: str) -> object:
    """What only some callers need, loaded on its first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_MODULE_OF[name]}", __name__), name)
