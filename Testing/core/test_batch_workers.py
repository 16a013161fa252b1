"""Cohorts: a worker computes one study at a time, within its limits, and a lost one loses nothing."""

import cohorts
from cohort_folder import tree
from PerfusionDLLib import __version__
from PerfusionDLLib.batch.cluster import connected
from PerfusionDLLib.batch.dispatch import Task, dispatch
from PerfusionDLLib.batch.outcome import DONE, LIMITS, REFUSED
from PerfusionDLLib.batch.supervisor import Supervisor
from PerfusionDLLib.batch.worker import files_below, pack, unpack


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
