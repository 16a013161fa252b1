"""Perfusion slices among all images of a study: many frames at one place, a heartbeat apart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...data.errors import PerfusionError
from ...data.flag import FlagCode
from . import beginnings, geometry, timing
from .components import MAGNITUDE, read_component
from .consistency import Aside, Uncertainty, capitalize, make_uncertainties, split_deviant
from .frame import Frame
from .grouping import MANY_SERIES, group_series
from .moments import COPY, is_derived
from .other_dynamics import SHORTEST_SPAN_S, explain_no_perfusion, is_running_with_numbers
from .places import FEWEST_REMAINS, Places, find_places

FEWEST_FRAMES = 12  # T1 maps take up to 11 images over as many heartbeats
CAPTURE = "a secondary capture, such as a screenshot"
COLORED = "a colored picture"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MOST_ASIDE = 0.05  # share of the frames of a slice, above which their loss makes flow uncertain


@dataclass(frozen=True, eq=False)
class Slice:
    """The frames of one slice of one series, in the order of time.

    matrix : (4, 4) ijk to RAS, mm; times_s : (T,); start_s : when it began, NaN if unknown
    notes, uncertainties : sentences on its images: which are not used and why, and what makes its flow uncertain
    aside : images of its series that were set aside
    """

    frames: tuple[Frame, ...]
    times_s: np.ndarray
    start_s: float
    matrix: np.ndarray
    notes: tuple[str, ...] = ()
    uncertainties: tuple[str, ...] = ()
    aside: tuple[Frame, ...] = ()

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
        return is_derived(self.first)

    def with_times(self, times_s: np.ndarray) -> "Slice":
        """The same slice with other times for its frames, which need not be sorted; frames without one are left out."""
        order = np.argsort(times_s, kind="stable")
        order = order[np.isfinite(times_s[order])]
        out = tuple(frame for frame, time_s in zip(self.frames, times_s, strict=True) if not np.isfinite(time_s))
        frames = tuple(self.frames[index] for index in order)
        return replace(self, frames=frames, times_s=times_s[order], aside=(*self.aside, *out))

    def with_notes(self, notes: Sequence[str] = (), uncertainties: Sequence[str] = ()) -> "Slice":
        """The same slice with more to say."""
        return replace(
            self,
            notes=tuple(dict.fromkeys((*self.notes, *notes))),
            uncertainties=tuple(dict.fromkeys((*self.uncertainties, *uncertainties))),
        )


@dataclass(frozen=True)
class Finding:
    """What a series turned out to be: perfusion slices, or a reason why not.

    error : set where it looks like perfusion but cannot be used; dynamic : many images at one place
    places : images per slice position
    remains : slices with too few frames for perfusion, unless the rest of them was lost
    """

    name: str
    slices: tuple[Slice, ...] = ()
    reason: str = ""
    error: PerfusionError | None = None
    images: int = 0
    dynamic: bool = False
    places: tuple[int, ...] = ()
    remains: tuple[Slice, ...] = ()

    @property
    def has_no_place(self) -> bool:
        """Whether nobody knows where its images lie, although they are many."""
        return not self.places and self.images >= FEWEST_FRAMES


def find_slices(frames: Iterable[Frame], rr_interval_s: float | None = None) -> list[Finding]:
    """What each series is, in the order of the series numbers."""
    return [examine(series, rr_interval_s) for series in group_series(frames)]


def examine(series: Sequence[Frame], rr_interval_s: float | None = None) -> Finding:
    """Whether a series is a perfusion series, decided from its frames and not from its name."""
    about: dict[str, Any] = {"name": series[0].series, "images": len(series)}
    images, captures = remove_captures(series)
    if not images:
        return Finding(**about, reason=captures[0].reason if captures else "no image")
    found = find_places(images)
    if not found.places:
        reasons = Counter(one.reason for one in found.aside).most_common(1)
        return Finding(**about, reason=f"{len(images)} images without a place in the patient: {reasons[0][0]}")
    about["places"] = tuple(map(len, found.places))
    longest = max(about["places"])
    about["dynamic"] = longest >= FEWEST_FRAMES
    if longest < FEWEST_FRAMES:
        each = "one image" if longest == 1 else f"at most {longest} images"
        reason = f"{each} per slice position, {len(series)} in all"
        return Finding(**about, reason=reason, remains=find_rest_of_slices(found.places, rr_interval_s))
    candidates = [frames for frames in found.places if len(frames) >= FEWEST_REMAINS]
    magnitude = [frames for frames in candidates if read_component(frames[0]) == MAGNITUDE]
    if not magnitude:
        kinds = " and ".join(sorted({read_component(frames[0]) for frames in candidates}))
        return Finding(**about, reason=f"{longest} images per slice position that show no magnitude ({kinds})")
    reason = explain_no_perfusion(magnitude)
    if reason:
        return Finding(**about, reason=reason)
    others = [
        Aside(tuple(one), f"the {read_component(one[0])} of the signal is shown")
        for one in candidates
        if one not in magnitude
    ]
    return decide_on_perfusion(about, Places(magnitude, [*captures, *found.aside, *others], found.notes), rr_interval_s)


def remove_captures(series: Sequence[Frame]) -> tuple[list[Frame], list[Aside]]:
    """The MR images of a series, and what else was stored with them."""
    reasons: dict[str, list[Frame]] = {}
    images = []
    for frame in series:
        modality = frame.text("Modality")
        if frame.text("SOPClassUID").startswith(SECONDARY_CAPTURE):
            reasons.setdefault(CAPTURE, []).append(frame)
        elif frame.number("SamplesPerPixel") > 1:
            reasons.setdefault(COLORED, []).append(frame)
        elif modality not in ("MR", ""):
            reasons.setdefault(f"the modality is {modality}", []).append(frame)
        elif "MOSAIC" in frame.values("ImageType"):
            reasons.setdefault("a mosaic of several slices in one image", []).append(frame)
        else:
            images.append(frame)
    return images, [Aside(tuple(frames), reason) for reason, frames in reasons.items()]


def decide_on_perfusion(about: dict[str, Any], found: Places, rr_interval_s: float | None) -> Finding:
    """The finding for a series that has enough images at each place."""
    consistent, aside = [], list(found.aside)
    for frames in found.places:
        kept, deviant = split_deviant(frames)
        aside += deviant
        if len(kept) >= FEWEST_REMAINS:
            consistent.append(kept)
    try:
        slices = make_slices(consistent, rr_interval_s)
    except PerfusionError as error:
        return Finding(**about, reason="its frames cannot be put in order", error=error)
    if max(one.span_s for one in slices) < SHORTEST_SPAN_S:
        longest, span_s = max(about["places"]), max(one.span_s for one in slices)
        return Finding(**about, reason=f"{longest} images per slice position within {span_s:.1f} s")
    said = [one.sentence for one in aside]
    count = sum(len(one.frames) for one in aside if is_loss(one))
    grave = [one.sentence for one in aside if is_loss(one)] if count > MOST_ASIDE * max(about["places"]) else []
    out = tuple(frame for one in aside for frame in one.frames)
    notes = (*found.notes, *cut_in_pieces(found.places), *said)
    odd = [note for note in found.notes if isinstance(note, Uncertainty)]
    lost = [*odd, *make_uncertainties(FlagCode.IMAGES_MISSING, grave)]
    spoken = (replace(one, aside=(*one.aside, *out)).with_notes(notes, lost) for one in slices)
    return Finding(**about, slices=tuple(spoken))


def cut_in_pieces(places: Sequence[Sequence[Frame]]) -> list[str]:
    """A sentence where the images of a series have a few different identifiers of a series."""
    pieces = {frame.text("SeriesInstanceUID"): frame.series for frames in places for frame in frames}
    if not 1 < len(pieces) < MANY_SERIES:
        return []
    names = " and ".join(sorted(set(pieces.values())))
    return [f"{capitalize(names)}: {len(pieces)} series that go on where the other ends were taken as one."]


def is_loss(one: Aside) -> bool:
    """Whether images that are set aside would have belonged to a slice."""
    return read_component(one.frames[0]) == MAGNITUDE and one.reason not in (CAPTURE, COLORED, COPY)


def make_slices(places: Sequence[Sequence[Frame]], rr_interval_s: float | None = None) -> list[Slice]:
    """The slices of one series with their times."""
    known = timing.find_times(places, rr_interval_s)
    found = []
    for frames, times_s in zip(places, known.times_s, strict=True):
        one = Slice(
            tuple(frames), times_s, beginnings.start_s(frames), geometry.compute_middle_matrix(frames)
        ).with_times(times_s)
        lost = not np.isfinite(times_s).all()
        found.append(one.with_notes(known.notes, known.uncertainties) if lost else one)
    return found


def find_rest_of_slices(places: Sequence[Sequence[Frame]], rr_interval_s: float | None) -> tuple[Slice, ...]:
    """What might be left of perfusion slices most of whose images were lost."""
    candidates = [
        frames for frames in places if len(frames) >= FEWEST_REMAINS and read_component(frames[0]) == MAGNITUDE
    ]
    if not candidates or explain_no_perfusion(candidates):
        return ()
    try:
        return tuple(make_slices(candidates, rr_interval_s))
    except PerfusionError:
        return ()


def find_gaps(one: Slice) -> list[str]:
    """Sentences on images of a slice that are missing, by the numbers of those that are there."""
    in_time = np.array([frame.number("InstanceNumber") for frame in one.frames])
    numbers = np.sort(in_time)
    said = []
    if len(numbers) > 3 and np.isfinite(numbers).all() and is_running_with_numbers(one.frames, one.times_s):
        steps = np.diff(numbers)
        stride = Counter(steps.tolist()).most_common(1)[0][0]
        countable = steps <= stride * len(numbers)  # a wider step is a damaged number
        wide = np.flatnonzero((steps > stride) & countable & (np.mod(steps, stride) == 0))
        missing = [int(n) for at in wide for n in np.arange(numbers[at] + stride, numbers[at + 1], stride)]
        known = {frame.number("InstanceNumber") for frame in one.aside}
        missing = [number for number in missing if number not in known]
        if missing and len(missing) <= len(numbers):
            shown = ", ".join(map(str, missing[:6])) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
            verb = "images {} are" if len(missing) > 1 else "image {} is"
            said.append(f"{verb.format(shown).capitalize()} missing from {one.first.series}: a gap in time there.")
    announced = one.first.number("NumberOfTemporalPositions")
    positions = {frame.number("TemporalPositionIdentifier") for frame in one.frames}
    if FEWEST_FRAMES < len(positions) < announced < 10000:
        said.append(f"{len(positions)} of {announced:.0f} time points are there in a slice of {one.first.series}.")
    return said
