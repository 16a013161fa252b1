"""One image counts once: by its unique identifier, its header and its pixels."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .consistency import Aside, name_images
from .frame import Frame
from .pixels import pixel_digest

STAMP = (
    *("SeriesInstanceUID", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "ImageType"),
    *("AcquisitionTime", "AcquisitionDateTime", "FrameAcquisitionDateTime", "ContentTime", "TriggerTime"),
    *("TemporalPositionIdentifier", "PhilipsDynamicBeginTime", "GERawDataType", "EchoNumbers", "Rows", "Columns"),
)


@dataclass(frozen=True)
class Distinct:
    """Images without doubles.

    aside : those that contradict each other; identified : whether every image has an identifier of its own
    """

    frames: list[Frame]
    aside: list[Aside]
    notes: tuple[str, ...]
    identified: bool


def without_copies(frames: Sequence[Frame]) -> Distinct:
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
        if len(members) == 1 or indistinct(members):
            kept += members
            continue
        if len({pixel_digest(frame) for frame in members}) == 1:
            kept.append(members[0])
            copies += members[1:] if len({one.text("SOPInstanceUID") for one in members}) > 1 else ()
        else:
            reason = f"{len(members)} files have the same header but other pixels, and nothing tells which is right"
            aside.append(Aside(tuple(members), reason))
    notes: tuple[str, ...] = ()
    if copies:
        notes = (f"Copies were left out: {name_images(copies)} are there twice under several identifiers.",)
    kept.sort(key=lambda frame: (frame.path.as_posix(), frame.index))
    return Distinct(kept, aside, notes + identifiers(kept), has_identifiers(kept))


def indistinct(members: Sequence[Frame]) -> bool:
    """Whether images of one header are so many that the header simply does not tell images apart."""
    return len(members) > 4 and len({pixel_digest(frame) for frame in members[:5]}) > 1


def has_identifiers(frames: Sequence[Frame]) -> bool:
    """Whether every image has a unique identifier of its own."""
    uids = [(frame.text("SOPInstanceUID"), frame.index) for frame in frames]
    return all(uid for uid, _ in uids) and len(set(uids)) == len(uids)


def identifiers(frames: Sequence[Frame]) -> tuple[str, ...]:
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
