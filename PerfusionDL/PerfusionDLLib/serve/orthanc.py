"""An Orthanc server: what changed in it, the images of a study, and results into it."""

import hashlib
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from ..data.errors import PerfusionError
from ..dicom.concepts import REPORT_SERIES
from ..dicom.web import store_objects

CHANGES = 100
"""Asked for at a time."""
CHUNK = 1 << 20
MOST_STUDY_BYTES = 32 << 30
"""Images of one study, unpacked; chosen: a hundred times the largest study seen."""


BUSY = (408, 429, 502, 503, 504)
"""Answers that say no more than that it is too early (RFC 9110, 15; RFC 6585)."""


CERTIFICATES = {
    "mismatch": "its certificate is for another host; name it as its certificate does",
    "expired": "its certificate has expired",
}
"""What OpenSSL says of a certificate, and how we say it."""


class ArchiveSilentError(Exception):
    """The archive does not answer now; it may later."""


class RefusedError(PerfusionError):
    """The archive does not give or take one study; others it may."""


@dataclass(frozen=True)
class StudyImages:
    """The magnetic resonance images of a study in the archive.

    uid : StudyInstanceUID; series : identifiers in the archive
    fingerprint : of the identifiers of the images; another one where images came
    """

    uid: str
    series: tuple[str, ...]
    fingerprint: str


