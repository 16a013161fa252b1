"""When contrast agent arrives, as far as the contours tell."""

from ..aif.landmarks import baseline_frame_count
from ..data.contours import Label
from ..mrml.scan_reader import ScanReader


def arrivalFrame(reader: ScanReader) -> int | None:
    """The frame (0-based) in which contrast agent arrives in the left ventricle; None without a blood pool.

    The middle one of the slices that have contours tells.
    """
    parts = [reader.readSlice(nodes) for nodes in reader.nodes.slices if nodes.hasContours]
    drawn = [part for part in parts if (part.contours.labels == Label.BLOOD_POOL).any()]
    if not drawn:
        return None
    part = drawn[len(drawn) // 2]
    blood = part.motion.corrected[:, part.contours.labels == Label.BLOOD_POOL].mean(axis=1)
    return int(baseline_frame_count(blood))
