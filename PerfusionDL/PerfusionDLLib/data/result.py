"""What the chain made of a study."""

from dataclasses import dataclass

from .flow import PerfusionMaps
from .preprocessed import PreprocessedScan, PreprocessedStudy
from .study import Condition
from .table import SegmentTable


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """A study after the chain: what is where, what it means, what is reported.

    maps : flow of each scan, in the order of the scans
    """

    preprocessed: PreprocessedStudy
    maps: tuple[PerfusionMaps, ...]
    table: SegmentTable

    def __post_init__(self) -> None:
        scans, maps = ([str(one.condition) for one in several] for several in (self.scans, self.maps))
        if scans != maps:
            raise ValueError(f"the maps must be of the scans {scans}, got {maps}")

    @property
    def scans(self) -> tuple[PreprocessedScan, ...]:
        """The preprocessed scans, rest first."""
        return self.preprocessed.scans

    def maps_of(self, condition: Condition) -> PerfusionMaps | None:
        """The flow of one scan; None where the study has no such scan."""
        return next((maps for maps in self.maps if maps.condition is condition), None)
