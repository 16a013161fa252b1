"""Contours as DICOM Segmentations and flow as Parametric Maps, one object per slice."""

from collections.abc import Mapping
from typing import Any

import highdicom as hd
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from ...data.contours import Contours, Label, Origin, Part
from ...data.flow import SliceMaps
from ...data.preprocessed import PreprocessedSlice
from ...data.study import PerfusionSeries
from ..concepts import MANUFACTURER
from ..header_parts import RAS_TO_LPS
from .codes import BLOOD_FLOW, FLOW_UNIT, HEART, LABEL_CODES, LEARNED, PERFUSION_ANALYSIS, PROCESSED, SEGMENT_SITES

LABEL_NAMES = {
    Label.MYOCARDIUM: "Myocardium",
    Label.BLOOD_POOL: "LV blood pool",
    Label.RV_BLOOD_POOL: "RV blood pool",
}
COLORS = {Label.MYOCARDIUM: (216, 101, 79), Label.BLOOD_POOL: (220, 60, 60), Label.RV_BLOOD_POOL: (0, 151, 206)}
ALGORITHM_TYPES = {Origin.AUTOMATIC: "AUTOMATIC", Origin.EDITED: "SEMIAUTOMATIC", Origin.MANUAL: "MANUAL"}
LONGEST_LABEL = 64


def describe_plane(series: PerfusionSeries) -> dict[str, Any]:
    """Where the pixels of a slice lie, for highdicom."""
    lps = RAS_TO_LPS @ series.ijk_to_ras[:3]
    axes = lps[:, :2] / np.linalg.norm(lps[:, :2], axis=0)
    thickness_mm = float(np.linalg.norm(lps[:, 2]))
    return {
        "pixel_measures": hd.PixelMeasuresSequence(series.spacing_mm, thickness_mm, thickness_mm),
        "plane_orientation": hd.PlaneOrientationSequence("PATIENT", [round(one, 10) for one in axes.T.ravel()]),
        "plane_positions": [hd.PlanePositionSequence("PATIENT", [round(one, 6) for one in lps[:, 3]])],
    }


def describe_algorithm(provenance: Mapping[str, str], version: str) -> hd.AlgorithmIdentificationSequence:
    """The chain that found the contours."""
    parameters = {key: str(value) for key, value in provenance.items()}
    return hd.AlgorithmIdentificationSequence(MANUFACTURER, LEARNED, version, parameters=parameters or None)


def make_contour_segmentation(
    source: Dataset,
    contours: Contours,
    series: PerfusionSeries,
    provenance: Mapping[str, str],
    names: Mapping[str, Any],
    content_label: str = "CONTOURS",
) -> Segmentation:
    """Myocardium and blood pools of one slice, in the pose of its reference frame.

    names : unique identifiers, numbers and equipment of the new object, as highdicom calls them
    """
    origin = contours.origins.get(Part.LABELS, contours.origin)
    present = [label for label in LABEL_CODES if np.any(contours.labels == label)]
    masks = np.stack([contours.labels == label for label in present], axis=-1)[None]
    descriptions = [
        describe(number, LABEL_NAMES[label], *LABEL_CODES[label], origin, provenance, names, COLORS[label])
        for number, label in enumerate(present, start=1)
    ]
    return make_segmentation(source, series, masks, descriptions, names, content_label)


def make_segment_segmentation(
    source: Dataset,
    part: PreprocessedSlice,
    maps: SliceMaps,
    provenance: Mapping[str, str],
    names: Mapping[str, Any],
) -> tuple[Segmentation, dict[int, int]]:
    """AHA segments of one slice, and the DICOM segment number of each."""
    present = [int(number) for number in np.unique(maps.segments) if number]
    masks = np.stack([maps.segments == number for number in present], axis=-1)[None]
    category, _, region = LABEL_CODES[Label.MYOCARDIUM]
    descriptions = [
        describe(
            number,
            SEGMENT_SITES[aha].meaning,
            category,
            SEGMENT_SITES[aha],
            region,
            maps.origin,
            provenance,
            names,
            tuple(int(255 * share) for share in choose_hue(aha)),
        )
        for number, aha in enumerate(present, start=1)
    ]
    made = make_segmentation(source, part.series, masks, descriptions, names, "AHA_SEGMENTS")
    return made, {aha: number for number, aha in enumerate(present, start=1)}


