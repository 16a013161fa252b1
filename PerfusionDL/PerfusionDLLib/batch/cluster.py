"""The workers: threads of this command by default, or those of any dask scheduler by its address.

The cluster of this machine opens no port: scheduler and workers speak inside this process, and each worker thread has
its study computed by a process of its own that it speaks to through a pipe. Nobody else can give it work.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import dask
import psutil
from distributed import Client, Scheduler, SpecCluster, Worker
from distributed.http.routing import RoutingApplication
from distributed.security import Security
from tornado.httpserver import HTTPServer

from ..data.errors import PerfusionError
from .worker import stop_all

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


def count_fitting_workers(memory_bytes: int) -> int:
    """How many workers this machine has cores and memory for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, int(0.9 * psutil.virtual_memory().total // memory_bytes)))


@dataclass(frozen=True)
class Certificates:
    """Files with which a scheduler at ``tls://`` and this command know each other, as `dask scheduler` calls them."""

    tls_ca_file: Path
    tls_cert: Path
    tls_key: Path


def is_open_to_others(address: str) -> bool:
    """Whether what is sent to a scheduler leaves this machine, or may be heard by others, without encryption.

    >>> is_open_to_others("tcp://127.0.0.1:8786"), is_open_to_others("tls://host:8786"), is_open_to_others("tcp://h:1")
    (False, False, True)
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    return parts.scheme != "tls" and parts.hostname not in ("127.0.0.1", "::1", "localhost")


@contextmanager
def connect_cluster(address: str | None, workers: int, certificates: Certificates | None = None) -> Iterator[Client]:
    """A client of the scheduler at ``address``, or of a cluster of this machine that ends with the block.

    Raises PerfusionError where nothing answers at the address, or the certificates are none.
    """
    if address is None:
        with dask.config.set(ENGINE), start_local_cluster(workers) as cluster, Client(cluster) as client:
            try:
                yield client
            finally:
                stop_all()  # a worker thread ends when its study does
        return
    security = read_security(address, certificates)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    large = "distributed.admin.large-graph-warning-threshold"
    with dask.config.set({large: ENGINE[large]}):
        try:
            client = Client(address, timeout=CONNECT_S, security=security)
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            raise PerfusionError(
                f"No scheduler answers at {address}.",
                "Start one with `dask scheduler`, and name the address it says. For tls:// both need certificates.",
            ) from error
        try:
            yield client
        finally:
            client.close(timeout=5)


def read_security(address: str, certificates: Certificates | None) -> Security | None:
    """What a connection is encrypted with. Raises PerfusionError where that cannot be."""
    if not address.startswith("tls://"):
        if certificates is not None:
            raise PerfusionError(
                f"The address {address} is not encrypted, but certificates were given.",
                "Name the address as tls://HOST:PORT, as the scheduler says it.",
            )
        return None
    if certificates is None:
        return Security(require_encryption=True)  # with what the configuration of dask names
    for path in vars(certificates).values():
        if not Path(path).is_file():
            raise PerfusionError(f"The certificate file {Path(path).name} is missing.", "Name the files as they are.")
    files = {
        "tls_ca_file": str(certificates.tls_ca_file),
        "tls_client_cert": str(certificates.tls_cert),
        "tls_client_key": str(certificates.tls_key),
    }
    return Security(require_encryption=True, **files)


class WithoutPort:
    """A node of the cluster that shows nothing: its pages are made and never served."""

    def start_http_server(self, routes, dashboard_address, default_port=0, ssl_options=None) -> None:
        """In place of the engine's, which listens on a port of its own even without a dashboard."""
        self.http_application = RoutingApplication([])
        self.http_server = HTTPServer(self.http_application)


class InnerScheduler(WithoutPort, Scheduler):
    """A scheduler that only this process reaches."""


class InnerWorker(WithoutPort, Worker):
    """A worker that only this process reaches."""


def start_local_cluster(workers: int) -> SpecCluster:
    """A cluster inside this process. Raises PerfusionError where it cannot be begun."""
    inside = {"protocol": "inproc://", "dashboard": False}
    # Studies are computed, and limited, in processes of their own.
    worker = {"cls": InnerWorker, "options": inside | {"nthreads": 1, "memory_limit": 0}}
    for left in reversed(range(BEGINNINGS)):
        try:
            return SpecCluster(
                workers=dict.fromkeys(range(workers), worker),
                scheduler={"cls": InnerScheduler, "options": inside | {"port": 0}},
                silence_logs=logging.CRITICAL,
            )
        except (RuntimeError, OSError) as error:
            if not left:
                raise PerfusionError(
                    f"No workers could be started on this machine: {error}", "Use fewer --workers, or try again later."
                ) from error
    raise ValueError(f"a cluster is begun at least once, got {BEGINNINGS}")
