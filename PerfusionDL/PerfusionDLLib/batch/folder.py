"""The folder of a cohort: its studies' results, its tables, and a journal that survives whatever stops the command."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, TextIO

from ..data.errors import PerfusionError
from ..dicom import FoundStudy, ListedFile
from ..results.atomic import atomic_file, atomic_folder
from ..results.layout import CONTACT_SHEET, INDEX, TABLE
from ..review.decisions import REVIEW, Review, read_review
from .outcome import DONE, ERROR, REFUSED, Outcome
from .worker import unpack

STATE, STUDIES = ".batch", "studies"
FREE_BYTES = 1 << 30
FLUSH_FILES = 1000


class CohortFolder:
    """What is known of a cohort; `cohort_opening.open_cohort` keeps others out meanwhile.

    folders : where each study lies, by label
    ended : the last outcome of each study
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folders: dict[str, str] = {}
        self.ended: dict[str, Outcome] = {}
        self._contents: dict[str, set[str]] = {}  # fingerprints that the results of a study may be of
        self._tried: dict[str, str] = {}
        for line in self._lines("journal.jsonl"):
            self._take(line)

    def results(self, study: str) -> Path:
        """Where the results of a study are or will be."""
        return self.out / STUDIES / study

    def finished(self, study: FoundStudy) -> bool:
        """Whether there are results of exactly these files."""
        return self._contents.get(study.label) == {study.fingerprint} and self.results(study.label).is_dir()

    def settled(self, study: FoundStudy) -> bool:
        """Whether another attempt would give what is known already: results, or the refusal of these very files."""
        ended = self.ended.get(study.label)
        refused = ended is not None and ended.kind == REFUSED and self._tried.get(study.label) == study.fingerprint
        return refused or self.finished(study)

    def adopt(self, study: FoundStudy) -> None:
        """Note a study whose results were finished when the command was stopped, before it could say so."""
        ended = self.ended.get(study.label)
        if self.finished(study) and (ended is None or ended.kind != DONE):
            done = Outcome(study=study.label, kind=DONE)
            self._note({"event": "ended", "fingerprint": study.fingerprint, **done.noted()})

    def begin(self, study: FoundStudy) -> None:
        """Note that a study is going to be computed. Raises PerfusionError where the disk is nearly full."""
        try:
            free = shutil.disk_usage(self.out).free
        except OSError as error:
            raise make_unwritable_error(self.out, error) from error
        if free < FREE_BYTES:
            raise PerfusionError(
                f"The disk with the results is nearly full: {free / 1e9:.1f} GB are free.",
                "What is finished is kept. Make room, then repeat the command with --resume.",
            )
        about = {"folder": study.folder.as_posix(), "fingerprint": study.fingerprint}
        self._note({"event": "begun", "study": study.label, **about})

    def end(self, study: FoundStudy, outcome: Outcome, *, overwrite: bool) -> None:
        """Note how a study ended, and write its results where they came along."""
        if outcome.kind == DONE and outcome.results:
            try:
                with atomic_folder(self.results(study.label), overwrite=overwrite) as partial:
                    unpack(outcome.results, partial)
            except PerfusionError as error:
                told: dict[str, Any] = {
                    "kind": ERROR,
                    "step": "writing",
                    "problem": error.problem,
                    "remedy": error.remedy,
                }
                outcome = replace(outcome, **told)
        there = self.results(study.label).is_dir()
        if outcome.kind == DONE and not there:
            problem = "The worker computed the study, but its results are not here."
            remedy = "Name a folder that the workers see under the same path, or add --send."
            outcome = replace(outcome, kind=ERROR, step="writing", problem=problem, remedy=remedy)
        elif outcome.kind != DONE and there and not overwrite:  # by an attempt that was believed to be lost
            outcome = replace(outcome, kind=DONE, step="", problem="", remedy="")
        self._note({"event": "ended", "fingerprint": study.fingerprint, **outcome.noted()})

    def read_listed_files(self) -> dict[str, ListedFile]:
        """The files of the last pass over the headers."""
        return {place: ListedFile(*values) for place, *values in self._lines("files.jsonl")}

    @contextmanager
    def listing(self, listed: Mapping[str, ListedFile]) -> Iterator["Listing"]:
        """To note files while they are listed, so that a pass that is stopped goes on where it was."""
        try:
            with self._path("files.jsonl").open("a", encoding="utf-8") as target:
                yield Listing(target)
        except OSError as error:
            raise make_unwritable_error(self.out, error) from error
        with atomic_file(self._path("files.jsonl")) as target:
            target.write("".join(json.dumps([place, *astuple(file)]) + "\n" for place, file in listed.items()).encode())

    def write(self, tables: Mapping[str, bytes]) -> None:
        """Write tables, each whole or not at all."""
        for name, content in tables.items():
            with atomic_file(self.out / name) as target:
                target.write(content)

    def done(self) -> list[str]:
        """Labels of the studies that have results, in order."""
        return sorted(study for study, one in self.ended.items() if one.kind == DONE and self.results(study).is_dir())

    def table(self, study: str) -> str:
        """The table of a study as JSON."""
        return (self.results(study) / TABLE).read_text(encoding="utf-8")

    def confidences(self, study: str) -> dict[str, float]:
        """The lowest confidence of each part over the slices of a study."""
        index = json.loads((self.results(study) / INDEX).read_text(encoding="utf-8"))
        lowest: dict[str, float] = {}
        for one in index["slices"]:
            for part, value in one["confidences"].items():
                lowest[part] = min(value, lowest.get(part, 1.0))
        return lowest

    def contact_sheet(self, study: str) -> dict:
        """The small pictures of a study; empty where an earlier version wrote none."""
        path = self.results(study) / CONTACT_SHEET
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def reviews(self) -> dict[str, Review]:
        """What readers decided, as the page of the cohort saved it. Raises PerfusionError where it is no review."""
        path = self.out / REVIEW
        return read_review(path) if path.is_file() else {}

    def _note(self, line: dict) -> None:
        try:
            with self._path("journal.jsonl").open("a", encoding="utf-8") as journal:
                journal.write(json.dumps(line) + "\n")
                journal.flush()
                os.fsync(journal.fileno())
        except OSError as error:
            raise make_unwritable_error(self.out, error) from error
        self._take(line)

    def _take(self, line: dict) -> None:
        study, fingerprint = line["study"], line["fingerprint"]
        if line["event"] == "begun":
            self.folders[study] = line["folder"]
            self._contents.setdefault(study, set()).add(fingerprint)
        else:
            said = {name: value for name, value in line.items() if name not in ("event", "fingerprint")}
            self.ended[study] = Outcome(**said)
            self._tried[study] = fingerprint
            if line["kind"] == DONE:
                self._contents[study] = {fingerprint}

    def _path(self, name: str) -> Path:
        return self.out / STATE / name

    def _lines(self, name: str) -> Iterator:
        """Lines of JSON; one that a power cut broke off is left out."""
        if self._path(name).exists():
            with self._path(name).open(encoding="utf-8", errors="replace") as stored:
                for line in stored:
                    with suppress(ValueError):
                        yield json.loads(line)


class Listing:
    """Notes listed files, some at a time."""

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._count = 0

    def __call__(self, place: str, file: ListedFile) -> None:
        self._target.write(json.dumps([place, *astuple(file)]) + "\n")
        self._count += 1
        if self._count % FLUSH_FILES == 0:
            self._target.flush()


def make_unwritable_error(out: Path, error: OSError) -> PerfusionError:
    """The error for a cohort that could not be noted."""
    return PerfusionError(
        f"The folder {out.name} could not be written: {error.strerror or error}.",
        "Check that the disk has room and that you may write there. What is finished is kept; go on with --resume.",
    )
