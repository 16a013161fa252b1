"""Studies of a cohort as small as they can be, and the folder that a cohort is computed in."""

from pathlib import Path

import pytest
from dicom_studies import small_scan
from PerfusionDLLib.data.study import Condition, Study
from PerfusionDLLib.dicom import find_studies, list_files, write_study

SETTINGS = {"version": "1", "model": "averaged"}


def tree(root, seeds=(1, 2)):
    """Studies of one slice, a folder each."""
    few = Study(
        stress=small_scan(Condition.STRESS, slices=1, frames=4), rest=small_scan(Condition.REST, slices=1, frames=3)
    )
    for seed in seeds:
        write_study(few, root / f"p{seed}", vendor="siemens", seed=seed)
    return root


def studies_in(root, without=Path("nowhere")):
    return find_studies(root, dict(list_files(root, {}, without=without, unreadable=pytest.fail)))


def finish(folder, study):
    """As if a worker had written the results of a study."""
    place = folder.results(study.label)
    place.mkdir()
    (place / "segments.csv").write_text("x")
