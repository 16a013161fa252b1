"""The attributes that the reader looks at, and where an enhanced object says the same under another name."""

from pydicom.tag import BaseTag, Tag

WANTED = """
SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID
PatientName PatientID PatientWeight PatientSize Modality Manufacturer ManufacturerModelName
ImageType FrameType SeriesDescription ProtocolName SequenceName PulseSequenceName ImageComments
SeriesNumber InstanceNumber AcquisitionNumber AcquisitionDuration ConversionType
InterventionDrugName ContrastBolusAgent ContrastBolusVolume ContrastBolusTotalDose ContrastBolusAgentSequence
ContrastBolusIngredientConcentration
ConcatenationUID InConcatenationNumber InConcatenationTotalNumber
Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation
BitsAllocated BitsStored HighBit PixelRepresentation PixelPaddingValue
PixelSpacing NominalScannedPixelSpacing ReconstructionDiameter ImagePositionPatient ImageOrientationPatient
SliceThickness SliceLocation
RescaleSlope RescaleIntercept LossyImageCompression
StudyDate SeriesDate AcquisitionDate ContentDate SeriesTime AcquisitionTime ContentTime AcquisitionDateTime
FrameAcquisitionDateTime FrameReferenceDateTime FrameReferenceTime TriggerTime NominalCardiacTriggerDelayTime
TemporalPositionTimeOffset TimezoneOffsetFromUTC
TemporalPositionIdentifier TemporalPositionIndex NumberOfTemporalPositions TemporalResolution
CardiacNumberOfImages NominalInterval HeartRate RRIntervalTimeNominal LowRRValue HighRRValue
RepetitionTime EchoTime EffectiveEchoTime EchoNumbers FlipAngle InversionTime InversionTimes
ScanningSequence SteadyStatePulseSequence EchoPlanarPulseSequence GeometryOfKSpaceTraversal
RectilinearPhaseEncodeReordering EchoPulseSequence EchoTrainLength
NumberOfPhaseEncodingSteps MRAcquisitionPhaseEncodingStepsInPlane
AcquisitionMatrix ParallelReductionFactorInPlane MagneticFieldStrength ImagingFrequency TransmitterFrequency
ComplexImageComponent SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence
"""
TAG_OF: dict[str, BaseTag] = {keyword: Tag(keyword) for keyword in WANTED.split()}
CLASSIC_NAMES = {  # where an enhanced object says the same thing under another name
    "EffectiveEchoTime": "EchoTime",
    "InversionTimes": "InversionTime",
    "FrameType": "ImageType",
    "TemporalPositionIndex": "TemporalPositionIdentifier",
    "RRIntervalTimeNominal": "NominalInterval",
    "NominalCardiacTriggerDelayTime": "TriggerTime",
    "TransmitterFrequency": "ImagingFrequency",
    "MRAcquisitionPhaseEncodingStepsInPlane": "NumberOfPhaseEncodingSteps",
}
HOMES = {  # the functional group that holds an attribute (PS3.3 C.7.6.16); elsewhere it means something else
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "FrameAcquisitionDateTime": "FrameContentSequence",
    "FrameReferenceDateTime": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
}
