"""Perfusion scans: slices acquired together, wherever the scanner filed them, without doubles and side views."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...data.flag import FlagCode
from ...data.study import Condition
from . import geometry, timing
from .beginnings import has_running_clock
from .condition import Evidence, read_condition
from .consistency import Uncertainty, make_uncertainties
from .frame import Frame
from .losses import find_lost_frames, is_thinner
from .roles import is_at_same_place, key_by_time, remove_doubles, remove_side_views, separate_aif
from .shifted import (
    has_a_study_per_series,
    has_same_beats,
    is_overlapping,
    is_shifted_series,
    rejoin_shifted,
    remove_digits,
)
from .slices import Slice

OTHER_BEATS = 1.08  # chosen: ratio of R-R intervals above which two scans are not the same heartbeats
FEWEST_SHARE = 0.6  # of the frames of the fullest slice, that another slice must have
PREBOLUS_WORDS = (
    *("prebolus", "pre-bolus", "pre bolus", "pre_bolus", "minibolus", "mini bolus"),
    *("diluted", "low dose", "lowdose"),
)
TIMING_WORDS = ("test bolus", "testbolus", "test_bolus", "timing", "bolus track")


@dataclass(frozen=True)
class FoundScan:
    """The slices of one scan, base to apex.

    aif : series that measures the arterial input; aif_shares_clock : acquired in the same heartbeats
    notes : what was decided, in sentences; uncertainties : what makes every flow of the scan uncertain
    witnesses : sentences on every attribute that says when frames were acquired
    """

    slices: tuple[Slice, ...]
    aif: Slice | None = None
    aif_shares_clock: bool = True
    notes: tuple[str, ...] = ()
    uncertainties: tuple[str, ...] = ()
    clock: str = ""
    witnesses: tuple[str, ...] = ()

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
        words = {keyword: " ".join(one.first.text(keyword) for one in self.slices) for keyword in keywords}
        rr_s = float(np.median(np.concatenate([np.diff(one.times_s) for one in self.slices])))
        return Evidence(self.name, words, rr_s, self.start_s, self.frames)

    @property
    def all_slices(self) -> tuple[Slice, ...]:
        """Its slices, and the series made for the arterial input where there is one."""
        return (*self.slices, *([self.aif] if self.aif else []))

    @property
    def all_frames(self) -> tuple[Frame, ...]:
        """The images of all its slices."""
        return tuple(frame for one in self.slices for frame in one.frames)

    @property
    def frames(self) -> int:
        """Of its fullest slice."""
        return max(len(one.frames) for one in self.slices)

    @property
    def is_prebolus(self) -> bool:
        """Whether it says to be the diluted bolus of a dual-bolus protocol."""
        return any(word in self.evidence.said.lower() for word in PREBOLUS_WORDS)

    @property
    def is_timing(self) -> bool:
        """Whether it says to be a test bolus that only timed another scan."""
        return any(word in self.evidence.said.lower() for word in TIMING_WORDS)

    def noting(self, *notes: str) -> "FoundScan":
        """The same scan with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def with_uncertainties(self, *uncertainties: str) -> "FoundScan":
        """The same scan with further notes, each of which makes its flow uncertain."""
        return replace(self, notes=(*self.notes, *uncertainties), uncertainties=(*self.uncertainties, *uncertainties))


def find_scans(slices: Sequence[Slice], rr_interval_s: float | None = None) -> list[FoundScan]:
    """Group slices into scans, in the order of time.

    Raises PerfusionError where a slice of a scan is incomplete or no clock serves all slices of a scan.
    """
    groups: list[list[Slice]] = []
    shifted = has_a_study_per_series(slices)
    for one in sorted(slices, key=lambda one: (one.is_derived, *key_by_time(one))):
        home = next((group for group in groups if is_part_of_scan(one, group, shifted=shifted)), None)
        if home is None:
            groups.append(home := [])
        home.append(one)
    groups = rejoin_shifted(groups)
    scans = [settle(group, rr_interval_s) for group in sorted(groups, key=lambda group: min(map(key_by_time, group)))]
    return attach_prebolus(scans)


def is_part_of_scan(one: Slice, group: Sequence[Slice], *, shifted: bool) -> bool:
    """Whether a slice is part of a scan. Without a time of day, a place seen twice means two scans."""
    if not np.isfinite(one.start_s) and any(is_at_same_place(one, member) for member in group):
        return False
    if any(is_at_same_place(one, member) and is_another_scan(one, member) for member in group):
        return False
    if shifted and any(is_at_same_place(one, member) for member in group) and not is_overlapping(one, group[0]):
        return False
    return any(is_in_same_heartbeats(one, member, shifted=shifted) for member in group)


