"""The review in a browser: a page for each study and one for a cohort, each a single file that needs no network."""

from .cohort_page import CohortStudy, write_cohort_page
from .contact_sheet import describe_contact_sheet
from .study_page import write_study_page

__all__ = ["CohortStudy", "describe_contact_sheet", "write_cohort_page", "write_study_page"]
