"""What the user chose, as it is saved with the scene."""

from typing import Annotated

from slicer import vtkMRMLSequenceBrowserNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from .. import mrml
from ..data.flow import FlowModel
from ..quantification.thresholds import ThresholdPreset
from .in_step import StepBy


@parameterNodeWrapper
class PerfusionDLParameterNode:
    """What the user chose; saved with the scene.

    restScan, stressScan - sequence browsers of the two scans; one may be missing
    segmentTable - result; replaced by every computation
    flowModel - how the residue function is constrained
    updateAutomatically - whether results follow every correction
    showOriginal - the images as acquired, instead of those in one pose
    inStep, stepBy - whether rest and stress show frames that belong together, and which do
    mapOpacity - of the flow map over the images
    restRatePressureProduct - mmHg/min, 0 where it was not entered
    doseRatio - of the main bolus to the pre-bolus, 0 where it is not known
    thresholds - values below which a region is flagged
    comment - what the reader found, for the report
    """

    restScan: vtkMRMLSequenceBrowserNode
    stressScan: vtkMRMLSequenceBrowserNode
    segmentTable: vtkMRMLTableNode
    flowModel: FlowModel = FlowModel.AVERAGED
    updateAutomatically: bool = True
    showOriginal: bool = False
    inStep: bool = True
    stepBy: StepBy = StepBy.PEAK
    mapOpacity: Annotated[float, WithinRange(0, 1)] = mrml.MAP_OPACITY
    restRatePressureProduct: float = 0.0
    doseRatio: float = 0.0
    thresholds: ThresholdPreset = ThresholdPreset.NONE
    comment: str = ""
