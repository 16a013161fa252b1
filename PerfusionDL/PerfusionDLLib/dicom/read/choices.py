"""What a user decides or knows beyond the headers: which series, and what the scanner did."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...data.study import Condition


@dataclass(frozen=True, kw_only=True)
class ReadChoices:
    """Choices that overrule the headers.

    series : by condition, the number or SeriesInstanceUID of the series (or of one of several) that is the scan
    study : date (YYYYMMDD) or StudyInstanceUID of the study to read, where a folder holds several; "" for any
    rr_interval_s : time between the frames of a slice, used where no header gives times
    acquisition : by condition, values by field of `Acquisition`
    """

    series: Mapping[Condition, str] = field(default_factory=dict)
    study: str = ""
    rr_interval_s: float | None = None
    acquisition: Mapping[Condition, Mapping[str, float | int | str]] = field(default_factory=dict)


NO_CHOICES = ReadChoices()
