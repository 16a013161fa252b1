"""The same study on processors that round differently gives the same motion and the same flow.

OpenBLAS has a kernel for every kind of processor, and each sums in an order of its own. Here two of them that any
x86-64 processor of the last ten years can run compute the same scan, each in a process of its own.
"""

import os
import pickle
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import PerfusionDLLib
import pytest
from patience import PATIENCE_S
from PerfusionDLLib.data.study import Condition, Level
from PerfusionDLLib.phantom import DEFAULT, simulate_study

KERNELS = ("Prescott", "Haswell")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Of a rest scan with two slices, by kernel."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip(f"the kernels {' and '.join(KERNELS)} are for x86-64, not for {platform.machine()}")
    folder = tmp_path_factory.mktemp("processors")
    drawn = simulate_study(
        41,
        conditions=[Condition.REST],
        levels=[Level.BASAL, Level.MID],
        snr=20,
        config=replace(DEFAULT, sizes=(128,), frames_rest=(45, 45)),
    )
    (folder / "scan.pickle").write_bytes(pickle.dumps((drawn.study.rest, drawn.truth[Condition.REST])))
    script, library = Path(__file__).with_name("on_this_processor.py"), Path(PerfusionDLLib.__file__).parents[1]
    running = {
        kernel: subprocess.Popen(
            [sys.executable, script, folder / "scan.pickle", folder / kernel],
            env=os.environ | {"OPENBLAS_CORETYPE": kernel, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(library)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for kernel in KERNELS
    }
    found = {}
    for kernel, process in running.items():
        said = process.communicate(timeout=PATIENCE_S)[1]
        if process.returncode < 0 and kernel != KERNELS[0]:
            pytest.skip(f"this processor cannot run the kernel {kernel}")
        assert process.returncode == 0, said
        found[kernel] = pickle.loads((folder / kernel).read_bytes())
    if found[KERNELS[0]]["kernels"] == found[KERNELS[1]]["kernels"]:
        pytest.skip(f"OpenBLAS does not change its kernel on this processor: {found[KERNELS[0]]['kernels'] or 'none'}")
    return found


def test_the_heart_moves_alike(results):
    one, other = (results[kernel] for kernel in KERNELS)
    assert max(np.abs(here).max() for here in one["displacement_mm"]) > 3  # it breathes
    for here, there in zip(one["displacement_mm"], other["displacement_mm"], strict=True):
        np.testing.assert_allclose(here, there, rtol=0, atol=1e-3)
    for here, there in zip(one["aligned"], other["aligned"], strict=True):
        np.testing.assert_array_equal(here, there)


def test_flow_of_segments_is_alike_to_a_ten_thousandth(results):
    one, other = (np.array(results[kernel]["mbf_ml_min_g"], dtype=float) for kernel in KERNELS)
    assert np.isfinite(one).sum() == 13  # six walls of each slice, and the whole
    np.testing.assert_allclose(one, other, rtol=1e-4)


def test_flow_of_pixels_is_alike_to_a_thousandth(results):
    for here, there in zip(*(results[kernel]["pixel_mbf_ml_min_g"] for kernel in KERNELS), strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-3)
