"""Perfusion scans among files that somebody else collected, e.g. a DICOM database, before their pixels are read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import PerfusionError
from ...data.study import Condition, Level, Scan
from .choosing import choose
from .frame import Frame
from .headers import survey, tolerance
from .loading import load
from .pixels import PixelReader
from .reading import gather, levels
from .scans import FoundScan


@dataclass(frozen=True)
class Candidate:
    """A scan that could be loaded.

    condition, how : rest or stress, and a sentence on how that is known
    levels : of its slices, base to apex
    """

    condition: Condition
    how: str
    found: FoundScan
    levels: tuple[Level, ...]

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
    def name(self) -> str:
        """How a user knows it, e.g. ``Stress perfusion: 3 slices, 60 heartbeats``."""
        slices, beats = len(self.found.slices), max(len(one.frames) for one in self.found.slices)
        return f"{self.condition.capitalize()} perfusion: {slices} slice{'s' * (slices != 1)}, {beats} heartbeats"

    @tolerance()
    def read(self) -> Scan:
        """The scan with its pixels. Raises PerfusionError where they cannot be read."""
        return load(self.condition, self.found, self.how, self.levels, PixelReader())


@tolerance()
def find_candidates(files: Sequence[Path]) -> tuple[Candidate, ...]:
    """The perfusion scans among some files, whatever else is there; none where there is no complete one."""
    try:
        gathered = gather(survey(files))
    except PerfusionError:
        return candidates_by_study(files)
    return candidates_among(gathered.frames)


def candidates_by_study(files: Sequence[Path]) -> tuple[Candidate, ...]:
    """The perfusion scans among files of several patients, study by study."""
    try:
        frames = survey(files).frames
    except PerfusionError:
        return ()
    studies: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        studies[frame.text("StudyInstanceUID")].append(frame)
    return tuple(candidate for study in studies.values() for candidate in candidates_among(study))


def candidates_among(frames: Sequence[Frame]) -> tuple[Candidate, ...]:
    """The perfusion scans among the images of one patient; those of each study alone, where there are several."""
    try:
        chosen = choose(frames, {})
    except PerfusionError:
        studies: dict[str, list[Frame]] = defaultdict(list)
        for frame in frames:
            studies[frame.text("StudyInstanceUID")].append(frame)
        if len(studies) < 2:
            return ()
        return tuple(candidate for study in studies.values() for candidate in candidates_among(study))
    placed = levels({which: one.scan for which, one in chosen.items()})
    return tuple(Candidate(which, one.how, one.scan, tuple(placed[which])) for which, one in chosen.items())
