"""What the user knows beyond the images: an arterial input of their own, and choices that the numbers depend on."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import slicer

from ..aif.landmarks import arterial_input
from ..data.flow import ArterialInput
from ..mrml.nodes import ScanNodes, attribute, findTable, setAttribute
from ..quantification.thresholds import ThresholdPreset

_GIVEN, _CHOICES, _COMMENT = "given_arterial_input", "choices", "comment"


@dataclass(frozen=True)
class FlowChoices:
    """Kept on the segment table, so that a scene can be computed again without the panel.

    dose_ratio : dose of the main bolus over that of a pre-bolus, None where it is not known
    rate_pressure_product : at rest, mmHg/min, None where it was not entered
    thresholds : values below which a region is flagged
    """

    dose_ratio: float | None = None
    rate_pressure_product: float | None = None
    thresholds: ThresholdPreset = ThresholdPreset.NONE


NO_CHOICES = FlowChoices()


def rememberChoices(table: slicer.vtkMRMLTableNode, choices: FlowChoices) -> None:
    """Keep on the segment table what it was made with."""
    setAttribute(table, _CHOICES, asdict(choices))


def choicesOfScene(scene: slicer.vtkMRMLScene) -> FlowChoices:
    """The choices that the segment table in a scene was made with; none where there is no table."""
    kept = attribute(findTable(scene), _CHOICES)
    return FlowChoices(**kept | {"thresholds": ThresholdPreset(kept["thresholds"])}) if kept else NO_CHOICES


def giveArterialInput(nodes: ScanNodes, curve: ArterialInput | None) -> None:
    """Use a curve of the user for a scan, or with None the one measured in the images again."""
    kept = None
    if curve is not None:
        kept = {
            "times_s": [float(time) for time in curve.times_s],
            "concentration_mmol_l": [None if np.isnan(c) else float(c) for c in curve.concentration_mmol_l],
            "source": curve.source,
        }
    setAttribute(nodes.browser, _GIVEN, kept)


def givenArterialInput(nodes: ScanNodes) -> ArterialInput | None:
    """The curve that the user gave for a scan, None where it is measured in the images."""
    kept = attribute(nodes.browser, _GIVEN)
    if kept is None:
        return None
    values = (np.array(kept[name], dtype=float) for name in ("times_s", "concentration_mmol_l"))
    return arterial_input(*values, source=kept["source"])


def hasPrebolus(nodes: ScanNodes) -> bool:
    """Whether the arterial input of a scan can be measured in a pre-bolus."""
    return bool(attribute(nodes.inputSeries, "prebolus"))


def keepComment(scans: Sequence[ScanNodes], comment: str) -> None:
    """Keep what the reader wrote about a study while another one is on show."""
    for nodes in scans:
        setAttribute(nodes.browser, _COMMENT, comment)


def keptComment(scans: Sequence[ScanNodes]) -> str:
    """What the reader wrote about a study before another one was on show; empty where they wrote nothing."""
    return next((kept for nodes in scans if (kept := attribute(nodes.browser, _COMMENT))), "")
