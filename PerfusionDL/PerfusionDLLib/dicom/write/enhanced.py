"""One multi-frame Enhanced MR image per scan, its frames' times and places in functional groups (DICOM PS3.3 A.36)."""

from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage

from ...data.study import Condition, PerfusionSeries, Scan
from ..header_parts import (
    PROTON_MHZ_T,
    WEIGHT_KG,
    WrittenVisit,
    add_pixels,
    add_place,
    add_seconds,
    format_date,
    format_decimal,
    format_time,
    make_stable_uid,
    start_image,
)
from ..read.agents import molarity_mmol_ml
from .shots import PROTON_DENSITY_FLIP_DEG, Shot, list_shots

HEART = ("80891009", "SCT", "Heart")
INTRAVENOUS = ("47625008", "SCT", "Intravenous route")
AGENT_CODES = {  # PS3.16 CID 12
    "gadobutrol": ("407976008", "SCT", "Gadobutrol"),
    "gadoterate": ("712714000", "SCT", "Gadoterate meglumine"),
    "gadoteridol": ("353946009", "SCT", "Gadoteridol"),
    "gadopentetate": ("109216000", "SCT", "Gadopentetate dimeglumine"),
    "gadobenate": ("792865009", "SCT", "Gadobenate dimeglumine"),
    "gadodiamide": ("354088005", "SCT", "Gadodiamide"),
}
UNSPECIFIC_AGENT = ("768763008", "SCT", "Gadolinium")
GADOLINIUM = ("58281002", "SCT", "Gadolinium")
PROTOCOL = {Condition.REST: "SR TFE perfusion at rest", Condition.STRESS: "SR TFE perfusion, adenosine"}


def make_enhanced_image(
    scan: Scan, visit: WrittenVisit, begin: datetime, zero_s: float, number: int, suffix: str = ""
) -> Dataset:
    """All frames of all slices of a scan, heartbeat by heartbeat."""
    ordered = sorted(list_shots(scan, zero_s), key=lambda shot: (shot.frame_index, shot.slice_index))
    acquisition = ordered[0].series.acquisition
    image = start_image(visit, begin)
    image.SOPClassUID = EnhancedMRImageStorage
    image.SeriesNumber = image.AcquisitionNumber = number
    image.SeriesInstanceUID = make_stable_uid(visit.study_uid, "enhanced", "series", number)
    image.SOPInstanceUID = make_stable_uid(image.SeriesInstanceUID, 1)
    image.InstanceNumber = 1
    image.SeriesDescription = "Perfusion SAX" + suffix
    image.ProtocolName = PROTOCOL[scan.condition]
    image.Manufacturer, image.ManufacturerModelName = "PerfusionDL", "Digital phantom"
    image.DeviceSerialNumber, image.SoftwareVersions = "1", "1"
    image.ContentDate, image.ContentTime = format_date(begin), format_time(begin)
    image.AcquisitionDateTime = format_date(begin) + format_time(begin)
    image.AcquisitionDuration = ordered[-1].time_s + ordered[-1].interval_s
    image.ImageType = ["ORIGINAL", "PRIMARY", "PERFUSION", "NONE"]
    add_components(image)
    image.ContentQualification = "RESEARCH"
    image.ImageComments = "Digital phantom, no patient"
    image.BurnedInAnnotation = "NO"
    image.LossyImageCompression = "00"
    image.PresentationLUTShape = "IDENTITY"
    image.ResonantNucleus = "1H"
    image.KSpaceFiltering = "NONE"
    image.MagneticFieldStrength = acquisition.field_strength_t
    image.ApplicableSafetyStandardAgency = "IEC"
    image.AcquisitionContextSequence = Sequence()
    add_pulse_sequence(image)
    add_synchronization(image, ordered)
    add_contrast_modules(image, scan.slices[0])
    add_dimensions(image)
    slope = ordered[0].largest / 4095 if ordered[0].largest > 0 else 1.0
    image.SharedFunctionalGroupsSequence = [make_shared_groups(scan.slices[0], slope)]
    image.PerFrameFunctionalGroupsSequence = [make_frame_groups(shot, begin) for shot in ordered]
    image.NumberOfFrames = len(ordered)
    add_pixels(image, np.rint(np.stack([shot.signal for shot in ordered]) / slope), bits=12, signed=False)
    return image


