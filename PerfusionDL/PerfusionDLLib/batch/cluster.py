"""The workers: those of this machine by default, or those of any dask scheduler by its address."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import dask
import psutil
from distributed import Client, LocalCluster

from ..data.errors import PerfusionError

CONNECT_S = 20
BEGINNINGS = 3  # of a local cluster, which fails to begin where the machine is too busy
ENGINE = {
    # Our processes may be stopped for minutes (a laptop that sleeps); one that died is known by its closed connection.
    "distributed.scheduler.worker-ttl": "1 hour",
    "distributed.comm.timeouts.tcp": "15 minutes",
    # A worker that dies is no fault of the study, which runs in a process of its own; yet none is begun forever.
    "distributed.scheduler.allowed-failures": 10,
    # Each worker gets one study at a time; an idle one must not take over what it has just failed at.
    "distributed.scheduler.work-stealing": False,
    "distributed.comm.timeouts.connect": "15 minutes",
    "distributed.admin.large-graph-warning-threshold": "1 TB",  # images that are sent along
    "distributed.admin.tick.limit": "1 hour",
}


def fitting_workers(memory_bytes: int) -> int:
    """How many workers this machine has cores and memory for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(0.9 * psutil.virtual_memory().total // memory_bytes)))


@contextmanager
def connected(address: str | None, workers: int) -> Iterator[Client]:
    """A client of the scheduler at ``address``, or of a cluster of this machine that ends with the block.

    Raises PerfusionError where nothing answers at the address.
    """
    if address is None:
        with dask.config.set(ENGINE), local_cluster(workers) as cluster, Client(cluster) as client:
            yield client
        return
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    large = "distributed.admin.large-graph-warning-threshold"
    with dask.config.set({large: ENGINE[large]}):
        try:
            client = Client(address, timeout=CONNECT_S)
        except (OSError, ValueError, RuntimeError) as error:
            raise PerfusionError(
                f"No scheduler answers at {address}.", "Start one with `dask scheduler`, and name the address it says."
            ) from error
        try:
            yield client
        finally:
            client.close(timeout=5)


def local_cluster(workers: int) -> LocalCluster:
    """A cluster of this machine. Raises PerfusionError where it cannot be begun."""
    for left in reversed(range(BEGINNINGS)):
        try:
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=0,  # studies are computed, and limited, in processes of their own
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
                preload=["PerfusionDLLib.batch.worker"],
            )
        except (RuntimeError, OSError) as error:
            if not left:
                raise PerfusionError(
                    f"No workers could be started on this machine: {error}", "Use fewer --workers, or try again later."
                ) from error
    raise ValueError(f"a cluster is begun at least once, got {BEGINNINGS}")
