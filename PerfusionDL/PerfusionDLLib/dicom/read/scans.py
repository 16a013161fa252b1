"""Perfusion scans: slices acquired together, wherever the scanner filed them, without doubles and side views."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...data.errors import PerfusionError
from . import clock, geometry
from .condition import Evidence
from .slices import Slice

OVERLAP = 0.5  # share of the shorter duration
COARSER = 1.6  # pixel area of a low-resolution AIF series over that of the others
SHORTER = 0.6  # its saturation time over that of the others
AIF_WORDS = ("aif", "arterial input", "low res", "lowres")
PREBOLUS_WORDS = ("prebolus", "pre-bolus", "pre bolus", "pre_bolus", "diluted", "low dose", "lowdose")
TIMING_WORDS = ("test bolus", "testbolus", "test_bolus", "timing", "bolus track")


@dataclass(frozen=True)
class FoundScan:
    """The slices of one scan, base to apex.

    aif : series that measures the arterial input; aif_shares_clock : acquired in the same heartbeats
    notes : what was decided, in sentences
    """

    slices: tuple[Slice, ...]
    aif: Slice | None = None
    aif_shares_clock: bool = True
    notes: tuple[str, ...] = ()

    @property
    def start_s(self) -> float:
        """When it began, NaN if unknown."""
        return min((one.start_s for one in self.slices), default=float("nan"))

    @property
    def name(self) -> str:
        """How a user knows it."""
        names = sorted({one.first.series for one in self.slices})
        return " and ".join(names) if len(names) < 3 else f"{names[0]} and {len(names) - 1} more"

    @property
    def evidence(self) -> Evidence:
        """What tells whether it is rest or stress."""
        keywords = ("SeriesDescription", "ProtocolName", "InterventionDrugName", "SequenceName", "ImageComments")
        words = " ".join(one.first.text(keyword) for one in self.slices for keyword in keywords)
        rr_s = float(np.median(np.concatenate([np.diff(one.times_s) for one in self.slices])))
        return Evidence(self.name, words, rr_s, self.start_s)

    @property
    def is_prebolus(self) -> bool:
        """Whether it says to be the diluted bolus of a dual-bolus protocol."""
        return any(word in self.evidence.words.lower() for word in PREBOLUS_WORDS)

    @property
    def is_timing(self) -> bool:
        """Whether it says to be a test bolus that only timed another scan."""
        return any(word in self.evidence.words.lower() for word in TIMING_WORDS)

    def noting(self, *notes: str) -> "FoundScan":
        """The same scan with further notes."""
        return replace(self, notes=(*self.notes, *notes))


def find_scans(slices: Sequence[Slice]) -> list[FoundScan]:
    """Group slices into scans, in the order of time.

    Raises PerfusionError where a slice of a scan is incomplete or no clock serves all slices of a scan.
    """
    groups: list[list[Slice]] = []
    for one in sorted(slices, key=lambda one: (one.is_derived, *time_order(one))):
        home = next((group for group in groups if joins(one, group)), None)
        if home is None:
            groups.append(home := [])
        home.append(one)
    scans = [settle(group) for group in sorted(groups, key=lambda group: min(map(time_order, group)))]
    return attach_prebolus(scans)


def time_order(one: Slice) -> tuple[float, float]:
    """Key that sorts slices by start, then by series number."""
    start_s, number = one.start_s, one.first.number("SeriesNumber")
    return (start_s if np.isfinite(start_s) else np.inf, number if np.isfinite(number) else np.inf)


def joins(one: Slice, group: Sequence[Slice]) -> bool:
    """Whether a slice is part of a scan. Without a time of day, a place seen twice means two scans."""
    if not np.isfinite(one.start_s) and any(same_place(one, member) for member in group):
        return False
    return any(belongs(one, member) for member in group)


def belongs(one: Slice, member: Slice) -> bool:
    """Whether two slices were acquired in the same heartbeats."""
    if one.first.text("StudyInstanceUID") != member.first.text("StudyInstanceUID"):
        return False
    if np.isfinite(one.start_s) and np.isfinite(member.start_s):
        begin = max(one.start_s, member.start_s)
        end = min(one.start_s + one.span_s, member.start_s + member.span_s)
        return end - begin >= OVERLAP * min(one.span_s, member.span_s)
    if one.first.text("SeriesInstanceUID") == member.first.text("SeriesInstanceUID"):
        return True
    return without_digits(one) == without_digits(member)


def without_digits(one: Slice) -> str:
    """The description of a series without the numbers that tell its slices apart."""
    return "".join(letter for letter in one.first.text("SeriesDescription") if not letter.isdigit())


def same_place(one: Slice, member: Slice) -> bool:
    """Whether two slices show the same plane."""
    axis = geometry.normal(one.matrix)
    apart = geometry.center(one.matrix, one.shape) - geometry.center(member.matrix, member.shape)
    return bool(axis @ geometry.normal(member.matrix) >= geometry.PARALLEL and abs(apart @ axis) < 2)


def settle(group: Sequence[Slice]) -> FoundScan:
    """One scan from everything that was acquired in the same heartbeats."""
    notes: list[str] = []
    main, aif = without_aif(group, notes)
    main = without_doubles(main, notes)
    main = without_side_views(main, notes)
    refuse_short_slices(main)
    together = [*main, aif] if aif else main
    timing = clock.find_times([one.frames for one in together])
    together = [one.timed(times_s) for one, times_s in zip(together, timing.times_s, strict=True)]
    main, aif = together[: len(main)], together[-1] if aif else None
    if timing.note:
        notes.append(timing.note)
    matrices, shapes = [one.matrix for one in main], [one.shape for one in main]
    order, _ = geometry.base_to_apex(matrices, shapes)
    if len(main) > 1:
        sure = geometry.axis_certainty(matrices) > 0.25
        notes.append(
            "Slices run from base to apex by their positions: the apex lies to the left, front and below."
            + " The slices are turned so that this is uncertain; check it." * (not sure)
        )
    return FoundScan(tuple(main[index] for index in order), aif, notes=tuple(notes))


def without_aif(group: Sequence[Slice], notes: list[str]) -> tuple[list[Slice], Slice | None]:
    """The imaging slices, and the low-resolution or short-saturation slice of a dual-sequence protocol."""
    areas = [np.linalg.norm(one.matrix[:3, 0]) * np.linalg.norm(one.matrix[:3, 1]) for one in group]
    delays = [one.first.number("InversionTime") for one in group]
    longest = np.nanmax(delays) if np.isfinite(delays).any() else float("nan")
    is_aif = [
        len(group) > 1
        and (
            area > COARSER * min(areas)
            or delay < SHORTER * longest
            or any(word in one.first.series.lower() for word in AIF_WORDS)
        )
        for one, area, delay in zip(group, areas, delays, strict=True)
    ]
    found = [one for one, yes in zip(group, is_aif, strict=True) if yes]
    if not found or all(is_aif):
        return list(group), None
    notes.append(f"The arterial input series is {found[0].first.series}: low resolution or short saturation time.")
    return [one for one, yes in zip(group, is_aif, strict=True) if not yes], found[0]


def without_doubles(slices: Sequence[Slice], notes: list[str]) -> list[Slice]:
    """One slice per place: what was measured before what was computed, then the lower series number."""
    kept: list[Slice] = []
    dropped: set[str] = set()
    for one in sorted(slices, key=lambda one: (one.is_derived, time_order(one)[1])):
        if any(same_place(one, member) for member in kept):
            dropped.add(one.first.series)
        else:
            kept.append(one)
    for name in sorted(dropped - {one.first.series for one in kept}):
        notes.append(f"Not used: {name} shows the same slices in the same heartbeats again (the original was taken).")
    if any(one.is_derived for one in kept):
        notes.append("The images were processed by the scanner (derived or motion-corrected); no original was found.")
    return kept


def without_side_views(slices: Sequence[Slice], notes: list[str]) -> list[Slice]:
    """The parallel short-axis slices, without a long-axis slice acquired beside them."""
    parallel = geometry.parallel_to_most([geometry.normal(one.matrix) for one in slices])
    if not parallel.all():
        count = int((~parallel).sum())
        notes.append(f"Not used: {count} slice{'s' * (count > 1)} at an angle to the others, e.g. a long-axis view.")
    return [one for one, yes in zip(slices, parallel, strict=True) if yes]


def refuse_short_slices(slices: Sequence[Slice]) -> None:
    """Raise PerfusionError if a slice has fewer frames than the others; one less is a scan stopped in mid-heartbeat."""
    counts = [len(one.frames) for one in slices]
    for one, count in zip(slices, counts, strict=True):
        if count < max(counts) - 1:
            raise PerfusionError(
                f"A slice of {one.first.series} has {count} frames where another has {max(counts)}.",
                "Send or copy the series again completely.",
            )


def refuse_remains(scans: Sequence[FoundScan], remains: Sequence[Slice]) -> None:
    """Raise PerfusionError if something acquired with a scan is what is left of a further slice of it."""
    for one in remains:
        for scan in scans:
            beside = [belongs(one, member) and not same_place(one, member) for member in scan.slices]
            if all(beside) and geometry.parallel_to_most([geometry.normal(m.matrix) for m in (*scan.slices, one)])[-1]:
                refuse_short_slices([*scan.slices, one])


def attach_prebolus(scans: Sequence[FoundScan]) -> list[FoundScan]:
    """Give each diluted bolus to the scan that follows it, as its arterial input series."""
    main = [scan for scan in scans if not scan.is_prebolus and not scan.is_timing]
    if not main:
        return list(scans)
    for scan in scans:
        if scan.is_timing:
            main = [one.noting(f"Not used: {scan.name}, a test bolus.") for one in main]
        if not scan.is_prebolus:
            continue
        after = [index for index, one in enumerate(main) if not one.start_s < scan.start_s]
        index = after[0] if after else len(main) - 1
        target = main[index]
        if target.aif is None:
            note = f"The arterial input series is the pre-bolus of {scan.name}; its dose ratio is not in the header."
            main[index] = replace(target, aif=scan.slices[0], aif_shares_clock=False).noting(note)
        else:
            main[index] = target.noting(f"Not used: {scan.name}, a pre-bolus.")
    return main
