"""What was done with the studies of an archive, on the disk before the next step begins."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..data.errors import PerfusionError

STATE = ".serve"


@dataclass
class StudyRecord:
    """What is known of one study.

    label : a name that says nothing of the patient
    images : fingerprint of the images that were fetched last
    ended : of those images, "stored", "failed" or "kept"; empty where they are being worked on
    report : what names its stored report in the archive
    """

    label: str = ""
    images: str = ""
    ended: str = ""
    report: Mapping[str, str] | None = None


@dataclass
class Journal:
    """The journal of a folder; a line that a crash broke off is left out.

    seen : number of the archive's last change that was looked at, None in a new folder
    waiting : studies of the archive that changed, by its identifier, in order
    studies : what is known, by the archive's identifier
    """

    out: Path
    seen: int | None = None
    waiting: dict[str, None] = field(default_factory=dict)
    studies: dict[str, StudyRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self._path.is_file():
            with self._path.open(encoding="utf-8", errors="replace") as stored:
                for line in stored:
                    with suppress(ValueError, KeyError, TypeError):
                        self._take(json.loads(line))

    @property
    def _path(self) -> Path:
        return self.out / STATE / "journal.jsonl"

    def note(self, event: str, **about: object) -> None:
        """Write down what happened, on the disk when this returns. Raises PerfusionError where it cannot be written."""
        line = {"event": event, **about}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as journal:
                journal.write(f"{json.dumps(line)}\n")
                journal.flush()
                os.fsync(journal.fileno())
        except OSError as error:
            raise PerfusionError(
                f"The journal in {self.out.name} could not be written: {error.strerror or error}.",
                "Check that the disk has room and that you may write there, then start again.",
            ) from error
        self._take(line)

    def by_label(self, label: str) -> tuple[str, StudyRecord] | None:
        """The study with a label, and its identifier in the archive."""
        return next(((name, one) for name, one in self.studies.items() if one.label == label), None)

    def _take(self, line: dict) -> None:
        event = line["event"]
        if event == "seen":
            self.seen = int(line["change"])
            return
        study = str(line["study"])
        if event == "changed":
            self.waiting[study] = None
            return
        one = self.studies.setdefault(study, StudyRecord())
        self.waiting.pop(study, None)
        if event == "fetched":
            one.label, one.images, one.ended = line["label"], line["images"], ""
        elif event == "ended":
            one.ended = line["how"]
            one.report = line.get("report") or one.report
