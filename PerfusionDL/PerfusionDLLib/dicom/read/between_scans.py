"""What the pixels of rest and stress say about each other: images of one in the other, slices that are exchanged."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...data.flag import FlagCode, make_flag
from ...data.study import Condition, PerfusionSeries, Scan
from .anatomy import flag_anatomy
from .continuity import ALIKE, SURELY_TURNED, TURNS, find_surely_shown, normalize_pictures
from .flagging import Reduced, add_finding, flag_scans, reduce_scans
from .repeats import MOST_REPEATED, find_repeats

KIN = 4  # chosen: three strangers in a row are told from the others
FEWEST_ALIKE = 24  # chosen: images of a slice, so that each has some that resemble it
DARK = 0.02  # chosen: of the bright signal; below it is noise
SURELY_STRANGE = 0.03  # chosen: gain of correlation; at most 0.019 in 66 phantom scans without strangers
SAME_AXES = 0.2  # chosen: planes of two scans that are turned against each other by less are one


def compare_scans(scans: Mapping[Condition, Scan]) -> dict[Condition, Scan]:
    """The scans of a visit without images of the other one, flagged where they do not lie as the other's do."""
    left = remove_repeats_between(scans)
    reduced = reduce_scans(left)
    return flag_anatomy(flag_strangers(flag_positions(left, reduced), reduced), reduced)


def flag_strangers(scans: dict[Condition, Scan], reduced: Reduced) -> dict[Condition, Scan]:
    """The scans, flagged where an image resembles those of the other scan more than those of its own."""
    found = dict(scans)
    first_scan, second = scans.values()
    strangers = find_strangers(*(reduced[scan.condition] for scan in (first_scan, second)))
    for scan, beside, odd in zip((first_scan, second), (second, first_scan), strangers, strict=True):
        if not odd:
            continue
        which = scan.condition
        first = scan.slices[0]
        times = ", ".join(f"{first.times_s[frame]:.1f}" for frame in odd[:6]) + " and more" * (len(odd) > 6)
        sentence = (
            f"The images of {which} {times} s after the first resemble those of {beside.condition} more than the "
            f"others of {which}: they may have come from there. They are used; check them."
        )
        slices = tuple(add_finding(one, FlagCode.IMAGES_MISSING, sentence) for one in scan.slices)
        assumption = make_flag(FlagCode.READ_AS, found=sentence)
        found[which] = replace(scan, slices=slices, assumptions=(*scan.assumptions, assumption))
    return found


