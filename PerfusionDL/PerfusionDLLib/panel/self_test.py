"""What the self test of the module does with a phantom: its contours into the scene, its flow against the table."""

import numpy as np
import slicer

from .. import mrml
from ..data.study import Condition
from ..session.preparation import manualTask
from ..session.tasks import Flow


def correctPhantom(logic) -> tuple[float, float]:
    """Mean errors of the stress flow of a phantom, mL/min/g: with contours four columns beside the truth, and in it."""
    from .. import phantom

    patient = phantom.simulate_study(0)
    parameters = logic.getParameterNode()
    stress = next(scan for scan in patient.study.scans if scan.condition is Condition.STRESS)
    nodes = mrml.writeScan(slicer.mrmlScene, stress)
    parameters.stressScan = nodes.browser
    manualTask(slicer.mrmlScene, nodes.slices).run()
    truth = patient.truth[Condition.STRESS]
    drawTruth(nodes, truth, shift=4)
    wrong = meanError(logic.flowTask(parameters).run(), truth)
    drawTruth(nodes, truth, shift=0)
    return wrong, meanError(logic.flowTask(parameters).run(), truth)


def drawTruth(nodes: mrml.ScanNodes, truth, *, shift: int) -> None:
    """Put the phantom's contours into the scene, shifted by some columns."""
    for part, where in zip(nodes.slices, truth, strict=True):
        labels = where.labels if shift == 0 else np.roll(where.labels, shift, axis=1)
        mrml.writeLabels(part.contours, part.originalVolume, labels)
        series = mrml.readSeries(part)
        for index, point in enumerate((where.anterior_rv_px, where.inferior_rv_px)):
            part.rvInsertionPoints.SetNthControlPointPositionWorld(index, *series.ras_from_pixels(point))


def meanError(flow: Flow, truth) -> float:
    """Mean absolute error over the AHA segments, mL/min/g."""
    expected = {number: value for where in truth for number, value in where.segment_mbf_ml_min_g.items()}
    errors = [
        abs(row.stress.mbf_ml_min_g - expected[row.aha_segment])
        for row in flow.table.segments
        if row.aha_segment in expected
    ]
    return float(np.nanmean(errors))
