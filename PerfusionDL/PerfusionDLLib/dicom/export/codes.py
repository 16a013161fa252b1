"""Coded concepts of the exported objects: where, what and in which unit (SNOMED CT, DICOM PS3.16, UCUM)."""

from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from ...data.contours import Label
from ..concepts import PRIVATE_SCHEME

SEGMENT_SITES = {  # PS3.16 CID 3717, numbered as Cerqueira et al. do
    1: codes.SCT.LeftVentricleBasalAnteriorSegment,
    2: codes.SCT.LeftVentricleBasalAnteroseptalSegment,
    3: codes.SCT.LeftVentricleBasalInferoseptalSegment,
    4: codes.SCT.LeftVentricleBasalInferiorSegment,
    5: codes.SCT.LeftVentricleBasalInferolateralSegment,
    6: codes.SCT.LeftVentricleBasalAnterolateralSegment,
    7: codes.SCT.LeftVentricleMidAnteriorSegment,
    8: codes.SCT.LeftVentricleMidAnteroseptalSegment,
    9: codes.SCT.LeftVentricleMidInferoseptalSegment,
    10: codes.SCT.LeftVentricleMidInferiorSegment,
    11: codes.SCT.LeftVentricleMidInferolateralSegment,
    12: codes.SCT.LeftVentricleMidAnterolateralSegment,
    13: codes.SCT.LeftVentricleApicalAnteriorSegment,
    14: codes.SCT.LeftVentricleApicalSeptalSegment,
    15: codes.SCT.LeftVentricleApicalInferiorSegment,
    16: codes.SCT.LeftVentricleApicalLateralSegment,
}
TERRITORY_SITES = {
    "LAD": codes.SCT.LeftAnteriorDescendingCoronaryArtery,
    "RCA": codes.SCT.RightCoronaryArtery,
    "LCX": codes.SCT.CircumflexCoronaryArtery,
}
MYOCARDIUM = codes.SCT.LeftVentricleMyocardium
ANATOMY, TISSUE = codes.SCT.AnatomicalStructure, codes.SCT.Tissue
LABEL_CODES = {  # category, type, region
    Label.MYOCARDIUM: (ANATOMY, MYOCARDIUM, codes.SCT.Heart),
    Label.BLOOD_POOL: (TISSUE, CodedConcept("87612001", "SCT", "Blood"), codes.SCT.LeftVentricle),
    Label.RV_BLOOD_POOL: (TISSUE, CodedConcept("87612001", "SCT", "Blood"), codes.SCT.RightVentricle),
}
BLOOD_FLOW = codes.DCM.AbsoluteRegionalBloodFlow
FLOW_UNIT = CodedConcept("mL/min/g", "UCUM", "milliliter per minute per gram")
RATIO_UNIT = CodedConcept("1", "UCUM", "no units")
MEAN = codes.SCT.Mean
CARDIAC_MRI = codes.SCT.CardiacMRI
LEARNED = codes.DCM.ArtificialIntelligence
HEART = codes.SCT.Heart
PERFUSION_ANALYSIS = codes.DCM.PerfusionImageAnalysis
PROCESSED = codes.DCM.SourceImageForImageProcessingOperation


def make_own_concept(value: str, meaning: str) -> CodedConcept:
    """A concept that no public scheme names."""
    return CodedConcept(value, PRIVATE_SCHEME, meaning)


FINDING = make_own_concept("FINDING", "Finding on the measurements")
QUANTITIES = {  # attributes of RegionFlow: concept, unit
    "mbf_ml_min_g": (BLOOD_FLOW, FLOW_UNIT),
    "mbf_low_ml_min_g": (
        make_own_concept("MBF_LOW", "Lower bound of the 95 % interval of myocardial blood flow"),
        FLOW_UNIT,
    ),
    "mbf_high_ml_min_g": (
        make_own_concept("MBF_HIGH", "Upper bound of the 95 % interval of myocardial blood flow"),
        FLOW_UNIT,
    ),
    "curve_mbf_ml_min_g": (make_own_concept("MBF_CURVE", "Myocardial blood flow of the mean curve"), FLOW_UNIT),
    "endo_ml_min_g": (make_own_concept("MBF_ENDO", "Subendocardial blood flow"), FLOW_UNIT),
    "epi_ml_min_g": (make_own_concept("MBF_EPI", "Subepicardial blood flow"), FLOW_UNIT),
    "endo_epi_ratio": (make_own_concept("ENDO_EPI", "Ratio of subendocardial to subepicardial blood flow"), RATIO_UNIT),
    "endo_low_ml_min_g": (
        make_own_concept("MBF_ENDO_LOW", "Subendocardial blood flow, 95 % interval, lower bound"),
        FLOW_UNIT,
    ),
    "endo_high_ml_min_g": (
        make_own_concept("MBF_ENDO_HIGH", "Subendocardial blood flow, 95 % interval, upper bound"),
        FLOW_UNIT,
    ),
    "epi_low_ml_min_g": (
        make_own_concept("MBF_EPI_LOW", "Subepicardial blood flow, 95 % interval, lower bound"),
        FLOW_UNIT,
    ),
    "epi_high_ml_min_g": (
        make_own_concept("MBF_EPI_HIGH", "Subepicardial blood flow, 95 % interval, upper bound"),
        FLOW_UNIT,
    ),
    "endo_epi_ratio_low": (
        make_own_concept("ENDO_EPI_LOW", "Endo- to epicardial flow, 95 % interval, lower bound"),
        RATIO_UNIT,
    ),
    "endo_epi_ratio_high": (
        make_own_concept("ENDO_EPI_HIGH", "Endo- to epicardial flow, 95 % interval, upper bound"),
        RATIO_UNIT,
    ),
    "failed_share": (make_own_concept("FAILED", "Share of pixels without a trustworthy blood flow"), RATIO_UNIT),
}
RESERVE = {  # attributes of SegmentRow: concept, unit
    "mpr": (make_own_concept("MPR", "Myocardial perfusion reserve"), RATIO_UNIT),
    "mpr_low": (
        make_own_concept("MPR_LOW", "Lower bound of the 95 % interval of myocardial perfusion reserve"),
        RATIO_UNIT,
    ),
    "mpr_high": (
        make_own_concept("MPR_HIGH", "Upper bound of the 95 % interval of myocardial perfusion reserve"),
        RATIO_UNIT,
    ),
}
