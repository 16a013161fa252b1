"""Parts of a results folder that processes of their own write."""

import pytest
from PerfusionDLLib.app.result_parts import PARTS
from PerfusionDLLib.app.write_outputs import write_results
from PerfusionDLLib.app.writing_process import write_in_process
from PerfusionDLLib.data.errors import PerfusionError


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_process_writes_what_is_written_here(finished_study, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    PARTS["tables"](here, finished_study)
    steps = []
    write_in_process(["tables"], there, finished_study, progress=steps.append)
    assert content(there) == content(here)
    assert steps == ["tables"]


def test_the_error_of_a_process_is_raised_where_it_was_asked_for(finished_study, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"segments\.csv"):
        write_in_process(["tables"], tmp_path / "missing", finished_study)


def test_a_process_that_is_killed_is_not_taken_for_done(finished_study, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.executable", "false")
    with pytest.raises(PerfusionError, match="ended with code 1") as met:
        write_in_process(["tables"], tmp_path, finished_study)
    assert "--workers 1" in met.value.remedy


@pytest.mark.slow
def test_results_are_the_same_with_processes_beside_each_other(finished_study, tmp_path):
    folders = {workers: tmp_path / str(workers) for workers in (1, 2)}
    for workers, folder in folders.items():
        folder.mkdir()
        write_results(folder, finished_study, workers=workers)
    assert content(folders[1]) == content(folders[2])