def make_item(**values: object) -> Dataset:
    """A sequence item from keywords."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def make_code(value: str, scheme: str, meaning: str) -> Dataset:
    """A coded concept."""
    return make_item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def add_components(image: Dataset) -> None:
    """What kind of image it is, as the header and each frame type say."""
    image.PixelPresentation = "MONOCHROME"
    image.VolumetricProperties = "VOLUME"
    image.VolumeBasedCalculationTechnique = "NONE"
    image.ComplexImageComponent = "MAGNITUDE"
    image.AcquisitionContrast = "PERFUSION"


def add_pulse_sequence(image: Dataset) -> None:
    """Saturation-recovery spoiled gradient echo, Cartesian."""
    image.PulseSequenceName = "SR-TFE"
    image.MRAcquisitionType = "2D"
    image.EchoPulseSequence = "GRADIENT"
    image.MultiPlanarExcitation = "NO"
    image.PhaseContrast = "NO"
    image.TimeOfFlightContrast = "NO"
    image.SteadyStatePulseSequence = "NONE"
    image.EchoPlanarPulseSequence = "NO"
    image.SaturationRecovery = "YES"
    image.SpectrallySelectedSuppression = "NONE"
    image.OversamplingPhase = "NONE"
    image.GeometryOfKSpaceTraversal = "RECTILINEAR"
    image.SegmentedKSpaceTraversal = "SINGLE"
    image.RectilinearPhaseEncodeReordering = "LINEAR"
    image.NumberOfKSpaceTrajectories = 1


def add_synchronization(image: Dataset, ordered: list[Shot]) -> None:
    """One frame of each slice per heartbeat."""
    image.CardiacSynchronizationTechnique = "PROSPECTIVE"
    image.CardiacSignalSource = "ECG"
    image.CardiacRRIntervalSpecified = round(1000 * ordered[0].interval_s)
    image.CardiacBeatRejectionTechnique = "NONE"
    image.LowRRValue = image.HighRRValue = round(1000 * ordered[0].interval_s)
    image.IntervalsAcquired = ordered[0].frames
    image.IntervalsRejected = 0
    image.RespiratoryMotionCompensationTechnique = "NONE"


def add_contrast_modules(image: Dataset, series: PerfusionSeries) -> None:
    """The injected agent."""
    acquisition = series.acquisition
    molarity = molarity_mmol_ml(acquisition.contrast_agent)
    agent = make_code(*AGENT_CODES.get(acquisition.contrast_agent, UNSPECIFIC_AGENT))
    agent.ContrastBolusAgentNumber = 1
    agent.ContrastBolusAdministrationRouteSequence = [make_code(*INTRAVENOUS)]
    agent.ContrastBolusVolume = format_decimal(acquisition.dose_mmol_kg * WEIGHT_KG / molarity)
    agent.ContrastBolusIngredientCodeSequence = [make_code(*GADOLINIUM)]
    agent.ContrastBolusIngredientConcentration = 157.25 * molarity
    agent.ContrastBolusIngredientOpaque = "NO"
    image.ContrastBolusAgentSequence = [agent]


def add_dimensions(image: Dataset) -> None:
    """Frames are indexed by heartbeat, then by slice."""
    uid = make_stable_uid(image.SOPInstanceUID, "dimensions")
    image.DimensionOrganizationSequence = [make_item(DimensionOrganizationUID=uid)]
    image.DimensionIndexSequence = [
        make_item(
            DimensionOrganizationUID=uid,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=(0x0020, 0x9111),
            DimensionDescriptionLabel=label,
        )
        for pointer, label in (((0x0020, 0x9128), "heartbeat"), ((0x0020, 0x9057), "slice"))
    ]


def make_shared_groups(series: PerfusionSeries, slope: float) -> Dataset:
    """What is the same for all frames."""
    acquisition = series.acquisition
    rows, columns = series.signal.shape[1:]
    frame_type = make_item(FrameType=["ORIGINAL", "PRIMARY", "PERFUSION", "NONE"])
    add_components(frame_type)
    lines = 2 * acquisition.pulses_to_center
    return make_item(
        FrameAnatomySequence=[make_item(FrameLaterality="U", AnatomicRegionSequence=[make_code(*HEART)])],
        PixelValueTransformationSequence=[
            make_item(RescaleIntercept="0", RescaleSlope=format_decimal(slope), RescaleType="US")
        ],
        FrameVOILUTSequence=[
            make_item(WindowCenter=format_decimal(2047.5 * slope), WindowWidth=format_decimal(4095 * slope))
        ],
        MRImageFrameTypeSequence=[frame_type],
        MRFOVGeometrySequence=[
            make_item(
                InPlanePhaseEncodingDirection="COLUMN",
                MRAcquisitionFrequencyEncodingSteps=columns,
                MRAcquisitionPhaseEncodingStepsInPlane=lines,
                MRAcquisitionPhaseEncodingStepsOutOfPlane=1,
                PercentSampling=format_decimal(100 * lines / rows),
                PercentPhaseFieldOfView="100",
            )
        ],
        MREchoSequence=[make_item(EffectiveEchoTime=acquisition.echo_time_s * 1000)],
        MRModifierSequence=[
            make_item(
                InversionRecovery="YES",
                InversionTimes=[acquisition.saturation_time_s * 1000],
                FlowCompensation="NONE",
                Spoiling="RF_AND_GRADIENT",
                T2Preparation="NO",
                SpectrallySelectedExcitation="NONE",
                SpatialPresaturation="NONE",
                PartialFourier="NO",
                ParallelAcquisition="NO",
            )
        ],
        MRImagingModifierSequence=[
            make_item(
                MagnetizationTransfer="NONE",
                BloodSignalNulling="NO",
                Tagging="NONE",
                TransmitterFrequency=acquisition.field_strength_t * PROTON_MHZ_T,
                PixelBandwidth="1000",
            )
        ],
        MRReceiveCoilSequence=[
            make_item(
                ReceiveCoilName="CARDIAC",
                ReceiveCoilManufacturerName="",
                ReceiveCoilType="MULTICOIL",
                QuadratureReceiveCoil="NO",
                MultiCoilDefinitionSequence=[make_item(MultiCoilElementName="1", MultiCoilElementUsed="YES")],
            )
        ],
        MRTransmitCoilSequence=[
            make_item(TransmitCoilName="BODY", TransmitCoilManufacturerName="", TransmitCoilType="BODY")
        ],
        MRAveragesSequence=[make_item(NumberOfAverages=1.0)],
        ContrastBolusUsageSequence=[
            make_item(
                ContrastBolusAgentNumber=1, ContrastBolusAgentAdministered="YES", ContrastBolusAgentDetected="YES"
            )
        ],
    )


def make_frame_groups(shot: Shot, begin: datetime) -> Dataset:
    """When and where one frame was acquired."""
    moment = add_seconds(begin, shot.time_s)
    acquisition = shot.series.acquisition
    measures = Dataset()
    position, orientation = add_place(measures, shot.series)
    flip_deg = PROTON_DENSITY_FLIP_DEG if shot.is_proton_density else acquisition.flip_angle_deg
    stamp = format_date(moment) + format_time(moment)
    return make_item(
        FrameContentSequence=[
            make_item(
                FrameAcquisitionNumber=shot.frame_index + 1,
                FrameReferenceDateTime=stamp,
                FrameAcquisitionDateTime=stamp,
                FrameAcquisitionDuration=2000 * acquisition.pulses_to_center * acquisition.repetition_time_s,
                TemporalPositionIndex=shot.frame_index + 1,
                StackID="1",
                InStackPositionNumber=shot.slice_index + 1,
                DimensionIndexValues=[shot.frame_index + 1, shot.slice_index + 1],
            )
        ],
        PixelMeasuresSequence=[measures],
        PlanePositionSequence=[make_item(ImagePositionPatient=position)],
        PlaneOrientationSequence=[make_item(ImageOrientationPatient=orientation)],
        CardiacSynchronizationSequence=[
            make_item(
                NominalCardiacTriggerDelayTime=1000 * shot.delay_s,
                ActualCardiacTriggerDelayTime=1000 * shot.delay_s,
                RRIntervalTimeNominal=1000 * shot.interval_s,
            )
        ],
        MRTimingAndRelatedParametersSequence=[
            make_item(
                RepetitionTime=format_decimal(acquisition.repetition_time_s * 1000),
                FlipAngle=format_decimal(flip_deg),
                EchoTrainLength=1,
                RFEchoTrainLength=0,
                GradientEchoTrainLength=1,
                OperatingModeSequence=[
                    make_item(OperatingModeType=kind, OperatingMode="IEC_NORMAL")
                    for kind in ("STATIC FIELD", "RF", "GRADIENT")
                ],
                GradientOutputType="DB_DT",
                GradientOutput=0.0,
                SpecificAbsorptionRateSequence=[
                    make_item(SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=0.1)
                ],
            )
        ],
    )
