"""Every finding that the software can report, by its code; `wording` says how grave it is and what it means."""

from enum import StrEnum, auto

from .wording import WORDING, Severity

__all__ = ["FlagCode", "Severity"]


class FlagCode(StrEnum):
    """What is found. Values are written to files and scenes and never renamed; each is its name in small letters."""

    # Slices: what the networks found and how sure they are
    PEAK_FRAME_UNCERTAIN = auto()
    BOX_UNCERTAIN = auto()
    CONTOURS_UNCERTAIN = auto()
    CAVITY_UNCERTAIN = auto()
    LUMEN_OUTSIDE_CAVITY = auto()
    INSERTION_POINTS_UNCERTAIN = auto()
    INSERTION_POINTS_FROM_NEIGHBOR = auto()
    WALL_UNCERTAIN = auto()
    PEAK_FRAME_DISAGREES = auto()
    PEAK_FRAME_AMBIGUOUS = auto()
    FRAMES_NOT_ALIGNED = auto()
    NOT_A_FIRST_PASS = auto()

    # What speaks against a first pass in short axis: half-sentences, reasons of NOT_A_FIRST_PASS
    WEAK_ENHANCEMENT = auto()
    NO_RIGHT_VENTRICLE = auto()
    RIGHT_NOT_BEFORE_LEFT = auto()
    MYOCARDIUM_AS_BRIGHT_AS_BLOOD = auto()
    HEART_NOT_ROUND = auto()
    HEART_SIZE_IMPLAUSIBLE = auto()
    UNFAMILIAR_CONTOURS = auto()

    # Slices: what is missing for segments
    NO_MYOCARDIUM = auto()
    NO_INSERTION_POINTS = auto()

    # Arterial input
    AIF_SATURATED = auto()
    AIF_SHORT_BASELINE = auto()
    AIF_BASELINE_LOST = auto()
    AIF_PEAK_LOW = auto()
    AIF_PEAK_HIGH = auto()
    AIF_NOISY_BASELINE = auto()
    AIF_FLAT_PEAK = auto()
    AIF_FIRST_PASS_INCOMPLETE = auto()
    AIF_BLOOD_NEAR_NOISE = auto()
    AIF_LOWER_THAN_OTHERS = auto()
    AIF_PREBOLUS_WITHOUT_RATIO = auto()
    AIF_SERIES_UNUSABLE = auto()
    AIF_SERIES_FLAGGED = auto()

    # Table of segments
    GLOBAL_FLOW_IMPLAUSIBLE = auto()
    NOT_COVERED = auto()
    READ_AS = auto()
    ACQUISITION_UNCERTAIN = auto()
    CLOCK_UNCERTAIN = auto()
    IMAGES_MISSING = auto()
    SERIES_LEFT_OUT = auto()
    STORED_VALUES_UNCERTAIN = auto()
    GEOMETRY_UNCERTAIN = auto()
    SEQUENCE_UNCERTAIN = auto()
    CONDITION_UNCERTAIN = auto()
    RESIDUAL_CONTRAST_UNCERTAIN = auto()
    ABSOLUTE_FLOW_UNKNOWN = auto()
    FLOW_UNCERTAIN = auto()
    FLOW_WITHOUT_INTERVAL = auto()
    RESERVE_WITHOUT_INTERVAL = auto()
    RESERVE_UNKNOWN = auto()
    RESERVE_UNCERTAIN = auto()
    FLOW_SHIFTED = auto()
    AIF_AT_CEILING = auto()
    STRESS_BELOW_REST = auto()
    MPR_IMPLAUSIBLE = auto()
    FLOW_IMPLAUSIBLE = auto()
    MANY_FAILED_PIXELS = auto()
    FEW_PIXELS = auto()
    BELOW_THRESHOLD = auto()

    # Files and scenes of another version
    OTHER_VERSION = auto()

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return WORDING[self.value].severity

    @property
    def meaning(self) -> str:
        """What it means, in one line."""
        return WORDING[self.value].meaning

    @property
    def template(self) -> str:
        """What `make_flag` makes the text from."""
        return WORDING[self.value].template
