"""The node: takes studies as they become stable, has them computed as a cohort, and stores the results back."""

import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.errors import PerfusionError
from ..dicom import make_study_label
from .journal import STATE, Journal, StudyRecord
from .orthanc import ArchiveSilentError, Orthanc, RefusedError
from .sending import find_former

if TYPE_CHECKING:
    from ..batch.cohort import Settings
    from ..batch.outcome import Outcome

INBOX = "images"
STORE_EVERY_S = 5.0
STORED, FAILED, KEPT, NO_IMAGES = "stored", "failed", "kept", "no images"
ROUND = 8
"""Studies per worker that are fetched at a time; chosen: workers start once for so many, which takes seconds, and the
images of so many take some 400 MB."""
MOST_REFUSALS = 5
"""Times that an archive may refuse the results of a study before they are given up; chosen."""


@dataclass
class Node:
    """One archive and one folder.

    settings : how studies are computed; read_only : store nothing back
    everything : also take what was in the archive before the first start
    """

    archive: Orthanc
    out: Path
    settings: "Settings"
    read_only: bool = False
    everything: bool = False
    workers: int = 1
    report_line: Callable[[str], None] = lambda line: None
    journal: Journal = field(init=False)
    _stored_s: float = 0.0
    _silent: str = ""
    _refusals: dict[str, int] = field(default_factory=dict)

    def run(self, *, interval_s: float, once: bool) -> None:
        """Work until somebody stops us; with ``once`` until nothing is left to do."""
        with self._alone():
            self.journal = Journal(self.out)
            while True:
                try:
                    self._note_stable_studies()
                    busy = self._work()
                    self._silent = ""
                except ArchiveSilentError as error:
                    busy = False
                    if once:
                        raise PerfusionError(
                            f"The archive does not answer: {error}.", "Start it, or check --orthanc; then start again."
                        ) from error
                    self._report_silence(error)
                if once and not busy and not self.journal.waiting:
                    return
                if not busy:
                    time.sleep(interval_s)

    def _note_stable_studies(self) -> None:
        """Note every study that became stable since we looked last."""
        if self.journal.seen is None:
            self.journal.note("seen", change=0 if self.everything else self.archive.last_change())
        for last, studies in self.archive.changes(self.journal.seen or 0):
            for study in studies:
                if study not in self.journal.waiting:
                    self.journal.note("changed", study=study)
            if last != self.journal.seen:
                self.journal.note("seen", change=last)

    def _work(self) -> bool:
        """Fetch, compute and store one round; whether there was anything to do."""
        self._fetch(ROUND * self.workers)
        inbox = self.out / INBOX
        if not any(path.is_dir() and not path.name.startswith(".") for path in inbox.glob("*")):
            return False
        self._compute(inbox)
        self._store()
        return True

    def _fetch(self, most: int) -> None:
        """Bring the images of waiting studies here until so many lie here."""
        inbox = self.out / INBOX
        inbox.mkdir(parents=True, exist_ok=True)
        there = sum(not path.name.startswith(".") for path in inbox.iterdir())
        for study in list(self.journal.waiting):
            if there >= most:
                return
            try:
                there += self._fetch_one(study)
            except RefusedError as error:
                self._refuse(study, f"study {study[:8]} of the archive", error)

    def _fetch_one(self, study: str) -> bool:
        """Bring the images of one study here, if it has new ones; whether it did."""
        images = self.archive.images(study)
        known = self.journal.studies.get(study, StudyRecord())
        if images is None:
            self.journal.note("ended", study=study, how=NO_IMAGES)
            return False
        if images.fingerprint == known.images and known.ended:
            self.journal.note("ended", study=study, how=known.ended)  # nothing new but our own results
            return False
        label, late = make_study_label(images.uid), "images came late, " if known.ended else ""
        self.archive.fetch(images, self.out / INBOX / label)
        self.journal.note("fetched", study=study, label=label, images=images.fingerprint)
        self.report_line(f"{label}: {late}fetched.")
        return True

    def _refuse(self, study: str, label: str, error: PerfusionError) -> bool:
        """Say once what the archive refuses about a study; whether it is given up now."""
        self._refusals[study] = self._refusals.get(study, 0) + 1
        if self._refusals[study] == 1:
            self.report_line(f"{label}: {error.problem} {error.remedy}")
        if self._refusals[study] < MOST_REFUSALS:
            return False
        self.journal.note("ended", study=study, how=FAILED)
        del self._refusals[study]
        return True

    @property
    def cohort(self) -> Path:
        """Folder of the results; another one where version, model or networks are others."""
        about = json.dumps(self.settings.shared(), sort_keys=True)
        return self.out / f"cohort-{sha256(about.encode()).hexdigest()[:8]}"

    def _compute(self, inbox: Path) -> None:
        """Compute what lies here, and store meanwhile what is finished."""
        from ..batch.cohort import process_cohort
        from ..batch.folder import CohortFolder

        before = dict(CohortFolder(self.cohort).ended)

        def tick(progress: object) -> None:
            if time.monotonic() - self._stored_s > STORE_EVERY_S:
                try:
                    self._store(before)
                except ArchiveSilentError as error:
                    self._report_silence(error)  # it is tried again after the round
                self._stored_s = time.monotonic()

        process_cohort(inbox, self.cohort, replace(self.settings, dicom=True), resume=True, progress=tick)

    def _store(self, before: "Mapping[str, Outcome] | None" = None) -> None:
        """Store the results of every study that has ended, note it, and forget its images.

        before : outcomes that may be of other images of a study, while a round is computed
        """
        from ..batch.folder import CohortFolder

        cohort = CohortFolder(self.cohort)
        for folder in sorted(path for path in (self.out / INBOX).iterdir() if not path.name.startswith(".")):
            outcome = cohort.ended.get(folder.name)
            if before is not None and (outcome is None or outcome == before.get(folder.name)):
                continue
            found = self.journal.by_label(folder.name)
            if found is None or self._end(*found, outcome, cohort.results(folder.name)):
                shutil.rmtree(folder, ignore_errors=True)  # what a crash left unnoted is fetched again

    def _end(self, study: str, known: StudyRecord, outcome: "Outcome | None", results: Path) -> bool:
        """Store what became of a study; whether it has ended."""
        if outcome is None or outcome.kind != "done":
            self.journal.note("ended", study=study, how=FAILED)
            said = f"{outcome.problem} {outcome.remedy}" if outcome else "Its images are those of no study."
            self.report_line(f"{known.label}: no results. {said}")
            return True
        try:
            report = self._store_results(results)
        except PerfusionError as error:
            return self._refuse(study, known.label, error)
        self.journal.note("ended", study=study, how=KEPT if self.read_only else STORED, report=report)
        self.report_line(f"{known.label}: {'results kept here' if self.read_only else 'results stored'}.")
        return True

    def _store_results(self, results: Path) -> dict[str, Any] | None:
        if self.read_only:
            return None
        paths = sorted((results / "dicom").glob("*.dcm"))
        stored = self.archive.store(paths, find_former(self.archive, paths))
        return next((one for one in stored if one["modality"] == "SR"), None)

    def _report_silence(self, error: ArchiveSilentError) -> None:
        """Once for each reason."""
        if str(error) != self._silent:
            self._silent = str(error)
            self.report_line(f"The archive does not answer now: {error}. It is asked again and again.")

    def _alone(self) -> AbstractContextManager[None]:
        """Nobody else serves from this folder. Raises PerfusionError where somebody does."""
        from ..batch.cohort_opening import lock_folder

        name = self.out.name
        occupied = PerfusionError(f"Another command serves from {name}.", "Stop it first, or name another folder.")
        return lock_folder(self.out, STATE, occupied)