def is_another_scan(one: Slice, member: Slice) -> bool:
    """Whether slices of one place were acquired in other heartbeats, although their times of day may be the same.

    By their descriptions and intervals; where times of day do not run, also by each heartbeat.
    """
    called = {read_condition(each.first.text("SeriesDescription")) for each in (one, member)}
    steps_s = [float(np.median(np.diff(each.times_s))) for each in (one, member)]
    if called == {Condition.REST, Condition.STRESS} or max(steps_s) > OTHER_BEATS * min(steps_s):
        return True
    if has_running_clock(one.frames) or has_running_clock(member.frames):
        return False
    return not has_same_beats(one, member)


def is_in_same_heartbeats(one: Slice, member: Slice, *, shifted: bool = False) -> bool:
    """Whether two slices were acquired in the same heartbeats.

    shifted : dates may have been shifted for each series alone
    """
    if (
        one.first.text("SeriesInstanceUID") == member.first.text("SeriesInstanceUID")
        and is_overlapping(one, member) is None
    ):
        return True
    together = is_overlapping(one, member)
    if together is None:
        return remove_digits(one) == remove_digits(member)
    return together or (shifted and is_shifted_series(one, member))


def settle(group: Sequence[Slice], rr_interval_s: float | None = None) -> FoundScan:
    """One scan from everything that was acquired in the same heartbeats."""
    notes: list[str] = []
    main, aif = separate_aif(group, notes)
    main, aif = remove_doubles(main, aif, notes)
    main = remove_side_views(main, notes)
    main, short = remove_short_slices(main)
    together = [*main, aif] if aif else main
    known = timing.find_times([one.frames for one in together], rr_interval_s)
    together = [one.with_times(times_s) for one, times_s in zip(together, known.times_s, strict=True)]
    main, aif = together[: len(main)], together[-1] if aif else None
    matrices, shapes = [one.matrix for one in main], [one.shape for one in main]
    order, _ = geometry.order_base_to_apex(matrices, shapes)
    if len(main) > 1:
        sure = geometry.compute_axis_certainty(matrices) > 0.25
        notes.append(
            "Slices run from base to apex by their positions: the apex lies to the left, front and below."
            + " The slices are turned so that this is uncertain; check it." * (not sure)
        )
    lost, grave = find_lost_frames(main)
    odd = [note for note in notes if isinstance(note, Uncertainty)]
    odd += make_uncertainties(FlagCode.GEOMETRY_UNCERTAIN, geometry.find_odd_stack(matrices, shapes))
    grave = [
        *odd,
        *make_uncertainties(FlagCode.SERIES_LEFT_OUT, short),
        *make_uncertainties(FlagCode.IMAGES_MISSING, grave),
    ]
    said = [note for one in together for note in one.notes]
    uncertain = [uncertainty for one in main for uncertainty in one.uncertainties]
    return FoundScan(
        tuple(main[index] for index in order),
        aif,
        notes=tuple(dict.fromkeys((*notes, known.sentence, *known.notes, *said, *lost, *short, *known.uncertainties))),
        uncertainties=tuple(dict.fromkeys((*known.uncertainties, *uncertain, *grave))),
        clock=known.source,
        witnesses=known.witnesses,
    )


def is_completing(one: Slice, slices: Sequence[Slice]) -> bool:
    """Whether what is left of a slice was acquired beside other slices, and shows none of them again."""
    beside = [member for member in slices if is_overlapping(one, member)]
    if not beside or any(is_at_same_place(one, member) for member in beside):
        return False
    return bool(geometry.find_parallel_to_most([geometry.compute_normal(m.matrix) for m in (*beside, one)])[-1])


def remove_short_slices(slices: Sequence[Slice]) -> tuple[list[Slice], list[str]]:
    """The slices without those that have far fewer frames than another, and sentences that name these."""
    most = max(len(one.frames) for one in slices)
    short = [one for one in slices if len(one.frames) < FEWEST_SHARE * most and not is_thinner(one, slices)]
    return [one for one in slices if one not in short], [
        f"A slice of {one.first.series} is not used: it has {len(one.frames)} frames where another has {most}."
        for one in short
    ]


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
