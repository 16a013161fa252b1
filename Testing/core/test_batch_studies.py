"""Cohorts: every study is found however it lies, has a label that names nobody, and what is no study is named."""

import os
import shutil
import tracemalloc
from itertools import count

import cohorts
import pytest
from cohort_folder import studies_in, tree
from dicom_studies import small_study
from PerfusionDLLib.batch.cohort import survey
from PerfusionDLLib.dicom import read_study, write_study
from PerfusionDLLib.dicom.read import archive


def test_studies_are_found_however_they_lie(tmp_path):
    tidy, mixed = tree(tmp_path / "tidy"), tmp_path / "mixed"
    mixed.mkdir()
    number = count()
    for path in cohorts.files(tidy):
        shutil.copy(path, mixed / f"IM{next(number):05d}")
    first, second = studies_in(tidy), studies_in(mixed)
    assert [study.label for study in first] == [study.label for study in second]
    assert [study.fingerprint for study in first] == [study.fingerprint for study in second]
    assert [study.folder.as_posix() for study in first] in (["p1", "p2"], ["p2", "p1"])


def test_labels_of_studies_name_nobody(tmp_path):
    (study, *_) = studies_in(tree(tmp_path / "Doe^John", (1,)))
    assert study.label.startswith("study-")
    assert len(study.label) == 18


def test_results_call_a_study_what_its_cohort_calls_it(tmp_path):
    write_study(small_study(slices=1), tmp_path, vendor="siemens", seed=1)
    (study,) = studies_in(tmp_path)
    assert [scan.study for scan in read_study([tmp_path]).scans] == [study.label] * 2


def test_a_damaged_file_belongs_to_the_study_in_whose_folder_it_lies(tmp_path):
    tree(tmp_path)
    (tmp_path / "p1" / "scan1" / "copy.dcm").write_bytes(b"")
    by_folder = {study.folder.as_posix(): study for study in studies_in(tmp_path)}
    assert tmp_path / "p1" / "scan1" / "copy.dcm" in by_folder["p1"].files
    assert set(by_folder) == {"p1", "p2"}


def test_what_belongs_to_no_study_is_named_and_not_passed_over(tmp_path):
    tree(tmp_path, (1,))
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "a.dcm").write_bytes(b"")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("Dear colleague")
    assert {study.folder.as_posix() for study in studies_in(tmp_path)} == {"p1", "lost", "letters"}


def test_a_small_file_that_inflates_without_end_does_not_fill_the_memory_of_the_pass(tmp_path):
    path = cohorts.files(tree(tmp_path, (1,)))[0]
    before = archive.identify(path)
    cohorts.inflate(path, gigabytes=1)
    tracemalloc.start()
    assert archive.identify(path) == before
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tree(tmp_path, (1,)) / "p1" / "pipe.dcm")
    assert len(studies_in(tmp_path)) == 1


def test_files_that_did_not_change_are_not_opened_again(tmp_path, opened, monkeypatch):
    root = tree(tmp_path / "in")
    first = survey(root, opened)
    monkeypatch.setattr(archive, "identify", lambda path: pytest.fail(f"{path} was opened again"))
    assert survey(root, opened) == first


def test_results_below_the_studies_are_no_studies(tmp_path):
    root = tree(tmp_path)
    assert len(studies_in(root, without=root / "p2")) == 1
