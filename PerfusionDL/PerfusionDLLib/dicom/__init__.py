"""Perfusion studies in DICOM: read whatever scanners write, write what scanners write, give results to the archive."""

from typing import TYPE_CHECKING

from ..data.vendor import Vendor
from .concepts import MANUFACTURER, group_name
from .own_objects import split_results
from .pseudonyms import KEY_VARIABLE, image_reference, make_pseudonym, pseudonym_key
from .read.archive import FoundStudy, ListedFile, find_studies, list_files, study_label
from .read.candidates import Candidate, find_candidates
from .read.choices import NO_CHOICES, ReadChoices
from .read.entered import choices_from
from .read.inspection import Inspection, inspect_folders
from .read.packed import unpacked
from .read.reading import read_study
from .read.series_list import ListedSeries, SeriesList, list_series
from .stored import StoredResults, StoredSlice, find_stored
from .versions import name_report
from .write.writing import write_study

if TYPE_CHECKING:
    from .export.objects import export_results

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
    "choices_from",
    "export_results",
    "find_candidates",
    "find_stored",
    "find_studies",
    "group_name",
    "image_reference",
    "inspect_folders",
    "list_files",
    "list_series",
    "make_pseudonym",
    "name_report",
    "pseudonym_key",
    "read_study",
    "split_results",
    "study_label",
    "unpacked",
    "write_study",
]


def __getattr__(name: str) -> object:
    """Load highdicom when something is to be written: it takes as long as reading a scan."""
    if name == "export_results":
        from .export.objects import export_results

        return export_results
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
