"""What was measured: first-pass perfusion series, the scans they form and the study they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from .errors import PerfusionError

TOWARD_APEX_RAS = np.array([-1.0, 1.0, -1.0]) / np.sqrt(3)
"""From base to apex of a heart in its usual place: left, anterior, inferior."""


class Level(StrEnum):
    """Where along the long axis a short-axis slice lies (Cerqueira et al., Circulation 2002;105:539)."""

    BASAL = "basal"
    MID = "mid"
    APICAL = "apical"


class Condition(StrEnum):
    """The state of the heart during a scan."""

    REST = "rest"
    STRESS = "stress"


PLAUSIBLE: Mapping[str, tuple[float, float, str]] = {
    "saturation_time_s": (0.005, 0.5, "s"),
    "repetition_time_s": (0.0005, 0.05, "s"),
    "echo_time_s": (0.0001, 0.02, "s"),
    "flip_angle_deg": (1, 90, "degrees"),
    "field_strength_t": (0.1, 12, "T"),
    "relaxivity_l_mmol_s": (1, 15, "L/mmol/s"),
    "r2_star_blood_l_mmol_s": (0, 60, "L/mmol/s"),
    "t10_blood_s": (0.5, 3, "s"),
    "t10_myocardium_s": (0.3, 2.5, "s"),
    "hematocrit": (0.1, 0.7, ""),
}
"""Lowest and highest plausible value of an `Acquisition`'s fields, with their unit."""


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """What the scanner did, in the units of its name.

    saturation_time_s : from the saturation pulse to the center of k-space (TS)
    pulses_to_center : excitations before the center of k-space
    relaxivity_l_mmol_s : longitudinal relaxivity of the contrast agent (r1)
    r2_star_blood_l_mmol_s : how fast the contrast agent shortens T2* of blood (r2*); 0 leaves T2* out
    t10_blood_s, t10_myocardium_s : native T1
    assumed : names of the fields that no header gave, i.e. documented defaults
    entered : names of the fields that the user set
    """

    saturation_time_s: float = 0.1
    repetition_time_s: float = 0.0025
    echo_time_s: float = 0.00125
    flip_angle_deg: float = 12.0
    pulses_to_center: int = 24
    field_strength_t: float = 3.0
    contrast_agent: str = "gadobutrol"
    dose_mmol_kg: float = 0.05
    relaxivity_l_mmol_s: float = 5.0
    r2_star_blood_l_mmol_s: float = 0.0
    t10_blood_s: float = 1.65
    t10_myocardium_s: float = 1.20
    hematocrit: float = 0.42
    vendor: str = ""
    assumed: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high, unit) in PLAUSIBLE.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise PerfusionError(
                    f"{name} is {value:g} {unit}; {low:g} to {high:g} {unit} is plausible.".replace(" ;", ";"),
                    "DICOM gives times in milliseconds. Check the header; send the series again from the scanner.",
                )


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
    acquisition: Acquisition = Acquisition()
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

    def ras_from_pixels(self, points_yx: np.ndarray) -> np.ndarray:
        """World position of pixel positions: (..., 2) row and column to (..., 3) RAS mm."""
        points_yx = np.asarray(points_yx, dtype=float)
        return points_yx[..., ::-1] @ self.ijk_to_ras[:3, :2].T + self.ijk_to_ras[:3, 3]

    def pixels_from_ras(self, points_ras_mm: np.ndarray) -> np.ndarray:
        """Pixel position nearest to world positions: (..., 3) RAS mm to (..., 2) row and column."""
        offset = np.asarray(points_ras_mm, dtype=float) - self.ijk_to_ras[:3, 3]
        return (offset @ np.linalg.pinv(self.ijk_to_ras[:3, :2]).T)[..., ::-1]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The slices of one condition, base to apex.

    aif_series : pre-bolus or short-saturation series that measures the arterial input, where there is one
    aif_is_prebolus : it was a diluted bolus, on a clock of its own; else it was measured in the same heartbeats
    assumptions : sentences on what the reader had to assume about the data
    study : label of its study that says nothing of the patient (`dicom.study_label`); empty where nobody gave one
    """

    condition: Condition
    slices: tuple[PerfusionSeries, ...]
    aif_series: PerfusionSeries | None = None
    aif_is_prebolus: bool = False
    assumptions: tuple[str, ...] = ()
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
