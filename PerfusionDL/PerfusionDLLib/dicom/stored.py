"""Results that the archive holds, read back: which version is current, and the contours it was made from."""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from ..data.slice_document import check_document
from ..data.study import Condition, PerfusionSeries, Scan
from .concepts import (
    ALGORITHM_VERSION,
    AUTOMATIC_SEGMENTS,
    BLOOD_FLOW,
    CONTENT,
    OPTIONS,
    REFERENCE_IMAGE,
    REPORT_SERIES,
    SEGMENTS,
    SLICE,
    SLICE_STATE,
    TRACKING_IDENTIFIER,
    Concept,
)
from .own_objects import read_labels, read_own_header, read_own_object
from .pseudonyms import make_pseudonym_uid
from .read.headers import DAMAGED, tolerate_broken_rules
from .versions import Name, name_object


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
        return self.image in (uid, make_pseudonym_uid(uid))

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
        return bool(images & image_uids) or bool(images & {make_pseudonym_uid(uid) for uid in image_uids})

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


@tolerate_broken_rules()
def find_stored(files: Iterable[Path]) -> tuple[StoredResults, ...]:
    """Every version of results among some files whose segmentations are there too; the current one of a study first.

    What is damaged, or was written by a version of PerfusionDL that kept no contours in its report, is passed over.
    """
    headers = dict(filter(None, map(read_own_header, files)))
    reports = [
        report
        for path, header in headers.items()
        if header.get("Modality") == "SR" and str(header.get("SeriesDescription", "")).startswith(REPORT_SERIES)
        if (report := read_own_object(path)) is not None
    ]
    places = {str(header.SOPInstanceUID): path for path, header in headers.items() if header.get("Modality") == "SEG"}
    found = list(filter(None, (_results(report, places) for report in reports)))
    replaced = {one.report["replaces"]["sop"] for one in found if "replaces" in one.report}
    found = [replace(one, is_replaced=one.report["sop"] in replaced) for one in found]
    newest = sorted(found, key=lambda one: one.moment, reverse=True)
    return tuple(sorted(newest, key=lambda one: one.is_replaced))


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
