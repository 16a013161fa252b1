"""Perfusion slices among all images of a study: many frames at one place, a heartbeat apart."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd

import numpy as np

from ...data.errors import PerfusionError
from . import clock, geometry
from .headers import Frame

FEWEST_FRAMES = 12  # T1 maps take up to 11 images over as many heartbeats
FEWEST_REMAINS = 4  # fewer are no dynamic series at all
SHORTEST_SPAN_S = 8.0
EVEN_MM = 0.05
NO_MAGNITUDE = {"P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "MIXED"}
BREAK_S = 60.0  # a longer pause within a series separates two scans
MOST_NAMED = 6


@dataclass(frozen=True, eq=False)
class Slice:
    """The frames of one slice of one series, in the order of time.

    matrix : (4, 4) ijk to RAS, mm; times_s : (T,); start_s : when it began, NaN if unknown
    """

    frames: tuple[Frame, ...]
    times_s: np.ndarray
    start_s: float
    matrix: np.ndarray

    @property
    def first(self) -> Frame:
        """The header that stands for the slice."""
        return self.frames[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return int(self.first.number("Rows")), int(self.first.number("Columns"))

    @property
    def span_s(self) -> float:
        """From the first frame to the last."""
        return float(self.times_s[-1] - self.times_s[0])

    @property
    def is_derived(self) -> bool:
        """Whether the scanner computed it from other images, e.g. its own motion correction."""
        text = f"{self.first.text('ImageType')} {self.first.series}".upper()
        return "DERIVED" in text or "MOCO" in text or "MOTION CORR" in text

    def timed(self, times_s: np.ndarray) -> "Slice":
        """The same slice with other times for its frames, which need not be sorted."""
        order = np.argsort(times_s, kind="stable")
        frames = tuple(self.frames[index] for index in order)
        return Slice(frames, times_s[order], self.start_s, self.matrix)


@dataclass(frozen=True)
class Finding:
    """What a series turned out to be: perfusion slices, or a reason why not.

    error : set where it looks like perfusion but cannot be used
    remains : slices with too few frames for perfusion, unless the rest of them was lost
    """

    name: str
    slices: tuple[Slice, ...] = ()
    reason: str = ""
    error: PerfusionError | None = None
    remains: tuple[Slice, ...] = ()


def find_slices(frames: Iterable[Frame]) -> list[Finding]:
    """What each series is, in the order of the series numbers."""
    by_series = defaultdict(list)
    for frame in frames:
        by_series[frame.text("SeriesInstanceUID")].append(frame)
    return [examine(series) for series in sorted(by_series.values(), key=series_order)]


def series_order(series: Sequence[Frame]) -> tuple[float, str]:
    """Key that sorts series by number, those without one last."""
    number = series[0].number("SeriesNumber")
    return (number if np.isfinite(number) else np.inf, series[0].text("SeriesInstanceUID"))


def examine(series: Sequence[Frame]) -> Finding:
    """Whether a series is a perfusion series, decided from its frames and not from its name."""
    name = series[0].series
    if "MOSAIC" in series[0].text("ImageType").upper():
        return Finding(name, reason="a mosaic of several slices in one image")
    if series[0].text("Modality") not in ("MR", ""):
        return Finding(name, reason=f"{len(series)} {series[0].text('Modality')} images")
    places = at_one_place(series)
    if not places:
        return Finding(name, reason=f"{len(series)} images without a position in the patient")
    longest = max(map(len, places))
    if longest < FEWEST_FRAMES:
        each = "one image" if longest == 1 else f"at most {longest} images"
        return Finding(name, reason=f"{each} per slice position, {len(series)} in all", remains=remains(places))
    candidates = [frames for frames in places if len(frames) >= FEWEST_REMAINS]
    reason = not_perfusion(candidates)
    if reason:
        return Finding(name, reason=reason)
    candidates = [frames for frames in candidates if component(frames[0]) not in NO_MAGNITUDE]
    try:
        slices = timed(candidates)
    except PerfusionError as error:
        return Finding(name, reason="its frames cannot be put in order", error=error)
    spans = [one.span_s for one in slices]
    if max(spans) < SHORTEST_SPAN_S:
        return Finding(name, reason=f"{longest} images per slice position within {max(spans):.1f} s")
    try:
        refuse_gaps(series)
    except PerfusionError as error:
        return Finding(name, reason="images are missing", error=error)
    return Finding(name, tuple(slices))


def timed(places: Sequence[Sequence[Frame]]) -> list[Slice]:
    """The slices of one series with their times."""
    timing = clock.find_times(places)
    return [
        Slice(tuple(frames), times_s, clock.start_s(frames), matrix).timed(times_s)
        for frames, times_s in zip(places, timing.times_s, strict=True)
        if (matrix := geometry.ijk_to_ras(frames[0])) is not None  # frames without one are at no place
    ]


def remains(places: Sequence[Sequence[Frame]]) -> tuple[Slice, ...]:
    """What might be left of perfusion slices most of whose images were lost."""
    candidates = [frames for frames in places if len(frames) >= FEWEST_REMAINS]
    if not candidates or not_perfusion(candidates):
        return ()
    try:
        return tuple(timed(candidates))
    except PerfusionError:
        return ()


def at_one_place(series: Sequence[Frame]) -> list[list[Frame]]:
    """Frames of a series that show one slice, with one contrast: same plane, matrix, echo and component."""
    by_plane = defaultdict(list)
    for frame in series:
        matrix = geometry.ijk_to_ras(frame)
        if matrix is None:
            continue
        axes = np.round(matrix[:3, :2] / np.linalg.norm(matrix[:3, :2], axis=0), 2) + 0.0
        size = (frame.number("Rows"), frame.number("Columns"), frame.text("PixelSpacing"))
        key = (*axes.ravel(), *size, frame.text("EchoNumbers"), component(frame))
        by_plane[key].append((frame, float(matrix[:3, 3] @ geometry.normal(matrix))))
    places = []
    for members in by_plane.values():
        members.sort(key=lambda member: member[1])
        steps_mm = np.diff([along for _, along in members])
        apart_mm = 0 if is_volume(steps_mm) else geometry.SAME_PLACE_MM
        for one in np.split(np.arange(len(members)), np.flatnonzero(steps_mm > apart_mm) + 1):
            places += without_breaks([members[index][0] for index in one])
    return places


def is_volume(steps_mm: np.ndarray) -> bool:
    """Whether planes this far from each other are a volume, however thin: evenly spaced, one image each."""
    return len(steps_mm) > 1 and steps_mm.min() > EVEN_MM and np.ptp(steps_mm) < EVEN_MM


def component(frame: Frame) -> str:
    """Magnitude, phase or what else the image shows of the complex signal, as the header puts it."""
    return (frame.text("ComplexImageComponent") or (frame.text("ImageType").split("\\") + [""] * 3)[2]).upper()


def without_breaks(frames: list[Frame]) -> list[list[Frame]]:
    """Frames cut where the acquisition paused for a minute or more: two scans in one series."""
    times_s = clock.read_clock(frames, "AcquisitionTime")
    if not np.isfinite(times_s).all():
        return [frames]
    order = np.argsort(times_s, kind="stable")
    breaks = np.flatnonzero(np.diff(times_s[order]) > BREAK_S) + 1
    return [[frames[index] for index in one] for one in np.split(order, breaks)]


def not_perfusion(places: Sequence[Sequence[Frame]]) -> str:
    """Why frames at one place are something else than perfusion; "" if they may be perfusion."""
    frames = places[0]
    count = len(frames)
    if all(component(one[0]) in NO_MAGNITUDE for one in places):
        return f"{count} images per slice position that show no magnitude"
    if any(map(clock.is_cine, places)) or frames[0].number("CardiacNumberOfImages") == count:
        return f"{count} images per slice position within one heartbeat, a cine"
    for keyword, what in (("InversionTime", "inversion"), ("EchoTime", "echo")):
        if len({frame.text(keyword) for frame in frames}) > max(3, count // 3):
            return f"{count} images per slice position with different {what} times, a relaxation measurement"
    return ""


def refuse_gaps(series: Sequence[Frame]) -> None:
    """Raise PerfusionError if images of a series are missing, going by their instance numbers."""
    announced = series[0].number("NumberOfTemporalPositions")
    positions = {frame.number("TemporalPositionIdentifier") for frame in series}
    if np.isfinite(announced) and len(positions) > FEWEST_FRAMES and len(positions) < announced:
        raise incomplete(series, f"{len(positions)} of {announced:.0f} time points are there")
    numbers = sorted({frame.number("InstanceNumber") for frame in series})
    if not np.isfinite(numbers).all() or len(numbers) < len(series):
        return
    steps = np.diff(numbers).astype(int)
    stride = reduce(gcd, steps.tolist())
    missing = sorted(set(range(int(numbers[0]), int(numbers[-1]), stride)) - {int(number) for number in numbers})
    if not missing or len(missing) > len(numbers):  # sparser than that, the numbers do not count images
        return
    named = ", ".join(map(str, missing[:MOST_NAMED])) + (", ..." if len(missing) > MOST_NAMED else "")
    regular = Counter(np.diff(missing).tolist()).most_common(1)
    whole = len(missing) >= FEWEST_FRAMES and (regular[0][1] >= 0.9 * (len(missing) - 1))
    what = f"images {named} are missing" if len(missing) > 1 else f"image {named} is missing"
    raise incomplete(series, what + ", a whole slice" * whole)


def incomplete(series: Sequence[Frame], what: str) -> PerfusionError:
    """The error for a series that was not sent completely."""
    return PerfusionError(
        f"The {series[0].series} is incomplete: {what} ({len(series)} images found).",
        "Send or copy the series again completely.",
    )
