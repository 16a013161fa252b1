"""Cohorts: every study is found, computed or named; whatever is killed, what is finished stays and is not repeated."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from itertools import count
from pathlib import Path

import cohorts
import pypdf
import pytest
from dicom_studies import small_scan, small_study
from PerfusionDLLib import __version__, report, results
from PerfusionDLLib.batch import folder as folders
from PerfusionDLLib.batch import opening
from PerfusionDLLib.batch.cluster import connected
from PerfusionDLLib.batch.cohort import survey
from PerfusionDLLib.batch.dispatch import Task, dispatch
from PerfusionDLLib.batch.outcome import DONE, LIMITS, LOST, REFUSED, Outcome
from PerfusionDLLib.batch.supervisor import Supervisor
from PerfusionDLLib.batch.tables import cohort_tables
from PerfusionDLLib.batch.worker import files_below, pack, unpack
from PerfusionDLLib.dicom import archive, find_studies, list_files, read_study, write_study
from PerfusionDLLib.errors import PerfusionError
from PerfusionDLLib.report import cohort
from PerfusionDLLib.series import Condition, Study

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


@pytest.fixture
def opened(tmp_path):
    with opening.opened(tmp_path / "out", SETTINGS, resume=False) as folder:
        yield folder


def finish(folder, study):
    """As if a worker had written the results of a study."""
    place = folder.results(study.label)
    place.mkdir()
    (place / "segments.csv").write_text("x")


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


def test_a_finished_study_is_not_repeated_and_a_changed_one_is(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    finish(opened, study)
    opened.end(study, Outcome(study=study.label, kind=DONE), overwrite=False)
    again = folders.CohortFolder(opened.out)
    assert again.settled(study)
    assert not again.settled(replace(study, fingerprint="other"))


def test_a_study_that_was_finished_when_the_power_failed_is_not_repeated(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    finish(opened, study)
    with (opened.out / folders.STATE / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "ended", "stu')
    again = folders.CohortFolder(opened.out)
    again.adopt(study)
    assert again.settled(study)
    assert again.done() == [study.label]


def test_a_refusal_is_not_repeated_and_a_lost_study_is(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    for kind, settled in ((REFUSED, True), (LIMITS, False), (LOST, False)):
        opened.begin(study)
        opened.end(study, Outcome(study=study.label, kind=kind), overwrite=False)
        assert folders.CohortFolder(opened.out).settled(study) is settled


def test_results_of_an_attempt_believed_to_be_lost_are_kept(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    finish(opened, study)
    opened.end(study, Outcome(study=study.label, kind=LOST), overwrite=False)
    assert opened.done() == [study.label]


def test_results_that_a_worker_wrote_elsewhere_are_missed(tmp_path, opened):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    opened.begin(study)
    opened.end(study, Outcome(study=study.label, kind=DONE), overwrite=False)
    assert "--send" in opened.ended[study.label].remedy


def test_a_nearly_full_disk_stops_before_studies_are_spoiled(tmp_path, opened, monkeypatch):
    (study,) = studies_in(tree(tmp_path / "in", (1,)))
    monkeypatch.setattr(folders, "FREE_BYTES", 1 << 60)
    with pytest.raises(PerfusionError, match="nearly full"):
        opened.begin(study)


def test_two_commands_on_one_folder_do_not_tangle(tmp_path, opened):
    with (
        pytest.raises(PerfusionError, match="Another command"),
        opening.opened(opened.out, SETTINGS, resume=True),
    ):
        pass


@pytest.mark.parametrize(
    ("settings", "resume", "said"), [(SETTINGS, False, "--resume"), ({"model": "x"}, True, "begun")]
)
def test_a_cohort_is_continued_only_as_it_was_begun(tmp_path, settings, resume, said):
    with opening.opened(tmp_path / "out", SETTINGS, resume=False) as folder:
        folder.begin(studies_in(tree(tmp_path / "in", (1,)))[0])
    with pytest.raises(PerfusionError, match=said), opening.opened(tmp_path / "out", settings, resume=resume):
        pass


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(PerfusionError, match="no cohort"), opening.opened(tmp_path, SETTINGS, resume=True):
        pass


def test_what_a_crash_left_is_put_back_and_taken_away(tmp_path):
    with pytest.raises(KeyboardInterrupt), opening.opened(tmp_path / "out", SETTINGS, resume=False) as folder:
        (folder.out / "studies" / ".study-a.partial-1-x").mkdir()
        (folder.out / "studies" / ".study-b.former").mkdir()
        raise KeyboardInterrupt
    with opening.opened(tmp_path / "out", SETTINGS, resume=True) as folder:
        assert [path.name for path in (folder.out / "studies").iterdir()] == ["study-b"]


def test_a_cohort_that_ends_leaves_nothing_half_written(tmp_path):
    with opening.opened(tmp_path / "out", SETTINGS, resume=False) as folder:
        (folder.out / "studies" / ".study-a.partial-1-x").mkdir()  # by an attempt whose worker was killed
    assert not list((folder.out / "studies").iterdir())


def test_packed_files_come_out_as_they_went_in(tmp_path):
    root = tree(tmp_path / "in")
    unpack(pack(root, files_below(root)), tmp_path / "out")
    assert [path.read_bytes() for path in files_below(root)] == [
        path.read_bytes() for path in files_below(tmp_path / "out")
    ]


def job(study="study-a", **changes):
    names = ("weights", "root", "out", "model", "dicom", "de_identify", "overwrite", "weights_sha256")
    return dict.fromkeys(names, "") | {"study": study, "version": __version__, "device": "cpu", "files": []} | changes


def test_a_worker_with_another_version_says_so():
    one = Supervisor()
    outcome = one.compute(job(version="0.0"), seconds=600, memory_bytes=1 << 40)
    one.stop()
    assert outcome.kind == REFUSED
    assert "0.0" in outcome.problem


def test_a_study_that_never_ends_is_ended_and_the_next_is_computed(tmp_path):
    one = Supervisor()
    outcome = one.compute(job(), seconds=0.3, memory_bytes=1 << 40)
    assert outcome.kind == LIMITS
    assert "not finished after 0.3 s" in outcome.problem
    assert one.compute(job(version="0.0"), seconds=600, memory_bytes=1 << 40).kind == REFUSED
    one.stop()


def test_a_study_that_eats_the_memory_is_ended():
    one = Supervisor()
    outcome = one.compute(job(), seconds=600, memory_bytes=1 << 22)
    one.stop()
    assert outcome.kind == LIMITS
    assert "GB of memory" in outcome.problem


def test_a_table_survives_being_written_and_read(finished_study):
    text = report.table_json(finished_study.table)
    assert report.table_json(cohort.table_from_json(text)) == text


def test_the_cohort_has_a_row_per_study_condition_and_segment(finished_study, stress_only_study):
    text = cohort.cohort_csv({"b": finished_study.table, "a": stress_only_study.table})
    rows = list(csv.DictReader(text.splitlines()))
    keys = [(row["study"], row["condition"], int(row["aha_segment"])) for row in rows]
    assert keys == sorted(set(keys))
    assert len(rows) == 16 * 3
    assert rows[0]["mbf_ml_min_g"] == f"{stress_only_study.table.segments[0].stress.mbf_ml_min_g:.4f}"


def test_studies_far_from_the_others_are_to_be_looked_at_first(finished_study, tmp_path):
    whole = finished_study.table.whole
    studies = {}
    for number in range(12):
        flow = replace(whole.stress, mbf_ml_min_g=2.5 + 0.01 * number if number < 11 else 6.0)
        studies[f"s{number}"] = cohort.StudyReading(
            replace(finished_study.table, whole=replace(whole, stress=flow)), {"labels": 0.9}
        )
    first, reasons = cohort.look_first(studies)[0]
    assert first == "s11"
    assert "stress MBF 6.00 is far above the cohort's" in reasons
    with (tmp_path / "cohort.pdf").open("wb") as target:
        cohort.write_cohort_pdf(target, studies, {f"t{n}": "refused, at reading " * 9 for n in range(99)}, 3)
    assert (tmp_path / "cohort.pdf").stat().st_size > 5000


def test_tables_of_an_empty_cohort_can_be_written(tmp_path, opened):
    tables = cohort_tables(opened, studies_in(tree(tmp_path / "in", (1,))))
    assert tables["studies.csv"].count(b"waiting") == 1
    assert set(tables) == {"cohort.csv", "problems.csv", "studies.csv", "cohort.pdf"}


def test_what_may_leave_the_house_names_nobody_even_where_folders_do(tmp_path, opened, finished_study):
    """Flow of one patient, and the problem of another whose file carries the name."""
    done, broken = studies_in(tree(tmp_path / "Doe^John"))
    for study in (done, broken):
        opened.begin(study)
    place = opened.results(done.label)
    place.mkdir()
    (place / "table.json").write_text(report.table_json(finished_study.table))
    results.write_index(place / results.INDEX, finished_study.preprocessed, {})
    opened.end(done, Outcome(study=done.label, kind=DONE), overwrite=False)
    problem = {"step": "reading DICOM", "problem": "The file Roe^Jane.dcm is damaged.", "remedy": "Send it again."}
    opened.end(broken, Outcome(study=broken.label, kind=REFUSED, **problem), overwrite=False)
    opened.folders |= {done.label: "Doe^John/1", broken.label: "Roe^Jane/2"}
    tables = cohort_tables(opened, [])
    page = "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(tables["cohort.pdf"])).pages)
    assert broken.label in page
    assert "refused, at reading DICOM" in page
    assert done.label.encode() in tables["cohort.csv"]
    for said in (page, tables["cohort.pdf"].decode("latin-1"), tables["cohort.csv"].decode()):
        assert not any(name in said for name in ("Doe", "Roe", "John", "Jane"))
    assert b"Roe^Jane.dcm" in tables["problems.csv"]
    assert tables["studies.csv"].count(b"^J") == 2


def test_what_fails_is_tried_once_more_on_another_worker_and_a_killed_worker_loses_nothing(tmp_path):
    def ended(client, *names):
        tasks = [Task({"study": name, "out": str(tmp_path / name)}, None, 0) for name in names]
        how = {"seconds": 1, "memory_bytes": 1, "function": cohorts.worker_that_loses}
        return {outcome.study: (outcome.kind, outcome.attempts) for outcome in dispatch(client, tasks, **how)}

    with connected(None, 2) as client:
        done = ended(client, "is good", "loses", "raises") | ended(client, "kills")
    assert done == {"is good": (DONE, 1), "loses": (DONE, 2), "raises": (DONE, 2), "kills": (DONE, 1)}
    for name in ("loses", "raises", "kills"):
        first, second = (tmp_path / name).read_text().split()
        assert first != second, name


def command(*arguments, **how):
    arguments = [sys.executable, "-m", "PerfusionDLLib.cli", *map(str, arguments)]
    return subprocess.run(arguments, capture_output=True, text=True, **how)


def rows(path):
    with path.open(newline="") as text:
        return {row["folder"].partition("/")[0]: row for row in csv.DictReader(text)}


def test_a_cohort_gives_each_study_s_single_run_and_names_what_is_broken(tmp_path):
    for seed, name in ((50_000, "one"), (50_001, "two")):
        cohorts.write_small_study(tmp_path / "in" / name, seed)
    cohorts.no_perfusion(tmp_path / "in" / "broken", 50_002)
    said = command("batch", tmp_path / "in", "--out", tmp_path / "out", "--workers", 2)
    assert said.returncode == 0, said.stderr
    assert "2 of 3 studies have results" in said.stdout
    problem = rows(tmp_path / "out" / "problems.csv")["broken"]
    assert problem["kind"] == REFUSED
    assert problem["attempts"] == "2"
    command("run", tmp_path / "in" / "one", "--out", tmp_path / "single", check=True)
    study = rows(tmp_path / "out" / "studies.csv")["one"]["study"]
    assert cohorts.tables(tmp_path / "out" / "studies" / study) == cohorts.tables(tmp_path / "single")
    journal = (tmp_path / "out" / ".batch" / "journal.jsonl").read_text()
    assert command("batch", tmp_path / "in", "--out", tmp_path / "out", "--resume").returncode == 0
    assert (tmp_path / "out" / ".batch" / "journal.jsonl").read_text() == journal


def dask(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *map(str, arguments[1:])],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers of its own, as on other machines."""
    note = tmp_path / "scheduler.json"
    started = [dask("scheduler", "--port", 0, "--no-dashboard", "--scheduler-file", note)]
    while not note.exists():
        time.sleep(0.1)
    time.sleep(0.5)
    for name in ("a", "b"):
        scratch = tmp_path / name
        scratch.mkdir()
        started.append(
            dask("worker", "--scheduler-file", note, "--nthreads", 1, "--no-dashboard", "--local-directory", scratch)
        )
    yield json.loads(note.read_text())["address"], started
    for process in started:
        process.terminate()
    for process in started:
        process.wait()