def choose_hue(number: int) -> tuple[float, float, float]:
    """A color for each AHA segment, neighbors well apart."""
    angle = 2 * np.pi * (number * 0.382 + np.array([0, 1 / 3, 2 / 3]))
    red, green, blue = 0.55 + 0.4 * np.cos(angle)
    return float(red), float(green), float(blue)


def describe(
    number: int,
    label: str,
    category: Code | hd.sr.CodedConcept,
    kind: Code | hd.sr.CodedConcept,
    region: Code | hd.sr.CodedConcept,
    origin: Origin,
    provenance: Mapping[str, str],
    names: Mapping[str, Any],
    color: tuple[int, ...],
) -> SegmentDescription:
    """What one segment is and who drew it."""
    drawn = origin is Origin.MANUAL
    return SegmentDescription(
        number,
        label[:LONGEST_LABEL],
        category,
        kind,
        ALGORITHM_TYPES[origin],
        algorithm_identification=None if drawn else describe_algorithm(provenance, names["software_versions"]),
        tracking_uid=f"{names['sop_instance_uid']}.{number}",
        tracking_id=label[:LONGEST_LABEL],
        anatomic_regions=[region],
        display_color=hd.color.CIELabColor.from_rgb(*color),
    )


def make_segmentation(
    source: Dataset,
    series: PerfusionSeries,
    masks: np.ndarray,
    descriptions: list[SegmentDescription],
    names: Mapping[str, Any],
    content_label: str,
) -> Segmentation:
    """A binary segmentation of one slice; masks (1, Y, X, segment) bool."""
    return Segmentation(
        [source],
        masks.astype(np.uint8),
        "BINARY",
        descriptions,
        content_label=content_label,
        omit_empty_frames=False,
        **describe_plane(series),
        **names,
    )


def make_flow_map(
    source: Dataset,
    part: PreprocessedSlice,
    maps: SliceMaps,
    provenance: Mapping[str, str],
    names: Mapping[str, Any],
) -> hd.pm.ParametricMap:
    """MBF of one slice in mL/min/g, NaN where it was not fitted."""
    values = maps.mbf_ml_min_g.astype(np.float32)
    largest = float(np.nanmax(values)) if np.isfinite(values).any() else 1.0
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="MBF",
        lut_explanation="Myocardial blood flow"[:LONGEST_LABEL],
        unit=FLOW_UNIT,
        value_range=(0.0, max(largest, 1.0)),
        slope=1.0,
        intercept=0.0,
        quantity_definition=BLOOD_FLOW,
    )
    model = provenance.get("flow_model", "")
    made = hd.pm.ParametricMap(
        [source],
        values[None],
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        window_center=2.0,
        window_width=4.0,
        content_label="MBF",
        content_description=f"Myocardial blood flow, {model or 'unnamed'} model"[:LONGEST_LABEL],
        **describe_plane(part.series),
        **names,
    )
    made.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [describe_anatomy()]
    made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence = [describe_derivation(source)]
    return made


def make_coded_item(concept: Code) -> Dataset:
    """A concept as a sequence item."""
    return hd.sr.CodedConcept(concept.value, concept.scheme_designator, concept.meaning)


def describe_anatomy() -> Dataset:
    """That the heart is shown."""
    anatomy = Dataset()
    anatomy.FrameLaterality = "U"
    anatomy.AnatomicRegionSequence = [make_coded_item(HEART)]
    return anatomy


def describe_derivation(source: Dataset) -> Dataset:
    """Which image the map lies on and how it was made."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = source.SOPClassUID
    reference.ReferencedSOPInstanceUID = source.SOPInstanceUID
    reference.PurposeOfReferenceCodeSequence = [make_coded_item(PROCESSED)]
    made = Dataset()
    made.DerivationCodeSequence = [make_coded_item(PERFUSION_ANALYSIS)]
    made.SourceImageSequence = [reference]
    return made
