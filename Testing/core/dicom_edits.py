"""Edits of small phantom studies on disk, image by image."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset


def images(folder: Path):
    """Path and data set of every image, in the order of paths."""
    for path in sorted(folder.rglob("*.dcm")):
        yield path, pydicom.dcmread(path)


def each(folder: Path, change: Callable[[Dataset, Path], object]) -> None:
    """Apply a change to every image; one for which it returns False is removed."""
    for path, image in images(folder):
        if change(image, path) is False:
            path.unlink()
            continue
        with pydicom.config.disable_value_validation():
            image.save_as(path)


def beat_of(image: Dataset, slices: int = 3) -> int:
    """Heartbeat of an image of the Siemens writer, from 0."""
    return (int(image.InstanceNumber) - 1) // slices


def set_time(image: Dataset, moment: datetime, *keywords: str) -> None:
    """Write a time of day into attributes."""
    for keyword in keywords:
        setattr(image, keyword, moment.strftime("%H%M%S.%f"))


def begin_of(path: Path) -> datetime:
    """When the scan of a file began."""
    return datetime(2025, 1, 15, 10, 6 if "scan1" in str(path) else 16)


def put(image: Dataset, values: np.ndarray) -> None:
    """Replace the pixels, keeping their type."""
    image.PixelData = np.ascontiguousarray(values.astype(image.pixel_array.dtype)).tobytes()
    image["PixelData"].VR = "OW"


def rename(image: Dataset, *parts: object) -> None:
    """Give an image another identifier."""
    image.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=[*map(str, parts)])
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
