"""Functions called in processes of their own, and the parts of a results folder that they write."""

import gc
import pickle
import time
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE_S
from PerfusionDLLib.app.processes import ProcessCall, loading_to_stay
from PerfusionDLLib.app.result_parts import write_parts, write_parts_later
from PerfusionDLLib.app.write_outputs import begin_writing, write_results
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.preprocessed import MotionCompensation


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_process_writes_what_is_written_here(finished_study, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    write_parts(["tables"], here, finished_study)
    steps = []
    with ProcessCall(write_parts, ["tables"], there, finished_study) as call:
        call.result(steps.append)
    assert content(there) == content(here)
    assert steps == ["tables"]


@pytest.mark.parametrize("moved", [(), (0.5, -0.0, np.nan)])
def test_another_process_is_sent_the_displacements_that_are_not_zero_and_has_them_all(moved):
    field_mm = np.zeros((5, 2, 60, 50), np.float32)
    field_mm[1, 0, 20 : 20 + len(moved), 30] = moved
    motion = MotionCompensation(
        corrected=np.zeros(1),
        displacement_mm=field_mm,
        reference_frame=0,
        quality=np.ones(5),
        aligned=np.ones(5, bool),
    )
    sent = pickle.dumps(motion)
    assert len(sent) < 2000
    assert pickle.loads(sent).displacement_mm.tobytes() == field_mm.tobytes()


def test_a_process_loads_its_libraries_before_it_is_given_the_result(finished_study, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    write_parts(["tables"], here, finished_study)
    with ProcessCall(write_parts_later, ["tables"], there) as call:
        call.send(finished_study.preprocessed)
        assert content(there) == {}
        call.send((finished_study.maps, finished_study.table))
        call.result()
    assert content(there) == content(here)


def test_what_a_process_that_ended_was_still_to_be_given_is_no_error_of_its_own(monkeypatch):
    monkeypatch.setattr("sys.executable", "false")
    with ProcessCall(divmod, 17, 5) as call, pytest.raises(PerfusionError, match="divmod ended"):
        call._process.wait()
        call.send(bytes(1 << 20))
        call.result()


def test_what_is_loaded_to_stay_is_searched_for_garbage_no_more_and_the_rest_as_before():
    before = gc.get_freeze_count()
    try:
        with loading_to_stay():
            kept = [[] for _ in range(1000)]
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()


def test_the_processes_that_write_end_where_there_is_no_flow(finished_study, tmp_path):
    with (
        pytest.raises(PerfusionError, match="No flow"),
        begin_writing(tmp_path, finished_study.preprocessed, workers=2),
    ):
        raise PerfusionError("No flow.", "Draw a myocardium.")
    assert content(tmp_path) == {}


def test_the_error_of_a_process_is_raised_where_its_result_is_asked_for(tmp_path):
    with (
        ProcessCall(Path.read_text, tmp_path / "missing.csv") as call,
        pytest.raises(FileNotFoundError, match="missing"),
    ):
        call.result()


def test_an_error_for_the_user_keeps_problem_and_remedy(tmp_path):
    from PerfusionDLLib.dicom import read_study

    with ProcessCall(read_study, [tmp_path]) as call, pytest.raises(PerfusionError) as met:
        call.result()
    with pytest.raises(PerfusionError) as expected:
        read_study([tmp_path])
    assert (met.value.problem, met.value.remedy) == (expected.value.problem, expected.value.remedy)


def test_a_process_that_is_killed_is_not_taken_for_done(monkeypatch):
    monkeypatch.setattr("sys.executable", "false")
    with ProcessCall(divmod, 17, 5) as call, pytest.raises(PerfusionError, match="divmod ended with code 1") as met:
        call.result()
    assert "--workers 1" in met.value.remedy


def test_a_process_ends_with_the_block_that_asked_for_it():
    began = time.monotonic()
    with ProcessCall(time.sleep, 10 * PATIENCE_S) as call:
        process = call._process
    assert process.poll() is not None
    assert time.monotonic() - began < PATIENCE_S


@pytest.mark.slow
def test_results_are_the_same_with_processes_beside_each_other(finished_study, tmp_path):
    folders = {workers: tmp_path / str(workers) for workers in (1, 2)}
    for workers, folder in folders.items():
        folder.mkdir()
        write_results(folder, finished_study, workers=workers)
    assert content(folders[1]) == content(folders[2])
