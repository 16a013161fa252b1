"""All series of some folders with a picture each: what the reader takes them for, and what else they could be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data.errors import PerfusionError
from ...data.study import Condition
from ...data.text import make_line
from .choices import NO_CHOICES, ReadChoices
from .choosing import Chosen, choose, choose_study, find_scans_of_study
from .frame import Frame
from .headers import survey_files, tolerate_broken_rules
from .pixels import PixelReader
from .reading import gather
from .scans import FoundScan
from .slices import Finding, find_slices

MOST_FRAMES_LOOKED_AT = 24
"""Of a series, for the brightest one; chosen: about every other heartbeat of a first pass."""

PICTURE_PX = 96
"""Longest side of a picture; chosen: rows of a list stay low, and a ventricle is still seen."""


@dataclass(frozen=True, eq=False)
class ListedSeries:
    """A series as a list shows it.

    uid : SeriesInstanceUID, or how the headers name the series where they have none
    frames, slices : of the perfusion scan in it; 0 where it holds none
    scan : number of the perfusion scan that it belongs to, None where it cannot be read as one
    condition : what the reader takes it for, None where it is not used; reason : why
    picture : (Y, X) uint8, the brightest frame; None where its pixels cannot be read
    """

    uid: str
    number: str
    description: str
    images: int
    frames: int
    slices: int
    scan: int | None
    condition: Condition | None
    reason: str
    picture: np.ndarray | None


@dataclass(frozen=True)
class SeriesList:
    """The series of a study in the order of their numbers; ``problem`` says why the reader is at a loss, if it is."""

    series: tuple[ListedSeries, ...]
    problem: str


@tolerate_broken_rules()
def list_series(folders: Sequence[Path], *, choices: ReadChoices = NO_CHOICES) -> SeriesList:
    """What each series of some folders is, and what the reader makes of it.

    Raises PerfusionError where there are no images, or those of several patients.
    """
    frames = choose_study(gather(survey_files(list(map(Path, folders)))).frames, choices.study)
    findings = find_slices(frames, choices.rr_interval_s)
    problem, chosen, scans = "", {}, []
    try:
        scans = find_scans_of_study(findings, choices.rr_interval_s)
        chosen = choose(frames, {}, choices)
    except PerfusionError as error:
        problem = error.problem
    reader = PixelReader()
    by_uid: dict[str, list[Frame]] = {}
    for frame in frames:
        by_uid.setdefault(name_of_series(frame), []).append(frame)
    listed = [describe_series(uid, inside, findings, scans, chosen, reader) for uid, inside in by_uid.items()]
    return SeriesList(tuple(sorted(listed, key=lambda one: (len(one.number), one.number))), problem)


def name_of_series(frame: Frame) -> str:
    """What tells a series from the others."""
    return frame.text("SeriesInstanceUID") or frame.series


def describe_series(
    uid: str,
    frames: Sequence[Frame],
    findings: Sequence[Finding],
    scans: Sequence[FoundScan],
    chosen: Mapping[Condition, Chosen],
    reader: PixelReader,
) -> ListedSeries:
    """One row of the list."""
    pieces = [
        (number, one)
        for number, scan in enumerate(scans)
        for one in scan.all_slices
        if any(name_of_series(frame) == uid for frame in one.frames)
    ]
    condition = next((which for which, one in chosen.items() if is_series_used(one.scan, uid)), None)
    if condition is not None:
        reason = chosen[condition].how
    elif pieces and not chosen:
        reason = "It can be read as perfusion; nothing tells for certain whether it is rest or stress."
    elif pieces:
        reason = "Not used: it can be read as perfusion, and is neither the rest nor the stress scan that was found."
    else:
        reason = next((f"Not used: {one.reason or one.error}" for one in findings if one.name == frames[0].series), "")
    looked_at = pieces[len(pieces) // 2][1].frames if pieces else frames
    return ListedSeries(
        uid=uid,
        number=frames[0].text("SeriesNumber"),
        description=make_line(frames[0].text("SeriesDescription")),
        images=len(frames),
        frames=max((len(one.frames) for _, one in pieces), default=0),
        slices=len(pieces),
        scan=pieces[0][0] if pieces else None,
        condition=condition,
        reason=reason,
        picture=make_picture(looked_at, reader),
    )


def is_series_used(scan: FoundScan, uid: str) -> bool:
    """Whether images of a series are used in a scan."""
    return any(name_of_series(frame) == uid for one in scan.all_slices for frame in one.frames)


def make_picture(frames: Sequence[Frame], reader: PixelReader) -> np.ndarray | None:
    """(Y, X) uint8, the frame in which the middle of the image is brightest; None where pixels cannot be read."""
    step = -(-len(frames) // MOST_FRAMES_LOOKED_AT)
    images = []
    for frame in frames[::step]:
        try:
            images.append(reader.read([frame])[0])
        except PerfusionError:
            continue
    return shrink(max(images, key=compute_brightness_of_middle)) if images else None


def compute_brightness_of_middle(image: np.ndarray) -> float:
    """What the brightest twentieth of the middle of an image (Y, X) exceeds."""
    rows, columns = image.shape
    middle = image[rows // 4 : max(3 * rows // 4, 1), columns // 4 : max(3 * columns // 4, 1)]
    return float(np.nanpercentile(middle, 95)) if np.isfinite(middle).any() else -np.inf


def shrink(image: np.ndarray) -> np.ndarray:
    """An image (Y, X) as a small picture in 256 grays, its darkest and brightest hundredth cut off.

    >>> shrink(np.arange(192.0 * 100).reshape(192, 100)).shape
    (96, 50)
    """
    step = -(-max(image.shape) // PICTURE_PX)
    rows, columns = (side // step * step for side in image.shape)
    small = image[:rows, :columns].reshape(rows // step, step, columns // step, step).mean(axis=(1, 3))
    if not np.isfinite(small).any():
        return np.zeros(small.shape, np.uint8)
    dark, bright = np.nanpercentile(small, (1, 99))
    return (255 * np.clip((np.nan_to_num(small, nan=dark) - dark) / max(bright - dark, 1e-6), 0, 1) + 0.5).astype(
        np.uint8
    )
