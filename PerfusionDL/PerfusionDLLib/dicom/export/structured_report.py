"""The segment table as a DICOM Structured Report (TID 1500), a measurement group per region and condition."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from highdicom import sr
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ...data.flag import codes_of
from ...data.study import Condition
from ...data.table import RegionFlow, SegmentRow, SegmentTable
from ..concepts import MANUFACTURER, group_name
from ..header_parts import make_stable_uid
from .codes import (
    CARDIAC_MRI,
    FINDING,
    MEAN,
    MYOCARDIUM,
    QUANTITIES,
    RESERVE,
    SEGMENT_SITES,
    TERRITORY_SITES,
    make_own_concept,
)


@dataclass(frozen=True)
class Region:
    """Where the pixels of an AHA segment are drawn under one condition."""

    segmentation: Dataset
    number: int


def make_segment_report(
    evidence: Sequence[Dataset],
    table: SegmentTable,
    regions: Mapping[tuple[Condition, int], Region],
    content: Dataset,
    names: Mapping[str, Any],
) -> sr.Comprehensive3DSR:
    """The table as measurements; a value that is NaN is left out.

    evidence : every object that is referred to; regions : by condition and AHA segment
    content : what the measurements were made from (`make_preprocessing_content`)
    names : unique identifiers, numbers and equipment of the new object, as highdicom calls them
    """
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=make_stable_uid(MANUFACTURER),
        name=MANUFACTURER,
        manufacturer_name=MANUFACTURER,
        model_name=str(names["software_versions"]),
    )
    observer = sr.ObserverContext(observer_type=codes.DCM.Device, observer_identifying_attributes=device)
    algorithm = sr.AlgorithmIdentification(
        MANUFACTURER,
        str(names["software_versions"]),
        parameters=[f"{key}: {one}" for key, one in table.provenance.flat().items()],
    )
    rows = (*table.segments, *table.territories, table.whole)
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=CARDIAC_MRI,
        imaging_measurements=[group for row in rows for group in make_groups(row, regions, algorithm, names)],
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=None,
    )
    report[0].ContentSequence.append(content)
    described = {key: one for key, one in names.items() if key not in ("software_versions", "device_serial_number")}
    described["manufacturer"] = MANUFACTURER
    described.pop("manufacturer_model_name", None)
    return sr.Comprehensive3DSR(evidence=list(evidence), content=report[0], is_complete=True, **described)


def make_groups(
    row: SegmentRow,
    regions: Mapping[tuple[Condition, int], Region],
    algorithm: sr.AlgorithmIdentification,
    names: Mapping[str, Any],
) -> Iterator[sr.MeasurementsAndQualitativeEvaluations | sr.VolumetricROIMeasurementsAndQualitativeEvaluations]:
    """The measurement groups of one row: rest, stress, reserve."""
    for condition, flow in ((Condition.REST, row.rest), (Condition.STRESS, row.stress)):
        measured = make_measurements(flow, QUANTITIES)
        if not measured:
            continue
        common = (
            describe_region(row, condition, algorithm, names)
            | {"measurements": measured}
            | make_findings(row, condition)
        )
        region = regions.get((condition, row.aha_segment)) if row.aha_segment else None
        if region is None:
            yield sr.MeasurementsAndQualitativeEvaluations(**common)
        else:
            segment = sr.ReferencedSegment.from_segmentation(region.segmentation, region.number)
            yield sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **common)
    if not math.isnan(row.mpr):
        reserve = make_measurements(row, RESERVE)
        common = describe_region(row, None, algorithm, names) | {"measurements": reserve} | make_findings(row)
        yield sr.MeasurementsAndQualitativeEvaluations(**common)


def make_measurements(
    row: RegionFlow | SegmentRow, quantities: Mapping[str, tuple[CodedConcept, CodedConcept]]
) -> list[sr.Measurement]:
    """The values of a region that are numbers."""
    found = []
    for name, (concept, unit) in quantities.items():
        value = float(getattr(row, name))
        if math.isfinite(value):
            derivation = MEAN if name == "mbf_ml_min_g" else None
            found.append(sr.Measurement(concept, value, unit, derivation=derivation))
    return found


def make_findings(row: SegmentRow, condition: Condition | None = None) -> dict[str, list[sr.QualitativeEvaluation]]:
    """What to check about the numbers of a group, by its code; without a condition, of both scans."""
    concerned = codes_of(row.flags_of(condition))
    found = [
        sr.QualitativeEvaluation(FINDING, make_own_concept(str(code), str(code).replace("_", " ")))
        for code in concerned
    ]
    return {"qualitative_evaluations": found} if found else {}


def describe_region(
    row: SegmentRow, condition: Condition | None, algorithm: sr.AlgorithmIdentification, names: Mapping[str, Any]
) -> dict[str, Any]:
    """What every group says: which region, under which condition."""
    site = SEGMENT_SITES.get(row.aha_segment or 0) or TERRITORY_SITES.get(row.territory) or MYOCARDIUM
    identifier = group_name(row.name, condition)
    context = {} if condition is None else {"time_point_context": sr.TimePointContext(time_point=str(condition))}
    return context | {
        "tracking_identifier": sr.TrackingIdentifier(
            uid=make_stable_uid(names["sop_instance_uid"], identifier), identifier=identifier
        ),
        "algorithm_id": algorithm,
        "finding_type": MYOCARDIUM,
        "finding_sites": [sr.FindingSite(site)],
    }
