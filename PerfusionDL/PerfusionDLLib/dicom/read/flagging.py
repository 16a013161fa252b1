"""Findings on every slice of the scans of a visit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...data.flag import FlagCode, make_flag
from ...data.study import Condition, PerfusionSeries, Scan
from .pixels import reduce_images

Reduced = Mapping[Condition, Sequence[np.ndarray]]
"""The reduced images of each slice of each scan."""


def reduce_scans(scans: Mapping[Condition, Scan]) -> Reduced:
    """The reduced images of all slices, which several checks look at."""
    return {which: [reduce_images(one.signal) for one in scan.slices] for which, scan in scans.items()}


def flag_scans(scans: Mapping[Condition, Scan], code: FlagCode, sentence: str) -> dict[Condition, Scan]:
    """The scans with a finding on every slice of both."""
    assumption = make_flag(FlagCode.READ_AS, found=sentence)
    return {
        which: replace(
            scan,
            slices=tuple(add_finding(one, code, sentence) for one in scan.slices),
            assumptions=(*scan.assumptions, assumption),
        )
        for which, scan in scans.items()
    }


def add_finding(series: PerfusionSeries, code: FlagCode, text: str) -> PerfusionSeries:
    """A series with one more finding on its acquisition."""
    flag = make_flag(code, found=text)
    acquisition = replace(series.acquisition, findings=(*series.acquisition.findings, flag))
    return replace(series, acquisition=acquisition)
