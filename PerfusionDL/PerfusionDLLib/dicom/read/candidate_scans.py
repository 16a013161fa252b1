"""Perfusion scans among files that somebody else collected, e.g. a DICOM database, before their pixels are read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import PerfusionError
from ...data.study import Condition, Scan
from .choosing import Chosen, choose
from .frame import Frame
from .headers import survey_files, tolerate_broken_rules
from .reading import Gathered, add_notes_of_study, gather, load_visit
from .scans import FoundScan


@dataclass(frozen=True, eq=False)
class FoundVisit:
    """The scans of one study that belong together."""

    chosen: Mapping[Condition, Chosen]

    @tolerate_broken_rules()
    def read(self) -> dict[Condition, Scan]:
        """The scans with their pixels, as `read_study` reads them, compared with each other.

        Raises PerfusionError where they cannot be read.
        """
        return load_visit(self.chosen)


@dataclass(frozen=True)
class Candidate:
    """A scan that could be loaded, with the visit that it belongs to."""

    condition: Condition
    visit: FoundVisit

    @property
    def found(self) -> FoundScan:
        """Its images."""
        return self.visit.chosen[self.condition].scan

    @property
    def how(self) -> str:
        """A sentence on how it is known to be rest or stress."""
        return self.visit.chosen[self.condition].how

    @property
    def files_by_series(self) -> dict[str, tuple[Path, ...]]:
        """Its files by SeriesInstanceUID, the series of the basal slice first."""
        files: dict[str, list[Path]] = defaultdict(list)
        for frame in (frame for one in self.found.all_slices for frame in one.frames):
            series = files[frame.text("SeriesInstanceUID")]
            if frame.path not in series:
                series.append(frame.path)
        return {series: tuple(paths) for series, paths in files.items()}

    @property
    def image_uids(self) -> frozenset[str]:
        """SOPInstanceUIDs of its images."""
        return frozenset(frame.text("SOPInstanceUID") for one in self.found.slices for frame in one.frames)

    @property
    def name(self) -> str:
        """How a user knows it, e.g. ``Stress perfusion: 3 slices, 60 heartbeats``."""
        slices, beats = len(self.found.slices), max(len(one.frames) for one in self.found.slices)
        return f"{self.condition.capitalize()} perfusion: {slices} slice{'s' * (slices != 1)}, {beats} heartbeats"


@tolerate_broken_rules()
def find_candidates(files: Sequence[Path]) -> tuple[Candidate, ...]:
    """The perfusion scans among some files, whatever else is there; none where there is no complete one."""
    try:
        gathered = gather(survey_files(files))
    except PerfusionError:
        return find_candidates_by_study(files)
    return find_candidates_of_patient(gathered)


def find_candidates_by_study(files: Sequence[Path]) -> tuple[Candidate, ...]:
    """The perfusion scans among files of several patients, study by study."""
    try:
        frames = survey_files(files).frames
    except PerfusionError:
        return ()
    return tuple(candidate for study in group_by_study(frames) for candidate in find_candidates_of_patient(study))


def find_candidates_of_patient(gathered: Gathered) -> tuple[Candidate, ...]:
    """The perfusion scans among the images of one patient; those of each study alone, where there are several."""
    try:
        chosen = add_notes_of_study(choose(gathered.frames, {}), gathered)
    except PerfusionError:
        studies = group_by_study(gathered.frames)
        if len(studies) < 2:
            return ()
        return tuple(candidate for study in studies for candidate in find_candidates_of_patient(study))
    visit = FoundVisit(chosen)
    return tuple(Candidate(which, visit) for which in chosen)


def group_by_study(frames: Sequence[Frame]) -> list[Gathered]:
    """The images of each study alone."""
    studies: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        studies[frame.text("StudyInstanceUID")].append(frame)
    return [Gathered(tuple(study), (), ()) for study in studies.values()]
