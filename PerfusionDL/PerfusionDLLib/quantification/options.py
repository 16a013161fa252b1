"""What a user chooses that the numbers depend on: one value for command line, cohort, panel and agreement."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..data.flow import ArterialInput, FlowModel
from ..data.study import Condition
from .thresholds import Threshold


@dataclass(frozen=True, kw_only=True)
class Options:
    """How flow is computed and reported.

    model : how the residue function is constrained
    arterial_inputs : curves to use instead of those measured in the images
    dose_ratio : dose of the main bolus over that of a pre-bolus, None where it is not known
    rate_pressure_product : heart rate times systolic pressure at rest, mmHg/min, None where it is not known
    thresholds : values below which a region is flagged
    """

    model: FlowModel = FlowModel.AVERAGED
    arterial_inputs: Mapping[Condition, ArterialInput] = field(default_factory=dict)
    dose_ratio: float | None = None
    rate_pressure_product: float | None = None
    thresholds: tuple[Threshold, ...] = ()


DEFAULT = Options()
