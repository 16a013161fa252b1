"""Perfusion scans among files that somebody else collected, e.g. a DICOM database, before their pixels are read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...data.errors import PerfusionError
from ...data.study import Condition, Level, Scan
from .choosing import choose
from .frame import Frame
from .headers import survey, tolerance
from .loading import load
from .pixels import PixelReader
from .reading import Gathered, gather, levels, noting_all
from .scans import FoundScan


@dataclass(frozen=True)
class Candidate:
    """A scan that could be loaded.

    condition, how : rest or stress, and a sentence on how that is known
    levels : of its slices, base to apex
    beside : the other scan of the study, None where there is none
    """

    condition: Condition
    how: str
    found: FoundScan
    levels: tuple[Level, ...]
    beside: FoundScan | None = None

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

    @tolerance()
    def read(self) -> Scan:
        """The scan with its pixels, as `read_study` reads it. Raises PerfusionError where they cannot be read."""
        scan = load(self.condition, self.found, self.how, self.levels, PixelReader(), beside=self.beside)
        if self.beside is None:
            return scan
        return replace(scan, minutes_after_other=(self.found.start_s - self.beside.start_s) / 60)


@tolerance()
def find_candidates(files: Sequence[Path]) -> tuple[Candidate, ...]:
    """The perfusion scans among some files, whatever else is there; none where there is no complete one."""
    try:
        gathered = gather(survey(files))
    except PerfusionError:
        return candidates_by_study(files)
    return candidates_among(gathered)


def candidates_by_study(files: Sequence[Path]) -> tuple[Candidate, ...]:
    """The perfusion scans among files of several patients, study by study."""
    try:
        frames = survey(files).frames
    except PerfusionError:
        return ()
    return tuple(candidate for study in by_study(frames) for candidate in candidates_among(study))


def candidates_among(gathered: Gathered) -> tuple[Candidate, ...]:
    """The perfusion scans among the images of one patient; those of each study alone, where there are several."""
    try:
        chosen = noting_all(choose(gathered.frames, {}), gathered)
    except PerfusionError:
        studies = by_study(gathered.frames)
        if len(studies) < 2:
            return ()
        return tuple(candidate for study in studies for candidate in candidates_among(study))
    placed = levels({which: one.scan for which, one in chosen.items()})
    others = {which: next((one.scan for other, one in chosen.items() if other != which), None) for which in chosen}
    return tuple(
        Candidate(which, one.how, one.scan, tuple(placed[which]), others[which]) for which, one in chosen.items()
    )


def by_study(frames: Sequence[Frame]) -> list[Gathered]:
    """The images of each study alone."""
    studies: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        studies[frame.text("StudyInstanceUID")].append(frame)
    return [Gathered(tuple(study), (), ()) for study in studies.values()]
