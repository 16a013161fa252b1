"""Cohorts: every study is found however it lies, has a label that names nobody, and what is no study is named."""

import csv
import io
import os
import shutil
import tracemalloc
from itertools import count

import cohorts
import pytest
from cohort_folder import studies_in, tree
from dicom_studies import small_study
from PerfusionDLLib.batch.cohort import survey_cohort
from PerfusionDLLib.batch.cohort_tables import make_cohort_tables
from PerfusionDLLib.batch.folder import CohortFolder
from PerfusionDLLib.batch.outcome import REFUSED, Outcome
from PerfusionDLLib.batch.worker import pack, unpack
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
    first = survey_cohort(root, opened)
    monkeypatch.setattr(archive, "identify", lambda path: pytest.fail(f"{path} was opened again"))
    assert survey_cohort(root, opened) == first


def test_results_below_the_studies_are_no_studies(tmp_path):
    root = tree(tmp_path)
    assert len(studies_in(root, without=root / "p2")) == 1


def test_pixels_sent_again_under_the_same_identifiers_are_another_study(tmp_path, opened):
    """The file has the same size, and even the time of its modification was kept."""
    root = tree(tmp_path / "in", (1,))
    (first,) = survey_cohort(root, opened)
    path = cohorts.files(root)[3]
    about = path.stat()
    stored = bytearray(path.read_bytes())
    stored[-2] ^= 1
    path.write_bytes(stored)
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    (second,) = survey_cohort(root, opened)
    assert second.label == first.label
    assert second.fingerprint != first.fingerprint


def test_a_file_name_that_is_no_text_does_not_end_the_cohort(tmp_path, opened):
    root = tree(tmp_path / "in", (1,))
    named = os.fsdecode(b"M\xfcller \xff")
    (root / "p1").rename(root / named)
    (root / os.fsdecode(b"lost\xe9")).mkdir()
    (root / os.fsdecode(b"lost\xe9") / "a.dcm").write_bytes(b"")
    studies = survey_cohort(root, opened)
    assert len(studies) == 2
    for study in studies:
        opened.begin(study)
        refused = Outcome(study=study.label, kind=REFUSED, problem=f"{study.folder} shows no heart.")
        opened.end(study, refused, overwrite=False)
    opened.write(make_cohort_tables(opened, studies))
    for table in ("problems.csv", "studies.csv"):
        assert r"M\xfcller \xff" in (opened.out / table).read_text(encoding="utf-8")
    images = next(study.files for study in studies if len(study.files) > 1)
    unpack(pack(root, images), tmp_path / "sent")
    assert len(cohorts.files(tmp_path / "sent")) == len(images)
    assert survey_cohort(root, CohortFolder(opened.out)) == studies


@pytest.mark.parametrize("name", ["=HYPERLINK(A1)", "+1+1", "-1+1", "@SUM(A1)", "\t=1"])
def test_a_folder_named_like_a_formula_is_text_in_every_table(tmp_path, opened, name):
    root = tree(tmp_path / "in", (1,))
    (root / "p1").rename(root / name)
    (study,) = survey_cohort(root, opened)
    opened.begin(study)
    refused = Outcome(study=study.label, kind=REFUSED, problem=f"{name}: no heart.", remedy="=1")
    opened.end(study, refused, overwrite=False)
    tables = [content for name, content in make_cohort_tables(opened, [study]).items() if name.endswith(".csv")]
    assert len(tables) >= 3
    for content in tables:
        cells = [cell for row in csv.reader(io.StringIO(content.decode())) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
