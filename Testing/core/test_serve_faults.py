"""What may go wrong between a node and its archive: certificates, passwords, redirects, silence, a full disk."""

import datetime
import os
import resource
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cohorts
import pytest
from encrypting_proxy import encrypted
from orthanc_server import PASSWORD, USER, orthanc
from patience import PATIENCE_S
from PerfusionDLLib.batch.cohort import Settings
from PerfusionDLLib.data.errors import PerfusionError
from PerfusionDLLib.serve import orthanc as module
from PerfusionDLLib.serve.journal import Journal
from PerfusionDLLib.serve.node import Node
from PerfusionDLLib.serve.orthanc import ArchiveSilentError, Orthanc, RefusedError, StudyImages


@pytest.fixture
def archive(tmp_path):
    with orthanc(tmp_path / "orthanc") as server:
        yield server


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The files of a small study."""
    return cohorts.files(cohorts.write_small_study(tmp_path_factory.mktemp("images"), 60_070))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority of our own, and its file."""
    trustme = pytest.importorskip("trustme", reason="trustme is not installed; `pip install trustme` to try TLS")
    made, path = trustme.CA(), tmp_path_factory.mktemp("authority") / "ca.pem"
    made.cert_pem.write_to_path(path)
    return made, path


@pytest.fixture
def certified(authority, tmp_path):
    """A function that writes a certificate for some host, with its key, and gives its file."""

    def issue(host, **how):
        path = tmp_path / "certificate.pem"
        authority[0].issue_cert(host, **how).private_key_and_cert_chain_pem.write_to_path(path)
        return path

    return issue


def port_of(server):
    return int(server.url.rpartition(":")[2])


def test_images_and_results_travel_encrypted(archive, certified, authority, images, tmp_path):
    archive.send(images[:12])
    archive.wait_until_stable()
    with encrypted(port_of(archive), certified("localhost")) as url:
        trusted = Orthanc(url, user=USER, password=PASSWORD, ca_file=authority[1])
        trusted.check()
        assert not trusted.is_open_to_others
        (study,) = archive.get("/studies").json()
        trusted.fetch(trusted.images(study), tmp_path / "fetched")
        sent = {path.read_bytes() for path in images[:12]}
        assert {path.read_bytes() for path in cohorts.files(tmp_path / "fetched")} == sent
        trusted.store(images[12:14], None)
        assert archive.get("/statistics").json()["CountInstances"] == 14
        with pytest.raises(ArchiveSilentError, match="not trusted; see --ca-file"):
            Orthanc(url, user=USER, password=PASSWORD).check()
        with pytest.raises(PerfusionError, match="does not let this user in"):
            Orthanc(url, user=USER, password="wrong", ca_file=authority[1]).check()


YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("host", "how", "words"),
    [("other.example", {}, "for another host"), ("localhost", {"not_after": YESTERDAY}, "has expired")],
)
def test_a_wrong_certificate_is_said(certified, authority, host, how, words):
    with encrypted(9, certified(host, **how)) as url, pytest.raises(ArchiveSilentError, match=words):
        Orthanc(url, user=USER, password=PASSWORD, ca_file=authority[1]).check()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_neither_images_nor_results_follow_a_redirect(answering, images, status):
    elsewhere = answering(200)
    archive = answering(status, location=elsewhere.url)
    with pytest.raises(ArchiveSilentError, match="another address"):
        archive.check()
    with pytest.raises(ArchiveSilentError, match="another address"):
        archive.store(images[:1], None)
    assert elsewhere.asked == []


def test_the_page_of_another_server_is_no_archive(answering):
    with pytest.raises(ArchiveSilentError, match="none of an Orthanc server"):
        answering(200).check()