class Orthanc:
    """One server by its URL. Every method raises `ArchiveSilentError` where it does not answer."""

    def __init__(
        self, url: str, *, user: str = "", password: str = "", ca_file: Path | None = None, timeout_s: float = 60
    ):
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self.session = requests.Session()
        self.session.trust_env = False  # neither a proxy nor a password file of the user comes in between
        self.session.max_redirects = 0  # images and results go to the address that was named, and nowhere else
        if user:
            self.session.auth = (user, password)
        if ca_file is not None:
            self.session.verify = str(ca_file)

    @property
    def is_open_to_others(self) -> bool:
        """Whether images travel where others may read them."""
        parts = urlsplit(self.url)
        return parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "::1", "localhost")

    def check(self) -> None:
        """Raise PerfusionError where this is no Orthanc with DICOMweb that lets us in."""
        self._get("/system")
        if "dicom-web" not in self._json("/plugins"):
            raise PerfusionError(
                "The archive has no DICOMweb plugin.", "Install it, e.g. the package orthanc-dicomweb."
            )

    def last_change(self) -> int:
        """Number of the last change."""
        return int(self._json("/changes?last")["Last"])

    def changes(self, since: int) -> Iterator[tuple[int, list[str]]]:
        """Studies that became stable after a change, some at a time with the number of the last change looked at."""
        while True:
            found = self._json(f"/changes?since={since}&limit={CHANGES}")
            stable = [one["ID"] for one in found["Changes"] if one["ChangeType"] == "StableStudy"]
            since = max(since, int(found["Last"]))
            yield since, list(dict.fromkeys(stable))
            if found["Done"]:
                return

    def images(self, study: str) -> StudyImages | None:
        """The images of a study; None where it is gone, not stable, or holds none."""
        about = self._json(f"/studies/{study}", missing=True)
        if about is None or not about["IsStable"]:
            return None
        uid = about["MainDicomTags"]["StudyInstanceUID"]
        series = [one for one in self._json(f"/studies/{study}/series") if one["MainDicomTags"].get("Modality") == "MR"]
        if not series:
            return None
        names = sorted(name for one in series for name in one["Instances"])
        digest = hashlib.sha256("\n".join(names).encode()).hexdigest()[:24]
        return StudyImages(uid, tuple(sorted(one["ID"] for one in series)), digest)

    def fetch(self, images: StudyImages, folder: Path) -> None:
        """Write the images into a folder that takes its name only when they are all there."""
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            for number, series in enumerate(images.series):
                (partial / str(number)).mkdir(parents=True)
                with tempfile.TemporaryFile(dir=partial) as packed:
                    self._download(f"/series/{series}/archive", packed)
                    _unpack(packed, partial / str(number))
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        except OSError as error:
            raise PerfusionError(
                f"The images could not be written: {error.strerror or error}.", "Check that the disk has room."
            ) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def store(self, paths: Sequence[Path], former: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """Store results by STOW-RS, see `dicom.web.store_objects`."""
        try:
            return store_objects(
                f"{self.url}/dicom-web", paths, session=self.session, timeout_s=self.timeout_s, former=former
            )
        except requests.RequestException as error:
            raise _refused_or_silent(error) from error

    def find_report(self, study_uid: str, *, without: str = "") -> dict[str, Any] | None:
        """What names our report that a study got last; None where it has none.

        without : SOPInstanceUID of a report that does not count, because it may be there already

        Raises PerfusionError where the archive does not hold the study.
        """
        if not self._find("Study", {"StudyInstanceUID": study_uid}):
            raise PerfusionError(
                "The archive does not hold the study of these results.", "Name the archive that holds the images."
            )
        wanted = {"StudyInstanceUID": study_uid, "Modality": "SR", "SeriesDescription": f"{REPORT_SERIES}*"}
        series = [self._json(f"/series/{one}") for one in self._find("Series", wanted)]
        for one in sorted(series, key=lambda one: one["LastUpdate"], reverse=True):
            tags = self._json(f"/instances/{one['Instances'][0]}/simplified-tags")
            if tags["SOPInstanceUID"] != without:
                return {
                    "modality": "SR",
                    "sop_class": tags["SOPClassUID"],
                    "study": tags["StudyInstanceUID"],
                    "series": tags["SeriesInstanceUID"],
                    "sop": tags["SOPInstanceUID"],
                    "version": str(tags.get("InstanceNumber") or 1),
                }
        return None

    def _find(self, level: str, query: dict[str, str]) -> list[str]:
        try:
            answer = self.session.post(
                f"{self.url}/tools/find", json={"Level": level, "Query": query}, timeout=self.timeout_s
            )
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:
            raise _silent(error) from error

    def _download(self, path: str, target) -> None:
        left = MOST_STUDY_BYTES
        try:
            with self.session.get(self.url + path, stream=True, timeout=self.timeout_s) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_content(CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise _too_large()
                    target.write(chunk)
        except requests.RequestException as error:
            raise _refused_or_silent(error) from error
        target.seek(0)

    def _json(self, path: str, *, missing: bool = False) -> Any:
        """What an answer says; None where nothing is there and ``missing`` allows it."""
        answer = self._get(path, missing=missing)
        try:
            return None if answer is None else answer.json()
        except requests.JSONDecodeError as error:
            raise ArchiveSilentError(f"its answer to {path.partition('?')[0]} is none of an Orthanc server") from error

    def _get(self, path: str, *, missing: bool = False):
        """An answer; None where nothing is there and ``missing`` allows it."""
        try:
            answer = self.session.get(self.url + path, timeout=self.timeout_s)
        except requests.RequestException as error:
            raise _silent(error) from error
        if answer.status_code in (401, 403):
            raise PerfusionError(
                "The archive does not let this user in.", "Check --user and the password; see docs/serve.md."
            )
        if answer.status_code == 404 and missing:
            return None
        if not answer.ok:
            raise ArchiveSilentError(f"it answered {answer.status_code} to {path.partition('?')[0]}")
        return answer


def _refused_or_silent(error: requests.RequestException) -> Exception:
    """Whether an answer concerns this study, or the archive as a whole."""
    if isinstance(error, requests.HTTPError) and error.response is not None and error.response.status_code not in BUSY:
        return RefusedError(
            f"The archive answered {error.response.status_code} to a request about the study.",
            "Look at its log: it may be full, read-only, or hold damaged images.",
        )
    return _silent(error)


def _silent(error: requests.RequestException) -> ArchiveSilentError:
    """What went wrong on the way, in a word; the text of the library may name users."""
    if isinstance(error, requests.TooManyRedirects):
        return ArchiveSilentError("it sends us to another address, where nothing is sent; name the right one")
    if isinstance(error, requests.JSONDecodeError):
        return ArchiveSilentError("its answer is none of an Orthanc server")
    if isinstance(error, requests.exceptions.SSLError):
        for mark, said in CERTIFICATES.items():
            if mark in str(error):
                return ArchiveSilentError(said)
        return ArchiveSilentError("its certificate is not trusted; see --ca-file")
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return ArchiveSilentError(f"it answered {error.response.status_code}")
    return ArchiveSilentError(type(error).__name__)


def _too_large() -> RefusedError:
    return RefusedError(f"The study has more than {MOST_STUDY_BYTES >> 30} GB of images.", "Look at it in the archive.")


def _unpack(packed, folder: Path) -> None:
    """The files of an archive under numbers, whatever they are called there."""
    try:
        with zipfile.ZipFile(packed) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if sum(info.file_size for info in infos) > MOST_STUDY_BYTES:
                raise _too_large()
            for number, info in enumerate(infos):
                with archive.open(info) as source, (folder / f"{number:06d}.dcm").open("wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, io.UnsupportedOperation) as error:
        raise RefusedError("The images of the study came cut off.", "Look at the log of the archive.") from error