def find_strangers(images: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> tuple[list[int], list[int]]:
    """Of two scans, heartbeats whose reduced images resemble those of the other scan more than those of their own.

    In the mean of the slices. The `KIN`-th most alike of the own images counts, because strangers often come in a row
    and resemble each other.
    """
    sides = (images, others)
    if [one.shape[1:] for one in images] != [one.shape[1:] for one in others]:
        return [], []
    if any(len({len(one) for one in side}) > 1 or len(side[0]) < FEWEST_ALIKE for side in sides):
        return [], []
    gains: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for pair in zip(images, others, strict=True):
        pictures = [make_log_pictures(one) for one in pair]
        across = pictures[0] @ pictures[1].T
        for gain, picture, best in zip(gains, pictures, (across.max(axis=1), across.max(axis=0)), strict=True):
            own = picture @ picture.T
            np.fill_diagonal(own, -1)
            gain.append(best - np.partition(own, -KIN, axis=1)[:, -KIN])
    first, second = (np.flatnonzero(np.mean(gain, axis=0) > SURELY_STRANGE).tolist() for gain in gains)
    return first, second


def make_log_pictures(images: np.ndarray) -> np.ndarray:
    """(T, pixels) logarithms of reduced images with mean 0 and sum of squares 1; the brightest blood counts less so."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    flat = np.log(np.maximum(flat, DARK * np.percentile(flat[::4], 99)))
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)


def flag_positions(scans: dict[Condition, Scan], reduced: Reduced) -> dict[Condition, Scan]:
    """The scans, flagged where images of one lie mirrored or turned to those of the other, or its slices exchanged."""
    first, second = scans.values()
    shapes = {one.signal.shape[1:] for scan in (first, second) for one in scan.slices}
    if len(shapes) > 1 or len(first.slices) != len(second.slices):
        return scans
    usual = [np.stack([np.median(one, axis=0) for one in reduced[scan.condition]]) for scan in (first, second)]
    shown, beside = map(normalize_pictures, usual)
    told = turn_by_headers(first.slices[0], second.slices[0])
    if told is None:
        return scans
    ways = TURNS if shown.shape[1] == shown.shape[2] else TURNS[:4]
    alike = [float(np.einsum("iyx,iyx->i", turn(shown), beside).mean()) for _, turn in ways]
    found = int(np.argmax(alike))
    if alike[found] > max(ALIKE, alike[told] + SURELY_TURNED):
        name = "turned or mirrored" if told else TURNS[found][0]
        sentence = (
            f"The images of {first.condition} show the heart {name} against those of {second.condition}, by their "
            "pixels: ImageOrientationPatient of one of the scans is wrong, or its pixels were turned. Check the "
            "position of the AHA segments."
        )
        scans = flag_scans(scans, FlagCode.GEOMETRY_UNCERTAIN, sentence)
        told = found
    return flag_exchanges(scans, ways[told][1](shown), beside)


def turn_by_headers(one: PerfusionSeries, other: PerfusionSeries) -> int | None:
    """Which of `TURNS` brings images of a series to the axes of another one, by their headers; None where none does."""
    rows, columns = np.indices((5, 5)) - 2
    fields = [
        columns[..., None] * axes[:, 0] + rows[..., None] * axes[:, 1]
        for axes in (
            series.ijk_to_ras[:3, :2] / np.linalg.norm(series.ijk_to_ras[:3, :2], axis=0) for series in (one, other)
        )
    ]
    apart = [np.abs(np.moveaxis(turn(np.moveaxis(fields[0], -1, 0)), 0, -1) - fields[1]).max() for _, turn in TURNS]
    best = int(np.argmin(apart))
    return best if apart[best] < SAME_AXES else None


def flag_exchanges(scans: dict[Condition, Scan], shown: np.ndarray, beside: np.ndarray) -> dict[Condition, Scan]:
    """The scans, flagged where the slices of one show what others show in the other scan.

    shown, beside : (S, Y, X) picture of each slice of the first scan, with the axes of the second, and of the second
    """
    alike = np.einsum("iyx,jyx->ij", shown, beside)
    odd = np.flatnonzero(find_surely_shown(alike, np.arange(len(alike))) != np.arange(len(alike)))
    if not odd.size:
        return scans
    sentence = (
        f"Slices {' and '.join(str(index + 1) for index in odd)}, from the base, show each other's part of the heart "
        "in one of the scans, by their pixels: ImagePositionPatient of rest or of stress is wrong. Check the levels."
    )
    return flag_scans(scans, FlagCode.GEOMETRY_UNCERTAIN, sentence)


def remove_repeats_between(scans: Mapping[Condition, Scan]) -> dict[Condition, Scan]:
    """The scans without images that lie in both of them, of which one does not fit in; flags say which."""
    places = [(which, index) for which, scan in scans.items() for index in range(len(scan.slices))]
    found = find_repeats([scans[which].slices[index].signal for which, index in places])
    gone: dict[tuple[Condition, int], list[int]] = defaultdict(list)
    for (at, frame), (source, _) in found.items():
        if places[at][0] != places[source][0]:
            gone[places[at]].append(frame)
    mended = dict(scans)
    for (which, index), frames in sorted(gone.items()):
        scan = mended[which]
        one = scan.slices[index]
        times = ", ".join(f"{one.times_s[frame]:.1f}" for frame in frames[:6]) + " and more" * (len(frames) > 6)
        other = next(name for name in scans if name != which)
        images = f"{len(frames)} of {len(one.signal)} images of slice {index + 1} ({times} s after the first)"
        too_many = len(frames) > MOST_REPEATED * len(one.signal)
        if too_many:
            sentence = (
                f"{len(frames)} of {len(one.signal)} images of slice {index + 1} hold the same pixels at rest and "
                "under stress, bit by bit: those of one scan are not its own. Nothing tells which; they are used."
            )
            mended = flag_scans(mended, FlagCode.IMAGES_MISSING, sentence)
            continue
        sentence = f"{images} are not used: they hold the pixels of images of {other}, bit by bit, and fit in there."
        slices = tuple(
            add_finding(
                remove_frames(each, frames) if at == index else each,
                FlagCode.IMAGES_MISSING,
                sentence,
            )
            for at, each in enumerate(scan.slices)
        )
        assumption = make_flag(FlagCode.READ_AS, found=sentence)
        mended[which] = replace(scan, slices=slices, assumptions=(*scan.assumptions, assumption))
    return mended


def remove_frames(series: PerfusionSeries, frames: Sequence[int]) -> PerfusionSeries:
    """A series without some of its frames."""
    kept = np.delete(np.arange(len(series.signal)), frames)
    uids = tuple(series.instance_uids[index] for index in kept.tolist()) if series.instance_uids else ()
    return replace(series, signal=series.signal[kept], times_s=series.times_s[kept], instance_uids=uids)
