"""The review in a browser: a page for each study and one for a cohort, each a single file that needs no network."""

from .study_page import write_study_page

__all__ = ["write_study_page"]
