"""Which images show the same slice: clusters in space, of which each holds one image per moment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...data.flag import FlagCode
from ...data.text import make_line
from . import clock, geometry
from .components import read_component
from .consistency import Aside, Uncertainty, find_typical_number, name_images
from .frame import Frame
from .mixed_series import find_lost_positions, find_shorter_saturation_ms
from .moments import split_by_moment

EVEN_MM = 0.05
BREAK_S = 60.0  # a longer pause within a series separates two scans
SAME_AXES = 0.03  # largest difference between the cosines of one orientation: 1.7 degrees
SAME_SPACING = 0.02  # relative
SAME_IN_PLANE_MM = 8.0  # chosen: a field of view that moves farther is another one
MOST_ASTRAY = 0.25  # chosen: where more images lie elsewhere, the slice was moved
TRACKING_MM = 15.0  # chosen: a diaphragm moves a slice by less
MOST_SLICES = 24
FEWEST_REMAINS = 4  # fewer images at one place are no dynamic series at all
MOVES_MM = 0.2  # chosen: positions of a slice that stands still differ by rounding only


@dataclass(frozen=True)
class Places:
    """The images of a series by place; ``aside`` holds those that have none, ``notes`` what is odd about the others."""

    places: list[list[Frame]]
    aside: list[Aside] = field(default_factory=list)
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class Placed:
    """An image with its matrix, its position along the normal and across it, mm."""

    frame: Frame
    matrix: np.ndarray

    @property
    def along_mm(self) -> float:
        """Position along the normal."""
        return float(self.matrix[:3, 3] @ geometry.compute_normal(self.matrix))


def find_places(series: Sequence[Frame]) -> Places:
    """Images of a series that show one slice with one contrast: same plane, matrix, echo and component."""
    without: dict[str, list[Frame]] = defaultdict(list)
    notes: dict[str, None] = {}
    by_kind: dict[tuple, list[Placed]] = defaultdict(list)
    echo = np.nan_to_num(find_typical_number(series, "EchoNumbers"))  # also of an image that does not say
    shorter_ms = find_shorter_saturation_ms(series)
    lost = find_lost_positions(series)
    for frame in series:
        pose = geometry.read_pose(frame)
        if pose.matrix is None or lost:
            without[pose.problem or lost].append(frame)
            continue
        notes |= dict.fromkeys(pose.notes)
        kind = (frame.number("Rows"), frame.number("Columns"), np.nan_to_num(frame.number("EchoNumbers"), nan=echo))
        is_input = frame.number("InversionTime") < shorter_ms
        by_kind[(*kind, is_input, read_component(frame))].append(Placed(frame, pose.matrix))
    aside = [Aside(tuple(frames), problem) for problem, frames in without.items()]
    places: list[list[Frame]] = []
    for members in by_kind.values():
        for parallel in merge_opposite_axes(group_by_orientation(members)):
            found, moving = cluster_positions(parallel)
            notes |= dict.fromkeys(moving)
            for place in found:
                whole, strayed = find_one_field(place)
                aside += strayed
                poses = {id(one.frame): one for one in whole}
                for piece in split_at_breaks([one.frame for one in whole]):
                    notes |= dict.fromkeys(find_opposite_signs([poses[id(frame)] for frame in piece]))
                    single, copies = split_by_moment(piece)
                    places += single
                    aside += copies
    return remove_fragments(places, aside, tuple(notes))


def group_by_orientation(members: Sequence[Placed]) -> list[list[Placed]]:
    """Images with the same axes and spacing, up to the rounding of decimal strings."""
    groups: list[list[Placed]] = []
    axes = np.array([one.matrix[:3, :2] / np.linalg.norm(one.matrix[:3, :2], axis=0) for one in members])
    sizes = np.array([np.linalg.norm(one.matrix[:3, :2], axis=0) for one in members])
    left = np.ones(len(members), bool)
    while left.any():
        first = int(np.flatnonzero(left)[0])
        same = left & (np.abs(axes - axes[first]).max(axis=(1, 2)) < SAME_AXES)
        same &= (np.abs(sizes / sizes[first] - 1) < SAME_SPACING).all(axis=1)
        groups.append([members[index] for index in np.flatnonzero(same).tolist()])
        left &= ~same
    return groups


def merge_opposite_axes(groups: list[list[Placed]]) -> list[list[Placed]]:
    """Groups of one orientation, each with those whose axes have the opposite sign and that lie in the same planes."""
    joined: list[list[Placed]] = []
    for group in sorted(groups, key=len, reverse=True):
        home = next((other for other in joined if is_opposite(group, other)), None)
        if home is None:
            joined.append(list(group))
        else:
            home += group
    return joined


def is_opposite(group: Sequence[Placed], other: Sequence[Placed]) -> bool:
    """Whether images differ from others by the sign of an axis only, and each lies in the plane of one of those."""
    one, usual = group[0].matrix[:3, :2], other[0].matrix[:3, :2]
    sizes, usual_sizes = np.linalg.norm(one, axis=0), np.linalg.norm(usual, axis=0)
    cosines = (one * usual).sum(axis=0) / (sizes * usual_sizes)
    if np.abs(np.abs(cosines) - 1).max() > SAME_AXES**2 or np.abs(sizes / usual_sizes - 1).max() > SAME_SPACING:
        return False
    there_mm = np.array([image.along_mm for image in other])
    return all(np.abs(there_mm - image.along_mm).min() < geometry.SAME_PLACE_MM for image in group)


def find_opposite_signs(place: Sequence[Placed]) -> list[Uncertainty]:
    """An uncertainty where images of one slice have axes of opposite sign."""
    axes = np.array([one.matrix[:3, :2] for one in place])
    signs = [tuple(row) for row in np.sign((axes * axes[0]).sum(axis=1)).tolist()]
    usual = max(sorted(set(signs)), key=signs.count)
    odd = [one.frame for one, sign in zip(place, signs, strict=True) if sign != usual]
    if not odd:
        return []
    return [
        Uncertainty(
            f"The axes of ImageOrientationPatient have the opposite sign in {name_images(odd)}; the pixels decided how "
            "these images lie. Check the position of the AHA segments.",
            FlagCode.GEOMETRY_UNCERTAIN,
        )
    ]


def cluster_positions(members: Sequence[Placed]) -> tuple[list[list[Placed]], tuple[str, ...]]:
    """Images by position along their normal, and a note where the positions of the slices move.

    Positions of one slice lie within a millimeter. Where that gives places with unequal numbers of images, slices may
    have followed the breathing: then the widest gaps separate them, if every slice so found has as many images.
    """
    ordered = sorted(members, key=lambda one: one.along_mm)
    along_mm = np.array([one.along_mm for one in ordered])
    steps_mm = np.diff(along_mm)
    apart_mm = 0 if is_volume(steps_mm) else geometry.SAME_PLACE_MM
    still = np.split(np.arange(len(ordered)), np.flatnonzero(steps_mm > apart_mm) + 1)
    if max(np.ptp(along_mm[one]) for one in still) > MOVES_MM or is_moving_once(ordered, along_mm, still):
        tracked = find_moving_slices(along_mm)
        if tracked and len(tracked) <= len(still):
            reach = max(np.ptp(along_mm[one]) for one in tracked) / 2
            note = (
                f"The position of the slices moves by up to {reach:.1f} mm to either side between frames (slice "
                f"tracking); {len(tracked)} slice{'s' * (len(tracked) > 1)} told apart by distance."
            )
            return [[ordered[index] for index in one] for one in tracked], (note,)
    return [[ordered[index] for index in one] for one in still], ()


def is_moving_once(ordered: Sequence[Placed], along_mm: np.ndarray, still: Sequence[np.ndarray]) -> bool:
    """Whether two places near each other were never imaged in turn, so that one may be the other after a move."""
    spans = []
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime", "PhilipsDynamicBeginTime"):
        times_s = clock.read_clock([one.frame for one in ordered], keyword)
        if np.isfinite(times_s).all() and np.ptp(times_s) > 0:
            spans = [(times_s[one].min(), times_s[one].max()) for one in still if len(one) >= FEWEST_REMAINS]
            break
    centers_mm = [float(np.median(along_mm[one])) for one in still if len(one) >= FEWEST_REMAINS]
    apart = [
        abs(centers_mm[i] - centers_mm[j]) < TRACKING_MM and (spans[i][1] < spans[j][0] or spans[j][1] < spans[i][0])
        for i in range(len(spans))
        for j in range(i)
    ]
    return any(apart)


def find_moving_slices(along_mm: np.ndarray) -> list[np.ndarray]:
    """Indices of the images of each moving slice, from sorted positions; none where no division is even."""
    steps_mm = np.diff(along_mm)
    widest = np.argsort(steps_mm)[::-1]
    for count in range(1, min(MOST_SLICES, len(along_mm) // FEWEST_REMAINS) + 1):
        parts = np.split(np.arange(len(along_mm)), np.sort(widest[: count - 1]) + 1)
        sizes = [len(one) for one in parts]
        reach = max(np.ptp(along_mm[one]) for one in parts)
        if min(sizes) < 0.9 * max(sizes) or reach > TRACKING_MM:
            continue
        centers = np.array([np.median(along_mm[one]) for one in parts])
        continuous = max(np.diff(along_mm[one]).max(initial=0) for one in parts)
        if count == 1 or np.diff(centers).min() > max(reach, 2 * continuous):
            return parts
    return []


def is_volume(steps_mm: np.ndarray) -> bool:
    """Whether planes this far from each other are a volume, however thin: evenly spaced, one image each."""
    return len(steps_mm) > 1 and steps_mm.min() > EVEN_MM and np.ptp(steps_mm) < EVEN_MM


def find_one_field(place: list[Placed]) -> tuple[list[Placed], list[Aside]]:
    """The images of a place whose field of view lies where that of most of them lies."""
    corners = np.array([one.matrix[:3, 3] for one in place])
    usual = np.median(corners, axis=0)
    axis = geometry.compute_normal(place[0].matrix)
    offset = corners - usual
    away_mm = np.linalg.norm(offset - np.outer(offset @ axis, axis), axis=1)
    far = away_mm > SAME_IN_PLANE_MM
    if not far.any() or far.mean() > MOST_ASTRAY:
        return place, []
    strayed = [one.frame for one, yes in zip(place, far, strict=True) if yes]
    reason = f"ImagePositionPatient is up to {away_mm.max():.0f} mm beside that of the other images of the slice"
    return [one for one, yes in zip(place, far, strict=True) if not yes], [Aside(tuple(strayed), reason)]


def split_at_breaks(frames: list[Frame]) -> list[list[Frame]]:
    """Frames cut where the acquisition paused for a minute or more: two scans in one series."""
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime", "AcquisitionTime"):
        times_s = clock.read_clock(frames, keyword)
        known = np.isfinite(times_s)
        if known.mean() < 0.9:
            continue
        order = np.argsort(times_s[known], kind="stable")
        steps_s = np.diff(times_s[known][order])
        if steps_s.max(initial=0) <= BREAK_S:
            return [frames]
        indices = np.flatnonzero(known)[order]
        groups = [list(one) for one in np.split(indices, np.flatnonzero(steps_s > BREAK_S) + 1)]
        max(groups, key=len).extend(np.flatnonzero(~known))
        return [[frames[index] for index in sorted(one)] for one in groups]
    return [frames]


def remove_fragments(places: list[list[Frame]], aside: list[Aside], notes: tuple[str, ...]) -> Places:
    """Places that hold too few images to be slices beside the fuller ones are set aside."""
    longest = max(map(len, places), default=0)
    fewest = max(FEWEST_REMAINS, round(0.25 * longest))
    if longest < 2 * FEWEST_REMAINS:
        return Places(places, aside, notes)
    reasons: dict[str, list[Frame]] = defaultdict(list)
    whole = [place for place in places if len(place) >= fewest]
    for place in places:
        if len(place) < fewest:
            reasons[describe_difference(place[0], whole)] += place
    return Places(whole, [*aside, *(Aside(tuple(frames), reason) for reason, frames in reasons.items())], notes)


def describe_difference(frame: Frame, places: Sequence[Sequence[Frame]]) -> str:
    """By which attribute an image is at none of the places."""
    first = places[0][0]
    for keyword in ("Rows", "Columns", "EchoNumbers"):
        said = {one[0].number(keyword) for one in places}
        if np.isfinite(frame.number(keyword)) and frame.number(keyword) not in said:
            return f"{keyword} is {frame.number(keyword):g} there and {first.number(keyword):g} in the other images"
    if read_component(frame) not in {read_component(one[0]) for one in places}:
        return f"another part of the signal is shown ({read_component(frame)})"
    matrix, other = geometry.compute_matrix(frame), geometry.compute_matrix(first)
    if np.abs(matrix[:3, :3] - other[:3, :3]).max() > SAME_AXES:
        return "ImageOrientationPatient or PixelSpacing differs from that of the other images"
    centers = [geometry.compute_matrix(one[0])[:3, 3] for one in places]
    apart_mm = min(float(np.linalg.norm(matrix[:3, 3] - center)) for center in centers)
    if apart_mm > geometry.SAME_PLACE_MM:
        return "ImagePositionPatient differs from that of the other images of the series"
    return f"AcquisitionTime is {make_line(frame.text('AcquisitionTime'))}, a minute or more away from the other images"