@pytest.mark.slow
def test_images_are_sent_to_workers_that_share_no_folder(tmp_path, cluster):
    cohorts.write_small_study(tmp_path / "in" / "one", 50_000)
    options = ("--out", tmp_path / "out", "--scheduler", cluster[0], "--send")
    assert command("batch", tmp_path / "in", *options).returncode == 0
    command("run", tmp_path / "in" / "one", "--out", tmp_path / "single", check=True)
    study = rows(tmp_path / "out" / "studies.csv")["one"]["study"]
    assert cohorts.tables(tmp_path / "out" / "studies" / study) == cohorts.tables(tmp_path / "single")


@pytest.mark.slow
def test_a_lost_scheduler_is_said_and_what_is_finished_stays(tmp_path, cluster):
    for number in range(4):
        cohorts.write_small_study(tmp_path / "in" / f"p{number}", 50_000 + number)
    arguments = ("batch", tmp_path / "in", "--out", tmp_path / "out")
    address, started = cluster
    running = subprocess.Popen(
        [sys.executable, "-m", "PerfusionDLLib.cli", *map(str, arguments), "--scheduler", address],
        stderr=subprocess.PIPE,
        text=True,
    )
    while running.poll() is None and not list((tmp_path / "out").glob("studies/study-*")):
        time.sleep(0.1)
    started[0].kill()
    _, said = running.communicate()
    assert running.returncode == 2
    assert "scheduler does not answer" in said
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("studies/study-*/table.json")}
    assert before
    assert command(*arguments, "--resume", "--workers", 2).returncode == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("studies/study-*/table.json")}
    assert len(after) == 4
    assert before.items() <= after.items()
