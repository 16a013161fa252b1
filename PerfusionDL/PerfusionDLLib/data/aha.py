"""The 16 segments of the left ventricle and the depth in its wall."""

import numpy as np

from .study import Level

SEGMENT_NAMES = {
    1: "basal anterior",
    2: "basal anteroseptal",
    3: "basal inferoseptal",
    4: "basal inferior",
    5: "basal inferolateral",
    6: "basal anterolateral",
    7: "mid anterior",
    8: "mid anteroseptal",
    9: "mid inferoseptal",
    10: "mid inferior",
    11: "mid inferolateral",
    12: "mid anterolateral",
    13: "apical anterior",
    14: "apical septal",
    15: "apical inferior",
    16: "apical lateral",
}
"""Segment names (Cerqueira et al., Circulation 2002;105:539, figure 3)."""

TERRITORY_SEGMENTS = {
    "LAD": (1, 2, 7, 8, 13, 14),
    "RCA": (3, 4, 9, 10, 15),
    "LCX": (5, 6, 11, 12, 16),
}
"""Coronary territories (Cerqueira et al., figure 5; segment 17, the apex, is not imaged in short axis)."""

LEVEL_SEGMENTS = {
    Level.BASAL: tuple(range(1, 7)),
    Level.MID: tuple(range(7, 13)),
    Level.APICAL: tuple(range(13, 17)),
}


def territory(segment):
    """Coronary territory of a segment.

    >>> territory(8)
    'LAD'
    """
    return next(name for name, members in TERRITORY_SEGMENTS.items() if segment in members)


def level_of(segment):
    """Slice level of a segment.

    >>> level_of(14).value
    'apical'
    """
    return next(level for level, members in LEVEL_SEGMENTS.items() if segment in members)


def aha_segments(myocardium, *, anterior_rv_yx, inferior_rv_yx, level, center_yx=None):
    """AHA segment of every myocardial pixel of one short-axis slice.

    Angles are swept from the anterior through the inferior RV insertion, the shorter way round, so the result
    does not depend on how the image is flipped or turned. Base and mid: the septum between the insertions is
    halved (anteroseptal, inferoseptal), the free wall shared by four (inferior, inferolateral, anterolateral,
    anterior). Apex: four sectors of 90 degrees, the septal one centered on the middle of the septum.

    Parameters
    ----------
    myocardium : (Y, X) bool
    anterior_rv_yx, inferior_rv_yx : (row, column)
        RV insertion points.
    level : Level
    center_yx : (row, column), optional
        By default the centroid of the myocardium with its cavity.

    Returns
    -------
    (Y, X) uint8
        Segment number, 0 outside the myocardium.

    References
    ----------
    Cerqueira MD et al., Circulation 2002;105:539.

    Examples
    --------
    >>> ring = np.hypot(*(np.mgrid[:41, :41] - 20))
    >>> ring = (ring > 8) & (ring < 15)
    >>> segments = aha_segments(ring, anterior_rv_yx=(8, 11), inferior_rv_yx=(32, 11), level=Level.MID)
    >>> int(segments[8, 22]), int(segments[18, 9])
    (7, 8)
    """
    level = Level(level)
    if center_yx is None:
        from scipy import ndimage  # here, so that who only needs the names of segments does not load it

        center_yx = ndimage.center_of_mass(ndimage.binary_fill_holes(myocardium))

    def angle(y, x):
        return np.arctan2(y - center_yx[0], x - center_yx[1])

    start = angle(*anterior_rv_yx)
    septum = (angle(*inferior_rv_yx) - start + np.pi) % (2 * np.pi) - np.pi
    direction, septum = (1 if septum >= 0 else -1), max(abs(septum), 1e-6)
    y, x = np.nonzero(myocardium)
    swept = (angle(y, x) - start) * direction % (2 * np.pi)
    segments = np.zeros(myocardium.shape, np.uint8)
    if level is Level.APICAL:
        from_septum = (swept - septum / 2) % (2 * np.pi)
        sector = np.floor(from_septum / (np.pi / 2) + 0.5).astype(int) % 4
        segments[y, x] = 13 + (1 + sector) % 4
        return segments
    sector = np.where(swept < septum, swept / septum * 2, 2 + (swept - septum) / (2 * np.pi - septum) * 4)
    first = LEVEL_SEGMENTS[level][0]
    segments[y, x] = first + (1 + np.minimum(sector.astype(int), 5)) % 6
    return segments


def transmural_depth(myocardium, blood_pool=None):
    """Depth in the wall: 0 at the endocardium, 1 at the epicardium.

    Ratio of the distances to the two borders, measured to the borders' pixel edges.

    myocardium : (Y, X) bool; blood_pool : (Y, X) bool, by default the cavity enclosed by the myocardium
    returns : (Y, X) float32, NaN outside the myocardium, and everywhere where one of its borders is not in the image

    Examples
    --------
    >>> ring = np.hypot(*(np.mgrid[:41, :41] - 20))
    >>> depth = transmural_depth((ring > 8) & (ring < 15), ring <= 8)
    >>> bool(depth[20, 29] < 0.2), bool(depth[20, 34] > 0.8)
    (True, True)
    """
    depth = np.full(myocardium.shape, np.nan, np.float32)
    within = bounding_box(myocardium if blood_pool is None else myocardium | blood_pool, margin=1)
    depth[within] = _depth(myocardium[within], None if blood_pool is None else blood_pool[within])
    return depth


def bounding_box(mask, *, margin):
    """Slices of the rows and columns that hold a mask (Y, X) and some pixels around it.

    Examples
    --------
    >>> bounding_box(np.eye(5, dtype=bool) & (np.arange(5) == 2), margin=1)
    (slice(1, 4, None), slice(1, 4, None))
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return tuple(slice(max(int(i[0]) - margin, 0), int(i[-1]) + 1 + margin) for i in (rows, columns))


def _depth(myocardium, blood_pool):
    from scipy import ndimage

    depth = np.full(myocardium.shape, np.nan, np.float32)
    filled = ndimage.binary_fill_holes(myocardium)
    cavity = filled & ~myocardium
    if blood_pool is not None:
        cavity |= blood_pool & ~myocardium
    if not myocardium.any() or not cavity.any() or (myocardium | cavity).all():
        return depth
    to_endo = ndimage.distance_transform_edt(~cavity)[myocardium] - 0.5
    to_epi = ndimage.distance_transform_edt(myocardium | cavity)[myocardium] - 0.5
    depth[myocardium] = to_endo / (to_endo + to_epi)  # both are at least half a pixel inside the wall
    return depth
