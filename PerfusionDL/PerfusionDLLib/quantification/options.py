"""What a user chooses that the numbers depend on: one value for command line, cohort, panel and agreement."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

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


def options_document(options: Options) -> dict[str, Any]:
    """Options as JSON holds them; floats keep every bit.

    Examples
    --------
    >>> options_from(options_document(Options(dose_ratio=10.0))) == Options(dose_ratio=10.0)
    True
    """
    return {
        "model": str(options.model),
        "arterial_inputs": {
            str(condition): {
                "times_s": [float(time) for time in curve.times_s],
                "concentration_mmol_l": [None if np.isnan(c) else float(c) for c in curve.concentration_mmol_l],
                "source": curve.source,
            }
            for condition, curve in options.arterial_inputs.items()
        },
        "dose_ratio": options.dose_ratio,
        "rate_pressure_product": options.rate_pressure_product,
        "thresholds": [asdict(threshold) for threshold in options.thresholds],
    }


def options_from(document: Mapping[str, Any]) -> Options:
    """The options that `options_document` wrote."""
    from ..aif.landmarks import arterial_input  # here: it opens SciPy, which takes longer than reading options

    return Options(
        model=FlowModel(document["model"]),
        arterial_inputs={
            Condition(condition): arterial_input(
                np.array(curve["times_s"], dtype=float),
                np.array(curve["concentration_mmol_l"], dtype=float),
                source=curve["source"],
            )
            for condition, curve in document["arterial_inputs"].items()
        },
        dose_ratio=document["dose_ratio"],
        rate_pressure_product=document["rate_pressure_product"],
        thresholds=tuple(Threshold(**threshold) for threshold in document["thresholds"]),
    )
