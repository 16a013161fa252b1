"""Where the right ventricle lies beside the left one, by when contrast agent arrives, and by the headers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...data.flag import FlagCode
from ...data.study import Condition, PerfusionSeries, Scan
from .flagging import Reduced, flag_scans
from .pixels import SIDE

TO_LEFT_VENTRICLE_RAS = np.array([-0.62, -0.78, 0.0])
"""Chosen: from the right ventricle to the left one, to the left and behind; 45 phantoms lie within 42 degrees."""
BASELINE_FRAMES = 5
STRONG = 0.5  # of the highest rise: blood, and no tissue
FEWEST_REGIONS = 8  # chosen: of each ventricle
TRANSIT_S = (2.0, 9.0)  # chosen: through the lungs; later signal is that of tissue or of the second pass
WIDEST_MM = 30.0  # chosen: root mean square distance from the middle; lungs and great vessels are wider
APART_MM = (18.0, 75.0)  # chosen: between the middles of both ventricles
TURNED = 0.2  # chosen: cosine; 81 slices of 32 phantoms have at least 0.74, mirrored ones at most -0.74
FEWEST_SLICES = 2


@dataclass(frozen=True)
class Passage:
    """How blood goes through the heart in a slice.

    transit_s : from the early to the late regions; widest_mm : of the regions of either
    to_late_mm : (3,) RAS, from the middle of the early regions to that of the late ones
    """

    transit_s: float
    widest_mm: float
    to_late_mm: np.ndarray

    @property
    def is_through_ventricles(self) -> bool:
        """Whether early and late regions are as far from each other, in space and time, as the ventricles are."""
        apart_mm = float(np.linalg.norm(self.to_late_mm))
        return (
            TRANSIT_S[0] < self.transit_s < TRANSIT_S[1]
            and self.widest_mm < WIDEST_MM
            and APART_MM[0] < apart_mm < APART_MM[1]
        )

    @property
    def cosine(self) -> float:
        """Between the way of the blood and that from the right to the left ventricle of a heart in its usual place."""
        lengths = np.linalg.norm(self.to_late_mm) * np.linalg.norm(TO_LEFT_VENTRICLE_RAS)
        return float(self.to_late_mm @ TO_LEFT_VENTRICLE_RAS / max(lengths, 1e-6))


def flag_anatomy(scans: Mapping[Condition, Scan], reduced: Reduced) -> dict[Condition, Scan]:
    """The scans, flagged where contrast agent comes from the left in all slices that tell, as in mirrored images."""
    pairs = [pair for which, scan in scans.items() for pair in zip(scan.slices, reduced[which], strict=True)]
    found = [find_passage(one, small) for one, small in pairs]
    known = [one.cosine for one in found if one is not None and one.is_through_ventricles]
    if len(known) < FEWEST_SLICES or max(known) > TURNED:
        return dict(scans)
    sentence = (
        f"Contrast agent arrives first on the left of the heart or behind it, by the headers, in all {len(known)} "
        "slices that tell: the images are mirrored or turned, ImageOrientationPatient is wrong, or the heart lies on "
        "the right. Check the position of the AHA segments."
    )
    return flag_scans(scans, FlagCode.GEOMETRY_UNCERTAIN, sentence)


def find_passage(series: PerfusionSeries, small: np.ndarray) -> Passage | None:
    """How blood goes through a slice, of which ``small`` are the reduced images; None where too few regions tell."""
    if len(small) <= BASELINE_FRAMES + 2:
        return None
    rise = small - np.median(small[:BASELINE_FRAMES], axis=0)
    smooth = (rise[:-2] + rise[1:-1] + rise[2:]) / 3
    highest = smooth.max(axis=0)
    rows, columns = np.nonzero(highest > STRONG * np.percentile(highest, 99.5))
    when_s = series.times_s[1:-1][smooth[:, rows, columns].argmax(axis=0)]
    late = split_in_time(when_s)
    if min(late.sum(), (~late).sum()) < FEWEST_REGIONS:
        return None
    step = max(1, min(series.signal.shape[1:]) // SIDE)
    corners = np.stack([columns * step, rows * step, np.zeros(len(rows)), np.ones(len(rows))])
    places_mm = (series.ijk_to_ras @ corners)[:3].T
    middles = [np.median(places_mm[part], axis=0) for part in (~late, late)]
    widths = [
        np.sqrt(((places_mm[part] - middle) ** 2).sum(axis=1).mean())
        for part, middle in zip((~late, late), middles, strict=True)
    ]
    return Passage(float(when_s[late].mean() - when_s[~late].mean()), float(max(widths)), middles[1] - middles[0])


def split_in_time(when_s: np.ndarray) -> np.ndarray:
    """(N,) bool, the later of two groups of times that differ most from each other (Otsu)."""
    best, late = -1.0, np.zeros(len(when_s), bool)
    for limit_s in np.unique(when_s)[:-1]:
        later = when_s > limit_s
        between = later.mean() * (1 - later.mean()) * (when_s[later].mean() - when_s[~later].mean()) ** 2
        if between > best:
            best, late = between, later
    return late
