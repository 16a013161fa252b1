"""What the measurements were made from, in the report: points, boxes, frames left out, and all that reading it needs.

Other programs see coded points and boxes in the patient's coordinates; `dicom.stored` reads the JSON beside them, which
keeps every bit.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from highdicom.sr import (
    ContainerContentItem,
    ContentSequence,
    ImageContentItem,
    Scoord3DContentItem,
    TextContentItem,
)
from highdicom.sr.enum import GraphicTypeValues3D
from pydicom.dataset import Dataset

from ...data.acquisition import acquisition_document
from ...data.contours import Contours
from ...data.preprocessed import PreprocessedScan
from ...data.slice_document import slice_document
from ...data.study import PerfusionSeries
from ..concepts import (
    ANTERIOR_POINT,
    AUTOMATIC_SEGMENTS,
    BOX,
    CONTENT,
    FRAMES_LEFT_OUT,
    INFERIOR_POINT,
    OPTIONS,
    REFERENCE_IMAGE,
    SEGMENTS,
    SLICE,
    SLICE_STATE,
)
from ..header_parts import RAS_TO_LPS

CONTAINS = "CONTAINS"
NAMED_BY_OTHERS = ("vendor", "doubts", "doubt_codes")
"""What an acquisition takes over from headers as text; left out without the patient."""


def make_preprocessing_content(slices: list[ContainerContentItem], options: Mapping[str, Any] | None) -> Dataset:
    """The container of all slices, for the root of the report.

    options : what the user chose, as JSON; None where that is not known
    """
    container = ContainerContentItem(CONTENT.coded(), relationship_type=CONTAINS)
    items = [*slices, *([make_text_item(OPTIONS, options)] if options is not None else [])]
    container.ContentSequence = ContentSequence(items)
    return container


def make_slice_content(
    scan: PreprocessedScan,
    index: int,
    *,
    source: Dataset,
    segmentation: Dataset,
    automatic: Dataset | None,
    de_identify: bool,
) -> ContainerContentItem:
    """One slice.

    source : the image whose pose everything is in; automatic : contours of the networks, where they are others
    """
    condition, part = scan.condition, scan.slices[index]
    document = slice_document(part) | {
        "condition": str(condition),
        "index": index,
        "level": part.series.level,
        "input_acquisition": None if scan.aif_series is None else acquisition_document(scan.aif_series.acquisition),
    }
    if de_identify:
        document = remove_header_texts(document)
    level = f", {part.series.level}" if part.series.level else ""
    frames = sorted(part.excluded_frames)
    items = [
        TextContentItem(SLICE.coded(), f"{condition}, slice {index + 1}{level}", relationship_type=CONTAINS),
        make_image_item(REFERENCE_IMAGE, source),
        make_image_item(SEGMENTS, segmentation),
        *([make_image_item(AUTOMATIC_SEGMENTS, automatic)] if automatic is not None else []),
        *make_places(part.contours, part.series, str(source.FrameOfReferenceUID)),
        *([make_text_item(FRAMES_LEFT_OUT, [frame + 1 for frame in frames])] if frames else []),
        make_text_item(SLICE_STATE, document),
    ]
    container = ContainerContentItem(SLICE.coded(), relationship_type=CONTAINS)
    container.ContentSequence = ContentSequence(items)
    return container


def remove_header_texts(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a slice without what headers may have said in their own words."""
    acquisitions = {
        name: {key: value for key, value in document[name].items() if key not in NAMED_BY_OTHERS}
        for name in ("acquisition", "input_acquisition")
        if document[name] is not None
    }
    return dict(document) | acquisitions | {"flags": [], "findings": []}


def make_text_item(concept: Any, value: Any) -> TextContentItem:
    """A text that a program reads as JSON."""
    return TextContentItem(concept.coded(), json.dumps(value), relationship_type=CONTAINS)


def make_image_item(concept: Any, image: Dataset) -> ImageContentItem:
    """A reference to an image or a segmentation as a whole."""
    return ImageContentItem(concept.coded(), image.SOPClassUID, image.SOPInstanceUID, relationship_type=CONTAINS)


def make_places(contours: Contours, series: PerfusionSeries, frame_of_reference: str) -> list[Scoord3DContentItem]:
    """Insertion points and box, LPS mm."""
    points = ((ANTERIOR_POINT, contours.anterior_rv_ras_mm), (INFERIOR_POINT, contours.inferior_rv_ras_mm))
    items = [
        place(concept, GraphicTypeValues3D.POINT, point[None], frame_of_reference)
        for concept, point in points
        if point is not None
    ]
    row0, column0, row1, column1 = contours.box_px
    corners = [(row0, column0), (row0, column1), (row1, column1), (row1, column0), (row0, column0)]
    box = series.ras_from_pixels(np.array(corners))
    return [*items, place(BOX, GraphicTypeValues3D.POLYGON, box, frame_of_reference)]


def place(
    concept: Any, kind: GraphicTypeValues3D, points_ras_mm: np.ndarray, frame_of_reference: str
) -> Scoord3DContentItem:
    """Points in the patient's coordinates."""
    return Scoord3DContentItem(
        concept.coded(), kind, points_ras_mm @ RAS_TO_LPS.T, frame_of_reference, relationship_type=CONTAINS
    )
