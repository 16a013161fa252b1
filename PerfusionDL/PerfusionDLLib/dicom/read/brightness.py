"""Steps and dips of brightness that no contrast agent makes: another gain, images of another moment."""

from collections.abc import Sequence

import numpy as np

from .consistency import capitalize, name_images
from .frame import Frame
from .pixels import reduce_images

BEFORE = 3  # chosen: frames on either side that are compared
BLOCKS = 12  # chosen: regions per side whose mean signal tells the gain
GAIN_STEP = 1.02  # chosen: 288 phantom scans have less than 1.007
UNCHANGED = 25  # percentile: three quarters of the regions take part in a change of the gain, and never in a bolus
AT_LEAST = 0.02  # of the highest: regions that hold signal in every frame
PERCENTILES = (75, 90, 95, 98)  # the median lies where breathing moves lung in and out of the image
DIPS = (1.28, 1.18, 1.18, 1.22)
"""Chosen: fall of each percentile from one frame to the next, and rise back, that neither breathing nor a bolus makes;
at least 1.5 times the largest logarithm in 40 phantom scans, also of every second frame."""
LONGEST_DIP = 8  # frames


def describe_brightness_steps(frames: Sequence[Frame], times_s: np.ndarray, signal: np.ndarray) -> list[str]:
    """Sentences on images from which on all is brighter or darker, or that are out of line with those around them."""
    said = []
    logs = compute_logs(signal)
    for index, factor in find_gain_steps(logs):
        time_s = times_s[index] - times_s[0]
        said.append(
            f"From {name_images([frames[index]])} on ({time_s:.1f} s after the first) signal is {factor:.2f} times "
            "that before in all of the image, also where no contrast agent comes: gain or scale changed."
        )
    for index, factor in [] if said else find_flashes(logs):
        said.append(
            f"{capitalize(name_images([frames[index]]))} is {factor:.2f} times as bright as those before and after it "
            "in all of the image, also where no contrast agent comes: gain or scale was another."
        )
    if not said:
        odd = find_dips(signal)
        if odd:
            named = name_images([frames[index] for index in odd])
            said.append(
                f"Brightness falls with {named} and is back after them, as no bolus makes it; they may be of another "
                "moment or another scan."
            )
    return said


def compute_logs(signal: np.ndarray) -> np.ndarray:
    """(T, regions) logarithm of the mean signal of the regions that hold signal in every frame."""
    regions = reduce_images(signal, BLOCKS).reshape(len(signal), -1)
    return np.log(regions[:, regions.min(axis=0) > AT_LEAST * regions.max()])


def find_gain_steps(logs: np.ndarray) -> list[tuple[int, float]]:
    """Indices of the first frames with another gain, and the factors; a bolus leaves most regions as they are."""
    if len(logs) < 2 * BEFORE or not logs.size:
        return []
    places = np.arange(BEFORE, len(logs) - BEFORE + 1)
    lasting = [np.median(logs[at : at + BEFORE], axis=0) - np.median(logs[at - BEFORE : at], axis=0) for at in places]
    at_once = [logs[at] - logs[at - 1] for at in places]
    low, high = np.percentile([lasting, at_once], (UNCHANGED, 100 - UNCHANGED), axis=2)
    size = np.maximum(low.min(axis=0), -high.max(axis=0))
    found: list[tuple[int, float]] = []
    while size.size and size.max() > np.log(GAIN_STEP):
        at = int(size.argmax())
        found.append((int(places[at]), float(np.exp(np.median(lasting[at])))))
        size[max(0, at - BEFORE) : at + BEFORE + 1] = 0
    return sorted(found)


def find_flashes(logs: np.ndarray) -> list[tuple[int, float]]:
    """Indices of single frames with another gain than those before and after them, and the factors."""
    if len(logs) < 2 * BEFORE or not logs.size:
        return []
    apart = logs[1:-1] - (logs[:-2] + logs[2:]) / 2
    low, high = np.percentile(apart, (UNCHANGED, 100 - UNCHANGED), axis=1)
    size = np.maximum(low, -high)
    found = np.flatnonzero(size > np.log(GAIN_STEP))
    worst = [at for at in found.tolist() if size[at] == size[max(0, at - 1) : at + 2].max()]
    return [(at + 1, float(np.exp(np.median(apart[at])))) for at in worst]


def find_dips(signal: np.ndarray) -> list[int]:
    """Frames before which the distribution of signal falls at once, and after which it is back as fast.

    Breathing moves tissue within the image, which leaves the distribution as it is; a bolus rises and falls, but does
    not fall and rise.
    """
    levels = np.percentile(reduce_images(signal), PERCENTILES, axis=(1, 2)).T
    if len(signal) < 2 * BEFORE or levels.min() <= 0:
        return []
    steps = np.diff(np.log(levels), axis=0) / np.log(DIPS)
    found: set[int] = set()
    for begin in np.flatnonzero((steps[:-1] < -1).any(axis=1)).tolist():
        back = np.minimum(-steps[begin], steps[begin + 1 : begin + 1 + LONGEST_DIP]).max(axis=1) > 1
        if back.any():
            found |= set(range(begin + 1, begin + 2 + int(back.argmax())))
    return sorted(found)
