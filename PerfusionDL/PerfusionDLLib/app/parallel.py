"""Slices beside each other: a slice depends on no other one until the flow.

Threads suffice: NumPy, SciPy and PyTorch hold the interpreter's lock for a tenth of the time. Each thread computes
alone, so that the numbers are the same to the last bit for any number of them.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def count_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def compute_in_parallel(jobs: Sequence[Callable[[], Result]], workers: int) -> list[Result]:
    """Results of independent jobs in their order, computed on as many threads as ``workers``.

    The error of the first job that fails is raised, whichever fails earlier; jobs that have not begun are then dropped.

    Examples
    --------
    >>> compute_in_parallel([lambda: 1, lambda: 2, lambda: 3], workers=2)
    [1, 2, 3]
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if min(workers, len(jobs)) <= 1:
        return [job() for job in jobs]
    with ThreadPoolExecutor(min(workers, len(jobs)), initializer=_compute_alone) as pool:
        begun = [pool.submit(job) for job in jobs]
        try:
            return [future.result() for future in begun]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Numbers inside do not depend on how many cores the machine has, nor on who calls: each operation has one thread.

    Slicer does not bring threadpoolctl; only PyTorch is limited there.
    """
    threads = _set_torch_threads(1)
    try:
        with _linear_algebra_alone():
            yield
    finally:
        _set_torch_threads(threads)


def one_thread_environment() -> dict[str, str]:
    """Environment of another process whose operations have one thread each, and that finds the modules of this one."""
    search_path = os.pathsep.join(filter(None, sys.path))
    return os.environ | dict.fromkeys(_THREAD_VARIABLES, "1") | {"PYTHONPATH": search_path}


@contextmanager
def _linear_algebra_alone() -> Iterator[None]:
    try:
        from threadpoolctl import threadpool_limits
    except ModuleNotFoundError:
        yield
        return
    with threadpool_limits(1):
        yield


def _compute_alone() -> None:
    """Each thread of the pool has its own setting of PyTorch."""
    _set_torch_threads(1)


def _set_torch_threads(threads: int) -> int:
    """Have PyTorch use so many threads; returns how many it used before. It is not loaded for that."""
    torch = sys.modules.get("torch")
    if torch is None:
        return threads
    former = torch.get_num_threads()
    torch.set_num_threads(threads)
    return former
