"""A real Orthanc on the loopback address, empty, with a user and a password."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from patience import PATIENCE_S

USER, PASSWORD = "node", "secret"
PLUGINS = Path("/usr/lib/orthanc/libOrthancDicomWeb.so"), Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


class Server:
    """What a test asks of the archive."""

    def __init__(self, url: str, begin) -> None:
        import requests

        self.url, self._begin, self._process = url, begin, None
        self.session = requests.Session()
        self.session.auth = (USER, PASSWORD)

    def begin(self) -> None:
        """Start the server, or start it again with what it holds."""
        self._process = self._begin()
        _wait_until_it_answers(self, self._process)

    @property
    def is_down(self) -> bool:
        """Whether it was killed, or ended by itself."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """As when the power fails."""
        self._process.kill()
        self._process.wait()

    def get(self, path: str):
        answer = self.session.get(self.url + path, timeout=PATIENCE_S)
        answer.raise_for_status()
        return answer

    def send(self, files) -> None:
        """As a scanner sends images."""
        for path in files:
            answer = self.session.post(f"{self.url}/instances", data=Path(path).read_bytes(), timeout=PATIENCE_S)
            answer.raise_for_status()

    def objects(self) -> list[dict]:
        """Everything that is no image: modality and identifiers."""
        series = [one for one in self.get("/series?expand").json() if one["MainDicomTags"]["Modality"] != "MR"]
        return [
            {"id": name, "modality": one["MainDicomTags"]["Modality"], "study": one["ParentStudy"]}
            for one in series
            for name in one["Instances"]
        ]

    def wait_until_stable(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while not all(one["IsStable"] for one in self.get("/studies?expand").json()):
            assert time.monotonic() < until, "studies did not become stable"
            time.sleep(0.2)


@contextmanager
def orthanc(folder: Path) -> Iterator[Server]:
    """A server that ends with the block; the test is skipped where there is none."""
    pytest.importorskip("dicomweb_client", reason="dicomweb-client is not installed")
    program, plugin = shutil.which("Orthanc"), next((path for path in PLUGINS if path.exists()), None)
    if program is None or plugin is None:
        pytest.skip("no Orthanc with DICOMweb on this machine; install the packages orthanc and orthanc-dicomweb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "StableAge": 1,
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))

    def begin() -> subprocess.Popen:
        with (folder / "log.txt").open("a") as log:
            return subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)

    server = Server(f"http://127.0.0.1:{port}", begin)
    try:
        server.begin()
        yield server
    finally:
        server.kill()


def _wait_until_it_answers(server: Server, process: subprocess.Popen) -> None:
    import requests

    for _ in range(10 * PATIENCE_S):
        assert process.poll() is None, "Orthanc ended"
        try:
            server.get("/system")
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("Orthanc does not answer")
