"""Going on from results that the archive holds: images, segmentations and report become what they were made from."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from .. import __version__
from ..data.errors import PerfusionError
from ..data.flag import Flag, FlagCode, make_flag
from ..data.preprocessed import PreprocessedScan, PreprocessedSlice, PreprocessedStudy
from ..data.result import StudyResult
from ..data.slice_check import check_slice
from ..data.slice_document import slice_from, with_entered
from ..data.study import Condition, PerfusionSeries, Scan, Study
from ..data.table import SegmentTable
from ..dicom import StoredResults, StoredSlice, find_stored, group_name, read_study, split_results
from ..quantification.options import DEFAULT, Options, options_from
from .parallel import compute_in_parallel, count_cores, one_thread

Progress = Callable[[str], None]
SAME = 1e-6  # relative; a report keeps some fifteen digits of a number


def restore_study(
    sources: Sequence[Path], *, version: int | None = None, progress: Progress = lambda step: None
) -> tuple[StudyResult, Options, StoredResults]:
    """The results of a study from its images and the objects in the archive alone, computed once more.

    sources : folders with the images and the objects; version : its number, by default the current one

    Raises PerfusionError where there are no such objects, or they are of other images.
    """
    from .. import pipeline

    progress("reading DICOM")
    images, results = split_results(sources)
    study = read_study(images or sources)
    stored = choose_version(find_stored(results), collect_image_uids(study), version)
    restored = [restore_scan(scan, stored, progress=progress) for scan in study.scans]
    findings = find_left_out(restored, stored)
    found = (add_findings(scan, findings).preprocessed for scan in restored)
    scans = tuple(scan for scan in found if scan is not None)
    if not scans:
        raise make_other_images_error()
    options = read_options(stored) or DEFAULT
    progress("blood flow")
    return pipeline.process(PreprocessedStudy(scans=scans), options), options, stored


def find_left_out(scans: Sequence["RestoredScan"], stored: StoredResults) -> tuple[Flag, ...]:
    """Slices that only the images have, or only the archived results: they have no part in what is restored."""
    unknown = [
        f"{one.scan.condition} {number} ({series.level})"
        for one in scans
        for number, (series, found) in enumerate(zip(one.scan.slices, one.slices, strict=True), start=1)
        if found is None
    ]
    lost = find_lost(scans, stored)
    if not unknown:
        return lost
    text = (
        f"The archived results have no contours of slice {', '.join(unknown)}, which is left out. Find the contours "
        "anew for results of all slices."
    )
    return (make_flag(FlagCode.SERIES_LEFT_OUT, found=text), *lost)


def find_lost(scans: Iterable["RestoredScan"], stored: StoredResults) -> tuple[Flag, ...]:
    """Slices that only the archived results have: their images are not among those of the scans."""
    used = {(one.condition, one.index) for scan in scans for one in stored.of_scan(scan.scan) if one is not None}
    lost = [f"{one.condition} {one.index + 1}" for one in stored.slices if (one.condition, one.index) not in used]
    if not lost:
        return ()
    text = (
        f"The archived results were made with slice {', '.join(lost)} too, whose images are not here. Add its images "
        "for the same results."
    )
    return (make_flag(FlagCode.SERIES_LEFT_OUT, found=text),)


def add_findings(restored: "RestoredScan", findings: tuple[Flag, ...]) -> "RestoredScan":
    """The scan with further findings that make every flow of it uncertain; as it is where no slice of it is known."""
    known = [(number, part) for number, part in enumerate(restored.slices) if part is not None]
    if not known or not findings:
        return restored
    first, part = known[0]

    def said(series: PerfusionSeries) -> PerfusionSeries:
        acquisition = series.acquisition
        return replace(series, acquisition=replace(acquisition, findings=(*acquisition.findings, *findings)))

    slices, images = list(restored.slices), list(restored.scan.slices)
    slices[first], images[first] = replace(part, series=said(part.series)), said(images[first])
    assumptions = (*restored.scan.assumptions, *findings)
    return RestoredScan(replace(restored.scan, slices=tuple(images), assumptions=assumptions), tuple(slices))


def compare_flow(stored: StoredResults, table: SegmentTable) -> str:
    """What differs between the flow that a report measured and the same computed once more, in words; "" if nothing."""
    return describe_difference(stored.mbf_ml_min_g, stored.software, table)


def describe_difference(there: Mapping[str, float], software: str, table: SegmentTable) -> str:
    """The same of what a report says.

    there : flow of every region by the identifier of its group, mL/min/g; software : version that wrote it
    """
    now = {
        group_name(row.name, condition): flow.mbf_ml_min_g
        for row in (*table.segments, *table.territories, table.whole)
        for condition, flow in ((Condition.REST, row.rest), (Condition.STRESS, row.stress))
        if np.isfinite(flow.mbf_ml_min_g)
    }
    pairs = {name: sorted((there[name], now[name])) for name in there.keys() & now.keys()}
    apart = {name: (high - low) / high if high else 0.0 for name, (low, high) in pairs.items()}
    differing = [name for name, share in apart.items() if not share <= SAME]
    differing += there.keys() ^ now.keys()
    if not differing:
        return ""
    most = max(apart.values(), default=0)
    return (
        f"Flow of {len(differing)} of {len(there.keys() | now.keys())} regions is not what the archived report says, "
        f"by up to {100 * most:.1f} %. PerfusionDL {software} wrote the report, {__version__} computed now; where "
        "these are the same, objects or images were changed since."
    )


def collect_image_uids(study: Study) -> frozenset[str]:
    """SOPInstanceUIDs of the images of a study."""
    return frozenset(uid for scan in study.scans for series in scan.slices for uid in series.instance_uids)


def read_options(stored: StoredResults) -> Options | None:
    """What the user chose for a version; None where it does not say. Raises PerfusionError where it cannot be read."""
    try:
        return None if stored.options is None else options_from(stored.options)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, PerfusionError):
            raise
        raise make_unreadable_error("the choices") from error


def choose_version(found: Sequence[StoredResults], images: Set[str], version: int | None) -> StoredResults:
    """The current version that was made from some images, or the one of a number.

    Raises PerfusionError where there is none.
    """
    ours = [one for one in found if one.is_made_from(images)]
    if not ours and found:
        raise make_other_images_error()
    if not ours:
        raise PerfusionError(
            "There are no results of PerfusionDL that can be gone on from.",
            "Name the folders with the images and with the objects that `--dicom` or *Write DICOM objects* wrote: the "
            "report (SR) and the contours (SEG).",
        )
    if version is None:
        return ours[0]
    there = {int(one.report.get("version", 1)): one for one in reversed(ours)}
    if version not in there:
        raise PerfusionError(
            f"There is no version {version} of the results.", f"There is: {', '.join(map(str, sorted(there)))}."
        )
    return there[version]


@dataclass(frozen=True)
class RestoredScan:
    """A scan, and its slices as a version of its results has them: None for a slice of which it says nothing."""

    scan: Scan
    slices: tuple[PreprocessedSlice | None, ...]

    @property
    def preprocessed(self) -> PreprocessedScan | None:
        """The scan with the slices that are known; None where none is."""
        known = tuple(part for part in self.slices if part is not None)
        if not known:
            return None
        return PreprocessedScan(
            condition=self.scan.condition,
            slices=known,
            assumptions=self.scan.assumptions,
            aif_series=self.scan.aif_series,
            aif_is_prebolus=self.scan.aif_is_prebolus,
            minutes_after_other=self.scan.minutes_after_other,
            study=self.scan.study,
        )


def restore_scan(scan: Scan, stored: StoredResults, *, progress: Progress = lambda step: None) -> RestoredScan:
    """A scan with the contours of a version of its results.

    The alignment is computed again, which gives the same: the report keeps what it was asked for.

    Raises PerfusionError where what is stored of a slice is damaged.
    """
    found = stored.of_scan(scan)

    def job(series: PerfusionSeries, kept: StoredSlice | None) -> PreprocessedSlice | None:
        if kept is None:
            return None
        progress(f"{scan.condition} {series.level}: motion compensation")
        return restore_slice(series, kept)

    with one_thread():
        jobs = [partial(job, *pair) for pair in zip(scan.slices, found, strict=True)]
        slices = tuple(compute_in_parallel(jobs, count_cores()))
    said = next((kept.document["input_acquisition"] for kept in found if kept is not None), None)
    if scan.aif_series is not None and said is not None:
        entered = with_entered(scan.aif_series.acquisition, said)
        scan = replace(scan, aif_series=replace(scan.aif_series, acquisition=entered))
    return RestoredScan(scan, slices)


def restore_slice(series: PerfusionSeries, stored: StoredSlice) -> PreprocessedSlice:
    """One slice as it was. Raises PerfusionError where what is stored of it is damaged."""
    from .. import motion
    from ..data.box import Box

    rows, columns = series.signal.shape[1:]
    try:
        asked = stored.document["motion"]
        region = asked["region_px"]
        moved = motion.compensate(
            series.signal,
            spacing_mm=series.spacing_mm,
            reference_frame=int(asked["reference_frame"]),
            region_px=None if region is None else Box(*region),
        )
        labels, automatic = stored.labels((rows, columns)), stored.automatic_labels((rows, columns))
        part = slice_from(stored.document, series, moved, labels, automatic)
        check_slice(part)
        return part
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, PerfusionError):
            raise
        raise make_unreadable_error("a slice") from error


def make_unreadable_error(what: str) -> PerfusionError:
    """The report does not say what it should."""
    return PerfusionError(
        f"What the archived report says of {what} cannot be read.",
        "It may be of a newer version of PerfusionDL. Load the images alone and find the contours anew.",
    )


def make_other_images_error() -> PerfusionError:
    """The objects were made from other images."""
    return PerfusionError(
        "The archived results were made from other images than these: images may have come or gone since.",
        "Name the images they were made from, or find the contours anew.",
    )
