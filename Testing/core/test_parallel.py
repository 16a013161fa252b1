"""Slices beside each other: the same numbers, the first error, and no slice begun for nothing."""

import threading
from functools import partial

import pytest
from patience import PATIENCE_S
from PerfusionDLLib import networks, phantom, pipeline
from PerfusionDLLib.app.parallel import compute_in_parallel, count_cores, one_thread
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.data.identity import digest


def test_the_numbers_are_the_same_to_the_last_bit_for_any_number_of_workers():
    study = phantom.simulate_study(3, size=96).study
    loaded = networks.load_networks()
    with one_thread():
        side_by_side = [partial(compute_in_parallel, workers=workers) for workers in (1, 2, 8)]
        found = [pipeline.preprocess(study, loaded, find_slices=one) for one in side_by_side]
    assert len({digest(one) for one in found}) == 1
    assert [scan.condition for scan in found[1].scans] == [scan.condition for scan in study.scans]
    assert [part.series.level for part in found[1].scans[0].slices] == ["basal", "mid", "apical"]


def test_slices_are_computed_at_the_same_time():
    meeting = threading.Barrier(2, timeout=PATIENCE_S)
    assert sorted(compute_in_parallel([meeting.wait, meeting.wait], workers=2)) == [0, 1]


def test_one_worker_computes_on_the_thread_that_asks():
    assert compute_in_parallel([threading.get_ident] * 3, workers=1) == [threading.get_ident()] * 3


def test_the_error_of_the_first_slice_is_raised_whichever_fails_earlier():
    failed = threading.Event()

    def first():
        assert failed.wait(30)
        raise PerfusionError("The basal slice shows no left ventricle.", "Draw a box.")

    def second():
        failed.set()
        raise PerfusionError("The mid slice shows no left ventricle.", "Draw a box.")

    with pytest.raises(PerfusionError, match="basal"):
        compute_in_parallel([first, second], workers=2)


def test_slices_that_have_not_begun_are_dropped_when_one_fails():
    begun = []

    def fail():
        raise PerfusionError("No left ventricle.", "Draw a box.")

    def note():
        begun.append(threading.get_ident())
        threading.Event().wait(0.05)

    with pytest.raises(PerfusionError):
        compute_in_parallel([fail, *[note] * 200], workers=2)
    assert len(begun) < 200


def test_there_is_no_work_without_a_worker():
    with pytest.raises(ValueError, match="at least 1"):
        compute_in_parallel([list], workers=0)
    assert count_cores() >= 1


def test_each_operation_of_a_thread_beside_others_has_one_thread():
    import torch

    with one_thread():
        assert compute_in_parallel([torch.get_num_threads] * 4, workers=2) == [1] * 4
