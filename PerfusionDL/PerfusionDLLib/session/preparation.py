"""Contours of slices: found by networks, or prepared to be drawn by hand."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer

from .. import motion
from ..data.box import Box
from ..data.contours import Contours, Origin, Part
from ..data.errors import PerfusionError
from ..data.preprocessed import PreprocessedSlice, Progress
from ..data.study import PerfusionSeries
from ..mrml.hierarchy import placeScan
from ..mrml.nodes import ScanNodes, SliceNodes, attribute
from ..mrml.reading import readContours, readSeries
from ..mrml.writing import slicePieces
from .tasks import Task

if TYPE_CHECKING:
    from ..networks import Networks

STEPS_OF_A_SLICE = 5
"""How often `preprocess_slice` reports."""


def contoursTask(
    scene: slicer.vtkMRMLScene, slices: Sequence[SliceNodes], loadNetworks: Callable[[], "Networks"]
) -> Task:
    """Find the contours of some slices.

    A peak frame or a box that the user set is kept, and the frames that were left out stay so; everything else is found
    anew. A slice that shows no
    left ventricle does not stop the others. Apply returns the slices that now have contours, and raises PerfusionError
    for one that has none.
    """
    jobs = [(nodes, readSeries(nodes), _given(nodes)) for nodes in slices]
    names = {nodes.key: _nameOf(nodes) for nodes in slices}
    leftOut = {nodes.key: frozenset(attribute(nodes.contours, "excluded_frames") or ()) for nodes in slices}

    def compute(progress: Progress) -> list[tuple[SliceNodes, PreprocessedSlice | PerfusionError]]:
        from ..app.parallel import compute_in_parallel, count_cores, one_thread
        from ..preprocessing import preprocess_slice

        progress("loading networks")
        networks = loadNetworks()

        def find(
            nodes: SliceNodes, series: PerfusionSeries, given: Mapping[str, Any]
        ) -> tuple[SliceNodes, PreprocessedSlice | PerfusionError]:
            def report(step: str) -> None:
                progress(f"{names[nodes.key]}: {step}")

            try:
                part = preprocess_slice(series, networks, **given, progress=report)
            except PerfusionError as error:
                return nodes, error
            return nodes, replace(part, excluded_frames=leftOut[nodes.key])

        with one_thread():
            found = compute_in_parallel([partial(find, *job) for job in jobs], count_cores())
        return _settled(found)

    return Task("Find contours", compute, lambda found: _write(scene, found), 1 + STEPS_OF_A_SLICE * len(jobs))


def _nameOf(nodes: SliceNodes) -> str:
    """Scan and slice, e.g. ``stress basal``: two slices of a study have the same level."""
    return f"{ScanNodes(nodes.browser).condition} {nodes.name}"


def _settled(
    found: Sequence[tuple[SliceNodes, PreprocessedSlice | PerfusionError]],
) -> list[tuple[SliceNodes, PreprocessedSlice | PerfusionError]]:
    """The same, insertion points of the slices of each scan beside each other."""
    from ..preprocessing import settle_insertion_points

    settled = list(found)
    for browser in dict.fromkeys(nodes.browser for nodes, _ in found):
        own = [
            (number, nodes, part)
            for number, (nodes, part) in enumerate(found)
            if nodes.browser is browser and isinstance(part, PreprocessedSlice)
        ]
        for (number, nodes, _), part in zip(own, settle_insertion_points([part for *_, part in own]), strict=True):
            settled[number] = nodes, part
    return settled


def manualTask(scene: slicer.vtkMRMLScene, slices: Sequence[SliceNodes]) -> Task:
    """Prepare slices for drawing by hand, without networks: one pose for all frames, and empty contours.

    Apply returns the slices.
    """
    jobs = [(nodes, _nameOf(nodes), readSeries(nodes)) for nodes in slices]

    def compute(progress: Progress) -> list[tuple[SliceNodes, PreprocessedSlice]]:
        prepared = []
        for nodes, name, series in jobs:
            progress(f"{name}: motion compensation")
            prepared.append((nodes, _undrawn(series)))
        return prepared

    return Task("Prepare for drawing", compute, lambda prepared: _write(scene, prepared), len(jobs))


def _undrawn(series: PerfusionSeries) -> PreprocessedSlice:
    """A slice in one pose with contours that are still to be drawn."""
    enhanced = int(np.argmax(np.percentile(series.signal, 99, axis=(1, 2))))
    rows, columns = series.signal.shape[1:]
    contours = Contours(
        peak_frame=enhanced,
        reference_frame=enhanced,
        box_px=Box(0.25 * rows, 0.25 * columns, 0.75 * rows, 0.75 * columns),
        labels=np.zeros((rows, columns), np.uint8),
        origins=dict.fromkeys(Part, Origin.MANUAL),
    )
    moved = motion.compensate(series.signal, spacing_mm=series.spacing_mm, reference_frame=enhanced)
    return PreprocessedSlice(series=series, motion=moved, contours=contours)


def _write(
    scene: slicer.vtkMRMLScene, found: Sequence[tuple[SliceNodes, PreprocessedSlice | PerfusionError]]
) -> Generator[None, None, tuple[SliceNodes, ...]]:
    written = []
    for nodes, part in found:
        if ScanNodes(nodes.browser).inScene and isinstance(part, PreprocessedSlice):
            yield from slicePieces(scene, nodes, part)
            placeScan(scene, ScanNodes(nodes.browser))
            written.append(nodes)
            yield
    for _, error in found:
        if isinstance(error, PerfusionError):
            raise error
    return tuple(written)


def _given(nodes: SliceNodes) -> Mapping[str, Any]:
    """What the user set upstream of the contours."""
    if not nodes.hasContours:
        return {}
    contours = readContours(nodes, readSeries(nodes))
    given: dict[str, Any] = {}
    if contours.origins.get(Part.PEAK_FRAME) is Origin.EDITED:
        given["peak_frame"] = contours.peak_frame
    if contours.origins.get(Part.BOX) is Origin.EDITED:
        given["box_px"] = contours.box_px
    return given
