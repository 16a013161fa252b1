"""Every attribute that says when frames were acquired or how far apart, and how far these agree with each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import clock
from .consistency import name_images
from .frame import Frame
from .leaps import describe_hour, set_forward_again

Slices = Sequence[Sequence[Frame]]

TRUST = {  # chosen: the time of the acquisition itself, then what is derived from it, last that of the reconstruction
    "FrameAcquisitionDateTime": 6.0,
    "TemporalPositionTimeOffset": 5.0,
    "AcquisitionDateTime": 5.0,
    "AcquisitionTime": 5.0,
    "PhilipsDynamicBeginTime": 4.5,
    "TriggerTime": 4.0,
    "FrameReferenceDateTime": 4.0,
    "FrameReferenceTime": 3.0,
    "ContentTime": 2.0,
}
OF_ACQUISITION = ("AcquisitionDateTime", "AcquisitionTime")
STEP_S = (0.08, 12.0)  # chosen: from ungated frames to every third beat of a very slow heart
INTERVAL_S = (0.25, 3.0)  # chosen: R-R intervals of 20 to 240 beats per minute
FEW_PERCENT = 0.05  # clocks that differ by less tell the same
NEAR, FAR = 0.10, 0.25  # nominal intervals: heart rate changes between planning and acquisition
WIDEST_LIMITS = 1.5  # chosen: limits of arrhythmia rejection that are farther apart tell no interval
MOSTLY = 0.8  # share of the frames that must have a time of their own
SAME_MOMENT_S = 0.02
REGULAR = 0.004  # relative spread of the steps of a clock that was computed and not measured


@dataclass(frozen=True)
class Clock:
    """One attribute as a clock of all frames of some slices.

    times_s : per slice (T,), NaN where it is missing
    note : a sentence where it is not in the unit of the standard, or was set by an hour
    uncertainties : sentences on where it was set back
    """

    name: str
    times_s: tuple[np.ndarray, ...]
    note: str = ""
    uncertainties: tuple[str, ...] = ()

    @property
    def step_s(self) -> float:
        """Median time between frames of a slice."""
        return compute_median_step_s(self.times_s)

    @property
    def span_s(self) -> float:
        """From the first frame to the last, of the slice in which it is longest."""
        return float(max(np.nanmax(one) - np.nanmin(one) for one in self.times_s))

    @property
    def is_regular(self) -> bool:
        """Whether its steps are all alike, as of a clock that was computed from a nominal interval."""
        steps_s = np.concatenate([np.diff(np.sort(one[np.isfinite(one)])) for one in self.times_s])
        middle = np.median(steps_s)
        return bool(np.median(np.abs(steps_s - middle)) < REGULAR * middle)

    def rate_over(self, other: "Clock") -> float:
        """How fast it runs beside another clock; NaN where nothing can be compared."""
        ratios = []
        for mine, theirs in zip(self.times_s, other.times_s, strict=True):
            both = np.isfinite(mine) & np.isfinite(theirs)
            if both.sum() > 2:
                order = np.argsort(mine[both])
                quarter = max(1, both.sum() // 2)
                a, b = mine[both][order], theirs[both][order]
                spans = b[quarter:] - b[:-quarter]
                if np.median(spans) > 0:
                    ratios.append(np.median((a[quarter:] - a[:-quarter]) / np.where(spans > 0, spans, np.nan)))
        ratios = [one for one in ratios if np.isfinite(one)]
        return float(np.median(ratios)) if ratios else float("nan")

    def copies(self, other: "Clock") -> bool:
        """Whether it says the same but for a constant."""
        pairs = zip(self.times_s, other.times_s, strict=True)
        differences = np.concatenate([mine - theirs for mine, theirs in pairs])
        known = differences[np.isfinite(differences)]
        return bool(known.size and np.mean(np.abs(known - np.median(known)) < SAME_MOMENT_S) > 0.75)


@dataclass(frozen=True)
class Interval:
    """A statement on the time between heartbeats or frames."""

    name: str
    seconds: float

    def agrees(self, step_s: float) -> float:
        """Relative difference between it and the time between frames, which may be one or two heartbeats."""
        return min(abs(step_s / (beats * self.seconds) - 1) for beats in (1, 2))


def compute_median_step_s(times_s: Sequence[np.ndarray]) -> float:
    """Median time between the frames of a slice, over all slices."""
    steps = [np.diff(np.sort(one[np.isfinite(one)])) for one in times_s]
    together = np.concatenate(steps) if steps else np.empty(0)
    return float(np.median(together)) if together.size else float("nan")


def find_clocks(slices: Slices) -> list[Clock]:
    """The attributes that give most frames a time of their own, a plausible step apart, in the order of `TRUST`."""
    found = []
    for name in TRUST:
        times_s = tuple(clock.read_clock(frames, name) for frames in slices)
        if name == "TriggerTime" and not is_usable(times_s):
            found += convert_clock(name, times_s, find_intervals(slices))
            continue
        times_s, uncertainties = unwrap_reset_clock(name, slices, times_s)
        if is_usable(times_s) and not all(map(clock.is_coarse, times_s)):
            found.append(Clock(name, times_s, describe_leap(name, slices), uncertainties))
    return found


def unwrap_reset_clock(
    name: str, slices: Slices, times_s: tuple[np.ndarray, ...]
) -> tuple[tuple[np.ndarray, ...], tuple[str, ...]]:
    """The times of a clock as it runs on where it was set back in the middle of the scan, and sentences that say so."""
    mended = []
    after: dict[tuple[str, str], list[Frame]] = {}
    for frames, one in zip(slices, times_s, strict=True):
        running_s, off_s, first = set_forward_again(frames, one)
        mended.append(running_s)
        if off_s:
            after.setdefault((frames[0].series, f"{off_s:.1f}"), []).append(frames[first])
    said = (
        f"{name} goes back at {name_images(frames)}, where the numbers run on: it was taken as set back by {off_s} s, "
        "so that the usual time passes there."
        for (_, off_s), frames in after.items()
    )
    return tuple(mended), tuple(said)


def describe_leap(name: str, slices: Slices) -> str:
    """A sentence where a clock was set by an hour in the middle of a scan."""
    if not clock.is_of_day(name):
        return ""
    said = (
        describe_hour(name, frames, np.array([clock.read_seconds(frame, name) for frame in frames]))
        for frames in slices
    )
    return next(filter(None, said), "")


def convert_clock(name: str, times_s: tuple[np.ndarray, ...], intervals: Sequence["Interval"]) -> list[Clock]:
    """A clock in s or microseconds instead of ms, if an interval in the header says so; else none."""
    for unit, scale in (("microseconds", 1e-3), ("seconds", 1e3)):
        scaled = tuple(scale * one for one in times_s)
        if is_usable(scaled) and any(one.agrees(compute_median_step_s(scaled)) < FAR for one in intervals):
            by = next(one.name for one in intervals if one.agrees(compute_median_step_s(scaled)) < FAR)
            return [Clock(name, scaled, f"{name} is in {unit} where the standard has milliseconds, by {by}.")]
    return []


def is_usable(times_s: Sequence[np.ndarray]) -> bool:
    """Whether times are those of frames: nearly all there, nearly all different, neither too close nor too far.

    >>> is_usable([np.arange(20) * 0.8]), is_usable([np.arange(25) * 0.03]), is_usable([np.zeros(20)])
    (True, False, False)
    """
    for one in times_s:
        known = one[np.isfinite(one)]
        if len(known) < max(2, MOSTLY * len(one)) or len(np.unique(np.round(known, 3))) < MOSTLY * len(known):
            return False
    return STEP_S[0] <= compute_median_step_s(times_s) <= STEP_S[1]


def find_intervals(slices: Slices) -> list[Interval]:
    """What the headers say about the time between heartbeats or frames, as far as it is plausible."""
    frames = [frame for one in slices for frame in one]
    found = []
    for name in ("NominalInterval", "TemporalResolution"):
        found += convert_interval(
            name, compute_median([clock.read_seconds(frame, name) for frame in frames]), {"s": 1e3, "µs": 1e-3}
        )
    rate = compute_median([frame.number("HeartRate") for frame in frames])
    found += convert_interval("HeartRate", 60 / rate if rate > 0 else float("nan"), {"Hz": 1 / 60})
    most = max(map(len, slices))
    duration_s = compute_median([frame.number("AcquisitionDuration") for frame in frames])
    found.append(Interval("AcquisitionDuration over the number of frames", duration_s / most))
    found = [one for one in found if INTERVAL_S[0] <= one.seconds <= INTERVAL_S[1]]
    return found or find_limits(frames)


def find_limits(frames: Sequence[Frame]) -> list[Interval]:
    """The interval amid the limits beyond which heartbeats were rejected, which are planned around the usual one."""
    low_s, high_s = (
        compute_median([frame.number(name) for frame in frames]) / 1000 for name in ("LowRRValue", "HighRRValue")
    )
    middle_s = (low_s + high_s) / 2
    if not (INTERVAL_S[0] <= middle_s <= INTERVAL_S[1] and high_s <= WIDEST_LIMITS * low_s):
        return []
    return [Interval("the middle of LowRRValue and HighRRValue", middle_s)]


def convert_interval(name: str, seconds: float, units: Mapping[str, float]) -> list["Interval"]:
    """An interval in the unit of the standard, else in the first other one in which a heart beats; its name says so."""
    found = [(name, seconds), *((f"{name} (in {unit})", scale * seconds) for unit, scale in units.items())]
    return [Interval(said, value) for said, value in found if INTERVAL_S[0] <= value <= INTERVAL_S[1]][:1]


def find_spans(slices: Slices) -> list[Interval]:
    """Mean interval from the first to the last frame by clocks that are too coarse for each frame's time."""
    found = []
    for name in ("FrameAcquisitionDateTime", *OF_ACQUISITION, "PhilipsDynamicBeginTime", "ContentTime"):
        each = []
        for frames in slices:
            times_s = clock.read_clock(frames, name)
            if len(frames) > 2 and np.isfinite(times_s).all() and len(np.unique(times_s)) > 2:
                each.append(compute_mean_step_s(times_s))
        if each and STEP_S[0] <= np.median(each) <= STEP_S[1]:
            found.append(Interval(f"first to last {name}", float(np.median(each))))
    return found


def compute_mean_step_s(times_s: np.ndarray) -> float:
    """Time between frames on the average; of a clock in whole seconds the slope of all of them, which tells more."""
    if clock.is_coarse(times_s):
        return float(np.polyfit(np.arange(len(times_s)), np.sort(times_s - times_s.min()), 1)[0])
    return float(np.ptp(times_s) / (len(times_s) - 1))


def compute_median(values: Sequence[float]) -> float:
    """The median of the finite values, NaN where there is none."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")


def find_delays_s(slices: Slices) -> list[float]:
    """Delay of each slice after the R wave, zero where the trigger times are not such delays."""
    trigger_s = [clock.read_clock(frames, "TriggerTime") for frames in slices]
    if not all(np.isfinite(one).mean() > MOSTLY for one in trigger_s):
        return [0.0] * len(slices)
    if all(np.nanpercentile(one, 90) - np.nanpercentile(one, 10) < 0.1 for one in trigger_s):
        return [float(np.nanmedian(one)) for one in trigger_s]
    if len({len(one) for one in trigger_s}) == 1:  # times that run on: what a slice is later than the first one
        return [float(np.nanmedian(np.sort(one) - np.sort(trigger_s[0]))) for one in trigger_s]
    return [0.0] * len(slices)
