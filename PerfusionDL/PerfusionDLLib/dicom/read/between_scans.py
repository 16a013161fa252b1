"""What the pixels of rest and stress say about each other: images of one in the other, slices that are exchanged."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...data.flag import FlagCode, make_flag
from ...data.study import Condition, PerfusionSeries, Scan
from .continuity import pictures, surely_shown
from .pixels import reduced
from .repeats import MOST_REPEATED, find_repeats


def compare_scans(scans: Mapping[Condition, Scan]) -> dict[Condition, Scan]:
    """The scans of a visit without images of the other one, flagged where their slices are not the same."""
    return with_exchanges(without_repeats_of(scans))


def with_exchanges(scans: dict[Condition, Scan]) -> dict[Condition, Scan]:
    """The scans, flagged where the slices of one show what others show in the other scan."""
    signals = [[one.signal for one in scan.slices] for scan in scans.values()]
    if len({signal.shape[1:] for each in signals for signal in each}) > 1 or len(set(map(len, signals))) > 1:
        return scans
    usual = [np.stack([np.median(reduced(signal), axis=0) for signal in each]) for each in signals]
    shown = list(map(pictures, usual))
    usually = np.arange(len(shown[0]))
    odd = np.flatnonzero(surely_shown(np.einsum("iyx,jyx->ij", *shown), usually) != usually)
    if not odd.size:
        return scans
    sentence = (
        f"Slices {' and '.join(str(index + 1) for index in odd)}, from the base, show each other's part of the heart "
        "in one of the scans, by their pixels: ImagePositionPatient of rest or of stress is wrong. Check the levels."
    )
    flagged = {}
    for which, scan in scans.items():
        slices = tuple(with_finding(one, FlagCode.GEOMETRY_UNCERTAIN, sentence) for one in scan.slices)
        assumption = make_flag(FlagCode.READ_AS, found=sentence)
        flagged[which] = replace(scan, slices=slices, assumptions=(*scan.assumptions, assumption))
    return flagged


def without_repeats_of(scans: Mapping[Condition, Scan]) -> dict[Condition, Scan]:
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
            sentence = f"{images} are used, although they hold the pixels of images of {other}, bit by bit."
        else:
            sentence = (
                f"{images} are not used: they hold the pixels of images of {other}, bit by bit, and fit in there."
            )
        slices = tuple(
            with_finding(
                without_frames(each, frames) if at == index and not too_many else each,
                FlagCode.IMAGES_MISSING,
                sentence,
            )
            for at, each in enumerate(scan.slices)
        )
        assumption = make_flag(FlagCode.READ_AS, found=sentence)
        mended[which] = replace(scan, slices=slices, assumptions=(*scan.assumptions, assumption))
    return mended


def without_frames(series: PerfusionSeries, frames: Sequence[int]) -> PerfusionSeries:
    """A series without some of its frames."""
    kept = np.delete(np.arange(len(series.signal)), frames)
    uids = tuple(series.instance_uids[index] for index in kept.tolist()) if series.instance_uids else ()
    return replace(series, signal=series.signal[kept], times_s=series.times_s[kept], instance_uids=uids)


def with_finding(series: PerfusionSeries, code: FlagCode, text: str) -> PerfusionSeries:
    """A series with one more finding on its acquisition."""
    flag = make_flag(code, found=text)
    acquisition = replace(series.acquisition, findings=(*series.acquisition.findings, flag))
    return replace(series, acquisition=acquisition)
