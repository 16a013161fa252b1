"""Results that the archive holds, read back: which version is current, and the contours it was made from."""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ..data.contours import Label
from ..data.errors import PerfusionError
from ..data.slice_document import check_document
from ..data.study import Condition, PerfusionSeries, Scan
from .concepts import (
    ALGORITHM_VERSION,
    AUTOMATIC_SEGMENTS,
    BLOOD_FLOW,
    CONTENT,
    MANUFACTURER,
    OPTIONS,
    REFERENCE_IMAGE,
    REPORT_SERIES,
    SEGMENTS,
    SLICE,
    SLICE_STATE,
    TRACKING_IDENTIFIER,
    Concept,
)
from .pseudonyms import new_uid
from .read.archive import identify
from .read.files import files_in
from .read.headers import DAMAGED, tolerance
from .versions import Name, name_object

LABEL_OF_CODES = {
    ("49848007", "80891009"): Label.MYOCARDIUM,
    ("87612001", "87878005"): Label.BLOOD_POOL,
    ("87612001", "53085002"): Label.RV_BLOOD_POOL,
}
"""SNOMED CT codes of type and region of a segment, as `export.codes.LABEL_CODES` writes them."""
MOST_BYTES = 1 << 26
"""Of one object; chosen: twenty times the largest one seen."""
HEADER = ("Modality", "Manufacturer", "SeriesDescription", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True)
class StoredSlice:
    """What a version says of one slice.

    document : as `data.slice_document` wrote it
    image : SOPInstanceUID of the image whose pose everything is in
    contours, automatic : files of the segmentations; no automatic one where the networks drew the same
    """

    condition: Condition
    index: int
    document: Mapping[str, Any]
    image: str
    contours: Path
    automatic: Path | None

    def is_of(self, series: PerfusionSeries) -> bool:
        """Whether a series is the one this slice was made from: the same number of heartbeats and the same image."""
        frame = int(self.document["contours"]["reference_frame"])
        if len(series.signal) != self.document["frames"] or len(series.instance_uids) <= frame:
            return False
        uid = series.instance_uids[frame]
        return self.image in (uid, new_uid(uid))

    def labels(self, shape: tuple[int, int]) -> np.ndarray:
        """(Y, X) labels that were used."""
        return read_labels(self.contours, shape)

    def automatic_labels(self, shape: tuple[int, int]) -> np.ndarray:
        """(Y, X) labels that the networks found."""
        return read_labels(self.automatic or self.contours, shape)


@dataclass(frozen=True)
class StoredResults:
    """One version of the results of a study.

    report : what names its report; study : StudyInstanceUID; moment : date and time, as DICOM writes them
    options : as `quantification.options` wrote them; None where the version does not say
    is_replaced : another version names this one as its predecessor
    mbf_ml_min_g : flow of every region that the report measures, by the identifier of its group, e.g. ``basal
        anterior, rest``
    software : version of PerfusionDL that wrote it
    """

    report: Name
    moment: str
    slices: tuple[StoredSlice, ...]
    options: Mapping[str, Any] | None
    mbf_ml_min_g: Mapping[str, float]
    software: str
    is_replaced: bool = False

    @property
    def is_corrected(self) -> bool:
        """Whether a reader made any part of it, or left heartbeats out."""
        made = {origin for one in self.slices for origin in one.document["contours"]["origins"].values()}
        return bool(made - {"automatic"}) or any(one.document["excluded_frames"] for one in self.slices)

    def is_made_from(self, image_uids: Set[str]) -> bool:
        """Whether some images are among those that this version was made from."""
        images = {one.image for one in self.slices}
        return bool(images & image_uids) or bool(images & {new_uid(uid) for uid in image_uids})

    @property
    def title(self) -> str:
        """What a reader calls it, e.g. ``version 2 of 2025-01-20 14:30, corrected``."""
        made = "corrected" if self.is_corrected else "automatic"
        day = f" of {self.moment[:4]}-{self.moment[4:6]}-{self.moment[6:8]} {self.moment[8:10]}:{self.moment[10:12]}"
        return f"version {self.report.get('version', '1')}{day if len(self.moment) >= 12 else ''}, {made}"

    def of_scan(self, scan: Scan) -> tuple[StoredSlice | None, ...]:
        """What the version says of each slice of a scan; None where it says nothing."""
        return tuple(self._of_series(scan.condition, index, series) for index, series in enumerate(scan.slices))

    def _of_series(self, condition: Condition, index: int, series: PerfusionSeries) -> StoredSlice | None:
        found = [one for one in self.slices if one.is_of(series)]
        alike = [one for one in found if (one.condition, one.index) == (condition, index)]  # one file holds all slices
        return next(iter(alike or found), None)


