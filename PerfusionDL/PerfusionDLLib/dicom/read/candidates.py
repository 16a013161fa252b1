"""Perfusion scans among files that somebody else collected, e.g. a DICOM database, before their pixels are read."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...data.errors import PerfusionError
from ...data.study import Condition, Level, Scan
from .headers import Frame, survey, tolerance
from .pixels import PixelReader
from .reading import choose, levels, load
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
        slices = (*self.found.slices, *([self.found.aif] if self.found.aif else []))
        for frame in (frame for one in slices for frame in one.frames):
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
        frames = survey(files)
    except PerfusionError:
        return ()
    studies: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        studies[frame.text("StudyInstanceUID")].append(frame)
    candidates: list[Candidate] = []
    for study in studies.values():
        try:
            chosen = choose(study, {})
        except PerfusionError:
            continue
        placed = levels({which: scan for which, (scan, _) in chosen.items()})
        candidates += [Candidate(which, how, scan, tuple(placed[which])) for which, (scan, how) in chosen.items()]
    return tuple(candidates)
