"""Carries the correction of a slice over to the slices beside it and to the same slice of the other scan."""

from collections.abc import Sequence

from ..data.errors import PerfusionError
from ..mrml.nodes import SliceNodes
from ..mrml.scan_reader import ScanReader
from ..mrml.writing import writeLabels
from ..preprocessing.propagation import find_followers, propagate_correction


def carryCorrectionOver(readers: Sequence[ScanReader], source: SliceNodes) -> tuple[SliceNodes, ...]:
    """Let the slices follow that nobody has corrected; returns those that did.

    readers : of the scans of the patient, that of the slice among them. Raises PerfusionError where the slice is not
    corrected, or lacks what tells how it lies to the others.
    """
    nodes = [[one for one in reader.nodes.slices if one.hasContours] for reader in readers]
    scans = [reader.read(there) for reader, there in zip(readers, nodes, strict=True)]
    ((row, number),) = (
        (row, number) for row, there in enumerate(nodes) for number, one in enumerate(there) if one.key == source.key
    )
    followed = []
    for other, target in find_followers(scans, row, number):
        try:
            labels = propagate_correction(scans[row].slices[number], scans[other].slices[target])
        except ValueError:
            raise PerfusionError(
                "The contours of this slice are as they were found, or were found anew in another pose.",
                "Correct the myocardium or the blood pool of this slice; both insertion points have to be there.",
            ) from None
        place = nodes[other][target]
        writeLabels(place.contours, place.originalVolume, labels)
        followed.append(place)
    return tuple(followed)
