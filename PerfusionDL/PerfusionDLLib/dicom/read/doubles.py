"""One image counts once: by its unique identifier, its header and its pixels."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...data.errors import PerfusionError
from . import clock
from .consistency import Aside, name_images
from .frame import Frame
from .leaps import HOUR_S
from .pixels import PixelReader, digest_pixels

TIMES = ("AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "FrameAcquisitionDateTime", "ContentTime")
STAMP = (
    *("SeriesInstanceUID", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "ImageType"),
    *("AcquisitionTime", "AcquisitionDateTime", "FrameAcquisitionDateTime", "ContentTime", "TriggerTime"),
    *("TemporalPositionIdentifier", "PhilipsDynamicBeginTime", "GERawDataType", "EchoNumbers", "Rows", "Columns"),
)

CLOCKS = (
    *("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime"),
    "PhilipsDynamicBeginTime",
    "TriggerTime",
)
SHIFTED_ALIKE_S = 0.5  # chosen: less than a heartbeat over a whole scan
FEWEST_COPIED = 8  # chosen: a series of fewer images is no scan


@dataclass(frozen=True)
class Distinct:
    """Images without doubles.

    aside : those that contradict each other; identified : whether every image has an identifier of its own
    """

    frames: list[Frame]
    aside: list[Aside]
    notes: tuple[str, ...]
    identified: bool


def remove_copies(frames: Sequence[Frame]) -> Distinct:
    """The images without copies, which have the same header and the same pixels, whatever they are called.

    Images with the same header but other pixels contradict each other, and none of them is used.
    """
    by_stamp: dict[tuple, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_stamp[(*(frame.text(keyword) for keyword in STAMP), frame.index)].append(frame)
    kept: list[Frame] = []
    aside: list[Aside] = []
    copies: list[Frame] = []
    for members in by_stamp.values():
        if len(members) == 1 or is_indistinct(members):
            kept += members
            continue
        if len({digest_pixels(frame) for frame in members}) == 1:
            kept.append(members[0])
            copies += members[1:] if len({one.text("SOPInstanceUID") for one in members}) > 1 else ()
        else:
            reason = f"{len(members)} files have the same header but other pixels, and nothing tells which is right"
            aside.append(Aside(tuple(members), reason))
    notes: tuple[str, ...] = ()
    if copies:
        notes = (f"Copies were left out: {name_images(copies)} are there twice under several identifiers.",)
    kept.sort(key=lambda frame: (frame.path.as_posix(), frame.index))
    return Distinct(kept, aside, notes + describe_identifiers(kept), has_identifiers(kept))


def is_indistinct(members: Sequence[Frame]) -> bool:
    """Whether images of one header are so many that the header simply does not tell images apart."""
    return len(members) > 4 and len({digest_pixels(frame) for frame in members[:5]}) > 1


def has_identifiers(frames: Sequence[Frame]) -> bool:
    """Whether every image has a unique identifier of its own."""
    uids = [(frame.text("SOPInstanceUID"), frame.index) for frame in frames]
    return all(uid for uid, _ in uids) and len(set(uids)) == len(uids)


def describe_identifiers(frames: Sequence[Frame]) -> tuple[str, ...]:
    """A sentence where images lack a unique identifier or share one."""
    uids = [frame.text("SOPInstanceUID") for frame in frames]
    without = uids.count("")
    counts: dict[tuple[str, int], int] = defaultdict(int)
    for frame, uid in zip(frames, uids, strict=True):
        counts[uid, frame.index] += bool(uid)
    shared = sum(count for count in counts.values() if count > 1)
    told = " They were told apart by their headers; results cannot be exported as DICOM."
    notes = []
    if without:
        notes.append(f"{without} of {len(frames)} images have no SOPInstanceUID.{told}")
    if shared:
        notes.append(f"{shared} of {len(frames)} images share a SOPInstanceUID with others.{told}")
    return tuple(notes)


@dataclass(frozen=True)
class Series:
    """The images of one SeriesInstanceUID in the order of their numbers."""

    frames: tuple[Frame, ...]

    @property
    def first(self) -> Frame:
        """The header that stands for the series."""
        return self.frames[0]

    @property
    def is_shifted(self) -> bool:
        """Whether its images were acquired an hour or more from when it says it began, so that times were changed."""
        return bool(
            abs(clock.read_seconds(self.first, "AcquisitionTime") - clock.read_seconds(self.first, "SeriesTime"))
            > HOUR_S
        )

    @property
    def moment(self) -> tuple[str, ...]:
        """Study and times of its first image; what shows the same moments of a study again is no shifted copy."""
        return tuple(self.first.text(keyword) for keyword in ("StudyInstanceUID", *TIMES))

    @property
    def size(self) -> tuple[str, str, int]:
        """Rows, columns and number of images; copies have the same."""
        return self.first.text("Rows"), self.first.text("Columns"), len(self.frames)

    def may_be_copied_as(self, other: "Series") -> bool:
        """Whether headers differ as those of a copy: by identifiers and times, but not by what it is called.

        What shows the same moments of a study again is no copy, nor is a study of another date at the same time of day.
        """
        if self.size != other.size or self.moment == other.moment:
            return False
        if self.first.text("SeriesDescription") != other.first.text("SeriesDescription"):
            return False
        dates, times = (
            [one.first.text(keyword) for one in (self, other)] for keyword in ("StudyDate", "AcquisitionTime")
        )
        another_date = "" not in dates and dates[0] != dates[1] and times[0] == times[1]
        return not another_date and self.runs_like(other)

    def runs_like(self, other: "Series") -> bool:
        """Whether every clock of both runs alike but for a shift of all times."""
        for keyword in CLOCKS:
            apart_s = clock.read_clock(self.frames, keyword) - clock.read_clock(other.frames, keyword)
            if np.isfinite(apart_s).any() and np.ptp(apart_s[np.isfinite(apart_s)]) > SHIFTED_ALIKE_S:
                return False
        return True

    def shows_the_same(self, other: "Series") -> bool:
        """Whether all pixels are those of another series, however they are compressed; not where they are damaged."""
        middle = len(self.frames) // 2
        try:
            for part in (slice(middle, middle + 1), slice(None)):
                mine, theirs = (PixelReader().read(one.frames[part]) for one in (self, other))
                if np.ptp(mine) == 0 or not np.array_equal(mine, theirs):
                    return False
        except PerfusionError:
            return False
        return True


def remove_copied_series(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[str, ...]]:
    """The images without series that show those of another moment or study pixel by pixel, as shifted copies do.

    The series of the study with most images are kept, then those whose times agree, then the first by their paths.
    Returns notes that name the others.
    """
    by_uid: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_uid[frame.text("SeriesInstanceUID")].append(frame)
    in_study = Counter(frame.text("StudyInstanceUID") for frame in frames)
    ranked = sorted(
        (Series(tuple(sorted(members, key=number_in_series))) for members in by_uid.values()),
        key=lambda one: (-in_study[one.first.text("StudyInstanceUID")], one.is_shifted, one.first.path.as_posix()),
    )
    kept: list[Series] = []
    notes: list[str] = []
    for one in ranked:
        large = len(one.frames) >= FEWEST_COPIED
        alike = (each for each in kept if large and each.may_be_copied_as(one))
        original = next((each for each in alike if each.shows_the_same(one)), None)
        if original is None:
            kept.append(one)
            continue
        first, copy = original.first, one.first
        what = f"a copy of {first.series}" if copy.series != first.series else f"another copy of {first.series}"
        said = f"Not used: {len(one.frames)} images that are {what}, pixel by pixel, with other identifiers or times."
        notes.append(said)
    left = {id(frame) for one in kept for frame in one.frames}
    return [frame for frame in frames if id(frame) in left], tuple(dict.fromkeys(notes))


def number_in_series(frame: Frame) -> tuple[float, str, int]:
    """Key that sorts the images of a series by their numbers."""
    number = frame.number("InstanceNumber")
    return (number if np.isfinite(number) else np.inf, frame.path.as_posix(), frame.index)
