"""Our own DICOM objects in files: which files they are, what their headers say, and the labels they hold."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ..data.contours import Label
from ..data.errors import PerfusionError
from .concepts import MANUFACTURER
from .read.archive import identify
from .read.files import find_files
from .read.headers import DAMAGED, tolerate_broken_rules

LABEL_OF_CODES = {
    ("49848007", "80891009"): Label.MYOCARDIUM,
    ("87612001", "87878005"): Label.BLOOD_POOL,
    ("87612001", "53085002"): Label.RV_BLOOD_POOL,
}
"""SNOMED CT codes of type and region of a segment, as `export.codes.LABEL_CODES` writes them."""
MOST_BYTES = 1 << 26
"""Of one object; chosen: twenty times the largest one seen."""
HEADER = ("Modality", "Manufacturer", "SeriesDescription", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@tolerate_broken_rules()
def split_results(sources: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """The files in some folders that are no results of ours, such as the images, and those that are.

    Raises PerfusionError where a folder cannot be read.
    """
    files = sorted({path for source in sources for path in find_files(Path(source))}, key=lambda path: path.as_posix())
    ours = {path for path in files if _is_ours(path)}
    return [path for path in files if path not in ours], [path for path in files if path in ours]


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


def read_own_header(path: Path) -> tuple[Path, Dataset] | None:
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


def read_own_object(path: Path) -> Dataset | None:
    """One of our own objects with all it holds; None where it is damaged."""
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
