"""What the written objects are called, when they were made, and what gives the same results the same names."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from ... import __version__
from ...data.identity import digest
from ...data.preprocessed import PreprocessedSlice
from ...data.result import StudyResult
from ..concepts import MANUFACTURER
from ..header_parts import format_date, format_time, make_stable_uid
from ..versions import FIRST_SERIES

BOX_STEP = 1e3
"""Pixels of a box that count as one unit where it is rounded, so that 1e-3 pixels are what is told apart."""

Names = Callable[..., dict[str, Any]]


def make_names(study_uid: str, result: StudyResult) -> Names:
    """A function that gives unique identifiers, numbers and equipment of an object, as highdicom calls them.

    It is called with the number of the series, the kind of the object, its place and its number in the series.
    """
    same = digest_results(result)

    def names(number: int, kind: str, place: str = "", instance: int = 1) -> dict[str, Any]:
        return {
            "series_instance_uid": make_stable_uid(study_uid, same, number, kind),
            "series_number": FIRST_SERIES + number,
            "sop_instance_uid": make_stable_uid(study_uid, same, number, kind, place, instance),
            "instance_number": instance,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": MANUFACTURER,
            "software_versions": __version__,
            "device_serial_number": "0",
        }

    return names


def digest_results(result: StudyResult) -> str:
    """A digest of the results: the same results have the same unique identifiers."""
    hasher = hashlib.sha256()
    for scan, flow in zip(result.scans, result.maps, strict=True):
        hasher.update(f"{scan.condition} {json.dumps(dict(flow.provenance), sort_keys=True, default=str)}".encode())
        for part, slice_maps in zip(scan.slices, flow.slices, strict=True):
            for array in (part.contours.labels, slice_maps.mbf_ml_min_g, slice_maps.segments):
                hasher.update(np.ascontiguousarray(array).tobytes())
            hasher.update(str(part.contours.origin).encode())
            hasher.update(digest_corrections(part).encode())
    hasher.update(json.dumps(asdict(result.table), sort_keys=True, default=str).encode())
    return hasher.hexdigest()


def digest_corrections(part: PreprocessedSlice) -> str:
    """A digest of what a reader may correct without any effect on the numbers."""
    return digest(part.contours.peak_frame, np.array(part.contours.box_px) / BOX_STEP, rounded=True)


def set_dimensions(made: Dataset) -> None:
    """Name the dimensions of a multi-frame object after the object, where the library draws a random name."""
    uid = make_stable_uid(made.SOPInstanceUID, "dimensions")
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in made.get(keyword) or ():
            item.DimensionOrganizationUID = uid


def set_moment(made: Dataset, moment: datetime) -> None:
    """When the object was made, in every attribute that says so."""
    for keyword in ("ContentDate", "SeriesDate", "InstanceCreationDate", "AcquisitionDate"):
        if keyword in made or keyword == "ContentDate":
            setattr(made, keyword, format_date(moment))
    for keyword in ("ContentTime", "SeriesTime", "InstanceCreationTime", "AcquisitionTime"):
        if keyword in made or keyword == "ContentTime":
            setattr(made, keyword, format_time(moment))
    for equipment in made.get("ContributingEquipmentSequence") or ():
        if "highdicom" in str(equipment.get("ManufacturerModelName", "")).lower():
            equipment.ContributionDateTime = format_date(moment) + format_time(moment)
    if "AcquisitionDateTime" in made or made.Modality == "DOC":
        made.AcquisitionDateTime = format_date(moment) + format_time(moment)