@tolerance()
def split_results(sources: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """The files in some folders that are no results of ours, such as the images, and those that are.

    Raises PerfusionError where a folder cannot be read.
    """
    files = sorted({path for source in sources for path in files_in(Path(source))}, key=lambda path: path.as_posix())
    ours = {path for path in files if _is_ours(path)}
    return [path for path in files if path not in ours], [path for path in files if path in ours]


@tolerance()
def find_stored(files: Iterable[Path]) -> tuple[StoredResults, ...]:
    """Every version of results among some files whose segmentations are there too; the current one of a study first.

    What is damaged, or was written by a version of PerfusionDL that kept no contours in its report, is passed over.
    """
    headers = dict(filter(None, map(_read_header, files)))
    reports = [
        report
        for path, header in headers.items()
        if header.get("Modality") == "SR" and str(header.get("SeriesDescription", "")).startswith(REPORT_SERIES)
        if (report := _read_whole(path)) is not None
    ]
    places = {str(header.SOPInstanceUID): path for path, header in headers.items() if header.get("Modality") == "SEG"}
    found = list(filter(None, (_results(report, places) for report in reports)))
    replaced = {one.report["replaces"]["sop"] for one in found if "replaces" in one.report}
    found = [replace(one, is_replaced=one.report["sop"] in replaced) for one in found]
    newest = sorted(found, key=lambda one: one.moment, reverse=True)
    return tuple(sorted(newest, key=lambda one: one.is_replaced))


def read_labels(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """(Y, X) uint8 labels of one slice. Raises PerfusionError where the segmentation is damaged or of other images."""
    try:
        segmentation = _read_bounded(path)
        _check_shape((int(segmentation.Rows), int(segmentation.Columns)), shape)
        pixels = np.asarray(segmentation.pixel_array).reshape(-1, segmentation.Rows, segmentation.Columns)
        labels_of = {int(one.SegmentNumber): _label(one) for one in segmentation.SegmentSequence}
        numbers = [
            int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
            for groups in segmentation.PerFrameFunctionalGroupsSequence
        ]
        labels = np.zeros(pixels.shape[1:], np.uint8)
        for number, frame in zip(numbers, pixels, strict=True):
            labels[frame > 0] = labels_of[number]
    except PerfusionError:
        raise
    except DAMAGED as error:
        raise PerfusionError(
            "The archived contours of the study cannot be read.",
            "Load the images alone and find the contours anew, or restore the objects in the archive.",
        ) from error
    return labels


def _check_shape(found: tuple[int, int], expected: tuple[int, int]) -> None:
    if found != tuple(expected):
        raise PerfusionError(
            f"The archived contours have {found[0]} x {found[1]} pixels, the images {expected[0]} x {expected[1]}.",
            "They are of other images: load the images alone and find the contours anew.",
        )


def _label(segment: Dataset) -> Label:
    """What a segment is, from its codes."""
    kind, region = segment.SegmentedPropertyTypeCodeSequence[0], segment.AnatomicRegionSequence[0]
    return LABEL_OF_CODES[kind.CodeValue, region.CodeValue]


def _read_header(path: Path) -> tuple[Path, Dataset] | None:
    """The first attributes of one of our own objects; None for every other file."""
    try:
        kind, *_ = identify(path)
        header = _read_bounded(path, specific_tags=list(HEADER)) if kind == "DICOM" else Dataset()
    except DAMAGED:
        return None
    return (path, header) if header.get("Modality") in ("SR", "SEG") and "SOPInstanceUID" in header else None


def _is_ours(path: Path) -> bool:
    """Whether a file is a result of PerfusionDL, of whatever kind."""
    try:
        kind, *_ = identify(path)
        if kind != "DICOM":
            return False
        return _read_bounded(path, stop_before_pixels=True, specific_tags=["Manufacturer"]).get("Manufacturer") == (
            MANUFACTURER
        )
    except DAMAGED:
        return False


def _read_whole(path: Path) -> Dataset | None:
    try:
        return _read_bounded(path)
    except DAMAGED:
        return None


def _read_bounded(path: Path, **how: Any) -> Dataset:
    """One of our own objects, which are small and not deflated; ValueError where a file is neither."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError("larger than any report or segmentation of ours")
    if pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        raise ValueError("deflated, as we write none")
    return pydicom.dcmread(path, **how)


def _results(report: Dataset, segmentations: Mapping[str, Path]) -> StoredResults | None:
    """The version that a report describes; None where it describes no contours, or their files are not there."""
    try:
        content = next(item for item in report.ContentSequence if _is(item, CONTENT))
        slices = tuple(_slice(item, segmentations) for item in content.ContentSequence if _is(item, SLICE))
        options = next((json.loads(item.TextValue) for item in content.ContentSequence if _is(item, OPTIONS)), None)
        measured = _measured(report)
        software = next(filter(None, (_text(item, ALGORITHM_VERSION) for item in _items(report))), "")
        moment = f"{report.get('ContentDate', '')}{report.get('ContentTime', '')}"
        return StoredResults(name_object(report), moment, slices, options, measured, software) if slices else None
    except (*DAMAGED, StopIteration):
        return None


def _measured(report: Dataset) -> dict[str, float]:
    """Blood flow in every measurement group of a report, by the identifier of the group."""
    groups = ((_text(group, TRACKING_IDENTIFIER), group) for group in _items(report))
    return {
        name: float(item.MeasuredValueSequence[0].NumericValue)
        for name, group in groups
        if name
        for item in group.ContentSequence
        if _is(item, BLOOD_FLOW)
    }


def _items(container: Dataset) -> Iterator[Dataset]:
    """A container and everything in it, at any depth."""
    yield container
    for item in container.get("ContentSequence") or []:
        yield from _items(item)


def _text(container: Dataset, concept: Concept) -> str:
    """The text of that name right below a container; "" where there is none."""
    items = container.get("ContentSequence") or []
    return next((str(item.TextValue) for item in items if _is(item, concept)), "")


def _slice(item: Dataset, segmentations: Mapping[str, Path]) -> StoredSlice:
    """What one container says."""

    def uid(concept: Concept) -> str | None:
        found = (inner.ReferencedSOPSequence[0] for inner in item.ContentSequence if _is(inner, concept))
        return next((str(one.ReferencedSOPInstanceUID) for one in found), None)

    states = [inner.TextValue for inner in item.ContentSequence if _is(inner, SLICE_STATE)]
    document = json.loads(states[0])
    check_document(document)
    image, contours, automatic = uid(REFERENCE_IMAGE), uid(SEGMENTS), uid(AUTOMATIC_SEGMENTS)
    if image is None:
        raise ValueError("a slice names no image")
    return StoredSlice(
        condition=Condition(document["condition"]),
        index=int(document["index"]),
        document=document,
        image=image,
        contours=segmentations[contours or ""],
        automatic=segmentations[automatic] if automatic else None,
    )


def _is(item: Dataset, concept: Concept) -> bool:
    """Whether a content item is named by a concept."""
    name = (item.get("ConceptNameCodeSequence") or [Dataset()])[0]
    return (name.get("CodeValue"), name.get("CodingSchemeDesignator")) == (concept.value, concept.scheme)
