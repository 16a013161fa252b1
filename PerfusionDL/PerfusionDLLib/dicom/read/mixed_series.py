"""Series that hold images of several kinds at what headers call one place."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from . import clock
from .beginnings import OF_IMAGES
from .frame import Frame

SHORT_SATURATION = 0.6  # chosen: saturation time of an arterial input over that of the slices
SAME_SATURATION = 0.1  # chosen: relative
FEWEST_OF_INPUT = 12  # chosen: images; a scan has at least as many


def find_lost_positions(series: Sequence[Frame]) -> str:
    """Why no position of a series can be right, "" where they can: it is the same in slices of several locations."""
    if len({frame.text("ImagePositionPatient") for frame in series}) > 1:
        return ""
    locations_mm = [frame.number("SliceLocation") for frame in series]
    known = Counter(round(one) for one in locations_mm if np.isfinite(one))
    count = sum(images >= FEWEST_OF_INPUT for images in known.values())
    if count < 2:
        return ""
    return f"ImagePositionPatient is the same in all of them, although SliceLocation tells {count} slices"


def find_shorter_saturation_ms(series: Sequence[Frame]) -> float:
    """Below which InversionTime images of a series are an arterial input beside slices with a longer one; 0 for none.

    Both are acquired side by side, so that leading images without saturation are no such series.
    """
    times_ms = np.array([frame.number("InversionTime") for frame in series])
    known = times_ms[np.isfinite(times_ms)]
    if known.size < len(series) or known.min() > SHORT_SATURATION * known.max():
        return 0.0
    middle_ms = float(known.min() + known.max()) / 2
    is_short = known < middle_ms
    even = all(np.ptp(part) < SAME_SATURATION * part.max() for part in (known[is_short], known[~is_short]))
    if not even or min(is_short.sum(), (~is_short).sum()) < FEWEST_OF_INPUT:
        return 0.0
    clocks = (clock.read_clock(series, name) for name in OF_IMAGES)
    times_s = next((one for one in clocks if np.isfinite(one).all()), np.zeros(len(series)))
    begin_s = max(times_s[is_short].min(), times_s[~is_short].min())
    end_s = min(times_s[is_short].max(), times_s[~is_short].max())
    return middle_ms if end_s - begin_s > np.ptp(times_s) / 2 else 0.0
