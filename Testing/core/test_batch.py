"""Cohorts by the command, on this machine and on workers elsewhere: each study as in a run of its own."""

import csv
import json
import subprocess
import sys
import time

import cohorts
import pytest
from PerfusionDLLib.batch.outcome import REFUSED


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