def test_a_study_without_end_does_not_fill_the_disk(answering, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_STUDY_BYTES", 2)
    with pytest.raises(RefusedError, match="GB of images"):
        answering(200).fetch(StudyImages("1.2", ("a",), "1234"), tmp_path / "study")
    assert not list(tmp_path.iterdir())


def test_a_wrong_password_and_a_server_that_is_away_are_said(archive, tmp_path):
    with pytest.raises(PerfusionError, match="does not let this user in") as refused:
        Orthanc(archive.url, user=USER, password="wrong").check()
    assert "wrong" not in str(refused.value)
    Orthanc(archive.url, user=USER, password=PASSWORD).check()
    away = Node(archive=Orthanc("http://127.0.0.1:9"), out=tmp_path / "node", settings=Settings())
    with pytest.raises(PerfusionError, match="does not answer: ConnectionError"):
        away.run(interval_s=1, once=True)


@pytest.fixture
def answering():
    """A server that gives one answer to everything."""
    started = []

    def begin(status, location=""):
        asked = []

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(status)
                if location:
                    self.send_header("Location", location + self.path)
                self.send_header("Content-Length", "3")
                self.end_headers()
                self.wfile.write(b"cut")

            do_POST = do_GET

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        archive = Orthanc(f"http://127.0.0.1:{server.server_port}")
        archive.asked = asked
        return archive

    yield begin
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (500, RefusedError, "answered 500 to a request about the study"),
        (503, ArchiveSilentError, "answered 503"),
        (200, RefusedError, "came cut off"),
    ],
)
def test_an_answer_about_one_study_is_no_silence_of_the_archive(answering, tmp_path, status, error, words):
    archive = answering(status)
    with pytest.raises(error, match=words):
        archive.fetch(StudyImages("1.2", ("a",), "1234"), tmp_path / "study")
    assert not list(tmp_path.iterdir())


def test_a_study_that_the_archive_never_gives_holds_up_nobody_and_is_given_up(answering, tmp_path, monkeypatch):
    """The archive knows two studies and gives none of them."""
    archive = answering(500)
    monkeypatch.setattr(archive, "images", lambda study: StudyImages("1.2", (study,), study))
    monkeypatch.setattr(archive, "changes", lambda since: iter([(2, ["a", "b"])] if since < 2 else []))
    said = []
    node = Node(archive=archive, out=tmp_path, settings=Settings(), everything=True, report_line=said.append)
    node.run(interval_s=0.01, once=True)
    assert {name: one.ended for name, one in Journal(tmp_path).studies.items()} == {"a": "failed", "b": "failed"}
    assert len(said) == 2
    assert "answered 500" in said[0]


def serve(url, out, *options):
    command = [
        sys.executable,
        "-m",
        "PerfusionDLLib.cli",
        "serve",
        "--orthanc",
        url,
        "--out",
        str(out),
        "--user",
        USER,
    ]
    return subprocess.run(
        [*command, "--all", "--once", "--interval", "0.2", *options],
        env=os.environ | {"PERFUSIONDL_ORTHANC_PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@contextmanager
def files_of_at_most(size):
    """Larger files cannot be written, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_without_room_ends_the_node_with_a_sentence_and_loses_nothing(archive, images, tmp_path):
    archive.send(images[:10])
    archive.wait_until_stable()
    server = Orthanc(archive.url, user=USER, password=PASSWORD)
    node = Node(archive=server, out=tmp_path / "node", settings=Settings(), everything=True)
    with files_of_at_most(15_000), pytest.raises(PerfusionError, match="Check that the disk has room"):
        node.run(interval_s=0.1, once=True)
    assert not list((tmp_path / "node" / "images").iterdir())
    assert len(Journal(tmp_path / "node").waiting) == 1, "it is fetched as soon as there is room"


def test_a_journal_that_cannot_be_written_ends_the_node_before_anything_is_done(tmp_path):
    (tmp_path / ".serve").mkdir()
    (tmp_path / ".serve" / "journal.jsonl").symlink_to("/dev/full")
    node = Node(archive=Orthanc("http://127.0.0.1:9"), out=tmp_path, settings=Settings(), everything=True)
    with pytest.raises(PerfusionError, match=r"could not be written: No space left on device\."):
        node.run(interval_s=0.1, once=True)


@pytest.mark.slow
def test_a_node_that_may_only_read_keeps_results_to_itself(archive, certified, authority, images, tmp_path):
    archive.send(images)
    archive.wait_until_stable()
    with encrypted(port_of(archive), certified("localhost")) as url:
        ended = serve(url, tmp_path / "node", "--read-only", "--ca-file", str(authority[1]))
    assert "results kept here" in ended.stderr
    assert "not encrypted" not in ended.stderr
    assert archive.objects() == []
    assert len(list((tmp_path / "node").glob("cohort-*/studies/*/dicom/*.dcm"))) == 5
