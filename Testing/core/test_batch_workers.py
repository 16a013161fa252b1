"""Cohorts: a worker computes one study at a time, within its limits, and a lost one loses nothing."""

import logging
import os
import shutil
import subprocess
from contextlib import contextmanager

import cohorts
import dask
import psutil
import pytest
from cohort_folder import tree
from distributed import LocalCluster
from distributed.security import Security
from PerfusionDLLib import __version__
from PerfusionDLLib.batch.cluster import ENGINE, Certificates, connect_cluster, is_open_to_others
from PerfusionDLLib.batch.dispatch import QueuedStudy, dispatch
from PerfusionDLLib.batch.outcome import DONE, LIMITS, REFUSED, Outcome
from PerfusionDLLib.batch.supervisor import Supervisor
from PerfusionDLLib.batch.worker import list_files, pack, unpack
from PerfusionDLLib.data.errors import PerfusionError


def test_packed_files_come_out_as_they_went_in(tmp_path):
    root = tree(tmp_path / "in")
    unpack(pack(root, list_files(root)), tmp_path / "out")
    assert [path.read_bytes() for path in list_files(root)] == [
        path.read_bytes() for path in list_files(tmp_path / "out")
    ]


def job(study="study-a", **changes):
    names = ("weights", "root", "out", "model", "dicom", "de_identify", "overwrite", "weights_sha256", "key")
    return dict.fromkeys(names, "") | {"study": study, "version": __version__, "device": "cpu", "files": []} | changes


def endless_job(folder):
    """A job that waits for networks which nobody ever writes."""
    os.mkfifo(folder / "peak.json")
    return job(weights=str(folder))


def test_a_worker_with_another_version_says_so():
    one = Supervisor()
    outcome = one.compute(job(version="0.0"), seconds=600, memory_bytes=1 << 40)
    one.stop()
    assert outcome.kind == REFUSED
    assert "0.0" in outcome.problem


def test_a_study_that_never_ends_is_ended_and_the_next_is_computed(tmp_path):
    one = Supervisor()
    outcome = one.compute(endless_job(tmp_path), seconds=0.3, memory_bytes=1 << 40)
    assert outcome.kind == LIMITS
    assert "not finished after 0.3 s" in outcome.problem
    assert one.compute(job(version="0.0"), seconds=600, memory_bytes=1 << 40).kind == REFUSED
    one.stop()


def test_a_study_that_eats_the_memory_is_ended(tmp_path):
    one = Supervisor()
    outcome = one.compute(endless_job(tmp_path), seconds=600, memory_bytes=1 << 22)
    one.stop()
    assert outcome.kind == LIMITS
    assert "GB of memory" in outcome.problem


@contextmanager
def processes(workers):
    """The address of a scheduler whose workers are processes, as on a cluster."""
    how = {"host": "127.0.0.1", "dashboard_address": None, "memory_limit": 0, "silence_logs": logging.CRITICAL}
    with LocalCluster(n_workers=workers, threads_per_worker=1, **how) as cluster:
        yield cluster.scheduler_address


def test_what_fails_is_tried_once_more_on_another_worker_and_a_killed_worker_loses_nothing(tmp_path):
    def ended(client, *names):
        tasks = [QueuedStudy({"study": name, "out": str(tmp_path / name)}, None, 0) for name in names]
        how = {"seconds": 1, "memory_bytes": 1, "function": cohorts.worker_that_loses}
        return {outcome.study: (outcome.kind, outcome.attempts) for outcome in dispatch(client, tasks, **how)}

    with dask.config.set(ENGINE), processes(2) as address, connect_cluster(address, 2) as client:
        done = ended(client, "is good", "loses", "raises") | ended(client, "kills")
    assert done == {"is good": (DONE, 1), "loses": (DONE, 2), "raises": (DONE, 2), "kills": (DONE, 1)}
    for name in ("loses", "raises", "kills"):
        first, second = (tmp_path / name).read_text().split()
        assert first != second, name


def listening():
    """Ports that this process and those that it started listen at."""
    this = psutil.Process()
    return {
        one.laddr
        for process in (this, *this.children(recursive=True))
        for one in process.net_connections(kind="all")
        if one.status == psutil.CONN_LISTEN
    }


def done_at_once(job, images, seconds, memory_bytes):
    return Outcome(study=job["study"], kind=DONE)


def test_a_cohort_on_this_machine_opens_no_port():
    """Nobody else on the machine can give it work, and no dashboard names folders."""
    before = listening()
    with connect_cluster(None, 2) as client:
        tasks = [QueuedStudy({"study": name}, None, 0) for name in "abc"]
        done = dispatch(client, tasks, seconds=1, memory_bytes=1, function=done_at_once)
        assert {outcome.study for outcome in done} == set("abc")
        assert listening() == before
        assert client.scheduler.address.startswith("inproc://")


@pytest.fixture
def certificates(tmp_path):
    """An authority and a certificate that it signed."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates of this test")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run([*command.split(), "-keyout", key, "-out", cert], check=True, capture_output=True)
    return Certificates(cert, cert, key)


def test_a_scheduler_with_certificates_is_spoken_to_in_private(certificates):
    both = {"tls_ca_file": str(certificates.tls_ca_file), "require_encryption": True}
    for role in ("scheduler", "worker", "client"):
        both |= {f"tls_{role}_cert": str(certificates.tls_cert), f"tls_{role}_key": str(certificates.tls_key)}
    cluster = LocalCluster(
        n_workers=1,
        processes=False,
        protocol="tls://",
        host="127.0.0.1",
        dashboard_address=None,
        security=Security(**both),
        silence_logs=logging.CRITICAL,
    )
    with cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        with connect_cluster(address, 1, certificates) as client:
            tasks = [QueuedStudy({"study": "a"}, None, 0)]
            done = dispatch(client, tasks, seconds=1, memory_bytes=1, function=done_at_once)
            assert [outcome.kind for outcome in done] == [DONE]


def test_certificates_that_are_none_are_said(certificates, tmp_path):
    missing = Certificates(tmp_path / "none.pem", certificates.tls_cert, certificates.tls_key)
    with pytest.raises(PerfusionError, match=r"none\.pem is missing"), connect_cluster("tls://127.0.0.1:1", 1, missing):
        pass
    with pytest.raises(PerfusionError, match="not encrypted"), connect_cluster("tcp://127.0.0.1:1", 1, certificates):
        pass


@pytest.mark.parametrize(
    ("address", "is_open"),
    [("tcp://127.0.0.1:8786", False), ("localhost:8786", False), ("tls://host:1", False), ("tcp://host:1", True)],
)
def test_a_connection_that_others_can_hear_is_known(address, is_open):
    assert is_open_to_others(address) is is_open
