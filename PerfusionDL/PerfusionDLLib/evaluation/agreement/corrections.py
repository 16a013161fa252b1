"""Agreement of what the networks found in a study with what a reader made of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...data.contours import Origin, Part
from ...data.preprocessed import PreprocessedScan
from ...data.table import SegmentTable
from .cohort import Comparison, PairedFlow, PairedSlice
from .contours import compare_contours

Flows = Mapping[tuple[str, str, str], float]
"""Numbers of a table by quantity, extent and region, as in `PairedFlow`."""


@dataclass(frozen=True)
class ContouredStudy:
    """Contours of a study, and the flow that follows from them."""

    scans: tuple[PreprocessedScan, ...]
    table: SegmentTable


def compare_corrections(found: ContouredStudy, corrected: ContouredStudy) -> Comparison:
    """One study as the networks found it, compared with the same slices as a reader corrected them.

    A peak frame or a box that the reader gave before the networks went on from it is not of the networks: it agrees
    with nothing and is left out.
    """
    pairs = zip(found.scans, corrected.scans, strict=True)
    return Comparison(
        studies=1,
        slices=tuple(pair for scans in pairs for pair in _pair_slices(*scans)),
        flows=tuple(pair_flows(1, collect_flows(found.table), collect_flows(corrected.table))),
        readings=("automatic", "corrected"),
    )


def _pair_slices(found: PreprocessedScan, corrected: PreprocessedScan) -> Iterator[PairedSlice]:
    for first, second in zip(found.slices, corrected.slices, strict=True):
        agreement = compare_contours(first.contours, second.contours, ijk_to_ras=first.series.ijk_to_ras)
        given = {part for part, origin in first.contours.origins.items() if origin is not Origin.AUTOMATIC}
        if Part.PEAK_FRAME in given:
            agreement = replace(agreement, peak_frame_error=float("nan"))
        if Part.BOX in given:
            agreement = replace(agreement, box_dice=float("nan"))
        yield PairedSlice(
            study=1, condition=str(found.condition), level=str(first.series.level or ""), agreement=agreement
        )


def collect_flows(table: SegmentTable) -> Flows:
    """Every flow and reserve of a table."""
    rows = [
        (str(row.aha_segment), "segment", row) for row in sorted(table.segments, key=lambda row: row.aha_segment or 0)
    ]
    rows += [(row.name, "territory", row) for row in table.territories]
    return {
        (quantity, extent, name): value
        for name, extent, row in [*rows, (table.whole.name, "patient", table.whole)]
        for quantity, value in (
            ("rest", row.rest.mbf_ml_min_g),
            ("stress", row.stress.mbf_ml_min_g),
            ("mpr", row.mpr),
        )
    }


def pair_flows(study: int, first: Flows, second: Flows) -> Iterator[PairedFlow]:
    """The numbers that two readings of a study both have."""
    for (quantity, extent, name), value in first.items():
        other = second.get((quantity, extent, name), float("nan"))
        if np.isfinite(value + other):
            yield PairedFlow(study=study, quantity=quantity, extent=extent, name=name, first=value, second=other)
