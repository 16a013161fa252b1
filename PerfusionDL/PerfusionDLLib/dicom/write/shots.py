"""The images of a scan one by one, as they will be written."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...data.study import PerfusionSeries, Scan
from ..header_parts import prepend_lead

TRIGGER_DELAY_S = 0.01  # from the R wave to the first slice
PROTON_DENSITY_FLIP_DEG = 5


@dataclass(frozen=True)
class Shot:
    """One image to be written: where it stands among all images of its scan, and what it holds."""

    slice_index: int
    frame_index: int
    slices: int
    frames: int
    series: PerfusionSeries
    signal: np.ndarray
    time_s: float
    is_proton_density: bool
    delay_s: float
    interval_s: float
    largest: float

    @property
    def beat_s(self) -> float:
        """When its heartbeat began, without the delay of the slice."""
        return self.time_s - self.delay_s + TRIGGER_DELAY_S


def compute_first_s(scan: Scan) -> float:
    """The time of the first image of a scan on its own clock."""
    return float(min(prepend_lead(series)[1][0] for series in scan.slices))


def list_shots(scan: Scan, zero_s: float) -> Iterator[Shot]:
    """All images of a scan, slice by slice; ``zero_s`` is when it began on its own clock."""
    largest = max(float(prepend_lead(series)[0].max()) for series in scan.slices)
    for slice_index, series in enumerate(scan.slices):
        signal, times_s, lead = prepend_lead(series)
        interval_s = float(np.median(np.diff(series.times_s)))
        for frame_index, image in enumerate(signal):
            yield Shot(
                slice_index=slice_index,
                frame_index=frame_index,
                slices=len(scan.slices),
                frames=len(signal),
                series=series,
                signal=image,
                time_s=float(times_s[frame_index] - zero_s),
                is_proton_density=frame_index < lead,
                delay_s=float(times_s[0] - zero_s) + TRIGGER_DELAY_S,
                interval_s=interval_s,
                largest=largest,
            )
