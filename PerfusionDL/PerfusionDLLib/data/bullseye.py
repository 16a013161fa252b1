"""Where things lie on the AHA bullseye: 16 segments, the anterior wall at the top and the septum on the left.

Orientation and numbering: Cerqueira et al., Circulation 2002;105:539.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .flow import SliceMaps
from .study import Level

RINGS = {Level.BASAL: (0.70, 1.0), Level.MID: (0.40, 0.70), Level.APICAL: (0.10, 0.40)}
FIRST = {Level.BASAL: 1, Level.MID: 7, Level.APICAL: 13}
SIXTEEN = range(1, 17)
NEAR = 0.15  # of the radius; a larger hole in the flow map stays a hole in the bullseye
_AT_ONCE = 256  # chosen: positions whose distances to all pixels of a segment stay in the processor's cache


def sector(segment: int) -> tuple[Level, float, float]:
    """Ring of an AHA segment with the angles where it starts and ends, degrees counterclockwise from the right.

    >>> sector(1)
    (<Level.BASAL: 'basal'>, 60.0, 120.0)
    >>> sector(14)
    (<Level.APICAL: 'apical'>, 135.0, 225.0)
    """
    if segment not in SIXTEEN:
        raise ValueError(f"an AHA segment is 1 to 16, got {segment}")
    level = Level.APICAL if segment > 12 else Level.MID if segment > 6 else Level.BASAL
    width, start = (90.0, 45.0) if level is Level.APICAL else (60.0, 60.0)
    begin = (start + (segment - FIRST[level]) * width) % 360
    return level, begin, begin + width


def segment_at(radius: np.ndarray, angle_deg: np.ndarray) -> np.ndarray:
    """AHA segment at positions of the bullseye of radius 1; 0 outside."""
    segments = np.zeros(np.broadcast(radius, angle_deg).shape, dtype=np.uint8)
    for segment in SIXTEEN:
        level, begin, end = sector(segment)
        inner, outer = RINGS[level]
        segments[(radius >= inner) & (radius < outer) & ((angle_deg - begin) % 360 < end - begin)] = segment
    return segments


def unrolled(part: SliceMaps) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every myocardial pixel of a slice as it lies in the bullseye: segment, radius, angle in radians, flow.

    Every segment of the slice is stretched onto its sector, its endocardium onto the inner edge. The turning sense
    follows from the order of the segments, so mirrored images come out right.
    """
    row, column = np.nonzero(part.segments)
    segments = part.segments[row, column]
    around = np.arctan2(row - row.mean(), column - column.mean())
    numbers = np.unique(segments)
    middles = np.array([np.angle(np.exp(1j * around[segments == number]).mean()) for number in numbers])
    steps = np.angle(np.exp(1j * np.diff(middles)))
    sense = -1.0 if steps.sum() < 0 else 1.0
    radius, angle = np.empty(len(row)), np.empty(len(row))
    for number, middle in zip(numbers, middles, strict=True):
        here = segments == number
        level, begin, end = sector(int(number))
        turned = sense * np.angle(np.exp(1j * (around[here] - middle)))
        low, high = turned.min(), turned.max()
        share = (turned - low) / (high - low) if high > low else np.full(here.sum(), 0.5)
        inner, outer = RINGS[level]
        depth = np.nan_to_num(part.depth[row, column][here], nan=0.5)
        radius[here] = inner + np.clip(depth, 0, 1) * (outer - inner)
        angle[here] = begin + share * (end - begin)
    return segments, radius, np.radians(angle), part.mbf_ml_min_g[row, column]


def polar_image(slices: Sequence[SliceMaps], size: int = 400) -> np.ndarray:
    """(size, size) flow of every pixel laid out as a bullseye, NaN where there is none near; the first row is the top.

    Each position shows the nearest trustworthy pixel of its segment; several slices of one level share its ring.
    """
    image = np.full((size, size), np.nan)
    pixels = [unrolled(part) for part in slices if part.segments.any()]
    if not pixels:
        return image
    pixel_segment, pixel_radius, pixel_angle, flow = (np.concatenate(values) for values in zip(*pixels, strict=True))
    pixel_xy = pixel_radius[:, None] * np.stack([np.cos(pixel_angle), np.sin(pixel_angle)], axis=-1)
    for segment, (target, target_xy) in _targets(size).items():
        source = (pixel_segment == segment) & np.isfinite(flow)
        if source.any():
            image.flat[target] = _nearest(flow[source], pixel_xy[source], target_xy)
    return image


def _nearest(values: np.ndarray, at_xy: np.ndarray, to_xy: np.ndarray) -> np.ndarray:
    """(N,) of values (M,) at some positions (M, 2) the one nearest to each other position (N, 2), NaN where none is.

    As fast as SciPy's tree for the pixels of a segment, and nothing takes time to load.
    """
    found = np.empty(len(to_xy))
    for begin in range(0, len(to_xy), _AT_ONCE):
        here = to_xy[begin : begin + _AT_ONCE]
        squared = (here[:, 0, None] - at_xy[:, 0]) ** 2 + (here[:, 1, None] - at_xy[:, 1]) ** 2
        nearest = squared.argmin(axis=1)
        near = squared[np.arange(len(here)), nearest] < NEAR**2
        found[begin : begin + _AT_ONCE] = np.where(near, values[nearest], np.nan)
    return found


@lru_cache(maxsize=4)
def _targets(size: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Places (N,) in the flat image and positions (N, 2) of the pixels of each segment."""
    position = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = (axis.ravel() for axis in np.meshgrid(position, -position))
    segments = segment_at(np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360)
    places = {segment: np.flatnonzero(segments == segment) for segment in SIXTEEN}
    return {segment: (place, np.stack([x[place], y[place]], axis=-1)) for segment, place in places.items()}
