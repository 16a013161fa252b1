"""What was measured: first-pass perfusion series, the scans they form and the study they belong to."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from .acquisition import Acquisition
from .errors import PerfusionError
from .flag import Flag

TOWARD_APEX_RAS = np.array([-1.0, 1.0, -1.0]) / np.sqrt(3)
"""From base to apex of a heart in its usual place: left, anterior, inferior."""

CLOCK_WORDS = "Times are from "
"""How the assumption of a scan begins that names its clock and the witnesses of it."""


class Level(StrEnum):
    """Where along the long axis a short-axis slice lies (Cerqueira et al., Circulation 2002;105:539)."""

    BASAL = "basal"
    MID = "mid"
    APICAL = "apical"


class Condition(StrEnum):
    """The state of the heart during a scan."""

    REST = "rest"
    STRESS = "stress"


@dataclass(frozen=True, kw_only=True)
class PerfusionSeries:
    """One short-axis slice over time.

    signal : (T, Y, X) float32, a.u.
    times_s : (T,) strictly increasing
    ijk_to_ras : (4, 4), mm; (column, row, 0, 1) to right, anterior, superior
    proton_density : (P, Y, X) float32 or None; lead frames without saturation, not part of ``signal``
    instance_uids : SOPInstanceUID of each frame, where the series came from DICOM
    """

    signal: np.ndarray
    times_s: np.ndarray
    ijk_to_ras: np.ndarray
    acquisition: Acquisition = field(default_factory=Acquisition)
    level: Level | None = None
    proton_density: np.ndarray | None = None
    instance_uids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.signal.ndim != 3 or self.signal.dtype != np.float32:
            raise ValueError(
                f"signal must be (frame, row, column) float32, got {self.signal.shape} {self.signal.dtype}"
            )
        if self.times_s.shape != self.signal.shape[:1]:
            raise ValueError(f"{len(self.signal)} frames need as many times, got {self.times_s.shape}")
        if self.ijk_to_ras.shape != (4, 4):
            raise ValueError(f"ijk_to_ras must be (4, 4), got {self.ijk_to_ras.shape}")
        late = np.flatnonzero(~(np.diff(self.times_s) > 0))
        if late.size:
            raise PerfusionError(
                f"Frame {late[0] + 2} is not later than frame {late[0] + 1}.",
                "Two series may have been merged. Load the rest and the stress series separately.",
            )

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """Distance between rows and between columns, mm."""
        columns_mm, rows_mm = np.linalg.norm(self.ijk_to_ras[:3, :2], axis=0)
        return float(rows_mm), float(columns_mm)

    def ras_from_pixels(self, points_yx: ArrayLike) -> np.ndarray:
        """World position of pixel positions: (..., 2) row and column to (..., 3) RAS mm."""
        points = np.asarray(points_yx, dtype=float)
        return points[..., ::-1] @ self.ijk_to_ras[:3, :2].T + self.ijk_to_ras[:3, 3]

    def pixels_from_ras(self, points_ras_mm: np.ndarray) -> np.ndarray:
        """Pixel position nearest to world positions: (..., 3) RAS mm to (..., 2) row and column."""
        offset = np.asarray(points_ras_mm, dtype=float) - self.ijk_to_ras[:3, 3]
        return (offset @ np.linalg.pinv(self.ijk_to_ras[:3, :2]).T)[..., ::-1]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The slices of one condition, base to apex.

    aif_series : pre-bolus or short-saturation series that measures the arterial input, where there is one
    aif_is_prebolus : it was a diluted bolus, on a clock of its own; else it was measured in the same heartbeats
    assumptions : what the reader decided and had to assume about the data
    minutes_after_other : since the other scan began, negative where that came later; NaN where no clock tells
    study : label of its study that says nothing of the patient (`dicom.study_label`); empty where nobody gave one
    """

    condition: Condition
    slices: tuple[PerfusionSeries, ...]
    aif_series: PerfusionSeries | None = None
    aif_is_prebolus: bool = False
    minutes_after_other: float = float("nan")
    assumptions: tuple[Flag, ...] = ()
    study: str = ""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose study it is. Never logged, never printed; leaves only when the user asks."""

    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    study_instance_uid: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Study:
    """A rest and/or a stress scan of one patient."""

    rest: Scan | None = None
    stress: Scan | None = None
    identity: Identity = field(default=Identity(), repr=False)

    def __post_init__(self) -> None:
        if self.rest is None and self.stress is None:
            raise ValueError("a study needs a rest or a stress scan, got neither")

    @property
    def scans(self) -> tuple[Scan, ...]:
        """The scans there are, rest first."""
        return tuple(scan for scan in (self.rest, self.stress) if scan is not None)
